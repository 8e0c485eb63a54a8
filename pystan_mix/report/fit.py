"""What there is to say of a fit: as JSON takes it, and as text."""

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np

from pystan_mix.arviz_compat import Fit, attributes, group, group_names
from pystan_mix.diagnostics.diagnose import diagnose, summarize

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
        Summaries of each parameter, seconds, the verdict; divergences of NUTS;
        loss, k-hats and every start's loss of ADVI, mean and standard
        deviation of the draws that are not reweighted, and the refined ones.
        What is not finite is None: R-hat of one chain.
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
        "use": verdict.use,
        "problems": list(verdict.problems),
        "notes": list(verdict.notes),
        "predictive": "posterior_predictive" in group_names(fit),
    }
    if top["method"] == "nuts":
        summary["divergences"] = int(group(fit, "sample_stats")["diverging"].sum())
    else:
        summary |= _advi_summary(fit)
    summary["parameters"] = {
        name: {key: _finite(value) for key, value in row.items()}
        for name, row in table.to_dict(orient="index").items()
    }
    return summary


def _advi_summary(fit: Fit) -> dict[str, Any]:
    """Return what there is to say of ADVI alone."""
    top = attributes(fit)
    weighted = "approximation" in group_names(fit)
    summary: dict[str, Any] = {
        "algorithm": str(top.get("algorithm", "meanfield")),
        "reweighted": weighted,
        "loss": _finite(-top["elbo"]),
    }
    names = ("loss_mcse", "elbo_gap", "pareto_khat", "pareto_khat_weights", "ess_importance")
    for name in names:
        summary[name] = _finite(top.get(name.replace("loss", "elbo"), np.nan))
    if "vi_restarts" in group_names(fit):
        loss = np.asarray(group(fit, "vi_restarts")["loss"])
        summary["restarts"] = [_finite(value) for value in loss]
    if weighted:
        plain = group(fit, "approximation")
        summary["approximation"] = {
            f"{name}[{k + 1}]": {
                "mean": float(plain[name].isel(component=k).mean()),
                "sd": float(plain[name].isel(component=k).std(ddof=1)),
            }
            for name in ("theta", "mu", "sigma")
            if name in plain
            for k in range(plain.sizes["component"])
        }
    if "vi_refined" in group_names(fit):
        refined = group(fit, "vi_refined")
        summary["refined"] = {
            f"{name}[{k + 1}]": {
                moment: float(refined[f"{name}_{moment}"][k]) for moment in ("mean", "sd")
            }
            for name in ("theta", "mu", "sigma")
            if f"{name}_sd" in refined
            for k in range(refined.sizes["component"])
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
        A block for each model: its parameters by NUTS, by ADVI, and by ADVI
        reweighted, which where its draws are not are the refined moments;
        PyMC's, where its results are known.
    """
    blocks = []
    for name, model in summary["models"].items():
        nuts, approx = model["nuts"], model["advi"]
        weighted = "approximation" in approx
        plain = approx["approximation" if weighted else "parameters"]
        third = approx["parameters"] if weighted else approx.get("refined", {})
        columns = {head: key for head, key in _COLUMNS.items() if head != "50%"}
        pair = f"{'mean':>9}{'sd':>9}"
        lines = [
            f"{name}: {model['what']} (n = {model['n']})",
            f"{'':10}{'NUTS':^53}  {'ADVI':^18}  {'reweighted' if third else '':^18}".rstrip(),
            f"{_header(columns)}  {pair}{f'  {pair}' if third else ''}",
        ]
        for parameter, row in nuts["parameters"].items():
            found = [plain[parameter], *([third[parameter]] if third else [])]
            lines.append("  ".join([_row(parameter, row, columns), *map(_mean_and_sd, found)]))
        lines.append(_verdict(nuts))
        if not weighted:
            lines.append(_not_reweighted(approx))
        lines.append(_verdict(approx))
        if model.get("pymc") is not None:
            lines.append(_beside_pymc(model["pymc"], nuts, approx))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _not_reweighted(approx: dict[str, Any]) -> str:
    """Return why ADVI's draws are its own, and what the reweighted ones are worth."""
    khat, weights = (_number(approx[key], ".2f") for key in ("pareto_khat", "pareto_khat_weights"))
    if "refined" not in approx:
        return f"ADVI is not reweighted: its k-hat, {khat}, is too large for that."
    return f"ADVI is not reweighted: its k-hat is {khat}; with reweight=True, k-hat is {weights}."


def _beside_pymc(found: dict[str, Any], nuts: dict[str, Any], approx: dict[str, Any]) -> str:
    """Return PyMC's means and standard deviations, and how far NUTS's are from them."""
    lines = [f"{'':10}{'PyMC':^18}  {'NUTS - PyMC, in Monte Carlo errors':^36}"]
    lines.append(f"{'':10}{'mean':>9}{'sd':>9}  {'of the mean':>18}{'of the sd':>18}")
    for name, row in found["parameters"].items():
        form = _form(row)
        pair = "".join(_cell(row[key], form) for key in ("mean", "sd"))
        lines.append(f"{name:<10}{pair}  {row['z_mean']:>+18.1f}{row['z_sd']:>+18.1f}")
    version = f" {found['version']}" if found["version"] else ""
    verdict = (
        f"agrees with NUTS here: no difference beyond {found['critical']:.1f} errors and 0.05 sds"
        if found["agree"]
        else f"differs from NUTS here in {', '.join(found['differing'])}"
    )
    seconds = (
        "" if found["seconds"] is None else f" {found['seconds']:.0f} s for {nuts['seconds']:.1f} s"
    )
    loss = (
        ""
        if found["loss"] is None
        else f" ADVI's loss: PyMC {found['loss']:.2f}, here {approx['loss']:.2f}."
    )
    lines.append(f"PyMC{version}{seconds and f' ({seconds.strip()})'} {verdict}.{loss}")
    return "\n".join(lines)


def _mean_and_sd(row: dict[str, Any]) -> str:
    """Return a mean and a standard deviation, in nine columns each."""
    form = _form(row)
    return "".join(_cell(row[key], form) for key in ("mean", "sd"))


def _header(columns: Mapping[str, str] = _COLUMNS) -> str:
    """Return the names of the columns."""
    return f"{'':10}" + "".join(f"{head:>9}" for head in (*columns, "ESS")) + f"{'R-hat':>8}"


def _row(name: str, row: dict[str, Any], columns: Mapping[str, str] = _COLUMNS) -> str:
    """Return a parameter's line."""
    form = _form(row)
    numbers = "".join(_cell(row[key], form) for key in columns.values())
    ess, r_hat = (_number(row[key], form) for key, form in (("ess_bulk", ".0f"), ("r_hat", ".4f")))
    return f"{name:<10}{numbers} {ess:>8} {r_hat:>7}"


def _form(row: dict[str, Any]) -> str:
    """Return how to write a parameter's numbers: three decimals, if these are of its size."""
    size = max(abs(row.get(key) or 0.0) for key in _COLUMNS.values())
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
    loss, error, khat, weights = (
        _number(summary[key], ".2f")
        for key in ("loss", "loss_mcse", "pareto_khat", "pareto_khat_weights")
    )
    weighted = f", reweighted with k-hat {weights}" if summary["reweighted"] else ""
    return f"{seconds}loss {loss} (error {error}), k-hat {khat}{weighted}."


def _verdict(summary: dict[str, Any]) -> str:
    """Return what a fit's method says, and below it the verdict, a problem to a paragraph."""
    first = f"{summary['method'].upper()}: {_run(summary)}"
    if summary["ok"]:
        first += " No problems found."
    said = [("  - ", problem) for problem in summary["problems"]]
    said += [("  Note: ", note) for note in summary["notes"]]
    lines = [
        textwrap.fill(text, width=_WIDTH, initial_indent=mark, subsequent_indent="    ")
        for mark, text in said
    ]
    return "\n".join([first, *lines])
