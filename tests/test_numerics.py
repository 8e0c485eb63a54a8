"""Tests of pystan_mix.numerics: sums of exponentials."""

import numpy as np
import pytest
from scipy.special import logsumexp

from pystan_mix.numerics import log_sum_exp

INF = np.inf


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ([1000.0, 1000.0], 1000.0 + np.log(2.0)),
        ([-1000.0, -1001.0], -1000.0 + np.log1p(np.exp(-1.0))),
        ([1000.0, -1000.0], 1000.0),
        ([1e308, -1e308], 1e308),
        ([0.0, -INF], 0.0),
        ([-INF, -INF], -INF),
        ([INF, 0.0], INF),
        ([INF, -INF], INF),
        ([INF, INF], INF),
        ([-2.5], -2.5),
        ([[1000.0, -INF], [-1000.0, -1000.5]], [1000.0, -1000.0 + np.log1p(np.exp(-0.5))]),
    ],
)
def test_it_neither_overflows_nor_underflows(x, expected):
    np.testing.assert_allclose(log_sum_exp(x), expected, rtol=1e-15)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_it_sums_over_one_axis(axis):
    x = np.random.default_rng(1).normal(0, 5, size=(2, 3, 4))
    expected = np.log(np.exp(x).sum(axis=axis))
    np.testing.assert_allclose(log_sum_exp(x, axis=axis), expected, rtol=1e-13)


def test_it_keeps_a_nan():
    assert np.isnan(log_sum_exp([0.0, np.nan]))


def test_it_takes_whole_numbers():
    assert log_sum_exp([0, 0, 0, 0]) == pytest.approx(np.log(4.0), rel=1e-15)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_log_sum_exp_is_that_of_scipy(axis):
    x = np.random.default_rng(1).normal(0, 300, size=(7, 5, 3))
    np.testing.assert_allclose(log_sum_exp(x, axis=axis), logsumexp(x, axis=axis), rtol=1e-14)
