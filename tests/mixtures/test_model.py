"""Tests of pystan_mix.mixtures.model: the model's checks, its default priors and Stan's data."""

import dataclasses
import json
import math

import numpy as np
import pytest

from pystan_mix.errors import ModelError
from pystan_mix.mixtures import model as model_module
from pystan_mix.mixtures.model import NormalMixture, stan_data, with_default_priors
from pystan_mix.mixtures.priors import Dirichlet, HalfCauchy, HalfNormal, HalfStudentT, Normal

FULL = NormalMixture(
    n_components=3,
    weights=Dirichlet([1, 2, 3]),
    means=Normal([0, 10, 20], 5),
    sigma=HalfCauchy(5),
    min_weight=0.1,
)
KNOWN = NormalMixture(n_components=2, means=Normal(0, 10), sigma=[1, 2])
Y = np.array([3.0, 1.0, 3.0, -2.5, 3.0, 1.0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n_components": 0}, "n_components must be a whole number, 1 or more; it is 0"),
        ({"n_components": -2}, "1 or more; it is -2"),
        ({"n_components": 2.5}, "n_components must be a whole number.*it is 2.5"),
        ({"n_components": 3.0}, "n_components must be a whole number.*it is 3.0"),
        ({"n_components": True}, "n_components must be a whole number.*it is True"),
        ({"n_components": "3"}, "n_components must be a whole number.*it is '3'"),
        ({"weights": 2.0}, r"weights must be a prior such as Dirichlet\(2.0\); it is 2.0"),
        ({"weights": None}, r"weights must be a prior such as Dirichlet.*None"),
        ({"weights": Normal(0, 1)}, r"weights must be a prior such as Dirichlet.*Normal\("),
        ({"weights": Dirichlet([1, 2])}, "concentration of weights has 2 values for 3 .*Give one"),
        ({"means": 0.0}, r"means must be a prior such as Normal\(0.0, 10.0\); it is 0.0"),
        ({"means": HalfNormal(1)}, r"means must be a prior such as Normal.*HalfNormal\("),
        ({"means": Normal([0, 1], 1)}, "location of means has 2 values for 3 .*Give one.*or 3"),
        ({"means": Normal(0, [1] * 4)}, "scale of means has 4 values for 3 .*Give one.*or 3"),
        ({"sigma": HalfNormal([1, 2])}, "scale of sigma has 2 values for 3 .*Give one.*or 3"),
        ({"sigma": [1, 2]}, "Sigma has 2 values for 3 components. Give one number, or 3"),
        ({"sigma": 0}, "sigma must be positive; it is 0"),
        ({"sigma": -1.0}, "sigma must be positive; it is -1.0"),
        ({"sigma": [1, 0, 1]}, r"sigma must be positive; it is \[1, 0, 1\]"),
        ({"sigma": math.nan}, "sigma must be finite.*it is nan"),
        ({"sigma": math.inf}, "sigma must be finite.*it is inf"),
        ({"sigma": 1e300}, r"sigma must be finite.*it is 1e\+300"),
        ({"sigma": [[1, 2, 3]]}, r"sigma must be a number.*\[\[1, 2, 3\]\]"),
        ({"sigma": "half-normal"}, r"sigma must be.*'half-normal'.*prior such as HalfCauchy\("),
        ({"sigma": Normal(0, 1)}, r"sigma must be.*Normal\(.*prior such as HalfCauchy\("),
        ({"sigma": HalfNormal}, r"sigma must be.*HalfNormal.*prior such as HalfCauchy\("),
        ({"min_weight": 1 / 3}, "at least 0 and below 1 / n_components = 0.3333; it is 0.3333"),
        ({"min_weight": 0.5}, "below 1 / n_components = 0.3333; it is 0.5"),
        ({"min_weight": -0.1}, "min_weight must be at least 0 .*it is -0.1"),
        ({"min_weight": math.nan}, "min_weight must be finite.*nan"),
        ({"min_weight": [0.1, 0.1, 0.1]}, r"min_weight must be at least 0 .*\(0.1, 0.1, 0.1\)"),
        ({"min_weight": "0.1"}, "min_weight must be a number.*'0.1'"),
        ({"min_weight": None}, "min_weight must be a number.*None"),
    ],
)
def test_what_is_no_model_is_refused(change, words):
    with pytest.raises(ModelError, match=words):
        NormalMixture(**({"n_components": 3} | change))


def test_numbers_are_kept_as_floats():
    model = NormalMixture(
        n_components=np.int64(2), sigma=np.array([1, 2]), min_weight=np.float32(0.25)
    )
    assert (model.n_components, model.sigma, model.min_weight) == (2, (1.0, 2.0), 0.25)
    assert type(model.n_components) is int
    assert type(model.min_weight) is float
    assert NormalMixture(n_components=1, sigma=3, min_weight=0).sigma == 3.0


@pytest.mark.parametrize("model", [FULL, KNOWN, NormalMixture(n_components=1)], ids=repr)
def test_models_are_values(model):
    again = eval(repr(model), vars(model_module))  # noqa: S307
    assert again == model
    assert hash(again) == hash(model)
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.min_weight = 0.0


