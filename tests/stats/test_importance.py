"""Tests of pystan_mix.stats.importance: weighted draws made into equally likely ones."""

import numpy as np
import pytest

from pystan_mix.stats.importance import khat_limit, resampled


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
