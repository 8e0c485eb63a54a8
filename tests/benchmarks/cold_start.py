"""How long it takes from nothing to the first result: this package three ways, and its peers.

    python tests/benchmarks/cold_start.py --pure PURE.whl --prebuilt WITH-EXECUTABLES.whl

Each way begins with an empty virtual environment and an empty home, so nothing is downloaded,
compiled or cached before: then `pip install`, and a first result. Of this package that is
`pystan-mix reproduce`, four fits of the course's two data sets, with figures; of a peer two fits by
NUTS of the same data sets, by its script beside this one. It prints a table in Markdown, and what
it runs prints to standard error. An interrupt leaves nothing behind.
"""

import argparse
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from peer_list import ENVIRONMENTS, PEERS, POSTERIORS, task_for, task_of

from pystan_mix.cmdstan.locate import find_cmdstan

HERE = Path(__file__).resolve().parent
LIMIT = 1800


@dataclasses.dataclass(frozen=True)
class Way:
    """A way to a first result: what is installed, and what gives the result."""

    name: str
    requirements: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]
    cmdstan: Path | None = None


def our_ways(pure: Path, prebuilt: Path) -> list[Way]:
    """Return the ways of this package."""
    reproduce = (("pystan-mix", "reproduce"),)
    there = find_cmdstan().path
    return [
        Way("pystan_mix, without CmdStan", (str(pure),), reproduce),
        Way("pystan_mix, CmdStan is there", (str(pure),), reproduce, cmdstan=there),
        Way("pystan_mix, with executables", (str(prebuilt),), reproduce),
    ]


def peers_way(name: str, arguments: argparse.Namespace, folder: Path) -> Way:
    """Return the way of a peer; its tasks go to a folder."""
    (peer,) = (each for each in PEERS if each.name == name)
    commands = []
    for posterior in POSTERIORS:
        task = task_for(task_of(posterior, arguments), peer, 1)
        path = folder / f"{name}-{posterior.name}.task"
        path.write_text(json.dumps(dataclasses.asdict(task)), encoding="utf-8")
        result = path.with_suffix(".json")
        commands.append(("python", str(HERE / peer.script), str(path), str(result), "0"))
    return Way(peer.library, ENVIRONMENTS[str(peer.environment)], tuple(commands))


def seconds_of(argv: Sequence[str | Path], environment: dict[str, str], folder: Path) -> float:
    """Run a command that must succeed, and return its seconds."""
    began = time.perf_counter()
    subprocess.run(
        argv,
        env=environment,
        cwd=folder,
        check=True,
        timeout=LIMIT,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
    )
    return time.perf_counter() - began


def measured(way: Way) -> tuple[float, float]:
    """Return the seconds of installing, and of the result after it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home, binaries = folder / "home", folder / "venv" / "bin"
        home.mkdir()
        # settings of pip, and of where packages come from, are the machine's own
        own = {k: x for k, x in os.environ.items() if k.startswith(("PIP_", "SSL_", "REQUESTS_"))}
        environment = own | {
            "HOME": str(home),
            "PATH": f"{binaries}:/usr/bin:/bin",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        if way.cmdstan is not None:
            environment["CMDSTAN"] = str(way.cmdstan)
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        pip = [binaries / "pip", "install", "--quiet", *way.requirements]
        installing = seconds_of(pip, environment, home)
        result = sum(seconds_of(argv, environment, home) for argv in way.commands)
    return installing, result


def main() -> None:
    """Measure each way once, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pure", type=Path, required=True, help="the wheel without executables")
    parser.add_argument("--prebuilt", type=Path, required=True, help="the wheel with executables")
    parser.add_argument("--peers", nargs="*", default=["pymc", "numpyro", "nutpie"])
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    settings = argparse.Namespace(
        data_dir=None, chains=4, iter_warmup=1000, iter_sampling=1000, target=0.9, seed=1
    )
    print("| | pip install, s | result, s | together, s |\n|---|--:|--:|--:|", flush=True)
    with tempfile.TemporaryDirectory() as tasks:
        ways = our_ways(arguments.pure.resolve(), arguments.prebuilt.resolve())
        ways += [peers_way(name, settings, Path(tasks)) for name in arguments.peers]
        for way in ways:
            installing, result = measured(way)
            print(
                f"| {way.name} | {installing:.0f} | {result:.0f} | {installing + result:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
