"""Tests of pystan_mix.mixtures.observations: what is counted, and its moments."""

import numpy as np
import pytest

from pystan_mix.mixtures.observations import indexed, least_scale


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
