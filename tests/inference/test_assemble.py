"""Tests of pystan_mix.inference.assemble: CmdStan's recorded output into ArviZ data."""

import dataclasses
import json
import math
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.stats
from by_scipy import log_density

from pystan_mix.arviz_compat import HAS_DATATREE, attributes, az, group, group_names
from pystan_mix.cmdstan.stan_csv import read_stan_csv
from pystan_mix.fits.approximation import refined_group
from pystan_mix.fits.groups import Predictive
from pystan_mix.fits.model import draws_of_fit, model_of
from pystan_mix.fits.storage import load, save
from pystan_mix.inference.assemble import advi_fit, nuts_fit
from pystan_mix.inference.cmdstan_files import from_cmdstan_csv
from pystan_mix.inference.from_csv import csv_draws
from pystan_mix.inference.predictive import predictive_of
from pystan_mix.inference.refinement import (
    ess_of_draws,
    refined_from,
    refined_moments,
    weighted_draws,
)
from pystan_mix.inference.restarts import Restarts, judged
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.observations import indexed
from pystan_mix.mixtures.priors import Normal
from pystan_mix.mixtures.scale_priors import HalfNormal
from pystan_mix.mixtures.stan_data import target_of_stan_data
from pystan_mix.mixtures.target import Target

RECORDED = Path(__file__).resolve().parents[1] / "recorded"
NUTS = [RECORDED / "nuts-1.csv", RECORDED / "nuts-2.csv"]
Y = [-4.0] + [-3.0] * 3 + [-2.0] * 4 + [1.0] + [2.0] * 2 + [3.0] * 6 + [4.0] * 2 + [5.0]
PICKS = np.arange(0, 60, 10)
MODEL = NormalMixture(
    n_components=2, means=Normal(0.0, 10.0), sigma=HalfNormal(5.0), min_weight=0.1, min_sigma=0.0
)
pytestmark = pytest.mark.arviz


@pytest.fixture(scope="module")
def nuts():
    return from_cmdstan_csv(NUTS, data=RECORDED / "data.json")


@pytest.fixture(scope="module")
def advi():
    return from_cmdstan_csv(
        RECORDED / "advi.csv",
        data=RECORDED / "data-advi.json",
        history=RECORDED / "advi-history.csv",
    )


@pytest.fixture(scope="module")
def known_sigma():
    return from_cmdstan_csv([RECORDED / "known-sigma.csv"], data=RECORDED / "data-known-sigma.json")


def columns(name: str, prefix: str) -> np.ndarray:
    """Columns of a recorded file by NumPy: all that are `prefix` or `prefix.1`, `prefix.2`, ..."""
    text = [line for line in (RECORDED / name).read_text().splitlines() if line[:1] != "#"]
    text = [line for line in text if line]
    names = text[0].split(",")
    wanted = [i for i, column in enumerate(names) if column.split(".")[0] == prefix]
    return np.loadtxt(text[1:], delimiter=",", usecols=wanted, ndmin=2)


def chains(prefix: str) -> np.ndarray:
    return np.stack([columns(path.name, prefix) for path in NUTS])


@pytest.mark.parametrize("name", ["theta", "mu", "sigma"])
def test_posterior_of_nuts(nuts, name):
    found = group(nuts, "posterior")[name]
    assert found.dims == ("chain", "draw", "component")
    assert found.dtype == np.float64
    assert np.array_equal(found, chains(name))
    assert found["chain"].to_numpy().tolist() == [0, 1]
    assert found["draw"].to_numpy().tolist() == list(range(60))
    assert found["component"].to_numpy().tolist() == [0, 1]


def test_groups_of_nuts(nuts):
    assert sorted(group_names(nuts)) == [
        "constant_data",
        "log_likelihood",
        "observed_data",
        "posterior",
        "posterior_predictive",
        "sample_stats",
    ]
    # theta_raw is a device of the program's
    assert set(group(nuts, "posterior").data_vars) == {"theta", "mu", "sigma"}


@pytest.mark.parametrize(
    ("name", "column", "kind"),
    [
        ("lp", "lp__", "f"),
        ("acceptance_rate", "accept_stat__", "f"),
        ("step_size", "stepsize__", "f"),
        ("tree_depth", "treedepth__", "i"),
        ("n_steps", "n_leapfrog__", "i"),
        ("diverging", "divergent__", "b"),
        ("energy", "energy__", "f"),
    ],
)
def test_sample_stats_of_nuts(nuts, name, column, kind):
    stats = group(nuts, "sample_stats")
    assert len(stats.data_vars) == 7
    assert stats[name].dims == ("chain", "draw")
    assert stats[name].dtype.kind == kind
    assert np.array_equal(stats[name], chains(column)[..., 0])


