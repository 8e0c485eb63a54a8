"""Data blocks with labels, read back."""

import numpy as np
import pytest

import pystan_mix as pmix
from pystan_mix.errors import DataError
from pystan_mix.mixtures.annotations.labelled import labelled_alone
from pystan_mix.mixtures.stan_data import stan_data, target_of_stan_data
from pystan_mix.mixtures.target import target_of

Y = [3.0, 1.0, 3.0, -2.5, 3.0, 1.0]
LABELS = [1, -1, -1, 0, 1, -1]
MODEL = pmix.NormalMixture(n_components=3)


@pytest.mark.parametrize(
    "beside", [{}, {"counts": [2, 1, 5, 1, 1, 3]}, {"weights": [0.5, 1, 2, 1, 1.5, 3]}]
)
def test_what_is_written_is_read_back(beside):
    target = target_of(MODEL, Y, labels=LABELS, **beside)
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
    target = target_of(MODEL, Y, labels=LABELS, counts=[10**9, 1, 1, 1, 1, 1])
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
def test_what_does_not_belong_together_is_refused(change, words):
    stan = stan_data(target_of(MODEL, Y, labels=LABELS)) | change
    with pytest.raises(DataError, match=words):
        target_of_stan_data(pmix.NormalMixture, stan)
