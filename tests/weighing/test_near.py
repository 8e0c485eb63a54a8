"""A posterior that one mixture is near, and those that are not."""

import numpy as np
import pytest

import pystan_mix as pmix
from pystan_mix.fits.draws import Draws
from pystan_mix.mixtures.target import target_of
from pystan_mix.weighing.annealing.anneal import anneal
from pystan_mix.weighing.annealing.glimpse import glimpse
from pystan_mix.weighing.near import is_near, may_be_empty, weigh_near

APART = pmix.simulate(300, theta=[0.4, 0.6], mu=[-3, 3], sigma=1.0, seed=2)
TOGETHER = pmix.simulate(60, theta=[0.5, 0.5], mu=[-1, 1], sigma=1.0, seed=2)


def draws_of(y) -> tuple:
    """A posterior of two components, and some thousand draws from it by annealing."""
    target = target_of(pmix.NormalMixture(n_components=2), y)
    found = anneal(target, rng=np.random.default_rng(1), parallel=2)
    return target, found, found.draws(4, 500, rng=np.random.default_rng(2))


def test_it_is_near_where_components_are_apart():
    target, found, draws = draws_of(APART)
    rng = np.random.default_rng(3)
    near = weigh_near(target, draws, glimpsed=glimpse(target, rng=rng), rng=rng)
    assert is_near(near)
    assert not may_be_empty(target, draws, log_integral=near.log_integral, rng=rng)
    error = np.hypot(found.mcse, near.sample.mcse)
    assert near.log_integral == pytest.approx(found.log_integral, abs=5 * error)
    for name, each in found.moments.items():
        error = np.hypot(each.mean_error, near.moments[name].mean_error)
        assert (np.abs(each.mean - near.moments[name].mean) <= 5 * error).all()


def test_one_of_two_may_be_empty_where_one_would_do():
    target, found, draws = draws_of(TOGETHER)
    rng = np.random.default_rng(3)
    assert may_be_empty(target, draws, log_integral=found.log_integral, rng=rng)


def test_what_a_glimpse_has_seen_and_draws_have_not_is_told():
    """Draws of one side only, of a posterior whose two sides hold as much."""
    half = np.concatenate([np.linspace(-1, 1, 30), np.linspace(4, 16, 6)])
    y = np.concatenate([half, -half])
    target = target_of(pmix.NormalMixture(n_components=3), y)
    found = anneal(target, rng=np.random.default_rng(1), parallel=2)
    whole = found.draws(1, 4000, rng=np.random.default_rng(2))
    sigma = whole.variables["sigma"][0]
    one_side = np.flatnonzero(sigma[:, 0] < np.quantile(sigma[:, 0], 0.3))
    some = {name: x[:, one_side].reshape(4, -1, x.shape[-1]) for name, x in whole.variables.items()}
    rng = np.random.default_rng(3)
    near = weigh_near(target, Draws(some), glimpsed=glimpse(target, rng=rng), rng=rng)
    assert not is_near(near)
