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
from peer_processes import fraction, positive, ready_environments, run_script
from peer_report import write_report

from pystan_mix.arviz_compat import to_arviz
from pystan_mix.cmdstan.locate import find_cmdstan
from pystan_mix.console import say
from pystan_mix.errors import PystanMixError
from pystan_mix.files import cache_dir, write_json
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
    names = [peer.name for peer in PEERS]
    width = max(map(len, names))
    listing = "\n".join(f"  {p.name:<{width}}  {p.library}, {p.setting}" for p in PEERS)
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"peers:\n{listing}\n\n"
        "example, some eight minutes, most of it compiling:\n"
        "  python peers.py --iter-warmup 500 --iter-sampling 1000 --repeats 1 --out trial\n\n"
        "exit codes: 0 all is measured; 1 a peer failed or nothing could be run; 130 interrupted",
    )
    add = parser.add_argument
    add("--peers", nargs="+", choices=names, default=names, metavar="PEER", help="default: all")
    posteriors = [p.name for p in POSTERIORS]
    add("--posteriors", nargs="+", choices=posteriors, default=posteriors, help="default: both")
    add("--chains", type=positive, default=4, help="default: %(default)s")
    add("--iter-warmup", type=positive, default=2000, help="of each chain; default: %(default)s")
    add("--iter-sampling", type=positive, default=10000, help="of each chain; default: %(default)s")
    add("--target", type=fraction, default=0.95, help="acceptance rate; default: %(default)s")
    add("--repeats", type=positive, default=3, help="default: %(default)s")
    add("--seed", type=positive, default=1, help="of the first repeat; default: %(default)s")
    add(
        "--data-dir",
        type=Path,
        help="folder with the notebook's 3gv2.dat and 3g.dat; default: the shipped data",
    )
    add("--out", type=Path, default=Path("peers-results"), help="folder; default: %(default)s")
    add("--again", action="store_true", help="run the chosen peers again, also what is finished")
    add("--time-limit", type=positive, default=30, help="minutes a run; default: %(default)s")
    add(
        "--environments",
        type=Path,
        default=cache_dir() / "benchmarks",
        help="folder of the peers' virtual environments; default: in this package's cache",
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
