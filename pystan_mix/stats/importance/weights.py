"""Importance weights: smoothed, judged by k-hat, and resampled by."""

import math

import numpy as np
from numpy.typing import NDArray

from pystan_mix.arviz_compat import HAS_DATATREE, az
from pystan_mix.numerics import FloatArray, log_sum_exp

if HAS_DATATREE:
    from arviz_stats.base import array_stats

# what one of so many draws reaches may be missed
_MAY_BE_MISSED = 400


def khat_limit(draws: int) -> float:
    """Return the largest Pareto k-hat at which so many weighted draws can be trusted.

    Vehtari, Simpson, Gelman, Yao and Gabry (2024), "Pareto smoothed importance
    sampling": ``min(1 - 1 / log10(S), 0.7)``.

    Examples
    --------
    >>> khat_limit(5000)
    0.7
    >>> round(khat_limit(1000), 3)
    0.667
    """
    return min(1.0 - 1.0 / math.log10(max(draws, 2)), 0.7)


def resampled(
    log_weights: FloatArray, *, size: int | None = None, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Draw from weighted draws by systematic resampling.

    Of S draws, one of weight ``w`` comes ``floor(S * w)`` or ``ceil(S * w)``
    times, and ``S * w`` times on average (Douc and Cappé, 2005, "Comparison of resampling
    schemes for particle filtering", "Systematic resampling").

    Parameters
    ----------
    log_weights : ndarray, shape (S,)
        Logarithms of the weights, which sum to one.
    size : int, optional
        How many are drawn; by default as many as there are.
    rng : numpy.random.Generator
        Source of the one random number.

    Returns
    -------
    ndarray of int, shape (size,)
        Which draws, in increasing order: equal ones stand side by side, so
        that ArviZ's effective sample size counts them as one.

    Examples
    --------
    >>> resampled(np.log([0.5, 0.25, 0.25]), rng=np.random.default_rng(1)).size
    3
    """
    return np.asarray(resamplings(log_weights, times=1, size=size, rng=rng)[0])


def resamplings(
    log_weights: FloatArray, *, times: int, size: int | None = None, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Draw from weighted draws several times, as `resampled` does once, shape (times, size).

    In an order in which what is alike stands side by side, of what does as many come as
    it weighs together, but for one or so (Gerber, Chopin and Whiteley, 2019, "Negative
    association, ordering and convergence of resampling methods").

    Examples
    --------
    >>> log_weights = np.full(1000, -np.log(1000))
    >>> found = resamplings(log_weights, times=2, size=100, rng=np.random.default_rng(1))
    >>> (found >= 950).sum(axis=1)
    array([5, 5])
    """
    size = log_weights.size if size is None else size
    ends = np.cumsum(np.exp(log_weights))
    points = (np.arange(size) + rng.random((times, 1))) / size
    # rounding may leave the last end just below one
    picks = np.searchsorted(ends, points * ends[-1], side="right")
    return np.asarray(np.minimum(picks, log_weights.size - 1), dtype=np.intp)


def pareto_smoothed(log_weights: FloatArray) -> tuple[FloatArray, float]:
    """Smooth log importance weights by PSIS.

    Parameters
    ----------
    log_weights : ndarray, shape (S,)
        Logarithms of importance ratios, up to a constant.

    Returns
    -------
    tuple of ndarray, shape (S,), and float
        Smoothed log weights whose exponentials sum to one, and Pareto k-hat
        (Vehtari, Simpson, Gelman, Yao and Gabry, 2024, "Pareto smoothed
        importance sampling"); infinite where there are too few weights to say,
        0 where all are equal.
    """
    shifted = log_weights - log_weights.max()
    unsmoothed = shifted - log_sum_exp(shifted)
    if not shifted.any():
        return unsmoothed, 0.0
    # nearly even ratios overflow in ArviZ 0.23's fit of the tail, to a weight that is zero
    with np.errstate(all="ignore"):
        if HAS_DATATREE:
            try:
                # ArviZ 1 takes log likelihoods, which are minus the log weights of leave-one-out
                smoothed, khat = array_stats.psislw(-shifted)
            except (ValueError, IndexError):  # of a tail too short or even; ArviZ 0.23 says inf
                smoothed, khat = unsmoothed, np.inf
        else:
            smoothed, khat = az.psislw(shifted)
    return np.asarray(smoothed), float(khat)


def mean_ratio(log_ratio: FloatArray) -> float:
    """Return the mean of target over blend: one and the weights' squared variation, or more."""
    there = np.sort(log_ratio[np.isfinite(log_ratio)])
    there = there[: there.size - there.size // _MAY_BE_MISSED]
    if not there.size:
        return math.inf
    return max(1.0, math.exp(min(float(log_sum_exp(there)) - math.log(there.size), 500.0)))
