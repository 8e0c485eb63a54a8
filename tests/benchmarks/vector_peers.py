"""Sample mixtures of vectors with this project and with its peers; compare ESS per second.

As peers.py: every measurement is a process of its own, repeat r runs every peer once before repeat
r + 1 begins, and one ArviZ judges the draws of all. Interrupt it when you like: what is finished is
kept, and the next call goes on from there. A run that does not end in `--time-limit` is stopped and
told of, with how far it came; its other repeats are not begun.
"""

import argparse
import dataclasses
import json
import os
import re
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from peer_list import Peer
from peer_processes import peers_parser, positive, ready_environments, run_script
from vector_measurement import VectorTask
from vector_peer_list import DATA, PEERS, VectorData, task_for, task_of
from vector_quantities import summaries
from vector_report import write_vector_report

from pystan_mix.cmdstan.locate import find_cmdstan
from pystan_mix.console import say
from pystan_mix.errors import PystanMixError
from pystan_mix.files import write_json

JUDGED = ["mean", "mcse_mean", "ess_bulk", "r_hat", "kind"]


def main() -> int:
    """Run the command line; return its exit code."""
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    peers = [peer for peer in PEERS if peer.name in arguments.peers]
    try:
        find_cmdstan()
        arguments.out.mkdir(parents=True, exist_ok=True)
        tasks = {d: task_of(d, arguments) for d in DATA if d.name in arguments.posteriors}
    except (PystanMixError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    failures: dict[str, str] = {}
    code = 0
    try:
        environments = [peer.environment for peer in peers]
        pythons = ready_environments(environments, arguments.environments, failures)
        run_all(peers, tasks, pythons, failures, arguments)
    except KeyboardInterrupt:
        say("Interrupted; the same command goes on from here.")
        code = 130
    measured = {data: results(data, task, arguments) for data, task in tasks.items()}
    write_vector_report(measured, failures, arguments)
    say(f"Results: {arguments.out / 'vector_peers.md'}, {arguments.out / 'vector_peers.json'}")
    return code or int(bool(failures))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = peers_parser(
        str(__doc__),
        PEERS,
        [data.name for data in DATA],
        iter_warmup=1000,
        iter_sampling=1000,
        target=0.9,
        out="vector-peers-results",
    )
    parser.add_argument(
        "--iter-patient",
        type=positive,
        default=200,
        help="iterations, of either kind, of peers that take long at N = 100 000; "
        "default: %(default)s",
    )
    return parser.parse_args()


def run_all(
    peers: Sequence[Peer],
    tasks: Mapping[VectorData, VectorTask],
    pythons: Mapping[str | None, Path],
    failures: dict[str, str],
    arguments: argparse.Namespace,
) -> None:
    """Run every measurement that is not finished."""
    for repeat in range(1, arguments.repeats + 1):
        for data, task in tasks.items():
            for peer in peers:
                runs = results(data, task, arguments)[peer.name]
                if peer.environment not in pythons or any("stopped" in run for run in runs):
                    continue
                todo = task_for(task, data, peer, repeat, iter_patient=arguments.iter_patient)
                path = result_path(data, peer, repeat, arguments)
                if not arguments.again and finished(path, todo) is not None:
                    continue
                begun = time.perf_counter()
                say(f"{path.stem} ...")
                fault = measure(peer, todo, pythons[peer.environment], path, arguments)
                if fault:
                    failures[path.stem] = fault
                say(f"  {'failed' if fault else 'done'} in {time.perf_counter() - begun:.0f} s")


def measure(
    peer: Peer, task: VectorTask, python: Path, result: Path, arguments: argparse.Namespace
) -> str:
    """Run one measurement and judge its draws; return why it failed, or nothing."""
    result.parent.mkdir(parents=True, exist_ok=True)
    for suffix in (".json", ".progress"):
        result.with_suffix(suffix).unlink(missing_ok=True)
    task_file, load = result.with_suffix(".task"), os.getloadavg()[0]
    write_json(task_file, dataclasses.asdict(task))
    begun = time.perf_counter()
    fault = run_script(
        peer.script,
        python,
        task_file,
        result,
        compiled=arguments.out / "compiled" / peer.name,
        minutes=arguments.time_limit,
    )
    iterations = [task.chains, task.iter_warmup, task.iter_sampling]
    known = {"load_before": load, "iterations": iterations}
    if fault and time.perf_counter() - begun >= 60.0 * arguments.time_limit:
        words = f"not ended in {arguments.time_limit} minutes, {how_far(result)}"
        write_json(result, known | {"stopped": words})
        say(f"  {words}")
        return ""
    if fault:
        return fault
    content = json.loads(result.read_text("utf-8"))
    with np.load(result.with_suffix(".npz")) as arrays:
        draws = {name: arrays[name] for name in arrays}
    table = summaries(task.y, draws, task.start["mu"])
    summary = {"summary": table[JUDGED].to_dict(orient="index")}
    write_json(result, content | known | summary)
    return ""


def how_far(result: Path) -> str:
    """Return in words how much of its iterations a run had done that was stopped."""
    progress, log = result.with_suffix(".progress"), result.with_suffix(".log")
    if progress.exists():
        found = json.loads(progress.read_text("utf-8"))
        return f"with {found['done']} of {found['of']} iterations"
    # a bar of CmdStan's
    told = re.findall(r"(\d+)/(\d+) \[", log.read_text("utf-8", "replace"))
    return f"with {told[-1][0]} of {told[-1][1]} iterations" if told else "in its first iterations"


def result_path(data: VectorData, peer: Peer, repeat: int, arguments: argparse.Namespace) -> Path:
    """Return where a run leaves its result."""
    return arguments.out / "runs" / f"{data.name}-{peer.name}-{repeat}.json"


def results(
    data: VectorData, task: VectorTask, arguments: argparse.Namespace
) -> dict[str, list[dict[str, Any]]]:
    """Return what the finished runs of a posterior left, by peer."""
    found: dict[str, list[dict[str, Any]]] = {}
    for peer in PEERS:
        each = []
        for repeat in range(1, arguments.repeats + 1):
            todo = task_for(task, data, peer, repeat, iter_patient=arguments.iter_patient)
            each.append(finished(result_path(data, peer, repeat, arguments), todo))
        found[peer.name] = [content for content in each if content]
    return found


def finished(result: Path, task: VectorTask) -> dict[str, Any] | None:
    """Return the result of a task if it is there, judged or stopped, and of this very task."""
    try:
        content = json.loads(result.read_text("utf-8"))
        told = json.loads(result.with_suffix(".task").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    same = told == json.loads(json.dumps(dataclasses.asdict(task)))
    return content if same and ("summary" in content or "stopped" in content) else None


if __name__ == "__main__":
    sys.exit(main())
