"""Means and covariances of vectors that components have shares of: what EM goes on with."""

import numpy as np

from pystan_mix.numerics import FloatArray

# a component that lost its points keeps its place
_NO_WEIGHT = 1e-9
# the least eigenvalue of correlations, each of other pairs of observations than the next
_LEAST_EIGENVALUE = 0.05


def weighted_moments(
    y: FloatArray, shares: FloatArray, *, shared: bool
) -> tuple[FloatArray, FloatArray]:
    """Return the weighted means of points, and the covariances about them.

    Parameters
    ----------
    y : ndarray, shape (N, D)
        Points, NaN where a coordinate is missing.
    shares : ndarray, shape (..., K, N)
        The share of each component in each point.
    shared : bool
        Whether all components have one covariance.

    Returns
    -------
    tuple of ndarray of shape (..., K, D), and (..., K, D, D) or (..., 1, D, D)
        Means and covariances. Where coordinates are missing, each mean and each
        element is that of the points that have what it needs, of pairs that occur
        nowhere zero, and the covariances made positive definite.

    Examples
    --------
    >>> y, shares = np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([[1.0, 1.0]])
    >>> mean, covariance = weighted_moments(y, shares, shared=False)
    >>> mean.round(6).tolist(), covariance.round(6).tolist()
    ([[1.0, 2.0]], [[[1.0, 1.0], [1.0, 1.0]]])
    """
    if np.isnan(y).any():
        return _of_available(y, shares, shared=shared)
    weight = shares.sum(axis=-1) + _NO_WEIGHT
    mu = shares @ y / weight[..., None]
    # about the mean of all, where squares keep their digits
    centre = y.mean(axis=0)
    products = np.einsum("...kn,ni,nj->...kij", shares, y - centre, y - centre)
    off = mu - centre
    products -= weight[..., None, None] * off[..., :, None] * off[..., None, :]
    if shared:
        products = products.sum(axis=-3, keepdims=True)
        weight = weight.sum(axis=-1, keepdims=True)
    return mu, products / weight[..., None, None]


def _of_available(
    y: FloatArray, shares: FloatArray, *, shared: bool
) -> tuple[FloatArray, FloatArray]:
    """Return what each mean, and each product, is of the points that have what it needs."""
    there = ~np.isnan(y)
    has = there.astype(np.float64)
    centre = np.nanmean(y, axis=0)
    values = np.where(there, y - centre, 0.0)
    of_each = shares @ has
    off = shares @ values / (of_each + _NO_WEIGHT)
    residuals = np.where(there, values - off[..., None, :], 0.0)
    products = np.einsum("...kn,...kni,...knj->...kij", shares, residuals, residuals, optimize=True)
    pairs = np.einsum("...kn,ni,nj->...kij", shares, has, has, optimize=True)
    if shared:
        products, pairs = (each.sum(axis=-3, keepdims=True) for each in (products, pairs))
    return off + centre, _made_definite(products / (pairs + _NO_WEIGHT))


def _made_definite(covariance: FloatArray) -> FloatArray:
    """Return symmetric matrices with correlations that are positive definite."""
    sd = np.sqrt(np.maximum(np.diagonal(covariance, axis1=-2, axis2=-1), 0.0))
    scale = sd[..., :, None] * sd[..., None, :]
    own = np.eye(sd.shape[-1])
    corr = np.clip(covariance / np.where(scale > 0.0, scale, np.inf), -1.0, 1.0)
    values, vectors = np.linalg.eigh(corr * (1.0 - own) + own)
    lifted = (vectors * np.maximum(values, _LEAST_EIGENVALUE)[..., None, :]) @ np.swapaxes(
        vectors, -1, -2
    )
    root = np.sqrt(np.diagonal(lifted, axis1=-2, axis2=-1))
    return np.asarray(lifted / (root[..., :, None] * root[..., None, :]) * scale)
