"""The data sets on which ADVI's verdict is calibrated, and those of kinds it was not made on."""

from collections.abc import Callable

import numpy as np

import pystan_mix as pmix
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.numerics import FloatArray

# a seed to a description, a model and its data
Kinds = Callable[[int], tuple[str, NormalMixture, FloatArray]]
KINDS = ("close", "separated", "unbalanced")
OTHERS = ("2 % component", "same means", "K = 5", "n = 30", "n = 5000", "skewed", "contaminated")


def simulated(seed: int) -> tuple[str, NormalMixture, FloatArray]:
    """Return a data set of some kind, and the model that is fitted to it."""
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % 3]
    K = int(rng.integers(2, 5))
    n = int(np.exp(rng.uniform(np.log(50), np.log(2000))))
    gap = {"close": 2.5, "separated": 6.0, "unbalanced": 4.0}[kind]
    mu = np.cumsum(gap * rng.uniform(0.8, 1.2, size=K))
    sigma = rng.uniform(0.7, 1.4, size=K)
    theta = rng.dirichlet(np.full(K, 10.0))
    if kind == "unbalanced":
        theta = np.append(0.05, 0.95 * rng.dirichlet(np.full(K - 1, 10.0)))
        theta = rng.permutation(theta)
    y = pmix.simulate(n, theta=theta, mu=mu, sigma=sigma, seed=seed)
    known = bool(rng.integers(2))
    model = NormalMixture(n_components=K, sigma=sigma.tolist() if known else None)
    return f"{kind}, K = {K}, n = {n}, sigma {'known' if known else 'unknown'}", model, y


def others(seed: int) -> tuple[str, NormalMixture, FloatArray]:
    """Return a data set of a kind that no number was chosen on, and the model fitted to it."""
    rng, kind = np.random.default_rng(seed), OTHERS[seed % len(OTHERS)]
    K, n, gap = 2, int(np.exp(rng.uniform(np.log(100), np.log(1000)))), rng.uniform(3.0, 6.0)
    theta, sigma = rng.dirichlet(np.full(K, 10.0)), rng.uniform(0.7, 1.4, size=K)
    mu = gap * np.arange(K)
    if kind == "2 % component":
        theta, n = np.array([0.98, 0.02]), max(n, 300)
    elif kind == "same means":
        theta, mu, sigma = np.array([0.8, 0.2]), np.zeros(2), np.array([1.0, 5.0])
    elif kind == "K = 5":
        K = 5
        theta, sigma = rng.dirichlet(np.full(K, 10.0)), rng.uniform(0.7, 1.4, size=K)
        mu, n = gap * np.arange(K), max(n, 300)
    elif kind.startswith("n = "):
        n = int(kind.removeprefix("n = "))
    y = pmix.simulate(n, theta=theta, mu=mu, sigma=sigma, seed=seed)
    if kind == "skewed":
        y = np.where(rng.random(n) < 0.5, rng.gamma(2.0, 1.0, n), gap * 2 + rng.gamma(4.0, 1.0, n))
    elif kind == "contaminated":
        y = np.where(rng.random(n) < 0.03, rng.normal(gap, 15.0, n), y)
    return f"{kind}, n = {n}", NormalMixture(n_components=K), y
