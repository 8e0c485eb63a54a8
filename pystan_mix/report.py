"""What there is to say of a fit: as JSON takes it, and as text."""

import textwrap
from typing import Any

import numpy as np

from pystan_mix.arviz_data import Fit, attributes, group, group_names
from pystan_mix.diagnostics import diagnose, summarize

_WIDTH = 96
_COLUMNS = {"mean": "mean", "sd": "sd", "5%": "q05", "50%": "q50", "95%": "q95"}


def fit_summary(fit: Fit) -> dict[str, Any]:
    """Return what there is to say of a fit, as JSON takes it.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        What `sample` or `advi` returned.

    Returns
    -------
    dict
        Summaries of each parameter, seconds, the verdict; divergences of NUTS,
        loss and k-hat of ADVI. What is not finite is None: R-hat of one chain.
    """
    top = attributes(fit)
    verdict = diagnose(fit)
    table = summarize(fit)
    summary: dict[str, Any] = {
        "method": top["method"],
        # netCDF hands NumPy's numbers back, which JSON does not take
        "seed": int(top["seed"]),
        "seconds": _finite(top.get("seconds", np.nan)),
        "ok": verdict.ok,
        "problems": list(verdict.problems),
        "predictive": "posterior_predictive" in group_names(fit),
    }
    if top["method"] == "nuts":
        summary["divergences"] = int(group(fit, "sample_stats")["diverging"].sum())
    else:
        summary["loss"] = _finite(-top["elbo"])
        summary["loss_mcse"] = _finite(top["elbo_mcse"])
        summary["pareto_khat"] = _finite(top["pareto_khat"])
    summary["parameters"] = {
        name: {key: _finite(value) for key, value in row.items()}
        for name, row in table.to_dict(orient="index").items()
    }
    return summary


def fit_table(summary: dict[str, Any]) -> str:
    """Lay one fit's summary out as text.

    Parameters
    ----------
    summary : dict
        What `fit_summary` returned.

    Returns
    -------
    str
        A line for each parameter, then seconds and the verdict.
    """
    lines = [_header()]
    lines += [_row(name, row) for name, row in summary["parameters"].items()]
    return "\n".join([*lines, _verdict(summary)])


def study_table(summary: dict[str, Any]) -> str:
    """Lay the study's summaries out as text.

    Parameters
    ----------
    summary : dict
        What `run_study` returned.

    Returns
    -------
    str
        A block for each model: its parameters by NUTS and by ADVI.
    """
    blocks = []
    for name, model in summary["models"].items():
        nuts, approx = model["nuts"], model["advi"]
        lines = [
            f"{name}: {model['what']} (n = {model['n']})",
            f"{'':10}{'NUTS':^62}  {'ADVI':^18}",
            f"{_header()}  {'mean':>9}{'sd':>9}",
        ]
        for parameter, row in nuts["parameters"].items():
            other = approx["parameters"][parameter]
            form = _form(other)
            numbers = "".join(_cell(other[key], form) for key in ("mean", "sd"))
            lines.append(f"{_row(parameter, row)}  {numbers}")
        lines += [_verdict(nuts), _verdict(approx)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _header() -> str:
    """Return the names of the columns."""
    return f"{'':10}" + "".join(f"{head:>9}" for head in (*_COLUMNS, "ESS")) + f"{'R-hat':>8}"


def _row(name: str, row: dict[str, Any]) -> str:
    """Return a parameter's line."""
    form = _form(row)
    numbers = "".join(_cell(row[key], form) for key in _COLUMNS.values())
    ess, r_hat = (_number(row[key], form) for key, form in (("ess_bulk", ".0f"), ("r_hat", ".4f")))
    return f"{name:<10}{numbers} {ess:>8} {r_hat:>7}"


def _form(row: dict[str, Any]) -> str:
    """Return how to write a parameter's numbers: three decimals, if these are of its size."""
    size = max(abs(row[key] or 0.0) for key in _COLUMNS.values())
    if size >= 1000:
        return ".5g"
    return ".4g" if 0 < size < 0.1 else ".3f"


def _cell(value: float | None, form: str) -> str:
    """Return a number in nine columns, or more: a space always parts it from the one before."""
    return f" {_number(value, form):>8}"


def _number(value: float | None, form: str) -> str:
    """Return a number as text; a dash where there is none."""
    return "-" if value is None else format(value, form)


def _finite(value: float) -> float | None:
    """Return a number as JSON takes it; None where it is not finite."""
    return float(value) if np.isfinite(value) else None


def _run(summary: dict[str, Any]) -> str:
    """Return a fit's seconds and what its method says."""
    seconds = "" if summary["seconds"] is None else f"{summary['seconds']:.1f} s, "
    if summary["method"] == "nuts":
        return f"{seconds}{summary['divergences']} divergences."
    loss, error, khat = (
        _number(summary[key], ".2f") for key in ("loss", "loss_mcse", "pareto_khat")
    )
    return f"{seconds}loss {loss} (error {error}), k-hat {khat}."


def _verdict(summary: dict[str, Any]) -> str:
    """Return what a fit's method says, and below it the verdict, a problem to a paragraph."""
    first = f"{summary['method'].upper()}: {_run(summary)}"
    if summary["ok"]:
        return f"{first} No problems found."
    problems = [
        textwrap.fill(problem, width=_WIDTH, initial_indent="  - ", subsequent_indent="    ")
        for problem in summary["problems"]
    ]
    return "\n".join([first, *problems])
