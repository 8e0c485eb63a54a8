"""What a comparison found: the numbers, as text, and as JSON takes it."""

import dataclasses
import textwrap
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from pystan_mix.comparison.agreement import MATTERS, MUST_BE_VISIBLE
from pystan_mix.comparison.posteriors import Posterior

_WIDTH: Final = 99
_COLUMNS: Final = {"mean": "mean", "sd": "sd", "q05": "5%", "q50": "50%", "q95": "95%"}
_FINDINGS: Final = {
    "agree": "",
    "negligible": "negligible",
    "disagree": "disagree",
    "chains disagree": "chains",
    "too few draws": "few draws",
}
_VERDICTS: Final = {
    "agree": "They agree",
    "disagree": "They do not agree",
    "unclear": "These draws do not show whether they agree",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """What `compare` found; prints readably.

    Parameters
    ----------
    verdict : {"agree", "disagree", "unclear"}
        On all data sets; "unclear" where chains of one data set disagree among
        themselves, or draws are too few.
    reasons : tuple of str
        Why they are not said to agree; empty where they are.
    notes : tuple of str
        What was done or found besides.
    table : pandas.DataFrame
        A row for each quantity and data set; columns `mean`, `sd`, `q05`,
        `q50`, `q95`, `mcse_mean`, `mcse_sd`, `ess_bulk`, `ess_tail`, `r_hat`.
        Against the reference, the first data set: `apart_mean` and so on, the
        difference in sds of the reference; `z_mean` and so on, in combined
        Monte Carlo errors; and `verdict`, one of "agree", "negligible" (more
        than Monte Carlo error, less than matters), "disagree", "chains
        disagree" and "too few draws"; "reference" in the first data set's rows.
    speed : pandas.DataFrame
        A row for each data set: `chains`, `draws` of each, `seconds`,
        `least_ess` (the least bulk ESS of its parameters) and
        `ess_per_second`; NaN where no time was left.
    comparisons : int
        Number of single tests.
    critical : float
        The absolute z that counts, so many tests taken into account.
    visible : float
        The largest, over all quantities, of the least difference between means
        that would have been seen, in sds.
    posteriors : tuple of Posterior
        The draws that were compared, matched.
    """

    verdict: Literal["agree", "disagree", "unclear"]
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    table: pd.DataFrame
    speed: pd.DataFrame
    comparisons: int
    critical: float
    visible: float
    posteriors: tuple[Posterior, ...] = dataclasses.field(repr=False)

    @property
    def agree(self) -> bool:
        """Whether they agree, and the draws suffice to say so."""
        return self.verdict == "agree"

    def __str__(self) -> str:
        return comparison_text(self)


def comparison_text(comparison: Comparison) -> str:
    """Lay a comparison out as text: a line for each quantity and data set, time, verdict, why."""
    blocks = ["\n".join(_table_lines(comparison)), "\n".join(_speed_lines(comparison.speed))]
    verdict = f"{_VERDICTS[comparison.verdict]}: {_extent(comparison)}"
    blocks.append("\n".join([textwrap.fill(verdict, _WIDTH), *map(_item, comparison.reasons)]))
    if comparison.notes:
        blocks.append("\n".join(["Notes:", *map(_item, comparison.notes)]))
    return "\n\n".join(blocks)


def comparison_summary(comparison: Comparison) -> dict[str, Any]:
    """Return what a comparison found, as JSON takes it.

    Parameters
    ----------
    comparison : Comparison
        What `compare` found.

    Returns
    -------
    dict
        Everything that the text says, and every column of the table; what is
        not finite is None.
    """
    table, speed = comparison.table, comparison.speed
    return {
        "verdict": comparison.verdict,
        "agree": comparison.agree,
        "reasons": list(comparison.reasons),
        "notes": list(comparison.notes),
        "comparisons": comparison.comparisons,
        "critical_z": _plain(comparison.critical),
        "visible_sd": _plain(comparison.visible),
        "data_sets": {
            name: {key: _plain(value) for key, value in row.items()}
            for name, row in speed.to_dict(orient="index").items()
        },
        "quantities": {
            quantity: {
                name: {key: _plain(value) for key, value in row.items() if value == value}
                for name, row in rows.droplevel("quantity").to_dict(orient="index").items()
            }
            for quantity, rows in table.groupby(level="quantity", sort=False)
        },
    }


def _table_lines(comparison: Comparison) -> list[str]:
    """Return the table's lines, with what the columns mean."""
    table = comparison.table
    labels, names = (table.index.get_level_values(level) for level in ("quantity", "data"))
    first, second = max(map(len, labels)) + 2, max(map(len, [*names, "data"])) + 1
    lines = [
        " " * first
        + "data".ljust(second)
        + "".join(f"{head:>8}" for head in _COLUMNS.values())
        + f"{'ESS':>7}{'R-hat':>7}{'apart':>7}{'z':>6}"
    ]
    seen = ""
    for (label, name), row in table.iterrows():
        forms = _form(table.loc[label])
        lines.append(
            f"{label if label != seen else '':<{first}}{name:<{second}}"
            + "".join(f" {format(row[key], forms):>7}" for key in _COLUMNS)
            + f"{_number(row['ess_bulk'], '.0f'):>7}{_number(row['r_hat'], '.3f'):>7}"
            + _difference(row)
        )
        seen = label
    reference = comparison.posteriors[0].name
    return [
        *lines,
        *textwrap.wrap(
            f"apart: of all five statistics the difference from {reference} that Monte Carlo error "
            f"explains least, in sds of {reference}; z: the same in combined Monte Carlo errors.",
            _WIDTH,
        ),
    ]


def _difference(row: "pd.Series[Any]") -> str:
    """Return what a row says of its difference from the reference."""
    if row["verdict"] == "reference":
        return ""
    z = {name: abs(row[f"z_{name}"]) for name in _COLUMNS}
    furthest = max(z, key=lambda name: -1.0 if np.isnan(z[name]) else z[name])
    text = (
        f"{_number(row[f'apart_{furthest}'], '+.2f'):>7}{_number(row[f'z_{furthest}'], '+.1f'):>6}"
    )
    return f"{text} {_COLUMNS[furthest]:<5}{_FINDINGS[row['verdict']]}".rstrip()


def _speed_lines(speed: pd.DataFrame) -> list[str]:
    """Return a line on the draws and the time of each data set."""
    width = max(map(len, speed.index)) + 2
    lines = []
    for name, row in speed.iterrows():
        line = (
            f"{name + ':':<{width}}{row['chains']:.0f} x {row['draws']:.0f} draws, "
            f"least bulk ESS {_number(row['least_ess'], '.0f')}"
        )
        if row["seconds"] == row["seconds"]:
            rate = row["ess_per_second"]
            line += (
                f"; {row['seconds']:.1f} s, {format(rate, '.0f' if rate >= 100 else '.3g')} "
                "effective draws a second"
            )
        lines.append(line)
    return lines


def _extent(comparison: Comparison) -> str:
    """Return how much was compared, and what would have been seen."""
    seen = (
        f" A difference between means of {comparison.visible:.2f} sd would have been seen."
        if comparison.visible <= MUST_BE_VISIBLE
        else ""
    )
    return (
        f"{comparison.comparisons} comparisons, of which one counts where |z| is above "
        f"{comparison.critical:.2f} (1 % false alarms in all) and the difference above "
        f"{MATTERS} sd.{seen}"
    )


def _item(text: str) -> str:
    """Return a paragraph behind a dash."""
    return textwrap.fill(text, _WIDTH, initial_indent="  - ", subsequent_indent="    ")


def _form(rows: pd.DataFrame) -> str:
    """Return how to write one quantity's numbers: two digits of its least sd at least."""
    spread = rows["sd"].replace(0.0, np.nan).min()
    size = rows[list(_COLUMNS)].abs().to_numpy().max()
    if not np.isfinite(spread) or not np.isfinite(size) or size >= 1e6 or spread < 1e-5:
        return ".4g"
    return f"z.{int(np.clip(1 - np.floor(np.log10(spread)), 1, 5))}f"


def _number(value: float, form: str) -> str:
    """Return a number as text; a dash where there is none."""
    return "-" if np.isnan(value) else format(value, form)


def _plain(value: Any) -> Any:
    """Return a value as JSON takes it: None for what is not finite."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | np.integer):
        return int(value)
    return float(value) if np.isfinite(value) else None
