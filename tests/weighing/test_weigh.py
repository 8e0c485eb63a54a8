"""The whole posterior weighed, from draws that know a part of it."""

import math

import numpy as np
import pytest
from known_posteriors import HeavyMixture
from scipy import integrate, stats
from two_modes import a_chain_in_each, around, in_left_mode, mirrored_target

from pystan_mix import Dirichlet, HalfNormal, Normal, NormalMixture, simulate
from pystan_mix.fits.draws import Draws
from pystan_mix.mixtures.target import target_of
from pystan_mix.weighing.moments import largest_errors
from pystan_mix.weighing.weigh import weigh

pytestmark = pytest.mark.arviz


def test_the_evidence_of_one_component_is_the_integral():
    y = simulate(40, theta=[1.0], mu=[1.0], sigma=2.0, seed=5)
    model = NormalMixture(n_components=1, means=Normal(0, 5), sigma=HalfNormal(3))
    found = weigh(target_of(model, y), around([1.0], [1.0], [2.0]), rng=np.random.default_rng(1))

    def density(mu, sigma):
        log_p = stats.norm.logpdf(y, mu, sigma).sum() + 85.0
        return math.exp(log_p) * stats.norm.pdf(mu, 0, 5) * stats.halfnorm.pdf(sigma, scale=3)

    exact = integrate.dblquad(density, 1.0, 4.0, -2.0, 4.0, epsrel=1e-6)[0]
    assert found.log_integral == pytest.approx(math.log(exact) - 85.0, abs=4.5 * found.sample.mcse)
    assert found.sample.pareto_khat < 0.7
    assert found.sample.mcse < 0.02


def two_places():
    """Return a target that is the same upside down, and draws with the wide component above."""
    rng = np.random.default_rng(3)
    y = np.where(rng.random(100) < 0.2, rng.normal(0, 5, 100), rng.normal(0, 1, 100))
    y = np.concatenate([y, -y])
    model = NormalMixture(
        n_components=2, weights=Dirichlet(2), means=Normal(0, 5), sigma=HalfNormal(4)
    )
    draws = around([0.8, 0.2], [0.0, 0.4], [1.0, 5.0], sd=0.15)
    mu = draws.variables["mu"][0]
    return target_of(model, y), draws.picked(np.flatnonzero(mu[:, 0] < mu[:, 1]))


def test_what_lies_beyond_a_change_of_order_is_found():
    target, draws = two_places()
    assert (np.diff(draws.variables["mu"], axis=-1) > 0).all()
    found = [weigh(target, draws, rng=np.random.default_rng(seed)) for seed in (1, 2)]
    below = []
    for one in found:
        assert one.sample.pareto_khat < 0.5
        assert one.sample.ess_of_others > 0.2 * len(one.sample.z)
        variables = one.variables
        assert (np.diff(variables["mu"], axis=1) > 0).all()
        assert variables["theta"].sum(axis=1) == pytest.approx(1.0)
        below.append(one.weights @ (variables["sigma"][:, 0] > variables["sigma"][:, 1]))
    # by symmetry it is one half, from draws that have none of it
    for one, share in zip(found, below, strict=True):
        assert share == pytest.approx(0.5, abs=4.5 * 0.5 / one.sample.ess**0.5)
    difference = found[0].log_integral - found[1].log_integral
    assert abs(difference) < 4.5 * math.hypot(*(one.sample.mcse for one in found))


def test_resampled_draws_are_the_weighed_ones():
    target, draws = two_places()
    found = weigh(target, draws, rng=np.random.default_rng(1))
    again = found.draws(1, 4000, rng=np.random.default_rng(2))
    assert again.variables["mu"].shape == (1, 4000, 2)
    for name, values in found.variables.items():
        mean = found.weights @ values
        sd = np.sqrt(found.weights @ (values - mean) ** 2)
        # systematic resampling adds next to nothing to the error of all
        assert np.abs(again.variables[name][0].mean(axis=0) - mean).max() < 0.1 * sd.max()


