"""Find CmdStan on this machine, and say what is wrong with one that cannot be used."""

import dataclasses
import functools
import math
import os
import re
import subprocess
from pathlib import Path

from pystan_mix.errors import CmdStanNotFoundError

MINIMUM_VERSION = (2, 27, 0)
# our installer writes this file first and removes it last
UNFINISHED_MARKER = ".pystan_mix-unfinished"
# and leaves this one where it built only what programs need
LEAN_MAKEFILE = "pystan_mix-lean.mk"
# there no program waits for a header to be precompiled; where one is, programs take it
NO_PRECOMPILED_HEADER = "PRECOMPILED_HEADERS=false"
MODEL_HEADER = "stan/src/stan/model/model_header.hpp"
PRECOMPILED_HEADER = "stan/src/stan/model/model_header*.hpp.gch"
# what reads CSV files and is no part of a program; newer CmdStans have no bin/print
TOOLS = ("bin/stansummary", "bin/diagnose")

# make, the shell or the linker's -rpath take a path apart at these; a space is harmless (tried)
_BREAKING_CHARACTERS = ",:$'\"`\\\n"
_VERSION_LINE = re.compile(
    r"^CMDSTAN_VERSION\s*:?=\s*(\d+)\.(\d+)\.(\d+)(?:-rc(\d+))?\s*$", re.MULTILINE
)
_TBB = "stan/lib/stan_math/lib/tbb"


@dataclasses.dataclass(frozen=True)
class CmdStan:
    """A CmdStan that is built and can be used.

    Parameters
    ----------
    path : pathlib.Path
        Its folder.
    version : tuple of three int
        Its version; a release candidate has the version that it is a candidate for.
    """

    path: Path
    version: tuple[int, int, int]


def find_cmdstan() -> CmdStan:
    """Return the CmdStan to use.

    That is `$CMDSTAN` if it is set; else the newest one of 2.27 or newer under
    `~/.cmdstan` that is built.

    Returns
    -------
    CmdStan
        Where it is, and its version.

    Raises
    ------
    CmdStanNotFoundError
        If `$CMDSTAN` is set to something that cannot be used, or if there is
        none; the message says what was looked at and what to do.
    """
    # cmdstanpy.set_cmdstan_path sets $CMDSTAN, so this covers what cmdstanpy is set to
    chosen = os.environ.get("CMDSTAN")
    if chosen:
        path = Path(chosen).expanduser().absolute()
        fault = what_is_wrong(path)
        if fault:
            raise CmdStanNotFoundError(
                f"$CMDSTAN is set to {chosen}, which cannot be used: {fault}. "
                "Set it to the folder of a built CmdStan of 2.27.0 or newer, "
                "or unset it and run: pystan-mix install"
            )
        return CmdStan(path=path, version=read_version(path))
    directory = default_directory()
    found = newest_built(directory)
    if found is None:
        faults = [f"{path.name} ({what_is_wrong(path)})" for path in _candidates(directory)]
        raise CmdStanNotFoundError(
            "No usable CmdStan of 2.27.0 or newer is on this machine: $CMDSTAN is not set, and "
            f"{directory} has {', '.join(faults) or 'none'}. Run: pystan-mix install"
        )
    return found


def default_directory() -> Path:
    """Return the folder that CmdStan is installed under, as cmdstanpy does: `~/.cmdstan`."""
    return Path.home() / ".cmdstan"


def newest_built(directory: Path) -> CmdStan | None:
    """Return the newest usable CmdStan among the folders `cmdstan-*` of a folder.

    Parameters
    ----------
    directory : pathlib.Path
        The folder; it need not exist.

    Returns
    -------
    CmdStan or None
        None if there is no built one of 2.27 or newer.
    """
    for path in _candidates(directory):
        if not what_is_wrong(path):
            return CmdStan(path=path, version=read_version(path))
    return None


def what_is_wrong(path: Path) -> str:
    """Say why a folder is no usable CmdStan; nothing if it is one.

    Parameters
    ----------
    path : pathlib.Path
        The folder.

    Returns
    -------
    str
        A clause without a full stop, or the empty string.
    """
    if not path.is_dir():
        return "there is no such folder"
    fault = path_fault(path)
    if fault:
        return fault
    try:
        version = read_version(path)
    except CmdStanNotFoundError as error:
        return str(error)
    if version < MINIMUM_VERSION:
        return f"its version is {_dotted(version)}, older than {_dotted(MINIMUM_VERSION)}"
    if (path / UNFINISHED_MARKER).exists():
        return "its build was not finished; pystan-mix install goes on with it"
    fault = build_fault(path)
    return f"{fault}; 'make build' in it has not been run, or was interrupted" if fault else ""


