"""Vectors on the command line."""

import json

import pytest
from command_line import run
from vector_fits import table

from pystan_mix.command.exit_codes import EXIT_USAGE
from pystan_mix.fits.model import model_of
from pystan_mix.fits.storage import load


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "some data.csv"
    frame = table().assign(kind="x")
    frame.loc[3, "length"] = None
    frame.to_csv(path, index=False)
    return str(path)


def test_columns_are_fitted_as_vectors(cmdstan, data, tmp_path):
    out = tmp_path / "out"
    result = run(
        *("fit", data, "--columns", "width,length", "--components", "2", "--seed", "1"),
        *("--means", "0:1,5:6", "--scales", "half-normal:2,3", "--correlation", "lkj:1.5"),
        *("--order-by", "length", "--missing", "drop", "--json", "--out", str(out)),
    )
    assert result.returncode == 0, result.stderr
    assert "columns 'width', 'length', 149 rows; 1 with a missing value" in result.stderr
    found = json.loads(result.stdout)
    assert (found["n"], found["missing_dropped"]) == (149, 1)
    fit = load(out / "fit.nc")
    model = model_of(fit)
    assert (model.order_by, model.correlation.eta) == (1, 1.5)
    assert model.means.location == (0.0, 1.0)
    assert model.scales.scale == (2.0, 3.0)
    assert fit.posterior["dim"].values.tolist() == ["width", "length"]
    names = {"pairs.png", "posterior.png", "predictive.png", "trace.png", "autocorr.png"}
    assert {path.name for path in out.iterdir()} == names | {"fit.nc", "summary.json"}


def test_numbers_of_components_are_chosen_for_vectors(cmdstan, data, tmp_path):
    result = run(
        *("choose", data, "--columns", "length,width", "--components", "1-2", "--seed", "1"),
        *("--missing=drop", "--correlation", "diagonal", "--json", "--out", str(tmp_path / "out")),
    )
    assert result.returncode in (0, 6), result.stderr
    assert json.loads(result.stdout)["components"]["2"]["probability"] > 0.99


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--columns", "width,width"), "Give different columns"),
        (("--columns", "width,height"), "height"),
        (("--columns", "width,kind"), "'x' is not a number"),
        (("--columns", "width,length", "--sigma", "1"), "--sigma is not for --family multi"),
        (("--columns", "width,length", "--shared-sigma"), "--shared-sigma is not for"),
        (("--columns", "width,length", "--column", "width"), "not both"),
        (("--columns", "width,length", "--counts", "width"), "--counts is for --column"),
        (("--columns", "width,length", "--observation-weights=width"), "is for --column"),
        (("--columns", "width,length", "--order-by", "kind"), "--order-by names one of the"),
        (("--columns", "width,length", "--correlation", "full"), "--correlation takes"),
        (("--columns", "width,length", "--family", "normal"), "--family normal is for --column"),
        (("--column", "width", "--correlation", "diagonal"), "--correlation is not for"),
        (("--column", "width", "--family", "multivariate-normal"), "is for --columns"),
    ],
)
def test_what_does_not_go_together_is_refused(data, words, says):
    result = run("fit", data, "--components", "2", "--missing", "drop", *words)
    assert result.returncode == EXIT_USAGE
    assert says in result.stderr