def test_a_divergence_is_true(tmp_path):
    lines = NUTS[0].read_text().splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if line[0] in "-0123456789")
    cells = lines[at].split(",")
    cells[5] = "1"
    path = tmp_path / "divergent.csv"
    path.write_text("".join([*lines[:at], ",".join(cells), *lines[at + 1 :]]))
    fit = from_cmdstan_csv(path, data=RECORDED / "data.json")
    assert group(fit, "sample_stats")["diverging"].to_numpy().tolist() == [[True] + [False] * 59]


def test_observations_come_back_with_their_repetitions(nuts):
    assert group(nuts, "observed_data")["y"].to_numpy().tolist() == Y
    assert group(nuts, "observed_data")["y"].dims == ("obs",)
    assert group(nuts, "observed_data")["obs"].to_numpy().tolist() == list(range(20))


def test_posterior_predictive_of_nuts(nuts):
    found = group(nuts, "posterior_predictive")["y"]
    assert found.dims == ("chain", "draw", "obs")
    assert np.array_equal(found, chains("y_rep"))


@pytest.mark.parametrize("which", ["nuts", "advi", "known_sigma"])
def test_log_likelihood_is_that_of_every_observation(which, request):
    fit = request.getfixturevalue(which)
    found = group(fit, "log_likelihood")["y"]
    assert found.dims == ("chain", "draw", "obs")
    assert found["obs"].size == len(Y)
    posterior = group(fit, "posterior")
    sigma = group(fit, "constant_data" if which == "known_sigma" else "posterior")["sigma"]
    expected = log_density(Y, posterior["theta"], posterior["mu"], sigma)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


def test_constants_of_the_model(nuts):
    constant = group(nuts, "constant_data")
    assert set(constant.data_vars) == {
        "alpha",
        "mu_loc",
        "mu_scale",
        "sigma_scale",
        "sigma_prior",
        "sigma_df",
        "min_weight",
        "min_sigma",
    }
    for name, value in [("alpha", 2.0), ("mu_loc", 0.0), ("mu_scale", 10.0), ("sigma_scale", 5.0)]:
        assert constant[name].dims == ("component",)
        assert constant[name].to_numpy().tolist() == [value, value]
    assert float(constant["min_weight"]) == 0.1
    # half-normal
    assert float(constant["sigma_df"]) == math.inf
    assert constant["sigma_df"].dims == ()


def test_a_known_sigma_is_a_constant(known_sigma):
    assert set(group(known_sigma, "posterior").data_vars) == {"theta", "mu"}
    constant = group(known_sigma, "constant_data")
    assert constant["sigma"].to_numpy().tolist() == [1.0, 1.5]
    assert "sigma_scale" not in constant
    assert attributes(known_sigma)["program"] == "normal_mixture_known_sigma"
    # no y_rep was asked for
    assert "posterior_predictive" not in group_names(known_sigma)


def test_attributes_of_nuts(nuts):
    found = attributes(nuts)
    assert model_of(nuts) == MODEL
    assert json.loads(found.pop("model"))["family"] == "normal"
    assert found == {
        "inference_library": "CmdStan",
        "inference_library_version": "2.27.0",
        "program": "normal_mixture",
        "method": "nuts",
        "seed": 1,
        "missing_dropped": 0,
        "missing_marginalised": 0,
        "iter_warmup": 300,
        "iter_sampling": 60,
        "adapt_delta": 0.95,
        "max_treedepth": 10,
        "metric": "diag_e",
    }


def test_advi(advi):
    assert {"posterior", "sample_stats", "vi_trace", "vi_restarts"} < set(group_names(advi))
    # what was not reweighted has no second set of draws
    assert "approximation" not in group_names(advi)
    for name in ("theta", "mu", "sigma"):
        found = group(advi, "posterior")[name]
        assert found.dims == ("chain", "draw", "component")
        # the first row is no draw
        assert np.array_equal(found, columns("advi.csv", name)[None, 1:])
    assert group(advi, "posterior_predictive")["y"].shape == (1, 200, 3)
    stats = group(advi, "sample_stats")
    assert set(stats.data_vars) == {"log_p", "log_g"}
    assert np.array_equal(stats["log_p"], columns("advi.csv", "log_p__")[None, 1:, 0])
    trace = group(advi, "vi_trace")
    history = np.loadtxt(RECORDED / "advi-history.csv", delimiter=",")
    assert trace["elbo"].dims == ("restart", "iteration")
    assert trace["iteration"].dtype.kind == "i"
    assert np.array_equal(trace["iteration"], history[:, 0])
    assert np.array_equal(trace["seconds"], history[None, :, 1])
    assert np.array_equal(trace["elbo"], history[None, :, 2])


