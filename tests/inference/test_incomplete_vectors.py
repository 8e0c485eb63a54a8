"""Fits of vectors of which coordinates are missing: by NUTS and ADVI, saved, read, compared."""

import json
import math

import numpy as np
import pytest
from by_hand import sampled_by_hand
from scipy import stats
from vector_fits import (
    CENTRES,
    CORRELATIONS,
    fit_of_incomplete_vectors,
    incomplete_table,
)

import pystan_mix as pmix
from pystan_mix import figures as plots
from pystan_mix.arviz_compat import attributes, group
from pystan_mix.errors import OutputError, SettingsError
from pystan_mix.fits.model import target_of_fit
from pystan_mix.fits.summary import summarize

SETTINGS = {"missing": "marginalise", "seed": 1, "show_progress": False}
WHOLE = incomplete_table().dropna(how="all")


@pytest.fixture(scope="module")
def fit(cmdstan):
    return fit_of_incomplete_vectors()


def test_the_fit_says_how_many_lack_something(fit):
    top = attributes(fit)
    assert top["missing_dropped"] == 1
    assert top["missing_marginalised"] == WHOLE.isna().any(axis=1).sum() > 20
    y = group(fit, "observed_data")["y"]
    np.testing.assert_array_equal(y, WHOLE)
    assert y.dims == ("obs", "dim")
    assert pmix.diagnose(fit).ok, pmix.diagnose(fit)


def test_the_posterior_is_about_the_truth(fit):
    posterior = group(fit, "posterior")
    mean, sd = (getattr(posterior, each)(("chain", "draw")) for each in ("mean", "std"))
    assert (np.abs(mean["mu"] - CENTRES) < 4 * sd["mu"]).all()
    off = np.abs(mean["corr"] - CORRELATIONS) - 4 * sd["corr"]
    assert (off < 1e-9).all()


def test_replications_lack_nothing_and_densities_are_of_what_is_there(fit):
    assert np.isfinite(group(fit, "posterior_predictive")["y"]).all()
    found = group(fit, "log_likelihood")["y"]
    assert found.sizes["obs"] == len(WHOLE)
    ours = pmix.log_density(fit, WHOLE)[:, found["draw"].values]
    np.testing.assert_allclose(found, ours, rtol=1e-10)
    # of a row of which one coordinate is there, that of numbers
    row = int(np.flatnonzero(WHOLE["width"].isna() & WHOLE["length"].notna())[0])
    posterior = group(fit, "posterior").isel(draw=found["draw"].values)
    law = stats.norm(
        posterior["mu"].sel(dim="length").values, posterior["sigma"].sel(dim="length").values
    )
    density = (posterior["theta"].values * law.pdf(WHOLE["length"].iloc[row])).sum(axis=-1)
    np.testing.assert_allclose(found[..., row], np.log(density), rtol=1e-9)


def test_shares_and_partitions_are_of_what_is_there(fit):
    shares = pmix.responsibilities(fit, [[0.0, np.nan], [np.nan, 4.0], [np.nan, np.nan]])
    assert shares[..., 0, 0].mean() > 0.9
    assert shares[..., 1, 1].mean() > 0.9
    np.testing.assert_allclose(shares[..., 2, :], group(fit, "posterior")["theta"])
    labels = pmix.partition(fit).values
    truth = np.delete(np.arange(150) >= 60, 7)
    assert np.mean((labels == labels[0]) == (truth == truth[0])) > 0.9


def test_a_fit_that_is_saved_is_whole(fit, tmp_path):
    again = pmix.load(pmix.save(fit, tmp_path / "fit.nc"))
    assert attributes(again)["missing_marginalised"] == attributes(fit)["missing_marginalised"]
    one, other = target_of_fit(again), target_of_fit(fit)
    assert one.model == other.model
    np.testing.assert_array_equal(one.observed.distinct, other.observed.distinct)
    np.testing.assert_array_equal(one.observed.y, WHOLE)


def test_another_fit_of_the_same_data_agrees_and_one_of_complete_rows_does_not(fit):
    model = pmix.model_of(fit)
    other = pmix.sample(model, incomplete_table(), **SETTINGS | {"seed": 2})
    found = pmix.compare({"one": fit, "other": other})
    assert found.agree, found
    dropped = pmix.sample(model, incomplete_table(), **SETTINGS | {"missing": "drop"})
    assert attributes(dropped)["missing_marginalised"] == 0
    found = pmix.compare({"one": fit, "dropped": dropped})
    assert "of which lack coordinates" in str(found.reasons)


def test_advi_agrees_with_nuts(fit):
    approximated = pmix.advi(pmix.model_of(fit), incomplete_table(), reweight=True, **SETTINGS)
    found = pmix.compare({"NUTS": fit, "ADVI": approximated})
    assert found.verdict == "agree", str(found)


