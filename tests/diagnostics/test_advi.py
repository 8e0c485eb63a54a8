"""Tests of pystan_mix.diagnostics.advi: planted faults are found, and nothing else is.

Most are of fits of which nothing is refined; those that are follow at the end.
"""

import math
import re

import numpy as np
import pytest
import xarray as xr
from advi_fits import advi_fit, with_shared

from pystan_mix.arviz_compat import group, to_arviz
from pystan_mix.diagnostics.diagnose import diagnose
from pystan_mix.fits.storage import load, save

pytestmark = pytest.mark.arviz

NAN = math.nan
PLAIN = {"reweighted": 0}


@pytest.mark.parametrize(
    "fit",
    [
        advi_fit(),
        advi_fit(draws=2000),
        advi_fit(algorithm="fullrank"),
        advi_fit(pareto_khat=-0.2),
        # what is as good as exact needs no weights
        advi_fit(elbo_gap=0.01, **PLAIN),
        advi_fit(loss=[240.0], drop=["vi_trace", "converged"]),
    ],
)
def test_a_good_approximation_has_no_problems(fit):
    verdict = diagnose(fit)
    assert (verdict.ok, verdict.use, verdict.problems) == (True, "fine", ())
    assert str(verdict).startswith("No problems found.")


@pytest.mark.parametrize(
    ("draws", "khat", "use", "found"),
    [
        (5000, 0.69, "means only", None),
        (5000, 0.71, "means only", "k-hat is 0.71, and should be at most 0.70"),
        # 1 - 1 / log10(1000) is two thirds
        (1000, 0.66, "means only", None),
        (1000, 0.68, "means only", "k-hat is 0.68, and should be at most 0.67"),
        (100, 0.51, "means only", "k-hat is 0.51, and should be at most 0.50"),
        (5000, 0.99, "means only", "k-hat is 0.99, and should be at most 0.70"),
        (5000, 1.0, "do not use", "k-hat is 1.00, and should be at most 0.70"),
        (5000, math.inf, "do not use", "k-hat is inf, and should be at most 0.70"),
        (5000, NAN, "do not use", "k-hat is nan, and should be at most 0.70"),
    ],
)
def test_khat_of_plain_draws(draws, khat, use, found):
    verdict = diagnose(advi_fit(draws=draws, pareto_khat=khat, **PLAIN))
    assert (verdict.ok, verdict.use) == (False, use)
    if found:
        assert found in verdict.problems[1]
        assert 'Try algorithm="fullrank", or use NUTS (sample).' in verdict.problems[1]
    else:
        assert "Call advi with reweight=True." in verdict.problems[1]
    assert len(verdict.problems) == 2


def test_weights_beyond_khats_limit_are_not_to_be_used():
    verdict = diagnose(advi_fit(pareto_khat=0.75))
    assert verdict.use == "do not use"
    assert verdict.problems[0] == "Do not use it: run NUTS (sample)."


def test_the_sentence_says_what_it_is_good_for():
    verdict = diagnose(advi_fit(pareto_khat=0.8, algorithm="fullrank", **PLAIN))
    assert verdict.problems[0] == "Use it for means only: its intervals are too narrow."
    assert verdict.problems[1].endswith("Use NUTS (sample).")
    assert "fullrank" not in str(verdict)
    assert str(verdict).startswith("- Use it for means only")


@pytest.mark.parametrize(
    ("ess", "draws", "use", "found"),
    [
        (1001, 5000, "fine", None),
        (999, 5000, "means only", "5000 reweighted draws are worth 999 .* worth 1000"),
        (399, 1000, "means only", "1000 reweighted draws are worth 399 .* worth 400"),
        (401, 1000, "fine", None),
        (99, 5000, "do not use", "are worth 99 "),
        (NAN, 5000, "do not use", "are worth nan "),
    ],
)
def test_few_effective_draws_are_found(ess, draws, use, found):
    verdict = diagnose(advi_fit(draws=draws, ess_importance=ess))
    assert verdict.use == use
    if found:
        assert re.search(found, verdict.problems[1])


@pytest.mark.parametrize("reweighted", [0, 1])
@pytest.mark.parametrize(("gap", "found"), [(1.9, False), (2.1, True), (math.inf, True)])
def test_a_distance_to_the_log_evidence_is_found(gap, found, reweighted):
    verdict = diagnose(advi_fit(elbo_gap=gap, pareto_khat=0.6, reweighted=reweighted))
    assert (verdict.use == "do not use") == found
    assert (f"{gap:.1f} nats or more below the log evidence" in str(verdict)) == found


@pytest.mark.parametrize(("tilt", "found"), [(0.4, False), (-0.6, True)])
def test_a_mean_that_weights_would_move_is_found(tilt, found):
    """Weights exp(t x) move a standard normal's mean by t; 5000 draws tell it to some 0.03."""
    fit = advi_fit(tilt=tilt, pareto_khat=0.8, scale=50.0, **PLAIN)
    verdict = diagnose(fit)
    assert verdict.use == ("do not use" if found else "means only")
    assert ("the mean of mu[1] would move by 0." in str(verdict)) == found
    # what is reweighted has moved already
    assert diagnose(advi_fit(tilt=tilt)).ok


