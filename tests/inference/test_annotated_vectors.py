"""Fits of vectors with counts, weights or labels: by NUTS and ADVI, saved, read, compared."""

import functools
import json

import numpy as np
import pytest
from by_hand import sampled_by_hand
from vector_fits import CENTRES, incomplete_table, table

import pystan_mix as pmix
from pystan_mix import figures as plots
from pystan_mix.arviz_compat import group
from pystan_mix.errors import OutputError
from pystan_mix.fits.model import target_of_fit
from pystan_mix.fits.summary import summarize
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.target import target_of

SETTINGS = {"seed": 1, "show_progress": False}
COARSE = table().round(0)
OWN = (np.arange(150) >= 60).astype(int)


def labels_of(*named: int) -> np.ndarray:
    """Labels of every sixth observation, by which the second component is the first."""
    return np.where((np.arange(150) % 6 == 0) & np.isin(1 - OWN, named), 1 - OWN, -1)


@functools.cache
def annotated():
    """A fit of vectors that lack coordinates, with counts and labels."""
    y, counts = incomplete_table(), 1 + np.arange(150) % 2
    model = pmix.MultivariateNormalMixture(n_components=2)
    beside = {"counts": counts, "labels": labels_of(0, 1), "missing": "marginalise"}
    return pmix.sample(model, y, **beside, **SETTINGS), beside


def means_differ(one, other) -> float:
    """The largest difference of means of two fits, in Monte Carlo errors."""
    here, there = summarize(one), summarize(other)
    error = np.hypot(here["mcse_mean"], there["mcse_mean"])
    return float((np.abs(here["mean"] - there["mean"]) / error)[error > 0].max())


def test_counts_are_rows_written_out(cmdstan):
    rows = COARSE.value_counts().reset_index()
    y, counts = rows[["length", "width"]], rows["count"]
    assert counts.max() > 3
    model = target_of(pmix.MultivariateNormalMixture(n_components=2), COARSE).model
    assert stan_data(target_of(model, y, counts=counts)) == stan_data(target_of(model, COARSE))
    counted = pmix.sample(model, y, counts=counts, **SETTINGS)
    written = pmix.sample(model, COARSE, **SETTINGS | {"seed": 2})
    assert pmix.diagnose(counted).ok, pmix.diagnose(counted)
    assert means_differ(counted, written) < 5.0
    assert pmix.model_of(counted) == pmix.model_of(written)
    evidence = [pmix.log_evidence(each) for each in (counted, written)]
    difference = evidence[0].log_evidence - evidence[1].log_evidence
    assert abs(difference) < 5 * np.hypot(evidence[0].mcse, evidence[1].mcse)
    # a log density for each row, of which one observation has what all equal ones have
    log_lik = group(counted, "log_likelihood")["y"]
    draws = log_lik["draw"].values
    np.testing.assert_allclose(log_lik, pmix.log_density(counted, y)[:, draws], rtol=1e-9)
    total = (log_lik.values * counts.to_numpy()).sum(axis=-1)
    every = pmix.log_density(counted, COARSE)[:, draws].sum(axis=-1)
    np.testing.assert_allclose(total, every, rtol=1e-9)
    assert pmix.partition(counted).sizes["obs"] == len(y)


def test_one_component_has_the_moments_of_weighted_rows(cmdstan):
    y, weights = table().to_numpy(), np.where(OWN, 2.0, 0.1)
    model = pmix.MultivariateNormalMixture(n_components=1, means=pmix.Normal(0, 100))
    fit = pmix.sample(model, y, weights=weights, **SETTINGS)
    found = summarize(fit)
    for d in range(2):
        # of a flat prior and many observations the mean is theirs
        row = found.loc[f"mu[1,{d + 1}]"]
        expected = np.average(y[:, d], weights=weights)
        assert abs(row["mean"] - expected) < 5 * row["mcse_mean"] + 1e-3
        spread = np.sqrt(np.average((y[:, d] - expected) ** 2, weights=weights))
        assert row["sd"] == pytest.approx(spread / np.sqrt(weights.sum()), rel=0.1)


