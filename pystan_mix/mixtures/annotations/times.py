"""How many observations a row of data stands for, or its weight: checked."""

import numpy as np
from numpy.typing import NDArray

from pystan_mix.containers import as_numbers
from pystan_mix.errors import DataError
from pystan_mix.numerics import FloatArray

# whole numbers of observations, or real weights
Times = NDArray[np.intp] | FloatArray

# a double holds every whole number up to there ...
_LARGEST_WHOLE = 2**53
# ... and an integer of Stan's
_LARGEST_OF_STAN = 2**31 - 1


def checked_times(counts: object, weights: object, *, there: NDArray[np.bool_]) -> Times | None:
    """Return counts or weights, or say what is wrong with them.

    Parameters
    ----------
    counts : array_like of int, shape (N,), or None
        How many observations each row stands for.
    weights : array_like, shape (N,), or None
        Real weights of the rows.
    there : ndarray of bool, shape (N,)
        Which rows have an observation; what stands beside a missing one counts for
        nothing.

    Returns
    -------
    ndarray of int or float, shape (N,), or None
        Whole numbers of counts, floats of weights; None where there are neither.

    Raises
    ------
    DataError
        If there are both, another number of them, or if one is missing, not
        finite, below zero or, of counts, no whole number, or none is above zero.

    Examples
    --------
    >>> checked_times([2, 0], None, there=np.array([True, True]))
    array([2, 0])
    """
    if counts is None and weights is None:
        return None
    if counts is not None and weights is not None:
        raise DataError(
            "There are counts and weights. Give one of them: counts of equal observations, or "
            "weights; for both weights=numpy.multiply(counts, weights)."
        )
    name = "weights" if counts is None else "counts"
    try:
        values = as_numbers(weights if counts is None else counts)
    except DataError as error:
        raise DataError(f"{name}: {error}") from None
    if values.size != there.size:
        raise DataError(
            f"There are {values.size} {name} for {there.size} observations. Give one for each."
        )
    values = np.where(there, values, 0.0)
    _refuse(name, values, ~np.isfinite(values), "Give 0 to leave the observation out.")
    _refuse(name, values, values < 0.0, "None may be below 0; 0 leaves the observation out.")
    if counts is not None:
        _refuse(
            name,
            values,
            (values != np.floor(values)) | (values > _LARGEST_WHOLE),
            "Counts are whole numbers; give real ones as weights= (--observation-weights).",
        )
    if not values.any():
        raise DataError(f"All {name} are 0: no observation is left. Check that they are {name}.")
    return values.astype(np.intp) if counts is not None else values


def is_weighted(times: Times) -> bool:
    """Return whether these are real weights, which count no observations."""
    return times.dtype.kind == "f"


def check_total(count: Times) -> None:
    """Refuse more equal observations than Stan counts, and weights without a finite sum."""
    if is_weighted(count):
        # what overflows is refused here
        with np.errstate(over="ignore"):
            total = count.sum()
        if not np.isfinite(total):
            raise DataError("The sum of the weights overflows. Divide them by a constant.")
    elif count.max() > _LARGEST_OF_STAN:
        raise DataError(
            f"A value occurs {count.max()} times, and Stan counts up to {_LARGEST_OF_STAN}. Give "
            "the counts as weights= (--observation-weights): the posterior is the same."
        )


def _refuse(name: str, values: FloatArray, bad: NDArray[np.bool_], remedy: str) -> None:
    """Refuse values, the first of which is named with its position."""
    if bad.any():
        position = int(np.argmax(bad))
        raise DataError(
            f"{int(bad.sum())} of {values.size} {name} cannot be used; the first is "
            f"{values[position]:g} at position {position}. {remedy}"
        )
