"""The Stan programs: where they are, and compiled once into the user's cache."""

import dataclasses
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from pystan_mix.checks import check_choice
from pystan_mix.cmdstan.locate import CmdStan, find_cmdstan
from pystan_mix.cmdstan.processes import Process, describe_exit, last_lines, run_processes
from pystan_mix.console import say
from pystan_mix.errors import CompilationError, SettingsError
from pystan_mix.files import cache_dir, locked, written_whole
from pystan_mix.mixtures.model import NormalMixture
from pystan_mix.resources import resource_dir

ProgramName = Literal["normal_mixture", "normal_mixture_known_sigma", "normal_mixture_by_hand"]

Likelihood = Literal["fused", "stan", "by_hand"]

# make expands or splits at any other character of a file's name
_SAFE_PATH = re.compile(r"[A-Za-z0-9._/-]+")


@dataclasses.dataclass(frozen=True)
class _Build:
    """One program that is to be compiled: its name, its files, where it goes."""

    name: ProgramName
    program: Path
    included: tuple[Path, ...]
    executable: Path


def program_for(model: NormalMixture, *, likelihood: Likelihood = "fused") -> ProgramName:
    """Return the name of the Stan program that fits a model.

    Parameters
    ----------
    model : NormalMixture
        The model.
    likelihood : {"fused", "stan", "by_hand"}, default "fused"
        Which way of writing the likelihood; "by_hand" is for known standard
        deviations only.

    Returns
    -------
    str
        The program's name.

    Raises
    ------
    SettingsError
        If there is no such program for the model.

    Examples
    --------
    >>> program_for(NormalMixture(n_components=2, sigma=1.0))
    'normal_mixture_known_sigma'
    """
    check_choice("likelihood", likelihood, choices=get_args(Likelihood))
    if likelihood == "by_hand":
        if not model.sigma_is_known:
            raise SettingsError(
                "likelihood='by_hand' is for known standard deviations; give sigma as a number, "
                "or use likelihood='fused'."
            )
        return "normal_mixture_by_hand"
    return "normal_mixture_known_sigma" if model.sigma_is_known else "normal_mixture"


def compiled(
    *names: ProgramName,
    likelihood: Likelihood = "fused",
    cmdstan: CmdStan | None = None,
    show_progress: bool = True,
) -> list[Path]:
    """Return the executables of Stan programs, compiling what the cache lacks.

    The cache knows a program by the text of it and of all that it may include,
    and by the CmdStan that compiled it. Of two processes that need the same
    program, one compiles and the other waits.

    Parameters
    ----------
    *names : {"normal_mixture", "normal_mixture_known_sigma", "normal_mixture_by_hand"}
        The programs.
    likelihood : {"fused", "stan", "by_hand"}, default "fused"
        What the programs that include a likelihood find on their include path:
        the one in C++, or else the one in Stan.
    cmdstan : CmdStan, optional
        The CmdStan to compile with; by default the one that is found.
    show_progress : bool, default True
        Whether to say on standard error what is compiled.

    Returns
    -------
    list of pathlib.Path
        The executables, in the order of `names`.

    Raises
    ------
    CmdStanNotFoundError
        If there is no usable CmdStan.
    CompilationError
        If a program does not compile; the message has the compiler's last lines.
    """
    cmdstan = cmdstan or find_cmdstan()
    builds = [_build(name, likelihood, cmdstan) for name in names]
    if not all(build.executable.exists() for build in builds):

        def say_waiting() -> None:
            say("Another process is compiling; waiting for it ...", wanted=show_progress)

        with locked(cache_dir() / "programs.lock", on_wait=say_waiting):
            missing = {b.name: b for b in builds if not b.executable.exists()}
            if missing:
                _compile(list(missing.values()), cmdstan, show_progress=show_progress)
    return [build.executable for build in builds]


def _build(name: ProgramName, likelihood: Likelihood, cmdstan: CmdStan) -> _Build:
    """Say what a program is made of and where its executable belongs."""
    stan = resource_dir("stan")
    program = stan / f"{name}.stan"
    included: dict[str, Path] = {}
    if name != "normal_mixture_by_hand":
        for folder in ("functions", "fused") if likelihood == "fused" else ("functions",):
            # of the same name the later one stands
            included |= {path.name: path for path in sorted((stan / folder).iterdir())}
    key = hashlib.sha256()
    settings = cmdstan.path / "make" / "local"
    for source in (program, *included.values(), *([settings] if settings.exists() else [])):
        key.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    key.update(f"{cmdstan.path} {cmdstan.version} {os.uname().machine}".encode())
    executable = cache_dir() / "programs" / f"{name}-{key.hexdigest()[:16]}"
    return _Build(name, program, tuple(included.values()), executable)


def _compile(builds: Sequence[_Build], cmdstan: CmdStan, *, show_progress: bool) -> None:
    """Compile programs side by side, each in a folder of its own."""
    names = ", ".join(build.name for build in builds)
    version = ".".join(map(str, cmdstan.version))
    say(
        f"Compiling {names} with CmdStan {version}: about half a minute each, once ...",
        wanted=show_progress,
    )
    with tempfile.TemporaryDirectory(prefix="pystan_mix-", dir=_safe_temp_dir()) as temporary:
        makes = [_make(build, cmdstan, Path(temporary) / build.name) for build in builds]
        try:
            finished = run_processes(makes, parallel=min(len(makes), os.cpu_count() or 1))
        except OSError as error:
            raise CompilationError(
                f"{error.filename} cannot be run: {error.strerror}. Install it and a C++ compiler "
                "(Debian: apt-get install make g++; macOS: xcode-select --install), then run "
                "pystan-mix doctor."
            ) from error
        for build, make, result in zip(builds, makes, finished, strict=True):
            if result is not None and result.returncode != 0:
                raise CompilationError(
                    f"{build.name} did not compile: make {describe_exit(result.returncode)}.\n"
                    f"{last_lines(make.log)}\nRun pystan-mix doctor to check the compiler and "
                    "CmdStan."
                )
        for build in builds:
            with written_whole(build.executable) as partial:
                shutil.copy(Path(temporary) / build.name / build.name, partial)


def _make(build: _Build, cmdstan: CmdStan, folder: Path) -> Process:
    """Lay a program out in a folder; return the call of make that compiles it there."""
    # apart from the program: stanc writes a header of the program's name beside it
    include = folder / "include"
    include.mkdir(parents=True)
    shutil.copy(build.program, folder)
    headers = []
    for source in build.included:
        shutil.copy(source, include)
        if source.suffix == ".hpp":
            headers.append(include / source.name)
    external = " --allow-undefined" if headers else ""
    return Process(
        argv=(
            os.environ.get("MAKE", "make"),
            f"STANCFLAGS=--include-paths={include}{external}",
            *(f"USER_HEADER={header}" for header in headers),
            str(folder / build.name),
        ),
        log=folder / "make.log",
        cwd=cmdstan.path,
    )


def _safe_temp_dir() -> str:
    """Return a temporary folder whose name make leaves alone."""
    for candidate in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108
        if _SAFE_PATH.fullmatch(candidate) and os.access(candidate, os.W_OK):
            return candidate
    raise CompilationError(
        f"The temporary folder {tempfile.gettempdir()!r} has a character that make does not take "
        "as it is. Set TMPDIR to a folder whose name has only letters, digits, '.', '_' and '-'."
    )