def test_rounding_of_the_one_weight_of_one_component_is_no_fault():
    dims = ("chain", "draw", "component")
    rng = np.random.default_rng(1)
    theta = 1 - 2.0**-53 * (rng.random((1, 5000, 1)) < 0.5)
    posterior = xr.Dataset({"theta": (dims, theta), "mu": (dims, rng.normal(size=(1, 5000, 1)))})
    assert diagnose(advi_fit(groups={"posterior": posterior}, elbo_gap=0.01, **PLAIN)).ok


def test_without_densities_nothing_is_believed():
    verdict = diagnose(advi_fit(drop=["sample_stats"], pareto_khat=0.8, **PLAIN))
    assert verdict.use == "do not use"


def test_an_approximation_is_known_by_its_history():
    fit = advi_fit()
    bare = to_arviz({name: group(fit, name) for name in ("posterior", "vi_trace")}, attrs={})
    verdict = diagnose(bare)
    assert verdict.use == "do not use"
    assert "k-hat is nan" in str(verdict)


def test_everything_is_told_the_most_serious_first(tmp_path):
    fit = advi_fit(
        loss=(240.0, 241.0, NAN, 240.1),
        moved={1: 20.0},
        tilt=0.8,
        pareto_khat=0.9,
        elbo_gap=2.5,
        converged=0,
        reweighted=0,
    )
    verdict = diagnose(fit)
    words = ["Do not use", "2.5 nats", "would move by", "Another optimum", "k-hat"]
    assert len(verdict.problems) == len(words)
    for problem, word in zip(verdict.problems, words, strict=True):
        assert word in problem
    assert [note.split()[0] for note in verdict.notes] == ["2", "1", "CmdStan"]
    assert diagnose(load(save(fit, tmp_path / "fit.nc"))) == verdict


def test_the_order_of_dimensions_does_not_matter():
    fit = advi_fit(tilt=-0.6, pareto_khat=0.8, **PLAIN)
    turned = {
        name: group(fit, name).transpose("component", "draw", "chain", missing_dims="ignore")
        for name in ("posterior", "sample_stats")
    } | {"vi_restarts": group(fit, "vi_restarts").transpose("component", "restart")}
    assert diagnose(to_arviz(turned, attrs=dict(fit.attrs))) == diagnose(fit)


@pytest.mark.parametrize(
    ("gap", "use"), [(0.24, "fine"), (0.26, "means only"), (1.9, "means only")]
)
def test_weighted_draws_that_were_far_from_the_posterior_are_for_means(gap, use):
    verdict = diagnose(advi_fit(elbo_gap=gap, pareto_khat=0.5))
    assert verdict.use == use
    assert (f"{gap:.2f} nats from the posterior" in str(verdict)) == (use != "fine")


EXACT = (0.0, 1.0)


@pytest.mark.parametrize(
    "fit",
    [
        advi_fit(refined=EXACT),
        # weights are judged, and not what they were applied to
        advi_fit(refined=(0.8, 0.5), pareto_khat=1.2, elbo_gap=3.0),
        advi_fit(refined=(0.8, 0.5), pareto_khat=math.inf, algorithm="fullrank"),
        advi_fit(refined=EXACT, elbo_gap=0.01, **PLAIN),
        # 0.02, and two errors of the log integral
        advi_fit(refined=(0.1, 0.9), elbo_gap=0.039, **PLAIN),
    ],
)
def test_good_draws_have_no_problems_where_the_posterior_is_refined(fit):
    verdict = diagnose(fit)
    assert (verdict.ok, verdict.use, verdict.problems) == (True, "fine", ())


@pytest.mark.parametrize("reweighted", [0, 1])
@pytest.mark.parametrize(
    ("draws", "khat", "found"),
    [
        (5000, 0.69, False),
        (5000, 0.71, True),
        (1000, 0.66, False),
        (1000, 0.68, True),
        (5000, NAN, True),
        (5000, math.inf, True),
    ],
)
def test_a_posterior_that_is_not_found_is_said(draws, khat, found, reweighted):
    given = {"draws": draws, "pareto_khat_weights": khat, "reweighted": reweighted}
    verdict = diagnose(advi_fit(refined=EXACT, elbo_gap=0.0, **given))
    assert verdict.use == ("do not use" if found else "fine")
    assert (f"of the refined weights is {khat:.2f}" in str(verdict)) == found


@pytest.mark.parametrize(
    ("ess", "draws", "use"),
    [
        (1001, 5000, "fine"),
        (999, 5000, "means only"),
        (101, 5000, "means only"),
        (99, 5000, "do not use"),
        (NAN, 5000, "do not use"),
        (399, 1000, "means only"),
    ],
)
def test_refined_draws_that_are_worth_little_are_found(ess, draws, use):
    verdict = diagnose(advi_fit(refined=EXACT, draws=draws, ess_importance=ess))
    assert verdict.use == use
    assert (f"reweighted draws are worth {ess:.0f} " in str(verdict)) == (use != "fine")


