"""Tests of pystan_mix.fits.summary: the posterior in numbers."""

import math

import numpy as np
import pytest
import xarray as xr
from known_posteriors import autoregressive
from scipy import stats

from pystan_mix.arviz_compat import to_arviz
from pystan_mix.errors import DataError
from pystan_mix.fits.summary import summarize

pytestmark = pytest.mark.arviz
COLUMNS = ["mean", "sd", "q05", "q50", "q95", "mcse_mean", "ess_bulk", "ess_tail", "r_hat"]
DIMS = ("chain", "draw", "component")


def fit_of(**variables):
    """A fit with these variables, whose last axis is the component if there is one."""
    posterior = {name: (DIMS[: x.ndim], x) for name, x in variables.items()}
    return to_arviz({"posterior": xr.Dataset(posterior)}, attrs={})


def test_there_is_a_row_for_each_element():
    rng = np.random.default_rng(1)
    table = summarize(fit_of(mu=rng.normal(size=(2, 50, 3)), df=rng.normal(size=(2, 50))))
    assert list(table.index) == ["mu[1]", "mu[2]", "mu[3]", "df"]
    assert list(table.columns) == COLUMNS
    assert table.notna().all(axis=None)


def test_independent_draws_of_a_normal():
    """4 x 2500 draws: all within 4 errors of what their law says."""
    draws = 3.0 + 2.0 * np.random.default_rng(2).normal(size=(4, 2500))
    row = summarize(fit_of(mu=draws)).loc["mu"]
    size = draws.size
    assert row["mean"] == pytest.approx(draws.mean(), rel=1e-12)
    assert row["sd"] == pytest.approx(draws.std(ddof=1), rel=1e-12)
    for column, p in (("q05", 0.05), ("q50", 0.5), ("q95", 0.95)):
        z = stats.norm.ppf(p)
        error = 2.0 * math.sqrt(p * (1 - p) / size) / stats.norm.pdf(z)
        assert abs(row[column] - (3.0 + 2.0 * z)) < 4 * error
    # of independent draws the effective size is their number, to some per cent
    assert row["mcse_mean"] == pytest.approx(2.0 / math.sqrt(size), rel=0.1)
    assert row["ess_bulk"] == pytest.approx(size, rel=0.2)
    assert row["ess_tail"] == pytest.approx(size, rel=0.2)
    assert 0.999 < row["r_hat"] < 1.003


@pytest.mark.parametrize("correlation", [0.5, 0.9])
def test_draws_that_hang_together_are_worth_fewer(correlation):
    shape = (4, 5000)
    draws = autoregressive(np.random.default_rng(3), (*shape, 1), correlation=correlation)
    row = summarize(fit_of(mu=draws)).loc["mu[1]"]
    expected = 20_000 * (1 - correlation) / (1 + correlation)
    # the estimate's own error is some per cent of it
    assert row["ess_bulk"] == pytest.approx(expected, rel=0.25)
    assert row["mcse_mean"] == pytest.approx(1.0 / math.sqrt(expected), rel=0.15)


def test_chains_at_different_places_are_seen():
    draws = np.random.default_rng(4).normal(size=(4, 500)) + np.arange(4)[:, None]
    row = summarize(fit_of(mu=draws)).loc["mu"]
    assert row["r_hat"] > 1.3
    assert row["ess_bulk"] < 40


def test_one_chain_has_no_r_hat():
    table = summarize(fit_of(mu=np.random.default_rng(5).normal(size=(1, 400, 2))))
    assert table["r_hat"].isna().all()
    assert table.drop(columns="r_hat").notna().all(axis=None)


def test_what_stands_still_has_its_place_and_no_r_hat():
    table = summarize(fit_of(theta=np.ones((4, 100, 1))))
    row = table.loc["theta[1]"]
    assert row[["mean", "q05", "q50", "q95"]].tolist() == [1.0] * 4
    assert row["sd"] == 0.0
    assert math.isnan(row["r_hat"])


def test_without_a_posterior_there_is_no_summary():
    with pytest.raises(DataError, match="no group 'posterior'"):
        summarize(to_arviz({"prior": xr.Dataset({"mu": (DIMS[:2], np.ones((1, 4)))})}, attrs={}))
