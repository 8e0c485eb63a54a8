"""Populations set together: whether they agree, and draws of them."""

import numpy as np
import pytest

from pystan_mix import Dirichlet, Normal, NormalMixture
from pystan_mix.fits.draws import Draws
from pystan_mix.mixtures.target import target_of
from pystan_mix.weighing.annealing.annealed import Annealed, together

pytestmark = pytest.mark.arviz
Y = np.array([-2.1, -1.4, 0.3, 0.3, 1.9, 2.4])
ALIKE = NormalMixture(n_components=2, weights=Dirichlet(2), means=Normal(0, 3), sigma=1.0)


def test_populations_that_differ_are_not_sound():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(16, 100, 1)) + 0.6 * rng.normal(size=(16, 1, 1))
    far = Annealed(target_of(ALIKE, Y), {"mu": x}, np.zeros((16, 100)))
    assert not far.is_sound
    near = Annealed(target_of(ALIKE, Y), {"mu": rng.normal(size=(16, 100, 1))}, np.zeros((16, 100)))
    assert near.is_sound
    assert isinstance(near.draws(2, 50, rng=rng), Draws)


def test_each_population_is_resampled_by_its_own_weights():
    x = np.arange(6.0).reshape(2, 3, 1)
    weights = np.array([[0.0, 0.5, 0.5], [0.0, 0.0, 8.0]])
    with np.errstate(divide="ignore"):
        found = Annealed(target_of(ALIKE, Y), {"theta": x, "mu": x}, np.log(weights))
    np.testing.assert_allclose(found.log_integrals, np.log([1.0, 8.0]))
    each = found.of_each_population(4, rng=np.random.default_rng(1))
    assert sorted(each["mu"][0].ravel()) == [1.0, 1.0, 2.0, 2.0]
    assert (each["mu"][1] == 5.0).all()
    np.testing.assert_array_equal(each["mu"], each["theta"])


def test_what_pads_a_group_has_no_weight():
    rng, target = np.random.default_rng(1), target_of(ALIKE, Y)
    short = Annealed(target, {"mu": rng.normal(size=(2, 5, 1))}, np.zeros((2, 5)))
    long = Annealed(target, {"mu": rng.normal(size=(2, 8, 1))}, np.zeros((2, 8)))
    both = together([short, long])
    assert both.variables["mu"].shape == (4, 8, 1)
    np.testing.assert_allclose(both.weights.sum(axis=1), np.array([5, 5, 8, 8]) / 26)
