"""Tests of pystan_mix.stats.expectation: spread points, shares, variances."""

import numpy as np

from pystan_mix.stats.expectation import shares_of, spread_points, weighted_variance


def test_points_are_spread_over_clusters():
    points = np.concatenate([np.linspace(0, 1, 50), np.linspace(100, 101, 50)])
    for seed in range(20):
        first, second = spread_points(points, 2, np.random.default_rng(seed))
        assert (first <= 1, second >= 100) == (True, True)


def test_shares_sum_to_one():
    terms = np.log(np.array([[[0.1, 0.4], [0.3, 0.4]]]))
    log_lik, shares = shares_of(terms)
    np.testing.assert_allclose(log_lik, np.log(0.4 * 0.8))
    np.testing.assert_allclose(shares, [[[0.25, 0.5], [0.75, 0.5]]])
    counted, same = shares_of(terms, np.array([2.0, 0.5]))
    np.testing.assert_allclose(counted, np.log(0.4**2 * 0.8**0.5))
    np.testing.assert_array_equal(same, shares)


def test_variances_are_about_each_rows_own_mean():
    points, shares = np.array([1.0, 2.0, 6.0]), np.array([[1.0, 1.0, 0.0], [0.5, 1.0, 3.0]])
    expected = [np.cov(points, aweights=row, ddof=0) for row in shares]
    np.testing.assert_allclose(weighted_variance(points, shares), expected, rtol=1e-6)
