"""Correlation matrices: their Cholesky factors, and Stan's map from real vectors to them."""

import math

import numpy as np
from scipy import special

from pystan_mix.numerics import FloatArray
from pystan_mix.stats.transforms import Space


def cholesky(x: FloatArray) -> FloatArray:
    """Return lower triangular roots of positive definite matrices, NaN of others.

    Parameters
    ----------
    x : ndarray, shape (..., D, D)
        Matrices.

    Returns
    -------
    ndarray, shape (..., D, D)
        Roots, whose product with their transpose is `x`.

    Examples
    --------
    >>> cholesky(np.array([[4.0, 2.0], [2.0, 2.0]]))
    array([[2., 0.],
           [1., 1.]])
    """
    D = x.shape[-1]
    root = np.zeros(x.shape)
    with np.errstate(all="ignore"):
        for j in range(D):
            squares = (root[..., j, :j] ** 2).sum(axis=-1)
            root[..., j, j] = np.sqrt(x[..., j, j] - squares)
            for i in range(j + 1, D):
                products = (root[..., i, :j] * root[..., j, :j]).sum(axis=-1)
                root[..., i, j] = (x[..., i, j] - products) / root[..., j, j]
    return root


def solved(root: FloatArray, x: FloatArray) -> FloatArray:
    """Return what lower triangular matrices make vectors of: the inverse times each.

    Parameters
    ----------
    root : ndarray, shape (..., D, D)
        Lower triangular matrices.
    x : ndarray, shape (..., D)
        Vectors; both are broadcast.

    Returns
    -------
    ndarray, shape (..., D)
        ``inverse(root) @ x``, by forward substitution.
    """
    found: list[FloatArray] = []
    for i in range(root.shape[-1]):
        left = x[..., i]
        for j, before in enumerate(found):
            left = left - root[..., i, j] * before
        found.append(np.asarray(left / root[..., i, i]))
    return np.stack(found, axis=-1)


def _dims(free: FloatArray) -> int:
    """Return of how many coordinates so many free values are the correlations."""
    return (1 + math.isqrt(1 + 8 * free.shape[-1])) // 2


def _to_free(corr: FloatArray) -> FloatArray:
    """Return the free values of correlation matrices, row by row of the lower triangle."""
    root, D = cholesky(corr), corr.shape[-1]
    with np.errstate(all="ignore"):
        parts = []
        for i in range(1, D):
            left = np.ones(corr.shape[:-2])
            for j in range(i):
                parts.append(np.arctanh(root[..., i, j] / np.sqrt(left)))
                left = left - root[..., i, j] ** 2
        return np.stack(parts, axis=-1) if parts else np.zeros((*corr.shape[:-2], 0))


def _root_and_log_det(free: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return Cholesky factors, and the log determinant of the map from free values to them."""
    D = _dims(free)
    root, log_det = np.zeros((*free.shape[:-1], D, D)), np.zeros(free.shape[:-1])
    root[..., 0, 0] = 1.0
    place = 0
    for i in range(1, D):
        log_left = np.zeros(free.shape[:-1])
        for j in range(i):
            z = free[..., place]
            root[..., i, j] = np.tanh(z) * np.exp(0.5 * log_left)
            # log(1 - tanh(z)^2), also where tanh is one to rounding
            log_slope = 2.0 * (math.log(2.0) - np.abs(z) - np.log1p(np.exp(-2.0 * np.abs(z))))
            log_det = log_det + log_slope + 0.5 * log_left
            log_left = log_left + log_slope
            place += 1
        root[..., i, i] = np.exp(0.5 * log_left)
    return root, log_det


def _from_free(free: FloatArray) -> FloatArray:
    """Return correlation matrices."""
    root, _ = _root_and_log_det(free)
    corr = root @ np.swapaxes(root, -1, -2)
    places = np.arange(corr.shape[-1])
    corr[..., places, places] = 1.0
    return corr


def _log_det(free: FloatArray) -> FloatArray:
    """Return the log determinant of the map to the lower triangle of the correlations."""
    root, log_det = _root_and_log_det(free)
    D = root.shape[-1]
    # Stan Functions Reference, "Cholesky LKJ correlation distribution": that of root to matrix
    powers = D - 1.0 - np.arange(D)
    with np.errstate(divide="ignore"):
        return np.asarray(log_det + np.log(np.diagonal(root, axis1=-2, axis2=-1)) @ powers)


# Stan Reference Manual, "Cholesky factors of correlation matrices"
CORRELATION = Space(to_free=_to_free, from_free=_from_free, log_det=_log_det)


def lkj_log_constant(eta: float, D: int) -> float:
    """Return the log of the constant that makes ``det(corr) ** (eta - 1)`` a density.

    Lewandowski, Kurowicka and Joe (2009), "Generating random correlation
    matrices based on vines and extended onion method", equation 16.
    """
    k = np.arange(1, D)
    each = special.gammaln(eta + 0.5 * (D - 1)) - special.gammaln(eta + 0.5 * (D - 1 - k))
    return float((each - 0.5 * k * math.log(math.pi)).sum())


def lkj_draws(
    eta: float, shape: tuple[int, ...], D: int, *, rng: np.random.Generator
) -> FloatArray:
    """Draw correlation matrices from the LKJ distribution, by its partial correlations.

    Parameters
    ----------
    eta : float
        Its shape.
    shape : tuple of int
        How many are drawn.
    D : int
        Number of coordinates.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    ndarray, shape (*shape, D, D)
        Correlation matrices.
    """
    # each partial correlation is a Beta variable on (-1, 1): the paper's section 2, in rows
    parts = []
    for i in range(1, D):
        for j in range(i):
            a = eta + 0.5 * (D - 2 - j)
            parts.append(np.arctanh(2.0 * rng.beta(a, a, size=shape) - 1.0))
    free = np.stack(parts, axis=-1) if parts else np.zeros((*shape, 0))
    return _from_free(free)
