"""Tests of pystan_mix.fits.draws: one record of draws."""

import numpy as np
import pytest

from pystan_mix.fits.draws import Draws, evenly_spaced

THETA = np.random.default_rng(1).dirichlet([1, 1, 1], size=(2, 7))
DF = np.arange(14.0).reshape(2, 7, 1)


def test_chains_and_draws_are_counted():
    draws = Draws({"theta": THETA, "df": DF})
    assert (draws.chains, draws.length) == (2, 7)


def test_some_are_picked_in_the_order_that_is_asked_for():
    log_p, log_g = DF[..., 0] + 100, DF[..., 0] - 100
    picked = Draws({"theta": THETA, "df": DF}, log_p=log_p, log_g=log_g).picked(np.array([5, 0, 5]))
    assert (picked.chains, picked.length) == (2, 3)
    np.testing.assert_array_equal(picked.variables["theta"], THETA[:, [5, 0, 5]])
    assert picked.variables["df"][..., 0].tolist() == [[5, 0, 5], [12, 7, 12]]
    assert picked.log_p.tolist() == [[105, 100, 105], [112, 107, 112]]
    assert picked.log_g.tolist() == [[-95, -100, -95], [-88, -93, -88]]
    plain = Draws({"theta": THETA}).picked(np.array([1]))
    assert plain.log_p is plain.log_g is None


@pytest.mark.parametrize(
    ("length", "wanted", "expected"),
    [
        (10, 4, [0, 3, 6, 9]),
        (6, 4, [0, 2, 3, 5]),
        (10, 1, [0]),
        (3, 100, [0, 1, 2]),
        (5, 5, [0, 1, 2, 3, 4]),
    ],
)
def test_kept_draws_are_equally_far_apart(length, wanted, expected):
    assert evenly_spaced(length, wanted).tolist() == expected


@pytest.mark.parametrize(("length", "wanted"), [(1000, 7), (1000, 999), (4001, 250)])
def test_as_many_are_kept_as_are_wanted_from_the_first_to_the_last(length, wanted):
    kept = evenly_spaced(length, wanted)
    assert kept.size == wanted
    assert (kept[0], kept[-1]) == (0, length - 1)
    assert np.ptp(np.diff(kept)) <= 1


def test_nothing_is_kept_of_nothing():
    assert evenly_spaced(10, 0).size == 0
