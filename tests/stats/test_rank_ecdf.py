"""Tests of pystan_mix.stats.rank_ecdf: the band holds uniform numbers, and little else."""

import numpy as np
import pytest
from scipy import stats

from pystan_mix.stats.rank_ecdf import (
    empirical_distribution,
    is_inside,
    randomised_rank,
    simultaneous_band,
)


@pytest.mark.parametrize("level", [0.9, 0.99])
@pytest.mark.parametrize("size", [50, 300])
def test_uniform_samples_are_inside_as_often_as_is_said(size, level):
    """Of 3000 samples; the bounds are four standard errors, and counts are whole numbers."""
    band = simultaneous_band(size, level=level)
    rng = np.random.default_rng(2)
    inside = np.mean([is_inside(band, rng.random(size)) for _ in range(3000)])
    error = np.sqrt(level * (1 - level) / 3000)
    assert inside > level - 4 * error - 0.003
    # the band ends between counts: it may be wider by one
    assert inside < level + 4 * error + 0.05


@pytest.mark.parametrize(
    "law", [stats.beta(1.4, 1.4), stats.beta(0.7, 0.7), stats.beta(1.3, 1.0), stats.beta(0.8, 1.0)]
)
def test_other_samples_are_not(law):
    band = simultaneous_band(1000)
    assert not is_inside(band, law.rvs(1000, random_state=3))


def test_the_empirical_distribution_is_the_share_below():
    band = simultaneous_band(50)
    sample = np.linspace(0.005, 0.995, 50)
    found = empirical_distribution(band, sample)
    np.testing.assert_allclose(found, [(sample <= x).mean() for x in band.points])


def test_the_rank_of_one_of_the_draws_is_uniform():
    """Fails by chance once in ten thousand times."""
    rng = np.random.default_rng(5)
    ranks = [randomised_rank(draws[0], draws[1:], rng=rng) for draws in rng.normal(size=(2000, 20))]
    assert stats.kstest(ranks, "uniform").pvalue > 1e-4


def test_ties_are_broken_evenly():
    """Fails by chance once in ten thousand times."""
    rng = np.random.default_rng(6)
    draws = rng.integers(0, 3, size=(2000, 21)).astype(float)
    ranks = [randomised_rank(row[0], row[1:], rng=rng) for row in draws]
    assert stats.kstest(ranks, "uniform").pvalue > 1e-4
