"""Tests of pystan_mix.text_tables.table: names, widths, and the column that is meant."""

import pytest

from pystan_mix.errors import DataError
from pystan_mix.text_tables.number_words import Notation
from pystan_mix.text_tables.table import column_called, may_be_marks, may_be_thousands, table_of


def table_in(text, *, header=None, **marks):
    return table_of(text, notation=Notation(**marks), header=header, file="y.csv")


@pytest.mark.parametrize(
    ("text", "names", "first"),
    [
        # no number stands in the first line
        ("x\n1\n", ["x"], ["1"]),
        ("x,y\n1,2\n", ["x", "y"], ["1", "2"]),
        ("x y\na b\n", ["x", "y"], ["a", "b"]),
        ("x,\n1,2\n", ["x", "2"], ["1", "2"]),
        ("x,NA\n1,2\n", ["x", "NA"], ["1", "2"]),
        ("my long name\n1\n", ["my long name"], ["1"]),
        # a word stands above numbers
        ("id,2020\n1,3.5\n,4.5\n", ["id", "2020"], ["1", "3.5"]),
        # numbers alone are quoted
        ('"2020","2021"\n1,2\n', ["2020", "2021"], ["1", "2"]),
        # R's row names have none above them
        ('"x"\n"a" 1\n"b" 2\n', ["row names", "x"], ["a", "1"]),
    ],
)
def test_names_are_known(text, names, first):
    table = table_in(text)
    assert table.named
    assert (table.names, table.rows[0].cells) == (names, first)


@pytest.mark.parametrize(
    "text",
    [
        "1\n2\n",
        "1.5,2\n3,4\n",
        '"1","2"\n"3","4"\n',
        "NA\n1\n",
        "NA,1\n2,3\n",
        "1.5.2\n3\n",
        "a;1'292.5\na;184.6\n",
        '"1"\n"2"\n',
        '"1 234"\n5\n',
        '"1,5"\n2.5\n',
        "1,5 2,5\n3,5 4,5\n",
        # a word that comes again is a value
        "1,f\n2,m\n3,f\n",
        # whole numbers above whole numbers, and years that do not increase
        "20,21\n5,7\n",
        "2020,2020\n5,7\n",
        "2020\n5\n",
        "3\n1.5\n2.5\n",
        "1\n",
        "1 2 3\n",
    ],
)
def test_without_names_columns_have_numbers(text):
    table = table_in(text)
    assert not table.named
    assert table.names == [str(number) for number in range(1, len(table.names) + 1)]
    assert table.rows[0].line == 1


@pytest.mark.parametrize(
    "text", ["a,1\nb,2\nc,3\n", "a,1\n", "20,21\n1.5,2.5\nNA,3.5\n", "2020,2021\n5,7\n"]
)
def test_where_it_may_have_names_or_values_it_is_to_be_said(text):
    with pytest.raises(DataError, match=r"line 1: these may be names .*: --header or --no-header"):
        table_in(text)
    assert not table_in(text, header=False).named
    if text.count("\n") > 1:
        assert table_in(text, header=True).rows[0].line == 2


def test_what_is_said_of_names_counts():
    assert table_in("1\n2\n", header=True).names == ["1"]
    assert [row.cells for row in table_in("x\n1\n", header=False).rows] == [["x"], ["1"]]
    assert table_in("1 2\n", header=False).names == ["1"]


def test_words_on_one_line_are_one_column():
    for text in ("1 2 3\n", "# one line\n 1\t2  3", "1\t2\t3\n"):
        table = table_in(text)
        assert table.names == ["1"]
        assert [row.cells for row in table.rows] == [["1"], ["2"], ["3"]]
    assert table_in("1,2,3\n").names == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no observations: it is empty"),
        ("x,y\n", "holds no observations: below its names it is empty"),
        ("1 2\n3\n", "line 2: 1 word where the first line has 2. .*one sample, .*tr -s"),
        ("1\n2 3\n", "line 2: 2 words where the first line has 1. .*one sample"),
        (
            "x y\n1 2\n3\n",
            "line 3: 1 word where the first line has 2. .* drop it.$",
        ),
        ("1,2\n3\n", "line 2: 1 cell where the first line has 2. If a comma is .*: --decimal ,"),
        ("x,y\n1,2,3\n", "line 2: 3 cells where the first line has 2. If a comma"),
        ("x;y\n1;2;3\n", "line 2: 3 cells where the first line has 2. Correct"),
    ],
)
def test_lines_of_other_lengths_are_refused(text, words):
    with pytest.raises(DataError, match=words):
        table_in(text)


