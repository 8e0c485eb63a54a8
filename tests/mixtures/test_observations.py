"""Tests of pystan_mix.mixtures.observations: what is checked, and what is counted."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from pystan_mix.errors import DataError
from pystan_mix.mixtures.observations import (
    check_points,
    checked_observations,
    indexed,
    least_scale,
)

DAY = datetime.date(2024, 5, 1)


@pytest.mark.parametrize(
    "y",
    [
        [1.0, 2.0, -3.5],
        (1.0, 2.0, -3.5),
        np.array([1.0, 2.0, -3.5]),
        np.array([1.0, 2.0, -3.5], dtype=np.float32),
        np.array([[1.0, 2.0, -3.5]]).ravel(),
        np.ma.array([1.0, 2.0, -3.5], mask=False),
        pd.Series([1.0, 2.0, -3.5], index=[7, 8, 9]),
        xr.DataArray([1.0, 2.0, -3.5], dims="time"),
    ],
    ids=lambda y: type(y).__name__,
)
def test_sequences_of_numbers_are_taken(y):
    values = checked_observations(y).y
    assert type(values) is np.ndarray
    assert values.dtype == np.float64
    assert values.tolist() == [1.0, 2.0, -3.5]


@pytest.mark.parametrize("dtype", [int, np.uint8, np.int16])
def test_whole_numbers_are_taken(dtype):
    assert checked_observations(np.array([3, 1], dtype=dtype)).y.tolist() == [3.0, 1.0]
    assert checked_observations([3, 1]).y.dtype == np.float64


def test_the_largest_magnitude_is_taken():
    assert checked_observations([-1e100, 1e100]).y.tolist() == [-1e100, 1e100]


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([1.0, np.nan, 2.0], r"1 of 3 observations are not finite; the first is nan at position 1"),
        ([1.0, 2.0, np.inf, np.nan], r"2 of 4 .* inf at position 2. Drop them first"),
        ([-np.inf, 2.0], "-inf at position 0"),
        ([0.0, 1.0, -1e300], r"position 2 is -1e\+300, beyond 1e\+100.*Divide"),
        ([], "two observations are needed; there are 0"),
        ([5.0], "two observations are needed; there are 1"),
        ([5, 5, 5], "All 3 observations are 5: .* right column"),
        ([1e-200, 3e-200], "1e-200 to 3e-200, are so small .* Multiply"),
        ([[1.0, 2.0], [3.0, 4.0]], r"one-dimensional; their shape is \(2, 2\)"),
        ([[1.0], [2.0]], r"shape is \(2, 1\)\. .*ravel"),
        (pd.DataFrame({"a": [1.0, 2.0]}), r"shape is \(2, 1\). Choose one column"),
        (3.0, r"one-dimensional; their shape is \(\)"),
        ([[1.0, 2.0], [3.0]], "parts of different lengths; pass one flat sequence"),
        (["1.5", "2.5"], r"must be numbers; .*'1.5' at position 0. Convert"),
        ([1.5, "two"], r"must be numbers; .*'two' at position 1"),
        ("12", r"must be numbers; .*'12' at position 0"),
        (pd.Series([1.0, "a"]), r"must be numbers; .*'a' at position 1"),
        ([1.0, None, 2.0], "type object, and None at position 1"),
        (None, r"There are no observations: y is None\. .*sample_prior\(model\)"),
        ([True, False], "type bool, and True at position 0"),
        (np.array([1 + 2j, 3]), r"type complex128, and \(1\+2j\) at position 0"),
        ([1.0, 2j], r"type complex128, and 2j at position 1"),
        (np.array(["2024-05-01"], "M8[D]"), f"type datetime64.D., and {DAY!r:.13}.*at position 0"),
        (pd.Series(pd.to_datetime(["2024-05-01"])), r"type datetime64.*2024-05-01.* at position 0"),
        ([DAY], r"type object, and datetime.date\(2024, 5, 1\) at position 0"),
        ([1, Decimal("2.5")], r"Decimal\('2.5'\) at position 1"),
        ({1.0, 2.0}, "type object"),
        ((x for x in [1.0, 2.0]), "type object.*generator"),
        (np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 1]), r"2 observations are masked.*compressed"),
    ],
)
def test_what_is_no_sample_is_refused(y, words):
    with pytest.raises(DataError, match=words):
        checked_observations(y)


class Tensor:
    """What torch's tensors do, as far as it is asked for here."""

    def __init__(self, values, complaint):
        self.values, self.complaint = values, complaint

    def __array__(self, dtype=None, copy=None):
        raise self.complaint

    def detach(self):  # noqa: D102
        return self

    cpu = double = detach

    def numpy(self):  # noqa: D102
        return np.array(self.values)

    def item(self):  # noqa: D102
        return self.values


