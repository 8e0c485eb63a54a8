"""Tests of pystan_mix.mixtures.priors: what the priors take, keep and refuse."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from pystan_mix.errors import ModelError
from pystan_mix.mixtures import priors
from pystan_mix.mixtures.priors import Dirichlet, HalfCauchy, HalfNormal, HalfStudentT, Normal

EXAMPLES = [
    Dirichlet(2),
    Dirichlet([1, 2.5, 3]),
    Normal([0, 10, 20], 5),
    Normal(0.1, [1, 2]),
    HalfCauchy(5),
    HalfNormal((1e-3, 1e3)),
    HalfStudentT(3, 2.5),
    HalfStudentT(3, [1, 2]),
]

# each number of each prior, as a function that makes the prior with that number
NUMBERS = {
    "Dirichlet: concentration": Dirichlet,
    "Normal: location": lambda value: Normal(value, 1.0),
    "Normal: scale": lambda value: Normal(0.0, value),
    "HalfCauchy: scale": HalfCauchy,
    "HalfNormal: scale": HalfNormal,
    "HalfStudentT: df": lambda value: HalfStudentT(value, 1.0),
    "HalfStudentT: scale": lambda value: HalfStudentT(3.0, value),
}
POSITIVE = [name for name in NUMBERS if name != "Normal: location"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (3, 3.0),
        (np.float32(1.5), 1.5),
        (np.int64(7), 7.0),
        (np.array(2.0), 2.0),
        ([1, 2], (1.0, 2.0)),
        ((1.0, 2), (1.0, 2.0)),
        (np.array([1, 2]), (1.0, 2.0)),
        (pd.Series([1.0, 2.0], index=[5, 6]), (1.0, 2.0)),
        ([4.0], (4.0,)),
    ],
)
def test_numbers_are_kept_as_floats(given, kept):
    scale = HalfNormal(given).scale
    assert scale == kept
    assert type(scale) is type(kept)
    assert all(type(x) is float for x in np.atleast_1d(np.array(scale, dtype=object)))


@pytest.mark.parametrize("prior", EXAMPLES, ids=repr)
def test_priors_are_values(prior):
    again = eval(repr(prior), vars(priors))  # noqa: S307
    assert again == prior
    assert hash(again) == hash(prior)
    assert again is not prior
    for field in dataclasses.fields(prior):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(prior, field.name, 1.0)


def test_priors_of_another_kind_or_number_differ():
    assert HalfNormal(1) != HalfCauchy(1)
    assert HalfNormal(1) != HalfNormal(2)
    assert Normal(0, 1) != Normal((0.0,), 1)


def test_an_array_that_changes_later_does_not_change_the_prior():
    scales = np.array([1.0, 2.0])
    prior = HalfNormal(scales)
    scales[:] = 9.0
    assert prior.scale == (1.0, 2.0)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "value",
    ["2", "half", None, True, [[1.0, 2.0]], [[1.0], [2.0, 3.0]], [], [1.0, None], 1j, {"a": 1.0}],
    ids=repr,
)
def test_what_is_no_number_is_refused(name, value):
    with pytest.raises(ModelError, match="a number or a flat sequence of numbers") as caught:
        NUMBERS[name](value)
    assert str(caught.value).startswith(f"{name} must be")
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, [1.0, np.nan]], ids=repr)
def test_numbers_out_of_range_are_refused(name, value):
    with pytest.raises(ModelError, match="must be finite, and at most 1e") as caught:
        NUMBERS[name](value)
    assert str(caught.value).startswith(name)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("name", POSITIVE)
@pytest.mark.parametrize("value", [0, -1.5, [1.0, 0.0], [-1.0, 2.0]], ids=repr)
def test_numbers_that_are_not_positive_are_refused(name, value):
    with pytest.raises(ModelError, match="must be positive") as caught:
        NUMBERS[name](value)
    assert str(caught.value).startswith(name)
    assert repr(value) in str(caught.value)


def test_locations_may_be_negative_or_equal_but_not_decrease():
    assert Normal([-5, -5, 0], 1).location == (-5.0, -5.0, 0.0)
    with pytest.raises(ModelError, match=r"not decrease.*\[0.0, 20.0, 10.0\]. Sort them"):
        Normal([0, 20, 10], 5)


def test_degrees_of_freedom_are_one_number():
    with pytest.raises(ModelError, match=r"df must be one number; it is \[3.0, 4.0\]"):
        HalfStudentT([3, 4], 1)
