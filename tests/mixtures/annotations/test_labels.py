"""Tests of pystan_mix.mixtures.annotations.labels: what is taken, and what is refused."""

import numpy as np
import pytest

import pystan_mix as pmix
from pystan_mix.errors import DataError
from pystan_mix.mixtures.annotations.checking import checked_observations
from pystan_mix.mixtures.density import log_joint, to_constrained, to_unconstrained
from pystan_mix.mixtures.starts import initial_parameters
from pystan_mix.mixtures.target import target_of

Y = [3.0, 1.0, 3.0, -2.5, 3.0]


def test_equal_observations_of_one_label_are_put_together():
    found = checked_observations(Y, labels=[1, -1, -1, 0, 1], n_components=3)
    assert found.distinct.tolist() == [-2.5, 1.0, 3.0, 3.0]
    assert found.label.tolist() == [0, -1, -1, 1]
    assert found.count.tolist() == [1, 1, 1, 2]
    assert found.label[found.index].tolist() == [1, -1, -1, 0, 1]
    assert found.named.tolist() == [0, 1]


def test_labels_go_with_their_observations():
    found = checked_observations(
        [1, None, 2, 4], labels=[0, 1, 1, -1], counts=[5, 1, 0, 2], missing="drop", n_components=2
    )
    assert found.label.tolist() == [0, -1]
    assert found.count.tolist() == [5, 2]


def test_labels_that_say_nothing_are_none():
    assert checked_observations(Y, labels=[-1] * 5).label is None


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([0, 1, 2, -1, -1], r"1 of 5 .* 2 at position 2\. Labels of 2 components .* from 0 to 1"),
        ([0, -2, -1, -1, -1], "-2 at position 1"),
        ([0, 0.5, -1, -1, -1], r"0\.5 at position 1"),
        ([0, None, -1, -1, -1], "nan at position 1.* and -1 where it is not known"),
        ([0, 1], "2 labels for 5 observations. Give one for each, -1 where"),
        (["a", "b", "a", "b", "a"], "labels: The observations must be numbers"),
    ],
)
def test_what_names_no_component_is_refused(labels, words):
    with pytest.raises(DataError, match=words):
        checked_observations(Y, labels=labels, n_components=2)


@pytest.mark.parametrize(("label", "unnamed"), [(None, [0, 1, 2]), (1, [0, 2]), (0, [1, 2])])
def test_components_that_no_label_names_are_in_order(label, unnamed):
    labels = None if label is None else [label, -1, -1, -1, -1]
    target = target_of(pmix.NormalMixture(n_components=3), Y, labels=labels)
    assert target.unnamed.tolist() == unnamed
    z = np.random.default_rng(1).normal(scale=2.0, size=(50, target.dimensions))
    variables = to_constrained(target, z).variables()
    assert (np.diff(variables["mu"][:, unnamed]) > 0).all()
    assert (np.diff(variables["mu"]) < 0).any() == (label is not None)
    # what was pushed from far below is not found to a digit, but what it makes is
    again = to_constrained(target, to_unconstrained(target, variables)).variables()
    for name, values in variables.items():
        np.testing.assert_allclose(again[name], values, rtol=1e-9, atol=1e-9)
    assert np.isfinite(log_joint(target, z)).all()


def test_chains_begin_with_each_component_at_its_own_observations():
    y = np.concatenate([np.full(9, 0.0), np.full(9, 5.0), np.full(9, 10.0)]) + np.tile(
        np.linspace(-0.5, 0.5, 9), 3
    )
    labels = np.full(27, -1)
    labels[[0, 1]], labels[[20, 21]] = 2, 0
    target = target_of(pmix.NormalMixture(n_components=3), y, labels=labels)
    for seed in range(5):
        mu = initial_parameters(target, rng=np.random.default_rng(seed))["mu"]
        np.testing.assert_allclose(mu, [10.0, 5.0, 0.0], atol=1.5)
