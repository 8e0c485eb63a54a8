"""Observations: made distinct and indexed once, before anything is done with them."""

import dataclasses
import functools
import math

import numpy as np
from numpy.typing import NDArray

from pystan_mix.mixtures.annotations.intervals import Interval
from pystan_mix.mixtures.annotations.times import Times, is_weighted
from pystan_mix.mixtures.vectors.incomplete import distinct_rows, incomplete_rows
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.grid import grid_step
from pystan_mix.stats.intervals.best_normal import best_normal, points_within
from pystan_mix.stats.quantiles import quantiles_of_counted, quantiles_of_weighted

# of the data's standard deviation: the least scale where values do not repeat on a grid
PART_OF_SPREAD = 1e-3
# of the probability of an interval: no point that stands for it lies nearer to a bound
_EDGE = 1e-6


@dataclasses.dataclass(frozen=True)
class Observations:
    """Observations as they came, and the distinct ones that Stan is sent.

    Their moments and quantiles are those of all observations, also where a row
    stands for many: nothing is as long as these.

    Parameters
    ----------
    y : ndarray, shape (N,), or of vectors (N, D)
        The observations, in their own order, of intervals their middles or finite
        bounds, NaN where a vector lacks a coordinate; empty where only the prior is meant.
    distinct : ndarray, shape (M,) or (M, D)
        The different values, increasing, of vectors those that lack nothing first; of
        labelled observations the different pairs of value and label, and of intervals the
        values of different bounds.
    count : ndarray of int, shape (M,)
        How often each occurs.
    index : ndarray of int, shape (N,)
        The position of each observation among the distinct ones.
    dropped : int
        How many missing values, or vectors with one or of nothing else, were left out.
    times : ndarray of int or float, shape (N,), optional
        How many observations each row stands for, whole numbers, or its
        weight, real ones; by default one each.
    label : ndarray of int, shape (M,), optional
        The component that each of the distinct ones is known to be of, from 0, and
        -1 where it is not; by default none is known.
    names : tuple of str
        The names of coordinates, where a table has them.
    bounds : Interval, of length M, optional
        The bounds of the distinct ones, equal where one is known exactly; by default
        all are. Of numbers alone.
    """

    y: FloatArray
    distinct: FloatArray
    count: Times
    index: NDArray[np.intp]
    dropped: int = 0
    times: Times | None = None
    label: NDArray[np.intp] | None = None
    names: tuple[str, ...] = ()
    bounds: Interval | None = None

    @property
    def given(self) -> FloatArray | Interval:
        """The distinct observations as they were given: what has a likelihood."""
        return self.distinct if self.bounds is None else self.bounds

    @property
    def incomplete(self) -> int:
        """How many of the observations are vectors that lack a coordinate."""
        return int(incomplete_rows(self.y).sum()) if self.y.ndim > 1 else 0

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

    @functools.cached_property
    def best_normal(self) -> tuple[float, float]:
        """Mean and standard deviation of the likeliest normal: these moments, but of intervals.

        Default priors are scaled to it: with half of the data censored, the points that
        stand for these are nearer to each other than the data are.
        """
        if self.bounds is None:
            return self.mean, self.std
        return best_normal(self.bounds.lower, self.bounds.upper, self.count)

    def points(self, at_most: int, *, are_counts: bool = False) -> FloatArray:
        """Return evenly spaced quantiles, no more than there are observations.

        Where observations are counts the points are some of them. Those in an interval
        are spread over it as the likeliest normal distribution is.
        """
        size = at_most if self.are_weighted else min(int(self.size), at_most)
        at = (np.arange(size) + 0.5) / size
        if self.bounds is not None:
            share = self.count / self.size
            ends = np.cumsum(share)
            row = np.minimum(np.searchsorted(ends, at, side="right"), ends.size - 1)
            part = 1.0 - np.clip((ends[row] - at) / share[row], _EDGE, 1.0 - _EDGE)
            some, (mean, std) = self.bounds.chosen(row), self.best_normal
            return np.sort(points_within(some.lower, some.upper, part, mean=mean, std=std))
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
    y: FloatArray | Interval,
    times: Times | None = None,
    labels: NDArray[np.intp] | None = None,
) -> Observations:
    """Return observations with their distinct values.

    Parameters
    ----------
    y : ndarray or Interval, shape (N,), or of vectors (N, D)
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
    label = bounds = None
    given, y = (None, y) if not isinstance(y, Interval) else (y if y.wide.any() else None, y.points)
    if y.ndim > 1:
        distinct, label, index, count = distinct_rows(y, labels)
    elif given is None and labels is None:
        distinct, index, count = np.unique(y, return_inverse=True, return_counts=True)
    else:
        columns = [] if given is None else [given.lower, given.upper]
        rows, index, count = np.unique(
            np.column_stack([y, *columns, *([] if labels is None else [labels])]),
            axis=0,
            return_inverse=True,
            return_counts=True,
        )
        distinct = rows[:, 0].copy()
        if given is not None:
            bounds = Interval(rows[:, 1].copy(), rows[:, 2].copy())
        if labels is not None:
            label = rows[:, -1].astype(np.intp)
    index = index.reshape(-1)
    if times is not None:
        count = np.zeros(len(distinct), dtype=times.dtype)
        np.add.at(count, index, times)
    return Observations(
        y=y,
        distinct=distinct,
        count=count,
        index=index,
        times=times,
        label=label,
        bounds=bounds,
    )


def least_scale(observed: Observations) -> float:
    """Return the least scale of a component that observations can tell of.

    Half the step of the grid where values repeat on one: they were rounded, and
    where they lie within a step is not known. Otherwise a thousandth of their
    standard deviation. Intervals, whose probabilities are at most one, have a
    thousandth of that of the likeliest normal, or what known values among them ask for.

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
    exact = np.ones(len(observed.distinct), dtype=np.bool_)
    if observed.bounds is not None:
        exact = ~observed.bounds.wide
    values = np.unique(observed.distinct[exact])
    repeated = (observed.count[exact] > 1).any() or values.size < exact.sum()
    step = grid_step(values) if repeated else None
    return PART_OF_SPREAD * observed.best_normal[1] if step is None else 0.5 * step
