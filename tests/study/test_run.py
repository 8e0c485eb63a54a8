"""The study, start to end."""

import json
from pathlib import Path

import numpy as np
import pytest
from by_scipy import log_density

from pystan_mix.arviz_compat import group
from pystan_mix.errors import DataError
from pystan_mix.fits.storage import load
from pystan_mix.fits.summary import summarize
from pystan_mix.study.run import STUDY_MODELS, run_study
from pystan_mix.study.table import study_table

FILES = {
    "trace.png",
    "autocorr.png",
    "posterior.png",
    "predictive.png",
    "density.png",
    "nuts.nc",
    "prior.nc",
}
# the model by hand is drawn by NUTS alone
OF_ADVI = {"approximation.png", "elbo.png", "advi.nc"}


@pytest.fixture(scope="module")
def out(cmdstan, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("a study")
    run_study(out, quick=True, seed=1, show_progress=False)
    return out


@pytest.fixture(scope="module")
def summary(out) -> dict:
    return json.loads((out / "summary.json").read_text())


def test_every_file_is_there_and_nothing_else(out):
    expected = {"summary.json", "dirichlet-prior.png"} | {
        f"{model.name}/{name}"
        for model in STUDY_MODELS
        for name in FILES | (set() if model.by_hand else OF_ADVI)
    }
    found = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert found == expected
    for figure in out.rglob("*.png"):
        assert figure.read_bytes().startswith(b"\x89PNG")


def test_summary_is_that_of_the_files(out, summary):
    for name, model in summary["models"].items():
        table = summarize(load(out / name / "nuts.nc"))
        for parameter, row in model["nuts"]["parameters"].items():
            assert row["mean"] == table.loc[parameter, "mean"]
            assert row["r_hat"] == table.loc[parameter, "r_hat"]
        assert model["nuts"]["divergences"] >= 0
        assert (model["advi"] is None) == (name == "mof2")
        if model["advi"] is not None:
            assert model["advi"]["loss_mcse"] < 0.2


def test_the_model_by_hand_agrees_with_the_built_in_one(summary):
    assert summary["models"]["mof3"]["program"] == "normal"
    built_in, by_hand = (summary["models"][name]["nuts"]["parameters"] for name in ("mof3", "mof2"))
    assert summary["models"]["mof2"]["program"] == "textbook"
    for name, row in built_in.items():
        error = np.hypot(row["mcse_mean"], by_hand[name]["mcse_mean"])
        # some 100 effective draws make the error itself uncertain by a tenth
        assert abs(row["mean"] - by_hand[name]["mean"]) < 5 * error


def test_every_model_agrees_with_pymcs_results_on_the_shipped_data(summary):
    table = study_table(summary)
    for name, model in summary["models"].items():
        assert model["pymc"]["agree"], (name, model["pymc"]["differing"])
        assert set(model["pymc"]["parameters"]) == set(model["nuts"]["parameters"])
        assert f"{model['pymc']['parameters']['mu[1]']['mean']:.3f}" in table
    assert table.count("agrees with NUTS here") == 3


def test_the_floor_holds_in_prior_and_posterior(out):
    assert group(load(out / "mofsep" / "nuts.nc"), "posterior")["theta"].min() >= 0.1
    assert group(load(out / "mofsep" / "prior.nc"), "prior")["theta"].min() >= 0.1


def test_the_worked_example_of_log_sum_exp(summary):
    example = summary["log_sum_exp_example"]
    parameters = (example[name] for name in ("theta", "mu", "sigma"))
    np.testing.assert_allclose(
        example["log_density"], log_density(example["y"], *parameters), rtol=1e-12
    )


def test_table_has_every_model_and_parameter(summary):
    table = study_table(summary)
    for name, model in summary["models"].items():
        assert f"\n{name}: " in f"\n{table}"
        for parameter, row in model["nuts"]["parameters"].items():
            assert parameter in table
            assert f"{row['mean']:.3f}" in table
        if model["advi"] is not None:
            assert f"loss {model['advi']['loss']:.2f}" in table


def test_a_folder_without_the_notebooks_files_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(DataError, match=r"3gv2\.dat"):
        run_study(tmp_path / "out", data_dir=tmp_path, show_progress=False)
    assert not (tmp_path / "out").exists()
