"""Observations: checked, made distinct and indexed once, before anything is done with them."""

import dataclasses
import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pystan_mix.errors import DataError
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.grid import grid_step

# squares and sums of squares of what is larger leave the range of a double
LARGEST_MAGNITUDE = 1e100
# of the data's standard deviation: the least scale where values do not repeat on a grid
PART_OF_SPREAD = 1e-3


@dataclasses.dataclass(frozen=True)
class Observations:
    """Observations as they came, and the distinct ones that Stan is sent.

    Parameters
    ----------
    y : ndarray, shape (N,)
        The observations, in their own order; empty where only the prior is meant.
    distinct : ndarray, shape (D,)
        The different values, increasing.
    count : ndarray of int, shape (D,)
        How often each occurs.
    index : ndarray of int, shape (N,)
        The position of each observation among the distinct ones.
    """

    y: FloatArray
    distinct: FloatArray
    count: NDArray[np.intp]
    index: NDArray[np.intp]


def indexed(y: FloatArray) -> Observations:
    """Return observations with their distinct values.

    Examples
    --------
    >>> found = indexed(np.array([2.0, 1.0, 2.0]))
    >>> found.distinct, found.count
    (array([1., 2.]), array([1, 2]))
    """
    distinct, index, count = np.unique(y, return_inverse=True, return_counts=True)
    return Observations(y=y, distinct=distinct, count=count, index=index.reshape(-1))


def least_scale(observed: Observations) -> float:
    """Return the least scale of a component that observations can tell of.

    Half the step of the grid where values repeat on one: they were rounded, and
    where they lie within a step is not known. Otherwise a thousandth of their
    standard deviation.

    Without a floor, values that repeat leave the posterior improper: the
    likelihood of a component that shrinks onto a value that occurs m times
    grows as ``sigma**-m``, and its room shrinks as ``sigma`` only.

    Parameters
    ----------
    observed : Observations
        The observations; where there are none the least scale is zero.

    Returns
    -------
    float
        The scale.

    Examples
    --------
    >>> least_scale(indexed(np.array([1.0, 1.5, 1.5, 3.0, 3.5, 3.5])))
    0.25
    """
    if observed.y.size == 0:
        return 0.0
    step = grid_step(observed.distinct) if (observed.count > 1).any() else None
    return PART_OF_SPREAD * float(observed.y.std()) if step is None else 0.5 * step


def checked_observations(y: object, *, n_components: int = 1) -> Observations:
    """Return observations, or say what is wrong with them.

    Parameters
    ----------
    y : array_like, shape (N,)
        Observations: numbers in any unit.
    n_components : int, default 1
        Number of components that they are meant for.

    Returns
    -------
    Observations
        The same values, as floats.

    Raises
    ------
    DataError
        If they are not a one-dimensional sequence of at least two different
        finite numbers of magnitude up to 1e100, or if there are fewer
        different values than components.

    Examples
    --------
    >>> checked_observations([1, 2, 4]).y
    array([1., 2., 4.])
    """
    values = check_points(y)
    if values.size < 2:
        raise DataError(f"At least two observations are needed; there are {values.size}.")
    found = indexed(values)
    distinct = found.distinct.size
    if distinct == 1:
        raise DataError(
            f"All {values.size} observations are {values[0]:g}: a constant column has no mixture "
            "in it. Check that the right column was read."
        )
    if values.std() == 0.0:
        raise DataError(
            f"The observations, {values.min():g} to {values.max():g}, are so small that their "
            "squares vanish. Multiply the data by a constant."
        )
    if distinct < n_components:
        raise DataError(
            f"There are {distinct} different values for {n_components} components. "
            f"Use at most {distinct} components, or more observations."
        )
    return found


