"""Tests of pystan_mix.mixtures.model_json: a model written as JSON, and read."""

import dataclasses
import json

import pytest
from known_posteriors import HeavyMixture

from pystan_mix.errors import DataError, ModelError
from pystan_mix.mixtures import model_json
from pystan_mix.mixtures.families import FAMILIES
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.model_json import family_called, model_from_json, model_to_json
from pystan_mix.mixtures.priors import Dirichlet, Normal
from pystan_mix.mixtures.scale_priors import HalfCauchy, HalfNormal, HalfStudentT
from pystan_mix.mixtures.scale_priors_off_zero import InverseGamma, LogNormal

FULL = {
    "n_components": 3,
    "weights": Dirichlet([1, 2, 3]),
    "means": Normal([0, 10, 20], 1 / 3),
    "min_weight": 0.1,
    "min_sigma": 0.25,
}
TEXT = model_to_json(NormalMixture(**FULL, sigma=HalfCauchy(5)))


@pytest.mark.parametrize(
    "sigma",
    [
        HalfCauchy(5),
        HalfCauchy([1, 2, 3]),
        HalfNormal(1e-100),
        HalfNormal((0.1, 0.2, 0.3)),
        HalfStudentT(3, 2.5),
        HalfStudentT(1, [1, 2, 3]),
        InverseGamma(2, 0.5),
        LogNormal([-1, 0, 1], 0.5),
        0.1,
        [1, 2, 3],
        None,
    ],
    ids=repr,
)
@pytest.mark.parametrize(
    "change", [{}, {"means": None, "min_weight": 0.0}, {"weights": Dirichlet(7)}]
)
def test_models_come_back(sigma, change):
    model = NormalMixture(**(FULL | change), sigma=sigma)
    text = model_to_json(model)
    again = model_from_json(text)
    assert again == model
    assert hash(again) == hash(model)
    assert type(again) is NormalMixture


def test_what_is_written():
    """Files hold it: what is written once must be read for ever."""
    assert json.loads(TEXT) == {
        "family": "normal",
        "n_components": 3,
        "weights": {"Dirichlet": {"concentration": [1.0, 2.0, 3.0]}},
        "min_weight": 0.1,
        "means": {"Normal": {"location": [0.0, 10.0, 20.0], "scale": 1 / 3}},
        "sigma": {"HalfCauchy": {"scale": 5.0}},
        "min_sigma": 0.25,
        "shared_sigma": False,
        "known_sigma": None,
    }


@pytest.mark.parametrize("means", [[-1, 0, 0], 0.5])
def test_known_means_come_back(means):
    model = NormalMixture(**FULL | {"means": means}, sigma=HalfCauchy([1, 2, 3]))
    assert model_from_json(model_to_json(model)) == model


def test_one_sigma_for_all_and_some_known_ones_come_back():
    model = NormalMixture(**FULL, sigma=HalfCauchy(5), shared_sigma=True)
    assert model_from_json(model_to_json(model)) == model
    model = NormalMixture(**FULL, sigma=HalfCauchy(5), known_sigma=[None, 0.5, None])
    assert model_from_json(model_to_json(model)) == model
    # written before there was such a thing
    text = TEXT.replace(', "shared_sigma": false, "known_sigma": null', "")
    assert text != TEXT
    assert model_from_json(text) == model_from_json(TEXT)


def test_what_was_written_before_there_was_a_floor_is_read():
    text = TEXT.replace(', "min_sigma": 0.25', "")
    assert text != TEXT
    assert model_from_json(text) == dataclasses.replace(model_from_json(TEXT), min_sigma=None)


@pytest.mark.parametrize("df", [HalfNormal(10), HalfNormal([10, 20]), 4.0, [4, 5]], ids=repr)
def test_another_family_comes_back(monkeypatch, df):
    monkeypatch.setattr(model_json, "FAMILIES", (*FAMILIES, HeavyMixture))
    model = HeavyMixture(n_components=2, means=Normal(0, 1), sigma=HalfNormal(2), df=df)
    assert model_from_json(model_to_json(model)) == model
    assert family_called("heavy") is HeavyMixture


@pytest.mark.parametrize("family", FAMILIES)
def test_families_are_called_by_their_names(family):
    assert family_called(family.family) is family


def test_a_family_that_there_is_not():
    with pytest.raises(ModelError, match="no family 'heavy'; there are: normal"):
        family_called("heavy")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "JSONDecodeError"),
        (TEXT[:-1], "JSONDecodeError"),
        ("[1, 2]", "TypeError"),
        ('"normal"', "AttributeError"),
        ("{}", "KeyError: 'family'"),
        ('{"family": "heavy"}', "no family 'heavy'"),
        ('{"family": "normal"}', "n_components"),
        (TEXT.replace("HalfCauchy", "HalfLogistic"), "KeyError: 'HalfLogistic'"),
        (TEXT.replace('"HalfCauchy"', '"Normal"'), "TypeError.*location"),
        (TEXT.replace('"min_weight": 0.1', '"min_weight": 0.9'), "min_weight must be at least 0"),
        (TEXT.replace('"min_weight"', '"least_weight"'), "TypeError.*least_weight"),
        (TEXT.replace('"scale": 5.0', '"scale": 5.0, "df": 3'), "TypeError.*df"),
        (TEXT.replace('"sigma": {', '"sigma": {"HalfNormal": {"scale": 1}, '), "ValueError"),
    ],
)
def test_what_is_no_model_is_refused(text, words):
    with pytest.raises(DataError, match=f"cannot be read.*{words}.*update it, or fit again"):
        model_from_json(text)