def path_fault(path: Path) -> str:
    """Say which character of a path CmdStan's makefiles cannot take; nothing if they can.

    Examples
    --------
    >>> path_fault(Path("/home/John Smith/.cmdstan"))
    ''
    >>> path_fault(Path("/data/a,b/cmdstan-2.27.0"))
    "its path has the character ',', which CmdStan's makefiles cannot take"
    """
    found = next((c for c in str(path) if c in _BREAKING_CHARACTERS), None)
    if found is None:
        return ""
    return f"its path has the character {found!r}, which CmdStan's makefiles cannot take"


def build_fault(path: Path) -> str:
    """Say what a CmdStan folder lacks of what programs need; nothing if they compile with it.

    The tools are asked for too, as the sign that `make build` has ended, but
    not where our installer left them out.
    """
    for name in ("bin/stanc", *(() if (path / LEAN_MAKEFILE).exists() else TOOLS)):
        if not _is_program(path / name):
            return f"{name} is missing or not executable"
    if not any(_has_content(main) for main in path.glob("src/cmdstan/main*.o")):
        return "src/cmdstan/main.o is missing"
    # not libtbb.so: make writes that text file before it has linked the library
    libraries = (*path.glob(f"{_TBB}/libtbb.so.*"), *path.glob(f"{_TBB}/libtbb.dylib"))
    if not any(map(_has_content, libraries)) and not _uses_outside_tbb(path):
        return f"{_TBB} has no TBB library"
    stanc = path / "bin" / "stanc"
    if not _stanc_runs(stanc, stanc.stat().st_mtime_ns):
        return "bin/stanc does not run on this machine"
    return ""


def lacks_tools(path: Path) -> bool:
    """Return whether a CmdStan folder lacks `stansummary` or `diagnose`."""
    return not all(_is_program(path / name) for name in TOOLS)


def read_version(path: Path) -> tuple[int, int, int]:
    """Return the version of the CmdStan in a folder, from its makefile.

    Parameters
    ----------
    path : pathlib.Path
        The folder.

    Returns
    -------
    tuple of three int
        For a release candidate, the version that it is a candidate for.

    Raises
    ------
    CmdStanNotFoundError
        If there is no makefile, or no version in it.
    """
    return _release(path)[0]


def _release(path: Path) -> tuple[tuple[int, int, int], float]:
    """Return the version and the number of the release candidate, infinite for a release."""
    try:
        makefile = (path / "makefile").read_text(encoding="utf-8", errors="replace")
    except OSError:
        makefile = ""
    match = _VERSION_LINE.search(makefile)
    if match is None:
        raise CmdStanNotFoundError(f"{path / 'makefile'} with a CMDSTAN_VERSION is missing")
    major, minor, patch, candidate = match.groups()
    return (int(major), int(minor), int(patch)), float(candidate or math.inf)


def _candidates(directory: Path) -> list[Path]:
    """Return the folders `cmdstan-*` that have a version, the newest first."""
    releases = []
    for path in directory.glob("cmdstan-*"):
        try:
            releases.append((_release(path), path))
        except CmdStanNotFoundError:
            continue
    return [path for _, path in sorted(releases, reverse=True)]


def _has_content(path: Path) -> bool:
    """Return whether a file exists and is not empty."""
    return path.is_file() and path.stat().st_size > 0


def _is_program(path: Path) -> bool:
    """Return whether a file is not empty and may be run."""
    return _has_content(path) and os.access(path, os.X_OK)


def _uses_outside_tbb(path: Path) -> bool:
    """Return whether the user's settings take the TBB from elsewhere, as conda's CmdStan does."""
    if os.environ.get("TBB_LIB"):
        return True
    settings = (path / "make" / "local", Path.home() / ".config" / "stan" / "make.local")
    return any(
        "TBB_LIB" in file.read_text(encoding="utf-8", errors="replace")
        for file in settings
        if file.is_file()
    )


@functools.lru_cache(maxsize=8)
def _stanc_runs(stanc: Path, _changed: int) -> bool:
    """Return whether the Stan compiler is one for this machine; asked once for each file."""
    try:
        subprocess.run([stanc, "--version"], capture_output=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _dotted(version: tuple[int, int, int]) -> str:
    """Return a version as it is written."""
    return ".".join(map(str, version))
