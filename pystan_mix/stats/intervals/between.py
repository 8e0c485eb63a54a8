"""Logarithms of the probabilities of intervals under standard normal and Student-t variables.

The difference of two distribution functions loses its digits above the middle, and where
the interval is narrow. So an interval is taken on the side below zero; where the density
changes by less than a factor of e or so it is integrated over the interval, by
Gauss-Legendre quadrature, and elsewhere the logarithms of the two are subtracted.
"""

from collections.abc import Callable

import numpy as np
from scipy import special

from pystan_mix.numerics import FloatArray

# nodes above zero of 8 on (-1, 1), and the weights of both signs
_NODES, _WEIGHTS = (each[4:] for each in np.polynomial.legendre.leggauss(8))
_LOG_ROOT_2PI = 0.5 * np.log(2.0 * np.pi)
# of an exponential variable: what the tail of a Student-t variable is a mean over
_EXPONENTIAL, _MASSES = np.polynomial.laguerre.laggauss(16)
# degrees of freedom have to be thousands, and a point forty scales out
_UNDERFLOW = 1e-290


def log_normal_between(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the log probability that a standard normal variable lies between two numbers.

    Parameters
    ----------
    a, b : ndarray
        Bounds, each of `a` below its `b`, perhaps infinite; they are broadcast.

    Returns
    -------
    ndarray
        ``log(Phi(b) - Phi(a))``, right to some units of the last place.

    Examples
    --------
    >>> log_normal_between(np.array([-np.inf, 40.0]), np.array([0.0, 41.0])).round(4).tolist()
    [-0.6931, -804.6084]
    """

    def narrow(m: FloatArray, h: FloatArray) -> FloatArray:
        terms = np.exp(-0.5 * (h[..., None] * _NODES) ** 2)
        terms *= 2.0 * np.cosh((m * h)[..., None] * _NODES)
        return np.asarray(np.log(h * (terms @ _WEIGHTS)) - 0.5 * m * m - _LOG_ROOT_2PI)

    def is_narrow(m: FloatArray, h: FloatArray) -> FloatArray:
        return np.asarray(h * (np.abs(m) + h) < 1.0)

    return _between(a, b, cdf=special.log_ndtr, narrow=narrow, is_narrow=is_narrow)


def log_student_t_between(a: FloatArray, b: FloatArray, df: FloatArray) -> FloatArray:
    """Return the log probability that a Student-t variable lies between two numbers.

    Parameters
    ----------
    a, b : ndarray
        Bounds, each of `a` below its `b`, perhaps infinite.
    df : ndarray
        Degrees of freedom; all are broadcast.

    Returns
    -------
    ndarray
        ``log(F(b) - F(a))``.

    Examples
    --------
    >>> float(log_student_t_between(np.array(-np.inf), np.array(-1.0), np.array(1.0)).round(4))
    -1.3863
    """

    def is_narrow(m: FloatArray, h: FloatArray, df: FloatArray) -> FloatArray:
        spread = df + m * m
        return np.asarray((16.0 * h * h < spread) & (h * (np.abs(m) + h) * (df + 1.0) < spread))

    a, b, df = np.broadcast_arrays(a, b, df)
    return _between(
        *(a, b, df), cdf=_log_student_t_below, narrow=_narrow_student_t, is_narrow=is_narrow
    )


def _narrow_student_t(m: FloatArray, h: FloatArray, df: FloatArray) -> FloatArray:
    """Integrate the density over narrow intervals, of middle m and half width h."""
    spread = df + m * m
    log_ratio = np.zeros_like(m)
    for sign in (-1.0, 1.0):
        step = sign * h[..., None] * _NODES
        change = step * (2.0 * m[..., None] + step) / spread[..., None]
        ratios = np.exp(-0.5 * (df[..., None] + 1.0) * np.log1p(change))
        log_ratio += ratios @ _WEIGHTS
    return np.asarray(np.log(h * log_ratio) + _log_student_t_density(m, df))


def _log_student_t_density(t: FloatArray, df: FloatArray) -> FloatArray:
    """Return the log density of Student-t variables."""
    peak = special.gammaln(0.5 * (df + 1.0)) - special.gammaln(0.5 * df) - 0.5 * np.log(np.pi * df)
    return np.asarray(peak - 0.5 * (df + 1.0) * np.log1p(t * t / df))


def _log_student_t_below(t: FloatArray, df: FloatArray) -> FloatArray:
    """Return the log probability that Student-t variables are below t."""
    tail = 0.5 * special.betainc(0.5 * df, 0.5, df / (df + t * t))
    with np.errstate(divide="ignore"):
        log_below: FloatArray = np.where(t > 0.0, np.log1p(-tail), np.log(tail))
    lost = (t < 0.0) & (tail < _UNDERFLOW) & np.isfinite(t)
    if lost.any():
        log_below[lost] = _log_far_tail(t[lost], df[lost])
    return log_below


def _log_far_tail(t: FloatArray, df: FloatArray) -> FloatArray:
    """Return the log probability of a tail that is no double.

    With ``w = log(1 + t^2 / df)`` the tail is the mean over an exponential variable y of
    ``(1 - exp(-w - 2 y / df))^(-1/2)``, times the density at t but for a factor.
    """
    w = np.log1p(t * t / df)
    means = (-np.expm1(-w[:, None] - 2.0 * _EXPONENTIAL / df[:, None])) ** -0.5 @ _MASSES
    return np.asarray(_log_student_t_density(t, df) + 0.5 * w - 0.5 * np.log(df) + np.log(means))


def _between(
    a: FloatArray,
    b: FloatArray,
    *more: FloatArray,
    cdf: Callable[..., FloatArray],
    narrow: Callable[..., FloatArray],
    is_narrow: Callable[..., FloatArray],
) -> FloatArray:
    """Return the log probabilities of intervals under a law that is symmetric about zero."""
    a, b = np.broadcast_arrays(a, b)
    above = a + b > 0.0
    a, b = np.where(above, -b, a), np.where(above, -a, b)
    bounded = np.isfinite(a)
    middle, half = 0.5 * (np.where(bounded, a, b) + b), 0.5 * (b - a)
    with np.errstate(over="ignore", invalid="ignore"):
        near = bounded & is_narrow(middle, half, *more)
    found = np.empty(a.shape)
    some = [each[near] for each in (middle, half, *more)]
    found[near] = narrow(*some)
    low, high, *rest = (each[~near] for each in (a, b, *more))
    log_high = cdf(high, *rest)
    with np.errstate(divide="ignore", invalid="ignore"):
        found[~near] = log_high + np.log(-np.expm1(cdf(low, *rest) - log_high))
    return found
