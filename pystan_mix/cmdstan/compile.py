"""Stan programs compiled, once, into the user's cache; those that the wheel brought are not."""

import dataclasses
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from pystan_mix.cmdstan.executable import executable_fault
from pystan_mix.cmdstan.locate import (
    LEAN_MAKEFILE,
    NO_PRECOMPILED_HEADER,
    PRECOMPILED_HEADER,
    CmdStan,
    find_cmdstan,
)
from pystan_mix.cmdstan.processes import Process, describe_exit, last_lines, run_processes
from pystan_mix.cmdstan.program import Program, laid_out, prebuilt_fault
from pystan_mix.cmdstan.scratch import ELSEWHERE, default_parent, temporary_folder
from pystan_mix.console import say
from pystan_mix.errors import CmdStanNotFoundError, CompilationError
from pystan_mix.files import cache_dir, locked, not_written, written_whole

# make expands or splits at any other character of a file's name
_SAFE_PATH = re.compile(r"[A-Za-z0-9._/-]+")
_OTHER_CACHE = "set PYSTAN_MIX_CACHE to another folder"


@dataclasses.dataclass(frozen=True)
class Build:
    """One program that is to be compiled, and where its executable goes."""

    program: Program
    executable: Path


def compiled(
    *programs: Program, cmdstan: CmdStan | None = None, show_progress: bool = True
) -> list[Path]:
    """Return the executables of Stan programs, compiling what is not there.

    A program that the wheel brought compiled is taken as it is, without CmdStan
    and without a compiler. The cache knows a program by the text of it and of
    all that it includes, and by the CmdStan that compiled it. What does not
    start of either is compiled anew. Of two processes that need the same
    program, one compiles and the other waits.

    Parameters
    ----------
    *programs : Program
        The programs.
    cmdstan : CmdStan, optional
        The CmdStan to compile all of them with; by default the one that is
        found, for what the wheel did not bring.
    show_progress : bool, default True
        Whether to say on standard error what is compiled.

    Returns
    -------
    list of pathlib.Path
        The executables, in the order of `programs`.

    Raises
    ------
    CmdStanNotFoundError
        If a program is to be compiled and there is no usable CmdStan.
    CompilationError
        If a program does not compile; the message has the compiler's last lines.
        Or if what was compiled does not start.
    """
    faults = [prebuilt_fault(program) for program in programs]
    came = [
        None if cmdstan or fault else program.prebuilt()
        for program, fault in zip(programs, faults, strict=True)
    ]
    rest = [program for program, path in zip(programs, came, strict=True) if path is None]
    if not rest:
        return [path for path in came if path is not None]
    try:
        cmdstan = cmdstan or find_cmdstan()
    except CmdStanNotFoundError as error:
        raise CmdStanNotFoundError(" ".join(filter(None, (*faults, str(error))))) from error
    made = iter(_from_cache(rest, cmdstan, show_progress=show_progress))
    return [path or next(made) for path in came]


def _from_cache(
    programs: Sequence[Program], cmdstan: CmdStan, *, show_progress: bool
) -> list[Path]:
    """Return the executables of programs in the cache, compiling what it lacks."""
    builds = [Build(program, _place_in_cache(program, cmdstan)) for program in programs]
    if any(executable_fault(build.executable) for build in builds):

        def say_waiting() -> None:
            say("Another process is compiling; waiting for it ...", wanted=show_progress)

        with locked(cache_dir() / "programs.lock", on_wait=say_waiting):
            # whoever left these was killed: the lock is ours
            for left in (cache_dir() / "programs").glob(".*.partial"):
                left.unlink(missing_ok=True)
            missing = {b.executable: b for b in builds if executable_fault(b.executable)}
            for build in missing.values():
                _clear(build, show_progress=show_progress)
            if missing:
                compile_programs(list(missing.values()), cmdstan, show_progress=show_progress)
            for executable in missing:
                fault = executable_fault(executable)
                if fault:
                    raise CompilationError(
                        f"{executable} was just compiled, and {fault}. Where programs may not be "
                        "run from that folder, set PYSTAN_MIX_CACHE to another; where a library is "
                        f"missing, build CmdStan anew (make -C '{cmdstan.path}' clean-all build)."
                    )
    return [build.executable for build in builds]


