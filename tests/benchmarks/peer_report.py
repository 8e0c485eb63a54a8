"""The table of what the peers' runs left, as Markdown and as JSON."""

import argparse
import contextlib
import datetime
import math
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import arviz
from measurement import Task
from peer_list import PEERS, Peer, finished, task_for

from pystan_mix.files import write_json, write_text

# of a mean from ours, in combined Monte Carlo standard errors; among some 100 of them
LARGEST_DEVIATION = 4.5
LARGEST_R_HAT = 1.01

COLUMNS = (
    "peer",
    "setting",
    "seconds (min-max)",
    "least bulk ESS",
    "ESS per second",
    "ours / it",
    "R-hat",
    "deviation",
    "first call, nothing compiled, s",
    "first call of a later process, s",
)
LEGEND = f"""\
Seconds: of sampling with warm-up, without compiling; medians over the repeats. ESS: the smallest \
over all parameters. Deviation: the largest of a mean from ours, in combined Monte Carlo standard \
errors. First calls: from the start of a process, the import of the library included, to the end \
of its first sampling.

(!): R-hat above {LARGEST_R_HAT} or a deviation above {LARGEST_DEVIATION}: it did not sample the \
same posterior, or not enough of it, and its speed says nothing."""


def write_report(
    tasks: Mapping[str, Task], failures: Mapping[str, str], arguments: argparse.Namespace
) -> None:
    """Write the table of all that is finished, as Markdown and as JSON, and print it."""
    rows = []
    versions: dict[str, dict[str, str]] = {}
    loads = []
    for name, task in tasks.items():
        runs = {
            peer.name: [
                content
                for repeat in range(1, arguments.repeats + 1)
                if (
                    content := finished(
                        arguments.out / "runs" / f"{name}-{peer.name}-{repeat}.json",
                        task_for(task, peer, repeat),
                    )
                )
            ]
            for peer in PEERS
        }
        for peer in PEERS:
            if runs[peer.name]:
                rows.append(row_of(name, peer, runs[peer.name], runs["ours"]))
                loads += [content["load_before"] for content in runs[peer.name]]
                versions[peer.library] = runs[peer.name][-1]["versions"]
    head = {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="minutes"),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "load_before_runs": [min(loads), max(loads)] if loads else None,
        "system": platform.platform(),
        "versions": versions,
        "judge": f"ArviZ {arviz.__version__}",
        "settings": {
            key: getattr(arguments, key)
            for key in ("chains", "iter_warmup", "iter_sampling", "target", "repeats", "seed")
        },
        "observations": {name: len(task.y) for name, task in tasks.items()},
        "data": "shipped" if arguments.data_dir is None else "the notebook's",
    }
    report = {**head, "rows": rows, "failures": dict(failures)}
    write_json(arguments.out / "peers.json", report)
    text = markdown(head, rows, failures)
    write_text(arguments.out / "peers.md", text)
    print(text)


