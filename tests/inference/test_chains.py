"""The chains' settings as CmdStan is told them."""

import pytest

from pystan_mix.errors import SettingsError
from pystan_mix.inference.chains import checked_nuts

GOOD = {
    "chains": 4,
    "parallel_chains": 2,
    "iter_warmup": 100,
    "iter_sampling": 200,
    "adapt_delta": 0.9,
    "max_treedepth": 8,
    "metric": "diag_e",
    "seed": 3,
    "show_progress": False,
}


def test_settings_become_arguments():
    nuts = checked_nuts(**GOOD)
    assert nuts.method() == (
        "sample",
        "num_samples=200",
        "num_warmup=100",
        "adapt",
        "engaged=1",
        "delta=0.9",
        "algorithm=hmc",
        "engine=nuts",
        "max_depth=8",
        "metric=diag_e",
    )
    assert (nuts.parallel, nuts.seed) == (2, 3)


def test_without_warm_up_nothing_adapts():
    assert "engaged=0" in checked_nuts(**GOOD | {"iter_warmup": 0}).method()


def test_a_seed_that_is_left_out_is_drawn():
    seeds = {checked_nuts(**GOOD | {"seed": None}).seed for _ in range(5)}
    assert len(seeds) == 5
    assert all(0 <= seed < 2**31 for seed in seeds)


@pytest.mark.parametrize(
    ("name", "value"), [("metric", "unit"), ("chains", 0), ("adapt_delta", 1.5), ("seed", -1)]
)
def test_a_setting_out_of_range_is_named(name, value):
    with pytest.raises(SettingsError, match=name):
        checked_nuts(**GOOD | {name: value})
