"""Tests of pystan_mix.stats.intervals.best_normal: against SciPy's fit of censored data."""

import numpy as np
import pytest
from scipy import optimize, stats

from pystan_mix.stats.intervals.best_normal import best_normal, points_within, representative
from pystan_mix.stats.intervals.between import log_normal_between

Y = np.random.default_rng(3).normal(5.0, 2.0, size=300)
CASES = {
    "rounded to two": (2 * np.floor(Y / 2), 2 * np.floor(Y / 2) + 2),
    "half below a limit": (np.where(Y < 5, -np.inf, Y), np.where(Y < 5, 5.0, Y)),
    "most above a limit": (np.where(Y > 3, 3.0, Y), np.where(Y > 3, np.inf, Y)),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_the_likeliest(case):
    lower, upper = CASES[case]
    count = np.arange(300) % 3 + 1

    def loss(x: np.ndarray) -> float:
        mean, std = x[0], np.exp(x[1])
        wide = upper > lower
        between = log_normal_between((lower[wide] - mean) / std, (upper[wide] - mean) / std)
        known = stats.norm.logpdf(lower[~wide], mean, std)
        return -(count[wide] @ between + count[~wide] @ known)

    mean, std = best_normal(lower, upper, count)
    best = optimize.minimize(loss, [4.0, 0.5], tol=1e-10, method="Nelder-Mead")
    assert loss(np.array([mean, np.log(std)])) - best.fun < (1e-3 if "round" not in case else 1.0)
    # that of points in the middle is not gone below: a hundredth more where data are rounded
    assert (mean, std) == pytest.approx((best.x[0], np.exp(best.x[1])), rel=0.05)


def test_of_known_values_it_has_their_moments():
    found = best_normal(Y, Y, np.ones(300))
    assert found == pytest.approx((Y.mean(), Y.std()), rel=1e-12)


def test_values_that_may_all_be_one_keep_a_scale():
    found = best_normal(np.array([0.0, 1.0]), np.array([1.0, 2.0]), np.array([1, 1]))
    assert found == pytest.approx((1.0, 0.5), rel=1e-12)


def test_points_are_the_middle_or_the_finite_bound():
    lower, upper = np.array([1.0, -np.inf, 4.0, 2.0]), np.array([2.0, 0.0, np.inf, 2.0])
    assert representative(lower, upper).tolist() == [1.5, 0.0, 4.0, 2.0]


def test_points_within_intervals_follow_the_normal_that_is_cut_off():
    part = (np.arange(200) + 0.5) / 200
    for low, high in ((-np.inf, 4.0), (9.0, np.inf), (4.0, 6.0), (60.0, 61.0)):
        a, b = (low - 5.0) / 2.0, (high - 5.0) / 2.0
        found = points_within(np.full(200, low), np.full(200, high), part, mean=5.0, std=2.0)
        assert ((found >= low) & (found <= high)).all()
        assert (np.diff(found) >= 0.0).all()
        # SciPy's own truncated normal has no digits far out
        if low < 50.0:
            expected = stats.truncnorm(a, b, 5.0, 2.0).ppf(part)
            np.testing.assert_allclose(found, expected, rtol=1e-6)
    same = np.full(3, 7.0)
    assert points_within(same, same, part[:3], mean=5.0, std=2.0).tolist() == [7.0] * 3
