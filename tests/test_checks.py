"""Tests of pystan_mix.checks."""

import math
import os

import numpy as np
import pytest

from pystan_mix.checks import check_open_interval, check_seed, check_whole, parallel_processes
from pystan_mix.errors import SettingsError

NO_NUMBER = ["1", None, [1], 1j, np.complex128(0.5)]


@pytest.mark.parametrize("value", [2, 5, np.int32(7), 10**30])
def test_whole_numbers_are_kept(value):
    kept = check_whole("chains", value, least=2)
    assert kept == value
    assert type(kept) is int


@pytest.mark.parametrize("value", [1, -3, 2.0, 2.5, True, np.True_, math.nan, *NO_NUMBER], ids=repr)
def test_what_is_not_whole_or_too_small_is_refused(value):
    with pytest.raises(SettingsError, match=r"^chains must be a whole number, 2 or more") as caught:
        check_whole("chains", value, least=2)
    assert str(caught.value).endswith(f"it is {value!r}.")


@pytest.mark.parametrize("value", [0.8, np.float32(0.5), np.float64(1e-9), 0.999])
def test_numbers_inside_the_interval_are_kept(value):
    kept = check_open_interval("adapt_delta", value, low=0.0, high=1.0)
    assert kept == value
    assert type(kept) is float


@pytest.mark.parametrize(
    "value", [0, 1, 0.0, 1.0, -0.1, 95, math.nan, math.inf, True, *NO_NUMBER], ids=repr
)
def test_numbers_outside_the_interval_are_refused(value):
    with pytest.raises(SettingsError, match=r"^adapt_delta must be above 0 and below 1") as caught:
        check_open_interval("adapt_delta", value, low=0.0, high=1.0)
    assert str(caught.value).endswith(f"it is {value!r}.")


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1, np.int64(5)])
def test_seeds_that_cmdstan_takes_are_kept(seed):
    assert check_seed(seed) == seed
    assert type(check_seed(seed)) is int


@pytest.mark.parametrize("seed", [2**31, 10**12])
def test_seeds_beyond_32_bits_are_refused(seed):
    with pytest.raises(SettingsError, match=f"seed must be at most 2147483647; it is {seed}"):
        check_seed(seed)


@pytest.mark.parametrize("seed", [-1, 1.0, "1", True])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(SettingsError, match="seed must be a whole number, 0 or more"):
        check_seed(seed)


def test_without_a_seed_there_is_a_random_one():
    """Two of 20 are equal with probability 1e-7."""
    seeds = {check_seed(None) for _ in range(20)}
    assert len(seeds) == 20
    assert all(0 <= seed < 2**31 for seed in seeds)


@pytest.mark.parametrize(
    ("wanted", "cores", "expected"),
    [(None, 2, 2), (None, 16, 4), (None, None, 1), (1, 2, 1), (3, 2, 3), (9, 2, 4)],
)
def test_processes_at_once(monkeypatch, wanted, cores, expected):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert parallel_processes(wanted, processes=4) == expected


@pytest.mark.parametrize("wanted", [0, -1, 1.5, "2"])
def test_no_processes_at_once_are_refused(wanted):
    with pytest.raises(SettingsError, match="parallel_chains must be a whole number, 1 or more"):
        parallel_processes(wanted, processes=4)
