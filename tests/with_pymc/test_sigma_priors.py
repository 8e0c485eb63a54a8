"""The priors of standard deviations, and the floor under them, in PyMC."""

import numpy as np
import pytest
from scipy import stats

import pystan_mix as pmix
from pystan_mix.mixtures.target import target_of

pytestmark = [
    pytest.mark.pymc,
    pytest.mark.filterwarnings("ignore:PyTensor could not link to a BLAS:UserWarning"),
]
Y = pmix.simulate(40, theta=[0.4, 0.6], mu=[-3, 3], sigma=1.2, seed=5)


@pytest.mark.parametrize("min_sigma", [0.0, 0.7])
@pytest.mark.parametrize(
    "prior",
    [
        pmix.HalfNormal([1, 2]),
        pmix.HalfCauchy(2),
        pmix.HalfStudentT(3, 2),
        pmix.InverseGamma(2, [0.5, 3]),
        pmix.LogNormal([0, 0.5], 0.7),
    ],
    ids=repr,
)
def test_the_density_is_that_of_the_prior_in_the_space_above_the_floor(pm, prior, min_sigma):
    """In the unconstrained space, where PyMC samples: with the Jacobian."""
    model = pmix.NormalMixture(
        n_components=2, means=pmix.Normal(0, 5), sigma=prior, min_sigma=min_sigma
    )
    target = target_of(model, Y)
    built = pmix.to_pymc(target.model, Y)
    point = built.initial_point()
    log_density, rng = built.compile_logp(), np.random.default_rng(3)
    name = next(each for each in point if each.startswith("sigma"))
    differences = []
    for _ in range(10):
        z = rng.normal(size=2)
        at = {key: np.zeros_like(value) for key, value in point.items()} | {name: z}
        # weights of a half each, and means of 0 and 1
        sigma = min_sigma + np.exp(z)
        expected = prior.log_density(sigma).sum() + z.sum()
        expected += np.log(0.5 * stats.norm.pdf(Y[:, None], [0.0, 1.0], sigma).sum(axis=1)).sum()
        differences.append(float(log_density(at)) - expected)
    assert np.ptp(differences) < 1e-8
