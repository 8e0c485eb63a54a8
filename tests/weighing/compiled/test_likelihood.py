"""Likelihoods in C++ beside those in NumPy."""

import numpy as np
import pytest
from known_posteriors import HeavyMixture

import pystan_mix as pmix
from pystan_mix.mixtures import density
from pystan_mix.mixtures.density import Constrained
from pystan_mix.mixtures.target import target_of
from pystan_mix.weighing.compiled.likelihood import (
    knows_likelihood,
    log_likelihood,
    observed_log_density,
)

MODELS = {
    "normal": pmix.NormalMixture(n_components=3),
    "one sigma": pmix.NormalMixture(n_components=3, shared_sigma=True),
    "known sigma": pmix.NormalMixture(n_components=3, sigma=[0.5, 1.0, 2.0]),
    "known means": pmix.NormalMixture(n_components=3, means=[-1.0, 0.0, 1.0]),
    "student-t": pmix.StudentTMixture(n_components=3),
    "another family": HeavyMixture(n_components=3),
}


def some_parameters(target, rng):
    """Draw 40 mixtures of three components."""
    components = {}
    for each in target.estimated:
        x = rng.normal(size=(40, target.model.size(each)))
        components[each.name] = np.sort(x, axis=1) if each.ordered else np.exp(x)
    log_theta = np.log(rng.dirichlet(np.ones(3), size=40))
    return Constrained(log_theta, components, np.zeros(40))


def every_component(target, parameters):
    """Return all parameters of components, what is known with an axis of draws."""
    return parameters.components | {name: known[None] for name, known in target.known.items()}


@pytest.mark.parametrize("n", [1, 255, 1000])
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_it_is_numpys(model, n):
    """Also of values that repeat, and far from all components."""
    rng = np.random.default_rng(n)
    y = np.append(np.round(rng.normal(size=n), 2), [1e3, -1e3])
    target = target_of(model, y)
    parameters = some_parameters(target, rng)
    np.testing.assert_allclose(
        log_likelihood(target, parameters), density.log_likelihood(target, parameters), rtol=1e-11
    )
    given = target, parameters.log_theta, every_component(target, parameters)
    np.testing.assert_allclose(
        observed_log_density(*given), density.observed_log_density(*given), rtol=1e-10, atol=1e-13
    )


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("correlation", [pmix.LKJ(2.0), "diagonal", "spherical"])
@pytest.mark.parametrize("dims", [1, 2, 5, 9])
def test_vectors(dims, correlation, shared):
    """Also far from all components; of nine coordinates, which it does not know, NumPy sees to."""
    rng = np.random.default_rng(dims)
    y = np.concatenate([rng.normal(size=(300, dims)), np.full((1, dims), 1e3)])
    target = target_of(
        pmix.MultivariateNormalMixture(n_components=3, correlation=correlation, shared=shared), y
    )
    assert knows_likelihood(target) == (dims < 9)
    components = {
        each.name: target.model.drawn_from_prior(each, 40 * target.model.size(each), rng=rng)
        for each in target.estimated
    }
    components = {name: x.reshape(40, -1, *x.shape[1:]) for name, x in components.items()}
    parameters = Constrained(np.log(rng.dirichlet(np.ones(3), size=40)), components, np.zeros(40))
    expected = density.log_likelihood(target, parameters)
    np.testing.assert_allclose(log_likelihood(target, parameters), expected, rtol=1e-9)
    given = target, parameters.log_theta, every_component(target, parameters)
    np.testing.assert_allclose(
        observed_log_density(*given), density.observed_log_density(*given), rtol=1e-9, atol=1e-11
    )


@pytest.mark.parametrize("name", ["normal", "one sigma", "known sigma", "student-t"])
def test_intervals(name):
    """Narrow and wide ones, far ones, censored ones, and points among them."""
    rng = np.random.default_rng(2)
    lower = np.concatenate([rng.normal(size=60), [-np.inf, 0.5, -900.0, 900.0, 40.0, -np.inf]])
    width = np.concatenate([10.0 ** rng.uniform(-4, 1.5, 50), np.zeros(10)])
    upper = np.append(lower[:60] + width, [-0.5, np.inf, -899.0, 950.0, 40.1, -60.0])
    model = MODELS[name]
    target = target_of(model, pmix.Interval(lower, upper))
    assert knows_likelihood(target) == (name != "student-t")
    parameters = some_parameters(target, rng)
    given = target, parameters.log_theta, every_component(target, parameters)
    expected = density.observed_log_density(*given)
    assert expected.min() < (-30 if name == "student-t" else -1000)
    np.testing.assert_allclose(observed_log_density(*given), expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(
        log_likelihood(target, parameters), density.log_likelihood(target, parameters), rtol=1e-11
    )


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_weights_and_labels(model):
    """Real weights are powers in C++ too; of labels, which it does not know, NumPy sees to."""
    rng = np.random.default_rng(3)
    y, labels = rng.normal(size=50), np.where(np.arange(50) < 5, 1, -1)
    for beside in ({"weights": rng.random(50)}, {"labels": labels}):
        target = target_of(model, y, **beside)
        parameters = some_parameters(target, rng)
        found = log_likelihood(target, parameters)
        expected = density.log_likelihood(target, parameters)
        np.testing.assert_allclose(found, expected, rtol=1e-11)
        without = density.log_likelihood(target_of(model, y), parameters)
        assert (abs(found - without) > 1e-3).all()
