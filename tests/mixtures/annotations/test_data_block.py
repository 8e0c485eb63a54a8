"""Tests of pystan_mix.mixtures.annotations.data_block: intervals are read back as written."""

import json

import numpy as np
import pytest

import pystan_mix as pmix
from pystan_mix.errors import DataError
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
