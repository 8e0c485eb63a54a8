"""Populations on their way: what moves leave as it is, and what a power does."""

import numpy as np
import pytest
from known_posteriors import HeavyMixture
from scipy import stats

from pystan_mix import (
    Dirichlet,
    HalfNormal,
    MultivariateNormalMixture,
    Normal,
    NormalMixture,
)
from pystan_mix.mixtures.density import Constrained, log_likelihood
from pystan_mix.mixtures.target import target_of
from pystan_mix.numerics import log_sum_exp
from pystan_mix.weighing.annealing.moves import NumpyMoves
from pystan_mix.weighing.annealing.populations import Populations
from pystan_mix.weighing.compiled.moves import moves_for

pytestmark = pytest.mark.arviz
Y = np.array([-2.1, -1.4, 0.3, 0.3, 1.9, 2.4])
MODEL = NormalMixture(
    n_components=2, weights=Dirichlet(2), means=Normal(1, 3), sigma=HalfNormal(2), min_sigma=0.5
)


def populations(model=MODEL, *, moves=None, seed=1):
    return Populations(
        target_of(model, Y),
        populations=4,
        particles=500,
        rng=np.random.default_rng(seed),
        moves=moves,
    )


@pytest.mark.parametrize("moves", [NumpyMoves, moves_for])
@pytest.mark.parametrize("sweeps", [0, 10])
def test_at_power_zero_they_are_of_the_prior_however_they_move(sweeps, moves):
    """Rows are independent there; each of these fails by chance once in ten thousand times."""
    group = populations(moves=moves(target_of(MODEL, Y)))
    if sweeps:
        group.sweep(sweeps)
    found = group.station()
    assert found.power == 0.0
    assert (found.log_integrals == 0.0).all()
    theta, mu, sigma = (found.variables[n].reshape(2000, 2) for n in ("theta", "mu", "sigma"))
    assert (np.diff(mu, axis=1) >= 0).all()
    low = stats.norm(1, 3)
    assert stats.kstest(mu[:, 0], lambda x: 1 - low.sf(x) ** 2).pvalue > 1e-4
    assert stats.kstest(theta[:, 0], stats.beta(2, 2).cdf).pvalue > 1e-4
    law = stats.truncnorm(0.25, np.inf, scale=2)
    assert stats.kstest(sigma[:, 1], law.cdf).pvalue > 1e-4


def test_the_ratio_is_the_likelihood_but_for_the_floor():
    found = populations().station()
    theta, mu, sigma = (found.variables[name] for name in ("theta", "mu", "sigma"))
    density = stats.norm.pdf(Y[:, None], mu[..., None, :], sigma[..., None, :])
    log_lik = np.log((theta[..., None, :] * density).sum(axis=-1)).sum(axis=-1)
    above = 2 * stats.halfnorm.logsf(0.5, scale=2)
    np.testing.assert_allclose(found.log_ratio, log_lik + above, rtol=1e-9)


def test_what_is_computed_for_one_component_is_what_all_give():
    group = populations(
        HeavyMixture(
            n_components=2,
            means=Normal(0, 5),
            sigma=HalfNormal(3),
            df=HalfNormal(10.0),
            min_sigma=0.0,
        )
    )
    group.advance(0.5)
    group.sweep(5)
    found = group.station()
    theta, mu, sigma, df = (found.variables[name] for name in ("theta", "mu", "sigma", "df"))
    assert len(np.unique(df)) > 1000
    density = stats.t.pdf(Y[:, None], df[..., None, :], mu[..., None, :], sigma[..., None, :])
    log_lik = np.log((theta[..., None, :] * density).sum(axis=-1)).sum(axis=-1)
    np.testing.assert_allclose(found.log_ratio, log_lik, rtol=1e-9)


@pytest.mark.parametrize("moves", [NumpyMoves, moves_for])
def test_a_station_stays_what_it_was(moves):
    """Also of vectors, whose means are free as they are."""
    y = np.stack([Y, Y[::-1] ** 2], axis=1)
    target = target_of(MultivariateNormalMixture(n_components=2), y)
    group = Populations(
        target,
        populations=2,
        particles=50,
        rng=np.random.default_rng(1),
        moves=moves(target),
    )
    group.advance(0.5)
    group.sweep(2)
    found = group.station()
    group.sweep(3)
    values = {n: x.reshape(100, *x.shape[2:]) for n, x in found.variables.items()}
    log_theta = np.log(values.pop("theta"))
    expected = log_likelihood(target, Constrained(log_theta, values, np.zeros(100)))
    # but for the prior above the floor, which is the same for all
    difference = found.log_ratio.ravel() - expected
    assert np.ptp(expected) > 1.0
    np.testing.assert_allclose(difference, difference[0], atol=1e-8)


def test_the_power_grows_as_far_as_draws_keep_their_worth():
    group = populations()
    before = group.station()
    group.advance(0.7)
    log_weights = group.power * before.log_ratio
    ess = np.exp(2 * log_sum_exp(log_weights) - log_sum_exp(2 * log_weights))
    assert ess.mean() / 500 == pytest.approx(0.7, abs=0.01)
    np.testing.assert_allclose(group.log_integrals, log_sum_exp(log_weights) - np.log(500))
    powers = [group.power]
    while group.power < 1.0:
        group.advance(0.7)
        powers.append(group.power)
    assert powers == sorted(set(powers))
