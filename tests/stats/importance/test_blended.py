"""A blend of sources, on densities whose integrals are known."""

import math

import numpy as np
import pytest
from scipy import stats

from pystan_mix.stats.importance.blended import Adaptation
from pystan_mix.stats.importance.student_proposals import Students, student

pytestmark = pytest.mark.arviz
LOG_CONSTANT = -2.3
FAR = 30.0


def far_apart(z):
    """Three per cent lie thirty standard deviations away."""
    major = stats.norm.logpdf(z).sum(axis=1)
    minor = stats.norm.logpdf(z, [FAR, 0.0], [2.0, 1.0]).sum(axis=1)
    total = np.logaddexp(math.log(0.97) + major, math.log(0.03) + minor)
    return np.zeros(len(z)), total + LOG_CONSTANT


def near(n=1000, *, seed=1):
    """Draws that know the major mode only."""
    return np.random.default_rng(seed).normal(size=(n, 2))


def adapted(z, fixed=(), seed=2):
    rng = np.random.default_rng(seed)
    return Adaptation(far_apart, z, fixed, round_draws=1000, rng=rng)


def elsewhere():
    return Students(student(np.array([25.0, 1.0]), np.diag([50.0, 4.0])))


def test_a_fixed_source_shows_what_the_draws_have_not_reached():
    found = adapted(near(), (elsewhere(),)).sample(4000, judges=[near(seed=3)])
    weights = np.exp(found.log_weights)
    assert weights.sum() == pytest.approx(1.0)
    assert found.pareto_khat < 0.5
    assert abs(found.log_integral - LOG_CONSTANT) < 4.5 * found.mcse
    far = found.z[:, 0] > FAR / 2
    # by the effective number of the draws there
    worth = weights[far].sum() ** 2 / (weights[far] @ weights[far])
    assert worth > 100
    assert weights[far].sum() == pytest.approx(0.03, rel=4.5 * worth**-0.5)


def test_without_it_the_rest_is_missed_and_other_draws_say_so():
    others = near(seed=4)
    others[::20, 0] += FAR
    adaptation = adapted(near())
    found = adaptation.sample(4000, judges=[near(seed=3), others])
    assert found.log_integral == pytest.approx(LOG_CONSTANT + math.log(0.97), abs=0.01)
    # k-hat, and what the weights are worth, see nothing
    assert found.pareto_khat < 0.7
    assert found.ess > 1000
    assert found.ess_of_others < 1.0
    assert adaptation.sample(4000, judges=[near(seed=4)]).ess_of_others > 1000


def test_more_rounds_do_no_harm():
    adaptation = adapted(near(), (elsewhere(),))
    adaptation.adapt((1.0, 1.0))
    found = adaptation.sample(4000, judges=[near(seed=3)])
    assert abs(found.log_integral - LOG_CONSTANT) < 4.5 * found.mcse


def test_draws_in_one_place_have_no_covariance():
    with pytest.raises(np.linalg.LinAlgError):
        adapted(np.ones((100, 2)))
    with pytest.raises(np.linalg.LinAlgError, match="fewer draws than dimensions"):
        adapted(near(n=2))


def test_errors_are_honest():
    """The spread of twenty runs is at most what each says, which does not count strata."""
    found = [
        adapted(near(seed=s), (elsewhere(),), seed=s).sample(3000, judges=[near(n=100)])
        for s in range(20)
    ]
    z = [(one.log_integral - LOG_CONSTANT) / one.mcse for one in found]
    # chi-square of 20: below 40 in 99.5 of 100
    assert 3.0 < np.square(z).sum() < 40.0
