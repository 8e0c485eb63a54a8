"""Log likelihood and predictive density, draw by draw."""

import numpy as np
import pytest
from known_posteriors import HeavyMixture, Y, as_arviz, mixture_variables, switched
from scipy import stats

from pystan_mix.comparison import invariants as module
from pystan_mix.comparison.invariants import (
    MixtureDraws,
    invariants,
    log_density,
    mixture_draws,
)
from pystan_mix.comparison.posteriors import read_posteriors
from pystan_mix.mixtures.families.multivariate_normal import MultivariateNormalMixture
from pystan_mix.mixtures.families.normal import NormalMixture

pytestmark = pytest.mark.arviz


def mixture(variables, *, family=NormalMixture):
    components = {name: values for name, values in variables.items() if name != "theta"}
    return MixtureDraws(family, variables["theta"], components)


def test_numbers_are_those_of_scipy():
    variables = mixture_variables(1, draws=5)
    y = np.append(Y, Y[:10])  # equal observations count as often as they occur
    found = invariants(mixture(variables), y)
    theta, mu, sigma = (variables[name][2, 3] for name in ("theta", "mu", "sigma"))
    density = (theta * stats.norm.pdf(y[:, None], mu, sigma)).sum(axis=1)
    assert found["log_lik"][2, 3] == pytest.approx(np.log(density).sum(), rel=1e-12)
    here = (theta * stats.norm.pdf(np.quantile(y, 0.975), mu, sigma)).sum()
    assert found["density[97.5%]"][2, 3] == pytest.approx(here, rel=1e-12)
    assert found["entropy"][2, 3] == pytest.approx(stats.entropy(theta), rel=1e-12)
    assert len(found) == 9


def test_the_density_is_that_of_the_family():
    variables = mixture_variables(1, draws=5) | {"df": np.full((4, 5, 3), 3.0)}
    found = invariants(mixture(variables, family=HeavyMixture), Y)
    theta, mu, sigma, df = (variables[name][2, 3] for name in ("theta", "mu", "sigma", "df"))
    density = (theta * stats.t.pdf(Y[:, None], df, mu, sigma)).sum(axis=1)
    assert found["log_lik"][2, 3] == pytest.approx(np.log(density).sum(), rel=1e-12)


@pytest.mark.parametrize("times", [np.array([1, 1, 7, 3, 1]), np.array([0.1, 0.1, 0.7, 0.3, 0.1])])
def test_rows_of_vectors_count_as_often_as_they_occur(times):
    rng = np.random.default_rng(1)
    variables = {"theta": rng.dirichlet([3, 3], (1, 4)), "mu": rng.normal(size=(1, 4, 2, 2))}
    variables |= {"sigma": np.ones((1, 4, 2, 2)), "corr": np.tile(np.eye(2), (1, 4, 2, 1, 1))}
    y = np.array([[2.0, 0.0], [-1.0, 1.0], [5.0, 2.0], [np.nan, 0.0], [3.0, 1.0]])
    drawn = mixture(variables, family=MultivariateNormalMixture)
    found = invariants(drawn, y, times)
    whole = np.round(times / times.min()).astype(int)
    written = invariants(drawn, np.repeat(y, whole, axis=0))
    np.testing.assert_allclose(found["log_lik"], times.min() * written["log_lik"], rtol=1e-12)
    np.testing.assert_allclose(found["density[50%]"], written["density[50%]"], rtol=1e-12)
    median = np.exp(log_density(drawn, y[[2]]))[..., 0]
    np.testing.assert_allclose(found["density[50%]"], median, rtol=1e-12)


def test_labels_change_nothing():
    variables = mixture_variables(1, draws=20)
    one, other = (invariants(mixture(each), Y) for each in (variables, switched(variables, seed=1)))
    for name, values in one.items():
        np.testing.assert_allclose(other[name], values, rtol=1e-12)


def test_blocks_and_thinning_change_no_draw(monkeypatch):
    variables = mixture_variables(1, draws=200)
    whole = invariants(mixture(variables), Y)["log_lik"]
    monkeypatch.setattr(module, "_TERMS_AT_ONCE", 3 * Y.size * 7)
    np.testing.assert_allclose(invariants(mixture(variables), Y)["log_lik"], whole, rtol=1e-14)
    monkeypatch.setattr(module, "_MOST_TERMS", 400 * 3 * Y.size)
    np.testing.assert_allclose(
        invariants(mixture(variables), Y)["log_lik"], whole[:, ::2], rtol=1e-14
    )
    monkeypatch.setattr(module, "_MOST_TERMS", 100 * 3 * Y.size)
    assert "log_lik" not in invariants(mixture(variables), Y)


def test_sigma_may_be_shared_known_or_missing():
    variables = mixture_variables(1, draws=5)
    shared = variables | {"sigma": variables["sigma"][..., 0]}
    (posterior,) = read_posteriors({"a": as_arviz(shared)}, names={})
    sigma = mixture_draws(posterior, known={}).components["sigma"]
    np.testing.assert_array_equal(sigma[..., 2], shared["sigma"])
    del variables["sigma"]
    (posterior,) = read_posteriors({"a": as_arviz(variables)}, names={})
    assert mixture_draws(posterior, known={}) is None
    known = {"sigma": np.array([1.0, 2.0, 3.0])}
    sigma = mixture_draws(posterior, known=known).components["sigma"]
    assert sigma[3, 4].tolist() == [1.0, 2.0, 3.0]
    assert mixture_draws(posterior, known={"sigma": np.ones(2)}) is None


def test_a_table_has_the_invariants_of_all_its_observations():
    draws, y = mixture(mixture_variables(3, draws=50)), Y.round(0)
    cells, counts = np.unique(y, return_counts=True)
    expanded, counted = invariants(draws, y), invariants(draws, cells, counts)
    assert expanded.keys() == counted.keys()
    for name, values in expanded.items():
        np.testing.assert_allclose(counted[name], values, rtol=1e-13)
