"""Programs that are run beside Python: watched, stopped together, never left behind."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

_POLL_SECONDS = 0.01
_GRACE_SECONDS = 3.0


@dataclasses.dataclass(frozen=True)
class Process:
    """One program to run.

    Parameters
    ----------
    argv : sequence of str
        The program and its arguments; no shell reads them.
    log : pathlib.Path
        The file that takes its standard output and standard error.
    cwd : pathlib.Path
        The folder it runs in.
    """

    argv: Sequence[str]
    log: Path
    cwd: Path


@dataclasses.dataclass(frozen=True)
class Finished:
    """How a program ended.

    Parameters
    ----------
    returncode : int
        Its exit code, or minus the number of the signal that killed it.
    started, ended : float
        Seconds on `time.perf_counter`'s clock.
    """

    returncode: int
    started: float
    ended: float


def run_processes(
    processes: Sequence[Process],
    *,
    parallel: int,
    on_poll: Callable[[], None] | None = None,
    stop_at_failure: bool = True,
) -> list[Finished | None]:
    """Run programs, some at a time, until all have ended or one has failed.

    Whatever leaves this function early, a failure or Ctrl-C, stops every
    program and its children first.

    Parameters
    ----------
    processes : sequence of Process
        What to run, started in this order.
    parallel : int
        How many run at once.
    on_poll : callable, optional
        Called without arguments many times a second, for progress.
    stop_at_failure : bool, default True
        Whether one that fails stops the others.

    Returns
    -------
    list of Finished or None
        One for each program, in order; None for those that another's failure
        stopped or kept from starting.
    """
    finished: list[Finished | None] = [None] * len(processes)
    running: dict[int, tuple[subprocess.Popen[bytes], float]] = {}
    waiting = list(enumerate(processes))
    failed = False
    try:
        while (waiting and not failed) or running:
            while waiting and not failed and len(running) < parallel:
                index, process = waiting.pop(0)
                running[index] = (_start(process), time.perf_counter())
            for index, (popen, started) in list(running.items()):
                returncode = popen.poll()
                if returncode is not None:
                    finished[index] = Finished(returncode, started, time.perf_counter())
                    del running[index]
                    failed = failed or (stop_at_failure and returncode != 0)
            if failed:
                break
            if on_poll is not None:
                on_poll()
            time.sleep(_POLL_SECONDS)
    finally:
        _stop([popen for popen, _ in running.values()])
    return finished


def _start(process: Process) -> subprocess.Popen[bytes]:
    """Start a program at the head of a process group of its own."""
    with process.log.open("wb") as log:
        return subprocess.Popen(
            list(process.argv),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=process.cwd,
            start_new_session=True,
        )


def _stop(popens: Sequence[subprocess.Popen[bytes]]) -> None:
    """End process groups: politely first, then for certain."""
    try:
        _signal_groups(popens, signal.SIGTERM)
    finally:
        # also for what outlives the head of its group, and after a second Ctrl-C
        _signal_groups(popens, signal.SIGKILL)


def _signal_groups(popens: Sequence[subprocess.Popen[bytes]], number: signal.Signals) -> None:
    """Send a signal to process groups, and give their heads time to end."""
    for popen in popens:
        # macOS answers "not permitted" for a group of which only zombies are left
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(popen.pid, number)
    deadline = time.monotonic() + _GRACE_SECONDS
    for popen in popens:
        with contextlib.suppress(subprocess.TimeoutExpired):
            popen.wait(timeout=max(0.0, deadline - time.monotonic()))


def describe_exit(returncode: int) -> str:
    """Say how a program ended, naming the signal if one killed it.

    Examples
    --------
    >>> describe_exit(-9)
    'was killed by signal 9 (SIGKILL)'
    >>> describe_exit(70)
    'ended with exit code 70'
    """
    if returncode >= 0:
        return f"ended with exit code {returncode}"
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = "unknown"
    return f"was killed by signal {-returncode} ({name})"


def last_lines(log: Path, *, count: int = 15) -> str:
    """Return the last lines of a log that are not blank."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return "\n".join([line for line in text.splitlines() if line.strip()][-count:])
