"""`pystan-mix verify` as a user meets it."""

import json

import numpy as np
import pytest
from command_line import run

from pystan_mix.calibration import sbc
from pystan_mix.calibration.sbc import Calibration
from pystan_mix.command import verify
from pystan_mix.command.main import main
from pystan_mix.stats.rank_ecdf import simultaneous_band


def calibration(ranks) -> Calibration:
    """A calibration with these ranks of one parameter."""
    return Calibration({"mu[1]": ranks}, simultaneous_band(ranks.size), believed=0.9)


@pytest.mark.parametrize(
    ("power", "code", "words"), [(1, 0, "calibrated;"), (3, 6, "NOT calibrated in mu[1]")]
)
def test_the_exit_code_says_whether_all_is_inside(
    monkeypatch, tmp_path, capsys, power, code, words
):
    ranks = ((np.arange(200) + 0.5) / 200) ** power

    def calibrated(model, *, n, simulations, seed, on_progress):
        on_progress(simulations)
        return calibration(ranks)

    monkeypatch.setattr(verify, "calibrate", calibrated)
    out = tmp_path / "out"
    assert main(["verify", "--models", "known", "--quick", "--out", str(out)]) == code
    assert words in capsys.readouterr().out
    assert {path.name for path in out.iterdir()} == {"known.json", "known.png"}
    assert json.loads((out / "known.json").read_text())["ok"] == (code == 0)


def test_a_model_that_is_none_is_refused():
    result = run("verify", "--models", "known,nothing")
    assert result.returncode == 2
    assert "no model nothing to verify; there are: known" in result.stderr


@pytest.mark.parametrize("name", verify.MODELS)
def test_the_models_leave_no_prior_out(name):
    draws = sbc.draw_from_prior(verify.MODELS[name], rng=np.random.default_rng(1))
    assert draws.length == 1
