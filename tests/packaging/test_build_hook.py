"""Tests of pystan_mix.packaging.build_hook: what kind of wheel is built when."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def build(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Build a wheel of the source tree into a folder."""
    return subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("switch", ["", "0"])
def test_without_the_switch_a_wheel_is_for_all_machines(tmp_path, switch):
    built = build(tmp_path, PYSTAN_MIX_PREBUILT=switch, CMDSTAN="/nowhere")
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.iterdir()
    assert wheel.name.endswith("-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "pystan_mix/stan/normal.stan" in names
    assert not any("prebuilt" in name for name in names)


def test_with_it_there_is_no_wheel_without_cmdstan(tmp_path):
    built = build(tmp_path, PYSTAN_MIX_PREBUILT="1", CMDSTAN="/nowhere")
    assert built.returncode != 0
    assert "$CMDSTAN is set to /nowhere, which cannot be used" in built.stderr
    assert list(tmp_path.iterdir()) == []
