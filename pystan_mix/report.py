"""What there is to say of a fit: as JSON takes it, and as text."""

from typing import Any

import numpy as np

from pystan_mix.arviz_data import Fit, attributes, group, group_names
from pystan_mix.diagnostics import diagnose, summarize

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
        Summaries of each parameter (R-hat is None for one chain), seconds,
        the verdict; divergences of NUTS, loss and k-hat of ADVI.
    """
    top = attributes(fit)
    verdict = diagnose(fit)
    table = summarize(fit)
    summary: dict[str, Any] = {
        "method": top["method"],
        "seed": top["seed"],
        "seconds": top["seconds"],
        "ok": verdict.ok,
        "problems": list(verdict.problems),
        "predictive": "posterior_predictive" in group_names(fit),
    }
    if top["method"] == "nuts":
        summary["divergences"] = int(group(fit, "sample_stats")["diverging"].sum())
    else:
        summary["loss"] = -top["elbo"]
        summary["loss_mcse"] = top["elbo_mcse"]
        summary["pareto_khat"] = top["pareto_khat"]
    summary["parameters"] = {
        name: {key: float(value) if np.isfinite(value) else None for key, value in row.items()}
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
    return "\n".join([*lines, f"{summary['method'].upper()}: {_run(summary)} {_verdict(summary)}"])


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
            lines.append(f"{_row(parameter, row)}  {other['mean']:9.3f}{other['sd']:9.3f}")
        lines += [f"{fit['method'].upper()}: {_run(fit)} {_verdict(fit)}" for fit in (nuts, approx)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _header() -> str:
    """Return the names of the columns."""
    return f"{'':10}" + "".join(f"{head:>9}" for head in (*_COLUMNS, "ESS")) + f"{'R-hat':>8}"


def _row(name: str, row: dict[str, Any]) -> str:
    """Return a parameter's line."""
    r_hat = "-" if row["r_hat"] is None else f"{row['r_hat']:.4f}"
    ess = "-" if row["ess_bulk"] is None else f"{row['ess_bulk']:.0f}"
    numbers = "".join(f"{row[key]:9.3f}" for key in _COLUMNS.values())
    return f"{name:<10}{numbers}{ess:>9}{r_hat:>8}"


def _run(summary: dict[str, Any]) -> str:
    """Return a fit's seconds and what its method says."""
    seconds = f"{summary['seconds']:.1f} s"
    if summary["method"] == "nuts":
        return f"{seconds}, {summary['divergences']} divergences."
    return (
        f"{seconds}, loss {summary['loss']:.2f} (error {summary['loss_mcse']:.2f}), "
        f"k-hat {summary['pareto_khat']:.2f}."
    )


def _verdict(summary: dict[str, Any]) -> str:
    """Return a fit's verdict as text."""
    return "No problems found." if summary["ok"] else " ".join(summary["problems"])
