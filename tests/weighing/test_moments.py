"""Means and standard deviations of weighted draws, and their errors."""

import numpy as np
import pytest
from scipy import stats

from pystan_mix import (
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    InverseGamma,
    LogNormal,
    NormalMixture,
)
from pystan_mix.mixtures.target import target_of
from pystan_mix.stats.importance.weights import resampled
from pystan_mix.weighing.moments import (
    judged,
    largest_errors,
    moments_of_draws,
    moments_of_populations,
    order_by_tails,
    resampled_by_tails,
)

pytestmark = pytest.mark.arviz


def test_of_equal_weights_they_are_numpys():
    x = np.random.default_rng(1).normal([1.0, 5.0], [2.0, 0.5], size=(400, 2))
    found = moments_of_draws(x, np.full(400, 1 / 400))
    np.testing.assert_allclose(found.mean, x.mean(axis=0))
    np.testing.assert_allclose(found.sd, x.std(axis=0))
    np.testing.assert_allclose(found.mean_error, x.std(axis=0) / 20)


def test_errors_are_the_spread_of_repeated_runs():
    """Of populations whose draws hang together, the populations are what is independent."""
    rng = np.random.default_rng(2)
    runs = []
    for _ in range(400):
        x = rng.normal(size=(16, 1, 1)) + rng.normal(size=(16, 50, 1))
        weights = np.repeat(rng.gamma(20.0, size=(16, 1)), 50, axis=1)
        runs.append(moments_of_populations(x, weights / weights.sum()))
    mean = np.array([each.mean[0] for each in runs])
    sd = np.array([each.sd[0] for each in runs])
    claimed = np.sqrt(np.mean([each.mean_error[0] ** 2 for each in runs]))
    # a standard deviation of 400 runs is known to a thirtieth; of 16 populations it is a bit low
    assert mean.std() == pytest.approx(claimed, rel=0.2)
    claimed = np.sqrt(np.mean([each.sd_error[0] ** 2 for each in runs]))
    assert sd.std() == pytest.approx(claimed, rel=0.25)


def test_what_does_not_vary_has_no_error():
    x = np.zeros((4, 10, 2))
    x[..., 1] = np.random.default_rng(3).normal(size=(4, 10))
    found = {"x": moments_of_populations(x, np.full((4, 10), 1 / 40))}
    assert found["x"].sd_error[0] == found["x"].mean_error[0] == 0.0
    mean_error, sd_error = largest_errors(found)
    assert 0.0 < mean_error < 1.0
    assert 0.0 < sd_error < 1.0


@pytest.mark.parametrize(
    ("prior", "law"),
    [
        (HalfNormal(2), stats.halfnorm(scale=2)),
        (HalfStudentT(4.5, 1), stats.t(4.5)),
        (HalfStudentT(4, 1), stats.t(4)),
        (HalfCauchy(1), stats.cauchy()),
        # of the standard deviation: the variance has half as many moments
        (InverseGamma([2.5, 3], 1), stats.invgamma(2.5)),
        (InverseGamma([2, 3], 1), stats.invgamma(2)),
        (LogNormal(0, 1), stats.lognorm(1)),
    ],
)
def test_what_has_no_fourth_moment_is_judged_by_its_logarithm(prior, law):
    target = target_of(NormalMixture(n_components=2, sigma=prior), np.arange(5.0))
    moment = law.moment(2 if isinstance(prior, InverseGamma) else 4)
    values = {"mu": np.ones((1, 1, 2)), "sigma": np.full((1, 1, 2), 3.0)}
    found = judged(target, values)
    expected = 3.0 if np.isfinite(moment) else np.log(3.0)
    assert found["sigma"] == pytest.approx(expected)
    assert found["mu"] is values["mu"]


def test_resampled_by_tails_standard_deviations_are_those_of_the_weights():
    """Two rare regions, each of one parameter: in a random order their draws come by chance."""
    rng = np.random.default_rng(3)
    S = 8000
    x = {"a": rng.normal(size=(S, 2)), "b": rng.normal(size=(S, 1))}
    x["a"][:40, 1] += 15.0
    x["b"][40:90, 0] -= 12.0
    log_weights = np.log(rng.dirichlet(np.full(S, 5.0)))
    moments = {name: moments_of_draws(each, np.exp(log_weights)) for name, each in x.items()}

    def errors(order):
        picks = order[resampled(log_weights[order], size=2000, rng=rng)]
        return [
            x["a"][picks, 1].std() / moments["a"].sd[1] - 1.0,
            x["b"][picks, 0].std() / moments["b"].sd[0] - 1.0,
        ]

    tails = order_by_tails(x, moments)
    assert sorted(tails) == list(range(S))
    ordered = np.std([errors(tails) for _ in range(200)], axis=0)
    by_chance = np.std([errors(rng.permutation(S)) for _ in range(200)], axis=0)
    # of some ten draws in a region one at most is more or less, where it is three by chance
    assert (ordered < 0.5 * by_chance).all()


def test_of_resamplings_the_one_with_the_nearest_moments_is_taken():
    """Of a region that weighs 0.6 draws one resampling has one, another none."""
    rng = np.random.default_rng(4)
    S, size = 8000, 1000
    x = {"a": rng.normal(size=(S, 2))}
    x["a"][:40, 1] += rng.uniform(10.0, 60.0, size=40)
    weights = np.full(S, 1.0)
    weights[:40] *= 0.6 / size * S / 40
    log_weights = np.log(weights / weights.sum())
    moments = {"a": moments_of_draws(x["a"], np.exp(log_weights))}
    tails, places = order_by_tails(x, moments), rng.permutation(S)

    def off(picks):
        return abs(x["a"][picks, 1].std() / moments["a"].sd[1] - 1.0)

    one = [off(tails[resampled(log_weights[tails], size=size, rng=rng)]) for _ in range(100)]
    nearest = [
        resampled_by_tails(x, moments, log_weights, places=places, size=size, rng=rng)
        for _ in range(100)
    ]
    assert all((np.diff(places[picks]) >= 0).all() for picks in nearest)
    of_some = [off(picks) for picks in nearest]
    assert np.median(of_some) < 0.5 * np.median(one)
    assert np.max(of_some) < np.median(one)
