"""The normal distribution that fits intervals best, and points that stand for them by it."""

import numpy as np
from numpy.typing import NDArray
from scipy import special

from pystan_mix.numerics import FloatArray
from pystan_mix.stats.intervals.between import log_normal_between

_LOG_ROOT_2PI = 0.5 * np.log(2.0 * np.pi)
# of EM at most: where 95 % of the data are censored, an error falls to a tenth by fifty
_STEPS = 300
# of the standard deviation: smaller steps change nothing that matters
_SETTLED = 1e-5
# widths in standard deviations of a normal that is all but uniform there
_NEAR = 1e-3


def best_normal(
    lower: FloatArray, upper: FloatArray, count: NDArray[np.intp] | FloatArray
) -> tuple[float, float]:
    """Return the mean and standard deviation of the likeliest normal distribution, nearly.

    Found by expectation maximisation (Dempster, Laird and Rubin, 1977) from the
    moments of one point in each interval: its middle, or its finite bound.

    Parameters
    ----------
    lower, upper : ndarray, shape (M,)
        Bounds, equal where a value is known, one of them perhaps infinite.
    count : ndarray of int or float, shape (M,)
        How often each interval occurs, or its weight.

    Returns
    -------
    tuple of float
        The mean and the standard deviation. The latter is not below that of the points:
        values that share an interval may come from a normal as narrow as one likes.

    Examples
    --------
    >>> below_zero = np.array([-np.inf, 0.5, 1.0]), np.array([0.0, 0.5, 1.0])
    >>> [round(x, 2) for x in best_normal(*below_zero, np.array([2, 1, 1]))]
    [0.09, 0.74]
    """
    share = count / count.sum()
    points = representative(lower, upper)
    mean = float(share @ points)
    least = std = float(np.sqrt(share @ (points - mean) ** 2))
    wide = upper > lower
    for _ in range(_STEPS):
        first, second = points.copy(), np.zeros_like(points)
        a, b = (lower[wide] - mean) / std, (upper[wide] - mean) / std
        at, variance = _truncated_moments(a, b)
        first[wide], second[wide] = mean + std * at, std**2 * variance
        before = mean, std
        mean = float(share @ first)
        std = max(least, float(np.sqrt(share @ ((first - mean) ** 2 + second))))
        if np.hypot(mean - before[0], std - before[1]) < _SETTLED * std:
            break
    return mean, std


def representative(lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Return a point for each interval: its middle, or its finite bound.

    Examples
    --------
    >>> representative(np.array([1.0, -np.inf]), np.array([2.0, 0.0]))
    array([1.5, 0. ])
    """
    low = np.where(np.isfinite(lower), lower, upper)
    high = np.where(np.isfinite(upper), upper, lower)
    return np.asarray(low + 0.5 * (high - low))


def points_within(
    lower: FloatArray, upper: FloatArray, part: FloatArray, *, mean: float, std: float
) -> FloatArray:
    """Return quantiles of a normal distribution that is cut off to each interval.

    Parameters
    ----------
    lower, upper : ndarray, shape (P,)
        Bounds, as for `best_normal`.
    part : ndarray, shape (P,)
        The probability, given its interval, of what is below each point.
    mean, std : float
        Moments of the normal distribution.

    Returns
    -------
    ndarray, shape (P,)
        The points, each in its interval.
    """
    a, b = (lower - mean) / std, (upper - mean) / std
    above = a + b > 0.0
    # on the side below the mean probabilities keep their digits
    low, high = np.where(above, -b, a), np.where(above, -a, b)
    share = np.where(above, 1.0 - part, part)
    log_low, log_high = special.log_ndtr(low), special.log_ndtr(high)
    log_at = np.logaddexp(np.log(share) + log_high, np.log1p(-share) + log_low)
    at = special.ndtri_exp(np.minimum(log_at, log_high))
    points = mean + std * np.where(above, -at, at)
    return np.asarray(np.clip(points, lower, upper))


def _truncated_moments(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return means and variances of standard normals that are cut off to a < b."""
    log_total = log_normal_between(a, b)
    at_a, at_b = (np.exp(-0.5 * x * x - _LOG_ROOT_2PI - log_total) for x in (a, b))
    mean = at_a - at_b
    with np.errstate(invalid="ignore"):
        ends = np.where(at_a > 0.0, a * at_a, 0.0) - np.where(at_b > 0.0, b * at_b, 0.0)
    variance = 1.0 + ends - mean**2
    # between near bounds the two differences leave no digits
    near = b - a < _NEAR
    mean = np.where(near, 0.5 * (a + b), mean)
    variance = np.where(near, (b - a) ** 2 / 12.0, variance)
    return np.clip(mean, a, b), np.maximum(variance, 0.0)
