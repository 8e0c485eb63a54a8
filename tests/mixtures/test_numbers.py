"""Tests of pystan_mix.mixtures.numbers: one number for all components, or one for each.

What no number is, and what is out of range, is refused as the tests of the priors say.
"""

import types

import numpy as np
import pytest

from pystan_mix.errors import ModelError
from pystan_mix.mixtures.numbers import one_or_each, per_component, set_numbers


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2, 2, 2], 2.0),
        ([1, 2, 2], [1.0, 2.0, 2.0]),
        (3, 3.0),
        ([4.0], 4.0),
        (np.array([0.1, 0.1]), 0.1),
        # not rounded into each other
        ([1.0, 1.0 + 2e-16], [1.0, 1.0 + 2e-16]),
    ],
)
def test_equal_numbers_are_one(values, expected):
    found = one_or_each(values)
    assert found == expected
    assert all(type(x) is float for x in (found if isinstance(found, list) else [found]))


@pytest.mark.parametrize(
    ("value", "size", "expected"),
    [(2, 3, [2, 2, 2]), ((1.0, 2.0), 2, [1, 2]), (5.0, 0, []), ([7], 2, [7, 7])],
)
def test_there_is_one_for_each_component(value, size, expected):
    found = per_component(value, size)
    assert found.tolist() == expected
    assert found.dtype == np.float64
    found += 1.0  # it is an array of its own


@pytest.mark.parametrize("values", [1.5, (1.0, 2.0, 2.0), (-3.0, 0.0)])
def test_one_is_the_others_inverse(values):
    size = len(values) if isinstance(values, tuple) else 3
    again = one_or_each(per_component(values, size))
    assert (tuple(again) if isinstance(again, list) else again) == values


def test_a_field_is_replaced_and_named_in_messages():
    owner = types.SimpleNamespace(df=np.int16(3), low=[-1, 2])
    set_numbers(owner, "df", positive=True)
    set_numbers(owner, "low", positive=False)
    assert (owner.df, owner.low) == (3.0, (-1.0, 2.0))
    with pytest.raises(ModelError, match=r"^SimpleNamespace: low must be positive; it is \(-1.0"):
        set_numbers(owner, "low", positive=True)
    assert owner.low == (-1.0, 2.0)
