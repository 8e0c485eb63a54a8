"""Observations drawn from a normal mixture, the same bytes for the same seed."""

import numpy as np
from numpy.typing import ArrayLike

from pystan_mix.errors import DataError, SettingsError
from pystan_mix.numerics import FloatArray


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
