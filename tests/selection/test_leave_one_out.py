"""Tests of pystan_mix.selection.leave_one_out, where rows stand for several observations."""

import math

import numpy as np
import pytest
import xarray as xr
from scipy.special import logsumexp

from pystan_mix.arviz_compat import to_arviz
from pystan_mix.selection.leave_one_out import log_densities_left_out, sum_with_error

EACH, TIMES = np.array([-1.5, -2.0, -0.25, -4.0]), np.array([3, 1, 7, 2])


def fit_of(log_lik, **constants):
    """A fit with a log likelihood of shape (chain, draw, N), and independent draws."""
    mu = np.random.default_rng(1).normal(size=log_lik.shape[:2])
    groups = {
        "posterior": xr.Dataset({"mu": (("chain", "draw"), mu)}),
        "log_likelihood": xr.Dataset({"y": (("chain", "draw", "obs"), log_lik)}),
    }
    if constants:
        groups["constant_data"] = xr.Dataset({n: ("obs", x) for n, x in constants.items()})
    return to_arviz(groups, attrs={})


def log_lik_of(y, *, draws=1000):
    """Log densities of observations under means of which the posterior is normal."""
    mu = 0.1 * np.random.default_rng(2).normal(size=(4, draws, 1))
    return -0.5 * (y - mu) ** 2


def test_sums_of_counts_are_those_of_all_observations():
    total, error = sum_with_error(EACH, TIMES)
    all_of_them = np.repeat(EACH, TIMES)
    assert total == pytest.approx(all_of_them.sum(), rel=1e-14)
    assert error == pytest.approx(math.sqrt(13 * all_of_them.var()), rel=1e-14)
    assert sum_with_error(all_of_them, None) == pytest.approx((total, error), rel=1e-14)


def test_sums_of_weights_have_the_error_of_their_rows():
    total, error = sum_with_error(EACH, 0.5 * TIMES)
    terms = 0.5 * TIMES * EACH
    assert (total, error) == pytest.approx((terms.sum(), math.sqrt(4 * terms.var())), rel=1e-14)


def test_of_equal_observations_one_is_left_out():
    y = np.array([-1.0, 0.5, 2.0])
    counted = log_densities_left_out(fit_of(log_lik_of(y), counts=np.array([5, 1, 2])))
    single = log_densities_left_out(fit_of(log_lik_of(y)))
    np.testing.assert_array_equal(counted, single)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0, 5.0])
def test_a_row_is_left_out_with_its_weight(weight):
    """Against the ratios without smoothing, which here have a light tail."""
    log_lik = log_lik_of(np.array([0.7]), draws=5000)
    found = log_densities_left_out(fit_of(log_lik, weights=np.array([weight])))
    ratios = -weight * log_lik
    expected = logsumexp(ratios + log_lik) - logsumexp(ratios)
    np.testing.assert_allclose(found, expected, atol=1e-4)
