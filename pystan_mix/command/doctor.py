"""Check that this machine has what a fit needs, and say how to get what is missing."""

import dataclasses
import importlib.metadata
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pystan_mix.cmdstan.locate import CmdStan, find_cmdstan
from pystan_mix.errors import CmdStanNotFoundError
from pystan_mix.files import cache_dir

_FREE_BYTES = 500_000_000
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


def run_checks() -> list[Check]:
    """Look at all that a fit needs; takes about a second, changes nothing.

    Returns
    -------
    list of Check
        In the order in which they should be put right.
    """
    cmdstan, cmdstan_check = _look_for_cmdstan()
    return [
        _check_python(),
        check_make(),
        check_compiler(cmdstan=cmdstan),
        cmdstan_check,
        _check_arviz(),
        _check_cmdstanpy(),
        check_space("cache folder", cache_dir(), needed_bytes=_FREE_BYTES),
        _check_temporary_folder(),
    ]


def fit_can_run(checks: Sequence[Check]) -> bool:
    """Return whether all that a fit cannot do without is well.

    Examples
    --------
    >>> fit_can_run([Check("make", True, "GNU Make 4.3", ""), Check("x", False, "", "", False)])
    True
    """
    return all(check.ok or not check.needed for check in checks)


def format_checks(checks: Sequence[Check]) -> str:
    """Return the checks as lines of text, each failure with its remedy below it.

    Parameters
    ----------
    checks : sequence of Check
        What `run_checks` returned.

    Returns
    -------
    str
        Without a newline at the end.

    Examples
    --------
    >>> print(format_checks([Check("make", True, "GNU Make 4.3", "")]))
    ok       make  GNU Make 4.3
    """
    width = max((len(check.name) for check in checks), default=0)
    lines = []
    for check in checks:
        state = "ok" if check.ok else ("MISSING" if check.needed else "warning")
        lines.append(f"{state:<7}  {check.name:<{width}}  {check.found}")
        if not check.ok:
            lines.append(f"{'':<7}  {'':<{width}}  {check.remedy}")
    return "\n".join(lines)


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


def _check_python() -> Check:
    found = platform.python_version()
    ok = sys.version_info >= (3, 11)
    return Check("Python", ok=ok, found=found, remedy="" if ok else "Use Python 3.11 or newer.")


def _look_for_cmdstan() -> tuple[CmdStan | None, Check]:
    """Find CmdStan, and say where it is or why there is none."""
    try:
        cmdstan = find_cmdstan()
    except CmdStanNotFoundError as error:
        found, _, remedy = str(error).rpartition(". ")
        return None, Check("CmdStan", ok=False, found=found, remedy=remedy)
    version = ".".join(map(str, cmdstan.version))
    found = f"{version} in {cmdstan.path}, built"
    return cmdstan, Check("CmdStan", ok=True, found=found, remedy="")


def _check_arviz() -> Check:
    remedy = "Install a supported one: python -m pip install 'arviz>=0.23'"
    version = _installed_version("arviz")
    if version is None:
        return Check("ArviZ", ok=False, found="not installed", remedy=remedy)
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    ok = numbers >= (0, 23)
    found = version if ok else f"{version}; supported are 0.23 and 1.0 or newer"
    return Check("ArviZ", ok=ok, found=found, remedy="" if ok else remedy)


def _check_cmdstanpy() -> Check:
    version = _installed_version("cmdstanpy")
    return Check(
        "cmdstanpy",
        ok=version is not None,
        found=version or "not installed",
        remedy="" if version else "To install CmdStan from GitHub: python -m pip install cmdstanpy",
        needed=False,
    )


def _check_temporary_folder() -> Check:
    name = "temporary folder"
    try:
        folder = Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        remedy = "Set TMPDIR to a folder that you can write to."
        return Check(name, ok=False, found=str(error.strerror), remedy=remedy)
    return check_space(name, folder, needed_bytes=_FREE_BYTES)


def _installed_version(distribution: str) -> str | None:
    """Return the version of an installed distribution without importing it."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


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
        with tempfile.TemporaryDirectory(prefix="pystan_mix-") as folder:
            source = Path(folder) / "test.cpp"
            source.write_text(_TEST_PROGRAM, encoding="utf-8")
            done = subprocess.run(
                [*command, "-std=c++1y", str(source), "-o", str(source.with_suffix(""))],
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=120,
            )
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    complaints = [line for line in done.stderr.splitlines() if line.strip()]
    return complaints[-1] if complaints else f"exit code {done.returncode}"
