"""The law of small weights."""

import numpy as np
from scipy import integrate, stats

from pystan_mix import Dirichlet, NormalMixture
from pystan_mix.mixtures.target import target_of
from pystan_mix.weighing.small_weights import log_density_of_small, small_weights

TARGET = target_of(NormalMixture(n_components=3, weights=Dirichlet(2)), np.arange(40.0))


def density(share):
    return float(np.exp(log_density_of_small(TARGET, np.array([share]))[0]))


def test_the_density_is_that_of_what_is_drawn():
    """Kolmogorov and Smirnov's test fails by chance once in ten thousand times."""
    draws = small_weights(TARGET, 5000, rng=np.random.default_rng(1))
    at = np.linspace(0.0, 1.0, 2001)
    cdf = integrate.cumulative_simpson([density(x) for x in at], x=at, initial=0.0)
    assert abs(cdf[-1] - 1.0) < 1e-6
    assert stats.kstest(draws, lambda x: np.interp(x, at, cdf)).pvalue > 1e-4


def test_weights_are_small():
    draws = small_weights(TARGET, 5000, rng=np.random.default_rng(1))
    # of 40 observations some two
    assert 0.5 < 40 * np.median(draws) < 10
