"""README's commands for CmdStan by hand, word for word."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pystan_mix.arviz_compat import attributes, group
from pystan_mix.cmdstan.locate import CmdStan
from pystan_mix.cmdstan.stan_csv import read_stan_csv
from pystan_mix.diagnostics.diagnose import summarize
from pystan_mix.inference.cmdstan_files import from_cmdstan_csv
from pystan_mix.resources import resource_dir

README = Path(__file__).resolve().parents[2] / "README.md"


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
    plain, _ = code_blocks("CmdStan by hand", "sh")
    (folder / "printed").write_text(run(plain, folder, cmdstan))
    return folder


def run(commands: str, folder: Path, cmdstan: CmdStan) -> str:
    """Run commands of README in a shell and return what they print."""
    result = subprocess.run(
        ["bash", "-euxc", commands],
        cwd=folder,
        env=os.environ | {"CMDSTAN": str(cmdstan.path)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


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


def test_the_fused_likelihood_has_the_same_density(folder, cmdstan):
    """From the same start the first draws of both are the same, to rounding."""
    _, fused = code_blocks("CmdStan by hand", "sh")
    command = "stan/normal_mixture sample num_warmup=0 num_samples=5 adapt engaged=0"
    settings = "stepsize=0.01 data file=data/separated.json init=init.json random seed=1"
    init = {"theta_raw": [0.3, 0.3, 0.4], "mu_raw": [0, 10, 20], "sigma": [3, 3, 3]}
    (folder / "init.json").write_text(json.dumps(init))
    draws = []
    for name in ("plain", "fused"):
        if name == "fused":
            run(fused, folder, cmdstan)
        run(f"{command} algorithm=hmc {settings} output file={name}.csv", folder, cmdstan)
        draws.append(read_stan_csv(folder / f"{name}.csv").draws)
    assert np.ptp(draws[0][:, 0]) > 0
    np.testing.assert_allclose(draws[1], draws[0], rtol=1e-4)


def test_readme_python_runs(cmdstan, tmp_path):
    (code,) = code_blocks("Ten lines of Python", "python")
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "No problems found."