def test_the_one_start_of_a_run_by_hand(advi):
    found, top = group(advi, "vi_restarts"), attributes(advi)
    assert dict(found.sizes) == {"restart": 1, "component": 2}
    assert found["loss"].to_numpy().tolist() == [-top["elbo"]]
    assert found["pareto_khat"].to_numpy().tolist() == [top["pareto_khat"]]
    assert (found["kept"].item(), found["failed"].item()) == (True, False)
    # what CmdStan printed is not in its file
    assert "converged" not in found
    assert "converged" not in top
    for name in ("theta", "mu", "sigma"):
        assert np.array_equal(found[name], columns("advi.csv", name)[:1])


def target_in(name: str) -> Target:
    """Return the model and the observations of a recorded data block."""
    return target_of_stan_data(NormalMixture, json.loads((RECORDED / name).read_text()))


def test_reweighted_draws_leave_the_plain_ones_beside_them(tmp_path):
    target = target_in("data-advi.json")
    one = judged(target, read_stan_csv(RECORDED / "advi.csv"))
    refined = refined_from(target, one, rng=np.random.default_rng(1))
    weighted = weighted_draws(refined, 200, rng=np.random.default_rng(2))
    fit = advi_fit(
        target, Restarts((None, one)), refined=refined, weighted=weighted, predictive=None
    )
    plain, returned = group(fit, "approximation"), group(fit, "posterior")
    assert set(plain) == {"theta", "mu", "sigma", "log_p", "log_g"}
    for name in ("theta", "mu", "sigma"):
        assert np.array_equal(plain[name], columns("advi.csv", name)[None, 1:])
        assert np.array_equal(returned[name], weighted.variables[name])
    assert np.array_equal(plain["log_g"][0], one.estimate.log_g)
    assert np.array_equal(plain["log_p"][0], columns("advi.csv", "log_p__")[1:, 0])
    for name in ("log_p", "log_g"):
        found = group(fit, "sample_stats")[name]
        assert np.array_equal(found, getattr(weighted, name))
    assert returned["draw"].to_numpy().tolist() == list(range(200))
    assert group(fit, "vi_refined").identical(refined_group(refined_moments(refined)))
    top, found = attributes(fit), refined.refinement
    assert top["pareto_khat"] == one.estimate.pareto_khat
    assert top["pareto_khat_weights"] == found.pareto_khat
    assert top["ess_importance"] == ess_of_draws(refined, 200)
    assert top["refined_draws"] == len(found.z)
    assert (top["log_bound"], top["log_bound_mcse"]) == (found.log_integral, found.mcse)
    assert top["elbo_gap"] == max(0.0, found.log_integral - one.estimate.elbo)
    assert (top["reweighted"], top["restarts"]) == (1, 2)
    assert group(fit, "vi_restarts")["failed"].to_numpy().tolist() == [True, False]
    back = load(save(fit, tmp_path / "fit.nc"))
    assert attributes(back) == top
    for name in group_names(fit):
        assert group(back, name).identical(group(fit, name))


def test_attributes_of_advi(advi):
    found = attributes(advi)
    assert {name: found[name] for name in ("method", "algorithm", "iter", "tol_rel_obj")} == {
        "method": "advi",
        "algorithm": "meanfield",
        "iter": 10_000,
        "tol_rel_obj": 1e-4,
    }
    stats = group(advi, "sample_stats")
    ratios = (stats["log_p"] - stats["log_g"]).to_numpy().ravel()
    assert found["elbo"] == pytest.approx(ratios.mean(), rel=1e-12)
    assert found["elbo_mcse"] == pytest.approx(scipy.stats.sem(ratios), rel=1e-9)
    assert found["pareto_khat"] < 0.7


def test_a_correlated_approximation_of_a_run_by_hand():
    fit = from_cmdstan_csv(RECORDED / "advi-fullrank.csv", data=RECORDED / "data-bare.json")
    found, stats = attributes(fit), group(fit, "sample_stats")
    assert found["algorithm"] == "fullrank"
    assert found["elbo"] == pytest.approx(float((stats["log_p"] - stats["log_g"]).mean()))