def test_chains_in_two_modes_are_weighed():
    target, draws = mirrored_target(), a_chain_in_each()
    found = weigh(target, draws, rng=np.random.default_rng(1))
    assert found.is_sound
    share = found.weights @ in_left_mode(found.variables["mu"])
    assert share == pytest.approx(0.5, abs=4.5 * 0.5 / found.sample.ess**0.5)
    again = weigh(target, draws, rng=np.random.default_rng(2))
    difference = found.log_integral - again.log_integral
    assert abs(difference) < 4.5 * math.hypot(found.sample.mcse, again.sample.mcse)
    assert largest_errors(found.moments)[1] < 0.1


def test_what_others_have_seen_and_chains_have_not_is_told():
    target, draws = mirrored_target(), a_chain_in_each()
    one, both = Draws({n: x[:1] for n, x in draws.variables.items()}), draws
    assert weigh(target, one, rng=np.random.default_rng(1)).sample.ess > 400
    found = weigh(target, one, glimpsed=both, rng=np.random.default_rng(1))
    assert found.sample.ess_of_others < 1.0
    assert not found.is_sound


def test_too_few_draws_for_the_dimensions_are_refused():
    target, draws = mirrored_target(), a_chain_in_each()
    with pytest.raises(np.linalg.LinAlgError):
        weigh(target, draws.picked(np.arange(2)), rng=np.random.default_rng(1))


@pytest.mark.parametrize("sigma", [1.5, (0.3, 1.5)])
def test_known_sds(sigma):
    y = simulate(80, theta=[0.5, 0.5], mu=[-2, 2], sigma=sigma, seed=2)
    model = NormalMixture(n_components=2, means=Normal(0, 5), sigma=sigma)
    draws = around([0.5, 0.5], [-2, 2], [1, 1], sd=0.1)
    known = Draws({name: draws.variables[name] for name in ("theta", "mu")})
    found = weigh(target_of(model, y), known, rng=np.random.default_rng(1))
    assert found.is_sound
    assert (found.posterior.labels is None) == isinstance(sigma, tuple)
    assert set(found.variables) == {"theta", "mu"}


@pytest.mark.parametrize("means", [(-2, 2), (0, 0)])
def test_known_means(means):
    y = simulate(80, theta=[0.5, 0.5], mu=means, sigma=[0.5, 3], seed=2)
    model = NormalMixture(n_components=2, means=means, sigma=HalfNormal([1, 3]))
    draws = around([0.5, 0.5], means, [0.5, 3], sd=0.1)
    found = weigh(
        target_of(model, y),
        Draws({name: draws.variables[name] for name in ("theta", "sigma")}),
        rng=np.random.default_rng(1),
    )
    assert found.is_sound
    # no label but their place: they are not exchangeable, though their means be equal
    assert found.posterior.labels is None
    assert set(found.variables) == {"theta", "sigma"}


def test_some_known_sds():
    y = simulate(80, theta=[0.5, 0.5], mu=[-2, 2], sigma=[0.3, 1.5], seed=2)
    model = NormalMixture(n_components=2, means=Normal(0, 5), known_sigma=[0.3, None])
    draws = around([0.5, 0.5], [-2, 2], [0.3, 1.5], sd=0.1)
    draws.variables["sigma"][..., 0] = 0.3
    target = target_of(model, y)
    found = weigh(target, draws, rng=np.random.default_rng(1))
    # what is known has no error
    assert found.is_sound
    assert found.posterior.labels is None
    assert (found.variables["sigma"][:, 0] == 0.3).all()


def test_a_family_with_a_parameter_that_all_components_share():
    y = simulate(80, theta=[0.5, 0.5], mu=[-2, 2], sigma=1.0, seed=2)
    model = HeavyMixture(
        n_components=2, means=Normal(0, 5), sigma=HalfNormal(3), df=HalfNormal(10.0)
    )
    draws = around([0.5, 0.5], [-2, 2], [1, 1], sd=0.1)
    df = np.exp(1.5 + 0.3 * np.random.default_rng(2).normal(size=(1, 1000, 1)))
    found = weigh(
        target_of(model, y), Draws(draws.variables | {"df": df}), rng=np.random.default_rng(1)
    )
    assert found.is_sound
    assert found.variables["df"].shape[1] == 1
