"""What `pystan-mix doctor` and `pystan-mix install` do: what a fit needs, looked for and got."""

import argparse
import dataclasses
import importlib.metadata
import platform
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pystan_mix.cmdstan.install import install_cmdstan
from pystan_mix.cmdstan.locate import CmdStan, find_cmdstan
from pystan_mix.cmdstan.machine import Check, check_compiler, check_make, check_space
from pystan_mix.cmdstan.program import Program, prebuilt_fault
from pystan_mix.command.exit_codes import EXIT_NOT_BELIEVED, EXIT_OK
from pystan_mix.errors import CmdStanNotFoundError
from pystan_mix.files import cache_dir
from pystan_mix.inference.programs import stan_programs

_FREE_BYTES = 500_000_000
# the version that all tests run on
_TESTED = (2, 27, 0)


def run_checks() -> list[Check]:
    """Look at all that a fit needs; takes about a second, changes nothing.

    Returns
    -------
    list of Check
        In the order in which they should be put right.
    """
    cmdstan, cmdstan_check = _look_for_cmdstan()
    programs = stan_programs()
    compiling = [check_make(), check_compiler(cmdstan=cmdstan), cmdstan_check]
    if all(map(_is_taken, programs)):
        compiling = [_for_own_programs(check) for check in compiling]
    return [
        _check_python(),
        _check_programs(programs),
        *compiling,
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


def _check_python() -> Check:
    found = platform.python_version()
    ok = sys.version_info >= (3, 11)
    return Check("Python", ok=ok, found=found, remedy="" if ok else "Use Python 3.11 or newer.")


def _is_taken(program: Program) -> bool:
    """Return whether a program came compiled and starts."""
    return program.prebuilt() is not None and not prebuilt_fault(program)


def _check_programs(programs: Sequence[Program]) -> Check:
    """Say which programs came compiled, and what is wrong with those that cannot be used."""
    taken = ", ".join(program.name for program in programs if _is_taken(program))
    others = ", ".join(program.name for program in programs if not _is_taken(program))
    parts = [taken and f"{taken} came compiled", others and f"{others} compiled when first used"]
    faults = " ".join(filter(None, map(prebuilt_fault, programs)))
    return Check(
        "Stan programs",
        ok=not faults,
        found="; ".join(filter(None, [*parts, faults.removesuffix(".")])),
        remedy="Install the package where programs may be run, or let them be compiled."
        if faults
        else "",
        needed=False,
    )


def _for_own_programs(check: Check) -> Check:
    """Return a check of what compiles programs, where those of the package came compiled."""
    if check.ok:
        return check
    remedy = f'Not needed, unless for likelihood="stan" or changed programs. {check.remedy}'
    return dataclasses.replace(check, needed=False, remedy=remedy)


def _look_for_cmdstan() -> tuple[CmdStan | None, Check]:
    """Find CmdStan, and say where it is or why there is none."""
    try:
        cmdstan = find_cmdstan()
    except CmdStanNotFoundError as error:
        found, _, remedy = str(error).rpartition(". ")
        return None, Check("CmdStan", ok=False, found=found, remedy=remedy)
    version, tested = (".".join(map(str, each)) for each in (cmdstan.version, _TESTED))
    on = "it" if version == tested else tested
    found = f"{version} in {cmdstan.path}, built; all tests run on {on}"
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


def doctor_command(arguments: argparse.Namespace) -> int:  # noqa: ARG001
    """Print what a fit needs and whether it is there."""
    checks = run_checks()
    print(format_checks(checks))
    return EXIT_OK if fit_can_run(checks) else EXIT_NOT_BELIEVED


def install_command(arguments: argparse.Namespace) -> int:
    """Install CmdStan; print its folder."""
    cmdstan = install_cmdstan(source=arguments.source, directory=arguments.dir, tools=arguments.all)
    print(cmdstan.path)
    return EXIT_OK
