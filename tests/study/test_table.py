"""Tests of pystan_mix.study.table: the study's results side by side."""

import textwrap

import numpy as np
import pytest
import xarray as xr
from advi_fits import advi_fit

from pystan_mix.arviz_compat import to_arviz
from pystan_mix.report.fit import fit_summary
from pystan_mix.study.table import study_table

COLUMNS = ["mean", "sd", "q05", "q50", "q95"]
SAMPLE = ("chain", "draw")
pytestmark = pytest.mark.arviz


def nuts_fit(*, divergences=0):
    rng = np.random.default_rng(30)
    dims, shape = (*SAMPLE, "component"), (4, 500)
    posterior = {
        "theta": (dims, rng.dirichlet([5.0, 5.0], size=shape)),
        "mu": (dims, np.array([0.0, 5.0]) + rng.normal(size=(*shape, 2))),
    }
    stats = {
        "diverging": (SAMPLE, np.arange(2000).reshape(shape) < divergences),
        "tree_depth": (SAMPLE, np.full(shape, 3)),
        "energy": (SAMPLE, rng.normal(size=shape)),
    }
    groups = {"posterior": xr.Dataset(posterior), "sample_stats": xr.Dataset(stats)}
    return to_arviz(groups, attrs={"method": "nuts", "seed": 7, "seconds": 12.34})


def said(summary, first):
    """Return the lines that say a run, its problems and notes, each in a paragraph of its own."""
    lines = [first]
    for problem in summary["problems"]:
        lines += textwrap.wrap(problem, 96, initial_indent="  - ", subsequent_indent="    ")
    for note in summary["notes"]:
        lines += textwrap.wrap(note, 96, initial_indent="  Note: ", subsequent_indent="    ")
    return lines


@pytest.mark.parametrize(
    ("reweighted", "refined"),
    [(True, None), (True, (0.3, 0.7)), (False, None), (False, (0.3, 0.7))],
)
def test_study_table_has_every_fit_side_by_side(reweighted, refined):
    khat = 0.3 if reweighted else 0.8
    nuts = fit_summary(nuts_fit(divergences=3))
    approx = fit_summary(
        advi_fit(
            reweighted=int(reweighted), refined=refined, pareto_khat=khat, pareto_khat_weights=0.3
        )
    )
    three = reweighted or refined is not None
    models = {
        name: {"what": f"what {name} is", "n": n, "nuts": nuts, "advi": approx, "pymc": None}
        for name, n in (("mof3", 100), ("mofsep", 1000))
    }
    first, second = study_table({"models": models}).split("\n\n")
    assert second.splitlines()[1:] == first.splitlines()[1:]
    assert second.startswith("mofsep: what mofsep is (n = 1000)\n")
    title, over, head, *lines = first.splitlines()
    rows = lines[:4]
    assert title == "mof3: what mof3 is (n = 100)"
    assert over.split() == ["NUTS", "ADVI", *(["reweighted"] if three else [])]
    pairs = ["mean", "sd"] * (2 if three else 1)
    assert head.split() == ["mean", "sd", "5%", "95%", "ESS", "R-hat", *pairs]
    assert [row.split()[0] for row in rows] == list(nuts["parameters"])
    for row in rows:
        name, *cells = row.split()
        assert len(row) == len(head)
        by_nuts, by_advi = (fit["parameters"][name] for fit in (nuts, approx))
        columns = [column for column in COLUMNS if column != "q50"]
        assert cells[:4] == [f"{by_nuts[column]:.3f}" for column in columns]
        last = by_advi if reweighted or refined is None else approx["refined"][name]
        assert cells[-2:] == [f"{last[column]:.3f}" for column in ("mean", "sd")]
        if three:
            plain = approx["approximation"][name] if reweighted else by_advi
            assert cells[-4:-2] == [f"{plain[column]:.3f}" for column in ("mean", "sd")]
    words = (
        "k-hat 0.30, reweighted with k-hat 0.30. No problems found."
        if reweighted
        else "k-hat 0.80."
    )
    assert lines[4:] == [
        *said(nuts, "NUTS: 12.3 s, 3 divergences."),
        *(
            []
            if reweighted
            else ["ADVI is not reweighted: its k-hat is 0.80; with reweight=True, k-hat is 0.30."]
            if refined
            else ["ADVI is not reweighted: its k-hat, 0.80, is too large for that."]
        ),
        *said(approx, f"ADVI: 0.6 s, loss 240.00 (error 0.10), {words}"),
    ]


def beside_pymc(nuts, *, differing=(), **changes):
    """What `against_pymc` says of a fit."""
    row = {"mean": 0.25, "sd": 0.5, "z_mean": 1.25, "z_sd": -2.0}
    found = {
        "agree": not differing,
        "differing": list(differing),
        "critical": 3.29,
        "seconds": 40.4,
        "loss": 210.123,
        "loss_mcse": 0.1,
        "version": "5.28.5",
        "parameters": dict.fromkeys(nuts["parameters"], row),
    }
    return found | changes


def block_of(nuts, approx, pymc):
    model = {"what": "it", "n": 100, "nuts": nuts, "advi": approx, "pymc": pymc}
    return study_table({"models": {"mof": model}}).splitlines()


def test_a_model_that_is_drawn_by_nuts_alone_has_no_columns_of_advi():
    nuts = fit_summary(nuts_fit())
    title, over, head, *lines = block_of(nuts, None, None)
    assert title == "mof: it (n = 100)"
    assert over.split() == ["NUTS"]
    assert head.split() == ["mean", "sd", "5%", "95%", "ESS", "R-hat"]
    assert {len(row) for row in lines[:4]} == {len(head)}
    assert lines[4:] == ["NUTS: 12.3 s, 0 divergences. No problems found."]


def test_pymcs_results_stand_below():
    nuts, approx = fit_summary(nuts_fit()), fit_summary(advi_fit())
    over, head, *rows, last = block_of(nuts, approx, beside_pymc(nuts))[-7:]
    assert over.split() == ["PyMC", "NUTS", "-", "PyMC,", "in", "Monte", "Carlo", "errors"]
    assert head.split() == ["mean", "sd", "of", "the", "mean", "of", "the", "sd"]
    assert [row.split() for row in rows] == [
        [name, "0.250", "0.500", "+1.2", "-2.0"] for name in nuts["parameters"]
    ]
    assert {len(row) for row in rows} == {len(head)}
    assert last == (
        "PyMC 5.28.5 (40 s for 12.3 s) agrees with NUTS here: no difference beyond 3.3 errors "
        "and 0.05 sds. ADVI's loss: PyMC 210.12, here 240.00."
    )


def test_what_is_not_known_of_pymc_is_left_out():
    nuts = fit_summary(nuts_fit())
    unknown = {"seconds": None, "loss": None, "loss_mcse": None, "version": None}
    pymc = beside_pymc(nuts, differing=["mu[1]", "mu[2]"], **unknown)
    assert block_of(nuts, None, pymc)[-1] == "PyMC differs from NUTS here in mu[1], mu[2]."
    # without ADVI there is no loss to set beside PyMC's
    assert "loss" not in block_of(nuts, None, beside_pymc(nuts))[-1]
