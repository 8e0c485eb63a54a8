"""Tests of pystan_mix.study.textbook: the program of the Stan User's Guide as a fit."""

import numpy as np
import pytest
from by_scipy import cdf, log_density
from scipy import stats

from pystan_mix import Dirichlet, HalfNormal, Normal, NormalMixture, compare, model_of, simulate
from pystan_mix.arviz_compat import attributes, group, group_names
from pystan_mix.errors import DataError, ModelError
from pystan_mix.fits.groups import observations
from pystan_mix.inference.chains import checked_nuts
from pystan_mix.inference.nuts import draw
from pystan_mix.mixtures.target import target_of
from pystan_mix.study.textbook import sample_textbook, textbook_data

# ties, and in no order
Y = simulate(40, theta=[0.4, 0.6], mu=[-2, 2], sigma=1.0, seed=2).round(1)
MODEL = NormalMixture(
    n_components=2, weights=Dirichlet([2, 3]), means=Normal([-1, 1], 10), sigma=(1.0, 1.5)
)


def nuts(**changes):
    settings = {
        "chains": 4,
        "parallel_chains": None,
        "iter_warmup": 1000,
        "iter_sampling": 2500,
        "adapt_delta": 0.9,
        "max_treedepth": 10,
        "metric": "dense_e",
        "seed": 3,
        "show_progress": False,
    }
    return checked_nuts(**settings | changes)


@pytest.fixture(scope="module")
def fit(cmdstan):
    return sample_textbook(MODEL, Y, nuts())


def test_its_posterior_is_that_of_the_package_s_program(fit):
    ours = draw(MODEL, Y, nuts(seed=4))
    found = compare({"ours": ours, "textbook": fit})
    assert found.verdict == "agree", str(found)


def test_it_is_a_fit_as_others_are(fit):
    assert set(group_names(fit)) == {
        "posterior",
        "posterior_predictive",
        "log_likelihood",
        "sample_stats",
        "observed_data",
        "constant_data",
    }
    assert attributes(fit)["program"] == "textbook"
    assert model_of(fit) == MODEL
    np.testing.assert_array_equal(observations(fit), Y)
    assert set(group(fit, "posterior")) == {"theta", "mu"}
    assert group(fit, "posterior")["mu"].shape == (4, 2500, 2)
    assert (np.diff(group(fit, "posterior")["mu"].values) > 0).all()
    # chains of their own
    assert len(np.unique(group(fit, "posterior")["mu"].values[:, 0, 0])) == 4


def test_its_own_predictions_are_those_of_the_draws_that_they_say(fit):
    lik, rep = (group(fit, name)["y"] for name in ("log_likelihood", "posterior_predictive"))
    assert lik.shape == rep.shape == (4, 250, 40)
    posterior = group(fit, "posterior").sel(draw=lik["draw"])
    theta, mu = posterior["theta"].values, posterior["mu"].values
    expected = log_density(Y, theta, mu, [1.0, 1.5])
    np.testing.assert_allclose(lik, expected, rtol=1e-10)
    uniform = cdf(rep.values, theta, mu, [1.0, 1.5])
    assert stats.kstest(uniform.ravel(), "uniform").pvalue > 1e-4


def test_the_same_seed_gives_the_same_draws(fit):
    again, other = (sample_textbook(MODEL, Y, nuts(seed=seed)) for seed in (3, 5))
    for name, variable in (("posterior", "mu"), ("posterior_predictive", "y")):
        np.testing.assert_array_equal(group(fit, name)[variable], group(again, name)[variable])
        assert not np.array_equal(group(fit, name)[variable], group(other, name)[variable])


def test_one_component(cmdstan):
    model = NormalMixture(n_components=1, means=Normal(0, 5), sigma=1.0)
    fit = sample_textbook(model, Y, nuts())
    precision = Y.size + 5.0**-2
    mu = group(fit, "posterior")["mu"].values[..., 0]
    # at least a fifth of the draws are effective
    assert abs(mu.mean() - Y.sum() / precision) < 4.5 * precision**-0.5 / 2000**0.5
    assert abs(mu.std() * precision**0.5 - 1) < 4.5 / 4000**0.5


def test_the_data_block():
    assert textbook_data(target_of(MODEL, Y)) == {
        "K": 2,
        "N": 40,
        "y": Y.tolist(),
        "alpha": [2.0, 3.0],
        "mu_loc": [-1.0, 1.0],
        "mu_scale": [10.0, 10.0],
        "sigma": [1.0, 1.5],
    }
    one_for_all = NormalMixture(n_components=2, means=Normal(0, 1), sigma=2.0)
    assert textbook_data(target_of(one_for_all, Y))["sigma"] == [2.0, 2.0]


@pytest.mark.parametrize(
    ("model", "y", "error", "words"),
    [
        (NormalMixture(n_components=2, sigma=HalfNormal(1)), Y, ModelError, "known standard dev"),
        (NormalMixture(n_components=2), Y, ModelError, "known standard deviations"),
        (NormalMixture(n_components=2, sigma=1.0, min_weight=0.1), Y, ModelError, "min_weight=0"),
        (MODEL, [1.0, np.nan], DataError, "missing or NaN"),
    ],
)
def test_what_it_is_not_for_is_refused_before_cmdstan_is_looked_for(
    monkeypatch, tmp_path, model, y, error, words
):
    monkeypatch.setenv("CMDSTAN", str(tmp_path))
    with pytest.raises(error, match=words):
        sample_textbook(model, y, nuts())
