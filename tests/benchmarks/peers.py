"""Sample the notebook's posteriors with this project and with its peers; compare ESS per second.

Every measurement is a process of its own. Repeat r runs every peer once before repeat r + 1 begins.
One ArviZ, that of the Python that runs this script, judges the draws of all. Interrupt it when you
like: what is finished is kept, and the next call goes on from there.
"""

import argparse
import dataclasses
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import arviz
import numpy as np
import xarray as xr
from measurement import Task
from peer_list import PEERS, POSTERIORS, Peer, finished, task_for, task_of
from peer_processes import peers_parser, ready_environments, run_script
from peer_report import write_report

from pystan_mix.arviz_compat import to_arviz
from pystan_mix.cmdstan.locate import find_cmdstan
from pystan_mix.console import say
from pystan_mix.errors import PystanMixError
from pystan_mix.files import write_json
from pystan_mix.fits.summary import summarize


def main() -> int:
    """Run the command line; return its exit code."""
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    peers = [peer for peer in PEERS if peer.name in arguments.peers]
    try:
        find_cmdstan()
        tasks = {
            p.name: task_of(p, arguments) for p in POSTERIORS if p.name in arguments.posteriors
        }
        arguments.out.mkdir(parents=True, exist_ok=True)
    except (PystanMixError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    failures: dict[str, str] = {}
    code = 0
    try:
        pythons = ready_environments(
            [peer.environment for peer in peers], arguments.environments, failures
        )
        run_all(peers, tasks, pythons, failures, arguments)
    except KeyboardInterrupt:
        say("Interrupted; the same command goes on from here.")
        code = 130
    write_report(tasks, failures, arguments)
    say(f"Results: {arguments.out / 'peers.md'}, {arguments.out / 'peers.json'}")
    return code or int(bool(failures))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = peers_parser(
        str(__doc__),
        PEERS,
        [posterior.name for posterior in POSTERIORS],
        iter_warmup=2000,
        iter_sampling=10_000,
        target=0.95,
        out="peers-results",
        example="example, some eight minutes, most of it compiling:\n"
        "  python peers.py --iter-warmup 500 --iter-sampling 1000 --repeats 1 --out trial\n\n",
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        help="folder with the notebook's 3gv2.dat and 3g.dat; default: the shipped data",
    )
    return parser.parse_args()


def run_all(
    peers: Sequence[Peer],
    tasks: Mapping[str, Task],
    pythons: Mapping[str | None, Path],
    failures: dict[str, str],
    arguments: argparse.Namespace,
) -> None:
    """Run every measurement that is not finished."""
    for repeat in range(1, arguments.repeats + 1):
        for name, task in tasks.items():
            for peer in peers:
                if peer.environment not in pythons:
                    continue
                run = f"{name}-{peer.name}-{repeat}"
                todo = task_for(task, peer, repeat)
                result = arguments.out / "runs" / f"{run}.json"
                if not arguments.again and finished(result, todo) is not None:
                    continue
                begun = time.perf_counter()
                say(f"{run} ...")
                fault = measure(peer, todo, pythons[peer.environment], result, arguments)
                if fault:
                    failures[run] = fault
                say(f"  {'failed' if fault else 'done'} in {time.perf_counter() - begun:.0f} s")


def measure(
    peer: Peer, task: Task, python: Path, result: Path, arguments: argparse.Namespace
) -> str:
    """Run one measurement and judge its draws; return why it failed, or nothing."""
    result.parent.mkdir(parents=True, exist_ok=True)
    result.unlink(missing_ok=True)
    task_file = result.with_suffix(".task")
    write_json(task_file, dataclasses.asdict(task))
    # what a library compiles is kept here: nothing in the first repeat, something in later ones
    compiled = arguments.out / "compiled" / f"{task.posterior}-{peer.name}"
    if task.seed == arguments.seed:
        shutil.rmtree(compiled, ignore_errors=True)
    found = compiled.exists()
    load = os.getloadavg()[0]
    fault = run_script(
        peer.script, python, task_file, result, compiled=compiled, minutes=arguments.time_limit
    )
    if fault:
        return fault
    content = json.loads(result.read_text("utf-8"))
    with np.load(result.with_suffix(".npz")) as draws:
        dims = ("chain", "draw", "component")
        posterior = xr.Dataset({name: (dims, draws[name]) for name in draws})
    table = summarize(to_arviz({"posterior": posterior}, attrs={}))
    columns = ["mean", "mcse_mean", "ess_bulk", "r_hat"]
    write_json(
        result,
        content
        | {
            "compiled_before": found,
            "load_before": load,
            "arviz": arviz.__version__,
            "summary": table[columns].to_dict(orient="index"),
        },
    )
    return ""


if __name__ == "__main__":
    sys.exit(main())