def test_models_that_differ_are_not_equal():
    assert dataclasses.replace(FULL, min_weight=0.2) != FULL


def test_replacing_a_field_checks_the_model_again():
    with pytest.raises(ModelError, match="location of means has 3 values for 2 components"):
        dataclasses.replace(FULL, n_components=2, weights=Dirichlet(1))


@pytest.mark.parametrize(
    ("sigma", "known"),
    [(1.0, True), ([1, 2, 3], True), (HalfNormal(1), False), (None, False)],
)
def test_sigma_is_known_when_it_is_numbers(sigma, known):
    assert NormalMixture(n_components=3, sigma=sigma).sigma_is_known is known


def test_default_priors_have_the_scale_of_the_data():
    model = with_default_priors(NormalMixture(n_components=2), Y)
    mean, sd = Y.sum() / 6, math.sqrt(((Y - Y.sum() / 6) ** 2).sum() / 6)
    assert model.means.location == pytest.approx(mean, rel=1e-14)
    assert model.means.scale == pytest.approx(2.5 * sd, rel=1e-14)
    assert isinstance(model.sigma, HalfNormal)
    assert model.sigma.scale == pytest.approx(sd, rel=1e-14)


def test_default_priors_leave_what_is_given():
    assert with_default_priors(FULL, Y) is FULL
    assert with_default_priors(FULL, Y[:0]) is FULL
    only_means = with_default_priors(NormalMixture(n_components=2, sigma=1.0), Y)
    assert only_means.sigma == 1.0
    assert only_means.means.scale > 0
    only_sigma = with_default_priors(NormalMixture(n_components=2, means=Normal(0, 1)), Y)
    assert only_sigma.means == Normal(0, 1)
    assert isinstance(only_sigma.sigma, HalfNormal)


def test_default_priors_serve_the_largest_observations():
    model = with_default_priors(NormalMixture(n_components=2), np.array([-1e100, 1e100]))
    assert model.means.scale == pytest.approx(2.5e100)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, r"means is left out.*means=Normal\("),
        ({"sigma": 1.0}, r"means is left out.*means=Normal\("),
        ({"means": Normal(0, 1)}, r"sigma is left out.*sigma=HalfNormal\("),
    ],
)
def test_default_priors_need_data(given, missing):
    with pytest.raises(ModelError, match=missing):
        with_default_priors(NormalMixture(n_components=2, **given), Y[:0])


@pytest.mark.parametrize(
    "model",
    [NormalMixture(n_components=2, sigma=1), NormalMixture(n_components=2, means=Normal(0, 1))],
    ids=["means", "sigma"],
)
def test_stan_data_need_every_prior(model):
    with pytest.raises(ModelError, match="left out; call with_default_priors"):
        stan_data(model, Y)


def test_stan_data_have_distinct_observations_in_order_with_their_counts():
    data = stan_data(FULL, Y)
    assert (data["N"], data["y"], data["count"]) == (3, [-2.5, 1.0, 3.0], [1, 2, 3])


def test_stan_data_have_one_number_for_each_component():
    assert stan_data(FULL, Y, n_rep=6, save_log_lik=True) == {
        "K": 3,
        "N": 3,
        "y": [-2.5, 1.0, 3.0],
        "count": [1, 2, 3],
        "alpha": [1.0, 2.0, 3.0],
        "min_weight": 0.1,
        "mu_loc": [0.0, 10.0, 20.0],
        "mu_scale": [5.0, 5.0, 5.0],
        "sigma_df": 1.0,
        "sigma_scale": [5.0, 5.0, 5.0],
        "N_rep": 6,
        "save_log_lik": 1,
    }


@pytest.mark.parametrize(
    ("sigma", "df"),
    [(HalfCauchy(2), 1.0), (HalfNormal(2), math.inf), (HalfStudentT(3, 2), 3.0)],
)
def test_stan_data_have_the_degrees_of_freedom(sigma, df):
    data = stan_data(dataclasses.replace(FULL, sigma=sigma), Y)
    assert data["sigma_df"] == df
    assert data["sigma_scale"] == [2.0, 2.0, 2.0]
    assert "sigma" not in data


@pytest.mark.parametrize(("sigma", "expected"), [(1.5, [1.5, 1.5]), ((1, 2), [1.0, 2.0])])
def test_stan_data_have_known_sigmas_and_no_prior_of_them(sigma, expected):
    data = stan_data(dataclasses.replace(KNOWN, sigma=sigma), Y)
    assert data["sigma"] == expected
    assert not {"sigma_df", "sigma_scale"} & data.keys()


def test_stan_data_without_observations():
    data = stan_data(FULL, Y[:0])
    assert (data["N"], data["y"], data["count"]) == (0, [], [])


@pytest.mark.parametrize("model", [FULL, KNOWN])
@pytest.mark.parametrize("y", [Y, Y.astype(np.float32), Y[:0]], ids=["64", "32", "none"])
def test_stan_data_are_json(model, y):
    data = stan_data(model, y, n_rep=3, save_log_lik=True)
    assert type(data["save_log_lik"]) is int  # JSON's true is no integer to Stan
    assert json.loads(json.dumps(data, allow_nan=False)) == data
