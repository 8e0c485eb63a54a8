"""What weighted draws are worth, against what is known of normals."""

import math

import numpy as np
import pytest
from scipy import stats

from pystan_mix.stats.importance.weighted_draws import judged, total_density, weighted

TARGET, PROPOSAL = stats.norm(0, 1), stats.norm(0, 2)


def log_density(z):
    """The standard normal, three times as large."""
    return TARGET.logpdf(z[:, 0]) + math.log(3.0), np.zeros(len(z))


def log_proposal(z):
    return PROPOSAL.logpdf(z[:, 0])


def drawn(n=20_000, *, draws=None):
    z = PROPOSAL.rvs((n, 1), random_state=1)
    return weighted(z, total_density(*log_density(z)), log_proposal(z), draws=draws)


def test_the_integral_and_the_worth_are_those_of_normals():
    found = drawn()
    assert found.log_integral == pytest.approx(math.log(3.0), abs=5 * found.mcse)
    # of standard normal over N(0, 2): the mean of the squared ratio is 4 / sqrt(7)
    assert found.ess / 20_000 == pytest.approx(math.sqrt(7) / 4, rel=0.03)
    assert found.pareto_khat < 0.3
    assert math.isinf(found.ess_of_others)


def test_draws_without_a_density_are_draws_all_the_same():
    difference = drawn().log_integral - drawn(draws=40_000).log_integral
    assert difference == pytest.approx(math.log(2.0))


def test_others_agree_or_have_seen_more():
    found, rng = drawn(), np.random.default_rng(2)
    alike = judged(found, log_density, log_proposal, judges=[rng.normal(size=(4000, 1))])
    assert alike.ess_of_others == pytest.approx(found.ess, rel=0.05)
    far = rng.normal(size=(4000, 1))
    far[:400] += 8.0
    # the target is there too: a tenth of it

    def wider(z):
        both = [TARGET.logpdf(z[:, 0]), TARGET.logpdf(z[:, 0] - 8.0)]
        return np.logaddexp(both[0] + math.log(2.7), both[1] + math.log(0.3)), np.zeros(len(z))

    more = judged(found, wider, log_proposal, judges=[rng.normal(size=(4000, 1)), far])
    assert more.ess_of_others < 0.1 * found.ess


def test_what_is_no_number_has_no_density():
    total = total_density(np.array([0.0, -np.inf, np.inf]), np.array([1.0, np.inf, 0.0]))
    assert total.tolist() == [1.0, -np.inf, np.inf]
