"""`pystan-mix compare`, in a process of its own."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
from command_line import MAIN, refused, run
from interrupting import interrupted
from known_posteriors import as_arviz, mixture_variables

from pystan_mix import load, save

RECORDED = Path(__file__).resolve().parents[1] / "recorded"
PYMC, NUMPYRO = str(RECORDED / "pymc-close.nc"), str(RECORDED / "numpyro-close.nc")
NAMES = ("--names", "p=theta,means=mu")


def test_help_teaches():
    result = run("compare", "--help")
    assert result.returncode == 0
    for word in ("examples:", "exit codes:", "--live", "--names p=theta", "  8  "):
        assert word in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100


def test_traces_that_agree(tmp_path):
    out = tmp_path / "a folder"
    result = run("compare", PYMC, f"NumPyro={NUMPYRO}", *NAMES, "--out", str(out))
    assert result.returncode == 0, result.stderr
    assert "They agree" in result.stdout
    assert "pymc-close" in result.stdout
    assert {path.name for path in out.iterdir()} == {"comparison.json", "comparison.png"}
    summary = json.loads((out / "comparison.json").read_text())
    assert list(summary["data_sets"]) == ["pymc-close", "NumPyro"]


def test_json_and_the_exit_code_of_disagreement_and_of_too_few_draws(tmp_path):
    save(as_arviz(mixture_variables(1)), tmp_path / "a.nc")
    save(as_arviz(mixture_variables(2, location=(-4, 0.5, 4))), tmp_path / "b.nc")
    save(as_arviz(mixture_variables(3, draws=30)), tmp_path / "c.nc")
    first = str(tmp_path / "a.nc")
    result = run("compare", first, str(tmp_path / "b.nc"), "--json")
    assert result.returncode == 8
    summary = json.loads(result.stdout)
    assert summary["verdict"] == "disagree"
    assert summary["quantities"]["mu[2]"]["b"]["verdict"] == "disagree"
    result = run("compare", first, str(tmp_path / "c.nc"))
    assert result.returncode == 6
    assert "These draws do not show whether they agree" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((PYMC,), "Give two files or more to compare; there are 1"),
        ((PYMC, "nowhere.nc"), "There is no file nowhere.nc"),
        ((PYMC, NUMPYRO), "names={"),
        ((PYMC, NUMPYRO, "--names", "p"), "--names takes THEIRS=OURS"),
        ((PYMC, NUMPYRO, "--names", "w=theta"), "No posterior has a variable 'w'"),
        ((f"A={PYMC}", f"A={NUMPYRO}"), "Two files are called A"),
        ((PYMC, NUMPYRO, "--model", "close"), "--model and --data are for --live"),
        (("--live",), "--live takes no files, and needs --model"),
        (("--live", "--model", "close", PYMC), "--live takes no files"),
    ],
)
def test_wrong_usage_is_said(arguments, said):
    result = refused("compare", *arguments)
    assert result.returncode == 2
    assert said in result.stderr
    assert result.stdout == ""


@pytest.mark.skipif(importlib.util.find_spec("pymc") is not None, reason="PyMC is installed")
def test_live_without_pymc_says_how_to_get_it():
    result = run("compare", "--live", "--model", "close")
    assert result.returncode == 2
    assert "pip install 'pystan_mix[pymc]'" in result.stderr


@pytest.mark.pymc
def test_live_runs_both_and_adds_the_time(pm, cmdstan, tmp_path):
    small = ("--chains", "2", "--iter-warmup", "500", "--iter-sampling", "1500")
    result = run("compare", "--live", "--model", "close", *small, "--out", str(tmp_path))
    # so few draws may not suffice, but they never differ: once in a hundred times, and seeded
    assert result.returncode in {0, 6}, result.stdout + result.stderr
    assert result.stdout.count("effective draws a second") == 2
    assert load(tmp_path / "pymc.nc").posterior["mu"].shape == (2, 1500, 3)
    assert load(tmp_path / "stan.nc").posterior["mu"].shape == (2, 1500, 3)


@pytest.mark.pymc
def test_ctrl_c_while_pymc_runs_ends_it_and_nothing_is_written(pm, tmp_path):
    out = tmp_path / "compared"
    ended = interrupted(
        [sys.executable, "-c", MAIN, "compare", "--live", "--model", "close", "--out", str(out)]
    )
    assert (ended.returncode, ended.stdout) == (130, "")
    assert not out.exists()
