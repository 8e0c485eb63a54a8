"""Vectors of which some coordinates are missing: what is left when these are integrated out.

A missing coordinate is NaN. Coordinates of a multivariate normal vector are multivariate
normal, with their own means, and their rows and columns of the covariance (Anderson, 2003,
"An introduction to multivariate statistical analysis", theorem 2.4.3): so the density of
what is observed is exact, whatever is missing at random (Little and Rubin, 2019,
"Statistical analysis with missing data", section 6.2).
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pystan_mix.mixtures.annotations.times import Times
from pystan_mix.numerics import FloatArray


@dataclasses.dataclass(frozen=True)
class Pattern:
    """Rows of which the same coordinates are observed.

    Parameters
    ----------
    at : ndarray of int, shape (d,)
        The coordinates that are observed, from 0, increasing; none where all are missing.
    rows : ndarray of int
        The rows, increasing.
    """

    at: NDArray[np.intp]
    rows: NDArray[np.intp]


def incomplete_rows(y: FloatArray) -> NDArray[np.bool_]:
    """Return which rows lack a coordinate.

    Parameters
    ----------
    y : ndarray, shape (N, D)
        Vectors, NaN where a coordinate is missing.

    Returns
    -------
    ndarray of bool, shape (N,)
        Which they are.

    Examples
    --------
    >>> incomplete_rows(np.array([[1.0, 2.0], [np.nan, 2.0]]))
    array([False,  True])
    """
    return np.asarray(np.isnan(y).any(axis=1))


def patterns_of(y: FloatArray) -> list[Pattern]:
    """Return rows by what is observed in them.

    Parameters
    ----------
    y : ndarray, shape (N, D)
        Vectors, NaN where a coordinate is missing.

    Returns
    -------
    list of Pattern
        Each once, that of rows that lack nothing first.

    Examples
    --------
    >>> y = np.array([[1.0, 2.0], [np.nan, 2.0], [3.0, 4.0]])
    >>> [(each.at.tolist(), each.rows.tolist()) for each in patterns_of(y)]
    [([0, 1], [0, 2]), ([1], [1])]
    """
    missing, index = np.unique(np.isnan(y), axis=0, return_inverse=True)
    index = index.reshape(-1)
    return [
        Pattern(np.flatnonzero(~each), np.flatnonzero(index == number))
        for number, each in enumerate(missing)
    ]


def distinct_rows(
    y: FloatArray, labels: NDArray[np.intp] | None = None
) -> tuple[FloatArray, NDArray[np.intp] | None, NDArray[np.intp], NDArray[np.intp]]:
    """Return the different rows, with the place of each row among them, and their counts.

    Two rows are equal where the same coordinates are missing and the others are equal, and
    so are their labels.

    Parameters
    ----------
    y : ndarray, shape (N, D)
        Vectors, NaN where a coordinate is missing.
    labels : ndarray of int, shape (N,), optional
        The component that each is known to be of, or -1.

    Returns
    -------
    tuple of ndarray of shape (M, D), (M,), (N,) and (M,)
        The rows, increasing: those that lack nothing first, then pattern by pattern; their
        labels, or None; the position of each row of `y` among them; and how often each
        occurs.

    Examples
    --------
    >>> y = np.array([[np.nan, 1.0], [2.0, 3.0], [np.nan, 1.0]])
    >>> distinct, _, index, count = distinct_rows(y)
    >>> distinct.tolist(), index.tolist(), count.tolist()
    ([[2.0, 3.0], [nan, 1.0]], [1, 0, 1], [1, 2])
    """
    missing, D = np.isnan(y), y.shape[1]
    columns = [y] if labels is None else [y, labels]
    if missing.any():
        # NumPy takes rows with NaN for different ones
        columns[:1] = [missing, np.where(missing, 0.0, y)]
    keys = columns[0] if len(columns) == 1 else np.column_stack(columns)
    found, index, count = np.unique(keys, return_inverse=True, return_counts=True, axis=0)
    label = None if labels is None else found[:, -1].astype(np.intp)
    distinct = found[:, :D]
    if missing.any():
        distinct = np.where(distinct > 0.0, np.nan, found[:, D : 2 * D])
    return np.ascontiguousarray(distinct), label, index.reshape(-1), count


def coordinate_moments(y: FloatArray, times: Times | None = None) -> tuple[FloatArray, FloatArray]:
    """Return the mean and the standard deviation of what is observed of each coordinate.

    Parameters
    ----------
    y : ndarray, shape (N, D)
        Vectors, NaN where a coordinate is missing.
    times : ndarray, shape (N,), optional
        How many each row stands for, or its weight; by default one each.

    Returns
    -------
    tuple of ndarray, shape (D,)
        Means, and roots of the mean squares about them, in the units of the data.

    Examples
    --------
    >>> coordinate_moments(np.array([[1.0, 2.0], [3.0, np.nan]]))
    (array([2., 2.]), array([1., 0.]))
    >>> coordinate_moments(np.array([[1.0, 2.0], [3.0, np.nan]]), np.array([3, 1]))[0]
    array([1.5, 2. ])
    """
    if times is not None:
        share = np.where(np.isnan(y), 0.0, times[:, None])
        share /= share.sum(axis=0)
        values = np.nan_to_num(y)
        mean = (share * values).sum(axis=0)
        return mean, np.sqrt((share * (values - mean) ** 2).sum(axis=0))
    if np.isnan(y).any():
        return np.asarray(np.nanmean(y, axis=0)), np.asarray(np.nanstd(y, axis=0))
    return y.mean(axis=0), y.std(axis=0)


def observed_values(y: FloatArray) -> FloatArray:
    """Return the values of one coordinate that are there, in their order."""
    missing = np.isnan(y)
    return y[~missing] if missing.any() else y


def first_coordinate(y: FloatArray, times: Times | None) -> tuple[FloatArray, Times | None]:
    """Return what is observed of the first coordinate, with its counts; numbers as they are."""
    if y.ndim == 1:
        return y, times
    there = ~np.isnan(y[:, 0])
    return y[there, 0], None if times is None else times[there]


def observed_log_densities(
    density: Callable[..., FloatArray],
    y: FloatArray,
    *,
    mu: FloatArray,
    sigma: FloatArray,
    corr: FloatArray,
) -> FloatArray:
    """Return the log density of what is observed of each vector, the rest integrated out.

    Parameters
    ----------
    density : callable
        The log density of vectors that lack nothing, of the same arguments.
    y : ndarray, shape (N, D)
        Vectors, NaN where a coordinate is missing.
    mu : ndarray, shape (..., 1, D)
        Means, in the units of the data; before the last axis stands that of points.
    sigma : ndarray, shape (..., 1, D) or (..., 1, 1)
        Standard deviations of the coordinates, or one for all.
    corr : ndarray, shape (..., 1, D, D)
        Correlations.

    Returns
    -------
    ndarray, shape (..., N)
        Log densities by the unit of each coordinate that is observed; 0 where none is.
    """
    before = np.broadcast_shapes(mu.shape[:-2], sigma.shape[:-2], corr.shape[:-3])
    total = np.zeros((*before, len(y)))
    for each in patterns_of(y):
        at, rows = each.at, each.rows
        if at.size:
            total[..., rows] = density(
                y[np.ix_(rows, at)],
                mu=mu[..., at],
                sigma=sigma if sigma.shape[-1] == 1 else sigma[..., at],
                corr=corr[..., at[:, None], at],
            )
    return total