def row_of(
    posterior: str,
    peer: Peer,
    runs: Sequence[Mapping[str, Any]],
    ours: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return one row of the table: a peer's runs on a posterior."""
    seconds = [run["seconds"] for run in runs]
    ess_per_second = rates(runs)
    cold = {run["compiled_before"]: run["cold_seconds"] for run in reversed(runs)}
    return {
        "posterior": posterior,
        "peer": peer.name,
        "library": peer.library,
        "setting": peer.setting,
        "runs": len(runs),
        "seconds": [statistics.median(seconds), min(seconds), max(seconds)],
        "ess_bulk": [statistics.median(map(least_ess, runs)), min(map(least_ess, runs))],
        "ess_per_second": [
            statistics.median(ess_per_second),
            min(ess_per_second),
            max(ess_per_second),
        ],
        "ours_over_it": (
            statistics.median(rates(ours)) / statistics.median(ess_per_second) if ours else None
        ),
        "r_hat": max(value["r_hat"] for run in runs for value in run["summary"].values()),
        "deviation": None if peer.name == "ours" or not ours else deviation(runs, ours),
        "cold_seconds": cold.get(False),
        "cold_seconds_compiled_before": cold.get(True),
    }


def least_ess(run: Mapping[str, Any]) -> float:
    """Return the smallest bulk ESS over the parameters."""
    return min(value["ess_bulk"] for value in run["summary"].values())


def rates(runs: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return the smallest bulk ESS per second of each run."""
    return [least_ess(run) / run["seconds"] for run in runs]


def deviation(runs: Sequence[Mapping[str, Any]], ours: Sequence[Mapping[str, Any]]) -> float:
    """Return the largest difference of a mean over all runs from ours, in standard errors."""

    def mean_and_variance(of: Sequence[Mapping[str, Any]], name: str) -> tuple[float, float]:
        values = [run["summary"][name] for run in of]
        variance = sum(value["mcse_mean"] ** 2 for value in values) / len(values) ** 2
        return statistics.fmean(value["mean"] for value in values), variance

    largest = 0.0
    for name in ours[0]["summary"]:
        its, our = mean_and_variance(runs, name), mean_and_variance(ours, name)
        largest = max(largest, abs(its[0] - our[0]) / math.sqrt(its[1] + our[1]))
    return largest


def markdown(
    head: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], failures: Mapping[str, str]
) -> str:
    """Return the report as Markdown."""
    settings = head["settings"]
    lines = [
        "# ESS per second",
        "",
        machine_line(head),
        "",
        f"{settings['chains']} chains of {settings['iter_warmup']} + {settings['iter_sampling']} "
        f"iterations, target acceptance {settings['target']}, {settings['repeats']} repeats; "
        f"{head['data']} data, "
        + ", ".join(f"{name} with N = {n}" for name, n in head["observations"].items())
        + ".",
        f"Effective draws, R-hat and errors by {head['judge']} for all.",
        "",
    ]
    lines += version_lines(head)
    for posterior in dict.fromkeys(row["posterior"] for row in rows):
        lines += [
            "",
            f"## {posterior}",
            "",
            f"| {' | '.join(COLUMNS)} |",
            "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
        ]
        for row in (row for row in rows if row["posterior"] == posterior):
            median, low, high = row["seconds"]
            doubtful = row["r_hat"] > LARGEST_R_HAT or (row["deviation"] or 0) > LARGEST_DEVIATION
            cells = (
                f"{row['library']}{' (!)' if doubtful else ''}",
                row["setting"],
                f"{median:.2f} ({low:.2f}-{high:.2f})",
                f"{row['ess_bulk'][0]:.0f}",
                f"{row['ess_per_second'][0]:.0f}",
                number(row["ours_over_it"], ".2f"),
                f"{row['r_hat']:.4f}",
                number(row["deviation"], ".1f"),
                number(row["cold_seconds"], ".1f"),
                number(row["cold_seconds_compiled_before"], ".1f"),
            )
            lines.append(f"| {' | '.join(cells)} |")
    lines += ["", LEGEND, *failure_lines(failures)]
    return "\n".join(lines) + "\n"


def machine_line(head: Mapping[str, Any]) -> str:
    """Return when it was, and on what machine."""
    load = head["load_before_runs"]
    return f"{head['date']}; {head['cpu']}, {head['cores']} cores; {head['system']}" + (
        f"; load average before the runs {load[0]:.1f} to {load[1]:.1f}." if load else "."
    )


def version_lines(head: Mapping[str, Any]) -> list[str]:
    """Return a line on the versions of each library."""
    return [
        f"- {library}: {', '.join(f'{name} {version}' for name, version in versions.items())}"
        for library, versions in head["versions"].items()
    ]


def failure_lines(failures: Mapping[str, str]) -> list[str]:
    """Return lines on what failed."""
    lines = []
    for what, last in failures.items():
        lines += ["", f"**Failed: {what}.** Its last lines:", "", "```", last, "```"]
    return lines


def number(value: float | None, form: str) -> str:
    """Return a number as text, a dash for none."""
    return "-" if value is None else format(value, form)


def cpu_model() -> str:
    """Return the processor's name."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
