"""Tests of pystan_mix.report.fit: a fit as JSON takes it, and as text."""

import json
import math
import textwrap

import numpy as np
import pytest
import xarray as xr
from advi_fits import advi_fit

from pystan_mix.arviz_compat import group, to_arviz
from pystan_mix.diagnostics.diagnose import diagnose
from pystan_mix.fits.storage import load, save
from pystan_mix.fits.summary import summarize
from pystan_mix.report.fit import fit_summary, fit_table

pytestmark = pytest.mark.arviz

COLUMNS = ["mean", "sd", "q05", "q50", "q95"]
SAMPLE = ("chain", "draw")


def posterior_of(*, chains, draws, scale=1.0, K=2):
    rng = np.random.default_rng(30)
    dims = (*SAMPLE, "component")
    mu = scale * (5 * np.arange(K) + rng.normal(size=(chains, draws, K)))
    theta = rng.dirichlet(np.full(K, 5.0), size=(chains, draws))
    return xr.Dataset({"theta": (dims, theta), "mu": (dims, mu)})


def nuts_fit(*, chains=4, draws=500, divergences=0, groups=(), attrs=None, **posterior):
    rng = np.random.default_rng(31)
    sizes = (chains, draws)
    stats = {
        "diverging": np.arange(chains * draws).reshape(sizes) < divergences,
        "tree_depth": np.full(sizes, 3),
        "energy": rng.normal(size=sizes),
    }
    return to_arviz(
        {
            "posterior": posterior_of(chains=chains, draws=draws, **posterior),
            "sample_stats": xr.Dataset({name: (SAMPLE, value) for name, value in stats.items()}),
        }
        | dict(groups),
        attrs={"method": "nuts", "seed": 7, "seconds": 12.34} | (attrs or {}),
    )


def said(summary, first):
    """Return the lines that say a run, its problems and notes, each in a paragraph of its own."""
    lines = [first]
    for problem in summary["problems"]:
        lines += textwrap.wrap(problem, 96, initial_indent="  - ", subsequent_indent="    ")
    for note in summary["notes"]:
        lines += textwrap.wrap(note, 96, initial_indent="  Note: ", subsequent_indent="    ")
    return lines


def test_summary_of_nuts():
    fit = nuts_fit(divergences=3)
    summary = fit_summary(fit)
    verdict = diagnose(fit)
    assert summary.pop("parameters") == summarize(fit).to_dict(orient="index")
    assert "3 of 2000 draws diverged" in verdict.problems[0]
    assert summary == {
        "method": "nuts",
        "seed": 7,
        "seconds": 12.34,
        "ok": False,
        "use": "do not use",
        "problems": list(verdict.problems),
        "notes": [],
        "predictive": False,
        "divergences": 3,
    }


def test_summary_of_advi():
    fit = advi_fit(loss=(240.0, math.nan, 240.5, 297.0))
    summary = fit_summary(fit)
    parameters, plain = summary.pop("parameters"), summary.pop("approximation")
    assert list(parameters) == list(plain) == ["theta[1]", "theta[2]", "mu[1]", "mu[2]"]
    assert {row["r_hat"] for row in parameters.values()} == {None}
    mu = group(fit, "approximation")["mu"].values[0, :, 1]
    assert plain["mu[2]"] == {
        "mean": pytest.approx(mu.mean()),
        "sd": pytest.approx(mu.std(ddof=1)),
    }
    assert summary == {
        "method": "advi",
        "seed": 8,
        "seconds": 0.56,
        "ok": True,
        "use": "fine",
        "problems": [],
        "notes": list(diagnose(fit).notes),
        "predictive": False,
        "algorithm": "meanfield",
        "reweighted": True,
        "loss": 240.0,
        "loss_mcse": 0.1,
        "elbo_gap": 0.2,
        "pareto_khat": 0.3,
        "pareto_khat_weights": 0.3,
        "ess_importance": 3000.0,
        "restarts": [240.0, None, 240.5, 297.0],
    }
    assert len(summary["notes"]) == 2


def test_summary_of_advi_that_is_not_reweighted():
    summary = fit_summary(advi_fit(reweighted=0, pareto_khat=0.8))
    assert (summary["reweighted"], summary["use"]) == (False, "means only")
    assert "approximation" not in summary


