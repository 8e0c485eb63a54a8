"""Peers' virtual environments, and their scripts as processes with a log and a time limit."""

import argparse
import contextlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from peer_list import ENVIRONMENTS, Peer

from pystan_mix.console import say
from pystan_mix.files import cache_dir, write_json

HERE = Path(__file__).resolve().parent


def positive(text: str) -> int:
    """Read a whole number above zero."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return int(text)


def fraction(text: str) -> float:
    """Read a number between zero and one."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1")
    return value


def peers_parser(
    description: str,
    peers: Sequence[Peer],
    posteriors: Sequence[str],
    *,
    iter_warmup: int,
    iter_sampling: int,
    target: float,
    out: str,
    example: str = "",
) -> argparse.ArgumentParser:
    """Return a command line that chooses peers and posteriors, with these defaults."""
    names = [peer.name for peer in peers]
    width = max(map(len, names))
    listing = "\n".join(f"  {p.name:<{width}}  {p.library}, {p.setting}" for p in peers)
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"peers:\n{listing}\n\n{example}"
        "exit codes: 0 all is measured; 1 a peer failed or nothing could be run; 130 interrupted",
    )
    add, shown = parser.add_argument, "default: %(default)s"
    add("--peers", nargs="+", choices=names, default=names, metavar="PEER", help="default: all")
    add("--posteriors", nargs="+", choices=posteriors, default=posteriors, help="default: all")
    add("--chains", type=positive, default=4, help=shown)
    add("--iter-warmup", type=positive, default=iter_warmup, help=f"of each chain; {shown}")
    add("--iter-sampling", type=positive, default=iter_sampling, help=f"of each chain; {shown}")
    add("--target", type=fraction, default=target, help=f"acceptance rate; {shown}")
    add("--repeats", type=positive, default=3, help=shown)
    add("--seed", type=positive, default=1, help=f"of the first repeat; {shown}")
    add("--out", type=Path, default=Path(out), help=f"folder; {shown}")
    add("--again", action="store_true", help="run the chosen peers again, also what is finished")
    add_limits(parser)
    return parser


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Add how long a run may take, and where the environments are."""
    parser.add_argument(
        "--time-limit", type=positive, default=30, help="minutes a run; default: %(default)s"
    )
    parser.add_argument(
        "--environments",
        type=Path,
        default=cache_dir() / "benchmarks",
        help="folder of the peers' virtual environments; default: in this package's cache",
    )


def ready_environments(
    needed: Iterable[str | None], folder: Path, failures: dict[str, str]
) -> dict[str | None, Path]:
    """Return the Python of each environment that is needed; make those that lack."""
    pythons: dict[str | None, Path] = {None: Path(sys.executable)}
    wanted_names = set(needed)
    for name, requirements in ENVIRONMENTS.items():
        if name not in wanted_names:
            continue
        environment, log = folder / name, folder / f"{name}.log"
        python, marker = environment / "bin" / "python", environment / "ready.json"
        wanted = {"requirements": list(requirements), "python": platform.python_version()}
        if not (marker.exists() and json.loads(marker.read_text("utf-8")) == wanted):
            say(f"Installing {' '.join(requirements)} in an environment of its own ...")
            shutil.rmtree(environment, ignore_errors=True)
            pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check"]
            make = [sys.executable, "-m", "venv", str(environment)]
            folder.mkdir(parents=True, exist_ok=True)
            # the marker is written last: a part of an installation is never used
            if run_logged(make, log) or run_logged([*pip, *requirements], log):
                failures[f"environment {name}"] = last_lines(log)
                say(f"  failed; see {log}")
                continue
            write_json(marker, wanted)
        pythons[name] = python
    return pythons


def run_script(
    script: str, python: Path, task_file: Path, result: Path, *, compiled: Path, minutes: float
) -> str:
    """Run a peer's script on a task; return why it left no result, or nothing.

    Parameters
    ----------
    script : str
        Its name, in this folder.
    python : pathlib.Path
        The Python that runs it.
    task_file, result : pathlib.Path
        What it reads, and what it is to leave; the log stands beside the result.
    compiled : pathlib.Path
        A folder for what its library compiles.
    minutes : float
        The time limit.

    Returns
    -------
    str
        The last lines of the log, or nothing.
    """
    log = result.with_suffix(".log")
    compiled.mkdir(parents=True, exist_ok=True)
    caches = {
        "PYSTAN_MIX_CACHE": str(compiled.resolve() / "pystan_mix"),
        "PYTENSOR_FLAGS": f"base_compiledir={compiled.resolve() / 'pytensor'}",
        "NUMBA_CACHE_DIR": str(compiled.resolve() / "numba"),
    }
    log.unlink(missing_ok=True)
    code = run_logged(
        [str(python), str(HERE / script), str(task_file), str(result), str(time.time())],
        log,
        env=os.environ | caches,
        seconds=60.0 * minutes,
    )
    if code or not result.exists():
        result.unlink(missing_ok=True)
        return last_lines(log) or f"exit code {code}"
    return ""


def run_logged(
    argv: Sequence[str],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> int:
    """Run a command with its children; append what it prints to a log; return its exit code."""
    with log.open("a", encoding="utf-8") as out:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=env,
            start_new_session=True,
        )
        try:
            return process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            out.write(f"\nstopped after the time limit of {seconds:.0f} s\n")
            return 1
        finally:
            # its own processes too: chains that run in parallel, or that it left
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def last_lines(log: Path, count: int = 8) -> str:
    """Return the last lines of a log that say something."""
    lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
    shown = [line.rstrip()[:200] for line in lines if line.strip()][-count:]
    return "\n".join(shown).replace(f"{HERE}/", "")
