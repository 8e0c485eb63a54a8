"""Programs in C++ that check a header of the package, built as CmdStan builds."""

import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from pystan_mix.cmdstan.locate import MODEL_HEADER, CmdStan
from pystan_mix.resources import resource_dir

_DRIVERS = Path(__file__).resolve().parent / "fused"


def output_of(*argv: str | Path, cwd: Path | None = None) -> str:
    """Run a program that must succeed; return what it prints."""
    result = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{shlex.join(map(str, argv))}\n{result.stdout}{result.stderr}"
    return result.stdout


def make_variables(cmdstan: CmdStan, *names: str) -> dict[str, list[str]]:
    """Return variables of CmdStan's makefile, each split as a shell would."""
    targets = [f"print-{name}" for name in names]
    lines = output_of("make", "--silent", *targets, cwd=cmdstan.path).splitlines()
    values = dict(line.split(" = ", 1) for line in lines if " = " in line)
    return {name: shlex.split(values[name]) if name in values else [] for name in names}


def built_driver(cmdstan: CmdStan, name: str, *, program: str, folder: Path) -> Path:
    """Build a driver of the folder fused/, with ``plain.hpp`` made of a program in Stan."""
    stan = resource_dir("stan")
    output_of(
        cmdstan.path / "bin" / "stanc",
        f"--include-paths={stan / 'parts'},{stan / 'plain'}",
        "--name=plain_model",
        f"--o={folder / 'plain.hpp'}",
        stan / f"{program}.stan",
    )
    make = make_variables(cmdstan, "COMPILE.cpp", "LINK.cpp", "LDLIBS", "TBB_TARGETS")
    built = folder / f"{name}.o"
    # precompiled where CmdStan was built whole; its makefile names the headers from its folder
    includes = ("-w", f"-I{folder}", f"-I{stan / 'fused'}", "-include", MODEL_HEADER)
    source = _DRIVERS / f"{name}.cpp"
    output_of(*make["COMPILE.cpp"], *includes, "-o", built, source, cwd=cmdstan.path)
    libraries = (*make["LDLIBS"], *make["TBB_TARGETS"])
    output_of(*make["LINK.cpp"], "-o", folder / name, built, *libraries, cwd=cmdstan.path)
    return folder / name


def on_this_processor(checks: Mapping[tuple[str, str], str], check: str, rows: str) -> str:
    """Return the result of a check that only some processors can make; all have Row2."""
    if rows != "Row2" and ("rows", rows) not in checks:
        pytest.skip(f"this processor has no {rows}")
    return checks[check, rows]
