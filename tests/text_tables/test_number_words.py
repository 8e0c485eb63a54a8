"""Tests of pystan_mix.text_tables.number_words: which words are numbers, and which are missing."""

import math

import pytest

from pystan_mix.errors import DataError
from pystan_mix.text_tables.number_words import (
    MISSING_WORDS,
    Notation,
    is_like_a_number,
    may_have_thousands,
    number_of,
    remedy_of,
)

PLAIN, COMMA, DOTS = Notation(), Notation(decimal=","), Notation(thousands=".")


@pytest.mark.parametrize(
    ("word", "notation", "number"),
    [
        ("12", PLAIN, 12),
        ("-1.5", PLAIN, -1.5),
        ("+.5e3", PLAIN, 500),
        ("5.E-1", PLAIN, 0.5),
        ("0.1", PLAIN, 0.1),
        ("-Inf", PLAIN, -math.inf),
        ("1,5", COMMA, 1.5),
        ("12", COMMA, 12),
        ("1,5e3", COMMA, 1500),
        ("1.234.567,5", DOTS, 1234567.5),
        ("987", DOTS, 987),
        ("1234,5", DOTS, 1234.5),
        ("1,234.5", Notation(thousands=","), 1234.5),
        ("-1'234.5", Notation(thousands="'"), -1234.5),
        ("1\u2019234", Notation(thousands="'"), 1234),
        ("1 234,5", Notation(decimal=",", thousands=" "), 1234.5),
        ("1\u00a0234\u202f567", Notation(thousands=" "), 1234567),
    ],
)
def test_numbers_are_read(word, notation, number):
    assert number_of(word, notation) == number


@pytest.mark.parametrize(
    ("word", "notation"),
    [
        *(
            (word, PLAIN)
            for word in ("1,5", "1.2.3", "1e", "e3", "1_000", "0x1F", "1 2", "5%", "\u0661")
        ),
        *((word, COMMA) for word in ("1.5", "1,2,3", "1.234,5")),
        *((word, DOTS) for word in ("1.23", "12.34.567", "1.2345", "0.234", "1.234.56", "1,234.5")),
        ("\u22121.5", PLAIN),
    ],
)
def test_what_is_no_number_is_not_read(word, notation):
    assert number_of(word, notation) is None


@pytest.mark.parametrize("word", MISSING_WORDS)
def test_missing_words_are_known_in_any_case(word):
    assert math.isnan(number_of(word, PLAIN))
    assert math.isnan(number_of(word.upper(), DOTS))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"decimal": ";"}, r"--decimal takes one of \., ,; it is ';'"),
        ({"thousands": "_"}, "--thousands takes one of .* it is '_'"),
        ({"decimal": ",", "thousands": ","}, r"',' cannot be .* too\. .*--decimal \.$"),
        ({"decimal": ".", "thousands": "."}, r"'\.' cannot be .* too\. .*--decimal ,$"),
    ],
)
def test_marks_that_cannot_be_are_refused(given, words):
    with pytest.raises(DataError, match=words):
        Notation(**given)


@pytest.mark.parametrize(
    ("word", "given", "remedy"),
    [
        ("two", PLAIN, "Correct the line or drop it."),
        ("1,5", PLAIN, "how it is written: --decimal ,"),
        ("1.234,5", PLAIN, "how it is written: --thousands ."),
        ("1 234,5", PLAIN, "how it is written: --decimal , --thousands ' '"),
        ("1'234", PLAIN, 'how it is written: --thousands "\'"'),
        ("1,234", PLAIN, "how it is written: --thousands , or --decimal ,"),
        ("1.5", COMMA, "It is one without --decimal ,. Correct the line or drop it."),
    ],
)
def test_the_notation_in_which_a_word_is_a_number_is_named(word, given, remedy):
    assert number_of(word, given) is None
    assert remedy_of(word, given).endswith(remedy)


def test_numbers_that_went_wrong_are_no_names():
    assert all(map(is_like_a_number, ("1,5", "2.5.1", "-3 mm", ".5x", "\u22121", "12%")))
    assert not any(map(is_like_a_number, ("x", "length", "x1", "-", "", "\u00b5")))


@pytest.mark.parametrize(
    ("words", "may"),
    [
        (["1.234", "10.500"], True),
        (["1.234", "987", "NA"], True),
        (["1.234", "0.234"], False),
        (["1.234", "1.5"], False),
        (["1", "2"], False),
        (["."], False),
    ],
)
def test_dots_before_three_digits_each_may_separate_thousands(words, may):
    assert may_have_thousands(words) is may
