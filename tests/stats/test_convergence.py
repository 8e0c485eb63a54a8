"""Monte Carlo errors and differences in them: against known laws and SciPy."""

import math

import numpy as np
import pytest
from known_posteriors import autoregressive
from scipy import stats

from pystan_mix.arviz_compat import az
from pystan_mix.stats.convergence import (
    STATISTICS,
    least_visible,
    normal_score,
    summary_of,
    z_scores,
)

pytestmark = pytest.mark.arviz
LAWS = {
    "normal": lambda x: x,
    "lognormal": np.exp,
    "bimodal": lambda x: x + 3.0 * np.sign(x),
}


def pairs(law, *, correlation, count, seed, draws=500):
    """Return z scores of pairs of runs from one law, a row a pair."""
    random = np.random.default_rng(seed)
    chains = autoregressive(random, (4, draws, 2 * count), correlation=correlation)
    summaries = [summary_of(LAWS[law](chains[..., i])) for i in range(2 * count)]
    return np.array(
        [
            list(z_scores(a, b).values())
            for a, b in zip(summaries[::2], summaries[1::2], strict=True)
        ]
    )


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("correlation", [-0.3, 0.7])
def test_scores_of_one_law_are_standard_normal(law, correlation):
    z = pairs(law, correlation=correlation, count=120, seed=1)
    # of 120 pairs the mean has an error of 1 / sqrt(120), the sd one of 1 / sqrt(240), and a share
    # of 5 % one of 2 %
    assert np.all(np.abs(z.mean(axis=0)) < 4 / np.sqrt(120))
    assert np.all(np.abs(z.std(axis=0) - 1.0) < 4 / np.sqrt(240))
    assert np.all((np.abs(z) > 1.96).mean(axis=0) < 0.05 + 4 * 0.02)
    assert (np.abs(z) > 3.8).sum() <= 2  # 0.1 are expected of 600


@pytest.mark.parametrize("shift", [1.0, -1.0])
def test_scores_grow_with_the_difference(shift):
    random = np.random.default_rng(2)
    a, b = random.standard_normal((2, 4, 1000))
    z = z_scores(summary_of(a), summary_of(b + shift))
    for name in ("mean", "q05", "q50", "q95"):
        assert math.copysign(1.0, z[name]) == shift
        assert abs(z[name]) > 8
    assert abs(z["sd"]) < 4
    wider = z_scores(summary_of(a), summary_of(2.0 * b))
    assert wider["sd"] > 8
    assert wider["q05"] < -8


def test_scores_do_not_depend_on_units_and_turn_with_the_order():
    a, b = np.random.default_rng(3).gamma(2.0, size=(2, 4, 500))
    one, other = summary_of(a), summary_of(b)
    forth, back = z_scores(one, other), z_scores(other, one)
    scaled = z_scores(summary_of(1e6 * a + 7), summary_of(1e6 * b + 7))
    for name in STATISTICS:
        assert forth[name] == pytest.approx(-back[name])
        assert forth[name] == pytest.approx(scaled[name], rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("degrees", [5, 20, 100])
@pytest.mark.parametrize("t", [-6.0, -1.0, 0.5, 2.0, 5.0])
def test_normal_score_is_that_of_students_t(t, degrees):
    exact = math.copysign(stats.norm.isf(stats.t.sf(abs(t), degrees)), t)
    # Wallace's approximation: a few thousandths in relative error at five degrees
    assert normal_score(t, degrees) == pytest.approx(exact, rel=0.01)


def test_errors_of_mean_and_sd_are_those_of_repeated_runs():
    chains = np.exp(0.5 * autoregressive(np.random.default_rng(4), (4, 300, 200), correlation=0.5))
    summaries = [summary_of(chains[..., i]) for i in range(200)]
    for name in ("mean", "sd"):
        spread = np.std([each.values[name] for each in summaries])
        said = np.median([getattr(each, f"mcse_{name}") for each in summaries])
        # 200 runs: their spread has an error of 5 %; the median error of a heavy tail is low
        assert said == pytest.approx(spread, rel=0.25)


def test_numbers_are_those_of_arviz():
    draws = autoregressive(np.random.default_rng(5), (4, 300), correlation=0.5)
    found = summary_of(draws)
    assert found.ess_bulk == float(az.ess(draws, method="bulk"))
    assert found.ess_tail == float(az.ess(draws, method="tail", prob=(0.05, 0.95)))
    assert found.r_hat == float(az.rhat(draws))


def test_r_hat_of_few_draws_may_be_higher_and_of_stuck_chains_not():
    random = np.random.default_rng(6)
    slow = summary_of(autoregressive(random, (4, 500), correlation=0.9))
    assert slow.largest_r_hat > 1.05
    stuck = random.standard_normal((4, 2000)) + np.array([[0.0], [0.0], [0.0], [0.5]])
    found = summary_of(stuck)
    assert found.largest_r_hat == 1.01
    assert found.r_hat > 1.02


def test_r_hat_of_one_law_seldom_passes_its_limit():
    chains = autoregressive(np.random.default_rng(7), (4, 400, 200), correlation=0.8)
    summaries = [summary_of(chains[..., i]) for i in range(200)]
    assert sum(each.r_hat > 1.01 for each in summaries) > 40
    # a chance of 1e-4 for each of the two ranks that R-hat takes the larger of: 0.04 are expected
    assert sum(each.r_hat > each.largest_r_hat for each in summaries) <= 1


def test_least_visible_difference_is_critical():
    a, b = np.random.default_rng(8).standard_normal((2, 4, 300))
    one, other = summary_of(a), summary_of(b)
    size = least_visible(one, other, 3.8)
    moved = summary_of(b - b.mean() + a.mean() + size)
    assert z_scores(one, moved)["mean"] == pytest.approx(3.8, rel=1e-6)


def test_constants_and_too_few_draws_are_no_accident():
    constant = summary_of(np.full((4, 100), 2.0))
    # whose mean is off by rounding
    assert summary_of(np.full((4, 1000), 0.1)).values["sd"] == 0.0
    moving = summary_of(np.random.default_rng(9).standard_normal((4, 100)))
    assert set(z_scores(constant, constant).values()) == {0.0}
    assert z_scores(constant, summary_of(np.full((4, 100), 3.0)))["mean"] == math.inf
    assert z_scores(moving, constant)["mean"] > 7
    few = summary_of(np.arange(6.0).reshape(2, 3))
    assert math.isnan(z_scores(moving, few)["mean"])
    assert not least_visible(moving, few, 3.8) < 1e6
    single = summary_of(np.array([[1.0]]))
    assert math.isnan(single.r_hat)
