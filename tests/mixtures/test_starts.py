"""Tests of pystan_mix.mixtures.starts: where the chains begin."""

import dataclasses

import numpy as np
import pytest
from known_posteriors import HeavyMixture
from targets import any_target

from pystan_mix.mixtures.families import FAMILIES
from pystan_mix.mixtures.families.negative_binomial import NegativeBinomialMixture
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.families.poisson import PoissonMixture
from pystan_mix.mixtures.priors import Gamma, Normal
from pystan_mix.mixtures.scale_priors import HalfCauchy, HalfNormal
from pystan_mix.mixtures.starts import initial_parameters, initial_values
from pystan_mix.mixtures.target import target_of
from pystan_mix.stats.ordering import push_apart
from pystan_mix.study.simulation import simulate

RNG = np.random.default_rng(8)
Y = RNG.permuted(np.concatenate([RNG.normal(-5, 1, 40), RNG.normal(4, 2, 60)]))


def mixture(K, *, sigma=HalfCauchy(2.0), means=Normal(0.0, 10.0)):  # noqa: B008
    return NormalMixture(n_components=K, means=means, sigma=sigma)


def inits(model, y, *, seed=1):
    return initial_values(any_target(model, y), rng=np.random.default_rng(seed))


def means_of(start, model, y):
    """The means that Stan makes of a start."""
    return push_apart(start["mu_raw"], any_target(model, y).width)


@pytest.mark.parametrize("K", [1, 2, 3, 10])
@pytest.mark.parametrize("seed", range(5))
def test_starts_are_valid_and_among_the_observations(K, seed):
    start = inits(mixture(K), Y, seed=seed)
    assert {name: len(values) for name, values in start.items()} == {
        "theta_raw": K,
        "mu_raw": K,
        "sigma_raw": K,
    }
    mu = means_of(start, mixture(K), Y)
    assert (np.diff(mu) > 0).all()
    slack = 1e-3 * Y.std() * K
    assert Y.min() <= mu[0] <= mu[-1] <= Y.max() + slack
    assert min(start["theta_raw"]) > 0
    assert sum(start["theta_raw"]) == pytest.approx(1.0, rel=1e-14)
    assert min(start["sigma_raw"]) > 0
    assert max(start["sigma_raw"]) <= Y.std() * np.exp(0.5)


@pytest.mark.parametrize("seed", range(20))
def test_every_cluster_has_a_mean_though_the_clusters_are_unbalanced(seed):
    """A cluster without a mean of its own is where a chain sticks."""
    centres = np.array([0.0, 5.0, 10.0, 15.0])
    y = simulate(800, theta=[0.1, 0.2, 0.3, 0.4], mu=centres, sigma=1.0, seed=3)
    mu = means_of(inits(mixture(4), y, seed=seed), mixture(4), y)
    # jittered by 0.3 standard deviations: beyond 1.5, one in a million
    assert (np.abs(mu - centres) < 1.5).all()


def test_values_are_plain_numbers():
    start = inits(mixture(2), Y)
    assert {type(x) for values in start.values() for x in values} == {float}


def test_chains_of_one_generator_begin_apart():
    rng = np.random.default_rng(1)
    first, second = (initial_values(any_target(mixture(3), Y), rng=rng) for _ in range(2))
    for name in first:
        assert not set(first[name]) & set(second[name])


def test_the_same_seed_begins_at_the_same_place():
    assert inits(mixture(3), Y, seed=4) == inits(mixture(3), Y, seed=4)


@pytest.mark.parametrize(
    "y",
    [
        np.repeat([1.0, 2.0, 3.0], [1000, 1, 1]),
        np.repeat([1.0, 2.0, 3.0], [1, 1, 1000]),
        # one unit in the last place apart: a thousandth of the spread would be rounded away
        np.repeat([1e16, 1e16 + 2, 1e16 + 4], [1000, 1, 1]),
        np.repeat([-1e16 - 4, -1e16 - 2, -1e16], [1, 1, 1000]),
        np.repeat([2.0**53 - 1, 2.0**53, 2.0**53 + 2], [1000, 1, 1]),
    ],
)
@pytest.mark.parametrize("K", [2, 3])
def test_means_increase_though_observations_repeat(y, K):
    for seed in range(10):
        mu = means_of(inits(mixture(K), y, seed=seed), mixture(K), y)
        assert (np.diff(mu) > 0).all()
        slack = 1e-3 * y.std() * K + 10 * K * np.spacing(np.abs(y).max())
        assert (y.min() <= mu).all()
        assert (mu <= y.max() + slack).all()


