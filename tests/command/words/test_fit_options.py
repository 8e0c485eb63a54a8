"""Tests of pystan_mix.command.words.fit_options: the model that the words of a command line are."""

import argparse
import gzip

import numpy as np
import pytest
from known_posteriors import HeavyMixture

from pystan_mix.command.words import fit_options
from pystan_mix.command.words.data_options import data_from_words
from pystan_mix.command.words.fit_options import add_fit_options, model_from_words
from pystan_mix.errors import ModelError
from pystan_mix.mixtures import model_json
from pystan_mix.mixtures.families import FAMILIES
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.families.student_t import StudentTMixture
from pystan_mix.mixtures.priors import Dirichlet, Gamma, Normal
from pystan_mix.mixtures.scale_priors import HalfCauchy, HalfNormal

WITH_SIGMA = [NormalMixture, StudentTMixture]


@pytest.fixture
def two_families(monkeypatch):
    """As if there were another family, with a parameter of its own."""
    for module in (fit_options, model_json):
        monkeypatch.setattr(module, "FAMILIES", (NormalMixture, HeavyMixture))


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_fit_options(parser)
    return parser.parse_args(["y.dat", *words])


def model_of_words(*words):
    arguments = parsed(*words)
    return model_from_words(arguments, n_components=int(arguments.components))


def test_the_column_is_read_as_the_words_say(tmp_path, capsys):
    path = tmp_path / "y.csv"
    path.write_text("2020;1.234,5\n2021;\n2022;2,5\n")
    words = ["--column=2", "--thousands=.", "--no-header", "--missing=drop"]
    arguments = parsed("--components=1", *words)
    arguments.data = path
    data = data_from_words(arguments)
    np.testing.assert_array_equal(data.y.values, [1234.5, np.nan, 2.5])
    assert data.counts is data.weights is None
    said = f"{path}: column '2', 2 numbers from 2.5 to 1234.5; 1 missing value is left out.\n"
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize("packed", [False, True])
def test_counts_and_weights_are_columns_of_the_same_file(tmp_path, capsys, packed):
    path = tmp_path / "table.csv"
    content = b"value,times,share\n1.5,3,0.25\n2.5,,0.5\n"
    path.write_bytes(gzip.compress(content) if packed else content)
    arguments = parsed(
        *("--components=1", "--column=value", "--counts=times", "--observation-weights=3"),
        "--missing=drop",
    )
    arguments.data = path
    data = data_from_words(arguments)
    assert data.y.values.tolist() == [1.5, 2.5]
    np.testing.assert_array_equal(data.counts, [3.0, np.nan])
    assert data.weights.tolist() == [0.25, 0.5]
    assert "column 'times', 1 numbers from 3 to 3" in capsys.readouterr().err
    assert data.said_of(arguments) == {
        "data": str(path),
        "n": 2,
        "counts": "times",
        "observation_weights": "3",
        "missing_dropped": 0,
    }


