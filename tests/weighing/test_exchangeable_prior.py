"""A prior under which components may change places, against SciPy's laws."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from pystan_mix import Dirichlet, HalfNormal, Normal, NormalMixture
from pystan_mix.mixtures.target import target_of
from pystan_mix.weighing.exchangeable_prior import (
    ExchangeablePrior,
    prior_draws,
    prior_log_density,
)

pytestmark = pytest.mark.arviz
Y = np.arange(6.0)
UNLIKE = NormalMixture(
    n_components=2,
    weights=Dirichlet([1, 3]),
    means=Normal([-1, 2], [2, 1]),
    sigma=HalfNormal([1, 3]),
    min_weight=0.1,
    min_sigma=0.5,
)


def test_draws_are_of_a_component_picked_at_random():
    prior = Normal([-3, 3], [1, 2])
    draws = prior_draws(prior, 4001, 2, rng=np.random.default_rng(1))
    assert draws.shape == (4001,)

    def cdf(x):
        return 0.5 * (stats.norm.cdf(x, -3, 1) + stats.norm.cdf(x, 3, 2))

    # each fails by chance once in ten thousand times
    assert stats.kstest(draws, cdf).pvalue > 1e-4
    x = np.array([-2.0, 5.0])
    density = 0.5 * (stats.norm.pdf(x, -3, 1) + stats.norm.pdf(x, 3, 2))
    np.testing.assert_allclose(np.exp(prior_log_density(prior, x, 2)), density)


def test_free_values_have_a_density_that_integrates_to_one():
    target = target_of(UNLIKE, Y)
    prior = ExchangeablePrior(target)
    for parameter in target.estimated:

        def density(free, parameter=parameter):
            return math.exp(prior.log_density(parameter, np.array([[free]]))[0, 0])

        total = integrate.quad(density, -40, 40, points=[-2, 0, 2], limit=500)[0]
        assert total == pytest.approx(1.0, abs=1e-6)


def test_draws_are_above_the_floor():
    target = target_of(UNLIKE, Y)
    _, sigma = target.estimated
    free = ExchangeablePrior(target).draw(sigma, 2000, rng=np.random.default_rng(2))
    values = target.model.space(sigma).from_free(free)
    assert values.shape == (2000, 2)
    assert values.min() > 0.5

    def cdf(x):
        above = [stats.halfnorm.sf(0.5, scale=s) for s in (1, 3)]
        below = sum(
            stats.halfnorm.cdf(x, scale=s) - stats.halfnorm.cdf(0.5, scale=s) for s in (1, 3)
        )
        return below / sum(above)

    assert stats.kstest(values.ravel(), cdf).pvalue > 1e-4


def test_the_models_prior_over_this_one():
    """One number where components have one prior: the probability above the floor."""
    rng = np.random.default_rng(3)
    alike = NormalMixture(n_components=2, means=Normal(0, 3), sigma=HalfNormal(2), min_sigma=0.5)
    share = rng.dirichlet([2, 2], size=5)
    values = {"mu": rng.normal(size=(5, 2)), "sigma": 0.5 + rng.gamma(2.0, size=(5, 2))}
    one = ExchangeablePrior(target_of(alike, Y))
    assert one.log_ratio == pytest.approx(2 * stats.halfnorm.logsf(0.5, scale=2))
    at = one.log_ratio_at(values, np.log(share), np.log(share))
    np.testing.assert_allclose(at, one.log_ratio)

    other = ExchangeablePrior(target_of(UNLIKE, Y))
    assert other.log_ratio is None
    theta = 0.1 + 0.8 * share
    at = other.log_ratio_at(values, np.log(theta), np.log(share))
    order = np.argsort(values["mu"], axis=1)
    mu, sigma, ordered = (
        np.take_along_axis(x, order, axis=1) for x in (values["mu"], values["sigma"], theta)
    )
    ours = stats.norm.logpdf(mu, [-1, 2], [2, 1]).sum(axis=1)
    ours += stats.halfnorm.logpdf(sigma, scale=[1, 3]).sum(axis=1)
    ours += [stats.dirichlet.logpdf(row, [1, 3]) for row in ordered]
    start = np.log(0.5 * (stats.norm.pdf(mu, -1, 2) + stats.norm.pdf(mu, 2, 1))).sum(axis=1)
    either = 0.5 * sum(stats.halfnorm.pdf(sigma, scale=s) for s in (1, 3))
    above = 0.5 * sum(stats.halfnorm.sf(0.5, scale=s) for s in (1, 3))
    start += np.log(either / above).sum(axis=1)
    start += [stats.dirichlet.logpdf(row, [2, 2]) for row in share]
    np.testing.assert_allclose(at, ours - start)
