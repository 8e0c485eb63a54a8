"""Labels: the components that some observations are known to be of, checked."""

import numpy as np
from numpy.typing import NDArray

from pystan_mix.containers import as_numbers
from pystan_mix.errors import DataError
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.assignment import assigned

UNKNOWN = -1


def checked_labels(
    labels: object, *, there: NDArray[np.bool_], n_components: int
) -> NDArray[np.intp] | None:
    """Return labels, or say what is wrong with them.

    Parameters
    ----------
    labels : array_like of int, shape (N,), or None
        Components from 0, or -1 where it is not known.
    there : ndarray of bool, shape (N,)
        Which rows have an observation; labels of missing ones count for nothing.
    n_components : int
        Number of components K.

    Returns
    -------
    ndarray of int, shape (N,), or None
        The same; None where there are none.

    Raises
    ------
    DataError
        If there is another number of them, or one is no whole number from -1 to
        K - 1.

    Examples
    --------
    >>> checked_labels([1, -1], there=np.array([True, True]), n_components=2)
    array([ 1, -1])
    """
    if labels is None:
        return None
    try:
        values = as_numbers(labels)
    except DataError as error:
        raise DataError(f"labels: {error}") from None
    if values.size != there.size:
        raise DataError(
            f"There are {values.size} labels for {there.size} observations. Give one for each, "
            f"{UNKNOWN} where it is not known."
        )
    values = np.where(there, values, UNKNOWN)
    bad = ~np.isin(values, np.arange(UNKNOWN, n_components))
    if bad.any():
        position = int(np.argmax(bad))
        raise DataError(
            f"{int(bad.sum())} of {values.size} labels name no component; the first is "
            f"{values[position]:g} at position {position}. Labels of {n_components} components are "
            f"whole numbers from 0 to {n_components - 1}, and {UNKNOWN} where it is not known."
        )
    return values.astype(np.intp)


def likeliest_names(
    terms: FloatArray, label: NDArray[np.intp], unnamed: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return which of some components has each name.

    Those that labels name are, together, the likeliest for the observations that
    have these; the others keep their order.

    Parameters
    ----------
    terms : ndarray, shape (K, D)
        The log likelihood of each observation under each component.
    label : ndarray of int, shape (D,)
        The names, or -1.
    unnamed : ndarray of int
        The names that no label has.

    Returns
    -------
    ndarray of int, shape (K,)
        The component of each name.
    """
    scores = np.array([terms[:, label == k].sum(axis=1) for k in range(len(terms))])
    (places,), _ = assigned(scores[None])
    places[unnamed] = np.sort(places[unnamed])
    return np.asarray(places)
