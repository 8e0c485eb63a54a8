"""Observations: checked, made distinct and indexed once, before anything is done with them."""

import dataclasses
import functools
import math
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from pystan_mix.checks import check_choice
from pystan_mix.containers import Missing, as_numbers, check_counts, check_magnitudes
from pystan_mix.errors import DataError
from pystan_mix.mixtures.annotations.labels import checked_labels
from pystan_mix.mixtures.annotations.times import Times, check_total, checked_times, is_weighted
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.grid import grid_step
from pystan_mix.stats.quantiles import quantiles_of_counted, quantiles_of_weighted

# of the data's standard deviation: the least scale where values do not repeat on a grid
PART_OF_SPREAD = 1e-3


@dataclasses.dataclass(frozen=True)
class Observations:
    """Observations as they came, and the distinct ones that Stan is sent.

    Their moments and quantiles are those of all observations, also where a row
    stands for many: nothing is as long as these.

    Parameters
    ----------
    y : ndarray, shape (N,), or of vectors (N, D)
        The observations, in their own order; empty where only the prior is meant.
    distinct : ndarray, shape (M,) or (M, D)
        The different values, increasing; of labelled observations the different
        pairs of value and label.
    count : ndarray of int, shape (M,)
        How often each occurs.
    index : ndarray of int, shape (N,)
        The position of each observation among the distinct ones.
    dropped : int
        How many missing values, or vectors with one, were left out of them.
    times : ndarray of int or float, shape (N,), optional
        How many observations each row stands for, whole numbers, or its
        weight, real ones; by default one each. Of numbers alone.
    label : ndarray of int, shape (M,), optional
        The component that each of the distinct ones is known to be of, from 0, and
        -1 where it is not; by default none is known. Of numbers alone.
    names : tuple of str
        The names of coordinates, where a table has them.
    """

    y: FloatArray
    distinct: FloatArray
    count: Times
    index: NDArray[np.intp]
    dropped: int = 0
    times: Times | None = None
    label: NDArray[np.intp] | None = None
    names: tuple[str, ...] = ()

    @functools.cached_property
    def named(self) -> NDArray[np.intp]:
        """The components that labels name, increasing."""
        if self.label is None:
            return np.zeros(0, dtype=np.intp)
        return np.unique(self.label[self.label >= 0])

    @property
    def are_weighted(self) -> bool:
        """Whether rows have real weights, which count no observations."""
        return is_weighted(self.count)

    @property
    def size(self) -> float:
        """The number of observations, or the sum of their weights."""
        return len(self.y) if self.times is None else self.times.sum().item()

    @functools.cached_property
    def mean(self) -> float:
        """The mean of all observations that are numbers."""
        if self.times is None:
            return float(self.y.mean())
        return float(self.count @ self.distinct / self.size)

    @functools.cached_property
    def std(self) -> float:
        """The standard deviation of numbers, the root of the mean square about the mean."""
        if self.times is None:
            return float(self.y.std())
        return math.sqrt(self.count @ (self.distinct - self.mean) ** 2 / self.size)

    def points(self, at_most: int, *, are_counts: bool = False) -> FloatArray:
        """Return evenly spaced quantiles, no more than there are observations.

        Where observations are counts the points are some of them.
        """
        size = at_most if self.are_weighted else min(int(self.size), at_most)
        at = (np.arange(size) + 0.5) / size
        if are_counts:
            return quantiles_of_weighted(self.distinct, self.count, at)
        return self.quantiles(at)

    def quantiles(self, at: FloatArray) -> FloatArray:
        """Return quantiles of all observations, at probabilities of shape (P,)."""
        if self.times is None:
            return np.asarray(np.quantile(self.y, at), dtype=np.float64)
        found = quantiles_of_weighted if self.are_weighted else quantiles_of_counted
        return found(self.distinct, self.count, at)


