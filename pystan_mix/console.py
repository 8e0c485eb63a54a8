"""What is said on standard error: lines, and a bar for programs that write a log."""

import contextlib
import dataclasses
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

# a terminal is redrawn often; a log file gets a line now and then
_TERMINAL_SECONDS = 0.2
_LOG_FILE_SECONDS = 15.0


def say(text: str, *, wanted: bool = True) -> None:
    """Write a line to standard error, if it is wanted."""
    if wanted:
        print(text, file=sys.stderr, flush=True)


def seconds_between_redraws() -> float:
    """Return how often progress is drawn: often on a terminal, now and then in a log."""
    return _TERMINAL_SECONDS if sys.stderr.isatty() else _LOG_FILE_SECONDS


@dataclasses.dataclass(frozen=True)
class Progress:
    """How the progress of some programs is shown.

    Parameters
    ----------
    description : str
        What stands before the bar.
    pattern : str
        Regular expression whose first group is an iteration in a log.
    total : int
        The sum of all programs' last iterations.
    """

    description: str
    pattern: str
    total: int


@contextlib.contextmanager
def followed_logs(
    logs: Sequence[Path], *, progress: Progress | None
) -> Iterator[Callable[[], None]]:
    """Show on standard error how far programs are, from their logs.

    Parameters
    ----------
    logs : sequence of pathlib.Path
        The logs; they need not exist yet.
    progress : Progress or None
        What to show; None shows nothing.

    Yields
    ------
    callable
        Reads the logs and redraws the bar; cheap to call often.
    """
    if progress is None:
        yield lambda: None
        return

    from tqdm import tqdm

    iteration = re.compile(progress.pattern.encode(), re.MULTILINE)
    every = seconds_between_redraws()
    with tqdm(total=progress.total, desc=progress.description, unit=" it", mininterval=0) as bar:
        due = 0.0

        def update(*, at_once: bool = False) -> None:
            nonlocal due
            if at_once or time.monotonic() >= due:
                due = time.monotonic() + every
                bar.update(sum(_latest(log, iteration) for log in logs) - bar.n)

        yield update
        update(at_once=True)


def _latest(log: Path, iteration: re.Pattern[bytes]) -> int:
    """Return the last iteration that a log speaks of, 0 if it speaks of none."""
    try:
        with log.open("rb") as handle:
            handle.seek(max(0, log.stat().st_size - 4096))
            found = iteration.findall(handle.read())
    except OSError:
        return 0
    return int(found[-1]) if found else 0
