"""Tests of pystan_mix.errors: what an except clause catches, and what each error survives."""

import pickle
import subprocess
import sys

import pytest

from pystan_mix import errors

ALL = [value for value in vars(errors).values() if isinstance(value, type)]


@pytest.mark.parametrize("error", ALL)
def test_one_clause_catches_them_all(error):
    assert issubclass(error, errors.PystanMixError)


@pytest.mark.parametrize("error", [errors.DataError, errors.ModelError, errors.SettingsError])
def test_bad_arguments_are_value_errors(error):
    assert issubclass(error, ValueError)


def test_broken_output_is_a_failure_of_sampling():
    assert issubclass(errors.OutputError, errors.SamplingError)


@pytest.mark.parametrize("error", ALL)
def test_errors_pass_between_processes(error):
    again = pickle.loads(pickle.dumps(error("what and why")))  # noqa: S301
    assert type(again) is error
    assert str(again) == "what and why"


def test_errors_import_nothing():
    code = (
        "import pystan_mix, sys; before = set(sys.modules); import pystan_mix.errors; "
        "print(*(set(sys.modules) - before))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["pystan_mix.errors"]
