"""Observations: checked, made distinct and indexed once, before anything is done with them."""

import dataclasses
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from pystan_mix.checks import check_choice
from pystan_mix.containers import Missing, as_numbers
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
    y : ndarray, shape (N,), or of vectors (N, D)
        The observations, in their own order; empty where only the prior is meant.
    distinct : ndarray, shape (M,) or (M, D)
        The different values, increasing.
    count : ndarray of int, shape (M,)
        How often each occurs.
    index : ndarray of int, shape (N,)
        The position of each observation among the distinct ones.
    dropped : int
        How many missing values, or vectors with one, were left out of them.
    names : tuple of str
        The names of coordinates, where a table has them.
    """

    y: FloatArray
    distinct: FloatArray
    count: NDArray[np.intp]
    index: NDArray[np.intp]
    dropped: int = 0
    names: tuple[str, ...] = ()


def indexed(y: FloatArray) -> Observations:
    """Return observations with their distinct values.

    Examples
    --------
    >>> found = indexed(np.array([2.0, 1.0, 2.0]))
    >>> found.distinct, found.count
    (array([1., 2.]), array([1, 2]))
    """
    axis = None if y.ndim == 1 else 0
    distinct, index, count = np.unique(y, return_inverse=True, return_counts=True, axis=axis)
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


def checked_observations(
    y: object, *, n_components: int = 1, missing: Missing = "raise"
) -> Observations:
    """Return observations, or say what is wrong with them.

    Parameters
    ----------
    y : array_like, shape (N,)
        Observations: numbers in any unit.
    n_components : int, default 1
        Number of components that they are meant for.
    missing : {"raise", "drop"}, default "raise"
        Whether missing values are refused or left out.

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
    SettingsError
        If `missing` is neither of its words.

    Examples
    --------
    >>> checked_observations([1, 2, 4]).y
    array([1., 2., 4.])
    >>> checked_observations([1, None, 4], missing="drop").y
    array([1., 4.])
    """
    check_choice("missing", missing, choices=get_args(Missing))
    values = as_numbers(y)
    there = ~np.isnan(values)
    dropped = int(values.size - there.sum())
    if dropped and missing == "raise":
        first = int(np.flatnonzero(~there)[0])
        raise DataError(
            f"{dropped} of {values.size} observations {'are' if dropped > 1 else 'is'} missing or "
            f'NaN, the first at position {first}. Leave them out with missing="drop".'
        )
    check_magnitudes(np.where(there, values, 0.0))
    values = values[there] if dropped else values
    if values.size < 2:
        beside = f" beside {dropped} missing" if dropped else ""
        raise DataError(f"At least two observations are needed; there are {values.size}{beside}.")
    found = dataclasses.replace(indexed(values), dropped=dropped)
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
    values = as_numbers(y)
    check_magnitudes(values)
    return values


def check_magnitudes(values: FloatArray) -> None:
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