def test_the_elbo_is_right_for_two_components(advi):
    """The whole way, with the log odds written out here."""
    draws = {name: columns("advi.csv", name) for name in ("theta_raw", "mu_raw", "sigma")}
    z = np.column_stack(
        [
            np.log(draws["theta_raw"][:, 0] / draws["theta_raw"][:, 1]),
            draws["mu_raw"],
            np.log(draws["sigma"]),
        ]
    )
    log_g = columns("advi.csv", "log_g__")[1:, 0]
    inverse = np.linalg.lstsq((z[1:] - z[0]) ** 2, -2 * log_g, rcond=None)[0]
    expected = scipy.stats.norm.logpdf(z[1:], z[0], inverse**-0.5).sum(axis=1)
    np.testing.assert_allclose(group(advi, "sample_stats")["log_g"][0], expected, rtol=0, atol=1e-6)


def test_advi_without_adaptation_history_and_generated_quantities():
    fit = from_cmdstan_csv(RECORDED / "advi-unadapted.csv", data=RECORDED / "data-bare.json")
    assert sorted(group_names(fit)) == [
        "constant_data",
        "observed_data",
        "posterior",
        "sample_stats",
        "vi_refined",
        "vi_restarts",
    ]
    assert group(fit, "posterior")["mu"].shape == (1, 100, 2)
    assert attributes(fit)["iter"] == 2000


def test_saved_warm_up_is_no_part_of_the_posterior():
    fit = from_cmdstan_csv(str(RECORDED / "thinned.csv"), data=str(RECORDED / "data-bare.json"))
    assert np.array_equal(group(fit, "posterior")["mu"], columns("thinned.csv", "mu")[None, 4:])
    assert group(fit, "sample_stats")["lp"].shape == (1, 7)


def generated(target: Target) -> Predictive:
    """Stan's own generated quantities of every tenth draw of the recorded chains."""
    csvs = [read_stan_csv(RECORDED / f"generated-{chain}.csv") for chain in (1, 2)]
    y_rep, log_lik = (
        np.stack([csv.variable(name) for csv in csvs]) for name in ("y_rep", "log_lik")
    )
    return Predictive(PICKS, y_rep, log_lik[..., target.observed.index])


def test_generated_quantities_of_some_draws_keep_those_draws_coordinates():
    target = target_in("data.json")
    csvs = [read_stan_csv(path) for path in NUTS]
    fit = nuts_fit(target, csvs, predictive=generated(target), seconds=2.5)
    assert attributes(fit)["seconds"] == 2.5
    assert group(fit, "posterior").sizes["draw"] == 60
    for name in ("posterior_predictive", "log_likelihood"):
        assert group(fit, name)["y"].sizes == {"chain": 2, "draw": 6, "obs": 20}
        assert group(fit, name)["draw"].to_numpy().tolist() == PICKS.tolist()
    # so they can be selected from the posterior
    found = group(fit, "log_likelihood")["y"]
    posterior = group(fit, "posterior").sel(draw=found["draw"])
    expected = log_density(Y, posterior["theta"], posterior["mu"], posterior["sigma"])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


def test_what_is_predicted_in_numpy_is_what_stan_generated():
    target = target_in("data.json")
    draws = csv_draws(target, [read_stan_csv(path) for path in NUTS])
    found = predictive_of(target, draws.picked(PICKS), n_rep=20, total=12, seed=1)
    np.testing.assert_allclose(found.log_lik, generated(target).log_lik, rtol=1e-10)


def test_observations_in_their_own_order():
    order = np.random.default_rng(1).permutation(20)
    mixed = Target(target_in("data.json").model, indexed(np.array(Y)[order]))
    csvs = [read_stan_csv(path) for path in NUTS]
    fit = nuts_fit(mixed, csvs, predictive=generated(mixed))
    assert np.array_equal(group(fit, "observed_data")["y"], np.array(Y)[order])
    distinct = np.stack([columns(f"generated-{chain}.csv", "log_lik") for chain in (1, 2)])
    assert np.array_equal(group(fit, "log_likelihood")["y"], distinct[..., mixed.observed.index])
    expected = log_density(
        np.array(Y)[order], *(chains(n)[:, PICKS] for n in ("theta", "mu", "sigma"))
    )
    np.testing.assert_allclose(group(fit, "log_likelihood")["y"], expected, rtol=0, atol=1e-10)