@pytest.mark.parametrize(
    ("K", "named"), [(1, [0]), (2, [0, 1]), (2, [0]), (2, [1]), (3, [2]), (3, [1, 2])]
)
@pytest.mark.parametrize("order_by", [None, 1])
def test_components_that_labels_name_keep_their_names(cmdstan, K, named, order_by):
    y, own, expected = table().to_numpy(), 1 - OWN, CENTRES[::-1].copy()
    if K == 1:
        own, expected = np.zeros_like(OWN), y.mean(axis=0, keepdims=True)
    if K == 3:
        # a third cluster, the farthest to the right, which is called the first
        y = np.concatenate([y, y[:60] + np.array([9, -9])])
        own = np.concatenate([1 + OWN, np.zeros(60, dtype=int)])
        expected = np.stack([CENTRES[0] + [9, -9], *CENTRES])
    labels = np.where((np.arange(len(y)) % 6 == 0) & np.isin(own, named), own, -1)
    # what has no name is called by its order
    free = np.setdiff1d(np.arange(K), named)
    by = order_by or 0
    expected[free] = expected[free][np.argsort(expected[free, by])]
    model = pmix.MultivariateNormalMixture(n_components=K, order_by=order_by)
    fit = pmix.sample(model, y, labels=labels, iter_sampling=300, **SETTINGS)
    mu = group(fit, "posterior")["mu"].values
    # in every draw of every chain
    assert (np.linalg.norm(mu - expected, axis=-1) < 2.0).all()
    assert target_of_fit(fit).observed.named.tolist() == named
    if K > 1:
        shares = pmix.responsibilities(fit, expected).mean(axis=(0, 1))
        assert (np.diag(shares) > 0.8).all()


def test_a_fit_is_whole_with_all_that_stands_beside_it(cmdstan, tmp_path):
    fit, beside = annotated()
    assert pmix.diagnose(fit).ok, pmix.diagnose(fit)
    posterior = group(fit, "posterior")
    assert (np.abs(posterior["mu"].mean(("chain", "draw")) - CENTRES[::-1]) < 0.5).all()
    again = pmix.load(pmix.save(fit, tmp_path / "fit.nc"))
    target = target_of_fit(again)
    whole = incomplete_table().notna().any(axis=1).to_numpy()
    np.testing.assert_array_equal(target.observed.times, beside["counts"][whole])
    label = target.observed.label[target.observed.index]
    np.testing.assert_array_equal(label, beside["labels"][whole])
    given = target_of(pmix.model_of(fit), incomplete_table(), **beside)
    assert stan_data(target) == stan_data(given)
    log_lik = group(again, "log_likelihood")["y"].values
    # of a label the density of its component and its weight, of the rest that of the mixture
    y = group(again, "observed_data")["y"].values
    some = group(again, "log_likelihood")["draw"].values
    of_mixture = pmix.log_density(again, y)[:, some]
    shares = pmix.responsibilities(again, y)[:, some]
    own = np.take_along_axis(shares, np.maximum(label, 0)[None, None, :, None], axis=-1)[..., 0]
    expected = np.where(label < 0, of_mixture, of_mixture + np.log(own))
    np.testing.assert_allclose(log_lik, expected, rtol=1e-8)
    figures = (plots.plot_predictive(fit), plots.plot_pairs(fit))
    for figure in figures:
        figure.draw_without_rendering()


def test_another_fit_agrees_and_one_of_other_labels_or_counts_does_not(cmdstan):
    fit, beside = annotated()
    model, y = pmix.model_of(fit), incomplete_table()
    short = SETTINGS | {"seed": 2, "iter_sampling": 500}
    other = pmix.sample(model, y, **beside, **short)
    found = pmix.compare({"one": fit, "other": other})
    assert found.verdict != "disagree", found
    plots.plot_comparison(found).draw_without_rendering()
    # names are of account: nothing is relabelled
    renamed = beside | {"labels": np.where(beside["labels"] >= 0, 1 - beside["labels"], -1)}
    swapped = pmix.sample(model, y, **renamed, **short)
    found = pmix.compare({"one": fit, "swapped": swapped})
    assert found.verdict == "disagree"
    assert any("other observations" in reason for reason in found.reasons)
    once = pmix.sample(model, y, **beside | {"counts": None}, **short)
    found = pmix.compare({"one": fit, "once": once})
    assert any("other observations" in reason for reason in found.reasons)


