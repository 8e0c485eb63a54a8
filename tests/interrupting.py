"""Programs that signals end, also where the tests' own process ignores these."""

import contextlib
import os
import resource
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence


@contextlib.contextmanager
def started(
    argv: Sequence[object], *, stdout: int | None = None, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Start a program that signals end; whatever happens, its process group is gone in the end.

    A shell lets what it runs in the background ignore SIGINT and SIGQUIT, and nohup SIGHUP; so do
    all the children of that, unless they are told otherwise.
    """
    process = subprocess.Popen(
        [str(part) for part in argv],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=None if env is None else os.environ | env,
        text=True,
        start_new_session=True,
        preexec_fn=_heed_signals,
    )
    try:
        yield process
    finally:
        # also what outlives the head of the group
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def _heed_signals() -> None:
    """Let the program that is about to begin be ended by signals, and leave no core."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def interrupted(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command, interrupt it when PyMC's chains begin, and return how it ended.

    The whole process group gets the signal, as from a terminal.
    """
    with started(argv, stdout=subprocess.PIPE) as command:
        said = []
        # said when the chains begin; at full length they take minutes
        while (line := command.stderr.readline()) and not line.startswith("NUTS: ["):
            said.append(line)
        assert line, f"it ended before the chains began: {''.join(said)}"
        os.killpg(command.pid, signal.SIGINT)
        stdout, stderr = command.communicate(timeout=120)
    return subprocess.CompletedProcess(argv, command.returncode, stdout, stderr)
