"""The comparison as text and as JSON."""

import json

import numpy as np
import pytest
from known_posteriors import as_arviz, mixture_variables

from pystan_mix import compare
from pystan_mix.comparison.result import comparison_summary, comparison_text

pytestmark = pytest.mark.arviz


@pytest.fixture(scope="module")
def comparison():
    moved = mixture_variables(2)
    moved["mu"] = moved["mu"] + [0.0, 0.5, 0.0]
    one_chain = mixture_variables(3, chains=1, draws=4000)
    return compare(
        {
            "ours": as_arviz(mixture_variables(1), seconds=2.0),
            "moved": as_arviz(moved, sampling_time=40.0),
            "approximation": as_arviz(one_chain),
        }
    )


def test_text_is_narrow_and_has_every_row(comparison):
    text = comparison_text(comparison)
    assert text == str(comparison)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 99 + len("approximation")
    assert sum(line.split()[-1] == "disagree" for line in lines[1:] if line) >= 2
    rows = [line for line in lines if line[16:].startswith("moved ")]
    assert len(rows) == 9 + 9
    mu = comparison.table.loc[("mu[2]", "moved")]
    assert f"{mu['mean']:.2f}" in rows[4]
    assert rows[4].endswith("disagree")
    assert "They do not agree" in text
    assert "moved is not ours" in text
    assert "approximation has one chain" in text
    assert "ours:          4 x 1000 draws, least bulk ESS" in text
    assert "; 40.0 s, " in text


def test_json_has_every_number(comparison):
    summary = json.loads(json.dumps(comparison_summary(comparison)))
    assert summary["verdict"] == "disagree"
    assert summary["agree"] is False
    assert summary["comparisons"] == 2 * 5 * 18
    assert summary["data_sets"]["moved"]["chains"] == 4
    assert summary["data_sets"]["moved"]["seconds"] == 40.0
    assert summary["data_sets"]["approximation"]["seconds"] is None
    row = comparison.table.loc[("mu[2]", "moved")]
    found = summary["quantities"]["mu[2]"]["moved"]
    assert found["z_mean"] == row["z_mean"]
    assert found["verdict"] == "disagree"
    assert "z_mean" not in summary["quantities"]["mu[2]"]["ours"]
    assert set(summary["quantities"]) == set(comparison.table.index.unique("quantity"))
    assert all(np.isfinite(found[name]) for name in ("mean", "sd", "ess_bulk"))
