"""ADVI on real CmdStan."""

import numpy as np
import pytest

import pystan_mix as pmix
from pystan_mix.arviz_data import attributes, group, group_names
from pystan_mix.datasets import SEPARATED_MODEL
from pystan_mix.diagnostics import summarize
from pystan_mix.errors import SettingsError
from pystan_mix.observations import read_observations
from pystan_mix.resources import resource_dir

Y = pmix.simulate(60, theta=[0.4, 0.6], mu=[-2, 3], sigma=1.0, seed=2)
MODEL = pmix.NormalMixture(n_components=2, means=pmix.Normal(0, 10), sigma=1.0)


@pytest.fixture(scope="module")
def approx(cmdstan):
    return pmix.advi(MODEL, Y, seed=1, show_progress=False)


def test_groups_and_shapes(approx):
    assert dict(group(approx, "posterior").sizes) == {"chain": 1, "draw": 5000, "component": 2}
    assert set(group(approx, "sample_stats")) == {"log_p", "log_g"}
    assert group(approx, "posterior_predictive")["y"].shape == (1, 1000, 60)
    assert "sigma" not in group(approx, "posterior")
    np.testing.assert_array_equal(group(approx, "constant_data")["sigma"], [1.0, 1.0])


def test_history_of_the_elbo_ends_at_the_elbo(approx):
    history = group(approx, "vi_trace")
    top = attributes(approx)
    last = history["elbo"].values[-20:]
    assert history["iteration"].values[0] == 100
    # CmdStan's evaluations have 100 draws each; their noise is in their own spread
    assert abs(last.mean() - top["elbo"]) < 5 * last.std(ddof=1)
    assert top["elbo_mcse"] < 0.2


def test_elbo_is_below_the_log_evidence_and_near_it(cmdstan):
    """For one component with known scale the evidence is a normal integral."""
    y = pmix.simulate(20, theta=[1.0], mu=[1.0], sigma=1.0, seed=3)
    model = pmix.NormalMixture(n_components=1, means=pmix.Normal(0, 5), sigma=1.0)
    approx = pmix.advi(model, y, seed=1, show_progress=False)
    covariance = np.eye(20) + 25.0
    sign, log_det = np.linalg.slogdet(covariance)
    log_evidence = -0.5 * (20 * np.log(2 * np.pi) + log_det + y @ np.linalg.solve(covariance, y))
    top = attributes(approx)
    assert sign == 1
    assert top["elbo"] < log_evidence + 4 * top["elbo_mcse"]
    # the posterior is normal, so the approximation can be exact; ADVI's steps leave some distance
    assert top["elbo"] > log_evidence - 0.1
    row = summarize(approx).loc["mu[1]"]
    # a mean that is d standard deviations off costs d**2 / 2 nats, of which there are 0.1
    assert abs(row["mean"] - y.sum() / (20 + 1 / 25)) < np.sqrt(0.2 / 20)


def test_the_shipped_separated_data_end_at_the_right_optimum(cmdstan):
    y = read_observations(resource_dir("data") / "separated.dat")
    approx = pmix.advi(SEPARATED_MODEL, y, seed=1, show_progress=False)
    mean = summarize(approx)["mean"]
    np.testing.assert_allclose(mean[["mu[1]", "mu[2]", "mu[3]"]], [0, 10, 20], atol=1.5)


def test_the_same_seed_gives_the_same_draws(approx):
    again = pmix.advi(MODEL, Y, seed=1, show_progress=False)
    for name in ("posterior", "posterior_predictive"):
        for variable in group(approx, name):
            np.testing.assert_array_equal(
                group(approx, name)[variable], group(again, name)[variable]
            )


def test_netcdf_round_trip_keeps_everything(approx, tmp_path):
    again = pmix.load(pmix.save(approx, tmp_path / "approx.nc"))
    assert attributes(again) == attributes(approx)
    assert set(group_names(again)) == set(group_names(approx))
    for name in group_names(approx):
        assert group(again, name).equals(group(approx, name))


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"iter": 0}, "iter"),
        ({"draws": 10}, "draws"),
        ({"tol_rel_obj": 0.0}, "tol_rel_obj"),
        ({"seed": -3}, "seed"),
    ],
)
def test_bad_settings_are_refused(monkeypatch, tmp_path, options, names):
    monkeypatch.setenv("CMDSTAN", str(tmp_path))
    with pytest.raises(SettingsError, match=names):
        pmix.advi(MODEL, Y, show_progress=False, **options)
