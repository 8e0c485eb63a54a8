"""A glimpse of the whole posterior, and where there is none."""

import numpy as np
from two_modes import in_left_mode, mirrored_target

from pystan_mix import MultivariateNormalMixture, NormalMixture, simulate
from pystan_mix.mixtures.target import target_of
from pystan_mix.weighing.annealing.glimpse import can_be_annealed, glimpse, glimpsed


def test_a_glimpse_sees_both_modes():
    mu = glimpse(mirrored_target(), rng=np.random.default_rng(1)).variables["mu"]
    assert mu.shape[0] == 1
    assert 0.05 < in_left_mode(mu).mean() < 0.95


def test_what_takes_too_long_or_tells_components_apart_is_not_glimpsed():
    y = simulate(6000, theta=[0.5, 0.5], mu=[-2, 2], sigma=1.0, seed=1)
    model = NormalMixture(n_components=2)
    apart = NormalMixture(n_components=2, sigma=[1.0, 2.0])
    for target in (target_of(model, y), target_of(apart, y[:20])):
        assert not can_be_annealed(target)
        assert glimpsed(target, rng=np.random.default_rng(1)) is None
    assert can_be_annealed(target_of(model, y[:20]))


def test_vectors_are_glimpsed_where_they_have_few_dimensions_and_terms():
    """Of two components and three coordinates there are 19 dimensions, of four coordinates 29."""
    y = np.random.default_rng(1).normal(size=(1200, 4))
    model = MultivariateNormalMixture(n_components=2)
    assert can_be_annealed(target_of(model, y[:200, :3]))
    assert not can_be_annealed(target_of(model, y[:200]))
    assert not can_be_annealed(target_of(model, y[:, :3]))
    # of what lacks coordinates the C++ library knows nothing
    y[3, 1] = np.nan
    assert not can_be_annealed(target_of(model, y[:200, :3], missing="marginalise"))
