"""PyMC's results, written whole or not at all."""

import json
import sys

import numpy as np
import pandas as pd
import pymc_reference
import pytest
import xarray as xr
from pymc_reference import _loss_in_words, _mcse_of_sds, main

from pystan_mix.study.data_sets import DATA_SETS
from pystan_mix.study.pymc_results import PymcReference, read_pymc_reference

pytestmark = pytest.mark.filterwarnings("ignore:PyTensor could not link to a BLAS:UserWarning")


# PyTensor has its graphs compiled, a minute where nothing else computes
@pytest.mark.time_limit(900)
@pytest.mark.pymc
def test_the_command_writes_what_the_reader_reads(compiled_pm, monkeypatch, tmp_path, capsys):
    settings = {"chains": 2, "tune": 200, "draws": 150, "advi_iterations": 15_000}
    monkeypatch.setattr(pymc_reference, "_QUICK", settings)
    monkeypatch.setattr(pymc_reference, "DATA_SETS", DATA_SETS[:1])
    out = tmp_path / "a folder" / "reference.json"
    assert main(["--quick", "--seed", "3", "--out", str(out)]) == 0
    assert list(out.parent.iterdir()) == [out]
    about = json.loads(out.read_text())["about"]
    assert about["settings"] == settings | {"target_accept": 0.95, "floor": "potential"}
    assert (about["seed"], about["versions"]["pymc"]) == (3, compiled_pm.__version__)
    close = read_pymc_reference(out)["close"]
    names = [f"{name}[{k}]" for name in ("theta", "mu") for k in (1, 2, 3)]
    assert list(close.table.index) == names
    assert close.table.loc[names[:3], "mean"].sum() == pytest.approx(1.0, abs=1e-9)
    assert close.table.loc[names[3:], "mean"].is_monotonic_increasing
    assert close.seconds > 0
    written = json.loads(out.read_text())["close"]
    assert (written["file"], written["n"]) == ("close.dat", 100)
    # the last 1000 losses have some 3 nats each of noise, and the last steps still improve a little
    assert abs(close.loss - written["advi"]["printed_loss"]) < 5 * 3 / np.sqrt(1000) + 0.2
    assert 0 < close.loss_mcse < 0.1
    said = capsys.readouterr().out
    assert all(name in said for name in names)
    assert f"loss {close.loss:.2f}" in said


def test_the_error_of_a_deviation_is_arvizs():
    rng = np.random.default_rng(5)
    noise = rng.normal(size=(4, 1001, 2))
    draws = noise[:, 1:] + 0.7 * noise[:, :-1]  # neighbours are correlated
    posterior = xr.Dataset({"mu": (("chain", "draw", "component"), draws)})
    errors = _mcse_of_sds(posterior)
    assert list(errors) == ["mu[1]", "mu[2]"]
    # of n independent ones it is sd / sqrt(2 n); squares of these have 1 + 2 * 0.47**2 less
    independent = draws.std(axis=(0, 1)) / np.sqrt(2 * 4000)
    expected = independent * np.sqrt(1 + 2 * (0.7 / 1.49) ** 2)
    np.testing.assert_allclose(list(errors.values()), expected, rtol=0.15)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "reference.json", "--data-dir", "nowhere"], "3gv2.dat"),
        (["--out", "reference.json", "--seed", "-1"], "seed"),
    ],
)
@pytest.mark.pymc
def test_bad_arguments_are_refused(pm, monkeypatch, tmp_path, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_pymc_the_remedy_is_said(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "pymc", None)  # as if it were not installed
    assert main(["--out", str(tmp_path / "reference.json")]) == 2
    assert "pip install 'pystan_mix[pymc]'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("loss", "error", "words"),
    [(210.456, 0.123, "loss 210.46 (error 0.12)"), (None, None, "loss infinite")],
)
def test_the_loss_in_words(loss, error, words):
    reference = PymcReference(
        table=pd.DataFrame(), seconds=1.0, loss=loss, loss_mcse=error, about={}
    )
    assert _loss_in_words(reference).startswith(words)
