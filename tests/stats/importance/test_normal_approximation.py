"""Modes and curvatures by differences, against densities whose own are known."""

import numpy as np
import pytest
from scipy import stats

from pystan_mix.stats.importance.normal_approximation import normal_approximation


@pytest.mark.parametrize("size", [1e-6, 1e-2, 3.0])
def test_of_a_normal_it_is_exact(size):
    """Also where it is narrow, far away, on top of a large constant and correlated."""
    rng = np.random.default_rng(1)
    root = size * (np.tril(rng.normal(size=(4, 4)), -1) + np.diag([1.0, 2.0, 0.5, 1.0]))
    mean, covariance = rng.normal(size=4), root @ root.T
    law = stats.multivariate_normal(mean, covariance)
    found = normal_approximation(lambda z: 1e4 + np.atleast_1d(law.logpdf(z)), mean + 5 * size)
    assert found is not None
    # by less than a hundredth of a standard deviation
    off = np.linalg.solve(root, found[0] - mean)
    assert np.abs(off).max() < 0.02
    np.testing.assert_allclose(found[1], covariance, rtol=1e-4, atol=1e-4 * size**2)


def test_of_another_law_it_is_the_curvature_at_the_mode():
    """A gamma variable of shape a has its mode at a - 1, and there the variance a - 1."""
    law = stats.gamma(400.0)
    found = normal_approximation(lambda z: law.logpdf(z).sum(axis=1), np.array([350.0, 480.0]))
    assert found is not None
    np.testing.assert_allclose(found[0], 399.0, atol=0.3)
    np.testing.assert_allclose(np.diag(found[1]), 399.0, rtol=0.01)


def test_where_there_is_no_mode_there_is_none():
    assert normal_approximation(lambda z: z.sum(axis=1), np.zeros(2)) is None
    assert normal_approximation(lambda z: np.full(len(z), np.nan), np.zeros(2)) is None
