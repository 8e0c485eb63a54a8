"""Moments of vectors that components have shares of, also where coordinates are missing."""

import math

import numpy as np
import pytest

from pystan_mix.mixtures.vectors.weighted_moments import weighted_moments

RNG = np.random.default_rng(1)
Y = RNG.normal(size=(600, 3)) @ np.array([[1.0, 0.5, 0.2], [0.0, 2.0, 1.0], [0.0, 0.0, 1.0]]) + 1e3
SHARES = RNG.dirichlet([1.0, 1.0], size=600).T


def lacking(y):
    y = y.copy()
    y[np.random.default_rng(2).random(y.shape) < 0.3] = math.nan
    return y


@pytest.mark.parametrize("shared", [False, True])
def test_of_whole_points_they_are_weighted_ones(shared):
    mean, covariance = weighted_moments(Y, SHARES, shared=shared)
    each = np.stack([np.cov(Y.T, aweights=row, ddof=0) for row in SHARES])
    weight = SHARES.sum(axis=1) / SHARES.sum()
    expected = np.einsum("k,kij->ij", weight, each)[None] if shared else each
    np.testing.assert_allclose(covariance, expected, rtol=1e-6)
    np.testing.assert_allclose(mean, [np.average(Y, axis=0, weights=row) for row in SHARES])


@pytest.mark.parametrize("shared", [False, True])
def test_of_points_that_lack_coordinates_they_are_of_those_that_have_them(shared):
    y = lacking(Y)
    mean, covariance = weighted_moments(y, SHARES, shared=shared)
    assert covariance.shape == ((1 if shared else 2), 3, 3)
    for k, d in np.ndindex(2, 3):
        some = ~np.isnan(y[:, d])
        expected = np.average(y[some, d], weights=SHARES[k, some])
        assert mean[k, d] == pytest.approx(expected, rel=1e-9)
        if not shared:
            squares = np.average((y[some, d] - expected) ** 2, weights=SHARES[k, some])
            assert covariance[k, d, d] == pytest.approx(squares, rel=1e-6)
    # of 600 points half have both: five errors of 150, which each component has
    whole = weighted_moments(Y, SHARES, shared=shared)[1]
    scale = np.sqrt(np.diagonal(whole, axis1=-2, axis2=-1))
    off = (covariance - whole) / (scale[..., :, None] * scale[..., None, :])
    assert np.abs(off).max() < 5 / np.sqrt(150)
    assert (np.linalg.eigvalsh(covariance) > 0.0).all()


def test_pairs_that_are_nowhere_are_uncorrelated():
    y = np.full((40, 2), math.nan)
    y[:20, 0], y[20:, 1] = Y[:40, 0].reshape(2, 20)
    _, covariance = weighted_moments(y, np.ones((1, 40)), shared=False)
    np.testing.assert_allclose(covariance[0, 0, 1], 0.0)
    np.testing.assert_allclose(np.diag(covariance[0]), np.nanvar(y, axis=0))


def test_what_pairs_say_one_by_one_is_made_a_covariance():
    # each pair of coordinates is observed elsewhere, and together they say what cannot be
    x = Y[:50, 0]
    gap = np.full(50, math.nan)
    parts = [(x, x, gap), (gap, x, x), (x, gap, -x)]
    y = np.concatenate([np.stack(part, axis=1) for part in parts])
    _, covariance = weighted_moments(y, np.ones((1, 150)), shared=False)
    assert np.linalg.eigvalsh(covariance).min() > 1e-3
