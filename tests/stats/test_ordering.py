"""Tests of pystan_mix.stats.ordering: increasing means of free ones, and back."""

import numpy as np
import pytest
from scipy import integrate, stats

from pystan_mix.stats.ordering import increasing, pull_free, push_apart, push_apart_log_det

GAPS = 10.0 ** np.arange(-14, 7)


@pytest.mark.parametrize("above", [-6.0, -1.0, 0.0, 0.5, 4.0])
def test_a_mean_is_that_of_the_larger_of_two(above):
    before, width = 1.5, 0.7
    expected, _ = integrate.quad(
        lambda x: max(before, x) * stats.norm.pdf(x, before + above, width),
        before + above - 12 * width,
        before + above + 12 * width,
        points=[before],
        epsabs=1e-13,
    )
    mu = push_apart([before, before + above], width)
    assert mu[0] == before
    assert mu[1] == pytest.approx(expected, abs=1e-11)


def test_far_apart_nothing_is_pushed():
    np.testing.assert_array_equal(push_apart([-10.0, 0.0, 30.0], 0.5), [-10.0, 0.0, 30.0])


def test_free_means_in_any_order_become_increasing():
    raw = np.random.default_rng(1).normal(0, 1, size=(1000, 5))
    assert (np.diff(push_apart(raw, 1.0), axis=-1) > 0).all()
    assert (np.diff(raw, axis=-1) < 0).any()


@pytest.mark.parametrize("width", [0.01, 1.0, 50.0])
def test_there_and_back(width):
    mu = width * np.stack([0 * GAPS, GAPS, 3 * GAPS], axis=-1)
    raw = pull_free(mu, width)
    assert np.isfinite(raw).all()
    # a gap is known to the rounding of the means that it lies between
    np.testing.assert_allclose(push_apart(raw, width), mu, rtol=4e-16, atol=1e-15 * width)


def test_equal_means_are_moved_apart_by_more_than_rounding():
    found = increasing(np.array([1e9, 3.0, 1e9]), step=1e-12)
    assert (np.diff(found) > 0.0).all()
    assert increasing(np.array([]), step=1.0).shape == (0,)


def test_one_mean_is_free():
    np.testing.assert_array_equal(pull_free([2.0], 1.0), [2.0])
    np.testing.assert_array_equal(push_apart([2.0], 1.0), [2.0])


def test_jacobian_is_that_of_small_differences():
    raw = np.random.default_rng(2).normal(0, 2, size=(20, 4))
    mu, step = push_apart(raw, 1.3), 1e-5
    for k in range(4):
        moved = np.eye(4)[k] * step
        slope = (push_apart(raw + moved, 1.3) - push_apart(raw - moved, 1.3))[:, k] / (2 * step)
        before = push_apart_log_det(raw[:, :k], mu[:, :k], 1.3)
        own = push_apart_log_det(raw[:, : k + 1], mu[:, : k + 1], 1.3) - before
        # central differences leave some step**2, and rounding over the step
        np.testing.assert_allclose(np.exp(own), slope, rtol=0, atol=1e-9)
