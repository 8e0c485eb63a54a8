"""Observations that are vectors: whatever holds them as rows, checked."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np

from pystan_mix.checks import check_choice
from pystan_mix.containers import MARGINALISE, Missing, as_numbers, check_magnitudes
from pystan_mix.errors import DataError
from pystan_mix.mixtures.annotations.labels import checked_labels
from pystan_mix.mixtures.annotations.times import check_total, checked_times
from pystan_mix.mixtures.observations import Observations, indexed
from pystan_mix.mixtures.vectors.incomplete import observed_values
from pystan_mix.numerics import FloatArray


def as_vectors(y: object) -> tuple[FloatArray, tuple[str, ...]]:
    """Return what holds vectors as an array with a row for each.

    Parameters
    ----------
    y : object
        A table, a mapping of columns, or an array or a list of rows.

    Returns
    -------
    tuple of ndarray, shape (N, D), and tuple of str
        The numbers, NaN where one is missing; and the columns' names, if they
        have some.

    Raises
    ------
    DataError
        If it has another shape, or holds something else.

    Examples
    --------
    >>> as_vectors({"a": [1, 2], "b": [3, None]})
    (array([[ 1.,  3.],
           [ 2., nan]]), ('a', 'b'))
    """
    if y is None:
        as_numbers(y)  # which says what to give
    table: Any = y
    names: Any = list(y) if isinstance(y, Mapping) else getattr(y, "column_names", None)
    if names is None:
        names = getattr(y, "columns", None)
    if names is not None and not callable(names):
        return _columns([table[name] for name in names]), tuple(map(str, names))
    if isinstance(y, np.ma.MaskedArray):
        return _columns([y[:, d] for d in range(_width(y))]), ()
    try:
        values = np.asarray(y)
        # NumPy makes words of the numbers that stand beside words in a list
        values = np.asarray(y, dtype=object) if values.dtype.kind == "U" else values
    except MemoryError:
        raise
    except Exception:  # an object's library raises what it likes, and its remedy is known there
        as_numbers(y)
        raise
    return _columns([values[:, d] for d in range(_width(values))]), ()


def _width(values: Any) -> int:
    """Return the number of coordinates of an array of rows."""
    if values.ndim != 2 or values.shape[1] == 0:
        raise DataError(
            "Vectors stand in rows: y has a row for each observation and a column for each "
            f"coordinate. Its shape is {values.shape}."
        )
    return int(values.shape[1])


def _columns(columns: Sequence[object]) -> FloatArray:
    """Return columns side by side."""
    read = []
    for position, column in enumerate(columns):
        try:
            read.append(as_numbers(column))
        except DataError as error:
            raise DataError(f"Coordinate {position + 1}: {error}") from error
    sizes = {each.size for each in read}
    if len(sizes) != 1:
        raise DataError(f"The columns have {sorted(sizes)} values: give columns of one length.")
    return np.stack(read, axis=1)


def checked_vectors(
    y: object,
    *,
    counts: object = None,
    weights: object = None,
    labels: object = None,
    n_components: int = 1,
    missing: Missing = "raise",
) -> Observations:
    """Return observations that are vectors, or say what is wrong with them.

    Parameters
    ----------
    y : object, shape (N, D)
        As in `as_vectors`.
    counts : array_like of int, shape (N,), optional
        How often each occurs, 0 or more.
    weights : array_like, shape (N,), optional
        The weight of each, 0 or more.
    labels : array_like of int, shape (N,), optional
        The component that each is known to be of, from 0, or -1.
    n_components : int, default 1
        Number of components that they are meant for.
    missing : {"raise", "drop", "marginalise"}, default "raise"
        Whether vectors with a missing coordinate are refused, left out, or taken by
        the coordinates that they have: then those without any are left out.

    Returns
    -------
    Observations
        The same values, as floats, NaN where a coordinate is missing, without those of
        count or weight 0.

    Raises
    ------
    DataError
        If they are not two different vectors of finite numbers or more, if a
        coordinate does not vary or is observed once at most, if there are fewer than
        components, or if counts, weights or labels are not as they should be.
    SettingsError
        If `missing` is none of its words.

    Examples
    --------
    >>> checked_vectors([[1, 2], [3, 5], [None, 4]], missing="drop").y
    array([[1., 2.],
           [3., 5.]])
    >>> found = checked_vectors([[1, 2], [3, 5], [None, 4], [None, None]], missing="marginalise")
    >>> len(found.y), found.incomplete, found.dropped
    (3, 1, 1)
    """
    check_choice("missing", missing, choices=get_args(Missing))
    values, names = as_vectors(y)
    gaps = np.isnan(values)
    lacking = gaps.all(axis=1) if missing == MARGINALISE else gaps.any(axis=1)
    there = np.asarray(~lacking, dtype=np.bool_)
    dropped = int((~there).sum())
    if dropped and missing == "raise":
        first = int(np.flatnonzero(~there)[0])
        raise DataError(
            f"{dropped} of {len(values)} observations {'have' if dropped > 1 else 'has'} a missing "
            f'coordinate, the first at row {first}. Leave them out with missing="drop", or take '
            'what they have, the rest integrated out, with missing="marginalise".'
        )
    if dropped == len(values) > 0:
        which = "any coordinate" if missing == MARGINALISE else "all coordinates"
        raise DataError(
            f"None of the {dropped} observations has {which}. Check that the right columns were "
            "read."
        )
    times = checked_times(counts, weights, there=there)
    own = checked_labels(labels, there=there, n_components=n_components)
    if times is not None:
        there &= times > 0
        times = times[there]
    values = values[there]
    for d in range(values.shape[1]):
        _check_coordinate(
            observed_values(values[:, d]), names[d] if names else f"coordinate {d + 1}"
        )
    own = None if own is None or (own[there] < 0).all() else own[there]
    found = dataclasses.replace(indexed(values, times, own), dropped=dropped, names=names)
    if times is not None:
        check_total(found.count)
    different = len(found.distinct if own is None else indexed(values).distinct)
    if different < n_components:
        raise DataError(
            f"There are {different} different vectors for {n_components} components. "
            f"Use at most {different} components, or more observations."
        )
    return found


def _check_coordinate(values: FloatArray, name: str) -> None:
    """Refuse a coordinate that is out of range or does not vary."""
    try:
        check_magnitudes(values)
    except DataError as error:
        raise DataError(f"{name}: {error}") from error
    if values.size < 2:
        raise DataError(f"At least two observations are needed; there are {values.size} of {name}.")
    if np.ptp(values) == 0.0 or values.std() == 0.0:
        raise DataError(
            f"{name} is {values[0]:g} in all {values.size} observations: what does not vary has no "
            "mixture in it. Leave the column out."
        )


def check_vector_points(y: object, *, dims: int) -> FloatArray:
    """Return points as an array, or say what is wrong with them.

    Parameters
    ----------
    y : object, shape (N, D)
        As in `as_vectors`.
    dims : int
        Number of coordinates D that they should have.

    Returns
    -------
    ndarray, shape (N, D)
        The same values, as floats, NaN where a coordinate is missing.

    Raises
    ------
    DataError
        If they are infinite, or have another number of coordinates.
    """
    values, _ = as_vectors(y)
    if values.shape[1] != dims:
        raise DataError(
            f"The points have {values.shape[1]} coordinates, and the fit's observations {dims}. "
            "Give the same columns, in the same order."
        )
    check_magnitudes(observed_values(values.ravel()))
    return values
