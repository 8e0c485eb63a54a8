"""`pystan-mix choose` as a user meets it."""

import json

import numpy as np
import pytest
from command_line import run

import pystan_mix as pmix
from pystan_mix.command.choose import parse_components
from pystan_mix.command.exit_codes import EXIT_USAGE
from pystan_mix.errors import SettingsError


def test_a_choice_leaves_its_table_its_figure_and_its_fits(cmdstan, tmp_path):
    y = pmix.simulate(60, theta=[0.5, 0.5], mu=[-4, 4], sigma=1.0, seed=2)
    data = tmp_path / "some data.dat"
    data.write_text("".join(f"{value:.6f}\n" for value in y) + "NA\n")
    out = tmp_path / "out"
    result = run(
        *("choose", str(data), "--components", "1-2", "--seed", "1", "--json", "--out", str(out)),
        "--missing=drop",
    )
    assert result.returncode in (0, 6), result.stderr
    found = json.loads(result.stdout)
    assert list(found["components"]) == ["1", "2"]
    assert found["components"]["2"]["probability"] > 0.99
    names = {path.name for path in out.iterdir()}
    assert names == {"choice.json", "choice.png", "fit-1.nc", "fit-2.nc"}
    assert json.loads((out / "choice.json").read_text()) == found
    assert "1 component ..." in result.stderr
    assert (found["n"], found["missing_dropped"]) == (60, 1)
    assert "60 numbers from " in result.stderr


def test_counts_are_a_column_of_the_table(cmdstan, tmp_path):
    data = tmp_path / "table.csv"
    y = pmix.simulate(4000, theta=[0.5, 0.5], mu=[-4, 4], sigma=1.0, seed=2).round(1)
    cells, counts = np.unique(y, return_counts=True)
    rows = "".join(f"{cell},{count}\n" for cell, count in zip(cells, counts, strict=True))
    data.write_text(f"value,times\n{rows}")
    words = ("choose", str(data), "--components", "2", "--seed", "1", "--json")
    result = run(*words, "--column", "value", "--counts", "times")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["n"], found["counts"]) == (cells.size, "times")
    # that of 4000 observations, not of their rows
    assert -9000 < found["components"]["2"]["elpd_loo"] < -8000
    result = run(*words, "--column", "times", "--counts", "value")
    assert result.returncode == EXIT_USAGE
    assert "None may be below 0" in result.stderr


@pytest.mark.parametrize(
    ("text", "numbers"), [("1-1", [1]), ("2-4", [2, 3, 4]), ("5,2,2", [2, 5]), ("3", [3])]
)
def test_numbers_of_components_are_spelled(text, numbers):
    assert parse_components(text) == numbers


@pytest.mark.parametrize("text", ["", "0-3", "4-2", "a", "1-", "1,,2", "-1", "1.5"])
def test_what_is_no_number_of_components_is_refused(text):
    with pytest.raises(SettingsError, match="--components takes FROM-TO"):
        parse_components(text)
