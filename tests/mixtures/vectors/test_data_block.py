"""Vectors in the data block: those that lack coordinates stand behind, pattern by pattern."""

import json
import math

import numpy as np
import pytest

from pystan_mix.errors import DataError
from pystan_mix.mixtures.families.multivariate_normal import MultivariateNormalMixture
from pystan_mix.mixtures.stan_data import stan_data, target_of_stan_data
from pystan_mix.mixtures.target import target_of

NAN = math.nan
Y = [[1, 2, 3], [NAN, 5, NAN], [4, NAN, 6], [1, 2, 3], [2, NAN, 1], [NAN, 5, NAN], [0, 1, 1]]
LINES = ("N_incomplete", "P", "observed", "N_pattern", "y_incomplete", "times_incomplete")


def block(y=Y, *, beside=None, **changed):
    target = target_of(
        MultivariateNormalMixture(n_components=2), y, missing="marginalise", **(beside or {})
    )
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
        "times_incomplete": [1, 1, 2],
    }
    assert (stan["weighted"], stan["weight"], stan["label_incomplete"]) == (0, [], [0, 0, 0])


def test_where_nothing_is_missing_the_lines_are_empty():
    stan = block([[1, 2], [3, 5], [2, 2]])
    assert [stan[name] for name in LINES] == [0, 0, [], [], [[], []], []]


@pytest.mark.parametrize("y", [Y, [row for row in Y if NAN in row] + [[1, 2, NAN]]])
def test_a_block_is_read_back(y):
    stan = block(y)
    target = target_of_stan_data(MultivariateNormalMixture, stan)
    assert stan_data(target) == stan
    assert sorted(map(str, target.observed.y)) == sorted(map(str, np.array(y, dtype=float)))
    assert target.observed.incomplete == sum(stan["times_incomplete"])


def test_patterns_may_stand_in_any_order():
    stan = block(
        observed=[[0, 1, 0], [1, 0, 1], [1, 0, 1]],
        N_pattern=[1, 1, 1],
        y_incomplete=[[0, 2, 4], [5, 0, 0], [0, 1, 6]],
        times_incomplete=[2, 1, 1],
    )
    observed = target_of_stan_data(MultivariateNormalMixture, stan).observed
    # the log densities that CmdStan writes are in the order of the block
    np.testing.assert_array_equal(observed.distinct[2:], [[NAN, 5, NAN], [2, NAN, 1], [4, NAN, 6]])
    again = stan_data(target_of_stan_data(MultivariateNormalMixture, stan))
    assert {name: again[name] for name in LINES} == {name: block()[name] for name in LINES}


def test_a_block_of_an_older_version_has_no_such_lines():
    newer = {"weighted", "weight", "N_labelled", "y_labelled", "label", "times_labelled"}
    stan = {name: x for name, x in block().items() if name not in newer | {"label_incomplete"}}
    # that of incomplete vectors has a line that was called otherwise
    stan["count_incomplete"] = [int(n) for n in stan.pop("times_incomplete")]
    observed = target_of_stan_data(MultivariateNormalMixture, stan).observed
    assert (len(observed.y), observed.incomplete, observed.label) == (7, 4, None)
    oldest = {name: x for name, x in stan.items() if name not in {*LINES, "count_incomplete"}}
    assert len(target_of_stan_data(MultivariateNormalMixture, oldest).observed.y) == 3


COUNTS, LABELS = [2, 3, 1, 4, 1, 5, 1], [-1, 1, -1, 0, 1, -1, -1]


@pytest.mark.parametrize(
    "beside", [{"counts": COUNTS}, {"weights": [0.5 * n for n in COUNTS]}, {}], ids=str
)
def test_what_stands_beside_them_is_read_back(beside):
    stan = block(beside=beside | {"labels": LABELS})
    n = np.array(next(iter(beside.values()), [1] * 7))
    # 1, 2, 3 once without a label and once with one; 5 alone likewise
    assert stan["y"] == [[0, 1], [1, 2], [1, 3]]
    assert stan["weight" if "weights" in beside else "count"] == [n[6], n[0]]
    assert (stan["y_labelled"], stan["label"]) == ([[1], [2], [3]], [1])
    assert stan["times_labelled"] == [n[3]]
    assert stan["label_incomplete"] == [2, 0, 0, 2]
    assert stan["times_incomplete"] == [n[4], n[2], n[5], n[1]]
    found = target_of_stan_data(MultivariateNormalMixture, json.loads(json.dumps(stan)))
    assert stan_data(found) == stan
    assert found.observed.size == n.sum()
    assert found.observed.named.tolist() == [0, 1]


def test_of_too_many_equal_ones_each_value_stands_for_all():
    stan = block(beside={"counts": [10**9] * 7})
    observed = target_of_stan_data(MultivariateNormalMixture, stan).observed
    assert (len(observed.y), observed.size) == (5, 7 * 10**9)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"N_incomplete": 4}, "N_incomplete is 4, and y_incomplete has 3 values"),
        ({"N_pattern": [1, 1]}, "sum N_incomplete = 3; it is .1, 1."),
        ({"observed": [[1, 0], [0, 1]]}, "D = 3 each"),
        ({"y_incomplete": [[1, 2, 3]]}, "y_incomplete must be D = 3 rows"),
        ({"times_incomplete": [1, 1]}, "times_incomplete must be 3 whole numbers above 0"),
        ({"times_incomplete": [1, 1.5, 1]}, "times_incomplete must be 3 whole numbers above 0"),
        ({"weighted": 1, "weight": [1, 0]}, "weight must be 2 numbers above 0"),
        ({"label_incomplete": [1, 2, 3]}, "label_incomplete must be 3 whole numbers from 0 to K"),
        ({"N_labelled": 1, "y_labelled": [[1]] * 2}, "y_labelled must be D = 3 rows"),
        ({"N_labelled": 2, "y_labelled": [[1]] * 3}, "N_labelled is 2, and y_labelled has 1"),
        ({"N_labelled": 1, "y_labelled": [[1]] * 3, "label": [3]}, "label must be 1 whole numbers"),
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
