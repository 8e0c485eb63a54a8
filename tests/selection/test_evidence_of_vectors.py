"""The evidence of vectors against integrals by other means."""

import math

import numpy as np
import pytest
from scipy import integrate, special, stats

import pystan_mix as pmix
from pystan_mix.mixtures.density import log_likelihood, to_constrained
from pystan_mix.mixtures.target import target_of

SETTINGS = {"seed": 1, "show_progress": False}
RNG = np.random.default_rng(4)
Y = RNG.normal(size=(40, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])


@pytest.mark.parametrize("beside", [None, "counts", "weights"])
def test_the_evidence_of_one_diagonal_component_is_a_product_of_integrals(cmdstan, beside):
    times = {None: np.ones(40), "counts": np.arange(40) % 3, "weights": np.linspace(0, 1.5, 40)}
    times, given = times[beside], {} if beside is None else {beside: times[beside]}
    model = pmix.MultivariateNormalMixture(
        n_components=1,
        means=pmix.Normal(0, 3),
        scales=pmix.HalfNormal(2),
        correlation="diagonal",
        min_sigma=0,
    )
    expected = 0.0
    for y in Y.T:
        n, mean = times.sum(), np.average(y, weights=times)
        squares = times @ (y - mean) ** 2

        def density(sigma, n=n, mean=mean, squares=squares):
            # the mean integrated out: normal with variance of the prior and of the average
            log_lik = -0.5 * (n - 1) * math.log(2 * math.pi * sigma**2) - 0.5 * math.log(n)
            log_lik -= squares / (2 * sigma**2)
            log_lik += stats.norm.logpdf(mean, 0, math.hypot(3, sigma / math.sqrt(n)))
            return math.exp(log_lik + 60 + stats.halfnorm.logpdf(sigma, 0, 2))

        expected += math.log(integrate.quad(density, 0.2, 10)[0]) - 60
    found = pmix.log_evidence(pmix.sample(model, Y, **given, **SETTINGS))
    assert abs(found.log_evidence - expected) < 5 * found.mcse + 1e-3
    assert found.mcse < 0.05


def importance(target, *, draws: int, rng) -> tuple[float, float]:
    """The log evidence by plain importance sampling from the prior, with its error."""
    model = target.model
    theta = rng.dirichlet(target.concentration, size=draws)
    components = {
        each.name: model.drawn_from_prior(each, draws * model.size(each), rng=rng)
        for each in target.estimated
    }
    while (below := components["sigma"] < model.least(model.parameters[1])).any():
        again = model.drawn_from_prior(model.parameters[1], len(below), rng=rng)
        components["sigma"] = np.where(below, again, components["sigma"])
    found = to_constrained(target, np.zeros((1, target.dimensions)))
    shaped = {
        name: x.reshape(draws, *found.components[name].shape[1:]) for name, x in components.items()
    }
    log_lik = log_likelihood(target, type(found)(np.log(theta), shaped, np.zeros(draws)))
    weights = np.exp(log_lik - log_lik.max())
    value = special.logsumexp(log_lik) - math.log(draws)
    return value, weights.std() / weights.mean() / math.sqrt(draws)


@pytest.mark.parametrize("form", [{}, {"correlation": "spherical"}, {"shared": True}])
@pytest.mark.parametrize("K", [1, 2])
def test_the_evidence_is_that_of_draws_from_the_prior(cmdstan, form, K):
    # few observations and a prior near them: so that its draws have weight
    y = Y[:12]
    model = pmix.MultivariateNormalMixture(
        n_components=K,
        means=pmix.Normal([0, 0.2], 1),
        scales=pmix.HalfNormal(1.5),
        min_sigma=0.3,
        **form,
    )
    expected, error = importance(target_of(model, y), draws=400_000, rng=np.random.default_rng(1))
    found = pmix.log_evidence(pmix.sample(model, y, **SETTINGS))
    assert error < 0.05
    assert found.mcse < 0.1
    assert abs(found.log_evidence - expected) < 4.5 * math.hypot(error, found.mcse)


# of three components one has a name, and the others two orders
@pytest.mark.parametrize(("K", "names"), [(1, [0]), (2, [1]), (2, [0, 1]), (3, [1])])
@pytest.mark.parametrize("beside", [{}, {"counts": [1, 2] * 4}])
def test_labels_and_counts_are_in_the_evidence(cmdstan, K, names, beside):
    y = Y[:8].round(1)
    labels = np.full(8, -1)
    labels[: 2 * len(names)] = names * 2
    model = pmix.MultivariateNormalMixture(
        n_components=K,
        means=pmix.Normal([0, 0.2], 1),
        scales=pmix.HalfNormal(1.5),
        correlation="diagonal",
        min_sigma=0.3,
    )
    target = target_of(model, y, labels=labels, **beside)
    expected, error = importance(target, draws=400_000, rng=np.random.default_rng(1))
    found = pmix.log_evidence(pmix.sample(model, y, labels=labels, **beside, **SETTINGS))
    assert error < 0.1
    assert found.mcse < 0.1
    assert abs(found.log_evidence - expected) < 4.5 * math.hypot(error, found.mcse)
    assert found.log_ordering == -math.lgamma(K - len(names) + 1)


# an observation that alone holds up the third component
@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto distribution")
def test_two_far_clusters_are_two(cmdstan):
    y = RNG.normal(size=(60, 2)) + 6 * (np.arange(60) < 30)[:, None]
    choice = pmix.choose_components(
        pmix.MultivariateNormalMixture(n_components=1), y, (1, 2, 3), **SETTINGS
    )
    assert choice.table["probability"].idxmax() == 2
    assert np.isfinite(choice.table["mcse"]).all()
    assert choice.table["occupied"][2] == pytest.approx(2.0, abs=1e-3)
