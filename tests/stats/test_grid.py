"""Tests of pystan_mix.stats.grid: the grid that rounded values lie on."""

import numpy as np
import pytest

from pystan_mix.stats.grid import grid_step


def two_clusters(n, *, seed, centres=(2.0, 4.3), sds=(0.25, 0.4)):
    rng = np.random.default_rng(seed)
    which = (rng.random(n) < 0.6).astype(int)
    return rng.normal(np.array(centres)[which], np.array(sds)[which])


@pytest.mark.parametrize("n", [100, 300, 2000])
@pytest.mark.parametrize("step", [0.1, 0.5, 1.0, 5.0])
@pytest.mark.parametrize("seed", range(10))
def test_rounded_values_lie_on_the_grid_that_they_were_rounded_to(n, step, seed):
    y = two_clusters(n, seed=seed, centres=(0.0, 50.0), sds=(10.0, 20.0))
    values = np.unique(np.round(y / step) * step)
    assert grid_step(values) == pytest.approx(step, rel=1e-9)
    # wherever it begins, and in whatever unit
    assert grid_step(1e6 + values) == pytest.approx(step, rel=1e-9)
    assert grid_step(1e-9 * values) == pytest.approx(1e-9 * step, rel=1e-9)


@pytest.mark.parametrize("decimals", [3, 12])
@pytest.mark.parametrize("n", [50, 272])
@pytest.mark.parametrize("seed", range(10))
def test_minutes_that_were_seconds_lie_on_sixtieths(decimals, n, seed):
    """As the eruptions of Old Faithful do; their thousandths are no grid but a rounding."""
    minutes = np.round(np.round(60 * two_clusters(n, seed=seed)) / 60, decimals)
    assert grid_step(np.unique(minutes)) == pytest.approx(1 / 60, rel=1e-3)


@pytest.mark.parametrize("seed", range(10))
def test_sixtieths_of_which_some_were_rounded_the_other_way(seed):
    """R's eruptions of Old Faithful have 4.366 beside 4.367."""
    minutes = np.unique(np.round(np.round(60 * two_clusters(272, seed=seed)) / 60, 3))
    twice = minutes[np.abs(minutes % 0.05 - 0.017) < 1e-6][:2] - 0.001
    assert twice.size
    assert grid_step(np.union1d(minutes, twice)) == pytest.approx(1 / 60, rel=1e-3)


@pytest.mark.parametrize("n", [10, 100, 1000])
@pytest.mark.parametrize("seed", range(20))
def test_continuous_values_and_functions_of_rounded_ones_lie_on_none(n, seed):
    y = two_clusters(n, seed=seed)
    assert grid_step(np.unique(y)) is None
    assert grid_step(np.unique(np.log(np.round(100 * np.abs(y)) + 50))) is None
    # written with six decimals, which is no rounding that would make values repeat
    assert grid_step(np.unique(y.round(6))) is None


def test_few_values():
    assert grid_step(np.array([3.0])) is None
    assert grid_step(np.array([0.0, 2.5])) == 2.5
    assert grid_step(np.array([0.0, 1.0, 2.5])) == 0.5
