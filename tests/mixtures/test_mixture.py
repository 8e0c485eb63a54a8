"""Tests of pystan_mix.mixtures.mixture: the model's checks, and what it says of its parameters."""

import dataclasses
import math

import numpy as np
import pytest
from known_posteriors import HeavyMixture

from pystan_mix.errors import ModelError
from pystan_mix.mixtures.families.normal import MEANS, SIGMA, NormalMixture
from pystan_mix.mixtures.priors import Dirichlet, Normal
from pystan_mix.mixtures.scale_priors import HalfCauchy, HalfNormal

FULL = NormalMixture(
    n_components=3,
    weights=Dirichlet([1, 2, 3]),
    means=Normal([0, 10, 20], 5),
    sigma=HalfCauchy(5),
    min_weight=0.1,
    min_sigma=0.25,
)
KNOWN = NormalMixture(n_components=2, means=Normal(0, 10), sigma=[1, 2])
DF = HeavyMixture.parameters[2]


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
        ({"means": "0"}, r"means must be a number.*'0'.*prior such as Normal\(.*known values"),
        ({"means": HalfNormal(1)}, r"means must be a number.*HalfNormal\(.*such as Normal\("),
        ({"means": [0, 1]}, "means has 2 values for 3 components. Give one number, or 3"),
        ({"means": [0, 2, 1]}, r"means must not decrease.*\(0.0, 2.0, 1.0\). Sort them, and all"),
        ({"means": math.nan}, "means must be finite.*it is nan"),
        ({"means": 0, "weights": Dirichlet(1)}, "means are 0.0, and of equal ones nothing tells"),
        ({"means": Normal([0, 1], 1)}, "location of means has 2 values for 3 .*Give one.*or 3"),
        ({"means": Normal(0, [1] * 4)}, "scale of means has 4 values for 3 .*Give one.*or 3"),
        ({"sigma": HalfNormal([1, 2])}, "scale of sigma has 2 values for 3 .*Give one.*or 3"),
        ({"sigma": [1, 2]}, "sigma has 2 values for 3 components. Give one number, or 3"),
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
    again = eval(repr(model), globals())  # noqa: S307
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
    model = NormalMixture(n_components=3, sigma=sigma)
    assert model.is_known(SIGMA) is known
    assert model.estimated == ((MEANS,) if known else (MEANS, SIGMA))


@pytest.mark.parametrize(
    ("sigma", "expected"), [(1.5, [1.5, 1.5]), ((1, 2), [1, 2]), (HalfNormal(1), None)]
)
def test_known_values_are_one_for_each_component(sigma, expected):
    known = dataclasses.replace(KNOWN, sigma=sigma).known_values()
    assert {name: values.tolist() for name, values in known.items()} == (
        {} if expected is None else {"sigma": expected}
    )


def test_a_prior_is_had_where_there_is_one():
    assert FULL.prior(MEANS) == Normal([0, 10, 20], 5)
    assert FULL.prior(SIGMA) == HalfCauchy(5)
    with pytest.raises(ModelError, match=r"sigma has no prior; it is \(1.0, 2.0\)"):
        KNOWN.prior(SIGMA)
    with pytest.raises(ModelError, match="means has no prior; it is None"):
        NormalMixture(n_components=2).prior(MEANS)


@pytest.mark.parametrize(
    ("df", "size"),
    [(HalfNormal(10), 1), (HalfNormal([10, 20, 30]), 3), (4.0, 1), ([4, 5, 6], 3)],
)
def test_a_shared_parameter_has_one_value_unless_a_sequence_is_given(df, size):
    model = HeavyMixture(n_components=3, df=df)
    assert model.size(DF) == size
    assert model.size(MEANS) == model.size(SIGMA) == 3
    if model.is_known(DF):
        assert model.known_values()["df"].tolist() == np.broadcast_to(df, size).tolist()


def test_another_family_is_checked_by_its_own_parameters():
    with pytest.raises(ModelError, match=r"df must be positive; it is 0. .*such as HalfNormal\("):
        HeavyMixture(n_components=2, df=0)
    with pytest.raises(ModelError, match=r"df must be a number.*HalfCauchy\(.*HalfNormal\("):
        HeavyMixture(n_components=2, df=HalfCauchy(1))
    with pytest.raises(ModelError, match="df has 3 values for 2 components"):
        HeavyMixture(n_components=2, df=[1, 2, 3])
    with pytest.raises(ModelError, match="n_components must be a whole number"):
        HeavyMixture(n_components=0)


def test_families_of_equal_numbers_differ():
    given = {"n_components": 2, "means": Normal(0, 1), "sigma": 1.0}
    assert HeavyMixture(**given) != NormalMixture(**given)


