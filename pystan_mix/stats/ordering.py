"""How the means are kept in order: from free means to increasing ones and back.

The Stan programs sample free means and push each above the one before. With the
logarithms of the gaps, as in Stan's own ordered vector, two means that may coincide
leave a long tail that NUTS takes many steps to walk along; here there is none, and
where the means are far apart the free ones are the means themselves.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from pystan_mix.numerics import FloatArray

# of Newton's method, which takes some seven
_STEPS = 20
_TINY, _EPSILON = 1e-300, float(np.finfo(np.float64).eps)


def push_apart(mu_raw: ArrayLike, width: float) -> FloatArray:
    """Make increasing means of free ones.

    Each is the mean of the larger of two: the one before, and a normal variable
    around the free one with `width` as standard deviation. With x how far the
    free one lies above the one before, in widths, that is ``x Phi(x) + phi(x)``
    widths above it.

    Parameters
    ----------
    mu_raw : array_like, shape (..., K)
        Free means.
    width : float
        How near two means may come before one pushes the other.

    Returns
    -------
    ndarray, shape (..., K)
        Increasing means.

    Examples
    --------
    >>> push_apart([0.0, 0.0, 10.0], width=1.0).round(3)
    array([ 0.   ,  0.399, 10.   ])
    """
    mu = np.array(mu_raw, dtype=np.float64)
    for k in range(1, mu.shape[-1]):
        before = mu[..., k - 1]
        pushed = before + width * _softened((mu[..., k] - before) / width)
        # as in the programs, where rounding would make a tie
        mu[..., k] = np.maximum(pushed, before + (_TINY + np.abs(before) * _EPSILON))
    return mu


def pull_free(mu: ArrayLike, width: float) -> FloatArray:
    """Return the free means that `push_apart` makes these of.

    Parameters
    ----------
    mu : array_like, shape (..., K)
        Increasing means.
    width : float
        As in `push_apart`.

    Returns
    -------
    ndarray, shape (..., K)
        Free means.

    Examples
    --------
    >>> pull_free([0.0, 0.1, 10.0], width=1.0).round(3)
    array([ 0.   , -0.902, 10.   ])
    """
    mu = np.asarray(mu, dtype=np.float64)
    gaps = np.diff(mu, axis=-1) / width
    # Newton's method for the logarithm, which is concave: from the left it does not overshoot
    x = np.where(gaps < 0.4, -np.sqrt(-2.0 * np.log(np.minimum(gaps, 0.4))), gaps)
    for _ in range(_STEPS):
        softened = _softened(x)
        step = np.log(softened / gaps) * softened / special.ndtr(x)
        x = x - step
        if not (np.abs(step) > 1e-12).any():
            break
    return np.concatenate([mu[..., :1], mu[..., :-1] + width * x], axis=-1)


def push_apart_log_det(mu_raw: FloatArray, mu: FloatArray, width: float) -> FloatArray:
    """Return the log absolute Jacobian determinant of `push_apart`.

    The derivative of ``x Phi(x) + phi(x)`` is ``Phi(x)``.

    Parameters
    ----------
    mu_raw, mu : ndarray, shape (..., K)
        Free means, and the increasing ones that `push_apart` makes of them.
    width : float
        As in `push_apart`.

    Returns
    -------
    ndarray, shape (...)
        Sum over k > 1 of ``log(Phi((mu_raw[k] - mu[k - 1]) / width))``.
    """
    x = (mu_raw[..., 1:] - mu[..., :-1]) / width
    return np.asarray(special.log_ndtr(x).sum(axis=-1))


def _softened(x: FloatArray) -> FloatArray:
    """Return ``x Phi(x) + phi(x)``."""
    density = np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)
    return np.asarray(x * special.ndtr(x) + density)


def pull_some_free(mu: ArrayLike, places: NDArray[np.intp], width: float) -> FloatArray:
    """Return means those at some places of which are pulled free: `push_some_apart` undone."""
    free = np.array(mu, dtype=np.float64)
    free[..., places] = pull_free(free[..., places], width)
    return free


def push_some_apart(
    mu_raw: ArrayLike, places: NDArray[np.intp], width: float
) -> tuple[FloatArray, FloatArray]:
    """Push the means at some places apart, and leave the others free.

    Parameters
    ----------
    mu_raw : array_like, shape (S, K)
        Free means.
    places : ndarray of int
        Which of them are to increase.
    width : float
        As in `push_apart`.

    Returns
    -------
    tuple of ndarray, shape (S, K) and (S,)
        The means, and the log Jacobian determinant.
    """
    mu = np.array(mu_raw, dtype=np.float64)
    some = mu[..., places]
    mu[..., places] = push_apart(some, width)
    return mu, push_apart_log_det(some, mu[..., places], width)


def increasing(mu: FloatArray, *, step: float) -> FloatArray:
    """Return means in increasing order, each so much further up: also where there were ties.

    Parameters
    ----------
    mu : ndarray, shape (n,)
        Means.
    step : float
        How far equal ones are moved apart; further where rounding would undo it.

    Returns
    -------
    ndarray, shape (n,)
        Increasing means.

    Examples
    --------
    >>> increasing(np.array([2.0, 1.0, 1.0]), step=0.1)
    array([1. , 1.1, 2.2])
    """
    largest = float(np.abs(mu).max(initial=0.0))
    step = max(step, 4.0 * float(np.spacing(largest)))
    return np.asarray(np.sort(mu) + step * np.arange(mu.size))