def test_below_names_last_cells_may_be_left_out():
    assert [row.cells for row in table_in("x,y\n1\n2,3\n").rows] == [["1"], ["2", "3"]]


@pytest.mark.parametrize(
    ("names", "column", "position"),
    [(["x"], None, 0), (["x", "y"], "y", 1), (["x", "y"], "2", 1), (["2", "1"], "1", 1)],
)
def test_a_column_has_a_name_and_a_number(names, column, position):
    values = [["1"] for _ in names]
    assert column_called(names, column, values=values, file="y.csv") == position


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (None, r"y.csv has 3 columns; .*: x \(1 \| 2\), y \(a b\), y \(\)\. Why not\?$"),
        ("z", "y.csv has no column 'z'; it has: x, y, y"),
        ("0", "y.csv has no column '0'"),
        ("4", "y.csv has no column '4'"),
        ("²", "y.csv has no column '²'"),
        ("y", "y.csv has 2 columns called y; choose by number: 2 and 3"),
    ],
)
def test_a_column_that_is_not_one_is_refused(column, words):
    values = [["1", "2"], ["a\nb"], []]
    with pytest.raises(DataError, match=words):
        column_called(["x", "y", "y"], column, values=values, file="y.csv", hint="Why not?")


def test_of_many_columns_some_are_listed():
    names = [f"x{i}" for i in range(50)]
    with pytest.raises(DataError, match=r"50 columns; .*x19 \(1{20}\), and 30 more\.$"):
        column_called(names, None, values=[["1" * 99]] * 50, file="y.csv")


@pytest.mark.parametrize(
    ("text", "marks", "may"),
    [
        ("1,5\n2,25\n", {}, True),
        ("-1,5\n2,25e3\n", {}, True),
        ("1,5\n2,25\n", {"decimal": "."}, False),
        ("1,5 2,5\n3,5 4,5\n", {}, True),
        ("1,5 2\n3,5 4\n", {}, True),
        ("52,7  28.951\n-32,9  724\n", {}, True),
        ("64,796 -60.727 76,037\n22,539 41.874 59,728\n", {}, True),
        ("1, 5\n2, 25\n", {}, False),
        ("1 ,5\n2 ,25\n", {}, False),
        ("6,315.712\n-11,209.424\n", {}, True),
        ("1,5 a\n2,5 b\n", {}, True),
        ("m 76,686\nf 1,5\n", {}, True),
        ("1,a b\n2,c d\n", {}, False),
        ("1,5\n2,-25\n", {}, False),
        ("1,5\n2,2.5\n", {}, False),
        ("x,y\n1,5\n", {}, False),
        ("1,5,3\n", {}, False),
        ("1;5\n", {}, False),
    ],
)
def test_commas_between_cells_may_be_marks_within_numbers(text, marks, may):
    header = text.startswith("x")
    assert may_be_marks(table_in(text, header=header, **marks), Notation(**marks)) is may


@pytest.mark.parametrize(
    ("text", "marks", "may"),
    [
        ("148 958\n-84 664\n", {}, True),
        ("148 958\n84 664\n", {"decimal": "."}, False),
        ("148 958\n84 66\n", {}, False),
        ("148 958\n0 664\n", {}, False),
        ("x y\n148 958\n", {}, True),
        ("148;958\n", {}, False),
        ("148\n958\n", {}, False),
    ],
)
def test_white_space_between_cells_may_separate_thousands(text, marks, may):
    assert may_be_thousands(table_in(text, **marks), Notation(**marks)) is may


def test_commas_that_may_separate_are_no_decimal_marks():
    for text in ("x,y\n1,5\n2,5\n", "x,y;z\n1,5;2\n3,5;4\n"):
        with pytest.raises(DataError, match=r"line 1: .* separate columns, leave --decimal , out"):
            table_in(text, decimal=",")
    for text in ('"x,y"\n1,5\n2,5\n', "x,y\n1,5\n2\n", "x, y, z\n1,5\n2,5\n"):
        assert table_in(text, decimal=",").rows[0].cells == ["1,5"]