def test_summary_says_whether_there_is_a_predictive_check():
    y = xr.Dataset({"y": ((*SAMPLE, "obs"), np.zeros((4, 10, 3)))})
    assert fit_summary(nuts_fit(groups={"posterior_predictive": y}))["predictive"] is True


@pytest.mark.parametrize(
    "fit",
    [
        nuts_fit(),
        nuts_fit(divergences=9),
        nuts_fit(K=1),
        nuts_fit(chains=1),
        nuts_fit(draws=2),
        nuts_fit(attrs={"seed": np.int64(7), "seconds": np.float32(1.5)}),
        advi_fit(),
        advi_fit(pareto_khat=math.nan, converged=0),
        advi_fit(pareto_khat=math.inf),
        advi_fit(elbo=-math.inf, elbo_mcse=math.nan),
    ],
)
def test_summaries_are_json_and_the_same_when_read_back(tmp_path, fit):
    summary = fit_summary(fit)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    again = fit_summary(load(save(fit, tmp_path / "fit.nc")))
    assert json.loads(json.dumps(again, allow_nan=False)) == summary
    assert fit_table(again) == fit_table(summary)


def test_table_holds_the_numbers():
    summary = fit_summary(nuts_fit(divergences=3))
    head, *lines = fit_table(summary).splitlines()
    rows = lines[:4]
    assert head.split() == ["mean", "sd", "5%", "50%", "95%", "ESS", "R-hat"]
    assert [row.split()[0] for row in rows] == ["theta[1]", "theta[2]", "mu[1]", "mu[2]"]
    for row in rows:
        name, *cells = row.split()
        found = summary["parameters"][name]
        assert cells[:5] == [f"{found[column]:.3f}" for column in COLUMNS]
        assert cells[5:] == [f"{found['ess_bulk']:.0f}", f"{found['r_hat']:.4f}"]
        assert len(row) == len(head)
    assert lines[4:] == said(summary, "NUTS: 12.3 s, 3 divergences.")


def test_table_says_every_problem_in_a_paragraph():
    summary = fit_summary(nuts_fit(chains=1, draws=1000, divergences=3))
    lines = fit_table(summary).splitlines()[5:]
    assert lines == said(summary, "NUTS: 12.3 s, 3 divergences.")
    assert sum(line.startswith("  - ") for line in lines) == 2
    assert max(map(len, lines)) < 100


def test_table_of_advi():
    *rows, last = fit_table(fit_summary(advi_fit())).splitlines()
    assert {row.split()[-1] for row in rows[1:]} == {"-"}
    assert last == (
        "ADVI: 0.6 s, loss 240.00 (error 0.10), k-hat 0.30, reweighted with k-hat 0.30. "
        "No problems found."
    )


def test_table_has_a_dash_for_what_is_not_known():
    table = fit_table(fit_summary(advi_fit(pareto_khat=math.nan, reweighted=0)))
    assert "loss 240.00 (error 0.10), k-hat -.\n  - Do not use it" in table
    assert "\n  - Pareto k-hat is nan" in table


def test_table_has_the_notes_below_the_verdict():
    summary = fit_summary(advi_fit(loss=(240.0, 297.0, 240.1, 240.2), converged=0))
    lines = fit_table(summary).splitlines()[5:]
    assert lines == said(
        summary,
        "ADVI: 0.6 s, loss 240.00 (error 0.10), k-hat 0.30, reweighted with k-hat 0.30. "
        "No problems found.",
    )
    assert sum(line.startswith("  Note: ") for line in lines) == 2


@pytest.mark.parametrize("scale", [1e-9, 1e-4, 1.0, 99.9999, 1e4, -1e4, 1e9, 1e99])
def test_columns_never_run_together(scale):
    """Data in any unit leave three decimals or four digits of each number."""
    summary = fit_summary(nuts_fit(scale=scale))
    for row in fit_table(summary).splitlines()[3:5]:
        name, *cells = row.split()
        assert len(cells) == 7
        assert max(map(len, cells)) <= len("-1.2345e+99")
        found = summary["parameters"][name]
        for cell, column in zip(cells, COLUMNS, strict=False):
            assert float(cell) == pytest.approx(
                found[column], rel=5e-4, abs=5e-4 if 0.1 < abs(scale) < 100 else 0
            )