def independent(n: int = 60):
    """Two coordinates of one component without correlation, each missing in one row of five."""
    rng = np.random.default_rng(4)
    y = rng.normal(size=(n, 2)) * [1.0, 3.0] + [0.5, -2.0]
    lacks = rng.random(n) < 0.4
    y[np.flatnonzero(lacks), rng.integers(0, 2, lacks.sum())] = np.nan
    return y


def exact(y: np.ndarray):
    """The log evidence of numbers and the posterior means of mu and sigma, on a grid."""
    mu, sigma = np.meshgrid(
        np.linspace(-12, 12, 2401), np.linspace(0.3, 8.0, 771), indexing="ij", sparse=True
    )
    log_joint = stats.norm(0, 3).logpdf(mu) + stats.halfnorm(0, 2).logpdf(sigma)
    squares = ((y - y.mean()) ** 2).sum() + y.size * (y.mean() - mu) ** 2
    log_joint = (
        log_joint - y.size * np.log(sigma * math.sqrt(2 * math.pi)) - squares / (2 * sigma**2)
    )
    weight = np.exp(log_joint - log_joint.max())
    evidence = log_joint.max() + math.log(weight.sum() * 0.01 * 0.01)
    return evidence, (weight * mu).sum() / weight.sum(), (weight * sigma).sum() / weight.sum()


def test_where_coordinates_are_independent_each_has_its_own_posterior(cmdstan):
    y = independent()
    model = pmix.MultivariateNormalMixture(
        n_components=1,
        means=pmix.Normal(0, 3),
        scales=pmix.HalfNormal(2),
        correlation="diagonal",
        min_sigma=0,
    )
    fit = pmix.sample(model, y, **SETTINGS)
    table, expected = summarize(fit), 0.0
    for d in range(2):
        evidence, mu, sigma = exact(y[~np.isnan(y[:, d]), d])
        expected += evidence
        for name, value in ((f"mu[1,{d + 1}]", mu), (f"sigma[1,{d + 1}]", sigma)):
            assert abs(table["mean"][name] - value) < 5 * table["mcse_mean"][name]
    found = pmix.log_evidence(fit)
    assert found.mcse < 0.05
    assert abs(found.log_evidence - expected) < 5 * found.mcse + 1e-3


def test_the_number_of_components_is_chosen(cmdstan):
    y = np.random.default_rng(5).normal(size=(60, 2)) + 7 * (np.arange(60) < 30)[:, None]
    y[::5, 0] = np.nan
    choice = pmix.choose_components(
        pmix.MultivariateNormalMixture(n_components=1), y, (1, 2), **SETTINGS
    )
    assert choice.table["probability"].idxmax() == 2
    assert np.isfinite(choice.table["elpd_loo"]).all()
    assert choice.table["occupied"][2] == pytest.approx(2.0, abs=1e-3)
    plots.plot_choice(choice).draw_without_rendering()


def test_files_of_cmdstan_are_read_back(fit, tmp_path):
    kept = {"chains": 1, "iter_warmup": 300, "iter_sampling": 50}
    pmix.sample(
        pmix.model_of(fit), incomplete_table(), output_dir=tmp_path / "kept", **SETTINGS | kept
    )
    data = json.loads((tmp_path / "kept" / "data.json").read_text())
    data |= {"N_rep": 2, "save_log_lik": 1}
    sampled_by_hand("multivariate_normal", data, tmp_path, num_samples=50, num_warmup=300)
    found = pmix.from_cmdstan_csv(tmp_path / "chain-1.csv", data=tmp_path / "data.json")
    assert pmix.model_of(found) == pmix.model_of(fit)
    assert attributes(found)["missing_marginalised"] == attributes(fit)["missing_marginalised"]
    y = group(found, "observed_data")["y"].values
    assert sorted(map(str, y)) == sorted(map(str, WHOLE.to_numpy()))
    log_lik = group(found, "log_likelihood")["y"].values
    np.testing.assert_allclose(log_lik[0], pmix.log_density(found, y)[0], rtol=1e-9)
    assert np.isfinite(group(found, "posterior_predictive")["y"]).all()
    # of another value that is observed in a row that lacks the other
    data["y_incomplete"] = [[value + 1 for value in each] for each in data["y_incomplete"]]
    (tmp_path / "data.json").write_text(json.dumps(data))
    with pytest.raises(OutputError, match="does not belong to"):
        pmix.from_cmdstan_csv(tmp_path / "chain-1.csv", data=tmp_path / "data.json")


def test_numbers_are_missing_as_a_whole():
    with pytest.raises(SettingsError, match=r'give missing="raise" or missing="drop"'):
        pmix.sample(pmix.NormalMixture(n_components=1), [1.0, None, 2.0], missing="marginalise")
