"""Likelihoods in C++ beside those in NumPy."""

import numpy as np
import pytest
from known_posteriors import HeavyMixture

import pystan_mix as pmix
from pystan_mix.mixtures import density
from pystan_mix.mixtures.density import Constrained
from pystan_mix.mixtures.target import target_of
from pystan_mix.weighing.compiled.likelihood import log_likelihood

MODELS = {
    "normal": pmix.NormalMixture(n_components=3),
    "one sigma": pmix.NormalMixture(n_components=3, shared_sigma=True),
    "known sigma": pmix.NormalMixture(n_components=3, sigma=[0.5, 1.0, 2.0]),
    "known means": pmix.NormalMixture(n_components=3, means=[-1.0, 0.0, 1.0]),
    "student-t": pmix.StudentTMixture(n_components=3),
    "another family": HeavyMixture(n_components=3),
}


@pytest.mark.parametrize("n", [1, 255, 1000])
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_it_is_numpys(model, n):
    """Also of values that repeat, and far from all components."""
    rng = np.random.default_rng(n)
    y = np.append(np.round(rng.normal(size=n), 2), [1e3, -1e3])
    target = target_of(model, y)
    S, K = 40, 3
    components = {}
    for each in target.estimated:
        shape = (S, model.size(each))
        x = rng.normal(size=shape)
        components[each.name] = np.sort(x, axis=1) if each.ordered else np.exp(x)
    log_theta = np.log(rng.dirichlet(np.ones(K), size=S))
    parameters = Constrained(log_theta, components, np.zeros(S))
    np.testing.assert_allclose(
        log_likelihood(target, parameters), density.log_likelihood(target, parameters), rtol=1e-11
    )
