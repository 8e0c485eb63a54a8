"""Bridge sampling on densities whose integral is known."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

from pystan_mix.stats.bridge import Bridge, bridge_sample, least_ess

RUNS = 30


def bend(x: np.ndarray) -> np.ndarray:
    """Bend the last coordinate by the first, which keeps volumes."""
    z = x.copy()
    z[..., -1] = 0.3 * z[..., -1] + z[..., 0] ** 2
    return z


def bent_log_density(z: np.ndarray) -> np.ndarray:
    """The bent normal times exp(12.5), in three dimensions."""
    last = (z[:, 2] - z[:, 0] ** 2) / 0.3
    x = np.column_stack([z[:, :2], last])
    return 12.5 + stats.norm.logpdf(x).sum(axis=1) - np.log(0.3)


def independent(rng: np.random.Generator) -> np.ndarray:
    return bend(rng.normal(size=(4, 500, 3)))


def sticky(rng: np.random.Generator) -> np.ndarray:
    """An autoregression: each draw is worth (1 - 0.9) / (1 + 0.9) of an independent one."""
    x = rng.normal(size=(4, 500, 3))
    for i in range(1, 500):
        x[:, i] = 0.9 * x[:, i - 1] + np.sqrt(1 - 0.81) * x[:, i]
    return bend(x)


@pytest.mark.parametrize("chains", [independent, sticky])
def test_the_stated_error_is_the_error(chains: Callable[[np.random.Generator], np.ndarray]):
    runs = []
    for seed in range(RUNS):
        rng = np.random.default_rng(seed)
        runs.append(bridge_sample(bent_log_density, chains(rng), rng=rng))
    standardised = np.array([(run.log_integral - 12.5) / run.mcse for run in runs])
    # squares of standard normals; a stated error that is a guess itself widens it a little
    low, high = stats.chi2.ppf([0.001, 0.999], RUNS)
    assert low < (standardised**2).sum() < 1.2 * high
    assert max(run.mcse for run in runs) < 0.1


def test_sticky_chains_have_the_larger_error():
    errors = []
    for chains in (independent, sticky):
        rng = np.random.default_rng(7)
        errors.append(bridge_sample(bent_log_density, chains(rng), rng=rng).mcse)
    assert errors[1] > 1.3 * errors[0]


def test_heavy_tails_are_no_trouble():
    law = stats.multivariate_t(np.zeros(2), np.eye(2), df=3, seed=1)
    z = law.rvs((4, 1000))
    found = bridge_sample(lambda x: law.logpdf(x) - 100.0, z, rng=np.random.default_rng(1))
    assert abs(found.log_integral + 100.0) < 4.5 * found.mcse < 0.2


def two_modes(z: np.ndarray, share: float = 0.9) -> np.ndarray:
    modes = [stats.norm.logpdf(z, centre).sum(axis=1) for centre in (-10.0, 10.0)]
    return np.asarray(logsumexp(modes, axis=0, b=np.array([[share], [1.0 - share]])))


def test_two_modes_that_each_chain_visits_are_integrated():
    rng = np.random.default_rng(2)
    sign = np.where(rng.random((4, 1000, 1)) < 0.9, -10.0, 10.0)
    found = bridge_sample(two_modes, rng.normal(size=(4, 1000, 2)) + sign, rng=rng)
    assert abs(found.log_integral) < 4.5 * found.mcse < 0.2


def test_chains_that_are_stuck_in_different_modes_count_for_little():
    """Two of four chains say a half where 0.9 is true; the proposal finds 0.9 all the same."""
    rng = np.random.default_rng(2)
    sign = np.array([-10.0, -10.0, 10.0, 10.0])[:, None, None]
    z = rng.normal(size=(4, 1000, 2)) + sign
    assert least_ess(z) < 20
    found = bridge_sample(two_modes, z, rng=rng)
    assert abs(found.log_integral) < 4.5 * found.mcse < 0.2


def test_halves_that_do_not_meet_have_a_large_error():
    """Each half in a mode of its own: neither proposal is near the draws that judge it."""
    rng = np.random.default_rng(3)
    sign = np.where(np.arange(1000) < 500, -10.0, 10.0)[:, None]
    found = bridge_sample(two_modes, rng.normal(size=(4, 1000, 2)) + sign, rng=rng)
    assert found.mcse > 0.5


def test_a_draw_that_is_not_finite_counts_as_far_out():
    rng = np.random.default_rng(4)
    z = independent(rng)
    whole = bridge_sample(bent_log_density, z, rng=np.random.default_rng(1))
    z[1, 7, 2] = -np.inf
    z[2, 400, 0] = np.nan
    holed = bridge_sample(bent_log_density, z, rng=np.random.default_rng(1))
    # two of 2000
    assert abs(holed.log_integral - whole.log_integral) < 0.01
    assert np.isfinite(holed.mcse)


def test_the_seed_decides():
    z = independent(np.random.default_rng(5))
    first, again, other = (
        bridge_sample(bent_log_density, z, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert isinstance(first, Bridge)
    assert first == again
    assert 0.0 < abs(other.log_integral - first.log_integral) < 5.0 * first.mcse
    assert first.log_integral == pytest.approx(np.mean(first.halves), abs=1e-12)


def test_effective_draws_are_at_most_the_draws():
    rng = np.random.default_rng(6)
    assert least_ess(rng.normal(size=(4, 500, 2))) <= 2000
    assert least_ess(sticky(rng)) < 500
