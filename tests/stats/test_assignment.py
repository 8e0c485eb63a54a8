"""The best assignment is the one that trying all of them finds."""

import itertools

import numpy as np
import pytest

from pystan_mix.stats.assignment import assigned


@pytest.mark.parametrize("K", [1, 2, 3, 5])
def test_as_good_as_the_best_of_all(K):
    scores = np.random.default_rng(K).normal(size=(20, K, K))
    order, total = assigned(scores)
    for mine, best, table in zip(order, total, scores, strict=True):
        assert sorted(mine) == list(range(K))
        assert table[np.arange(K), mine].sum() == pytest.approx(best)
        every = [table[np.arange(K), p].sum() for p in itertools.permutations(range(K))]
        assert best == pytest.approx(max(every))


def test_what_is_impossible_is_avoided():
    scores = np.array([[[-np.inf, 0.0, 1.0], [5.0, np.nan, 2.0], [0.0, 1.0, -np.inf]]])
    order, total = assigned(scores)
    assert order.tolist() == [[2, 0, 1]]
    assert total[0] == 7.0