def test_one_sigma_may_serve_all_components():
    shared = dataclasses.replace(FULL, shared_sigma=True)
    assert [shared.size(each) for each in (MEANS, SIGMA)] == [3, 1]
    assert [shared.is_shared(each) for each in (MEANS, SIGMA)] == [False, True]
    assert not FULL.is_shared(SIGMA)
    # the default prior has one number
    assert dataclasses.replace(shared, sigma=None).is_shared(SIGMA)


def test_sigma_may_be_known_of_some_components():
    model = dataclasses.replace(FULL, known_sigma=[1, None, 2])
    assert model.known_sigma == (1.0, None, 2.0)
    assert not model.is_known(SIGMA)
    assert (model.size(SIGMA), model.count(SIGMA), model.count(MEANS)) == (3, 1, 3)
    assert model.places(SIGMA).tolist() == [1]
    # of the estimated ones, or of all
    for values in (np.array([[5.0], [6.0]]), np.array([[7.0, 5.0, 7.0], [7.0, 6.0, 7.0]])):
        assert model.filled(SIGMA, values).tolist() == [[1.0, 5.0, 2.0], [1.0, 6.0, 2.0]]
    assert FULL.filled(SIGMA, values) is values
    assert np.arange(3)[FULL.places(SIGMA)].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"known_sigma": [1, 2, 3]}, r"known_sigma must have a positive .* None .*\[1, 2, 3\]"),
        ({"known_sigma": [None] * 3}, r"some of each; it is \[None, None, None\]"),
        ({"known_sigma": [0, None, 1]}, r"positive number.*it is \[0, None, 1\]"),
        ({"known_sigma": [math.nan, None, 1]}, r"positive number.*it is \[nan, None, 1\]"),
        ({"known_sigma": 1.0}, "some of each; it is 1.0"),
        ({"known_sigma": ["a", None, 1]}, r"some of each; it is \['a', None, 1\]"),
        ({"known_sigma": [1, None]}, "known_sigma has 2 values for 3 components"),
        (
            {"sigma": 1.0},
            "known_sigma is for components that each .* is 1.0, and shared_sigma False. Leave",
        ),
        (
            {"shared_sigma": True},
            r"known_sigma is for .*HalfCauchy\(.*, and shared_sigma True. Leave one",
        ),
    ],
)
def test_sigmas_that_are_none_are_refused(change, words):
    with pytest.raises(ModelError, match=words):
        dataclasses.replace(FULL, **({"known_sigma": [1, None, 2]} | change))


@pytest.mark.parametrize(
    "other",
    [
        {"sigma": [1, 2]},
        {"known_sigma": [1, None]},
        {"sigma": HalfNormal([1, 2])},
        {"weights": Dirichlet([1, 2])},
    ],
)
def test_equal_means_may_be_known_where_something_else_tells_components_apart(other):
    model = NormalMixture(n_components=2, means=[3, 3], **other)
    assert model.is_known(MEANS)
    assert model.known_values()["mu"].tolist() == [3.0, 3.0]
    alike = {"sigma": [2, 2], "weights": Dirichlet([1, 1])}
    with pytest.raises(ModelError, match=r"means are \(3.0, 3.0\), and of equal ones nothing"):
        NormalMixture(n_components=2, means=[3, 3], **alike)


def test_equal_means_need_not_be_neighbours():
    with pytest.raises(ModelError, match="nothing tells the components apart"):
        NormalMixture(n_components=3, means=0.0, sigma=[1, 2, 1])


def test_there_must_be_something_to_estimate():
    with pytest.raises(ModelError, match="one component is known: there is nothing to estimate"):
        NormalMixture(n_components=1, means=0.0, sigma=1.0)
    assert NormalMixture(n_components=2, means=[0.0, 1.0], sigma=1.0).estimated == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shared_sigma": 1}, "shared_sigma must be True or False; it is 1"),
        ({"sigma": 1.0}, r"shared_sigma is for one value that is estimated.*; sigma is 1.0. Leave"),
        ({"sigma": [1, 2, 3]}, r"sigma is \[1, 2, 3\]. Leave"),
        ({"sigma": HalfNormal([1, 2, 3])}, r"one number for all.*HalfCauchy\(.*HalfNormal\("),
    ],
)
def test_one_sigma_that_is_none_is_refused(change, words):
    with pytest.raises(ModelError, match=words):
        dataclasses.replace(FULL, **({"shared_sigma": True} | change))


@pytest.mark.parametrize(
    ("floor", "words"), [(-1.0, "0 or more; it is -1"), ([1, 2], r"\(1.0, 2.0\)"), ("1", "'1'")]
)
def test_a_floor_that_is_none_is_refused(floor, words):
    with pytest.raises(ModelError, match=f"min_sigma must be a number.*{words}"):
        dataclasses.replace(FULL, min_sigma=floor)
