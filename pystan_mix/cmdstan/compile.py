"""Stan programs compiled, once, into the user's cache."""

import dataclasses
import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from pystan_mix.cmdstan.executable import executable_fault
from pystan_mix.cmdstan.locate import CmdStan, find_cmdstan
from pystan_mix.cmdstan.processes import Process, describe_exit, last_lines, run_processes
from pystan_mix.cmdstan.scratch import ELSEWHERE, default_parent, temporary_folder
from pystan_mix.console import say
from pystan_mix.errors import CompilationError
from pystan_mix.files import cache_dir, locked, not_written, written_whole

# make expands or splits at any other character of a file's name
_SAFE_PATH = re.compile(r"[A-Za-z0-9._/-]+")
_OTHER_CACHE = "set PYSTAN_MIX_CACHE to another folder"
_INCLUDE = re.compile(r"^\s*#include\s+(\S+)", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Program:
    """A Stan program, and where it finds what it includes.

    Parameters
    ----------
    path : pathlib.Path
        The program; its name without the ending is the executable's.
    include_dirs : tuple of pathlib.Path, default ()
        Where what it includes is looked for, in this order.
    header : pathlib.Path, optional
        A C++ header with the functions that the program only declares.
    """

    path: Path
    include_dirs: tuple[Path, ...] = ()
    header: Path | None = None

    @property
    def name(self) -> str:
        """The program's name."""
        return self.path.stem

    def included(self) -> tuple[Path, ...]:
        """Return the files that it includes, at whatever depth, and its header."""
        found: dict[str, Path] = {}
        waiting = [self.path]
        while waiting:
            for name in _INCLUDE.findall(waiting.pop().read_text(encoding="utf-8")):
                there = (folder / name for folder in self.include_dirs)
                file = next((path for path in there if path.is_file()), None)
                if file is not None and name not in found:
                    found[name] = file
                    waiting.append(file)
        header = () if self.header is None else (self.header,)
        return (*(found[name] for name in sorted(found)), *header)


@dataclasses.dataclass(frozen=True)
class _Build:
    """One program that is to be compiled, and where its executable goes."""

    program: Program
    included: tuple[Path, ...]
    executable: Path


def compiled(
    *programs: Program, cmdstan: CmdStan | None = None, show_progress: bool = True
) -> list[Path]:
    """Return the executables of Stan programs, compiling what the cache lacks.

    The cache knows a program by the text of it and of all that it includes,
    and by the CmdStan that compiled it. What does not start of it is compiled
    anew. Of two processes that need the same program, one compiles and the
    other waits.

    Parameters
    ----------
    *programs : Program
        The programs.
    cmdstan : CmdStan, optional
        The CmdStan to compile with; by default the one that is found.
    show_progress : bool, default True
        Whether to say on standard error what is compiled.

    Returns
    -------
    list of pathlib.Path
        The executables, in the order of `programs`.

    Raises
    ------
    CmdStanNotFoundError
        If there is no usable CmdStan.
    CompilationError
        If a program does not compile; the message has the compiler's last lines.
        Or if what was compiled does not start.
    """
    cmdstan = cmdstan or find_cmdstan()
    builds = [_build(program, cmdstan) for program in programs]
    if any(executable_fault(build.executable) for build in builds):

        def say_waiting() -> None:
            say("Another process is compiling; waiting for it ...", wanted=show_progress)

        with locked(cache_dir() / "programs.lock", on_wait=say_waiting):
            # whoever left these was killed: the lock is ours
            for left in (cache_dir() / "programs").glob(".*.partial"):
                left.unlink(missing_ok=True)
            missing = {b.executable: b for b in builds if executable_fault(b.executable)}
            for executable in missing:
                _clear(executable, show_progress=show_progress)
            if missing:
                _compile(list(missing.values()), cmdstan, show_progress=show_progress)
            for executable in missing:
                fault = executable_fault(executable)
                if fault:
                    raise CompilationError(
                        f"{executable} was just compiled, and {fault}. Where programs may not be "
                        "run from that folder, set PYSTAN_MIX_CACHE to another; where a library is "
                        f"missing, build CmdStan anew (make -C '{cmdstan.path}' clean-all build)."
                    )
    return [build.executable for build in builds]


def _clear(executable: Path, *, show_progress: bool) -> None:
    """Say what is wrong with what stands in a program's place, and remove it if it is a folder."""
    if os.path.lexists(executable):
        say(
            f"{executable} is in the cache, but {executable_fault(executable)}.",
            wanted=show_progress,
        )
    if executable.is_dir() and not executable.is_symlink():
        shutil.rmtree(executable)


def _build(program: Program, cmdstan: CmdStan) -> _Build:
    """Say what a program is made of and where its executable belongs."""
    included = program.included()
    key = hashlib.sha256()
    settings = cmdstan.path / "make" / "local"
    for source in (program.path, *included, *([settings] if settings.exists() else [])):
        key.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    key.update(f"{cmdstan.path} {cmdstan.version} {os.uname().machine}".encode())
    executable = cache_dir() / "programs" / f"{program.name}-{key.hexdigest()[:16]}"
    return _Build(program, included, executable)


def _compile(builds: Sequence[_Build], cmdstan: CmdStan, *, show_progress: bool) -> None:
    """Compile programs side by side, each in a folder of its own."""
    names = ", ".join(build.program.name for build in builds)
    version = ".".join(map(str, cmdstan.version))
    say(
        f"Compiling {names} with CmdStan {version}: about half a minute each, once ...",
        wanted=show_progress,
    )
    with temporary_folder(_safe_temp_dir()) as temporary:
        try:
            makes = [_make(build, cmdstan, temporary / build.executable.name) for build in builds]
            finished = run_processes(makes, parallel=min(len(makes), os.cpu_count() or 1))
        except OSError as error:
            # of a copy the second name is the one that is written
            path = Path(error.filename2 or error.filename or _make_command())
            if path.is_relative_to(temporary):
                raise not_written(path, error, elsewhere=ELSEWHERE) from error
            raise CompilationError(
                f"{path} cannot be run: {error.strerror}. Install it and a C++ compiler "
                "(Debian: apt-get install make g++; macOS: xcode-select --install), then run "
                "pystan-mix doctor."
            ) from error
        for build, make, result in zip(builds, makes, finished, strict=True):
            if result is not None and result.returncode != 0:
                ending = describe_exit(result.returncode)
                raise CompilationError(
                    f"{build.program.name} did not compile: make {ending}.\n"
                    f"{last_lines(make.log)}\nRun pystan-mix doctor to check the compiler and "
                    "CmdStan."
                )
        for build in builds:
            with written_whole(build.executable, elsewhere=_OTHER_CACHE) as partial:
                shutil.copy(temporary / build.executable.name / build.program.name, partial)


def _make(build: _Build, cmdstan: CmdStan, folder: Path) -> Process:
    """Lay a program out in a folder; return the call of make that compiles it there."""
    # apart from the program: stanc writes a header of the program's name beside it
    include = folder / "include"
    include.mkdir(parents=True)
    shutil.copy(build.program.path, folder)
    headers = []
    for source in build.included:
        shutil.copy(source, include)
        if source.suffix == ".hpp":
            headers.append(include / source.name)
    external = " --allow-undefined" if headers else ""
    return Process(
        argv=(
            _make_command(),
            f"STANCFLAGS=--include-paths={include}{external}",
            *(f"USER_HEADER={header}" for header in headers),
            str(folder / build.program.name),
        ),
        log=folder / "make.log",
        cwd=cmdstan.path,
        # a compiler that is killed leaves its own temporary files
        environment={"TMPDIR": str(folder)},
    )


def _make_command() -> str:
    """Return the name of make."""
    return os.environ.get("MAKE", "make")


def _safe_temp_dir() -> Path:
    """Return a temporary folder whose name make leaves alone."""
    default = str(default_parent())
    for candidate in (default, "/tmp", "/var/tmp"):  # noqa: S108
        if _SAFE_PATH.fullmatch(candidate) and os.access(candidate, os.W_OK):
            return Path(candidate)
    raise CompilationError(
        f"The temporary folder {default!r} has a character that make does not take "
        "as it is. Set TMPDIR to a folder whose name has only letters, digits, '.', '_' and '-'."
    )
