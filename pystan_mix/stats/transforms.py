"""Stan's maps between constrained parameters and the unconstrained space in which it works."""

import dataclasses
from collections.abc import Callable

import numpy as np

from pystan_mix.numerics import FloatArray

SimplexTransform = Callable[[FloatArray], FloatArray]


@dataclasses.dataclass(frozen=True)
class Space:
    """The values that a parameter may have, and the map from the whole real line onto them.

    Parameters
    ----------
    to_free, from_free : callable
        To the unconstrained space, and back.
    log_det : callable
        Of unconstrained values, the log absolute derivative of `from_free`; of a
        matrix, whose elements do not stand alone, the log determinant.
    """

    to_free: Callable[[FloatArray], FloatArray]
    from_free: Callable[[FloatArray], FloatArray]
    log_det: Callable[[FloatArray], FloatArray]


def _same(x: FloatArray) -> FloatArray:
    """Return what is given."""
    return x


REAL = Space(to_free=_same, from_free=_same, log_det=np.zeros_like)
# Stan Reference Manual, "Lower bounded scalar"
POSITIVE = Space(to_free=np.log, from_free=np.exp, log_det=_same)


def above(least: FloatArray | float) -> Space:
    """Return the space of values above a number, or above one each; above zero it is `POSITIVE`.

    Examples
    --------
    >>> above(2.0).from_free(np.array([0.0]))
    array([3.])
    """
    if np.all(np.equal(least, 0.0)):
        return POSITIVE
    return Space(
        to_free=lambda x: np.log(x - least),
        from_free=lambda z: least + np.exp(z),
        log_det=_same,
    )


def stick_breaking(theta: FloatArray) -> FloatArray:
    """Map a simplex to unconstrained values as Stan does up to 2.36.

    Parameters
    ----------
    theta : ndarray, shape (..., K)
        Simplices.

    Returns
    -------
    ndarray, shape (..., K - 1)
        Stan Reference Manual 2.27, "Unit simplex": the log odds of each stick
        that is broken off, moved so that equal shares are at zero.

    Examples
    --------
    >>> bool(np.abs(stick_breaking(np.array([0.25, 0.25, 0.25, 0.25]))).max() < 1e-15)
    True
    """
    K = theta.shape[-1]
    # what is left of the stick, summed from its end so that small remainders keep their digits
    left = np.flip(np.cumsum(np.flip(theta, -1), -1), -1)
    even = np.log(np.arange(K - 1, 0, -1))
    return np.asarray(np.log(theta[..., :-1]) - np.log(left[..., 1:]) + even)


def sticks_joined(z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Map unconstrained values to a simplex: the inverse of `stick_breaking`.

    Parameters
    ----------
    z : ndarray, shape (..., K - 1)
        Unconstrained values.

    Returns
    -------
    tuple of ndarray, shape (..., K), and ndarray, shape (...)
        Logarithms of the simplex's elements, and the log absolute Jacobian
        determinant of the map (Stan Reference Manual 2.27, "Unit simplex").
    """
    odds = z - np.log(np.arange(z.shape[-1], 0, -1))
    log_share, log_rest = -np.logaddexp(0.0, -odds), -np.logaddexp(0.0, odds)
    nothing = np.zeros((*z.shape[:-1], 1))
    log_left = np.concatenate([nothing, np.cumsum(log_rest, axis=-1)], axis=-1)
    log_theta = log_left + np.concatenate([log_share, nothing], axis=-1)
    return log_theta, (log_share + log_left[..., 1:]).sum(axis=-1)


def log_ratios(theta: FloatArray) -> FloatArray:
    """Map a simplex to unconstrained values as Stan does from 2.37 on.

    Parameters
    ----------
    theta : ndarray, shape (..., K)
        Simplices.

    Returns
    -------
    ndarray, shape (..., K - 1)
        Isometric log ratios (Stan Reference Manual, "Unit simplex"; Egozcue et
        al., 2003), up to a rotation of the unconstrained space.
    """
    i = np.arange(1, theta.shape[-1])
    log_theta = np.log(theta)
    sums = np.cumsum(log_theta, axis=-1)[..., :-1]
    return np.asarray((sums - i * log_theta[..., 1:]) / np.sqrt(i * (i + 1)))