def check_points(y: object) -> FloatArray:
    """Return points as a float array, or say what is wrong with them.

    Parameters
    ----------
    y : array_like, shape (N,)
        Numbers.

    Returns
    -------
    ndarray, shape (N,)
        The same values, as floats.

    Raises
    ------
    DataError
        If they are not a one-dimensional sequence of finite numbers of
        magnitude up to 1e100.
    """
    values = _as_numbers(y)
    if values.ndim != 1:
        raise DataError(
            f"The observations must be one-dimensional; their shape is {values.shape}. "
            "Choose one column, or call .ravel() if all values belong to one sample."
        )
    _check_magnitudes(values)
    return values


def _as_numbers(y: object) -> FloatArray:
    """Return `y` as a float array; refuse what is not numbers."""
    if isinstance(y, np.ma.MaskedArray) and np.ma.is_masked(y):
        raise DataError(
            f"{int(np.ma.getmaskarray(y).sum())} observations are masked. "
            "Drop them first: y.compressed()"
        )
    if y is None:
        raise DataError(
            "There are no observations: y is None. Give a sequence of numbers; for the prior alone "
            "there is sample_prior(model)."
        )
    try:
        values = np.asarray(y)
    except MemoryError:
        raise
    except Exception as error:  # an object's library raises what it likes
        raise DataError(_how_to_convert(y, error)) from error
    if values.size and values.dtype.kind not in "iuf":
        position, example = _first_odd(y, values.ravel()[0])
        raise DataError(
            f"The observations must be numbers; they have type {values.dtype}, and "
            f"{example!r} at position {position}. Convert them first, for example with "
            "numpy.asarray(y, dtype=float)."
        )
    return np.asarray(values, dtype=np.float64)


def _how_to_convert(y: object, error: Exception) -> str:
    """Say why an object becomes no array, and which call makes it one."""
    kind = type(y).__name__
    if "inhomogeneous" in str(error):
        return (
            "The observations have parts of different lengths; pass one flat sequence of numbers."
        )
    if hasattr(y, "data_vars"):
        variable = _variable_of(y)
        remedy = f"Give one of its variables: y{variable}" if variable else "It has no variables"
        return f"The observations are an xarray {kind}, a collection of arrays. {remedy}."
    if isinstance(y, list | tuple):
        remedy = "[each.item() for each in y]"
    elif hasattr(y, "detach") or "detach()" in str(error):
        # in this order it serves gradients, any device, and numbers that numpy does not know
        remedy = "y.detach().cpu().double().numpy()"
    elif ".get()" in str(error):
        remedy = "y.get()"
    else:
        remedy = "y.tolist(), or whatever its library calls that"
    return (
        f"The observations are a {kind} that numpy cannot read (its library says: {error}). "
        f"Convert them first: {remedy}"
    )


def _variable_of(y: object) -> str:
    """Return how the first variable of an xarray collection is written; "" where it has none."""
    nodes: Iterable[Any] = getattr(y, "subtree", (y,))
    for node in nodes:
        for name, variable in node.data_vars.items():
            path = f"{getattr(node, 'path', '')}/{name}".lstrip("/")
            return f"[{path!r}]" if variable.ndim == 1 else f"[{path!r}].values.ravel()"
    return ""


def _first_odd(y: object, first: object) -> tuple[int, object]:
    """Return the first value that is not a real number, with its position; else the first one."""
    for position, value in enumerate(np.asarray(y, dtype=object).ravel()):
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            return position, value
    return 0, first


def _check_magnitudes(values: FloatArray) -> None:
    """Refuse NaN, infinities and magnitudes whose squares overflow."""
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise DataError(
            f"{bad.size} of {values.size} observations are not finite; the first is "
            f"{values[bad[0]]} at position {bad[0]}. Drop them first: y[numpy.isfinite(y)]"
        )
    large = np.flatnonzero(np.abs(values) > LARGEST_MAGNITUDE)
    if large.size:
        raise DataError(
            f"The observation at position {large[0]} is {values[large[0]]:g}, beyond "
            f"{LARGEST_MAGNITUDE:g}: its square overflows. Divide the data by a constant."
        )