def test_labels_are_a_column_whose_empty_cells_say_nothing(tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_text("value,kind\n1.5,0\n2.5,\n3.5,1.0\n4.5,NA\n5.5,-1\n")
    arguments = parsed("--components=2", "--column=value", "--labels=kind")
    arguments.data = path
    data = data_from_words(arguments)
    assert data.labels.tolist() == [0, -1, 1, -1, -1]
    assert f"{path}: column 'kind', 2 labels, 3 unknown.\n" in capsys.readouterr().err
    assert data.said_of(arguments)["labels"] == "kind"


def test_labels_stand_beside_bounds(tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_text("low,high,kind,times\n,1.5,0,2\n2.5,3,,1\n3.5,inf,1,4\n")
    words = ("--lower=low", "--upper=high", "--labels=kind", "--counts=times")
    arguments = parsed("--components=2", *words)
    arguments.data = path
    data = data_from_words(arguments)
    np.testing.assert_array_equal(data.observations.lower, [-np.inf, 2.5, 3.5])
    assert (data.labels.tolist(), data.counts.tolist()) == ([0, -1, 1], [2, 1, 4])
    assert "column 'kind', 2 labels, 1 unknown." in capsys.readouterr().err


def test_what_stands_beside_vectors_are_columns_too(tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_text("a,b,kind,times\n1,2,0,2\n2,,,1\n,,1,\n3,5,1,4\n")
    words = ("--columns=b,a", "--labels=kind", "--missing=marginalise")
    for option, name in (("--counts", "counts"), ("--observation-weights", "weights")):
        arguments = parsed("--components=2", *words, f"{option}=times")
        arguments.data = path
        data = data_from_words(arguments)
        np.testing.assert_array_equal(data.observations["b"], [2, np.nan, np.nan, 5])
        np.testing.assert_array_equal(getattr(data, name), [2, 1, np.nan, 4])
        assert data.labels.tolist() == [0, -1, 1, 1]
        said = capsys.readouterr().err
        assert "columns 'b', 'a', 3 rows, 1 with missing values" in said
        assert "column 'kind', 3 labels, 1 unknown." in said
        written = data.said_of(arguments)
        assert (written["labels"], written[option[2:].replace("-", "_")]) == ("kind", "times")


def test_without_words_a_file_has_a_point_and_no_gaps():
    arguments = parsed("--components=1")
    given = (arguments.column, arguments.decimal, arguments.thousands, arguments.header)
    assert (*given, arguments.missing) == (None, None, None, None, "raise")


def test_what_is_not_given_is_the_models_own_default():
    assert model_of_words("--components", "2") == NormalMixture(n_components=2)


def test_every_word_has_its_place():
    assert model_of_words(
        "--components=3",
        "--weights=1,2,3",
        "--means=0:10:20,5",
        "--sigma=half-cauchy:5",
        "--min-weight=0.1",
    ) == NormalMixture(
        n_components=3,
        weights=Dirichlet([1, 2, 3]),
        means=Normal([0, 10, 20], 5),
        sigma=HalfCauchy(5),
        min_weight=0.1,
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_takes_words_for_all_that_it_has(family):
    """Also where the same option means something else in another family."""
    words = {each.field: "0,5" if each.ordered else "3" for each in family.parameters}
    options = [f"--{field}={text}" for field, text in words.items()]
    known = {field: 3.0 for field, text in words.items() if text == "3"}
    means = Normal(0, 5)
    if family.counts:
        options[0], means = "--means=2,5", Gamma(2, 5)
    model = model_of_words(f"--family={family.family}", "--components=2", *options)
    assert model == family(n_components=2, means=means, **known)
    assert type(model) is family


@pytest.mark.parametrize("family", WITH_SIGMA)
def test_one_sigma_for_all_components(family):
    model = model_of_words(f"--family={family.family}", "--components=3", "--shared-sigma")
    assert model == family(n_components=3, shared_sigma=True)


@pytest.mark.parametrize("family", WITH_SIGMA)
def test_some_known_sigmas(family):
    words = (f"--family={family.family}", "--components=3", "--sigma=half-normal:2")
    model = model_of_words(*words, "--known-sigma=1,unknown,0.5")
    assert model == family(n_components=3, sigma=HalfNormal(2), known_sigma=[1, None, 0.5])
    with pytest.raises(ModelError, match=r"--known-sigma takes numbers, or the word unknown, "):
        model_of_words(*words, "--known-sigma=1,x,1")


@pytest.mark.parametrize("family", FAMILIES)
def test_known_means(family):
    first = 0 if family.counts else -1
    words = (f"--family={family.family}", "--components=2", f"--means=known:{first},0.5")
    assert model_of_words(*words) == family(n_components=2, means=[first, 0.5])
    # more than one word: those of a prior
    assert model_of_words("--components=2", "--means=-1,0.5").means == Normal(-1, 0.5)
    with pytest.raises(ModelError, match=r"--means takes .*; or known:NUMBERS.*'known:a'"):
        model_of_words("--components=2", "--means=known:a")


@pytest.mark.parametrize("family", [each for each in FAMILIES if each.counts])
def test_components_of_counts(family):
    words = (f"--family={family.family}", "--components=3", "--zero-inflated")
    assert model_of_words(*words, "--means=1:2:3,0.5") == family(
        n_components=3, means=Gamma([1, 2, 3], 0.5), zero_inflated=True
    )
    with pytest.raises(ModelError, match=r"--means takes SHAPE,RATE of a gamma prior"):
        model_of_words(*words, "--means=1")


@pytest.mark.parametrize(
    ("family", "option"),
    [
        ("normal", "--zero-inflated"),
        ("poisson", "--min-sigma=0"),
        ("poisson", "--shared-sigma"),
        ("poisson", "--shared-phi"),
        ("negative-binomial", "--known-sigma=1,unknown"),
    ],
)
def test_an_option_of_another_family_is_refused(family, option):
    words = (f"--family={family}", "--components=2", option)
    with pytest.raises(ModelError, match=f"{option.partition('=')[0]} is not for --family"):
        model_of_words(*words)


def test_student_t_components():
    words = ("--components=2", "--sigma=half-cauchy:5", "--df=gamma:2,0.5:1")
    assert model_of_words("--family=student-t", *words) == StudentTMixture(
        n_components=2, sigma=HalfCauchy(5), df=Gamma(2.0, [0.5, 1.0])
    )
    with pytest.raises(ModelError, match=r"--df takes numbers.* or gamma:SHAPE,RATE; it is 'x'"):
        model_of_words("--family=student-t", "--components=2", "--df=x")


def test_another_family_has_its_own_parameter(two_families):
    model = model_of_words("--family=heavy", "--components=2", "--sigma=1", "--df=half-normal:9")
    assert model == HeavyMixture(n_components=2, sigma=1.0, df=HalfNormal(9))
    assert type(model) is HeavyMixture
    # what is left out is the family's default
    assert model_of_words("--family=heavy", "--components=2") == HeavyMixture(n_components=2)
    assert type(model_of_words("--components=2")) is NormalMixture


def test_a_parameter_that_the_family_has_not(two_families):
    with pytest.raises(ModelError, match=r"--df is not for --family normal, which has --means, --"):
        model_of_words("--components=2", "--df=4")


def test_a_family_that_there_is_not(two_families, capsys):
    with pytest.raises(SystemExit):
        parsed("--components=2", "--family=cauchy")
    said = capsys.readouterr().err
    assert "--family" in said
    assert "'cauchy' (choose from" in said
    assert "normal" in said.split("choose from")[1]
    assert "heavy" in said.split("choose from")[1]


def test_help_says_of_which_family_a_parameter_is(two_families, monkeypatch):
    monkeypatch.setenv("COLUMNS", "500")
    parser = argparse.ArgumentParser()
    add_fit_options(parser)
    lines = {line.split()[0]: line for line in parser.format_help().splitlines() if "  --" in line}
    assert "{normal,heavy,multivariate-normal}" in lines["--family"]
    assert "degrees of freedom of heavy components: numbers" in lines["--df"]
    assert "standard deviations: numbers" in lines["--sigma"]
    assert "half-student-t:DF,SCALE" in lines["--sigma"]
    monkeypatch.setattr(fit_options, "FAMILIES", FAMILIES)
    parser_of_all = argparse.ArgumentParser()
    add_fit_options(parser_of_all)
    said = parser_of_all.format_help()
    assert "standard deviations or scales of normal and student-t components: numbers" in said
    assert "of poisson and negative-binomial components SHAPE,RATE of a gamma prior" in said
    # each once, though both families have it
    assert parser.format_help().count("\n  --sigma ") == 1
