"""Vectors and bounds on the command line."""

import json

import pytest
from command_line import refused, run
from vector_fits import incomplete_table, table

from pystan_mix.command.exit_codes import EXIT_USAGE
from pystan_mix.fits.model import model_of, target_of_fit
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


def test_coordinates_that_are_missing_are_integrated_out(cmdstan, tmp_path):
    path = tmp_path / "lacking.csv"
    incomplete_table().to_csv(path, index=False, na_rep="NA")
    result = run(
        *("fit", str(path), "--columns", "length,width", "--components", "1", "--seed", "1"),
        *("--missing", "marginalise", "--json"),
    )
    assert result.returncode == 0, result.stderr
    lack = int(incomplete_table().dropna(how="all").isna().any(axis=1).sum())
    said = f"149 rows, {lack} with missing values that are integrated out; 1 without any value"
    assert said in result.stderr
    found = json.loads(result.stdout)
    assert (found["n"], found["missing_dropped"]) == (149, 1)
    assert found["missing_marginalised"] == lack


def test_vectors_have_counts_and_labels_beside_them(cmdstan, tmp_path):
    path, out = tmp_path / "table.csv", tmp_path / "out"
    kind = ["1" if n < 30 else "0" if n > 120 else "" for n in range(150)]
    table().assign(times=2, kind=kind).to_csv(path, index=False)
    result = run(
        *("fit", str(path), "--columns", "length,width", "--counts", "times", "--labels", "kind"),
        *("--components", "2", "--seed", "1", "--json", "--out", str(out)),
    )
    assert result.returncode == 0, result.stderr
    assert "column 'kind', 59 labels, 91 unknown" in result.stderr
    found = json.loads(result.stdout)
    assert (found["n"], found["counts"], found["labels"]) == (150, "times", "kind")
    fit = load(out / "fit.nc")
    assert target_of_fit(fit).observed.size == 300
    mean = fit.posterior["mu"].mean(("chain", "draw"))
    # the first component by its coordinates has the name 1
    assert mean[1, 0] < 1.0 < mean[0, 0]


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
        (("--columns", "width,length", "--rounded-to", "1"), "--rounded-to is for --column"),
        (("--columns", "width,length", "--counts", "length"), "counts cannot be used"),
        (("--columns", "width,length", "--order-by", "kind"), "--order-by names one of the"),
        (("--columns", "width,length", "--correlation", "full"), "--correlation takes"),
        (("--columns", "width,length", "--family", "normal"), "--family normal is for --column"),
        (("--column", "width", "--correlation", "diagonal"), "--correlation is not for"),
        (("--column", "width", "--family", "multivariate-normal"), "is for --columns"),
        (("--column", "width", "--missing", "marginalise"), "vectors that lack some coordinates"),
    ],
)
def test_what_does_not_go_together_is_refused(data, words, says):
    result = run("fit", data, "--components", "2", "--missing", "drop", *words)
    assert result.returncode == EXIT_USAGE
    assert says in result.stderr


@pytest.fixture
def bounds(tmp_path):
    path = tmp_path / "bounds.csv"
    path.write_text("lo,hi,n\n,0.5,30\n0.5,1.5,20\n1.5,2.5,11\n2.5,inf,4\n1.1,1.1,1\n2,2,1\n,,3\n")
    return str(path)


def test_bounds_are_fitted_as_intervals(cmdstan, bounds, tmp_path):
    out = tmp_path / "out"
    result = run(
        *("fit", bounds, "--lower", "lo", "--upper", "hi", "--counts", "n", "--missing", "drop"),
        *("--components", "1", "--seed", "1", "--json", "--out", str(out)),
    )
    assert result.returncode == 0, result.stderr
    assert "6 rows; 1 without a lower one, 1 without an upper one; 1 with" in result.stderr
    found = json.loads(result.stdout)
    assert (found["n"], found["missing_dropped"], found["counts"]) == (6, 1, "n")
    fit = load(out / "fit.nc")
    assert fit.constant_data["lower"].to_numpy()[0] == -float("inf")
    # half a unit about 0 has nearly half of them: the rest is the upper half of a normal
    assert 0.3 < float(fit.posterior["mu"].mean()) < 0.9


def test_values_are_rounded_by_a_word(cmdstan, bounds, tmp_path):
    path = tmp_path / "y.txt"
    path.write_text("1 2 2 3 3 3 4 4 5\n")
    result = run("fit", str(path), "--rounded-to", "1", "--components", "1", "--seed=1", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["rounded_to"] == 1.0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--lower", "lo"), "Give both --lower and --upper"),
        (("--lower", "lo", "--upper", "lo"), "Both bounds are in column 'lo'"),
        (("--lower", "lo", "--upper", "hi", "--column", "n"), "--column is for numbers"),
        (("--lower", "lo", "--upper", "hi", "--rounded-to", "1"), "--rounded-to is for numbers"),
        (("--columns", "lo,hi", "--rounded-to", "1"), "--rounded-to is for --column"),
        (("--lower", "lo", "--upper", "hi"), 'missing="drop"'),
        (("--column", "n", "--rounded-to", "0"), "rounded_to must be above 0"),
        (("--column", "n", "--rounded-to", "1", "--family", "poisson"), "takes no intervals"),
    ],
)
def test_what_does_not_go_with_bounds_is_refused(bounds, words, says):
    result = refused("fit", bounds, "--components", "2", *words)
    assert result.returncode == EXIT_USAGE
    assert says in result.stderr
