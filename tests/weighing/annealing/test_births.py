"""Births of populations: their density is that of what is drawn."""

import dataclasses
import math

import numpy as np
import pytest

from pystan_mix import (
    Dirichlet,
    HalfNormal,
    MultivariateNormalMixture,
    Normal,
    NormalMixture,
)
from pystan_mix.mixtures.target import target_of
from pystan_mix.weighing.annealing.annealed import weighed_stations
from pystan_mix.weighing.annealing.births import births
from pystan_mix.weighing.annealing.moves import NumpyMoves
from pystan_mix.weighing.annealing.populations import Populations
from pystan_mix.weighing.births import without_one

pytestmark = pytest.mark.arviz
# few observations, so that draws of the prior have weight enough
Y = np.array([-1.4, 0.3, 0.5, 1.9])
MODEL = NormalMixture(
    n_components=2,
    weights=Dirichlet(2),
    means=Normal(0, 3),
    sigma=HalfNormal(2),
    min_sigma=0.3,
)
VECTOR = MultivariateNormalMixture(
    n_components=2, means=Normal(0, 3), scales=HalfNormal(2), min_sigma=0.3
)
MODELS = {
    "vectors": VECTOR,
    "vectors, one covariance": dataclasses.replace(VECTOR, shared=True),
    "alike": MODEL,
    "three": dataclasses.replace(MODEL, n_components=3),
    "a shared sigma": dataclasses.replace(MODEL, shared_sigma=True),
    "means differ": dataclasses.replace(MODEL, means=Normal([-1, 1], [2, 1])),
    "weights differ, a floor": dataclasses.replace(
        MODEL, weights=Dirichlet([1, 3]), min_weight=0.1
    ),
}


def observed(name):
    """Return what a model is of: numbers, or vectors."""
    return np.stack([Y, Y[::-1]], axis=1)[:3] if MODELS[name].vectors else Y


def populations(target, seed):
    return Populations(target, populations=4, particles=5000, rng=np.random.default_rng(seed))


def born(target):
    """Return births of what is left of one component less, by importance sampling of its prior."""
    smaller = without_one(target)
    group = populations(smaller, seed=1)
    prior = group.station()
    group.advance(0.0)
    group.sweep(8)
    others = weighed_stations(smaller, [prior, group.station()])
    log_integrals = others.log_integrals + math.lgamma(target.n_components)
    rng = np.random.default_rng(2)
    return births(target, others.of_each_population(5000, rng=rng), log_integrals, rng=rng)


@pytest.mark.parametrize("name", MODELS)
def test_draws_of_the_prior_weighed_by_the_density_are_births(name):
    """Means of what is bounded agree, one among it: each fails by chance once in 10 000 times."""
    target = target_of(MODELS[name], observed(name))
    found, prior = born(target), populations(target, seed=3).station()
    weights = np.exp(found.log_density(prior.variables))
    for g in (
        lambda x: np.ones(x["theta"].shape[:2]),
        lambda x: x["theta"].min(axis=-1),
        # of vectors, which are in no order, what does not depend on one
        lambda x: np.tanh(x["mu"].min(axis=2)).reshape(*x["mu"].shape[:2], -1)[..., 0],
        lambda x: np.tanh(x["sigma"].max(axis=2)).reshape(*x["mu"].shape[:2], -1)[..., -1],
    ):
        weighed, drawn = weights * g(prior.variables), g(found.variables)
        # populations of what is left differ in their integrals too
        of_each = weighed.mean(axis=1) - drawn.mean(axis=1)
        within = math.hypot(weighed.std(), drawn.std()) / math.sqrt(weighed.size)
        error = math.hypot(within, float(of_each.std(ddof=1)) / math.sqrt(len(of_each)))
        assert abs(of_each.mean()) < 4.5 * error


@pytest.mark.parametrize("name", MODELS)
def test_their_ratio_is_that_of_moves(name):
    target = target_of(MODELS[name], observed(name))
    found = born(target)
    flat = {n: x.reshape(-1, *x.shape[2:]) for n, x in found.variables.items()}
    free = {
        each.name: target.model.space(each).to_free(flat[each.name]) for each in target.estimated
    }
    share = (flat["theta"] - target.model.min_weight) / target.free_weight
    some = share.min(axis=1) > 1e-12
    expected = NumpyMoves(target).log_ratio(
        {n: x[some] for n, x in free.items()}, np.log(share[some])
    )
    np.testing.assert_allclose(found.log_ratio.ravel()[some], expected, rtol=1e-8, atol=1e-8)


def test_they_are_in_order_and_above_the_floor():
    target = target_of(MODEL, Y)
    found = born(target)
    assert (np.diff(found.variables["mu"], axis=-1) >= 0).all()
    assert found.variables["theta"].sum(axis=-1) == pytest.approx(1.0)
    assert (found.variables["sigma"] > MODEL.min_sigma).all()
    station = populations(target, seed=4).station()
    assert {n: x.shape for n, x in found.variables.items()} == {
        n: x.shape for n, x in station.variables.items()
    }
