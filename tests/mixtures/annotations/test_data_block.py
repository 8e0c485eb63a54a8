"""Tests of pystan_mix.mixtures.annotations.data_block: intervals and labels are read back."""

import json

import numpy as np
import pytest

import pystan_mix as pmix
from pystan_mix.errors import DataError
from pystan_mix.mixtures.annotations.data_block import labelled_alone
from pystan_mix.mixtures.density import log_joint
from pystan_mix.mixtures.stan_data import stan_data, target_of_stan_data
from pystan_mix.mixtures.target import target_of

Y = pmix.Interval([-np.inf, 0.0, 1.0, 2.0, 2.0, 1.0], [0.5, 1.0, 1.0, 2.0, np.inf, 1.0])


@pytest.mark.parametrize("beside", [{}, {"counts": [1, 2, 3, 4, 5, 6]}, {"weights": [0.5] * 6}])
def test_a_data_block_is_read_back(beside):
    target = target_of(pmix.NormalMixture(n_components=2), Y, **beside)
    written = stan_data(target)
    assert written["y"] == [1.0, 2.0]
    assert written["y_lower"] == [-np.inf, 0.0, 2.0]
    assert written["y_upper"] == [0.5, 1.0, np.inf]
    # as a file has it
    found = target_of_stan_data(pmix.NormalMixture, json.loads(json.dumps(written)))
    assert stan_data(found) == written
    z = np.random.default_rng(1).normal(size=(3, target.dimensions))
    np.testing.assert_allclose(log_joint(found, z), log_joint(target, z), rtol=1e-12)


def test_labels_of_intervals_stand_beside_them_and_are_not_read_back():
    target = target_of(pmix.NormalMixture(n_components=2), Y, labels=[1, -1, 0, -1, -1, 0])
    written = stan_data(target)
    assert (written["y_labelled"], written["label"]) == ([1.0], [1])
    assert written["label_interval"] == [2, 0, 0]
    with pytest.raises(DataError, match="labels"):
        target_of_stan_data(pmix.NormalMixture, {**written, "N_labelled": 0})


LABELLED = [3.0, 1.0, 3.0, -2.5, 3.0, 1.0]
LABELS = [1, -1, -1, 0, 1, -1]
MODEL = pmix.NormalMixture(n_components=3)


@pytest.mark.parametrize(
    "beside", [{}, {"counts": [2, 1, 5, 1, 1, 3]}, {"weights": [0.5, 1, 2, 1, 1.5, 3]}]
)
def test_labels_are_read_back(beside):
    target = target_of(MODEL, LABELLED, labels=LABELS, **beside)
    stan = stan_data(target, sort_components=True, n_rep=2, save_log_lik=True)
    found = target_of_stan_data(pmix.NormalMixture, stan)
    assert stan_data(found, sort_components=True, n_rep=2, save_log_lik=True) == stan
    assert found.observed.size == target.observed.size
    label = found.observed.label[found.observed.index]
    assert (np.diff(label >= 0) >= 0).all()
    alone = labelled_alone(found.observed)
    np.testing.assert_array_equal(alone.y, found.observed.y[label >= 0])
    np.testing.assert_array_equal(alone.label[alone.index], label[label >= 0])


def test_observations_that_are_too_many_stand_for_all_that_are_equal():
    target = target_of(MODEL, LABELLED, labels=LABELS, counts=[10**9, 1, 1, 1, 1, 1])
    stan = stan_data(target)
    found = target_of_stan_data(pmix.NormalMixture, stan).observed
    assert found.times.tolist() == [2, 1, 1, 10**9 + 1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"N_labelled": 3}, "N_labelled is 3, and y_labelled has 2 values"),
        ({"label": [1]}, r"label must be 2 whole numbers from 1 to K = 3, .*it is \[1\]"),
        ({"label": [0, 1]}, r"it is \[0, 1\]"),
        ({"label": [1, 4]}, r"it is \[1, 4\]"),
        ({"label": [1.5, 2]}, r"it is \[1\.5, 2\]"),
        ({"times_labelled": [1, 0]}, "times_labelled must be 2 whole numbers above 0"),
        ({"times_labelled": [1, 1.5]}, "times_labelled must be 2 whole numbers above 0"),
        ({"unnamed": [1, 2, 3]}, r"unnamed is \[1, 2, 3\], and .* no label names are \[3\]"),
    ],
)
def test_labels_that_do_not_belong_to_observations_are_refused(change, words):
    stan = stan_data(target_of(MODEL, LABELLED, labels=LABELS)) | change
    with pytest.raises(DataError, match=words):
        target_of_stan_data(pmix.NormalMixture, stan)
