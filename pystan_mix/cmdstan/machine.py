"""What compiling needs of a machine: make, a C++ compiler, room on the disk."""

import dataclasses
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pystan_mix.cmdstan.locate import CmdStan
from pystan_mix.cmdstan.scratch import temporary_folder
from pystan_mix.errors import SettingsError

_TOOLS_REMEDY = (
    "Install a C++ compiler and make (Debian or Ubuntu: apt-get install g++ make; "
    "Fedora: dnf install gcc-c++ make; macOS: xcode-select --install)."
)
_TEST_PROGRAM = """\
#include <cmath>
#include <vector>
int main() { return std::vector<double>(1, std::lgamma(1.0)).size() == 1 ? 0 : 1; }
"""


@dataclasses.dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    name : str
        What it is.
    ok : bool
        Whether it is as it should be.
    found : str
        What was found.
    remedy : str
        What to do; empty if all is well.
    needed : bool, default True
        Whether a fit can run only if this is well.
    """

    name: str
    ok: bool
    found: str
    remedy: str
    needed: bool = True


def check_make() -> Check:
    """Check that there is a make, the one that `$MAKE` names if it is set."""
    make = os.environ.get("MAKE", "make")
    answer = _first_line([make, "--version"])
    if answer is None:
        return Check("make", ok=False, found=f"{make} does not run", remedy=_TOOLS_REMEDY)
    return Check("make", ok=True, found=answer, remedy="")


def check_compiler(*, cmdstan: CmdStan | None = None) -> Check:
    """Check that the C++ compiler that CmdStan uses can compile and link a program.

    Parameters
    ----------
    cmdstan : CmdStan, optional
        Where `make/local` may name a compiler; without it `$CXX` counts, and
        then the system's default.

    Returns
    -------
    Check
        With the compiler's own name of itself, or its complaint.
    """
    name = "C++ compiler"
    command = _compiler_command(cmdstan)
    text = shlex.join(command)
    answer = _first_line([*command, "--version"])
    if answer is None:
        remedy = _TOOLS_REMEDY + (" Or unset $CXX." if "CXX" in os.environ else "")
        return Check(name, ok=False, found=f"{text} does not run", remedy=remedy)
    complaint = _compile_test_program(command)
    if complaint:
        return Check(
            name,
            ok=False,
            found=f"{text} ({answer}) does not compile a three-line program: {complaint}",
            remedy=_TOOLS_REMEDY,
        )
    return Check(name, ok=True, found=answer, remedy="")


def check_space(name: str, folder: Path, *, needed_bytes: int) -> Check:
    """Check that a folder, which need not exist yet, can be written to and has room.

    Parameters
    ----------
    name : str
        What the folder is.
    folder : pathlib.Path
        The folder.
    needed_bytes : int
        How much must be free.

    Returns
    -------
    Check
        With the free space that was found.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        return Check(
            name,
            ok=False,
            found=f"{folder} cannot be written to: {error.strerror or error}",
            remedy=f"Change the mode of {existing}, or choose another folder.",
        )
    free = shutil.disk_usage(existing).free
    found = f"{folder}, {free / 1e9:.1f} GB free"
    if free < needed_bytes:
        return Check(
            name,
            ok=False,
            found=found,
            remedy=f"Free {needed_bytes / 1e9:.1f} GB on that disk, or choose another folder.",
        )
    return Check(name, ok=True, found=found, remedy="")


def _compiler_command(cmdstan: CmdStan | None) -> list[str]:
    """Return the compiler's command line, as CmdStan's makefile works it out."""
    if cmdstan is not None:
        make = os.environ.get("MAKE", "make")
        answer = _first_line([make, "--silent", "-C", str(cmdstan.path), "print-CXX"])
        if answer is not None and answer.startswith("CXX = "):
            return shlex.split(answer.removeprefix("CXX = "))
    default = "clang++" if platform.system() == "Darwin" else "g++"
    return shlex.split(os.environ.get("CXX", default)) or [default]


def _first_line(argv: Sequence[str]) -> str | None:
    """Return the first line that a program prints, None if it does not run well."""
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, errors="replace", check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return next(iter(done.stdout.splitlines()), "")


def _compile_test_program(command: Sequence[str]) -> str:
    """Compile and link a small program; return the last complaint, nothing if all went well."""
    try:
        with temporary_folder() as folder:
            source = folder / "test.cpp"
            source.write_text(_TEST_PROGRAM, encoding="utf-8")
            done = subprocess.run(
                [*command, "-std=c++1y", str(source), "-o", str(source.with_suffix(""))],
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=120,
            )
    except (OSError, SettingsError, subprocess.SubprocessError) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    complaints = [line for line in done.stderr.splitlines() if line.strip()]
    return complaints[-1] if complaints else f"exit code {done.returncode}"