def test_one_component_without_data():
    start = inits(mixture(1, sigma=HalfNormal(3.0)), None)
    assert start["theta_raw"] == pytest.approx([1.0], rel=1e-14)
    assert len(start["mu_raw"]) == len(start["sigma_raw"]) == 1


def test_without_data_the_means_begin_at_draws_from_the_prior():
    """600 starts of two components: means of the prior within 4 standard errors."""
    model = mixture(2, means=Normal([-50, 50], [1, 2]), sigma=HalfNormal([3, 30]))
    starts = [inits(model, None, seed=seed) for seed in range(600)]
    mu = np.array([means_of(start, model, None) for start in starts])
    assert (np.diff(mu) > 0).all()
    error = np.array([1, 2]) / np.sqrt(600)
    # the second mean is moved up by a thousandth of the mean scale, 1.5
    assert (np.abs(mu.mean(axis=0) - [-50, 50.0015]) < 4 * error).all()
    # a variance of n normals has a relative standard error of sqrt(2 / (n - 1))
    assert (np.abs(mu.var(axis=0, ddof=1) / [1, 4] - 1) < 4 * np.sqrt(2 / 599)).all()
    # of 25 half-normals the median is off by a factor with a log standard deviation of 0.23,
    # jittered by one of 0.29; a median of 600 has an error of 1.25 / sqrt(600) of both, 0.02
    ratio = np.array([start["sigma_raw"] for start in starts]) / [3, 30]
    assert (np.abs(np.log(np.median(ratio, axis=0) / 0.6745)) < 4 * 0.02).all()
    assert 0.12 < ratio.min() < ratio.max() < 2.5


def test_parameters_are_initial_values_before_the_means_are_pulled_free():
    target = any_target(mixture(3), Y)
    values, found = (
        begin(target, rng=np.random.default_rng(3))
        for begin in (initial_values, initial_parameters)
    )
    assert found.keys() == {"theta_raw", "mu", "sigma"}
    assert (np.diff(found["mu"]) > 0).all()
    np.testing.assert_allclose(
        push_apart(values.pop("mu_raw"), target.width), found.pop("mu"), rtol=0, atol=1e-12
    )
    # what is sampled stands in the same order, by the program's names
    assert values == {"theta_raw": found["theta_raw"], "sigma_raw": found["sigma"]}


@pytest.mark.parametrize("y", [Y, Y.round(), None], ids=["data", "rounded", "prior"])
def test_no_sigma_begins_on_its_floor_or_below(y):
    floor = 4.0
    model = dataclasses.replace(mixture(3), min_sigma=floor)
    for seed in range(10):
        assert min(inits(model, y, seed=seed)["sigma_raw"]) >= 1.5 * floor


def test_free_components_begin_at_their_means():
    target = any_target(mixture(3), Y)
    values = initial_values(target, rng=np.random.default_rng(3), sort_components=True)
    found = initial_parameters(target, rng=np.random.default_rng(3))
    assert values == {
        "theta_raw": found["theta_raw"],
        "mu_raw": found["mu"],
        "sigma_raw": found["sigma"],
    }


class StartedMixture(HeavyMixture):
    """The degrees of freedom begin at ten."""

    def from_shares(self, y, shares, *, least_spread):
        """Return what fits normal components, and ten degrees of freedom."""
        ten = {"df": np.full(self.size(self.parameters[2]), 10.0)}
        return ten | super().from_shares(y, shares, least_spread=least_spread)


@pytest.mark.parametrize("df", [HalfNormal(10), HalfNormal([10, 20]), 5.0], ids=repr)
@pytest.mark.parametrize("y", [Y, None], ids=["data", "prior"])
def test_a_parameter_that_all_components_share_begins_once(y, df):
    model = StartedMixture(n_components=2, means=Normal(0, 5), sigma=HalfNormal(2), df=df)
    start = inits(model, y)
    sizes = {"theta_raw": 2, "mu_raw": 2, "sigma_raw": 2}
    if df != 5.0:
        sizes["df_raw"] = 1 if df == HalfNormal(10) else 2
        assert min(start["df_raw"]) > 0
    assert {name: len(values) for name, values in start.items()} == sizes


@pytest.mark.parametrize("y", [Y, None], ids=["data", "prior"])
@pytest.mark.parametrize("family", [each for each in FAMILIES if not each.counts])
def test_of_some_known_sigmas_the_others_begin(y, family):
    model = family(
        n_components=2, means=Normal(0, 10), sigma=HalfCauchy(2.0), known_sigma=[None, 7.0]
    )
    starts = [inits(model, y, seed=seed)["sigma_raw"] for seed in range(20)]
    assert {len(start) for start in starts} == {1}
    assert max(start[0] for start in starts) < 7.0 * np.exp(-0.5)