def _place_in_cache(program: Program, cmdstan: CmdStan) -> Path:
    """Return where the executable that a CmdStan makes of a program belongs."""
    settings = cmdstan.path / "make" / "local"
    name = program.keyed_name(
        *([settings] if settings.exists() else []), made_by=f"{cmdstan.path} {cmdstan.version} "
    )
    return cache_dir() / "programs" / name


def keep_in_cache(program: Program, executable: Path, *, cmdstan: CmdStan) -> None:
    """Copy an executable that a CmdStan made of a program to where `compiled` looks for it."""
    with (
        locked(cache_dir() / "programs.lock"),
        written_whole(_place_in_cache(program, cmdstan), elsewhere=_OTHER_CACHE) as partial,
    ):
        shutil.copy(executable, partial)


def _clear(build: Build, *, show_progress: bool) -> None:
    """Say what is wrong with what stands in a program's place, and remove it if it is a folder."""
    fault = prebuilt_fault(build.program)
    say(fault, wanted=show_progress and bool(fault))
    executable = build.executable
    if os.path.lexists(executable):
        say(
            f"{executable} is in the cache, but {executable_fault(executable)}.",
            wanted=show_progress,
        )
    if executable.is_dir() and not executable.is_symlink():
        shutil.rmtree(executable)


def compile_programs(
    builds: Sequence[Build],
    cmdstan: CmdStan,
    *,
    make_variables: Sequence[str] = (),
    show_progress: bool = True,
) -> None:
    """Compile programs side by side, each in a folder of its own.

    Parameters
    ----------
    builds : sequence of Build
        The programs, and where their executables go.
    cmdstan : CmdStan
        What compiles them.
    make_variables : sequence of str, default ()
        Settings of CmdStan's makefiles, each ``NAME=value``.
    show_progress : bool, default True
        Whether to say on standard error what is compiled.

    Raises
    ------
    CompilationError
        If there is no make, or if a program does not compile.
    SettingsError
        If an executable cannot be written.
    """
    names = ", ".join(build.program.name for build in builds)
    version = ".".join(map(str, cmdstan.version))
    say(
        f"Compiling {names} with CmdStan {version}: about half a minute each, once ...",
        wanted=show_progress,
    )
    with temporary_folder(safe_temp_dir()) as temporary:
        try:
            makes = [
                _make(build.program, cmdstan, temporary / build.executable.name, make_variables)
                for build in builds
            ]
            finished = run_processes(makes, parallel=min(len(makes), os.cpu_count() or 1))
        except OSError as error:
            # of a copy the second name is the one that is written
            path = Path(error.filename2 or error.filename or make_command())
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


def _make(
    program: Program, cmdstan: CmdStan, folder: Path, make_variables: Sequence[str]
) -> Process:
    """Lay a program out in a folder; return the call of make that compiles it there."""
    sources = laid_out(program, folder)
    environment = {"CXXFLAGS_PROGRAM": sources.first_included} if sources.header else {}
    precompiled = any(cmdstan.path.glob(PRECOMPILED_HEADER))
    lean = (cmdstan.path / LEAN_MAKEFILE).exists() and not precompiled
    return Process(
        argv=(
            make_command(),
            f"STANCFLAGS={sources.stanc_flags}",
            *([f"USER_HEADER={sources.header}"] if sources.header else []),
            *((NO_PRECOMPILED_HEADER,) if lean else ()),
            *make_variables,
            str(sources.executable),
        ),
        log=folder / "make.log",
        cwd=cmdstan.path,
        # a compiler that is killed leaves its own temporary files
        environment=environment | {"TMPDIR": str(folder)},
    )


def make_command() -> str:
    """Return the name of make."""
    return os.environ.get("MAKE", "make")


def safe_temp_dir() -> Path:
    """Return a temporary folder whose name make leaves alone."""
    default = str(default_parent())
    for candidate in (default, "/tmp", "/var/tmp"):  # noqa: S108
        if _SAFE_PATH.fullmatch(candidate) and os.access(candidate, os.W_OK):
            return Path(candidate)
    raise CompilationError(
        f"The temporary folder {default!r} has a character that make does not take "
        "as it is. Set TMPDIR to a folder whose name has only letters, digits, '.', '_' and '-'."
    )
