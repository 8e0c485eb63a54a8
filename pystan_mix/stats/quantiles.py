"""Quantiles of values that occur many times, or have weights."""

import numpy as np
from numpy.typing import NDArray

from pystan_mix.numerics import FloatArray


def quantiles_of_counted(
    values: FloatArray, count: NDArray[np.intp] | FloatArray, at: FloatArray
) -> FloatArray:
    """Return the quantiles that NumPy's `quantile` has of the values, each so many times.

    Parameters
    ----------
    values : ndarray, shape (D,)
        Values, increasing.
    count : ndarray of int, shape (D,)
        How often each occurs.
    at : ndarray, shape (P,)
        Probabilities.

    Returns
    -------
    ndarray, shape (P,)
        Between the two values of the nearest ranks; to the last bit NumPy's.

    Examples
    --------
    >>> quantiles_of_counted(np.array([1.0, 3.0]), np.array([1, 2]), np.array([0.25, 0.5]))
    array([2., 3.])
    """
    ends = np.cumsum(count)
    last = ends[-1] - 1
    rank = at * last
    below = np.floor(rank)
    low, high = (
        values[np.searchsorted(ends, np.minimum(place, last), side="right")]
        for place in (below, below + 1)
    )
    part = rank - below
    from_low, from_high = low + (high - low) * part, high - (high - low) * (1.0 - part)
    return np.asarray(np.where(part < 0.5, from_low, from_high))


def quantiles_of_weighted(
    values: FloatArray, weights: NDArray[np.intp] | FloatArray, at: FloatArray
) -> FloatArray:
    """Return the least values up to which weights have at least a share of their sum.

    Parameters
    ----------
    values, weights : ndarray, shape (D,)
        Values, increasing, and their weights.
    at : ndarray, shape (P,)
        The shares.

    Returns
    -------
    ndarray, shape (P,)
        Some of the values.
    """
    ends = np.cumsum(weights)
    return np.asarray(values[np.searchsorted(ends, np.minimum(at, 1.0) * ends[-1])])