def indexed(
    y: FloatArray, times: Times | None = None, labels: NDArray[np.intp] | None = None
) -> Observations:
    """Return observations with their distinct values.

    Parameters
    ----------
    y : ndarray, shape (N,)
        Observations.
    times : ndarray of int or float, shape (N,), optional
        How many each row stands for, above zero, or its weight.
    labels : ndarray of int, shape (N,), optional
        The component that each is known to be of, or -1.

    Returns
    -------
    Observations
        The same, equal values put together, of one label.

    Examples
    --------
    >>> found = indexed(np.array([2.0, 1.0, 2.0]))
    >>> found.distinct, found.count
    (array([1., 2.]), array([1, 2]))
    >>> indexed(np.array([2.0, 1.0, 2.0]), np.array([5, 1, 5])).count
    array([ 1, 10])
    """
    label = None
    if labels is None:
        axis = None if y.ndim == 1 else 0
        distinct, index, count = np.unique(y, return_inverse=True, return_counts=True, axis=axis)
    else:
        pairs, index, count = np.unique(
            np.column_stack([y, labels]), axis=0, return_inverse=True, return_counts=True
        )
        distinct, label = pairs[:, 0].copy(), pairs[:, 1].astype(np.intp)
    index = index.reshape(-1)
    if times is not None:
        count = np.zeros(distinct.size, dtype=times.dtype)
        np.add.at(count, index, times)
    return Observations(y=y, distinct=distinct, count=count, index=index, times=times, label=label)


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
    values = observed.distinct if observed.label is None else np.unique(observed.distinct)
    repeated = (observed.count > 1).any() or values.size < observed.distinct.size
    step = grid_step(values) if repeated else None
    return PART_OF_SPREAD * observed.std if step is None else 0.5 * step


def checked_observations(
    y: object,
    *,
    counts: object = None,
    weights: object = None,
    labels: object = None,
    n_components: int = 1,
    missing: Missing = "raise",
    are_counts: bool = False,
) -> Observations:
    """Return observations, or say what is wrong with them.

    Parameters
    ----------
    y : array_like, shape (N,)
        Observations: numbers in any unit, or counts.
    counts : array_like of int, shape (N,), optional
        How often each occurs, 0 or more.
    weights : array_like, shape (N,), optional
        The weight of each, 0 or more.
    labels : array_like of int, shape (N,), optional
        The component that each is known to be of, from 0, or -1.
    n_components : int, default 1
        Number of components that they are meant for.
    missing : {"raise", "drop"}, default "raise"
        Whether missing values are refused or left out.
    are_counts : bool, default False
        Whether the observations themselves are to be whole numbers, 0 or more.

    Returns
    -------
    Observations
        The same values, as floats, without those of count or weight 0.

    Raises
    ------
    DataError
        If they are not a one-dimensional sequence of at least two different
        finite numbers of magnitude up to 1e100, or of whole numbers from 0 to 2147483647
        where they are counts; if there are fewer different values than
        components; or if counts, weights or labels are not as they should be.
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
    if are_counts:
        check_counts(np.where(there, values, 0.0))
    times = checked_times(counts, weights, there=there)
    names = checked_labels(labels, there=there, n_components=n_components)
    if times is not None:
        there &= times > 0
        times = times[there]
    values = values[there]
    if values.size < 2:
        beside = f" beside {dropped} missing" if dropped else ""
        above = "" if times is None else f" with {'counts' if weights is None else 'weights'}"
        raise DataError(
            f"At least two observations{above and f'{above} above 0'} are needed; there are "
            f"{values.size}{beside}."
        )
    names = None if names is None or (names[there] < 0).all() else names[there]
    found = dataclasses.replace(indexed(values, times, names), dropped=dropped)
    if times is not None:
        check_total(found.count)
    distinct = np.unique(found.distinct).size
    if distinct == 1:
        raise DataError(
            f"All {values.size} observations are {values[0]:g}: a constant column has no mixture "
            "in it. Check that the right column was read."
        )
    if found.std == 0.0:
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
