"""The Stan programs compiled so that they run on other machines, which need no CmdStan."""

import os
import platform
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from pystan_mix.cmdstan.compile import Build, compile_programs, make_command, safe_temp_dir
from pystan_mix.cmdstan.executable import executable_fault
from pystan_mix.cmdstan.locate import CmdStan
from pystan_mix.cmdstan.processes import Process, describe_exit, last_lines, run_processes
from pystan_mix.cmdstan.program import Program
from pystan_mix.cmdstan.scratch import temporary_folder
from pystan_mix.console import say
from pystan_mix.errors import CompilationError
from pystan_mix.weighing.compiled.library import compile_library, library_name

_TBB = "libtbb.so.2"
# The C++ library inside, without what is not called of it, and unseen from outside. Not libgcc,
# which every Linux has: inside, it would ask for the glibc that it was itself compiled with.
_SELF_CONTAINED = "-static-libstdc++ -s -Wl,--gc-sections -Wl,--exclude-libs,ALL"
_BESIDE = "-Wl,--enable-new-dtags -Wl,-rpath,'$$ORIGIN'"
_ONE_PROCESSOR = re.compile(r"-m(?:arch|cpu)=\S+")
_GLIBC = re.compile(rb"\0GLIBC_(\d+)\.(\d+)(?:\.\d+)?(?=\0)")
_CXX_LIBRARY = re.compile(rb"\0(libstdc\+\+\.so\.\d+|libc\+\+\.so\.\d+)(?=\0)")


def build_portable(programs: Sequence[Program], folder: Path, cmdstan: CmdStan) -> list[Path]:
    """Compile programs for all machines of this kind.

    Parameters
    ----------
    programs : sequence of Program
        The programs.
    folder : pathlib.Path
        Where the executables go, under the names that `Program.prebuilt` looks
        for, the library that they load, that of weighing, and the licences of
        what they are made of.
    cmdstan : CmdStan
        What compiles them.

    Returns
    -------
    list of pathlib.Path
        The executables and the libraries.

    Raises
    ------
    CompilationError
        If this is no Linux with glibc, if the settings name one processor, if
        make fails, or if what it made does not start.
    """
    _check_platform()
    _check_settings(cmdstan)
    with temporary_folder(safe_temp_dir()) as temporary:
        # by CmdStan's own rule, in another folder
        variables = (f"TBB_BIN={temporary}", "TBB_RELATIVE_PATH=$(TBB_ABSOLUTE_PATH)")
        _make_tbb(temporary, cmdstan, variables)
        builds = [Build(program, folder / program.keyed_name()) for program in programs]
        link = f"LDFLAGS_TBB={_SELF_CONTAINED} {_BESIDE}"
        compile_programs(builds, cmdstan, make_variables=(*variables, link))
        tbb = Path(shutil.copy(temporary / _TBB, folder))
    moves = folder / library_name()
    compile_library(moves, flags=("-static-libstdc++", "-s"))
    _copy_licenses(cmdstan, folder / "licenses")
    for build in builds:
        fault = executable_fault(build.executable)
        if fault:
            raise CompilationError(f"{build.executable} was just compiled, and {fault}.")
    return [*(build.executable for build in builds), tbb, moves]


def _copy_licenses(cmdstan: CmdStan, folder: Path) -> None:
    """Copy the licences of CmdStan and its libraries, which ask to go where the programs go."""
    folder.mkdir()
    math = cmdstan.path / "stan" / "lib" / "stan_math"
    owners = {"cmdstan": cmdstan.path, "stan": cmdstan.path / "stan", "stan_math": math}
    for owner, tree in owners.items():
        for file in tree.glob("LICENSE*"):
            shutil.copy(file, folder / f"{owner}-license.txt")
    for file in (math / "licenses").glob("*.txt"):
        shutil.copy(file, folder)


def platform_tag(files: Iterable[Path]) -> str:
    """Return a wheel's platform tag: the oldest glibc that has all that some files need.

    Parameters
    ----------
    files : iterable of pathlib.Path
        Executables and libraries, stripped.

    Returns
    -------
    str
        Such as ``manylinux_2_34_x86_64``.

    Raises
    ------
    CompilationError
        If a file needs a C++ library, which may be missing elsewhere, or be older.
    """
    needed = [(2, 17)]  # the oldest that installers know by this way of naming it
    for file in files:
        content = file.read_bytes()
        library = _CXX_LIBRARY.search(content)
        if library:
            raise CompilationError(
                f"{file.name} needs {library[1].decode()}. Compile with GCC (unset $CXX), which "
                "links its own statically."
            )
        needed += [(int(major), int(minor)) for major, minor in _GLIBC.findall(content)]
    major, minor = max(needed)
    return f"manylinux_{major}_{minor}_{os.uname().machine}"


def _check_platform() -> None:
    """Refuse a system for which there is no such tag."""
    library, _ = platform.libc_ver()
    if library != "glibc":
        raise CompilationError(
            "A wheel with compiled programs is for Linux with glibc; this is "
            f"{platform.system()} {library}. Build it without PYSTAN_MIX_PREBUILT."
        )


def _check_settings(cmdstan: CmdStan) -> None:
    """Refuse compiler flags that make a program for one kind of processor."""
    files = (cmdstan.path / "make" / "local", Path.home() / ".config" / "stan" / "make.local")
    texts = {str(file): file.read_text(encoding="utf-8") for file in files if file.is_file()}
    texts["$CXXFLAGS"] = os.environ.get("CXXFLAGS", "")
    for place, text in texts.items():
        found = _ONE_PROCESSOR.search(text)
        if found:
            raise CompilationError(
                f"{place} has {found[0]}: such programs run on one kind of processor. Take it out, "
                f"and build CmdStan anew (make -C '{cmdstan.path}' clean-all build)."
            )


def _make_tbb(folder: Path, cmdstan: CmdStan, variables: Sequence[str]) -> None:
    """Build the TBB's library in a folder, with the C++ library inside."""
    say(f"Building {_TBB}: about half a minute ...")
    log = folder / "make-tbb.log"
    link = f"LDFLAGS_TBB={_SELF_CONTAINED}"
    argv = (make_command(), f"-j{os.cpu_count() or 1}", *variables, link, str(folder / _TBB))
    try:
        (made,) = run_processes([Process(argv=argv, log=log, cwd=cmdstan.path)], parallel=1)
    except OSError as error:
        raise CompilationError(f"{argv[0]} cannot be run: {error.strerror}.") from error
    if made is None or made.returncode != 0 or not (folder / _TBB).is_file():
        ending = describe_exit(made.returncode) if made else "was stopped"
        raise CompilationError(f"{_TBB} was not built: make {ending}.\n{last_lines(log)}")