@pytest.mark.parametrize("y", [np.repeat([0, 1, 2, 9, 14], 20), None], ids=["data", "prior"])
@pytest.mark.parametrize("family", [each for each in FAMILIES if each.counts])
@pytest.mark.parametrize("zero", [True, False])
def test_means_of_counts_begin_above_zero_and_in_order(y, family, zero):
    model = family(n_components=3, means=Gamma(1, 0.1), zero_inflated=zero)
    for seed in range(20):
        start = inits(model, y, seed=seed)
        assert min(start["mu_raw"]) > 0.0
        assert {len(start[name]) for name in start if name != "theta_raw"} == {3 - zero}
        found = initial_parameters(any_target(model, y), rng=np.random.default_rng(seed))
        assert (np.diff(found["mu"]) > 0.0).all()


@pytest.mark.parametrize("family", [PoissonMixture, NegativeBinomialMixture])
def test_a_labelled_component_of_counts_begins_at_its_observations(family):
    y = np.repeat([0, 3, 4, 30, 31], 10)
    labels = np.where(y > 20, 1, -1)
    target = target_of(family(n_components=3, zero_inflated=True), y, labels=labels)
    found = initial_parameters(target, rng=np.random.default_rng(1))
    # of the means at 30 and near 3 the former is named; the component at 0 keeps its place
    assert found["mu"][0] > 10.0 > found["mu"][1] > 0.0


@pytest.mark.parametrize("y", [Y, None], ids=["data", "prior"])
def test_known_means_have_no_initial_values(y):
    start = inits(mixture(2, means=[-5, 4]), y)
    assert {name: len(values) for name, values in start.items()} == {"theta_raw": 2, "sigma_raw": 2}


def test_components_about_known_means_begin_as_wide_as_the_data_are_about_these():
    model = mixture(2, means=[-5, 10])
    logs = [np.log(inits(model, Y, seed=seed)["sigma_raw"]) for seed in range(50)]
    # of the 60 about 4 the root mean square distance to 10 is sqrt(6 ** 2 + 2 ** 2); jittered by
    # up to a half on the log scale, sd 0.29: the mean of 50 is off by 0.04
    assert np.mean(logs, axis=0) == pytest.approx(np.log([1.0, 40**0.5]), abs=0.25)


def test_components_of_one_known_mean_begin_at_widths_of_their_own():
    y = simulate(500, theta=[0.7, 0.3], mu=[0, 0], sigma=[1, 6], seed=1)
    model = mixture(2, means=0.0, sigma=HalfNormal([1, 6]))
    found = {tuple(np.argsort(inits(model, y, seed=s)["sigma_raw"])) for s in range(30)}
    # whichever is the wide one
    assert found == {(0, 1), (1, 0)}


@pytest.mark.parametrize("K", [1, 3])
@pytest.mark.parametrize("y", [Y, None], ids=["data", "prior"])
def test_one_sigma_for_all_begins_once(y, K):
    start = inits(dataclasses.replace(mixture(K), shared_sigma=True), y)
    assert {name: len(values) for name, values in start.items()} == {
        "theta_raw": K,
        "mu_raw": K,
        "sigma_raw": 1,
    }


def test_one_sigma_for_all_begins_at_the_spread_within_components():
    model = dataclasses.replace(mixture(2), shared_sigma=True)
    sigma = [inits(model, Y, seed=seed)["sigma_raw"][0] for seed in range(50)]
    # of 40 with 1 and 60 with 2 about their means; jittered by up to a half on the log scale
    within = np.sqrt(0.4 * 1.0**2 + 0.6 * 2.0**2)
    assert np.exp(np.abs(np.log(np.array(sigma) / within)).max()) < np.exp(0.5 + 0.2)


@pytest.mark.parametrize("means", [Normal(0.0, 10.0), Normal(1e50, 1.0)])
def test_without_data_means_increase(means):
    model = mixture(5, means=means)
    mu = means_of(inits(model, None), model, None)
    assert (np.diff(mu) > 0).all()


@pytest.mark.parametrize("y", [Y, None], ids=["data", "prior"])
def test_known_sigmas_have_no_initial_values(y):
    assert inits(mixture(2, sigma=1.0), y).keys() == {"theta_raw", "mu_raw"}
