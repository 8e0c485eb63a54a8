"""The examples in the docstrings run, and importing the package is fast."""

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import pystan_mix

MODULES = [
    module.name.removeprefix("pystan_mix.")
    for module in pkgutil.walk_packages(pystan_mix.__path__, "pystan_mix.")
]
NEED_PYMC = {"with_pymc.build"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.pymc) if name in NEED_PYMC else name for name in MODULES],
)
def test_examples_run(cmdstan, request, name):
    if name in NEED_PYMC:
        request.getfixturevalue("pm")
    module = importlib.import_module(f"pystan_mix.{name}")
    failed, _ = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


@pytest.mark.parametrize("name", pystan_mix.__all__)
def test_exported_functions_have_an_example(name):
    assert ">>>" in getattr(pystan_mix, name).__doc__


def test_all_that_is_exported_is_there():
    assert dir(pystan_mix) == sorted(pystan_mix.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        pystan_mix.nonsense  # noqa: B018


def test_import_loads_nothing_slow():
    code = "import sys, pystan_mix, pystan_mix.command.main; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    slow = {"numpy", "arviz", "xarray", "pandas", "matplotlib", "cmdstanpy", "tqdm"}
    assert slow.isdisjoint(loaded)


def test_no_module_bears_the_name_of_what_is_exported():
    """Importing it would put the module in the place of the function."""
    assert set(MODULES).isdisjoint(pystan_mix.__all__)
