"""Components put into the order of their means."""

import numpy as np
import pytest
from known_posteriors import as_arviz, mixture_variables, switched

from pystan_mix.arviz_compat import group, to_arviz
from pystan_mix.comparison.invariants import invariants, mixture_draws
from pystan_mix.comparison.matching import ordered_by_mean
from pystan_mix.comparison.posteriors import read_posteriors

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


def test_without_means_there_is_no_order():
    variables = mixture_variables(1, draws=20)
    posterior = read({"theta": variables["theta"]})
    assert ordered_by_mean(posterior) == (posterior, 0.0)
