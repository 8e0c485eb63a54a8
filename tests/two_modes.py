"""A posterior with two modes that mirror each other, and chains about each."""

import numpy as np

from pystan_mix import HalfNormal, Normal, NormalMixture
from pystan_mix.fits.draws import Draws
from pystan_mix.mixtures.target import Target, target_of


def around(theta, mu, sigma, *, n=1000, sd=0.1, seed=1):
    """Return a chain of draws about one place."""
    rng = np.random.default_rng(seed)
    weights = np.exp(np.log(theta) + sd * rng.normal(size=(n, len(theta))))
    variables = {
        "theta": weights / weights.sum(axis=1, keepdims=True),
        "mu": np.asarray(mu) + sd * rng.normal(size=(n, len(mu))),
        "sigma": np.exp(np.log(sigma) + sd * rng.normal(size=(n, len(sigma)))),
    }
    return Draws({name: values[None] for name, values in variables.items()})


def mirrored_target() -> Target:
    """Return a target of which either the left third of the data or the right one is alone."""
    rng = np.random.default_rng(4)
    half = np.concatenate([rng.normal(3.0, 0.3, 40), rng.normal(0.0, 0.3, 20)])
    model = NormalMixture(n_components=2, means=Normal(0, 5), sigma=HalfNormal(3))
    return target_of(model, np.concatenate([half, -half]))


def in_left_mode(mu):
    """Return which draws are in the left mode, of means of shape (..., 2)."""
    return mu[..., 0] < -2.25


def a_chain_in_each() -> Draws:
    """Return two chains, one in each mode."""
    left = around([1 / 3, 2 / 3], [-3.0, 1.5], [0.3, 1.5], sd=0.05)
    right = around([2 / 3, 1 / 3], [-1.5, 3.0], [1.5, 0.3], sd=0.05)
    return Draws({n: np.concatenate([x, right.variables[n]]) for n, x in left.variables.items()})
