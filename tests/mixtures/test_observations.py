"""Tests of pystan_mix.mixtures.observations: what is checked, and what is counted."""

import numpy as np
import pytest

from pystan_mix.errors import DataError, SettingsError
from pystan_mix.mixtures.observations import (
    checked_observations,
    indexed,
    least_scale,
)


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


CELLS = np.array([2.5, -1.0, 4.0, 2.5, 0.25])
TIMES = np.array([3, 1, 40, 2, 7])


def test_moments_and_quantiles_of_a_table_are_those_of_all_its_observations():
    table, expanded = indexed(CELLS, TIMES), indexed(np.repeat(CELLS, TIMES))
    assert table.size == expanded.size == 53
    assert table.count.tolist() == expanded.count.tolist() == [1, 7, 5, 40]
    assert table.mean == pytest.approx(expanded.mean, rel=1e-14)
    assert table.std == pytest.approx(expanded.std, rel=1e-14)
    for at_most in (1, 7, 52, 53, 500):
        np.testing.assert_array_equal(table.points(at_most), expanded.points(at_most))


def test_real_weights_have_the_moments_and_quantiles_of_counts_in_proportion():
    weighted, table = indexed(CELLS, 0.1 * TIMES), indexed(CELLS, TIMES)
    assert weighted.are_weighted
    assert not table.are_weighted
    assert weighted.size == pytest.approx(5.3, rel=1e-14)
    assert weighted.mean == pytest.approx(table.mean, rel=1e-14)
    assert weighted.std == pytest.approx(table.std, rel=1e-14)
    points = weighted.points(5300)
    assert [int((points == value).sum()) for value in weighted.distinct] == [100, 700, 500, 4000]


def test_a_table_of_1e9_observations_takes_no_room():
    table = indexed(CELLS, 20_000_000 * TIMES)
    assert table.size == 1_060_000_000
    assert table.points(53).tolist() == np.sort(np.repeat(CELLS, TIMES)).tolist()
