"""Tests of pystan_mix.mixtures.annotations.checking: what is refused, and what is left out."""

import numpy as np
import pytest

from pystan_mix.errors import DataError, SettingsError
from pystan_mix.mixtures.annotations.checking import checked_observations


@pytest.mark.parametrize("dtype", [int, np.uint8, np.int16])
def test_whole_numbers_are_taken(dtype):
    assert checked_observations(np.array([3, 1], dtype=dtype)).y.tolist() == [3.0, 1.0]
    assert checked_observations([3, 1]).y.dtype == np.float64


def test_the_largest_magnitude_is_taken():
    assert checked_observations([-1e100, 1e100]).y.tolist() == [-1e100, 1e100]


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (
            [1.0, np.nan, 2.0],
            r"1 of 3 observations is missing or NaN, the first at position 1\. .*dr",
        ),
        ([1.0, None, "NA", 2.0], "2 of 4 observations are missing or NaN, the first at position 1"),
        (np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 1]), "2 of 3 observations are missing"),
        ([1.0, 2.0, np.inf, np.nan], "1 of 4 observations is missing or NaN"),
        ([1.0, 2.0, np.inf], r"1 of 3 .* inf at position 2\. Drop them first"),
        ([-np.inf, 2.0], "-inf at position 0"),
        ([0.0, 1.0, -1e300], r"position 2 is -1e\+300, beyond 1e\+100.*Divide"),
        ([], "two observations are needed; there are 0"),
        ([5.0], "two observations are needed; there are 1"),
        ([5, 5, 5], "All 3 observations are 5: .* right column"),
        ([1e-200, 3e-200], "1e-200 to 3e-200, are so small .* Multiply"),
    ],
)
def test_what_is_no_sample_is_refused(y, words):
    with pytest.raises(DataError, match=words):
        checked_observations(y)


def test_missing_values_are_left_out_and_counted():
    found = checked_observations([2.0, None, 1.0, np.nan, 2.0, "NA"], missing="drop")
    assert found.y.tolist() == [2.0, 1.0, 2.0]
    assert found.index.tolist() == [1, 0, 1]
    assert found.dropped == 3
    assert checked_observations([2.0, 1.0], missing="drop").dropped == 0


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([np.nan, 1.0, np.inf], "inf at position 2"),
        ([np.nan, 1.0, 1e300], "position 2 is 1e"),
        ([np.nan, 1.0, np.nan], "needed; there are 1 beside 2 missing"),
        ([np.nan, np.nan], "needed; there are 0 beside 2 missing"),
        ([np.nan, 1.0, 1.0], "All 2 observations are 1"),
    ],
)
def test_what_is_left_is_checked_at_its_own_place(y, words):
    with pytest.raises(DataError, match=words):
        checked_observations(y, missing="drop")


def test_there_are_two_ways_with_missing_values():
    with pytest.raises(SettingsError, match=r"missing must be .*raise.*drop.*'impute'"):
        checked_observations([1.0, 2.0], missing="impute")


def test_numbers_have_nothing_to_integrate_out():
    with pytest.raises(SettingsError, match=r'for vectors.*missing="raise" or missing="drop"'):
        checked_observations([1, None, 2], missing="marginalise")


def test_observations_have_a_value_for_each_component():
    y = [1.0, 2.0, 2.0, 3.0]
    assert checked_observations(y, n_components=3).y.size == 4
    with pytest.raises(DataError, match=r"3 different values for 4 components. Use at most 3"):
        checked_observations(y, n_components=4)


def test_equal_observations_are_counted_and_found_again():
    y = np.array([3.0, -0.0, 3.0, -2.5, 0.0, 3.0])
    found = checked_observations(y)
    assert found.distinct.tolist() == [-2.5, 0.0, 3.0]
    assert found.count.tolist() == [1, 2, 3]
    assert found.index.tolist() == [2, 1, 2, 0, 1, 2]
    np.testing.assert_array_equal(found.distinct[found.index], y)
