"""Fixtures that several test modules share."""

import os
from pathlib import Path
from typing import Any

import matplotlib
import pytest

matplotlib.use("Agg")

from pystan_mix.cmdstan.install import install_cmdstan
from pystan_mix.cmdstan.locate import CmdStan, find_cmdstan
from pystan_mix.errors import CmdStanNotFoundError


@pytest.fixture(scope="session")
def cmdstan() -> CmdStan:
    """A usable CmdStan: the one that is found, else one that is installed now."""
    try:
        return find_cmdstan()
    except CmdStanNotFoundError:
        return install_cmdstan()


@pytest.fixture(scope="session")
def course_data() -> Path:
    """The folder of the course's data sets and of PyMC's results on them."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"{folder} is missing: continuous integration never skips this")
        pytest.skip(f"{folder} is missing: it holds the course's data and PyMC's results")
    return folder


@pytest.fixture(scope="session")
def pm() -> Any:
    """PyMC, where it is installed."""
    return pytest.importorskip(
        "pymc", reason="PyMC is not installed: pip install '.[test,pymc]' && pytest -m pymc"
    )
