"""Tests of pystan_mix.mixtures.annotations.times: counts and weights, and what is refused."""

import numpy as np
import pytest

from pystan_mix.errors import DataError
from pystan_mix.mixtures.annotations.checking import checked_observations
from pystan_mix.mixtures.annotations.times import check_total, checked_times

Y = [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    "counts", [[2, 0, 3], [2.0, 0.0, 3.0], np.array([2, 0, 3], dtype=np.uint8)]
)
def test_counts_are_whole_numbers_and_what_has_none_is_left_out(counts):
    found = checked_observations(Y, counts=counts)
    assert found.y.tolist() == [1.0, 4.0]
    assert found.times.tolist() == found.count.tolist() == [2, 3]
    assert found.times.dtype == np.intp
    assert not found.are_weighted


def test_weights_of_equal_observations_add_up():
    found = checked_observations([1.0, 2.0, 1.0], weights=[0.5, 0.0625, 2])
    assert found.are_weighted
    assert found.count.tolist() == [2.5, 0.0625]
    assert found.times.tolist() == [0.5, 0.0625, 2.0]


def test_what_stands_beside_a_missing_observation_counts_for_nothing():
    found = checked_observations([1, None, 3], counts=[2, None, 1], missing="drop")
    assert (found.count.tolist(), found.dropped) == ([2, 1], 1)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"counts": [1, -2, 1]}, r"1 of 3 counts .* -2 at position 1\. None may be below 0; 0 lea"),
        ({"counts": [1, 2, 1.5]}, r"1\.5 at position 2\. .* whole .* weights= \(--observation-"),
        ({"counts": [1e16, 2, 1]}, r"1e\+16 at position 0\. Counts are whole"),
        ({"counts": [1, None, 1]}, r"nan at position 1\. Give 0 to leave"),
        ({"weights": [1, np.inf, np.nan]}, r"2 of 3 weights .* inf at position 1\. Give 0"),
        ({"weights": [1, 1, -1e-9]}, r"-1e-09 at position 2\. None may be below 0"),
        ({"counts": [1, 2]}, r"There are 2 counts for 3 observations\. Give one for each"),
        ({"weights": 1.0}, "weights: The observations must be one-dimensional"),
        ({"weights": ["a", 1, 1]}, "weights: The observations must be numbers.*'a'"),
        ({"counts": [0, 0, 0]}, r"All counts are 0: .* Check that they are counts"),
        ({"weights": [0, 0, 0]}, "All weights are 0"),
        ({"counts": [5, 0, 0]}, "two observations with counts above 0 are needed; there are 1"),
        ({"counts": [1, 1, 1], "weights": [1, 1, 1]}, r"counts and weights\. Give one of them"),
        ({"counts": [2**31, 1, 1]}, r"occurs 2147483648 times.*Give the counts as weights="),
        ({"weights": [1e308, 1e308, 1]}, r"sum of the weights overflows\. Divide them"),
    ],
)
def test_what_are_no_counts_or_weights_is_refused(given, words):
    with pytest.raises(DataError, match=words):
        checked_observations(Y, **given)


def test_too_many_equal_observations_are_refused_though_each_row_has_fewer():
    with pytest.raises(DataError, match="occurs 3000000000 times"):
        checked_observations([1, 1, 2], counts=[1_500_000_000, 1_500_000_000, 1])
    check_total(np.array([2**31 - 1, 2**31 - 1]))


def test_without_either_each_observation_is_one():
    assert checked_times(None, None, there=np.ones(3, dtype=bool)) is None
    assert checked_observations(Y).times is None
