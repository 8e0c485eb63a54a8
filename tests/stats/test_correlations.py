"""Correlation matrices against NumPy, numerical derivatives and integrals."""

import numpy as np
import pytest
from scipy import integrate

from pystan_mix.stats.correlations import (
    CORRELATION,
    cholesky,
    lkj_draws,
    lkj_log_constant,
    solved,
)


def positive_definite(rng: np.random.Generator, *shape: int, D: int):
    x = rng.normal(size=(*shape, D, D + 2))
    return x @ np.swapaxes(x, -1, -2)


@pytest.mark.parametrize("D", [1, 2, 5])
def test_roots_are_numpys(D):
    x = positive_definite(np.random.default_rng(D), 3, 4, D=D)
    np.testing.assert_allclose(cholesky(x), np.linalg.cholesky(x), rtol=1e-12, atol=1e-12)


def test_what_is_not_positive_definite_has_no_root():
    assert np.isnan(cholesky(np.array([[1.0, 2.0], [2.0, 1.0]]))[1, 1])


def test_what_is_solved_gives_back_what_it_was_of():
    rng = np.random.default_rng(1)
    root, x = cholesky(positive_definite(rng, 6, 1, D=4)), rng.normal(size=(6, 7, 4))
    back = np.einsum("...ij,...j->...i", root, solved(root, x))
    np.testing.assert_allclose(back, x, atol=1e-12)


@pytest.mark.parametrize("D", [1, 2, 3, 5])
def test_free_values_come_back(D):
    free = np.random.default_rng(D).normal(size=(4, D * (D - 1) // 2))
    corr = CORRELATION.from_free(free)
    np.testing.assert_allclose(np.diagonal(corr, axis1=-2, axis2=-1), 1.0)
    np.testing.assert_allclose(CORRELATION.to_free(corr), free, atol=1e-9)


@pytest.mark.parametrize("D", [2, 3, 4])
def test_the_determinant_is_that_of_numerical_derivatives(D):
    free, step = np.random.default_rng(D).normal(size=D * (D - 1) // 2), 1e-6
    lower = np.tril_indices(D, -1)

    def triangle(x):
        return CORRELATION.from_free(x)[lower]

    jacobian = np.stack(
        [
            (triangle(free + step * each) - triangle(free - step * each)) / (2 * step)
            for each in np.eye(free.size)
        ]
    )
    _, expected = np.linalg.slogdet(jacobian)
    assert CORRELATION.log_det(free) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("eta", [0.7, 1.0, 2.0, 4.5])
def test_the_constant_of_two_coordinates_integrates_to_one(eta):
    total, _ = integrate.quad(lambda r: (1 - r**2) ** (eta - 1), -1, 1)
    assert lkj_log_constant(eta, 2) == pytest.approx(-np.log(total), abs=1e-6)


def test_the_constant_of_three_coordinates_integrates_to_one():
    # in free values, where there is no edge
    at = np.linspace(-6, 6, 61)
    grid = np.stack(np.meshgrid(at, at, at, indexing="ij"), axis=-1)
    log_density = np.linalg.slogdet(CORRELATION.from_free(grid))[1] + CORRELATION.log_det(grid)
    total = np.exp(log_density).sum() * (at[1] - at[0]) ** 3
    assert lkj_log_constant(2.0, 3) == pytest.approx(-np.log(total), abs=1e-3)


def test_draws_have_the_moments_of_the_distribution():
    draws = lkj_draws(2.0, (20_000,), 3, rng=np.random.default_rng(1))
    # marginally each is a Beta(eta - 1 + D / 2) on (-1, 1), with variance 1 / (2 a + 1)
    for i, j in ((1, 0), (2, 0), (2, 1)):
        x = draws[:, i, j]
        expected = 1 / (2 * (2.0 - 1 + 1.5) + 1)
        error = (x**2).std() / np.sqrt(x.size)
        assert abs((x**2).mean() - expected) < 5 * error
        assert abs(x.mean()) < 5 * x.std() / np.sqrt(x.size)
