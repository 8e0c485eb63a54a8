"""What two sets of draws of one quantity are said to show."""

import dataclasses

import numpy as np
import pytest
from known_posteriors import autoregressive

from pystan_mix.comparison.agreement import (
    Agreement,
    judge,
    reasons_against,
    reasons_of_chains,
    trifles,
)
from pystan_mix.stats.convergence import summary_of

pytestmark = pytest.mark.arviz

CRITICAL = 3.8


def normal(seed, *, draws=1000, correlation=0.0):
    random = np.random.default_rng(seed)
    return autoregressive(random, (4, draws), correlation=correlation)


@pytest.mark.parametrize(
    ("other", "finding"),
    [
        (normal(2), "agree"),
        (normal(2) + 0.3, "disagree"),
        (1.3 * normal(2), "disagree"),
        (np.where(normal(2) < 0, 1.5, 1.0) * normal(2), "disagree"),
        (normal(2, draws=100, correlation=0.5), "too few draws"),
        (normal(2, draws=20) + 5.0, "disagree"),
        (normal(2) + np.array([[0], [0], [0], [0.6]]), "chains disagree"),
        (np.full((4, 1000), 0.1), "disagree"),
    ],
)
def test_findings(other, finding):
    reference = summary_of(normal(1))
    assert judge(reference, summary_of(other), critical=CRITICAL).finding == finding


def test_a_real_difference_may_be_too_small_to_matter():
    one, other = normal(3, draws=50_000), normal(4, draws=50_000)
    one, other = ((x - x.mean()) / x.std() for x in (one, other))
    small = judge(summary_of(one), summary_of(other + 0.03), critical=CRITICAL)
    assert small.finding == "negligible"
    assert small.furthest in {"mean", "q50"}
    (note,) = trifles("B", {"mu[1]": small})
    assert note.startswith("B: mu[1] differ by up to 0.03 sd, which is more than")
    large = judge(summary_of(one), summary_of(other + 0.06), critical=CRITICAL)
    assert large.finding == "disagree"


def test_differences_are_in_sds_of_the_reference():
    reference = summary_of(10.0 * normal(5))
    found = judge(reference, summary_of(20.0 * normal(6) + 5.0), critical=CRITICAL)
    # 4000 draws: errors of 0.02 for the mean of the other, which is twice as wide, and its sd
    assert found.apart["mean"] == pytest.approx(0.5, abs=0.2)
    assert found.apart["sd"] == pytest.approx(1.0, abs=0.15)


def test_reasons_name_the_worst_and_count_the_rest():
    base = judge(summary_of(normal(1)), summary_of(normal(2) + 0.5), critical=CRITICAL)
    agreements = {f"mu[{k}]": base for k in range(1, 9)}
    agreements["mu[3]"] = judge(
        summary_of(normal(1)), summary_of(3.0 * normal(2)), critical=CRITICAL
    )
    (reason,) = reasons_against("B", agreements, "A")
    assert reason.startswith("B is not A: they differ in mu[1], mu[2], mu[3], mu[4], mu[5], mu[6] ")
    assert "and 2 more. Most of all in mu[3]: its sd is 20" in reason
    few = dataclasses.replace(base, finding="too few draws", visible=float("nan"))
    (reason,) = reasons_against("B", {"mu[1]": few}, "A")
    assert "those of mu[1] show nothing" in reason
    assert isinstance(few, Agreement)


def test_reasons_of_chains_name_r_hat():
    stuck = summary_of(normal(1) + np.array([[0], [0], [0], [2]]))
    (reason,) = reasons_of_chains("B", {"mu[1]": stuck, "mu[2]": summary_of(normal(2))})
    assert f"on mu[1]: R-hat is {stuck.r_hat:.3f} for mu[1]" in reason
