"""Programs that are run beside Python: watched, stopped together, never left behind.

All programs of one call are in one process group, and at the head of that is a
guard, which kills the group when Python ends, however it does: at its own end
Python has no turn if SIGKILL ends it, or any signal that it does not handle.
"""

import contextlib
import dataclasses
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

_POLL_SECONDS = 0.01
_GRACE_SECONDS = 3.0
# what it reads ends with the process that holds the other end, whichever thread started it
_GUARD = ("/bin/sh", "-c", "trap '' HUP INT QUIT TERM; read -r line; kill -s KILL 0")


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
    environment : mapping of str to str
        Variables of its environment that are not this process's own.
    """

    argv: Sequence[str]
    log: Path
    cwd: Path
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)


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
    program and its children first. So does the end of this process.

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
    with _guarded_group() as group:
        try:
            while (waiting and not failed) or running:
                while waiting and not failed and len(running) < parallel:
                    index, process = waiting.pop(0)
                    running[index] = (_start(process, group), time.perf_counter())
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
            _stop(group, [popen for popen, _ in running.values()])
    return finished


@contextlib.contextmanager
def _guarded_group() -> Iterator[int]:
    """Begin a process group with the guard as its head; yield the group's number."""
    with subprocess.Popen(
        _GUARD,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    ) as guard:
        try:
            yield guard.pid
        finally:
            # the number is nobody else's before the guard is waited for
            _signal_group(guard.pid, signal.SIGKILL)


def _start(process: Process, group: int) -> subprocess.Popen[bytes]:
    """Start a program in a process group."""
    with process.log.open("wb") as log:
        return subprocess.Popen(
            list(process.argv),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=process.cwd,
            env=os.environ | process.environment,
            process_group=group,
        )


def _stop(group: int, popens: Sequence[subprocess.Popen[bytes]]) -> None:
    """End a process group: politely first where a program still runs, then for certain."""
    try:
        if popens:
            _signal_group(group, signal.SIGTERM)
            _wait(popens)
    finally:
        # also for what outlives those that it was started by, and after a second Ctrl-C
        _signal_group(group, signal.SIGKILL)
        _wait(popens)


def _signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a process group."""
    # macOS answers "not permitted" for a group of which only zombies are left
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _wait(popens: Sequence[subprocess.Popen[bytes]]) -> None:
    """Give programs time to end."""
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
