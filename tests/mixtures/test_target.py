"""Tests of pystan_mix.mixtures.target: a model and its observations, checked and complete."""

import dataclasses
import math

import numpy as np
import pytest
from known_posteriors import HeavyMixture

import pystan_mix as pmix
from pystan_mix.errors import DataError, ModelError
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.observations import indexed
from pystan_mix.mixtures.priors import Dirichlet, Normal
from pystan_mix.mixtures.scale_priors import HalfNormal, HalfStudentT
from pystan_mix.mixtures.target import Target, completed, prior_target, target_of

Y = pmix.simulate(40, theta=[0.3, 0.3, 0.4], mu=[-3, 0, 4], sigma=1.2, seed=5).round(1)
MEANS = Normal([-2, 0, 3], [3, 4, 5])
KNOWN = NormalMixture(n_components=3, sigma=[0.8, 1.0, 1.4], means=MEANS)
FLOOR = NormalMixture(
    n_components=3,
    weights=Dirichlet([1, 2, 3]),
    sigma=HalfStudentT(3, 2.5),
    means=MEANS,
    min_weight=0.1,
    min_sigma=0.02,
)
ONE = NormalMixture(n_components=1, sigma=HalfNormal(3), means=Normal(0, 4))
OBSERVED = indexed(np.array([3.0, 1.0, 3.0, -2.5, 3.0, 1.0]))
NOTHING = indexed(np.empty(0))


@pytest.mark.parametrize(
    ("model", "dimensions", "names"),
    [
        (KNOWN, 5, ["mu"]),
        (FLOOR, 8, ["mu", "sigma"]),
        (ONE, 2, ["mu", "sigma"]),
        (NormalMixture(n_components=3, shared_sigma=True), 6, ["mu", "sigma"]),
        (NormalMixture(n_components=3, means=[0, 1, 2]), 5, ["sigma"]),
        (NormalMixture(n_components=3, known_sigma=[1, None, 2]), 6, ["mu", "sigma"]),
        (HeavyMixture(n_components=3, means=MEANS, sigma=1.0, df=HalfNormal(9)), 6, ["mu", "df"]),
        (HeavyMixture(n_components=3, means=MEANS, df=HalfNormal([1, 2, 3])), 11, None),
    ],
)
def test_what_is_to_be_estimated(model, dimensions, names):
    target = target_of(model, Y)
    assert target.dimensions == dimensions
    assert target.n_components == model.n_components
    assert [each.name for each in target.estimated] == (names or ["mu", "sigma", "df"])
    assert set(target.known) == {"mu", "sigma", "df"} & {each.name for each in model.parameters} - {
        each.name for each in target.estimated
    }


def test_the_numbers_of_weights():
    target = target_of(FLOOR, Y)
    assert target.concentration.tolist() == [1.0, 2.0, 3.0]
    assert target.free_weight == pytest.approx(0.7, rel=1e-15)
    assert target_of(KNOWN, Y).concentration.tolist() == [2.0, 2.0, 2.0]
    assert target_of(KNOWN, Y).free_weight == 1.0
    assert target_of(KNOWN, Y).known["sigma"].tolist() == [0.8, 1.0, 1.4]


def test_observations_are_checked_counted_and_set_the_priors_left_out():
    target = target_of(NormalMixture(n_components=2), Y.tolist())
    np.testing.assert_array_equal(target.observed.y, Y)
    assert target.observed.count.sum() == 40 > target.observed.distinct.size
    assert target.model.means == Normal(float(Y.mean()), 2.5 * float(Y.std()))
    assert target.model.sigma == HalfNormal(float(Y.std()))
    assert target_of(FLOOR, Y).model is FLOOR
    with pytest.raises(DataError, match="NaN, the first at position 1"):
        target_of(FLOOR, [1.0, np.nan, 2.0])
    with_gaps = target_of(FLOOR, [*Y, None, np.nan], missing="drop")
    np.testing.assert_array_equal(with_gaps.observed.y, Y)
    assert with_gaps.observed.dropped == 2
    with pytest.raises(DataError, match="There are 2 different values for 3 components"):
        target_of(FLOOR, [1.0, 2.0, 2.0])


def test_without_observations_there_must_be_priors():
    target = prior_target(FLOOR)
    assert target.observed.y.size == target.observed.distinct.size == 0
    with pytest.raises(ModelError, match="means is left out, and without data"):
        prior_target(NormalMixture(n_components=2))
    # observations that are asked for must be there
    with pytest.raises(DataError, match="there are 0"):
        target_of(FLOOR, [])
    with pytest.raises(DataError, match=r"y is None\. .*sample_prior"):
        target_of(FLOOR, None)


ALIKE = NormalMixture(n_components=2, means=Normal([-2, 2], [3, 4]), sigma=HalfNormal(3))
HEAVY = HeavyMixture(n_components=2, means=Normal(0, 5), sigma=1.0, df=HalfNormal(9))


