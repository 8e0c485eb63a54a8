"""README's commands for CmdStan by hand, word for word."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pystan_mix.arviz_data import attributes, group
from pystan_mix.convert import from_cmdstan_csv
from pystan_mix.diagnostics import summarize
from pystan_mix.resources import resource_dir

README = Path(__file__).resolve().parents[1] / "README.md"


def code_blocks(heading: str, language: str) -> list[str]:
    """Return the code blocks of a language under a heading of README."""
    section = README.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.M | re.S)


@pytest.fixture(scope="module")
def folder(cmdstan, tmp_path_factory) -> Path:
    """A copy of the repository's programs and data, with README's commands run in it."""
    folder = tmp_path_factory.mktemp("direct")
    for name in ("stan", "data"):
        shutil.copytree(resource_dir(name), folder / name)
    (commands,) = code_blocks("CmdStan by hand", "sh")
    result = subprocess.run(
        ["bash", "-euxc", commands],
        cwd=folder,
        env=os.environ | {"CMDSTAN": str(cmdstan.path)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    (folder / "printed").write_text(result.stdout)
    return folder


def test_stansummary_summarizes_the_parameters(folder):
    printed = (folder / "printed").read_text()
    assert "2 chains" in printed
    for name in ("theta[1]", "mu[3]", "sigma[2]"):
        assert name in printed


def test_readme_turns_the_files_into_arviz_data(folder):
    (code,) = code_blocks("CmdStan by hand", "python")
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "No problems found."


def test_chains_and_approximation_agree_with_the_truth(folder):
    data = folder / "data" / "separated.json"
    fit = from_cmdstan_csv([folder / "chain-1.csv", folder / "chain-2.csv"], data=data)
    approx = from_cmdstan_csv(folder / "advi.csv", data=data, history=folder / "advi-history.csv")
    table = summarize(fit)
    for k, truth in enumerate([0.0, 10.0, 20.0], start=1):
        row = table.loc[f"mu[{k}]"]
        assert abs(row["mean"] - truth) < 4 * row["sd"]
    assert group(approx, "posterior").sizes["draw"] == 5000
    assert group(approx, "vi_trace").sizes["iteration"] > 1
    # CmdStan's six digits still give the ELBO, which is below the log evidence
    assert attributes(approx)["elbo_mcse"] < 0.2
    assert len({tuple(chain) for chain in group(fit, "posterior")["mu"].values[:, 0]}) == 2


def test_readme_python_runs(cmdstan, tmp_path):
    (code,) = code_blocks("Ten lines of Python", "python")
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "No problems found."
