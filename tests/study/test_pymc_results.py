"""Tests of pystan_mix.study.pymc_results: PyMC's results in either kind of file."""

import json

import pytest

from pystan_mix.errors import DataError
from pystan_mix.study.pymc_results import read_pymc_reference

ROW = {
    "mean": 1.0,
    "sd": 2.0,
    "mcse_mean": 0.1,
    "mcse_sd": 0.2,
    "q05": -2.0,
    "q50": 1.0,
    "q95": 4.0,
    "ess_bulk": 400.0,
    "r_hat": 1.001,
}


def write(folder, content):
    path = folder / "reference.json"
    path.write_text(json.dumps(content))
    return path


def test_a_file_of_ours(tmp_path):
    about = {"seed": 1, "versions": {"pymc": "5.28.5"}}
    entry = {
        "n": 100,
        "seconds": 12.5,
        "parameters": {
            name: ROW | {"mean": mean, "ess_tail": 300.0}
            for mean, name in enumerate(["mu[2]", "mu[1]", "sigma[1]", "theta[10]", "theta[9]"])
        },
        "advi": {"loss": 210.5, "loss_mcse": 0.25},
    }
    references = read_pymc_reference(write(tmp_path, {"about": about, "close": entry}))
    assert list(references) == ["close"]
    close = references["close"]
    assert close.table["mean"].to_dict() == {
        "theta[9]": 4,
        "theta[10]": 3,
        "mu[1]": 1,
        "mu[2]": 0,
        "sigma[1]": 2,
    }
    assert list(close.table.index) == ["theta[9]", "theta[10]", "mu[1]", "mu[2]", "sigma[1]"]
    assert (close.table["ess_tail"] == 300).all()
    assert (close.seconds, close.loss, close.loss_mcse) == (12.5, 210.5, 0.25)
    assert close.about == about


def test_a_file_with_the_notebooks_names(tmp_path):
    parameters = {
        name: ROW | {"mean": mean}
        for mean, name in enumerate(["means[0]", "means[1]", "p[0]", "p[1]", "sds[0]", "sds[1]"])
    }
    close = read_pymc_reference(write(tmp_path, {"close": parameters}))["close"]
    assert close.table["mean"].to_dict() == {
        "theta[1]": 2,
        "theta[2]": 3,
        "mu[1]": 0,
        "mu[2]": 1,
        "sigma[1]": 4,
        "sigma[2]": 5,
    }
    assert (close.seconds, close.loss, close.loss_mcse, close.about) == (None, None, None, {})


def test_the_results_on_the_courses_files(course_data):
    references = read_pymc_reference(course_data / "pymc_reference.json")
    close, separated = references["close"].table, references["separated"].table
    assert list(close.index) == [f"{name}[{k}]" for name in ("theta", "mu") for k in (1, 2, 3)]
    # the numbers of README's table
    assert close.loc["theta[1]", "mean"].round(3) == 0.366
    assert close.loc["mu[2]", "mean"].round(3) == -0.357
    assert separated.loc["sigma[2]", "mean"].round(3) == 3.421
    for table in (close, separated):
        assert table.filter(like="theta", axis=0)["mean"].sum() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"close": {"mu[1]": ROW | {"sd": None}}}, "no sd"),
        ({"close": {"mu[1]": {"mean": 1.0}}}, "no sd, mcse_mean"),
        ({"close": {"mu": ROW}}, "'mu' is no element"),
        ({"close": {"nu[1]": ROW}}, r"'nu\[1\]' is no element"),
        ({"close": 3}, "does not hold PyMC's results"),
        ([], "does not hold PyMC's results"),
    ],
)
def test_what_is_no_reference_is_refused(tmp_path, content, words):
    with pytest.raises(DataError, match=words) as caught:
        read_pymc_reference(write(tmp_path, content))
    assert "python tests/benchmarks/pymc_reference.py" in str(caught.value)


def test_a_file_that_is_not_there_or_no_json(tmp_path):
    with pytest.raises(DataError, match=r"no file .*pymc_reference\.py"):
        read_pymc_reference(tmp_path / "nothing.json")
    with pytest.raises(DataError, match="cannot be read"):
        read_pymc_reference(tmp_path)
    (tmp_path / "text.json").write_text("{")
    with pytest.raises(DataError, match="does not hold PyMC's results"):
        read_pymc_reference(tmp_path / "text.json")
