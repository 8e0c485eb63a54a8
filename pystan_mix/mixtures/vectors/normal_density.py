"""Multivariate normals: their log density, and draws from them."""

import math

import numpy as np

from pystan_mix.mixtures.vectors.incomplete import observed_log_densities
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.correlations import cholesky

_LOG_2PI = math.log(2.0 * math.pi)


def normal_log_density(
    y: FloatArray, *, mu: FloatArray, sigma: FloatArray, corr: FloatArray
) -> FloatArray:
    """Return the log density of vectors; all are broadcast but for their own axes.

    Of `sigma` the axis of coordinates may have one element, for all. Coordinates that
    are NaN are integrated out.
    """
    if np.isnan(y).any():
        return observed_log_densities(normal_log_density, y, mu=mu, sigma=sigma, corr=corr)
    root, D = cholesky(corr), y.shape[-1]
    z: list[FloatArray] = []
    total = -0.5 * D * _LOG_2PI
    for i in range(D):
        scale = _of_coordinate(sigma, i)
        left = (y[..., i] - mu[..., i]) / scale
        for j, before in enumerate(z):
            left = left - root[..., i, j] * before
        left = left / root[..., i, i]
        z.append(np.asarray(left))
        total = total - 0.5 * left * left - (np.log(scale) + np.log(root[..., i, i]))
    return np.asarray(total)


def normal_draw(
    rng: np.random.Generator, *, mu: FloatArray, sigma: FloatArray, corr: FloatArray
) -> FloatArray:
    """Draw a vector from each component; all are broadcast but for their own axes."""
    D = mu.shape[-1]
    z = np.einsum("...ij,...j->...i", cholesky(corr), rng.normal(size=mu.shape))
    scales = [_of_coordinate(sigma, i) for i in range(D)]
    return np.asarray(mu + np.stack(scales, axis=-1) * z)


def _of_coordinate(sigma: FloatArray, i: int) -> FloatArray:
    """Return the scales of a coordinate: their own, or the ones of all coordinates."""
    return np.asarray(sigma[..., i if sigma.shape[-1] > 1 else 0])