GRADIENT = RuntimeError(
    "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
)
DEVICE = TypeError(
    "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host "
    "memory first."
)
COLUMNS = xr.Dataset({"a length": ("obs", [1.0, 2.0, 4.0])})


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (Tensor([1.0, 2.0, 4.0], GRADIENT), "a Tensor that .*requires grad"),
        (Tensor([1.0, 2.0, 4.0], DEVICE), "a Tensor that .*cuda:0"),
        ([Tensor(x, GRADIENT) for x in (1.0, 2.0, 4.0)], "a list that .*requires grad"),
        (COLUMNS, "an xarray Dataset"),
        (xr.Dataset({"b": (("i", "j"), [[1.0, 2.0, 4.0]])}), "an xarray Dataset"),
        (xr.DataTree(COLUMNS), "an xarray DataTree"),
        (xr.DataTree(children={"inner": xr.DataTree(COLUMNS)}), "an xarray DataTree"),
    ],
)
def test_what_other_libraries_do_not_convert_is_named_with_the_call_that_does(y, words):
    with pytest.raises(DataError, match=words) as caught:
        checked_observations(y)
    # the remedy, word for word
    call = str(caught.value).rpartition(": ")[2].rstrip(".")
    assert checked_observations(eval(call, {"y": y})).y.tolist() == [1.0, 2.0, 4.0]  # noqa: S307


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (xr.Dataset(), "xarray Dataset, a collection of arrays. It has no variables"),
        (xr.DataTree(), "xarray DataTree, a collection of arrays. It has no variables"),
        (
            type("Lazy", (), {"__array__": lambda *_: 1 / 0})(),
            r"a Lazy .*division by zero.*y\.tolist\(\)",
        ),
        (
            type("Device", (), {"__array__": Tensor([], TypeError("use `.get()`")).__array__})(),
            r"y\.get\(\)",
        ),
    ],
)
def test_what_no_library_converts_is_refused(y, words):
    with pytest.raises(DataError, match=words):
        check_points(y)


def test_observations_have_a_value_for_each_component():
    y = [1.0, 2.0, 2.0, 3.0]
    assert checked_observations(y, n_components=3).y.size == 4
    with pytest.raises(DataError, match=r"3 different values for 4 components. Use at most 3"):
        checked_observations(y, n_components=4)


def test_points_may_be_few_and_equal():
    assert check_points([2, 2]).tolist() == [2.0, 2.0]
    assert check_points([]).shape == (0,)
    with pytest.raises(DataError, match="nan at position 0"):
        check_points([np.nan])


def test_equal_observations_are_counted_and_found_again():
    y = np.array([3.0, -0.0, 3.0, -2.5, 0.0, 3.0])
    found = checked_observations(y)
    assert found.distinct.tolist() == [-2.5, 0.0, 3.0]
    assert found.count.tolist() == [1, 2, 3]
    assert found.index.tolist() == [2, 1, 2, 0, 1, 2]
    np.testing.assert_array_equal(found.distinct[found.index], y)


def test_what_is_observed_once_is_put_in_order():
    y = np.random.default_rng(1).normal(size=50)
    found = indexed(y)
    np.testing.assert_array_equal(found.y, y)
    np.testing.assert_array_equal(found.distinct, np.sort(y))
    assert set(found.count.tolist()) == {1}
    np.testing.assert_array_equal(np.argsort(found.index), np.argsort(y))


@pytest.mark.parametrize(
    ("y", "least"),
    [
        ([0.1, 0.2, 0.2, 0.5, 0.8], 0.05),
        ([60.0, 65.0, 65.0, 80.0, 90.0], 2.5),
        # of no grid, of one without ties, of one so fine that it does not explain the tie
        ([0.1, 1.23456, 2.7182818, 2.7182818, 3.9, 7.7, 9.91], None),
        ([1.0, 2.0, 3.0, 4.0, 6.0], None),
        ([0.000001, 1.234567, 2.712345, 2.712345, 5.154321, 7.7, 9.9], None),
    ],
)
def test_the_least_scale_is_half_a_step_or_a_thousandth_of_the_spread(y, least):
    expected = 1e-3 * np.std(y) if least is None else least
    assert least_scale(indexed(np.array(y))) == pytest.approx(expected, rel=1e-12)


def test_nothing_has_no_distinct_values():
    found = indexed(np.empty(0))
    assert found.y.size == found.distinct.size == found.count.size == found.index.size == 0
    assert least_scale(found) == 0.0