def test_advi_agrees_with_nuts(cmdstan):
    fit, beside = annotated()
    approximated = pmix.advi(
        pmix.model_of(fit), incomplete_table(), reweight=True, **beside, **SETTINGS
    )
    found = pmix.compare({"NUTS": fit, "ADVI": approximated})
    assert found.verdict == "agree", str(found)


def test_the_number_of_components_is_chosen(cmdstan):
    y = np.random.default_rng(5).normal(size=(60, 2)) + 7 * (np.arange(60) < 30)[:, None]
    model = pmix.MultivariateNormalMixture(n_components=1)
    labels = np.where(np.isin(np.arange(60), [0, 10, 20]), 0, -1)
    choice = pmix.choose_components(
        model, y, (1, 2), labels=labels, counts=np.full(60, 2), **SETTINGS
    )
    assert choice.table["probability"].idxmax() == 2
    assert np.isfinite(choice.table["elpd_loo"]).all()
    plots.plot_choice(choice).draw_without_rendering()


def test_files_of_cmdstan_are_read_back(cmdstan, tmp_path):
    fit, beside = annotated()
    kept = {"chains": 1, "iter_warmup": 300, "iter_sampling": 50}
    model, y = pmix.model_of(fit), incomplete_table()
    pmix.sample(model, y, output_dir=tmp_path / "kept", **beside, **SETTINGS | kept)
    data = json.loads((tmp_path / "kept" / "data.json").read_text())
    data |= {"N_rep": 2, "save_log_lik": 1}
    sampled_by_hand("multivariate_normal", data, tmp_path, num_samples=50, num_warmup=300)
    found = pmix.from_cmdstan_csv(tmp_path / "chain-1.csv", data=tmp_path / "data.json")
    assert pmix.model_of(found) == model
    observed, given = target_of_fit(found).observed, target_of(model, y, **beside).observed
    assert (observed.size, observed.incomplete > 20) == (given.size, True)
    # each with its own log density: of its component alone where it is known
    log_lik = group(found, "log_likelihood")["y"].values[0]
    points, label = observed.y, observed.label[observed.index]
    shares = pmix.responsibilities(found, points)[0]
    own = np.take_along_axis(shares, np.maximum(label, 0)[None, :, None], axis=-1)[..., 0]
    expected = pmix.log_density(found, points)[0] + np.where(label < 0, 0.0, np.log(own))
    np.testing.assert_allclose(log_lik, expected, rtol=1e-8)
    # labels of incomplete rows are those that the log densities in the file are of
    wrong = [2 - n if n else 0 for n in data["label_incomplete"]]
    assert {1, 2} <= {*data["label_incomplete"]}
    data["label_incomplete"] = [1 + n if n >= 0 else n for n in wrong]
    (tmp_path / "data.json").write_text(json.dumps(data))
    with pytest.raises(OutputError, match="does not belong to"):
        pmix.from_cmdstan_csv(tmp_path / "chain-1.csv", data=tmp_path / "data.json")


def test_the_predictive_check_counts_rows_as_often_as_they_occur(cmdstan):
    fit, beside = annotated()
    figure = plots.plot_predictive(fit)
    y = group(fit, "observed_data")["y"].values[:, 0]
    times = beside["counts"][incomplete_table().notna().any(axis=1)]
    there = ~np.isnan(y)
    patches = [each for each in figure.axes[0].patches if not each.get_fill()]
    heights, edges, _ = patches[0].get_data()
    expected = np.histogram(y[there], bins=edges, weights=times[there], density=True)[0]
    np.testing.assert_allclose(heights, expected, rtol=1e-12)
    plain = np.histogram(y[there], bins=edges, density=True)[0]
    assert np.abs(plain - expected).max() > 0.01
