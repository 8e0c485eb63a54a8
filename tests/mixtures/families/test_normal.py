"""Tests of pystan_mix.mixtures.families.normal: density, draws, default priors and the M step."""

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.observations import indexed
from pystan_mix.mixtures.priors import Normal
from pystan_mix.mixtures.scale_priors import HalfNormal

RNG = np.random.default_rng(3)
Y = np.concatenate([RNG.normal(-4, 1, 60), RNG.normal(3, 0.5, 40)])
MODEL = NormalMixture(n_components=2)


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 5, 3)])
def test_the_log_density_is_that_of_scipy(shape):
    rng = np.random.default_rng(len(shape))
    mu, sigma = rng.normal(0, 3, size=shape), rng.uniform(0.1, 2, size=shape)
    y = np.linspace(-40.0, 40.0, 9)
    found = NormalMixture.log_density(y, mu=mu[..., None], sigma=sigma[..., None])
    assert found.shape == (*shape, 9)
    expected = stats.norm.logpdf(y, mu[..., None], sigma[..., None])
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_what_is_given_is_not_changed():
    y, mu, sigma = Y.copy(), np.zeros_like(Y), np.ones_like(Y)
    NormalMixture.log_density(y, mu=mu, sigma=sigma)
    assert np.array_equal(y, Y)
    assert not mu.any()
    assert (sigma == 1.0).all()


def test_the_density_integrates_to_one():
    def density(x: float) -> float:
        return float(np.exp(NormalMixture.log_density(np.array(x), mu=-3.0, sigma=0.2)))

    assert integrate.quad(density, -5, -1, points=[-3])[0] == pytest.approx(1.0, abs=1e-10)


def test_each_component_draws_from_its_own_normal():
    """Of 5000 draws; each of the three tests of one component fails once in a thousand times."""
    mu, sigma = np.array([-3.0, 0.0, 50.0]), np.array([0.5, 1.0, 7.0])
    rng = np.random.default_rng(6)
    draws = NormalMixture.draw(rng, mu=np.tile(mu, (5000, 1)), sigma=sigma)
    assert draws.shape == (5000, 3)
    for k in range(3):
        assert stats.kstest(draws[:, k], stats.norm(mu[k], sigma[k]).cdf).pvalue > 0.001


def test_the_m_step_has_the_likeliest_means_and_standard_deviations():
    shares = np.random.default_rng(1).dirichlet([1, 1], size=Y.size).T
    found = MODEL.from_shares(Y, shares, least_spread=1e-3)
    for k in range(2):

        def loss(values: np.ndarray, k: int = k) -> float:
            log_density = stats.norm.logpdf(Y, values[0], np.exp(values[1]))
            return float(-(shares[k] * log_density).sum())

        best = optimize.minimize(loss, [Y.mean(), np.log(Y.std())], tol=1e-12)
        # of a quadratic minimum the place is known to half the digits of the value
        assert found["mu"][k] == pytest.approx(best.x[0], abs=1e-5)
        assert found["sigma"][k] == pytest.approx(np.exp(best.x[1]), rel=1e-5)


def test_the_m_step_finds_clusters_from_their_shares():
    shares = np.stack([np.arange(100) < 60, np.arange(100) >= 60]).astype(float)
    found = MODEL.from_shares(Y, shares, least_spread=1e-3)
    assert found["mu"] == pytest.approx([Y[:60].mean(), Y[60:].mean()], rel=1e-9)
    assert found["sigma"] == pytest.approx([Y[:60].std(), Y[60:].std()], rel=1e-8)


def test_the_m_step_of_many_starts_is_that_of_each():
    shares = np.random.default_rng(2).dirichlet([1, 1], size=(4, Y.size)).swapaxes(1, 2)
    found = MODEL.from_shares(Y, shares, least_spread=0.01)
    for i in range(4):
        one = MODEL.from_shares(Y, shares[i], least_spread=0.01)
        for name in ("mu", "sigma"):
            np.testing.assert_allclose(found[name][i], one[name], rtol=1e-13)


def test_no_component_shrinks_onto_a_point_and_what_is_known_stays():
    shares = np.stack([np.arange(100) == 7, np.arange(100) != 7]).astype(float)
    found = MODEL.from_shares(Y, shares, least_spread=0.25)
    assert found["sigma"][0] == 0.25
    assert found["mu"][0] == pytest.approx(Y[7], rel=1e-8)
    known = NormalMixture(n_components=2, sigma=[1, 2]).from_shares(Y, shares, least_spread=0.25)
    assert known["sigma"].tolist() == [1.0, 2.0]
    np.testing.assert_array_equal(known["mu"], found["mu"])


def test_default_priors_are_in_the_units_of_the_data():
    one, other = (MODEL.default_priors(indexed(scale * Y)) for scale in (1.0, 1000.0))
    assert one["means"] == Normal(float(Y.mean()), 2.5 * float(Y.std()))
    assert one["sigma"] == HalfNormal(float(Y.std()))
    assert other["means"].location == pytest.approx(1000.0 * one["means"].location)
    assert other["means"].scale == pytest.approx(1000.0 * one["means"].scale)
    assert other["sigma"].scale == pytest.approx(1000.0 * one["sigma"].scale)
