"""CmdStan's executables run in a folder of their own, and their output read."""

import contextlib
import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pystan_mix.cmdstan.processes import Finished, Process, describe_exit, last_lines, run_processes
from pystan_mix.cmdstan.scratch import ELSEWHERE, temporary_folder
from pystan_mix.cmdstan.stan_csv import StanCsv, read_stan_csv
from pystan_mix.console import Progress, followed_logs
from pystan_mix.errors import SamplingError, SettingsError
from pystan_mix.files import not_written, written_whole

# as many as any double has for certain: 17 take twice as long to read, and with 6 CmdStan itself
# refuses a simplex that it wrote
_DIGITS_OF_DRAWS = 15


@dataclasses.dataclass(frozen=True)
class Call:
    """One process of CmdStan.

    Parameters
    ----------
    method : sequence of str
        The method and its settings, as on CmdStan's command line.
    data : pathlib.Path
        The JSON file of the data block, in the workspace.
    seed : int
        The seed.
    init : pathlib.Path, optional
        The JSON file of initial values, in the workspace.
    output : sequence of str
        Further settings of ``output``.
    digits : int
        Significant digits that are written.
    """

    method: Sequence[str]
    data: Path
    seed: int
    init: Path | None = None
    output: Sequence[str] = ()
    digits: int = _DIGITS_OF_DRAWS


@dataclasses.dataclass(frozen=True)
class Run:
    """What one call of several CmdStan processes left.

    Parameters
    ----------
    csvs : tuple of StanCsv
        The output of each process, in order.
    logs : tuple of str
        What each process printed.
    seconds : float
        Wall time from the first start to the last end.
    positions : tuple of int
        Which of the calls these are, from 0: all, unless some could fail.
    """

    csvs: tuple[StanCsv, ...]
    logs: tuple[str, ...]
    seconds: float
    positions: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Workspace:
    """A folder for one fit's files, and the executable that works in it."""

    folder: Path
    executable: Path

    def write_data(self, name: str, content: Mapping[str, Any]) -> Path:
        """Write a mapping as JSON for Stan; a disk that is full is a SettingsError."""
        path = self.folder / f"{name}.json"
        try:
            path.write_text(json.dumps(content), encoding="utf-8")
        except OSError as error:
            raise not_written(path, error, elsewhere=ELSEWHERE) from error
        return path


@contextlib.contextmanager
def workspace(executable: Path, *, keep_in: Path | None) -> Iterator[Workspace]:
    """Make a temporary folder for a fit; keep its CSV and JSON files if asked to.

    Parameters
    ----------
    executable : pathlib.Path
        A compiled Stan program.
    keep_in : pathlib.Path or None
        The folder that CmdStan's files are copied to, also after a failure.

    Yields
    ------
    Workspace
        The folder and the executable.

    Raises
    ------
    SettingsError
        If the files cannot be written or kept, for example where a disk is full.
    """
    with temporary_folder() as temporary:
        try:
            yield Workspace(folder=temporary, executable=executable)
        except BaseException as error:
            try:
                _keep(temporary, keep_in)
            except SettingsError as second:
                # what went wrong first is what is to be told
                error.add_note(str(second))
            raise
        _keep(temporary, keep_in)


def _keep(temporary: Path, keep_in: Path | None) -> None:
    """Copy a fit's files, all of them or none: those of two runs do not belong together."""
    if keep_in is None:
        return
    with contextlib.ExitStack() as copies:
        for path in sorted(temporary.iterdir()):
            shutil.copy(path, copies.enter_context(written_whole(keep_in / path.name)))


def run_cmdstan(
    space: Workspace,
    name: str,
    calls: Sequence[Call],
    *,
    parallel: int,
    progress: Progress | None = None,
    some_may_fail: bool = False,
) -> Run:
    """Run CmdStan's methods in several processes.

    Parameters
    ----------
    space : Workspace
        Where to run, and what.
    name : str
        What the files' names begin with.
    calls : sequence of Call
        The processes.
    parallel : int
        How many run at once.
    progress : Progress, optional
        The bar to show on standard error.
    some_may_fail : bool, default False
        Whether it is enough that one process does not fail.

    Returns
    -------
    Run
        The output, read and found whole.

    Raises
    ------
    SamplingError
        If a process fails or is killed, all others being stopped first; where
        some may, if all do. Or if one cannot be started.
    OutputError
        If what a process wrote is not whole or not finite.
    """
    processes = [
        Process(
            argv=(str(space.executable), *_arguments(call, chain, output=f"{name}-{chain}.csv")),
            log=space.folder / f"{name}-{chain}.log",
            cwd=space.folder,
        )
        for chain, call in enumerate(calls, start=1)
    ]
    logs = [process.log for process in processes]
    with followed_logs(logs, progress=progress) as on_poll:
        try:
            finished = run_processes(
                processes, parallel=parallel, on_poll=on_poll, stop_at_failure=not some_may_fail
            )
        except BrokenPipeError:  # of the reader of standard error, who has left
            raise
        except OSError as error:
            raise SamplingError(
                f"CmdStan could not be run: {error}. Run it again; if it stays so, check memory "
                f"and disk, and remove {space.executable}: it is then compiled anew."
            ) from error
    ended = [result for result in finished if result is not None]
    succeeded = tuple(
        i for i, result in enumerate(finished) if result is not None and result.returncode == 0
    )
    if not succeeded or (len(succeeded) < len(calls) and not some_may_fail):
        raise SamplingError(_failure(processes, finished))
    logs = [logs[i] for i in succeeded]
    return Run(
        csvs=tuple(read_stan_csv(log.with_suffix(".csv")) for log in logs),
        logs=tuple(log.read_text("utf-8", "replace") for log in logs),
        seconds=max(result.ended for result in ended) - min(result.started for result in ended),
        positions=succeeded,
    )


def _arguments(call: Call, chain: int, *, output: str) -> list[str]:
    """Return the arguments of a process, in the order of CmdStan's own help."""
    return [
        *call.method,
        f"id={chain}",
        "data",
        f"file={call.data.name}",
        *([f"init={call.init.name}"] if call.init is not None else []),
        "random",
        f"seed={call.seed}",
        "output",
        f"file={output}",
        *call.output,
        f"sig_figs={call.digits}",
    ]


def _failure(processes: Sequence[Process], finished: Sequence[Finished | None]) -> str:
    """Name the first process that failed and its last words, and how many failed."""
    failed = [
        (process.log, result.returncode)
        for process, result in zip(processes, finished, strict=True)
        if result is not None and result.returncode != 0
    ]
    log, returncode = failed[0]
    count = f"All {len(failed)} failed. " if len(failed) == len(processes) > 1 else ""
    return (
        f"{count}CmdStan ({log.stem}) {describe_exit(returncode)}. "
        f"Its last lines:\n{last_lines(log)}\n"
        "If it was killed, check memory and disk; else check the model against the data, "
        "or use another seed."
    )
