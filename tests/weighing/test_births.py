"""Births: what they draw is of the density that they say."""

import numpy as np
import pytest
from known_posteriors import HeavyMixture
from scipy import stats

from pystan_mix import (
    Dirichlet,
    Gamma,
    HalfNormal,
    MultivariateNormalMixture,
    Normal,
    NormalMixture,
    StudentTMixture,
    simulate,
)
from pystan_mix.mixtures.target import target_of
from pystan_mix.stats.importance.student_proposals import Students, student
from pystan_mix.weighing.births import Births, merged, without_one
from pystan_mix.weighing.labelled import labelled, picked

Y = simulate(50, theta=[0.6, 0.4], mu=[-2, 2], sigma=1.0, seed=1)
MODELS = {
    "K = 2": NormalMixture(n_components=2, means=Normal(0, 3), sigma=HalfNormal(1)),
    "priors that differ": NormalMixture(
        n_components=3,
        weights=Dirichlet([1, 2, 3]),
        means=Normal([-2, 0, 2], [1, 2, 3]),
        sigma=HalfNormal([1, 1, 2]),
        min_weight=0.01,
    ),
    "sigma known": NormalMixture(n_components=3, means=Normal(0, 3), sigma=1.0),
    "sigma shared": NormalMixture(n_components=3, means=Normal(0, 3), shared_sigma=True),
    "one more, shared": HeavyMixture(
        n_components=3, means=Normal(0, 3), sigma=HalfNormal(1), df=HalfNormal(10.0)
    ),
    "one more, each its own": StudentTMixture(
        n_components=2, means=Normal(0, 3), sigma=1.0, df=Gamma([2, 3], 0.1)
    ),
}


def ordered_draws(target, n=600, seed=2):
    rng = np.random.default_rng(seed)
    K, floor = target.n_components, target.model.min_weight
    variables = {"theta": floor + target.free_weight * rng.dirichlet(np.full(K, 9.0), n)}
    for each in target.estimated:
        size = target.model.size(each)
        values = rng.normal(size=(n, size))
        if each.ordered:
            variables[each.name] = np.linspace(-2, 2, K) + 0.4 * values
        else:
            variables[each.name] = np.exp(0.2 * values)
    return picked(variables, np.argsort(variables["mu"], axis=1))


def births_of(model):
    target = target_of(model, Y)
    variables = ordered_draws(target)
    smaller = without_one(target)
    fewer = merged(target, variables, rng=np.random.default_rng(3))
    inner = labelled(smaller, fewer)
    at = inner.to_coordinates(inner.relabelled(fewer))
    source = Students(student(at.mean(axis=0), np.cov(at.T).reshape(at.shape[1], -1)))
    return Births(labelled(target, variables), inner, source)


@pytest.mark.parametrize("name", MODELS)
def test_the_density_is_that_of_the_draws(name):
    """The mean of f / q over draws from q is the integral of f, for a law f amid them."""
    births = births_of(MODELS[name])
    rng = np.random.default_rng(4)
    z = births.draw(100_000, rng=rng)
    z = z[np.isfinite(z).all(axis=1)]
    # a component that is born below the floor of sigma is outside, and counts nothing
    assert len(z) > 99_000
    log_q = births.log_density(z)
    centre, best = np.median(z, axis=0), 0.0
    for width in (1.0, 0.5, 0.25):  # births are far from normal: the law that suits them best
        sd = 0.5 * width * np.std(z, axis=0)
        terms = np.exp(stats.norm.logpdf(z, centre, sd).sum(axis=1) - log_q)
        ess = terms.sum() ** 2 / (terms @ terms)
        if ess > best:
            best, mean, chosen = ess, terms.sum() / 100_000, sd
    assert best > 200
    points = centre + chosen * rng.normal(size=(40_000, z.shape[1]))
    inside = births.whole.inside(births.whole.from_coordinates(points).variables()).mean()
    assert mean == pytest.approx(inside, abs=4.5 * mean / best**0.5)


def test_a_component_less():
    target = without_one(target_of(MODELS["priors that differ"], Y))
    assert target.n_components == 2
    assert target.model.means == Normal([0, 0], [2, 2])
    assert target.model.weights == Dirichlet([2, 2])
    with pytest.raises(ValueError, match="a component left"):
        without_one(without_one(target))


def test_merged_neighbours_keep_the_rest():
    target = target_of(MODELS["K = 2"], Y)
    found = merged(target, ordered_draws(target), rng=np.random.default_rng(5))
    assert found["theta"].shape == (600, 1)
    assert found["theta"] == pytest.approx(1.0)
    # the one that is left fits all observations, as a bootstrap of them would
    n = Y.size
    assert found["mu"].mean() == pytest.approx(Y.mean(), abs=0.2 * Y.std() / n**0.5)
    assert found["mu"].std() == pytest.approx(Y.std() / n**0.5, rel=0.15)


def test_vectors_that_lack_coordinates_are_merged_by_what_they_have():
    rng = np.random.default_rng(1)
    y = rng.normal(size=(200, 2)) + 6.0 * (np.arange(200) < 100)[:, None]
    y[np.arange(200), rng.integers(0, 2, 200)] = np.nan
    target = target_of(MultivariateNormalMixture(n_components=2), y, missing="marginalise")
    S = 50
    found = merged(
        target,
        {
            "theta": np.full((S, 2), 0.5),
            "mu": np.tile([[0.0, 0.0], [6.0, 6.0]], (S, 1, 1)),
            "sigma": np.ones((S, 2, 2)),
            "corr": np.tile(np.eye(2), (S, 2, 1, 1)),
        },
        rng=rng,
    )
    assert found["mu"].shape == (S, 1, 2)
    # five errors of the mean of fifty: of a hundred points half have each coordinate
    error = 5.0 * np.nanstd(y, axis=0) / np.sqrt(50)
    assert (np.abs(found["mu"].mean(axis=0)[0] - np.nanmean(y, axis=0)) < error).all()
    assert (np.linalg.eigvalsh(found["corr"]) > 0.0).all()
