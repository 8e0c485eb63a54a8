"""Tests of pystan_mix.study.against_pymc: a fit beside PyMC's results from a file."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from pystan_mix.arviz_compat import to_arviz
from pystan_mix.errors import DataError
from pystan_mix.fits.groups import elements
from pystan_mix.stats.convergence import summary_of
from pystan_mix.study.against_pymc import against_pymc
from pystan_mix.study.pymc_results import PymcReference, read_pymc_reference

NAMES = ("theta[1]", "theta[2]", "mu[1]", "mu[2]")


def fit_of(seed, *, sd=1.0, shift=0.0):
    """Independent draws of two weights and two means."""
    rng = np.random.default_rng(seed)
    theta = rng.dirichlet([5, 5], size=(4, 1000))
    mu = np.array([-3, 3]) + shift + sd * rng.normal(size=(4, 1000, 2))
    dims = ("chain", "draw", "component")
    posterior = xr.Dataset({"theta": (dims, theta), "mu": (dims, mu)})
    return to_arviz({"posterior": posterior}, attrs={})


def reference_of(fit):
    rows = {}
    for name, draws in elements(fit):
        found = summary_of(draws)
        rows[name] = found.values | {
            "mcse_mean": found.mcse_mean,
            "mcse_sd": found.mcse_sd,
            "ess_bulk": found.ess_bulk,
            "r_hat": found.r_hat,
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    about = {"versions": {"pymc": "5.28.5"}}
    return PymcReference(table=table, seconds=40.0, loss=210.0, loss_mcse=0.1, about=about)


def test_draws_of_one_law_agree_and_their_differences_are_errors():
    """Of 800 standardised differences the standard deviation is 1 +- 1 / sqrt(1600)."""
    found = [against_pymc(fit_of(2 * i), reference_of(fit_of(2 * i + 1))) for i in range(100)]
    # each with 1 % of false alarms: more than 6 of 100 has a chance of 1 in 10 000
    assert sum(not each["agree"] for each in found) <= 6
    rows = [row for each in found for row in each["parameters"].values()]
    z = [row[f"z_{what}"] for row in rows for what in ("mean", "sd")]
    # the two weights are one number, so that a quarter of these are twins
    assert abs(np.std(z) - 1.0) < 4 / np.sqrt(2 * 600)


@pytest.mark.parametrize("change", [{"shift": 0.3}, {"sd": 1.3}])
def test_another_law_differs_where_it_does(change):
    found = against_pymc(fit_of(1, **change), reference_of(fit_of(2)))
    assert not found["agree"]
    assert found["differing"] == ["mu[1]", "mu[2]"]


def test_what_is_significant_but_too_small_to_matter_agrees():
    reference = reference_of(fit_of(3))
    exact = dataclasses.replace(
        reference, table=reference.table.assign(mcse_mean=1e-9, mcse_sd=1e-9)
    )
    found = against_pymc(fit_of(3, shift=0.04), exact)
    fit = dict(elements(fit_of(3, shift=0.04)))
    z = 0.04 / summary_of(fit["mu[1]"]).mcse_mean
    assert found["parameters"]["mu[1]"]["z_mean"] == pytest.approx(z, rel=1e-6)
    assert found["agree"]


def test_what_the_file_says_is_handed_on():
    found = against_pymc(fit_of(1), reference_of(fit_of(2)))
    assert (found["seconds"], found["loss"], found["version"]) == (40.0, 210.0, "5.28.5")
    assert tuple(found["parameters"]) == NAMES


def test_results_of_another_model_are_refused():
    with pytest.raises(DataError, match=r"PyMC's results are on .*mu\[3\].*and the fit has"):
        against_pymc(fit_of(1), read_pymc_reference()["close"])
