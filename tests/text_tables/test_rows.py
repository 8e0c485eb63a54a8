"""Tests of pystan_mix.text_tables.rows: what separates cells, and where rows begin."""

import pytest

from pystan_mix.errors import DataError
from pystan_mix.text_tables.number_words import Notation
from pystan_mix.text_tables.rows import rows_of

PLAIN, COMMA = Notation(), Notation(decimal=",")


def cells_of(text, notation=PLAIN):
    separator, rows = rows_of(text, notation=notation, file="y.csv")
    return separator, [row.cells for row in rows]


@pytest.mark.parametrize(
    ("text", "notation", "separator", "cells"),
    [
        ("1\n2\n", PLAIN, " ", [["1"], ["2"]]),
        ("  1   2 \n3\t4\n", PLAIN, " ", [["1", "2"], ["3", "4"]]),
        ("1\u00a0234 5\n", PLAIN, " ", [["1\u00a0234", "5"]]),
        ('"a b" c\n1 2\n', PLAIN, " ", [["a b", "c"], ["1", "2"]]),
        ("a, b\n1,2\n", PLAIN, ",", [["a", "b"], ["1", "2"]]),
        ("a;b, c\n1;2\n", PLAIN, ";", [["a", "b, c"], ["1", "2"]]),
        ("a\tb; c\n1\t\n", PLAIN, "\t", [["a", "b; c"], ["1", ""]]),
        ("\tb\n1\t2\n", PLAIN, "\t", [["", "b"], ["1", "2"]]),
        ('"a;b",c\n1,2\n', PLAIN, ",", [["a;b", "c"], ["1", "2"]]),
        ('"a, ""b"""\n1\n', PLAIN, " ", [['a, "b"'], ["1"]]),
        ("1,5\n2,5\n", COMMA, " ", [["1,5"], ["2,5"]]),
        ("length, mm\n1,5\n", COMMA, " ", [["length,", "mm"], ["1,5"]]),
        ('a,b\n"1,5","2"\n', COMMA, ",", [["a", "b"], ["1,5", "2"]]),
        ('1,5 "a" 2,5\n3,5 "b" "4,5"\n', COMMA, " ", [["1,5", "a", "2,5"], ["3,5", "b", "4,5"]]),
        ('"1,5"\n"2,5"\n', COMMA, " ", [["1,5"], ["2,5"]]),
        ("1 234\n5\n", Notation(thousands=" "), "\t", [["1 234"], ["5"]]),
        ("sep=;\na,b;c\n", PLAIN, ";", [["a,b", "c"]]),
        ("sep=\t\na\tb\n", PLAIN, "\t", [["a", "b"]]),
        ("1;;\n2;;\n", PLAIN, ";", [["1"], ["2"]]),
        ("1;;\n2;3;\n", PLAIN, ";", [["1", ""], ["2", "3"]]),
        ("a,b\n,\n1,2\n", PLAIN, ",", [["a", "b"], ["1", "2"]]),
        ("", PLAIN, " ", []),
        ("# 1,2\n\n", PLAIN, " ", []),
    ],
)
def test_cells_are_found(text, notation, separator, cells):
    assert cells_of(text, notation) == (separator, cells)


def test_rows_know_the_line_they_begin_on():
    text = '# by hand\n\na,b\r\n"1\n\n# no comment",2\n\n3,4\n#N/A,5\n  # a comment\n#DIV/0!,6'
    _, rows = rows_of(text, notation=PLAIN, file="y.csv")
    assert [row.line for row in rows] == [3, 4, 8, 9, 11]
    assert rows[1].cells == ["1\n\n# no comment", "2"]
    assert rows[3].cells == ["#N/A", "5"]
    assert rows[1].text == '"1\n'
    assert [row.quotes for row in rows] == [0, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('a,b\n1,"2\n3,4\n', "y.csv, line 2: the quotes are not those of CSV .unexpected end"),
        ('a,b\n"1"x,2\n', "y.csv, line 2: the quotes .*Correct the line or drop it"),
    ],
)
def test_quotes_that_do_not_close_are_refused(text, words):
    with pytest.raises(DataError, match=words):
        rows_of(text, notation=PLAIN, file="y.csv")
