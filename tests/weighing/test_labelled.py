"""Labels that cut least: one of K! copies is inside, and its density is Stan's."""

import itertools
import math

import numpy as np
import pytest

from pystan_mix import (
    Dirichlet,
    HalfNormal,
    MultivariateNormalMixture,
    Normal,
    NormalMixture,
    simulate,
)
from pystan_mix.mixtures.density import log_joint, to_constrained, to_unconstrained
from pystan_mix.mixtures.target import target_of
from pystan_mix.selection.restrictions import log_ordering_of
from pystan_mix.stats.correlations import CORRELATION
from pystan_mix.stats.importance.weighted_draws import total_density
from pystan_mix.weighing.labelled import labelled, picked

Y = simulate(60, theta=[0.5, 0.3, 0.2], mu=[0, 0, 3], sigma=[0.5, 3.0, 1.0], seed=1)
MODEL = NormalMixture(
    n_components=3,
    weights=Dirichlet([1.0, 2.0, 3.0]),
    means=Normal([-1, 0, 1], 5),
    sigma=HalfNormal([1, 2, 3]),
    min_weight=0.01,
)
TARGET = target_of(MODEL, Y)


def draws(n=400, seed=2):
    """Return draws about a narrow and a wide component of the same mean, and a third, shuffled."""
    rng = np.random.default_rng(seed)
    theta = 0.01 + 0.97 * rng.dirichlet([25, 15, 10], n)
    variables = {
        "theta": theta,
        "mu": np.array([0, 0, 3]) + np.array([0.1, 0.6, 0.3]) * rng.normal(size=(n, 3)),
        "sigma": np.array([0.5, 3, 1]) * np.exp(0.1 * rng.normal(size=(n, 3))),
    }
    order = rng.permuted(np.tile(np.arange(3), (n, 1)), axis=1)
    return picked(variables, order), np.argmax(order == 0, axis=1)


def in_order(variables):
    return picked(variables, np.argsort(variables["mu"], axis=1))


def test_components_of_the_same_mean_are_told_apart_by_their_sd():
    variables, narrow = draws()
    posterior = labelled(TARGET, in_order(variables))
    found = posterior.relabelled(variables)
    label = np.argmin(found["sigma"].mean(axis=0))
    rows = np.arange(len(narrow))
    assert (found["sigma"][:, label] == variables["sigma"][rows, narrow]).all()
    assert posterior.inside(found).all()


def test_of_all_orders_one_is_inside():
    variables, _ = draws()
    posterior = labelled(TARGET, in_order(variables))
    orders = [np.tile(order, (400, 1)) for order in itertools.permutations(range(3))]
    inside = sum(posterior.inside(picked(variables, order)).astype(int) for order in orders)
    assert (inside == 1).all()


def test_the_density_is_stans_with_the_jacobians_changed():
    """Both are densities of the same parameters: they differ by the maps' Jacobians only."""
    variables, _ = draws()
    posterior = labelled(TARGET, in_order(variables))
    z = posterior.to_coordinates(posterior.relabelled(variables))
    found = total_density(*posterior.log_parts(z)) - posterior.from_coordinates(z).log_jacobian
    stans = to_unconstrained(TARGET, in_order(variables))
    expected = log_joint(TARGET, stans) - to_constrained(TARGET, stans).log_jacobian
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_there_and_back():
    variables, _ = draws()
    posterior = labelled(TARGET, in_order(variables))
    z = posterior.to_coordinates(posterior.relabelled(variables))
    back = posterior.ordered_variables(z)
    for name, values in in_order(variables).items():
        np.testing.assert_allclose(back[name], values, rtol=1e-9, atol=1e-12)


def test_what_is_not_at_its_label_has_no_density():
    variables, _ = draws()
    posterior = labelled(TARGET, in_order(variables))
    right = posterior.relabelled(variables)
    wrong = picked(right, np.tile([1, 0, 2], (400, 1)))
    assert np.isneginf(posterior.log_parts(posterior.to_coordinates(wrong))[0]).all()


@pytest.mark.parametrize("sigma", [[1.0, 2.0], None])
def test_known_sds_that_differ_leave_the_order_of_the_means(sigma):
    model = NormalMixture(n_components=2, means=Normal(0, 5), sigma=sigma or HalfNormal(1))
    target = target_of(model, Y)
    rng = np.random.default_rng(3)
    variables = {
        "theta": rng.dirichlet([9, 9], 200),
        "mu": np.sort(rng.normal(size=(200, 2)), axis=1),
        "sigma": rng.uniform(1, 2, (200, 2)),
    }
    if sigma:
        del variables["sigma"]
    posterior = labelled(target, variables)
    assert (posterior.labels is None) == bool(sigma)
    if sigma:
        z = to_unconstrained(target, variables)
        assert np.array_equal(posterior.to_coordinates(variables), z)
        found = total_density(*posterior.log_parts(z))
        np.testing.assert_allclose(found, log_joint(target, z), rtol=1e-12)
        assert math.isfinite(found.sum())


CENTRES = np.array([[0.0, 4.0], [1.0, -4.0], [6.0, 0.0]])


def vectors(named):
    """A target of vectors, some of which have labels, and draws about the truth."""
    rng = np.random.default_rng(5)
    own = rng.integers(0, 3, 120)
    labels = np.where(np.isin(own, named) & (rng.random(120) < 0.3), own, -1)
    y = CENTRES[own] + rng.normal(size=(120, 2))
    target = target_of(MultivariateNormalMixture(n_components=3), y, labels=labels)
    assert target.observed.named.tolist() == named
    return target, {
        "theta": rng.dirichlet([30, 30, 30], size=400),
        "mu": CENTRES + 0.3 * rng.normal(size=(400, 3, 2)),
        "sigma": rng.lognormal(0, 0.1, size=(400, 3, 2)),
        "corr": CORRELATION.from_free(0.2 * rng.normal(size=(400, 3, 1))),
    }


@pytest.mark.parametrize(("named", "copies"), [([], 6), ([1], 2), ([0, 2], 1), ([0, 1, 2], 1)])
def test_of_vectors_the_orders_are_those_of_components_that_labels_do_not_name(named, copies):
    target, variables = vectors(named)
    posterior = labelled(target, variables)
    assert (posterior.labels is None) == (copies == 1)
    free = [k for k in range(3) if k not in named]
    inside, orders = np.zeros(400, dtype=int), 0
    for places in itertools.permutations(free):
        order = np.arange(3)
        order[free] = places
        moved = picked(variables, np.tile(order, (400, 1)))
        inside += posterior.inside(moved)
        orders += 1
        # named ones stay, and the others come back
        for name, values in posterior.relabelled(moved).items():
            expected = variables[name] if copies > 1 else moved[name]
            np.testing.assert_array_equal(values, expected)
    assert orders == max(copies, 1)
    assert (inside == 1).all()
    # log Gamma of how many are free is what the integral over one order lacks
    assert log_ordering_of(target) == pytest.approx(-math.log(copies))


@pytest.mark.parametrize("named", [[], [1], [0, 2]])
def test_of_vectors_the_density_is_stans(named):
    target, variables = vectors(named)
    posterior = labelled(target, variables)
    z = posterior.to_coordinates(variables)
    inside = posterior.inside(variables)
    assert inside.mean() > 0.9
    found = posterior.log_density(z)
    np.testing.assert_allclose(found[inside], log_joint(target, z)[inside], rtol=1e-12)
    assert np.isneginf(found[~inside]).all()