def test_weights_that_are_lost_make_no_distance_smaller():
    target = target_in("data-advi.json")
    one = judged(target, read_stan_csv(RECORDED / "advi.csv"))
    refined = refined_from(target, one, rng=np.random.default_rng(1))
    gaps = []
    for khat in (0.3, 0.9):
        lost = dataclasses.replace(
            refined.refinement, pareto_khat=khat, log_integral=one.estimate.elbo + 0.5
        )
        estimate = dataclasses.replace(one.estimate, gap=1.5)
        fit = advi_fit(
            target,
            Restarts((dataclasses.replace(one, estimate=estimate),)),
            refined=dataclasses.replace(refined, refinement=lost),
            predictive=None,
        )
        gaps.append(attributes(fit)["elbo_gap"])
    assert gaps == pytest.approx([0.5, 1.5])


def test_nothing_generated_and_nothing_observed():
    nobody = Target(target_in("data.json").model, indexed(np.empty(0)))
    csvs = [read_stan_csv(path) for path in NUTS]
    fit = nuts_fit(nobody, csvs, predictive=None)
    assert sorted(group_names(fit)) == ["constant_data", "posterior", "sample_stats"]
    assert "seconds" not in attributes(fit)
    csv = read_stan_csv(RECORDED / "advi.csv")
    one = judged(nobody, csv, log="MEDIAN ELBO CONVERGED")
    fit = advi_fit(nobody, Restarts((one,)), predictive=None)
    expected = ["constant_data", "posterior", "sample_stats", "vi_restarts"]
    assert sorted(group_names(fit)) == expected
    assert attributes(fit)["converged"] == 1
    assert "log_bound" not in attributes(fit)


def test_a_fit_is_read_back_as_what_it_was_made_of(nuts, known_sigma):
    assert model_of(known_sigma) == NormalMixture(
        n_components=2, means=Normal(0.0, 10.0), sigma=(1.0, 1.5)
    )
    assert {name: x.shape for name, x in draws_of_fit(known_sigma).variables.items()} == {
        "theta": (1, 60, 2),
        "mu": (1, 60, 2),
    }
    for name, values in draws_of_fit(nuts).variables.items():
        assert np.array_equal(values, chains(name))


@pytest.mark.parametrize("which", ["nuts", "advi", "known_sigma"])
def test_netcdf_brings_everything_back(which, request, tmp_path):
    fit = request.getfixturevalue(which)
    back = load(save(fit, tmp_path / "fit.nc"))
    assert sorted(group_names(back)) == sorted(group_names(fit))
    for name in group_names(fit):
        before, after = group(fit, name), group(back, name)
        assert after.identical(before)
        assert {v: after[v].dtype for v in after.variables} == {
            v: before[v].dtype for v in before.variables
        }
    assert attributes(back) == attributes(fit)


@pytest.mark.parametrize("which", ["nuts", "advi"])
def test_arviz_makes_a_summary_of_it(which, request):
    fit = request.getfixturevalue(which)
    table = az.summary(fit, var_names=["mu", "theta"])
    means = group(fit, "posterior")["mu"].mean(("chain", "draw")).to_numpy()
    assert list(table.index) == ["mu[0]", "mu[1]", "theta[0]", "theta[1]"]
    # tables are rounded to what the Monte Carlo error leaves
    found = table["mean"].astype(float).to_numpy()[:2]
    np.testing.assert_allclose(found, means, rtol=0, atol=0.1)


# 120 draws are few for the tail of an observation's weights
@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto:UserWarning")
def test_arviz_makes_loo_of_it(nuts):
    loo = az.loo(nuts, pointwise=True)
    assert loo.n_data_points == 20
    elpd = loo.elpd if HAS_DATATREE else loo.elpd_loo
    log_lik = group(nuts, "log_likelihood")["y"].to_numpy().reshape(120, 20)
    # importance sampling by hand, without smoothing
    by_hand = -np.log(np.exp(-log_lik).mean(axis=0)).sum()
    assert elpd == pytest.approx(by_hand, abs=1.0)


def test_arviz_draws_it(nuts):
    try:
        if HAS_DATATREE:
            figure = az.plot_trace_dist(nuts, var_names=["mu"], backend="matplotlib")
            assert figure.get_viz("figure") in map(plt.figure, plt.get_fignums())
        else:
            with warnings.catch_warnings():
                # ArviZ 0.23 calls Matplotlib in a way that 3.11 announces the end of
                warnings.filterwarnings("ignore", message="Passing a dict or None as alias_mapping")
                axes = az.plot_trace(nuts, var_names=["mu"])
            assert axes.shape == (1, 2)
            assert axes[0, 1].get_lines()
    finally:
        plt.close("all")
