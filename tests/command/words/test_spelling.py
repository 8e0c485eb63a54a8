"""Tests of pystan_mix.command.words.spelling: priors as the command line spells them."""

import pytest
from known_posteriors import DF, HeavyMixture

from pystan_mix.command.words.spelling import (
    parse_names,
    parse_numbers,
    parse_parameter,
    parse_weights,
    spelled,
)
from pystan_mix.errors import ModelError, SettingsError
from pystan_mix.mixtures.families.normal import MEANS, SIGMA, NormalMixture
from pystan_mix.mixtures.priors import Dirichlet, Normal
from pystan_mix.mixtures.scale_priors import HalfCauchy, HalfNormal, HalfStudentT


def parse_means(text):
    return parse_parameter(MEANS, text, family=NormalMixture)


def parse_sigma(text):
    return parse_parameter(SIGMA, text, family=NormalMixture)


def parse_df(text):
    return parse_parameter(DF, text, family=HeavyMixture)


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (parse_weights, "2", Dirichlet(2)),
        (parse_weights, "1, 2,3e0", Dirichlet([1, 2, 3])),
        (parse_means, "0,10", Normal(0, 10)),
        (parse_means, "-5.5,1e1", Normal(-5.5, 10)),
        (parse_means, "0:10:20,5", Normal([0, 10, 20], 5)),
        (parse_means, "0:10,5:6", Normal([0, 10], [5, 6])),
        (parse_sigma, "1.0", 1.0),
        (parse_sigma, "1,2", [1.0, 2.0]),
        (parse_sigma, "half-cauchy:5", HalfCauchy(5)),
        (parse_sigma, "half-normal:1,2", HalfNormal([1, 2])),
        (parse_sigma, "half-student-t:3,2.5", HalfStudentT(3, 2.5)),
        (parse_sigma, "half-student-t:3,1,2", HalfStudentT(3, [1, 2])),
        # a colon between the components' values is as good as a comma
        (parse_sigma, "1:2", [1.0, 2.0]),
        (parse_df, "4", 4.0),
        (parse_df, "half-normal:30", HalfNormal(30)),
    ],
)
def test_what_is_spelled(parse, text, expected):
    assert parse(text) == expected


def test_numbers():
    assert parse_numbers("0,-1.5, 2e3", what="--mu") == [0.0, -1.5, 2000.0]


@pytest.mark.parametrize("text", ["", "1,", "1,,2", "a", "1;2", "1 2"])
def test_what_is_no_list_of_numbers_is_refused(text):
    words = "--mu takes numbers with commas between them"
    with pytest.raises(ModelError, match=words) as caught:
        parse_numbers(text, what="--mu")
    assert str(caught.value).endswith(f"it is {text!r}.")


@pytest.mark.parametrize("text", ["", "two", "1:2"])
def test_misspelled_weights_are_refused(text):
    with pytest.raises(ModelError, match="--weights takes numbers") as caught:
        parse_weights(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("text", ["", "0", "0,1,2", "0:10:20"])
def test_means_without_location_and_scale_are_refused(text):
    with pytest.raises(ModelError, match=r"--means takes LOCATION,SCALE.*\(0:10:20,5\)") as caught:
        parse_means(text)
    assert str(caught.value).endswith(f"it is {text!r}.")


@pytest.mark.parametrize("text", ["a,5", "0:b,5", "0,", "0::1,5"])
def test_means_that_are_no_numbers_are_refused(text):
    with pytest.raises(ModelError, match=r"--means takes LOCATION,SCALE.*\(0:10:20,5\)") as caught:
        parse_means(text)
    assert str(caught.value).endswith(f"it is {text!r}.")


def test_a_parameter_of_another_family_is_refused():
    words = r"--df is not for --family normal, which has --means, --sigma\."
    with pytest.raises(ModelError, match=words):
        parse_parameter(DF, "4", family=NormalMixture)


def test_what_a_parameter_is_spelled_like():
    assert spelled(SIGMA) == (
        "numbers with commas between them, half-cauchy:SCALE, half-normal:SCALE, "
        "half-student-t:DF,SCALE, inverse-gamma:SHAPE,SCALE or log-normal:LOCATION,SCALE"
    )
    assert spelled(DF) == "numbers with commas between them or half-normal:SCALE"
    assert spelled(MEANS).startswith("LOCATION,SCALE of a normal prior, ")


def test_names():
    assert parse_names("p=theta, means = mu") == {"p": "theta", "means": "mu"}


@pytest.mark.parametrize("text", ["", "p", "p=", "=theta", "p=theta,", "p=theta=mu"])
def test_names_that_are_no_pairs_are_refused(text):
    with pytest.raises(SettingsError, match="--names takes THEIRS=OURS") as caught:
        parse_names(text)
    assert str(caught.value).endswith(f"it is {text!r}.")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "wide",
        "half-cauchy",
        "half-cauchy:",
        "half-normal:wide",
        "half-student-t:3",
        "half-gamma:5",
        ":5",
        "1,,2",
    ],
)
def test_misspelled_sigmas_are_told_every_spelling(text):
    with pytest.raises(ModelError, match="--sigma takes numbers") as caught:
        parse_sigma(text)
    for spelling in ("half-cauchy:SCALE", "half-normal:SCALE", "half-student-t:DF,SCALE"):
        assert spelling in str(caught.value)
    assert str(caught.value).endswith(f"it is {text!r}.")


@pytest.mark.parametrize(
    ("parse", "text", "words"),
    [
        (parse_weights, "0", "concentration must be positive"),
        (parse_weights, "nan", "concentration must be finite"),
        (parse_means, "0,-1", "scale must be positive"),
        (parse_sigma, "half-cauchy:0", "scale must be positive"),
    ],
)
def test_the_priors_judge_the_numbers(parse, text, words):
    with pytest.raises(ModelError, match=words):
        parse(text)
