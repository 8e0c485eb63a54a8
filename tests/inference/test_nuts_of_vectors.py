"""Fits of vectors as a user meets them: groups, dims, names, and what is said of them."""

import dataclasses

import numpy as np
import pytest
from vector_fits import CENTRES, CORRELATIONS, fit_of_vectors, table

import pystan_mix as pmix
from pystan_mix.arviz_compat import attributes, group, group_names, to_arviz
from pystan_mix.fits.summary import summarize

SETTINGS = {"seed": 1, "show_progress": False}


@pytest.fixture(scope="module")
def fit(cmdstan):
    return fit_of_vectors()


def test_groups_have_the_dims_of_components_and_coordinates(fit):
    posterior = group(fit, "posterior")
    assert posterior["theta"].dims == ("chain", "draw", "component")
    assert posterior["mu"].dims == ("chain", "draw", "component", "dim")
    assert posterior["sigma"].dims == ("chain", "draw", "component", "dim")
    assert posterior["corr"].dims == ("chain", "draw", "component", "dim", "dim_bis")
    assert posterior["dim"].values.tolist() == ["length", "width"]
    assert group(fit, "posterior_predictive")["y"].dims == ("chain", "draw", "obs", "dim")
    assert group(fit, "log_likelihood")["y"].dims == ("chain", "draw", "obs")
    np.testing.assert_array_equal(group(fit, "observed_data")["y"], table())
    assert group(fit, "constant_data")["mu_loc"].dims == ("dim",)


def test_the_posterior_is_about_the_truth(fit):
    means = group(fit, "posterior").mean(("chain", "draw"))
    np.testing.assert_allclose(means["mu"], CENTRES, atol=0.5)
    np.testing.assert_allclose(means["corr"], CORRELATIONS, atol=0.25)
    np.testing.assert_allclose(means["sigma"], 1.0, atol=0.3)
    np.testing.assert_allclose(means["theta"], [0.4, 0.6], atol=0.1)
    predicted = group(fit, "posterior_predictive")["y"].mean(("chain", "draw", "obs"))
    np.testing.assert_allclose(predicted, table().mean(), atol=0.3)


def test_the_whole_posterior_is_weighed_and_nothing_is_wrong(fit):
    assert attributes(fit)["trusted"]
    verdict = pmix.diagnose(fit)
    assert verdict.ok, verdict
    # what is below the ones of a correlation matrix says it all
    names = list(summarize(fit).index)
    assert [name for name in names if name.startswith("corr")] == ["corr[1,2,1]", "corr[2,2,1]"]


def test_a_fit_that_is_saved_is_whole(fit, tmp_path):
    again = pmix.load(pmix.save(fit, tmp_path / "fit.nc"))
    assert pmix.model_of(again) == pmix.model_of(fit)
    points = table().head(3)
    np.testing.assert_array_equal(pmix.log_density(again, points), pmix.log_density(fit, points))
    shares = pmix.responsibilities(again, points).mean(axis=(0, 1))
    assert (shares[:, 0] > 0.5).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)


FORMS = {
    "spherical": {"correlation": "spherical"},
    "diagonal": {"correlation": "diagonal"},
    "shared": {"shared": True},
    "shared spherical": {"correlation": "spherical", "shared": True},
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_covariance_is_fitted_and_read_back(cmdstan, form, tmp_path):
    model = pmix.MultivariateNormalMixture(n_components=2, **FORMS[form])
    fit = pmix.sample(model, table(), iter_sampling=300, **SETTINGS)
    dims = group(fit, "posterior")["sigma"].dims
    assert ("component" in dims) == ("shared" not in form)
    assert ("dim" in dims) == ("spherical" not in form)
    again = pmix.load(pmix.save(fit, tmp_path / "fit.nc"))
    assert pmix.log_density(again, table().head(2)).shape == (4, 300, 2)
    found = group(fit, "log_likelihood")["y"]
    ours = pmix.log_density(again, table())[:, found["draw"].values]
    np.testing.assert_allclose(found, ours, rtol=1e-10)


def test_components_are_named_by_a_coordinate(cmdstan):
    model = pmix.MultivariateNormalMixture(n_components=2, order_by=1)
    fit = pmix.sample(model, -table(), iter_sampling=200, **SETTINGS)
    mu = group(fit, "posterior")["mu"]
    assert (mu.diff("component").sel(dim="width") > 0).all()


def test_the_prior_is_drawn_from_without_observations(cmdstan):
    model = pmix.MultivariateNormalMixture(
        n_components=2, means=pmix.Normal([0, 10], [1, 2]), scales=pmix.HalfNormal(1)
    )
    prior = group(
        pmix.sample_prior(model, draws=4000, n_obs=5, seed=1, show_progress=False), "prior"
    )
    mu = prior["mu"].values
    np.testing.assert_allclose(mu.mean(axis=(0, 1, 2)), [0, 10], atol=0.25)
    np.testing.assert_allclose(mu.std(axis=(0, 1, 2)), [1, 2], rtol=0.1)
    r = prior["corr"].values[..., 0, 1]
    # of two coordinates LKJ(2) is a Beta(2, 2) on (-1, 1), of variance 1 / 5
    np.testing.assert_allclose((r**2).mean(), 0.2, rtol=0.1)


def test_rows_with_a_missing_coordinate_are_dropped(cmdstan):
    y = table()
    y.loc[3, "width"] = np.nan
    model = pmix.MultivariateNormalMixture(n_components=1)
    fit = pmix.sample(model, y, missing="drop", iter_sampling=100, **SETTINGS)
    assert attributes(fit)["missing_dropped"] == 1
    assert group(fit, "observed_data").sizes["obs"] == len(y) - 1


def test_a_component_in_a_plane_is_no_good_fit(fit):
    groups = {name: group(fit, name) for name in group_names(fit)}
    corr = groups["posterior"]["corr"].copy(deep=True)
    corr[0, 0, 0] = [[1.0, 1.0], [1.0, 1.0]]
    groups["posterior"] = groups["posterior"].assign(corr=corr)
    verdict = pmix.diagnose(to_arviz(groups, attrs=attributes(fit)))
    assert any("shrunk into a plane" in problem for problem in verdict.problems)


def test_chains_that_differ_in_what_has_no_labels_disagree(fit):
    groups = {name: group(fit, name) for name in group_names(fit)}
    stats = groups["sample_stats"].copy(deep=True)
    stats["lp"][0] += 10.0
    groups["sample_stats"] = stats
    attrs = attributes(fit) | {"trusted": 0}
    verdict = pmix.diagnose(to_arviz(groups, attrs=attrs))
    assert any("The chains disagree on lp" in problem for problem in verdict.problems)
    assert any("could not be weighed" in note for note in verdict.notes)
    assert not any("they agree" in note for note in verdict.notes)


def test_of_chains_that_agree_and_are_not_weighed_that_is_said(fit):
    groups = {name: group(fit, name) for name in group_names(fit)}
    verdict = pmix.diagnose(to_arviz(groups, attrs=attributes(fit) | {"trusted": 0}))
    assert any("speaks for them is that they agree" in note for note in verdict.notes)


def test_a_model_of_a_fit_is_fitted_again(fit, cmdstan):
    model = dataclasses.replace(pmix.model_of(fit), n_components=1)
    again = pmix.sample(model, table(), iter_sampling=100, **SETTINGS)
    assert group(again, "posterior")["mu"].shape == (4, 100, 1, 2)