@pytest.mark.parametrize(
    ("refined_draws", "ess", "use"),
    [
        (1000, 399, "means only"),
        (1000, 401, "fine"),
        (2000, 799, "means only"),
        (3000, 999, "means only"),
    ],
)
def test_fewer_refined_draws_than_are_returned(refined_draws, ess, use):
    fit = advi_fit(refined=EXACT, refined_draws=refined_draws, ess_importance=float(ess))
    assert diagnose(fit).use == use


@pytest.mark.parametrize(
    ("refined", "gap", "use"),
    [
        (EXACT, 0.041, "means only"),
        ((0.16, 1.0), 0.0, "means only"),
        ((-0.16, 1.0), 0.0, "means only"),
        ((0.0, 0.84), 0.0, "means only"),
        ((0.0, 1.16), 0.0, "means only"),
        ((0.0, 0.3), 3.0, "means only"),
        ((0.49, 1.0), 2.5, "means only"),
        ((0.51, 1.0), 0.3, "do not use"),
    ],
)
def test_draws_of_the_approximation_are_set_beside_the_refined_moments(refined, gap, use):
    shift, factor = refined
    verdict = diagnose(advi_fit(refined=refined, elbo_gap=gap, pareto_khat=0.9, **PLAIN))
    assert verdict.use == use
    assert len(verdict.problems) == 2
    text = verdict.problems[1]
    assert f"{gap:.2f} nats from the posterior" in text
    if abs(shift) > 0.1:
        assert f"the mean of mu[2] is off by {abs(shift):.2f} standard deviations" in text
    if factor != 1.0:
        assert f"the standard deviation of mu[1] by {factor - 1:+.0%}" in text
    assert "reweight=True: those draws are worth 3000 independent ones." in text


def test_what_is_not_to_be_used_may_be_reweighted():
    verdict = diagnose(advi_fit(refined=(0.6, 1.0), **PLAIN))
    assert verdict.problems[0] == (
        "Do not use these draws: call advi with reweight=True, or run NUTS (sample)."
    )
    # few refined draws tell how far means are off, and make no intervals
    verdict = diagnose(advi_fit(refined=(0.6, 1.0), ess_importance=300.0, **PLAIN))
    assert verdict.problems[0] == "Do not use it: run NUTS (sample)."
    assert "reweight=True" not in str(verdict)
    # nor do weights help against another optimum
    verdict = diagnose(advi_fit(refined=(0.6, 1.0), loss=(240.0, 241.0), moved={1: 20.0}, **PLAIN))
    assert verdict.problems[0] == "Do not use it: run NUTS (sample)."


def test_a_rival_counts_where_the_posterior_is_refined():
    verdict = diagnose(advi_fit(refined=EXACT, loss=(240.0, 241.0), moved={1: 20.0}))
    assert verdict.use == "do not use"
    assert "Another optimum" in verdict.problems[1]


def test_refined_fits_are_judged_alike_when_read_back_and_turned(tmp_path):
    fit = advi_fit(refined=(0.3, 0.7), pareto_khat=0.9, **PLAIN)
    verdict = diagnose(fit)
    assert diagnose(load(save(fit, tmp_path / "fit.nc"))) == verdict
    turned = {
        name: group(fit, name).transpose("component", "draw", "chain", missing_dims="ignore")
        for name in ("posterior", "sample_stats", "vi_refined")
    }
    assert diagnose(to_arviz(turned, attrs=dict(fit.attrs))).problems == verdict.problems


def test_one_component_that_is_refined():
    dims = ("chain", "draw", "component")
    rng = np.random.default_rng(1)
    theta = 1 - 2.0**-53 * (rng.random((1, 5000, 1)) < 0.5)
    mu = rng.normal(size=(1, 5000, 1))
    groups = {
        "posterior": xr.Dataset({"theta": (dims, theta), "mu": (dims, mu)}),
        "vi_refined": xr.Dataset(
            {
                "theta_mean": ("component", [1.0]),
                "theta_sd": ("component", [0.0]),
                "mu_mean": ("component", [mu.mean()]),
                "mu_sd": ("component", [mu.std()]),
            }
        ),
    }
    assert diagnose(advi_fit(groups=groups, elbo_gap=0.01, log_bound_mcse=0.01, **PLAIN)).ok


def test_a_parameter_that_all_components_share_is_judged_too():
    fit = advi_fit(refined=EXACT, elbo_gap=0.01, **PLAIN)
    assert diagnose(with_shared(fit)).ok
    verdict = diagnose(with_shared(fit, off=0.3, factor=0.6))
    assert verdict.use == "means only"
    assert "the mean of df is off by 0.30 standard deviations" in verdict.problems[1]
    assert "the standard deviation of df by -40%" in verdict.problems[1]
