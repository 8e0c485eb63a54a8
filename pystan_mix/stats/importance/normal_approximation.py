"""The normal approximation of a density at its mode, by Newton's method on differences."""

from collections.abc import Callable

import numpy as np

from pystan_mix.numerics import FloatArray

LogDensity = Callable[[FloatArray], FloatArray]

# steps of differences are as long as make the density fall by so much: far above its rounding
_FALL = 0.5
_SCALINGS = 40
_STEPS = 60
_HALVINGS = 30
# half the squared length of a step, in standard deviations, that ends the search
_SHORT = 1e-4


def normal_approximation(
    log_density: LogDensity, start: FloatArray
) -> tuple[FloatArray, FloatArray] | None:
    """Find a mode, and the covariance of the normal with the density's curvature there.

    Parameters
    ----------
    log_density : callable
        Points of shape (S, d) to their log densities; smooth near the mode.
    start : ndarray, shape (d,)
        Where the search begins.

    Returns
    -------
    tuple of ndarray, shape (d,), and ndarray, shape (d, d), or None
        The mode and the covariance; None where the search does not end at a mode.

    Examples
    --------
    >>> def log_density(z):
    ...     return -((z - 3.0) ** 2).sum(axis=1) / 8.0
    >>> found = normal_approximation(log_density, np.zeros(2))
    >>> found[0].round(3).tolist(), found[1].round(3).tolist()
    ([3.0, 3.0], [[4.0, 0.0], [0.0, 4.0]])
    """
    z = np.array(start, dtype=np.float64)
    scale: FloatArray = np.full(z.size, 1e-3)
    for _ in range(_STEPS):
        scale = _scaled(log_density, z, scale)
        gradient, curvature = _differences(log_density, z, scale)
        if not (np.isfinite(gradient).all() and np.isfinite(curvature).all()):
            return None
        # uphill, as where the density is concave
        values, axes = np.linalg.eigh(curvature)
        bent = np.maximum(np.abs(values), 1e-3)
        step = axes @ ((axes.T @ gradient) / bent)
        if float(gradient @ step) < 2.0 * _SHORT:
            if values.min() <= 0.0:
                return None
            covariance = (axes / values) @ axes.T
            return z, covariance * scale[:, None] * scale
        moved = _uphill(log_density, z, scale * step)
        if moved is None:
            return None
        z = moved
    return None


def _scaled(log_density: LogDensity, z: FloatArray, scale: FloatArray) -> FloatArray:
    """Return steps of each coordinate by which the density falls, on either side, by some half."""
    for _ in range(_SCALINGS):
        there = log_density(np.concatenate([z[None], z + np.diag(scale), z - np.diag(scale)]))
        d = z.size
        bend = 2.0 * there[0] - there[1 : d + 1] - there[d + 1 :]
        with np.errstate(all="ignore"):
            factor = np.sqrt(2.0 * _FALL / bend)
        # where it does not fall steps grow; where it is no number they shrink
        factor = np.where(bend > 0.0, factor, np.where(np.isfinite(bend), 10.0, 0.1))
        factor = np.clip(factor, 0.03, 10.0)
        scale = np.clip(scale * factor, 1e-12, 1.0)
        if (np.abs(np.log(factor)) < 0.7).all():
            break
    return scale


def _differences(
    log_density: LogDensity, z: FloatArray, scale: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the gradient and the negative second derivatives, for steps as units."""
    d = z.size
    unit = np.diag(scale)
    first, second = np.triu_indices(d, 1)
    corners = [a * unit[first] + b * unit[second] for a in (1, -1) for b in (1, -1)]
    there = log_density(z + np.concatenate([np.zeros((1, d)), unit, -unit, *corners]))
    up, down = there[1 : d + 1], there[d + 1 : 2 * d + 1]
    curvature = np.diag(2.0 * there[0] - up - down)
    each = there[2 * d + 1 :].reshape(4, -1)
    curvature[first, second] = -0.25 * (each[0] - each[1] - each[2] + each[3])
    curvature[second, first] = curvature[first, second]
    return 0.5 * (up - down), curvature


def _uphill(log_density: LogDensity, z: FloatArray, step: FloatArray) -> FloatArray | None:
    """Return the first of ever shorter steps that leads uphill, if one does."""
    lengths = 0.5 ** np.arange(_HALVINGS)
    here = log_density(z[None])[0]
    for length in lengths:
        there: FloatArray = z + length * step
        if log_density(there[None])[0] > here:
            return there
    return None
