"""How the numbers of a fit are laid out as text."""

import textwrap
from collections.abc import Mapping
from typing import Any, Final

_WIDTH: Final = 96
COLUMNS: Final[Mapping[str, str]] = {
    "mean": "mean",
    "sd": "sd",
    "5%": "q05",
    "50%": "q50",
    "95%": "q95",
}
# of the names of parameters, if none is longer
NAME_WIDTH = 10


def header(columns: Mapping[str, str] = COLUMNS, *, width: int = NAME_WIDTH) -> str:
    """Return the names of the columns."""
    return f"{'':{width}}" + "".join(f"{head:>9}" for head in (*columns, "ESS")) + f"{'R-hat':>8}"


def parameter_row(
    name: str,
    row: dict[str, Any],
    columns: Mapping[str, str] = COLUMNS,
    *,
    width: int = NAME_WIDTH,
) -> str:
    """Return a parameter's line."""
    form = number_form(row)
    numbers = "".join(cell(row[key], form) for key in columns.values())
    ess, r_hat = (number(row[key], form) for key, form in (("ess_bulk", ".0f"), ("r_hat", ".4f")))
    return f"{name:<{width}}{numbers} {ess:>8} {r_hat:>7}"


def number_form(row: dict[str, Any]) -> str:
    """Return how to write a parameter's numbers: three decimals, if these are of its size."""
    size = max(abs(row.get(key) or 0.0) for key in COLUMNS.values())
    if size >= 1000:
        return ".5g"
    return ".4g" if 0 < size < 0.1 else ".3f"


def cell(value: float | None, form: str) -> str:
    """Return a number in nine columns, or more: a space always parts it from the one before."""
    return f" {number(value, form):>8}"


def number(value: float | None, form: str) -> str:
    """Return a number as text; a dash where there is none."""
    return "-" if value is None else format(value, form)


def _run(summary: dict[str, Any]) -> str:
    """Return a fit's seconds and what its method says."""
    seconds = "" if summary["seconds"] is None else f"{summary['seconds']:.1f} s, "
    if summary["method"] == "nuts":
        return f"{seconds}{summary['divergences']} divergences."
    loss, error, khat, weights = (
        number(summary[key], ".2f")
        for key in ("loss", "loss_mcse", "pareto_khat", "pareto_khat_weights")
    )
    weighted = f", reweighted with k-hat {weights}" if summary["reweighted"] else ""
    return f"{seconds}loss {loss} (error {error}), k-hat {khat}{weighted}."


def verdict_text(summary: dict[str, Any]) -> str:
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
