"""Tests of pystan_mix.stats.transforms: Stan's maps against its Reference Manual."""

import numpy as np
import pytest
from reference_density import log_simplex_jacobian
from stan_simplexes import SIMPLEXES, broken_stick, isometric_log_ratio

from pystan_mix.stats.transforms import (
    POSITIVE,
    REAL,
    above,
    log_ratios,
    stick_breaking,
    sticks_joined,
)


@pytest.mark.parametrize("K", [1, 2, 5])
@pytest.mark.parametrize(("simplex", "inverse"), SIMPLEXES)
def test_it_is_the_inverse_of_stans_transform(K, simplex, inverse):
    z = np.random.default_rng(2).normal(scale=2.0, size=(300, K - 1))
    theta = simplex(z)
    np.testing.assert_allclose(theta.sum(axis=-1), 1.0, rtol=1e-14)
    # a share of exp(-8) of what is left of the stick keeps 12 digits
    np.testing.assert_allclose(inverse(theta), z, rtol=0, atol=1e-10)


@pytest.mark.parametrize("K", [1, 2, 5])
@pytest.mark.parametrize(
    ("simplex", "version"), [(broken_stick, (2, 27)), (isometric_log_ratio, (2, 37))]
)
def test_the_references_jacobian_is_the_derivative(K, simplex, version):
    z, step = np.random.default_rng(3).normal(size=K - 1), 1e-5
    moved = step * np.eye(K - 1)
    derivative = (simplex(z + moved) - simplex(z - moved))[:, : K - 1] / (2 * step)
    _, expected = np.linalg.slogdet(derivative)
    assert log_simplex_jacobian(simplex(z), version=version) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(
    ("inverse", "theta", "expected"),
    [
        # log(0.2 / 0.8) + log 2 and log(0.3 / 0.5)
        (stick_breaking, [0.2, 0.3, 0.5], [np.log(0.5), np.log(0.6)]),
        (stick_breaking, [0.25, 0.25, 0.25, 0.25], [0, 0, 0]),
        (log_ratios, [0.2, 0.3, 0.5], [np.log(2 / 3) / 2**0.5, np.log(0.06 / 0.25) / 6**0.5]),
        (log_ratios, [0.25, 0.25, 0.25, 0.25], [0, 0, 0]),
    ],
)
def test_simplex_transforms_by_hand(inverse, theta, expected):
    np.testing.assert_allclose(inverse(np.array(theta)), expected, rtol=1e-14, atol=1e-15)


def test_small_weights_at_the_end_of_the_stick_keep_their_digits():
    z = np.array([3.0, 30.0, -1.0, 0.5])
    np.testing.assert_allclose(stick_breaking(tiny_rest(z)), z, rtol=1e-12)


def tiny_rest(z: np.ndarray) -> np.ndarray:
    """`broken_stick` with the remainder as a product, so that 1 - share is not rounded."""
    K = z.size + 1
    shift = z - np.log(np.arange(K - 1, 0, -1))
    rest = np.concatenate([[1.0], np.cumprod(1.0 / (1.0 + np.exp(shift)))])
    return np.append(rest[:-1] / (1.0 + np.exp(-shift)), rest[-1])


@pytest.mark.parametrize("K", [1, 2, 5])
def test_sticks_are_joined_as_stan_does(K):
    z = np.random.default_rng(3).normal(scale=3.0, size=(200, K - 1))
    log_theta, _ = sticks_joined(z)
    np.testing.assert_allclose(np.exp(log_theta), broken_stick(z), rtol=1e-10)
    np.testing.assert_allclose(np.exp(log_theta).sum(axis=1), 1.0, rtol=1e-14)


def test_the_joined_sticks_jacobian_is_that_of_differences():
    z = np.random.default_rng(4).normal(size=(10, 3))
    step = 1e-6
    for point in z:
        moved = step * np.eye(3)
        matrix = (broken_stick(point + moved) - broken_stick(point - moved))[:, :3] / (2 * step)
        # differences of numbers of size 1 over 1e-6 keep ten digits, of a determinant some eight
        expected = np.linalg.slogdet(matrix)[1]
        assert sticks_joined(point[None])[1][0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("far", [-800.0, 800.0])
def test_far_out_the_logarithms_stay_finite(far):
    log_theta, log_det = sticks_joined(np.array([[far, 0.0]]))
    assert np.isfinite(log_theta).all()
    assert np.isfinite(log_det).all()
    # the first share is the inverse logit of far - log(2), and what is left is halved
    half = -np.log(2.0)
    expected = [far + half, half, half] if far < 0 else [0.0, -far, -far]
    np.testing.assert_allclose(log_theta[0], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("space", [REAL, POSITIVE, above(0.5)], ids=["real", "positive", "above"])
def test_spaces_go_there_and_back(space):
    # just above a floor few digits are left
    z = np.linspace(-30.0 if space in (REAL, POSITIVE) else -5.0, 30.0, 13)
    x = space.from_free(z)
    np.testing.assert_allclose(space.to_free(x), z, rtol=1e-13, atol=1e-13)
    assert (np.diff(x) > 0).all()
    if space is not REAL:
        assert x.min() > (0.0 if space is POSITIVE else 0.5)
    step = 1e-5
    slope = (space.from_free(z + step) - space.from_free(z - step)) / (2 * step)
    np.testing.assert_allclose(space.log_det(z), np.log(slope), rtol=0, atol=1e-8)
    assert above(0.0) is POSITIVE
