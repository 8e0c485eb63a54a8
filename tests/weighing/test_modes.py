"""Separate modes, counted in samples of densities whose modes are known."""

import math

import numpy as np
import pytest
from scipy import stats

from pystan_mix.weighing.modes import separate_modes

pytestmark = pytest.mark.arviz


def modes_of(log_density, z, seed=1):
    even = np.full(len(z), -math.log(len(z)))
    return separate_modes(log_density, z, log_density(z), even, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(5))
def test_two_normals_apart(seed):
    rng = np.random.default_rng(seed)
    far = rng.random(4000) < 0.29
    z = rng.normal(size=(4000, 4)) * [1.0, 5.0, 0.1, 1.0] + 8.0 * far[:, None] * [1, 0, 0.05, 0]

    def log_density(x):
        laws = [
            stats.norm.logpdf(x, [at, 0.0, 0.05 * at, 0.0], [1.0, 5.0, 0.1, 1.0]).sum(axis=1)
            for at in (0.0, 8.0)
        ]
        return np.logaddexp(math.log(0.71) + laws[0], math.log(0.29) + laws[1])

    found = modes_of(log_density, z, seed)
    assert found.count == 2
    # of 1000 systematically resampled draws of 4000
    error = 4.5 * (0.71 * 0.29 * (1 / 4000 + 1 / 1000)) ** 0.5
    assert found.shares == pytest.approx([0.71, 0.29], abs=error)
    assert str(found) == f"2 modes, {100 * found.shares[0]:.0f} and {100 * found.shares[1]:.0f} %"
    assert (found.of(z) == far).mean() > 0.99


@pytest.mark.parametrize("d", [1, 2, 8, 20])
def test_one_normal_is_one_mode(d):
    z = np.random.default_rng(d).normal(size=(3000, d))
    found = modes_of(lambda x: stats.norm.logpdf(x).sum(axis=1), z)
    assert found.count == 1
    assert str(found) == "1 mode"


def test_a_crescent_is_one_mode():
    rng = np.random.default_rng(2)
    x = rng.normal(size=4000) * 1.5
    z = np.column_stack([x, x**2 + 0.5 * rng.normal(size=4000)])

    def log_density(p):
        return stats.norm.logpdf(p[:, 0], 0, 1.5) + stats.norm.logpdf(p[:, 1], p[:, 0] ** 2, 0.5)

    assert modes_of(log_density, z).count == 1