@pytest.mark.parametrize(
    ("model", "free"),
    [
        (ALIKE, True),
        (dataclasses.replace(ALIKE, sigma=HalfStudentT(3, [2, 2]), weights=Dirichlet(5)), True),
        # nothing but the mean tells components apart, or something that is known does
        (ONE, False),
        (dataclasses.replace(ALIKE, sigma=1.0), False),
        (dataclasses.replace(ALIKE, shared_sigma=True), False),
        (dataclasses.replace(ALIKE, known_sigma=[None, 1]), False),
        # known means stay
        (dataclasses.replace(ALIKE, means=[0, 1]), False),
        (dataclasses.replace(ALIKE, means=0, weights=Dirichlet([1, 2])), False),
        (KNOWN, False),
        # the density would jump
        (dataclasses.replace(ALIKE, sigma=HalfNormal([3, 4])), False),
        (dataclasses.replace(ALIKE, weights=Dirichlet([1, 2])), False),
        # the degrees of freedom: one for all, one each, one each that is known
        (HEAVY, False),
        (dataclasses.replace(HEAVY, sigma=HalfNormal(3)), True),
        (dataclasses.replace(HEAVY, df=HalfNormal([9, 9])), True),
        (dataclasses.replace(HEAVY, df=HalfNormal([8, 9])), False),
        (dataclasses.replace(HEAVY, sigma=HalfNormal(3), df=[4, 4]), True),
        (dataclasses.replace(HEAVY, sigma=HalfNormal(3), df=[4, 5]), False),
    ],
    ids=repr,
)
def test_components_are_free_where_each_is_estimated_alike(model, free):
    assert target_of(model, Y).free_components == free
    assert prior_target(model).free_components == free


def test_width_is_part_of_the_spread_of_the_data():
    assert target_of(KNOWN, Y).width == pytest.approx(Y.std() / 6)
    assert target_of(ONE, Y).width == pytest.approx(Y.std() / 2)


def test_width_without_data_is_part_of_the_priors():
    assert prior_target(KNOWN).width == pytest.approx(4.0 / 6)
    assert prior_target(ONE).width == pytest.approx(4.0 / 2)


def test_width_of_equal_observations_is_part_of_the_priors():
    """Rounding gives six times 0.1 a spread, which is none; CmdStan can be given them."""
    assert Target(KNOWN, indexed(np.full(6, 0.1))).width == pytest.approx(4.0 / 6)


def test_default_priors_have_the_scale_of_the_data():
    model = completed(NormalMixture(n_components=2), OBSERVED)
    y = OBSERVED.y
    mean, sd = y.sum() / 6, math.sqrt(((y - y.sum() / 6) ** 2).sum() / 6)
    assert model.means.location == pytest.approx(mean, rel=1e-14)
    assert model.means.scale == pytest.approx(2.5 * sd, rel=1e-14)
    assert isinstance(model.sigma, HalfNormal)
    assert model.sigma.scale == pytest.approx(sd, rel=1e-14)


def test_default_priors_leave_what_is_given():
    assert completed(FLOOR, OBSERVED) is FLOOR
    assert completed(FLOOR, NOTHING) is FLOOR
    only_means = completed(NormalMixture(n_components=2, sigma=1.0), OBSERVED)
    assert only_means.sigma == 1.0
    assert only_means.means.scale > 0
    assert only_means.min_sigma is None  # there is nothing for it to be under
    only_sigma = completed(NormalMixture(n_components=2, means=Normal(0, 1)), OBSERVED)
    assert only_sigma.means == Normal(0, 1)
    assert isinstance(only_sigma.sigma, HalfNormal)


def test_the_floor_under_sigma_is_what_the_data_can_tell_of():
    model = dataclasses.replace(FLOOR, min_sigma=None)
    rounded = indexed(np.array([1.0, 1.5, 1.5, 3.0]))
    assert completed(model, rounded) == dataclasses.replace(model, min_sigma=0.25)
    assert completed(model, NOTHING) == dataclasses.replace(model, min_sigma=0.0)
    # without ties, on a grid or on none
    assert completed(model, indexed(np.array([1.0, 2.0, 3.0]))).min_sigma == pytest.approx(
        1e-3 * math.sqrt(2 / 3)
    )


def test_default_priors_serve_the_largest_observations():
    model = completed(NormalMixture(n_components=2), indexed(np.array([-1e100, 1e100])))
    assert model.means.scale == pytest.approx(2.5e100)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, r"means is left out.*means=Normal\("),
        ({"sigma": 1.0}, r"means is left out.*means=Normal\("),
        ({"means": Normal(0, 1)}, r"sigma is left out.*sigma=HalfCauchy\("),
    ],
)
def test_default_priors_need_data(given, missing):
    with pytest.raises(ModelError, match=missing):
        completed(NormalMixture(n_components=2, **given), NOTHING)


@pytest.mark.parametrize("means", [{"zero_inflated": True}, {"means": [0.0, 20.0]}], ids=repr)
def test_what_is_above_zero_is_not_of_a_component_that_is_always_zero(means):
    model, y = pmix.PoissonMixture(n_components=2, **means), [0, 0, 19, 22]
    assert target_of(model, y, labels=[0, -1, -1, 1]).observed.named.tolist() == [0, 1]
    with pytest.raises(DataError, match=r"Component 0 is always 0, and a label .* of 22"):
        target_of(model, y, labels=[-1, -1, -1, 0])
