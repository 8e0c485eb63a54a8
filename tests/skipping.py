"""Tests that need what a machine may lack: they skip, saying so, or fail where they must not."""

import os
import shutil
from typing import NoReturn

import pytest


def skip_or_fail(reason: str) -> NoReturn:
    """Skip; with PYSTAN_MIX_NO_SKIP=1, which .ci/run sets, fail."""
    if os.environ.get("PYSTAN_MIX_NO_SKIP") == "1":
        pytest.fail(f"{reason}; with PYSTAN_MIX_NO_SKIP=1 nothing skips for that", pytrace=False)
    pytest.skip(reason)


def need_executable(name: str) -> None:
    """Skip, or fail, where an executable is not on the path."""
    if shutil.which(name) is None:
        skip_or_fail(f"{name} is not installed")
