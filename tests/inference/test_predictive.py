"""A model and data made ready, and the draws that are predicted from."""

import math

import numpy as np
import pytest

from pystan_mix.arviz_compat import group
from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.run import Call, run_cmdstan, workspace
from pystan_mix.errors import DataError, ModelError, SettingsError
from pystan_mix.inference import predictive as fitting
from pystan_mix.inference.convert import nuts_to_arviz
from pystan_mix.inference.predictive import pose, predict, predictive_draws_for
from pystan_mix.mixtures.model import NormalMixture
from pystan_mix.mixtures.priors import HalfNormal, Normal
from pystan_mix.mixtures.simulation import log_density

Y = [3.0, -1.0, 3.0, 0.5, -1.0, 3.0]
COMPLETE = NormalMixture(n_components=2, means=Normal(0, 10), sigma=HalfNormal(5))
KNOWN = NormalMixture(n_components=2, means=Normal(0, 10), sigma=(1.0, 2.0))


def test_pose():
    problem = pose(COMPLETE, Y)
    assert problem.model == COMPLETE
    assert problem.program == "normal_mixture"
    assert problem.parameters == ["theta_raw", "mu_raw", "sigma"]
    assert problem.observed.y.tolist() == Y
    # where each stands among the distinct ones, which Stan gets in increasing order
    assert problem.stan["y"] == [-1.0, 0.5, 3.0]
    assert problem.stan["count"] == [2, 1, 3]
    assert problem.observed.index.tolist() == [2, 0, 2, 1, 0, 2]
    assert np.array(problem.stan["y"])[problem.observed.index].tolist() == Y
    assert (problem.stan["N_rep"], problem.stan["save_log_lik"]) == (0, 0)


def test_priors_that_are_left_out_are_scaled_to_the_data():
    problem = pose(NormalMixture(n_components=2), Y)
    mean, spread = np.mean(Y), np.std(Y)
    assert problem.model.means == Normal(float(mean), float(2.5 * spread))
    assert problem.model.sigma == HalfNormal(float(spread))
    assert problem.stan["sigma_scale"] == [spread, spread]
    assert problem.stan["sigma_df"] == math.inf


@pytest.mark.parametrize(
    ("likelihood", "program"),
    [("stan", "normal_mixture_known_sigma"), ("by_hand", "normal_mixture_by_hand")],
)
def test_pose_with_known_sigma(likelihood, program):
    problem = pose(KNOWN, Y, likelihood=likelihood)
    assert problem.program == program
    assert problem.parameters == ["theta_raw", "mu_raw"]
    assert problem.stan["sigma"] == [1.0, 2.0]


def test_pose_for_the_prior():
    problem = pose(COMPLETE, None)
    assert (problem.stan["N"], problem.stan["y"], problem.stan["count"]) == (0, [], [])
    assert problem.observed.y.size == problem.observed.index.size == 0


@pytest.mark.parametrize(
    ("model", "y", "likelihood", "error", "words"),
    [
        (COMPLETE, [], "stan", DataError, "At least two observations"),
        (COMPLETE, [1.0, math.nan], "stan", DataError, "not finite"),
        (NormalMixture(n_components=3), [1.0, 2.0], "stan", DataError, "2 different .*3 compon"),
        (NormalMixture(n_components=2), None, "stan", ModelError, "prior of means is left out"),
        (COMPLETE, Y, "by_hand", SettingsError, "known standard deviations"),
        (COMPLETE, Y, "fast", SettingsError, "fused, stan, by_hand; it is 'fast'"),
    ],
)
def test_what_cannot_be_posed(model, y, likelihood, error, words):
    with pytest.raises(error, match=words):
        pose(model, y, likelihood=likelihood)


@pytest.mark.parametrize(
    ("wanted", "n", "draws", "expected"),
    [
        (None, 100, 40_000, 1000),
        (None, 100, 400, 400),
        (None, 0, 4000, 1000),
        (None, 10_000, 40_000, 1000),
        (None, 20_000, 40_000, 500),
        (None, 100_000, 40_000, 100),
        # 99 draws would be too few to be of use
        (None, 101_000, 40_000, 0),
        (None, 20_000, 300, 300),
        (0, 100, 4000, 0),
        (7, 100, 4000, 7),
        (5000, 100, 4000, 4000),
        # who asks for them gets them
        (500, 1_000_000, 4000, 500),
    ],
)
def test_predictive_draws(wanted, n, draws, expected):
    assert predictive_draws_for(wanted, n=n, draws=draws) == expected


@pytest.mark.parametrize("wanted", [-1, 2.5, True, "all"])
def test_predictive_draws_that_are_no_number_of_draws(wanted):
    with pytest.raises(SettingsError, match="predictive_draws must be a whole number, 0 or more"):
        predictive_draws_for(wanted, n=10, draws=100)


@pytest.mark.parametrize("draws", [1, 2, 3, 7, 100, 999, 10_000])
@pytest.mark.parametrize("wanted", [1, 2, 3, 5, 64, 250, 998, 20_000])
def test_evenly_spaced_draws(draws, wanted):
    picks = fitting._evenly_spaced(draws, wanted)
    assert picks.size == min(draws, wanted)
    assert picks[0] == 0
    assert picks[-1] == (draws - 1 if wanted > 1 else 0)
    gaps = np.diff(picks)
    assert gaps.size == 0 or (gaps.min() >= 1 and gaps.max() - gaps.min() <= 1)


@pytest.mark.parametrize(("total", "each"), [(0, None), (10, 5), (11, 6), (1000, 40)])
def test_predict(cmdstan, total, each):
    """The generated quantities are those of the draws that they say they are of."""
    problem = pose(KNOWN, Y)
    (executable,) = compiled(problem.program, cmdstan=cmdstan, show_progress=False)
    with workspace(executable, keep_in=None) as space:
        call = Call(
            method=("sample", "num_samples=40", "num_warmup=100"),
            data=space.write_data("data", problem.stan),
            seed=1,
        )
        run = run_cmdstan(space, "chain", [call, call], parallel=2)
        generated = predict(space, problem, run.csvs, n_rep=3, total=total, seed=2, parallel=2)
    if each is None:
        assert generated is None
        return
    assert [pick.size for pick in generated.picks] == [each, each]
    fit = nuts_to_arviz(
        run.csvs, stan=problem.stan, observed=problem.observed, generated=generated, attrs={}
    )
    found = group(fit, "log_likelihood")["y"]
    posterior = group(fit, "posterior").sel(draw=found["draw"])
    expected = log_density(Y, posterior["theta"], posterior["mu"], [1.0, 2.0])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)
    assert group(fit, "posterior_predictive")["y"].shape == (2, each, 3)
