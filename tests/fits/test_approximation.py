"""Tests of pystan_mix.fits.approximation: the groups that only a fit by ADVI has."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from known_posteriors import HeavyMixture

from pystan_mix.arviz_compat import group, to_arviz
from pystan_mix.fits.approximation import (
    History,
    Starts,
    approximation_group,
    densities_group,
    history_group,
    history_of,
    is_approximation,
    is_reweighted,
    log_ratios_of_draws,
    refined_group,
    refined_moments_of,
    starts_group,
    starts_of,
)
from pystan_mix.fits.draws import Draws
from pystan_mix.fits.storage import load, save
from pystan_mix.mixtures.priors import Normal
from pystan_mix.mixtures.scale_priors import HalfNormal
from pystan_mix.mixtures.target import prior_target

pytestmark = pytest.mark.arviz
RECORDED = Path(__file__).resolve().parents[1] / "recorded"
RNG = np.random.default_rng(9)
MODEL = HeavyMixture(n_components=2, means=Normal(0, 1), sigma=HalfNormal(1), df=HalfNormal(10))
DRAWS = Draws(
    {
        "theta": RNG.dirichlet([1, 1], size=(1, 6)),
        "mu": RNG.normal(size=(1, 6, 2)),
        "sigma": RNG.gamma(2, size=(1, 6, 2)),
        "df": RNG.gamma(9, size=(1, 6, 1)),
    },
    log_p=RNG.normal(size=(1, 6)),
    log_g=RNG.normal(size=(1, 6)),
)
FAILED = np.array([False, True, False])


def starts(**change):
    """Three starts, of which the second failed."""

    def numbers(shape=()):
        values = RNG.normal(size=(3, *shape))
        values[1] = np.nan
        return values

    made = Starts(
        loss=numbers(),
        loss_mcse=numbers(),
        pareto_khat=numbers(),
        kept=np.array([False, False, True]),
        failed=FAILED,
        converged=np.array([True, False, False]),
        optima={"theta": numbers((2,)), "mu": numbers((2,)), "df": numbers((1,))},
    )
    return dataclasses.replace(made, **change)


def through_a_file(tmp_path, **groups):
    """What a fit with these groups is when it is read back."""
    return load(save(to_arviz(groups, attrs={}), tmp_path / "fit.nc"))


@pytest.mark.parametrize("change", [{}, {"converged": None}], ids=["as said", "words lost"])
def test_starts_come_back(tmp_path, change):
    made = starts(**change)
    found = starts_of(through_a_file(tmp_path, vi_restarts=starts_group(made)))
    assert found.optima.keys() == made.optima.keys()
    for name, values in made.optima.items():
        np.testing.assert_array_equal(found.optima[name], values)
    for field in dataclasses.fields(Starts):
        if field.name != "optima":
            np.testing.assert_array_equal(getattr(found, field.name), getattr(made, field.name))
    assert found.kept.dtype == found.failed.dtype == np.bool_


def test_where_starts_ended_has_the_dimensions_of_the_posterior():
    stored = starts_group(starts())
    assert stored["mu"].dims == ("restart", "component")
    assert stored["df"].dims == ("restart",)
    again = starts_of(to_arviz({"vi_restarts": stored.transpose("component", "restart")}, attrs={}))
    assert again.optima["mu"].shape == (3, 2)
    assert again.optima["df"].shape == (3, 1)


def test_histories_are_laid_over_all_iterations(tmp_path):
    """Columns are the iteration, the seconds and the ELBO."""
    first = np.array([[100, 0.1, -50.0], [300, 0.3, -40.0]])
    third = np.array([[200, 0.5, -60.0], [300, 0.6, -45.0]])
    found = history_of(through_a_file(tmp_path, vi_trace=history_group([first, None, third])))
    nan = np.nan
    assert found.iteration.tolist() == [100, 200, 300]
    np.testing.assert_array_equal(found.elbo, [[-50, nan, -40], [nan] * 3, [nan, -60, -45]])
    np.testing.assert_array_equal(found.seconds, [[0.1, nan, 0.3], [nan] * 3, [nan, 0.5, 0.6]])
    assert history_group([None, None]) is None


def test_a_history_without_seconds():
    trace = xr.Dataset({"elbo": (("iteration", "restart"), [[1.0, 2.0]])}, {"iteration": [100]})
    found = history_of(to_arviz({"vi_trace": trace}, attrs={}))
    assert found.elbo.tolist() == [[1.0], [2.0]]
    assert np.isnan(found.seconds).all()
    assert isinstance(found, History)


def test_refined_moments_come_back(tmp_path):
    moments = {
        "theta": (np.array([0.2, 0.8]), np.array([0.1, 0.1])),
        "mu": (np.array([-3.0, 2.0]), np.array([0.5, 0.25])),
        "df": (np.array([7.0]), np.array([2.0])),
    }
    found = refined_moments_of(through_a_file(tmp_path, vi_refined=refined_group(moments)))
    assert found.keys() == moments.keys()
    for name, expected in moments.items():
        for one, other in zip(found[name], expected, strict=True):
            np.testing.assert_array_equal(one, other)
    assert set(refined_group(moments).data_vars) >= {"mu_mean", "mu_sd", "df_mean", "df_sd"}


def test_densities_stand_with_the_draws():
    target = prior_target(MODEL)
    stored = approximation_group(target, DRAWS)
    assert set(stored.data_vars) == {"theta", "mu", "sigma", "df", "log_p", "log_g"}
    np.testing.assert_array_equal(stored["df"], DRAWS.variables["df"][..., 0])
    fit = to_arviz({"sample_stats": densities_group(DRAWS)}, attrs={})
    np.testing.assert_array_equal(log_ratios_of_draws(fit), (DRAWS.log_p - DRAWS.log_g)[0])
    turned = to_arviz({"sample_stats": densities_group(DRAWS).transpose("draw", "chain")}, attrs={})
    np.testing.assert_array_equal(log_ratios_of_draws(turned), (DRAWS.log_p - DRAWS.log_g)[0])


def test_densities_that_are_not_known_have_no_ratios():
    plain = densities_group(dataclasses.replace(DRAWS, log_g=None))
    assert list(plain.data_vars) == ["log_p"]
    assert log_ratios_of_draws(to_arviz({"sample_stats": plain}, attrs={})) is None
    assert log_ratios_of_draws(to_arviz({}, attrs={})) is None


def test_a_fit_by_nuts_has_none_of_it():
    fit = load(RECORDED / "fit-0.1.0.nc")
    assert not is_approximation(fit)
    assert not is_reweighted(fit)
    assert starts_of(fit) is history_of(fit) is refined_moments_of(fit) is None


@pytest.mark.parametrize(
    ("groups", "attrs", "approximation", "reweighted"),
    [
        ({}, {"method": "advi"}, True, False),
        ({}, {"method": "nuts"}, False, False),
        ({"vi_trace": history_group([np.array([[100, 0.1, -5.0]])])}, {}, True, False),
        (
            {"approximation": densities_group(DRAWS)},
            {"method": "advi"},
            True,
            True,
        ),
    ],
)
def test_a_fit_by_advi_is_known(groups, attrs, approximation, reweighted):
    fit = to_arviz(groups, attrs=attrs)
    assert is_approximation(fit) is approximation
    assert is_reweighted(fit) is reweighted


def test_version_0_1_0_wrote_the_same():
    fit = load(RECORDED / "fit-0.1.0-advi.nc")
    assert is_approximation(fit)
    found = starts_of(fit)
    assert found.loss.shape == found.converged.shape == (2,)
    assert found.kept.tolist() == (found.loss == found.loss.min()).tolist()
    assert {name: values.shape for name, values in found.optima.items()} == {
        "theta": (2, 2),
        "mu": (2, 2),
    }
    history = history_of(fit)
    assert history.elbo.shape == history.seconds.shape == (2, history.iteration.size)
    assert -np.nanmax(history.elbo[found.kept]) == pytest.approx(found.loss.min(), abs=1.0)
    mean, sd = refined_moments_of(fit)["mu"]
    draws = group(fit, "posterior")["mu"].to_numpy()[0]
    assert (np.abs(draws.mean(axis=0) - mean) < 5 * sd / np.sqrt(len(draws))).all()
    assert log_ratios_of_draws(fit).shape == (100,)
