"""Tests of pystan_mix.mixtures.stan_data: the data block of the Stan programs, there and back."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from known_posteriors import HeavyMixture
from targets import any_target

from pystan_mix.errors import DataError
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.priors import Dirichlet, Normal
from pystan_mix.mixtures.scale_priors import HalfCauchy, HalfNormal, HalfStudentT
from pystan_mix.mixtures.scale_priors_off_zero import InverseGamma, LogNormal
from pystan_mix.mixtures.stan_data import stan_data, target_of_stan_data
from pystan_mix.mixtures.target import prior_target, target_of

RECORDED = Path(__file__).resolve().parents[1] / "recorded"
FULL = NormalMixture(
    n_components=3,
    weights=Dirichlet([1, 2, 3]),
    means=Normal([0, 10, 20], 5),
    sigma=HalfCauchy(5),
    min_weight=0.1,
    min_sigma=0.25,
)
KNOWN = NormalMixture(n_components=2, means=Normal(0, 10), sigma=[1, 2])
Y = np.array([3.0, 1.0, 3.0, -2.5, 3.0, 1.0])
MODELS = [
    FULL,
    KNOWN,
    dataclasses.replace(KNOWN, sigma=0.5),
    dataclasses.replace(FULL, sigma=HalfNormal([1, 2, 3]), min_weight=0.0),
    dataclasses.replace(FULL, sigma=HalfStudentT(3, 2.5), means=Normal(1, [1, 2, 3])),
    NormalMixture(n_components=1, means=Normal(0, 1), sigma=HalfNormal(2), min_sigma=0),
    NormalMixture(n_components=1, means=Normal(0, 1), sigma=2.0),
    dataclasses.replace(FULL, sigma=InverseGamma(2, [1, 2, 3])),
    dataclasses.replace(FULL, sigma=LogNormal([-1, 0, 1], 0.5)),
    dataclasses.replace(FULL, sigma=InverseGamma(2, 3), shared_sigma=True),
    dataclasses.replace(FULL, means=[-1, 0, 0], sigma=HalfNormal([1, 2, 3])),
    dataclasses.replace(KNOWN, means=0.0),
    dataclasses.replace(FULL, known_sigma=[1, None, None]),
]


def test_stan_data_have_distinct_observations_in_order_with_their_counts():
    data = stan_data(target_of(FULL, Y))
    assert (data["N"], data["y"], data["count"]) == (3, [-2.5, 1.0, 3.0], [1, 2, 3])


def test_stan_data_have_one_number_for_each_component():
    assert stan_data(target_of(FULL, Y), n_rep=6, save_log_lik=True) == {
        "K": 3,
        "N": 3,
        "y": [-2.5, 1.0, 3.0],
        "weighted": 0,
        "count": [1, 2, 3],
        "weight": [],
        "N_labelled": 0,
        "y_labelled": [],
        "label": [],
        "times_labelled": [],
        "n_unnamed": 3,
        "unnamed": [1, 2, 3],
        "alpha": [1.0, 2.0, 3.0],
        "min_weight": 0.1,
        "sort_components": 0,
        "N_interval": 0,
        "y_lower": [],
        "y_upper": [],
        "label_interval": [],
        "times_interval": [],
        "n_mu": 3,
        "mu_known": [],
        "mu_loc": [0.0, 10.0, 20.0],
        "mu_scale": [5.0, 5.0, 5.0],
        "shared_sigma": 0,
        "n_sigma": 3,
        "sigma_known": [],
        "sigma_prior": 1,
        "sigma_df": 1.0,
        "sigma_shape": [],
        "sigma_loc": [],
        "sigma_scale": [5.0, 5.0, 5.0],
        "min_sigma": 0.25,
        "N_rep": 6,
        "save_log_lik": 1,
    }


@pytest.mark.parametrize(
    ("sigma", "df"),
    [(HalfCauchy(2), 1.0), (HalfNormal(2), math.inf), (HalfStudentT(3, 2), 3.0)],
)
def test_stan_data_have_the_degrees_of_freedom(sigma, df):
    data = stan_data(target_of(dataclasses.replace(FULL, sigma=sigma), Y))
    assert data["sigma_df"] == df
    assert data["sigma_scale"] == [2.0, 2.0, 2.0]
    assert data["n_sigma"] == 3
    assert data["sigma_known"] == []


@pytest.mark.parametrize(("sigma", "expected"), [(1.5, [1.5, 1.5]), ((1, 2), [1.0, 2.0])])
def test_stan_data_have_known_sigmas_and_an_empty_prior_of_them(sigma, expected):
    data = stan_data(target_of(dataclasses.replace(KNOWN, sigma=sigma), Y))
    assert data["n_sigma"] == 0
    assert data["sigma_known"] == expected
    assert data["sigma_scale"] == []


def test_stan_data_of_some_known_sigmas():
    model = dataclasses.replace(FULL, sigma=LogNormal([1, 2, 3], 5), known_sigma=[4, None, None])
    data = stan_data(target_of(model, Y))
    assert (data["n_sigma"], data["sigma_known"], data["shared_sigma"]) == (2, [4.0, 0.0, 0.0], 0)
    assert (data["sigma_loc"], data["sigma_scale"]) == ([2.0, 3.0], [5.0, 5.0])
    assert data["sigma_shape"] == []
    again = target_of_stan_data(NormalMixture, data)
    assert again.model.known_sigma == model.known_sigma
    # the prior of what is known counts for nothing
    assert stan_data(again) == data


def test_stan_data_of_known_means():
    data = stan_data(target_of(dataclasses.replace(KNOWN, means=3), Y))
    assert (data["n_mu"], data["mu_known"]) == (0, [3.0, 3.0])
    assert data["mu_loc"] == data["mu_scale"] == []


def test_stan_data_of_one_sigma_for_all():
    data = stan_data(target_of(dataclasses.replace(FULL, shared_sigma=True), Y))
    assert (data["n_sigma"], data["sigma_known"], data["sigma_scale"]) == (1, [], [5.0])
    assert data["shared_sigma"] == 1


def test_stan_data_say_whether_components_are_sorted():
    assert stan_data(target_of(FULL, Y), sort_components=True)["sort_components"] == 1


def test_stan_data_without_observations():
    data = stan_data(prior_target(FULL))
    assert (data["N"], data["y"], data["count"]) == (0, [], [])


def test_real_weights_stand_in_place_of_counts():
    data = json.loads(json.dumps(stan_data(target_of(FULL, Y, weights=0.1 * np.arange(6)))))
    assert (data["weighted"], data["count"], data["y"]) == (1, [], [-2.5, 1.0, 3.0])
    # 3.0 has those of the first, which is 0, the third and the fifth
    np.testing.assert_allclose(data["weight"], [0.3, 0.1 + 0.5, 0.2 + 0.4], rtol=1e-15)
    again = target_of_stan_data(NormalMixture, data)
    assert again.model == FULL
    assert again.observed.are_weighted
    assert stan_data(again) == data


def test_counts_of_a_data_block_are_expanded_up_to_a_million():
    data = stan_data(target_of(FULL, Y)) | {"count": [1, 2, 400_000_000]}
    found = target_of_stan_data(NormalMixture, data).observed
    assert found.y.tolist() == [-2.5, 1.0, 3.0]
    assert found.size == 400_000_003


def test_labelled_observations_stand_apart():
    data = stan_data(target_of(FULL, Y, labels=[-1, 1, 1, -1, 1, 1]))
    assert (data["N"], data["y"], data["count"]) == (2, [-2.5, 3.0], [1, 1])
    assert (data["y_labelled"], data["label"]) == ([1.0, 3.0], [2, 2])
    assert (data["N_labelled"], data["times_labelled"]) == (2, [2.0, 2.0])
    assert (data["n_unnamed"], data["unnamed"]) == (2, [1, 3])


@pytest.mark.parametrize("weight", [[1.0], [1.0, 0.0, 1.0], [1.0, "a", 1.0], None])
def test_weights_of_a_data_block_are_checked(weight):
    data = stan_data(target_of(FULL, Y, weights=np.ones(6))) | {"weight": weight}
    with pytest.raises(DataError, match="weight must be 3 numbers above 0"):
        target_of_stan_data(NormalMixture, data)


@pytest.mark.parametrize("model", [FULL, KNOWN])
@pytest.mark.parametrize("y", [Y, Y.astype(np.float32), None], ids=["64", "32", "none"])
def test_stan_data_are_json(model, y):
    data = stan_data(any_target(model, y), n_rep=3, save_log_lik=True)
    assert type(data["save_log_lik"]) is int  # JSON's true is no integer to Stan
    assert json.loads(json.dumps(data, allow_nan=False)) == data


@pytest.mark.parametrize("model", MODELS, ids=repr)
@pytest.mark.parametrize("y", [Y, None], ids=["data", "prior"])
def test_the_model_and_the_observations_come_back(model, y):
    data = json.loads(json.dumps(stan_data(any_target(model, y), n_rep=4)))
    again = target_of_stan_data(NormalMixture, data)
    assert again.model == model
    assert stan_data(again, n_rep=4) == data
    # in another order, since Stan is sent each value once
    np.testing.assert_array_equal(again.observed.y, np.sort([] if y is None else Y))
    np.testing.assert_array_equal(again.observed.distinct[again.observed.index], again.observed.y)


@pytest.mark.parametrize(
    "df", [HalfNormal(10), HalfNormal([10, 20]), 4.0, [4, 5]], ids=["one", "each", "4", "4, 5"]
)
def test_a_parameter_that_all_components_may_share_comes_back(df):
    model = HeavyMixture(n_components=2, means=Normal(0, 1), sigma=1.0, df=df)
    data = stan_data(target_of(model, Y))
    known = model.is_known(HeavyMixture.parameters[2])
    assert data["n_df"] == (0 if known else model.size(HeavyMixture.parameters[2]))
    assert len(data["df_scale"]) == data["n_df"]
    # a vector for each component, whether one value serves all of them or not
    assert data["df_known"] == (np.broadcast_to(df, 2).tolist() if known else [])
    again = target_of_stan_data(HeavyMixture, data).model
    assert again == model


def test_a_half_student_t_has_its_own_name_back():
    """Of one degree of freedom it is the half-Cauchy."""
    model = dataclasses.replace(FULL, sigma=HalfStudentT(1, 5))
    assert target_of_stan_data(NormalMixture, stan_data(target_of(model, Y))).model == FULL


@pytest.mark.parametrize(
    ("name", "sigma", "min_weight"),
    [
        ("data.json", HalfNormal(5), 0.1),
        ("data-advi.json", HalfNormal(5), 0.1),
        ("data-bare.json", HalfNormal(5), 0.1),
        ("data-known-sigma.json", (1.0, 1.5), 0.0),
    ],
)
def test_data_blocks_of_version_0_1_0_are_read(name, sigma, min_weight):
    data = json.loads((RECORDED / name).read_text())
    assert ("sigma" in data) == isinstance(sigma, tuple)
    target = target_of_stan_data(NormalMixture, data)
    # then it had no floor under sigma
    floor = {} if isinstance(sigma, tuple) else {"min_sigma": 0.0}
    assert target.model == NormalMixture(
        n_components=2, means=Normal(0, 10), sigma=sigma, min_weight=min_weight, **floor
    )
    assert target.observed.y.tolist() == np.repeat(data["y"], data["count"]).tolist()
    assert target.observed.distinct.tolist() == data["y"]


def test_the_data_block_of_the_textbook_program_is_read():
    """It has no counts, no floor, and its observations are in any order."""
    data = {
        "K": 2,
        "N": 6,
        "y": Y.tolist(),
        "alpha": [2, 2],
        "mu_loc": [0, 0],
        "mu_scale": [10, 10],
        "sigma": [1, 2],
    }
    target = target_of_stan_data(NormalMixture, data)
    assert target.model == KNOWN
    np.testing.assert_array_equal(target.observed.y, Y)
    assert target.observed.count.tolist() == [1, 2, 3]


@pytest.mark.parametrize("missing", ["alpha", "mu_loc", "mu_scale", "sigma_df", "sigma_scale", "y"])
def test_what_is_missing_is_named(missing):
    data = stan_data(target_of(FULL, Y))
    del data[missing]
    with pytest.raises(DataError, match=f"There is no {missing}: the model is not known"):
        target_of_stan_data(NormalMixture, data)
