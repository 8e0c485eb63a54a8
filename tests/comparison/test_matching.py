"""Components put into the order of their means."""

import dataclasses

import numpy as np
import pytest
from known_posteriors import as_arviz, mixture_variables, switched

from pystan_mix.arviz_compat import group, to_arviz
from pystan_mix.comparison.comparability import what_is_given
from pystan_mix.comparison.invariants import invariants, mixture_draws
from pystan_mix.comparison.matching import named_by_labels, ordered_by_mean, relabelled_as
from pystan_mix.comparison.posteriors import Posterior, read_posteriors
from pystan_mix.mixtures.families.multivariate_normal import MultivariateNormalMixture

pytestmark = pytest.mark.arviz


def read(variables, *, known=None):
    fit = as_arviz(variables)
    if known is not None:
        groups = {name: group(fit, name) for name in ("posterior", "observed_data")}
        constant = groups["posterior"][[]].assign(sigma=("component", np.asarray(known)))
        fit = to_arviz(groups | {"constant_data": constant}, attrs={})
    (posterior,) = read_posteriors({"one": fit}, names={})
    return posterior


def test_switched_draws_come_back_as_they_were():
    variables = mixture_variables(1, draws=200)
    matched, share = ordered_by_mean(read(switched(variables, seed=1)))
    for name, values in variables.items():
        np.testing.assert_array_equal(matched.draws[name], values)
    assert abs(share - 5 / 6) < 4 * np.sqrt(5 / 36 / 800)


def test_what_is_in_order_is_left_alone():
    posterior = read(mixture_variables(1, draws=20))
    assert ordered_by_mean(posterior) == (posterior, 0.0)


def test_scalars_stay_and_other_vectors_go_along():
    variables = mixture_variables(1, draws=20)
    extra = {"alpha": variables["theta"][..., 0], "copy": 2.0 * variables["theta"]}
    mixed = switched(variables | {"copy": extra["copy"]}, seed=2) | {"alpha": extra["alpha"]}
    matched, _ = ordered_by_mean(read(mixed))
    np.testing.assert_array_equal(matched.draws["alpha"], extra["alpha"])
    np.testing.assert_array_equal(matched.draws["copy"], extra["copy"])


def test_known_sigmas_go_with_their_components():
    variables = mixture_variables(1, draws=20)
    del variables["sigma"]
    backwards = {name: values[..., ::-1] for name, values in variables.items()}
    before = read(backwards, known=[1.0, 2.0, 3.0])
    matched, share = ordered_by_mean(before)
    assert share == 1.0
    np.testing.assert_array_equal(matched.draws["sigma"][0, 0], [3.0, 2.0, 1.0])
    densities = [invariants(mixture_draws(each, known={}), each.y) for each in (before, matched)]
    for name, values in densities[0].items():
        np.testing.assert_allclose(densities[1][name], values, rtol=1e-12)


@pytest.mark.parametrize("named", [[], [1], [0, 2], [0, 1, 2]])
def test_components_of_vectors_that_labels_name_stay(named):
    rng = np.random.default_rng(1)
    centres = np.array([[0.0, 4.0], [6.0, 0.0], [1.0, -4.0]])
    y = centres[rng.integers(0, 3, 150)] + rng.normal(size=(150, 2))
    labels = np.full(150, -1)
    labels[: len(named)] = named
    draws = {
        "theta": rng.dirichlet([30, 30, 30], size=(2, 100)),
        "mu": centres + 0.2 * rng.normal(size=(2, 100, 3, 2)),
        "sigma": np.ones((2, 100, 3, 2)),
        "corr": np.broadcast_to(np.eye(2), (2, 100, 3, 2, 2)),
    }
    posterior = Posterior(
        name="one",
        family=MultivariateNormalMixture,
        draws=draws,
        known={},
        y=y,
        times=None,
        labels=labels if named else None,
        bounds=None,
        seconds=None,
        divergences=0,
    )
    given, names = what_is_given([posterior]), named_by_labels([posterior])
    assert names.tolist() == named
    free = np.setdiff1d(np.arange(3), named)
    order = np.tile(np.arange(3), (2, 100, 1))
    order[..., free] = rng.permuted(np.tile(free, (2, 100, 1)), axis=-1)
    moved = {
        name: np.take_along_axis(x, order.reshape(*order.shape, *(1,) * (x.ndim - 3)), axis=2)
        for name, x in draws.items()
    }
    other = dataclasses.replace(posterior, draws=moved)
    matched = relabelled_as(other, given, posterior, named=names)
    for name, values in draws.items():
        np.testing.assert_array_equal(matched.draws[name], values)
    # by itself, the others by their means' first coordinates
    alone = relabelled_as(other, given, None, named=names)
    places = np.arange(3)
    places[free] = free[np.argsort(centres[free, 0])]
    np.testing.assert_array_equal(alone.draws["mu"], draws["mu"][:, :, places])


def test_without_means_there_is_no_order():
    variables = mixture_variables(1, draws=20)
    posterior = read({"theta": variables["theta"]})
    assert ordered_by_mean(posterior) == (posterior, 0.0)
