"""The mathematics of normal mixtures in NumPy; knows no Stan.

The notation is that of the Stan User's Guide, "Finite mixtures": weights
`theta`, locations `mu`, scales `sigma`, K components, N observations.
"""

import numpy as np
from numpy.typing import ArrayLike

from pystan_mix.errors import DataError, SettingsError
from pystan_mix.numerics import FloatArray, log_sum_exp

_LOG_2PI = float(np.log(2.0 * np.pi))


def component_log_densities(
    y: ArrayLike, theta: ArrayLike, mu: ArrayLike, sigma: ArrayLike
) -> FloatArray:
    """Logarithm of each component's weight times its density at each point.

    Parameters
    ----------
    y : array_like, shape (N,)
        Points.
    theta : array_like, shape (..., K)
        Weights.
    mu, sigma : array_like, shape (..., K) or broadcast to it
        Locations and scales, in the units of `y`.

    Returns
    -------
    ndarray, shape (..., N, K)
        ``log(theta[k]) + log Normal(y[n] | mu[k], sigma[k])``.
    """
    points = np.asarray(y, dtype=np.float64)[..., :, None]
    weight, location, scale = (
        np.atleast_1d(np.asarray(value, dtype=np.float64))[..., None, :]
        for value in (theta, mu, sigma)
    )
    with np.errstate(divide="ignore"):
        log_theta = np.log(weight)
    z = (points - location) / scale
    return np.asarray(log_theta - 0.5 * (_LOG_2PI + z * z) - np.log(scale))


def log_density(y: ArrayLike, theta: ArrayLike, mu: ArrayLike, sigma: ArrayLike) -> FloatArray:
    """Log density of a normal mixture, the assignments summed out.

    Parameters
    ----------
    y : array_like, shape (N,)
        Points.
    theta : array_like, shape (..., K)
        Weights.
    mu, sigma : array_like, shape (..., K) or broadcast to it
        Locations and scales, in the units of `y`.

    Returns
    -------
    ndarray, shape (..., N)
        ``log(sum_k theta[k] Normal(y[n] | mu[k], sigma[k]))``.

    Examples
    --------
    The Stan User's Guide's N(-1, 2) and N(3, 1), mixed 0.3 and 0.7:

    >>> log_density([0.0, 2.0], theta=[0.3, 0.7], mu=[-1, 3], sigma=[2, 1]).round(4)
    array([-2.884, -1.667])
    """
    return log_sum_exp(component_log_densities(y, theta, mu, sigma))


def responsibilities(y: ArrayLike, theta: ArrayLike, mu: ArrayLike, sigma: ArrayLike) -> FloatArray:
    """Probability that each component made each point.

    Parameters
    ----------
    y : array_like, shape (N,)
        Points.
    theta : array_like, shape (..., K)
        Weights.
    mu, sigma : array_like, shape (..., K) or broadcast to it
        Locations and scales, in the units of `y`.

    Returns
    -------
    ndarray, shape (..., N, K)
        Probabilities that sum to one over the last axis (Stan User's Guide,
        "Recovering posterior mixture proportions").

    Examples
    --------
    >>> responsibilities([1.0], theta=[0.5, 0.5], mu=[0, 2], sigma=[1, 1])
    array([[0.5, 0.5]])
    """
    terms = component_log_densities(y, theta, mu, sigma)
    return np.asarray(np.exp(terms - log_sum_exp(terms)[..., None]))


def simulate(n: int, *, theta: ArrayLike, mu: ArrayLike, sigma: ArrayLike, seed: int) -> FloatArray:
    """Draw observations from a normal mixture.

    Parameters
    ----------
    n : int
        Number of observations.
    theta : array_like, shape (K,)
        Weights; they sum to one.
    mu, sigma : array_like, shape (K,) or a number for all components
        Locations and scales.
    seed : int
        Seed of NumPy's PCG64 generator; the same seed gives the same bytes.

    Returns
    -------
    ndarray, shape (n,)
        Observations in random order, in the units of `mu`.

    Raises
    ------
    SettingsError
        If `n` or `seed` is negative or not whole.
    DataError
        If the weights do not sum to one, a scale is not positive, or lengths differ.

    Examples
    --------
    >>> simulate(3, theta=[0.5, 0.5], mu=[-5, 5], sigma=1.0, seed=1).shape
    (3,)
    """
    count, weights, location, scale = _checked_simulation(n, theta, mu, sigma, seed)
    # inverse transform and Box-Muller on raw uniforms: those bits are the ones NumPy keeps stable
    random = np.random.Generator(np.random.PCG64(seed)).random((3, count))
    component = np.searchsorted(np.cumsum(weights)[:-1], random[0], side="right")
    z = np.sqrt(-2.0 * np.log1p(-random[1])) * np.cos(2.0 * np.pi * random[2])
    return np.asarray(location[component] + scale[component] * z)


def _checked_simulation(
    n: int, theta: ArrayLike, mu: ArrayLike, sigma: ArrayLike, seed: int
) -> tuple[int, FloatArray, FloatArray, FloatArray]:
    """Return what `simulate` was given as an integer and arrays of one length."""
    for name, value in (("n", n), ("seed", seed)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
            raise SettingsError(f"{name} must be a whole number, 0 or more; it is {value!r}.")
    weights = np.atleast_1d(np.asarray(theta, dtype=np.float64))
    try:
        location, scale = (
            np.broadcast_to(np.asarray(value, dtype=np.float64), weights.shape)
            for value in (mu, sigma)
        )
    except ValueError:
        raise DataError(
            f"mu and sigma must be numbers or have one value for each of the {weights.size} "
            f"weights; their shapes are {np.shape(mu)} and {np.shape(sigma)}."
        ) from None
    if weights.ndim != 1 or not (weights >= 0).all() or not np.isclose(weights.sum(), 1.0):
        raise DataError(
            f"The weights must be 0 or more and sum to 1; they are {weights.tolist()}, "
            f"with sum {weights.sum():g}."
        )
    if not (np.isfinite(location).all() and (scale > 0).all() and np.isfinite(scale).all()):
        raise DataError(
            f"Locations must be finite and scales positive; they are {location.tolist()} "
            f"and {scale.tolist()}."
        )
    return int(n), weights, location, scale
