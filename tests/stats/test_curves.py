"""Densities and autocorrelations against closed forms and direct sums."""

import numpy as np
import pytest
from scipy import stats

from pystan_mix.stats.curves import autocorrelation, density_curve, is_constant


def ar1(*, chains: int, length: int, rho: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((chains, length))
    draws = noise.copy()
    for t in range(1, length):
        draws[:, t] = rho * draws[:, t - 1] + np.sqrt(1 - rho**2) * noise[:, t]
    return draws


def direct(chain: np.ndarray, lag: int) -> float:
    centred = chain - chain.mean()
    return float((centred[lag:] * centred[: centred.size - lag]).sum() / (centred**2).sum())


def test_density_of_normal_draws_is_the_normal_density():
    draws = np.random.default_rng(1).normal(3.0, 2.0, size=(4, 10000))
    points, heights = density_curve(draws)
    np.testing.assert_allclose(heights, stats.norm.pdf(points, 3.0, 2.0), atol=0.006)
    assert np.trapezoid(heights, points) == pytest.approx(1.0, abs=1e-3)


def test_density_at_a_bound_keeps_its_height_and_mass():
    draws = np.random.default_rng(1).exponential(size=40000)
    points, heights = density_curve(draws)
    assert heights[0] == pytest.approx(1.0, abs=0.08)
    assert points[0] > 0
    width = points[1] - points[0]
    assert heights.sum() * width == pytest.approx(np.mean(draws <= points[-1] + width / 2))


def test_density_of_heavy_tails_ends_where_little_is_left():
    draws = np.abs(np.random.default_rng(1).standard_cauchy(10000))
    points, heights = density_curve(draws)
    assert points[-1] < 30 < draws.max()
    width = points[1] - points[0]
    assert heights.sum() * width == pytest.approx(np.mean(draws <= points[-1] + width / 2))


def test_density_when_nearly_all_draws_are_equal():
    draws = np.ones(1000)
    draws[:10] = 2.0
    points, heights = density_curve(draws)
    assert (points[0], points[-1]) == pytest.approx((1.0, 2.0), abs=0.01)
    assert np.isfinite(heights).all()


@pytest.mark.parametrize(
    ("draws", "expected"),
    [
        ([0.0, 0.0], True),
        ([1e8, 1e8 + 1e-7], True),
        ([1e8, 1e8 + 1.0], False),
        ([1e-300, 2e-300], False),
    ],
)
def test_is_constant(draws, expected):
    assert is_constant(np.array(draws)) is expected


def test_autocorrelation_equals_the_direct_sum():
    draws = ar1(chains=3, length=257, rho=0.7, seed=2)
    found = autocorrelation(draws, max_lag=50)
    expected = [np.mean([direct(chain, lag) for chain in draws]) for lag in range(51)]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert found[0] == 1.0


def test_autocorrelation_of_ar1_is_a_power():
    found = autocorrelation(ar1(chains=4, length=10000, rho=0.8, seed=3), max_lag=20)
    # Bartlett: the standard error stays below sqrt((1 + rho^2) / (1 - rho^2) / draws)
    error = np.sqrt((1 + 0.64) / (1 - 0.64) / 40000)
    np.testing.assert_allclose(found, 0.8 ** np.arange(21), atol=4 * error)


def test_autocorrelation_is_about_each_chains_own_mean():
    draws = ar1(chains=2, length=2000, rho=0.0, seed=4) + np.array([[0.0], [50.0]])
    assert abs(autocorrelation(draws, max_lag=1)[1]) < 0.1


def test_autocorrelation_stops_at_the_last_draw():
    assert autocorrelation(np.array([[1.0, 2.0, 4.0]]), max_lag=100).shape == (3,)


def test_autocorrelation_leaves_out_chains_that_never_move():
    moving = ar1(chains=1, length=100, rho=0.5, seed=5)
    both = np.concatenate([moving, np.full((1, 100), 3.0)])
    np.testing.assert_array_equal(autocorrelation(both), autocorrelation(moving))
    assert np.isnan(autocorrelation(both[1:])).all()
