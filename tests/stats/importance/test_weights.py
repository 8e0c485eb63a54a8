"""Tests of pystan_mix.stats.importance.weights: weights smoothed, judged, and resampled by."""

import numpy as np
import pytest
import scipy.special
import scipy.stats

from pystan_mix.stats.importance.weights import khat_limit, pareto_smoothed, resampled

pytestmark = pytest.mark.arviz


@pytest.mark.parametrize(
    ("draws", "limit"), [(100, 0.5), (1000, 2 / 3), (2155, 0.7), (5000, 0.7), (10**6, 0.7)]
)
def test_limit_of_khat(draws, limit):
    assert khat_limit(draws) == pytest.approx(limit, abs=1e-4)


def test_each_draw_comes_as_often_as_its_weight_says():
    rng = np.random.default_rng(1)
    weights = rng.dirichlet(np.full(3000, 0.2))
    picks = resampled(np.log(weights), rng=rng)
    assert picks.size == 3000
    assert (np.diff(picks) >= 0).all()
    counts = np.bincount(picks, minlength=3000)
    assert (counts >= np.floor(3000 * weights)).all()
    assert (counts <= np.ceil(3000 * weights)).all()


def test_counts_are_unbiased():
    weights = np.array([0.05, 0.4, 0.15, 0.1, 0.3])
    rng = np.random.default_rng(2)
    counts = np.mean(
        [np.bincount(resampled(np.log(weights), rng=rng), minlength=5) for _ in range(4000)], axis=0
    )
    # a count is one of two neighbours: at most 1/2 of standard deviation, 4 errors of its mean
    np.testing.assert_allclose(counts, 5 * weights, rtol=0, atol=4 * 0.5 / np.sqrt(4000))


def test_equal_weights_pick_every_draw_once():
    picks = resampled(np.full(500, -np.log(500.0)), rng=np.random.default_rng(3))
    assert picks.tolist() == list(range(500))


@pytest.mark.parametrize("heavy", [0, 250, 499])
def test_one_draw_may_have_all_the_weight(heavy):
    log_weights = np.full(500, -np.inf)
    log_weights[heavy] = 0.0
    picks = resampled(log_weights, rng=np.random.default_rng(4))
    assert set(picks.tolist()) == {heavy}


def test_the_seed_decides():
    log_weights = np.log(np.random.default_rng(5).dirichlet(np.ones(200)))
    one, same, other = (
        resampled(log_weights, rng=np.random.default_rng(seed)).tolist() for seed in (1, 1, 2)
    )
    assert one == same != other


def test_fewer_or_more_may_be_drawn_than_there_are():
    weights = np.array([0.5, 0.25, 0.25])
    for size in (8, 4000):
        picks = resampled(np.log(weights), size=size, rng=np.random.default_rng(size))
        counts = np.bincount(picks, minlength=3)
        assert counts.sum() == size
        assert (np.abs(counts - size * weights) <= 1.0).all()


@pytest.mark.parametrize("k", [-0.2, 0.3, 0.9])
def test_k_hat_of_known_tails(k):
    draws = 20_000
    weights = scipy.stats.genpareto.rvs(k, size=draws, random_state=1)
    smoothed, khat = pareto_smoothed(np.log(weights))
    tail = 3 * draws**0.5
    # k's posterior mean has a prior of ten observations at 0.5; its error is (1 + k) / sqrt(tail)
    assert khat == pytest.approx((tail * k + 5) / (tail + 10), abs=4 * (1 + k) / tail**0.5)
    assert np.exp(smoothed).sum() == pytest.approx(1.0, rel=1e-12)
    # all but the tail is as it was
    body = np.argsort(weights)[: -int(tail) - 2]
    np.testing.assert_allclose(
        np.diff(smoothed[body]), np.diff(np.log(weights[body])), rtol=0, atol=1e-9
    )
    # and the largest weights are in the order that they were in
    assert (np.diff(smoothed[np.argsort(weights)]) >= -1e-12).all()


def test_a_light_lower_tail_says_nothing():
    """Weights with a heavy tail only towards zero are harmless: the sign of the ratios counts."""
    weights = scipy.stats.genpareto.rvs(0.9, size=4000, random_state=2)
    assert pareto_smoothed(np.log(weights))[1] > 0.6
    assert pareto_smoothed(-np.log1p(weights))[1] < 0.3


def test_a_constant_does_not_matter_and_the_input_stays_as_it_is():
    log_weights = np.random.default_rng(3).normal(size=500)
    before = log_weights.copy()
    smoothed, khat = pareto_smoothed(log_weights)
    shifted, same = pareto_smoothed(log_weights + 1e4)
    assert np.array_equal(log_weights, before)
    assert khat == pytest.approx(same, abs=1e-6)
    np.testing.assert_allclose(smoothed, shifted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [1, 200])
def test_constant_weights(size):
    smoothed, khat = pareto_smoothed(np.full(size, -7.0))
    assert khat == 0.0
    np.testing.assert_allclose(smoothed, -np.log(size), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "log_weights",
    [np.array([-1.0, 0.0, -2.0]), np.repeat([-1.0, 0.0], [50, 150])],
    ids=["too few", "tail of equals"],
)
def test_a_tail_that_says_nothing_is_not_trusted(log_weights):
    smoothed, khat = pareto_smoothed(log_weights)
    assert khat == np.inf
    expected = log_weights - scipy.special.logsumexp(log_weights)
    np.testing.assert_allclose(smoothed, expected, rtol=0, atol=1e-12)
