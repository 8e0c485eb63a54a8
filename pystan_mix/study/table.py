"""The study's results laid out as text."""

from typing import Any

from pystan_mix.report.tables import (
    COLUMNS,
    cell,
    header,
    number,
    number_form,
    parameter_row,
    verdict_text,
)


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
        lines = [f"{name}: {model['what']} (n = {model['n']})", *_parameter_lines(nuts, approx)]
        lines.append(verdict_text(nuts))
        if approx is not None:
            if not _is_weighted(approx):
                lines.append(_not_reweighted(approx))
            lines.append(verdict_text(approx))
        if model["pymc"] is not None:
            lines.append(_beside_pymc(model["pymc"], nuts, approx))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _is_weighted(approx: dict[str, Any]) -> bool:
    """Return whether ADVI's draws are reweighted ones."""
    return "approximation" in approx


def _parameter_lines(nuts: dict[str, Any], approx: dict[str, Any] | None) -> list[str]:
    """Return each parameter by NUTS and, where there is one, by ADVI, below their names."""
    columns = {head: key for head, key in COLUMNS.items() if head != "50%"}
    beside: list[dict[str, Any]] = []
    if approx is not None:
        weighted = _is_weighted(approx)
        beside.append(approx["approximation" if weighted else "parameters"])
        refined = approx["parameters"] if weighted else approx.get("refined")
        beside += [refined] if refined else []
    methods = "".join(f"  {head:^18}" for head in ("ADVI", "reweighted")[: len(beside)])
    pair = f"  {'mean':>9}{'sd':>9}"
    lines = [
        f"{'':10}{'NUTS':^53}{methods}".rstrip(),
        f"{header(columns)}{pair * len(beside)}",
    ]
    for name, row in nuts["parameters"].items():
        others = [_mean_and_sd(each[name]) for each in beside]
        lines.append("  ".join([parameter_row(name, row, columns), *others]))
    return lines


def _not_reweighted(approx: dict[str, Any]) -> str:
    """Return why ADVI's draws are its own, and what the reweighted ones are worth."""
    khat, weights = (number(approx[key], ".2f") for key in ("pareto_khat", "pareto_khat_weights"))
    if "refined" not in approx:
        return f"ADVI is not reweighted: its k-hat, {khat}, is too large for that."
    return f"ADVI is not reweighted: its k-hat is {khat}; with reweight=True, k-hat is {weights}."


def _beside_pymc(found: dict[str, Any], nuts: dict[str, Any], approx: dict[str, Any] | None) -> str:
    """Return PyMC's means and standard deviations, and how far NUTS's are from them."""
    lines = [f"{'':10}{'PyMC':^18}  {'NUTS - PyMC, in Monte Carlo errors':^36}"]
    lines.append(f"{'':10}{'mean':>9}{'sd':>9}  {'of the mean':>18}{'of the sd':>18}")
    for name, row in found["parameters"].items():
        form = number_form(row)
        pair = "".join(cell(row[key], form) for key in ("mean", "sd"))
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
        if found["loss"] is None or approx is None
        else f" ADVI's loss: PyMC {found['loss']:.2f}, here {approx['loss']:.2f}."
    )
    lines.append(f"PyMC{version}{seconds and f' ({seconds.strip()})'} {verdict}.{loss}")
    return "\n".join(lines)


def _mean_and_sd(row: dict[str, Any]) -> str:
    """Return a mean and a standard deviation, in nine columns each."""
    form = number_form(row)
    return "".join(cell(row[key], form) for key in ("mean", "sd"))
