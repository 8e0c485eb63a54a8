"""Vectors in the data block: those that lack coordinates stand behind, pattern by pattern."""

import math

import numpy as np
import pytest

from pystan_mix.errors import DataError
from pystan_mix.mixtures.families.multivariate_normal import MultivariateNormalMixture
from pystan_mix.mixtures.stan_data import stan_data, target_of_stan_data
from pystan_mix.mixtures.target import target_of

NAN = math.nan
Y = [[1, 2, 3], [NAN, 5, NAN], [4, NAN, 6], [1, 2, 3], [2, NAN, 1], [NAN, 5, NAN], [0, 1, 1]]
LINES = ("N_incomplete", "P", "observed", "N_pattern", "y_incomplete", "count_incomplete")


def block(y=Y, **changed):
    target = target_of(MultivariateNormalMixture(n_components=1), y, missing="marginalise")
    return stan_data(target) | changed


def test_incomplete_rows_stand_behind_with_their_patterns():
    stan = block()
    assert stan["y"] == [[0, 1], [1, 2], [1, 3]]
    assert (stan["N"], stan["count"]) == (2, [1, 2])
    assert {name: stan[name] for name in LINES} == {
        "N_incomplete": 3,
        "P": 2,
        "observed": [[1, 0, 1], [0, 1, 0]],
        "N_pattern": [2, 1],
        "y_incomplete": [[2, 4, 0], [0, 0, 5], [1, 6, 0]],
        "count_incomplete": [1, 1, 2],
    }


def test_where_nothing_is_missing_the_lines_are_empty():
    stan = block([[1, 2], [3, 5], [2, 2]])
    assert [stan[name] for name in LINES] == [0, 0, [], [], [[], []], []]


@pytest.mark.parametrize("y", [Y, [row for row in Y if NAN in row] + [[1, 2, NAN]]])
def test_a_block_is_read_back(y):
    stan = block(y)
    target = target_of_stan_data(MultivariateNormalMixture, stan)
    assert stan_data(target) == stan
    assert sorted(map(str, target.observed.y)) == sorted(map(str, np.array(y, dtype=float)))
    assert target.observed.incomplete == stan["count_incomplete"].count(1) + 2 * stan[
        "count_incomplete"
    ].count(2)


def test_patterns_may_stand_in_any_order():
    stan = block(
        observed=[[0, 1, 0], [1, 0, 1], [1, 0, 1]],
        N_pattern=[1, 1, 1],
        y_incomplete=[[0, 2, 4], [5, 0, 0], [0, 1, 6]],
        count_incomplete=[2, 1, 1],
    )
    observed = target_of_stan_data(MultivariateNormalMixture, stan).observed
    # the log densities that CmdStan writes are in the order of the block
    np.testing.assert_array_equal(observed.distinct[2:], [[NAN, 5, NAN], [2, NAN, 1], [4, NAN, 6]])
    again = stan_data(target_of_stan_data(MultivariateNormalMixture, stan))
    assert {name: again[name] for name in LINES} == {name: block()[name] for name in LINES}


def test_a_block_of_an_older_version_has_no_such_lines():
    stan = {name: values for name, values in block([[1, 2], [3, 5]]).items() if name not in LINES}
    assert target_of_stan_data(MultivariateNormalMixture, stan).observed.incomplete == 0


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"N_incomplete": 4}, "N_incomplete is 4, and y_incomplete has 3 values"),
        ({"N_pattern": [1, 1]}, "sum N_incomplete = 3; it is .1, 1."),
        ({"observed": [[1, 0], [0, 1]]}, "D = 3 each"),
        ({"y_incomplete": [[1, 2, 3]]}, "y_incomplete must be D = 3 rows"),
        ({"count_incomplete": [1, 1]}, "count must be 5 whole numbers"),
        ({"N": 3}, "N is 3, and y has 2 values"),
    ],
)
def test_lines_that_do_not_fit_are_refused(changed, words):
    with pytest.raises(DataError, match=words):
        target_of_stan_data(MultivariateNormalMixture, block(**changed))


def test_a_line_that_is_not_there_is_named():
    stan = block()
    del stan["observed"]
    with pytest.raises(DataError, match="There is no observed"):
        target_of_stan_data(MultivariateNormalMixture, stan)
