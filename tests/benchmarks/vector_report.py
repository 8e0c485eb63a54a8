"""The table of what the peers' runs on vectors left, as Markdown and as JSON."""

import argparse
import datetime
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import arviz
from peer_report import (
    LARGEST_DEVIATION,
    LARGEST_R_HAT,
    cpu_model,
    deviation,
    failure_lines,
    machine_line,
    number,
    version_lines,
)
from vector_peer_list import PEERS, VectorData
from vector_quantities import LABEL_FREE, PARAMETERS

from pystan_mix.files import write_json, write_text

COLUMNS = (
    "peer",
    "setting",
    "iterations",
    "seconds (min-max)",
    "ESS per second, label-free",
    "parameters",
    "the best's / it",
    "gradients a draw",
    "R-hat",
    "largest z",
)
LEGEND = f"""\
Seconds: of sampling with warm-up, without compiling; medians over the repeats. ESS: the smallest \
bulk ESS of each kind, of weighed draws at most what they are worth. Label-free: the log density \
at five points, the log likelihood, the entropy of the weights. Parameters: weights, means, \
standard deviations and correlations, relabelled. The best's / it: the largest ESS per second of \
parameters over its own. Gradients after warm-up. Largest z: of a mean of either kind from that of \
pystan_mix with its defaults, in combined Monte Carlo standard errors.

(!): R-hat above {LARGEST_R_HAT} or a z above {LARGEST_DEVIATION}: it did not sample the same \
posterior, or not enough of it, and its speed says nothing."""

Runs = Sequence[Mapping[str, Any]]


def write_vector_report(
    measured: Mapping[VectorData, Mapping[str, Runs]],
    failures: Mapping[str, str],
    arguments: argparse.Namespace,
) -> None:
    """Write the table of all that is finished, as Markdown and as JSON, and print it."""
    rows = [row for data, runs in measured.items() for row in rows_of(data, runs)]
    every = [run for runs in measured.values() for each in runs.values() for run in each]
    loads = [run["load_before"] for run in every]
    head = {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="minutes"),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "load_before_runs": [min(loads), max(loads)] if loads else None,
        "system": platform.platform(),
        "judge": f"ArviZ {arviz.__version__}",
        "settings": {
            key: getattr(arguments, key) for key in ("chains", "target", "repeats", "seed")
        },
        "versions": {
            peer.library: runs[peer.name][-1]["versions"]
            for runs in measured.values()
            for peer in PEERS
            if runs[peer.name] and "versions" in runs[peer.name][-1]
        },
    }
    write_json(
        arguments.out / "vector_peers.json", {**head, "rows": rows, "failures": dict(failures)}
    )
    text = markdown(head, rows, failures)
    write_text(arguments.out / "vector_peers.md", text)
    print(text)


def rows_of(data: VectorData, runs: Mapping[str, Runs]) -> list[dict[str, Any]]:
    """Return the rows of one posterior."""
    done = {name: [run for run in each if "summary" in run] for name, each in runs.items()}
    medians = [statistics.median(rates(each, PARAMETERS)) for each in done.values() if each]
    rows = []
    for peer in PEERS:
        if not runs[peer.name]:
            continue
        row = {
            "data": f"{data.name}: N = {data.size}, D = {data.dims}",
            "peer": peer.name,
            "library": peer.library,
            "setting": peer.setting,
            "iterations": runs[peer.name][0]["iterations"],
            "runs": len(done[peer.name]),
            "stopped": next((run["stopped"] for run in runs[peer.name] if "stopped" in run), None),
        }
        if finished := done[peer.name]:
            others = peer.name != "ours" and done["ours"]
            seconds = [run["seconds"] for run in finished]
            draws = [run["iterations"][0] * run["iterations"][2] for run in finished]
            row |= {
                "seconds": [statistics.median(seconds), min(seconds), max(seconds)],
                "label_free": statistics.median(rates(finished, LABEL_FREE)),
                "parameters": statistics.median(rates(finished, PARAMETERS)),
                "best_over_it": max(medians) / statistics.median(rates(finished, PARAMETERS)),
                "gradients": statistics.median(
                    run["gradients"] / n for run, n in zip(finished, draws, strict=True)
                ),
                "r_hat": max(x["r_hat"] for run in finished for x in run["summary"].values()),
                "z": deviation(finished, done["ours"]) if others else None,
            }
        rows.append(row)
    return rows


def rates(runs: Runs, kind: str) -> list[float]:
    """Return the smallest bulk ESS per second of each run over the quantities of a kind."""
    found = []
    for run in runs:
        least = min(x["ess_bulk"] for x in run["summary"].values() if x["kind"] == kind)
        found.append(min(least, run["worth"] or least) / run["seconds"])
    return found


def markdown(
    head: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], failures: Mapping[str, str]
) -> str:
    """Return the report as Markdown."""
    settings = head["settings"]
    lines = [
        "# ESS per second on vectors, K = 3",
        "",
        machine_line(head),
        "",
        (
            f"Target acceptance {settings['target']}, {settings['repeats']} repeats. Effective "
            f"draws, R-hat and errors by {head['judge']} for all."
        ),
        "",
    ]
    lines += version_lines(head)
    for data in dict.fromkeys(row["data"] for row in rows):
        lines += ["", f"## {data}", "", f"| {' | '.join(COLUMNS)} |"]
        lines += [f"|---|---|---|{'--:|' * (len(COLUMNS) - 3)}"]
        lines += [f"| {' | '.join(cells(row))} |" for row in rows if row["data"] == data]
    lines += ["", LEGEND, *failure_lines(failures)]
    return "\n".join(lines) + "\n"


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a row's cells; of a peer that did not end, how far it came."""
    chains, warmup, sampling = row["iterations"]
    first = (row["library"], row["setting"], f"{chains} x ({warmup} + {sampling})")
    if not row["runs"]:
        return (*first, row["stopped"], *["-"] * (len(COLUMNS) - 4))
    median, low, high = row["seconds"]
    doubtful = row["r_hat"] > LARGEST_R_HAT or (row["z"] or 0) > LARGEST_DEVIATION
    return (
        first[0] + (" (!)" if doubtful else ""),
        *first[1:],
        f"{median:.2f} ({low:.2f}-{high:.2f})",
        f"{row['label_free']:.3g}",
        f"{row['parameters']:.3g}",
        f"{row['best_over_it']:.3g}",
        f"{row['gradients']:.1f}",
        f"{row['r_hat']:.4f}",
        number(row["z"], ".1f"),
    )
