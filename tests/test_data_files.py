"""Tests of pystan_mix.data_files: what files are read, and how."""

import gzip
import importlib.util
import io
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pystan_mix.data_files import read_column, read_columns, read_observations
from pystan_mix.errors import DataError, SettingsError
from pystan_mix.text_tables.number_words import Notation

FIELD = Path(__file__).parent / "files_of_the_field"
NAN = np.nan
DOUBT = "Dots are read as decimal marks; if they separate thousands: --thousands ."
BLANKS = "If the blanks separate thousands: --thousands ' '"
COMMA, DROP = {"decimal": ","}, {"missing": "drop"}
with_pyarrow = importlib.util.find_spec("pyarrow") is not None

# file, options, and the numbers, or the words that refuse it
FILES = [
    ("one_to_a_line.dat", {}, [1.5, -2, 30]),
    ("one_line.dat", {}, [1.5, 2.5, 3.5, 4]),
    ("wrapped.dat", {}, r"line 3: 1 word where the first line has 3\. .*tr -s"),
    ("named.txt", {}, [1.5, 2.5]),
    ("named.txt", {"column": "length"}, [1.5, 2.5]),
    ("named.txt", {"header": False}, "line 1: 'length' is not a number"),
    ("name_of_two_words.txt", {}, [1.5, 2.5]),
    ("name_of_two_words.txt", {"column": "leaf length"}, [1.5, 2.5]),
    ("blanks.dat", {}, r"2 columns; .*: 1 \(1\.5 \| -3\.0\), 2 \(2\.5 \| 40\.0\)\."),
    ("blanks.dat", {"column": "2"}, [2.5, 40]),
    ("blanks_and_names.dat", {}, r"has 2 columns; choose one .*: x \(1\.5 \| 3\), y \("),
    ("blanks_and_names.dat", {"column": "y"}, [2.5, 4]),
    ("quoted.csv", {}, [1.5, 2.5]),
    ("quoted_and_named.csv", {}, [1.5, 2.5]),
    ("table.csv", {}, r"3 columns; .*: id \(a1 \| a2 \| a3\), length, mm \(1\.5 \| 2"),
    ("table.csv", {"column": "length, mm"}, [1.5, 2.5, 3.5]),
    ("table.csv", {"column": "2"}, [1.5, 2.5, 3.5]),
    ("table.csv", {"column": "sex"}, "line 2: 'f' is not a number. Correct"),
    ("excel_german.csv", {"column": "Länge"}, r"line 2: '1,5' .*how it is written: --decimal ,$"),
    ("excel_german.csv", {"column": "Länge"} | COMMA, [1.5, 2.5]),
    ("excel_german.csv", {"column": "Gewicht"}, r"'1\.234,5' .*how it is written: --thousands \.$"),
    ("excel_german.csv", {"column": "Gewicht"} | COMMA, r"'1\.234,5' .*: --thousands \.$"),
    ("excel_german.csv", {"column": "Gewicht", "thousands": "."}, [1234.5, 2345.25]),
    ("excel_separator.csv", {"column": "y"}, [2, 4]),
    ("decimal_comma.txt", {}, r"2 columns; .*If the comma is the decimal mark: --decimal ,$"),
    (
        "decimal_comma.txt",
        {"column": "1"},
        "commas that may separate columns, or",
    ),
    ("decimal_comma.txt", {"column": "1", "decimal": "."}, [1, 2, 3]),
    ("decimal_comma.txt", {"column": "2"}, [5, 25, 0]),
    ("decimal_comma.txt", COMMA, [1.5, 2.25, 3]),
    (
        "decimal_commas_and_blanks.txt",
        {"column": "1"},
        "commas that may separate columns, or",
    ),
    (
        "decimal_commas_and_blanks.txt",
        {"column": "3"},
        "commas that may separate columns, or",
    ),
    ("decimal_commas_and_blanks.txt", {"column": "2"} | COMMA, [2.5, 4.5]),
    ("commas_and_dots.txt", {"column": "1"}, "commas that may separate .* or --thousands ,"),
    ("commas_and_dots.txt", {"column": "2", "thousands": "."}, [28951, 724]),
    (
        "blanks_or_thousands.txt",
        {},
        "2 columns; .*If the blanks separate thousands: --th",
    ),
    ("blanks_or_thousands.txt", {"column": "1"}, [148, 84]),
    ("blanks_or_thousands.txt", {"thousands": " "}, [148958, 84664]),
    ("decimal_comma_named.txt", {}, r"line 2: '1,5' is not a number\. .*: --decimal ,$"),
    ("decimal_comma_named.txt", COMMA, [1.5, 2.25]),
    ("decimal_comma_quoted.csv", {"column": "y"}, r"line 2: '2,5' is not a number\. .*--decimal ,"),
    ("decimal_comma_quoted.csv", {"column": "y"} | COMMA, [2.5, 4.5]),
    ("three_decimals.txt", {}, [1.234, 2.345, 10.5]),
    ("three_decimals.txt", {"thousands": "."}, [1234, 2345, 10500]),
    ("three_decimals.txt", COMMA, r"'1\.234' is not a number\. .*It is one without --decimal ,"),
    ("thousands.txt", {}, r"line 3: '1\.234\.567' is not a number\. .*written: --thousands \.$"),
    ("thousands.txt", {"thousands": "."}, [987, 1234, 1234567]),
    ("thousands_quoted.csv", {"column": "people"}, "'126,329' .*: --thousands , or --decimal ,$"),
    ("thousands_quoted.csv", {"column": "people", "thousands": ","}, [126329, 335975]),
    ("thousands_apostrophe.txt", {}, 'line 1: "1\'234.5" is not .*: --thousands "\'"$'),
    ("thousands_apostrophe.txt", {"thousands": "'"}, [1234.5, 987, 12345]),
    ("thousands_blank.txt", COMMA, "line 1: .*234,5' is not .*: --decimal , --thousands ' '$"),
    ("thousands_blank.txt", {"thousands": " "} | COMMA, [1234.5, 987, 12345]),
    ("tabs_and_gaps.tsv", {"column": "id"}, [1, 2, 3, 4]),
    ("tabs_and_gaps.tsv", {"column": "length"}, "line 3: an empty cell is a missing .* is 1 more"),
    ("tabs_and_gaps.tsv", {"column": "length"} | DROP, [1.5, NAN, 2.5, NAN]),
    ("gap_words.txt", {}, "line 1: 'NA' is a missing value, as are 5 more. .*--missing drop$"),
    ("gap_words.txt", DROP, [NAN, 1.5, NAN, 2.5, NAN, NAN, NAN, NAN]),
    ("years.csv", {"column": "2021"}, [2.5, 4.5]),
    ("years_quoted.csv", {"column": "2021"}, [2.5, 4.5]),
    ("years_alone.csv", {"column": "2"}, "line 1: these may be names of columns or values: 2020,"),
    ("years_alone.csv", {"column": "2", "header": True}, [2.5, 4.5]),
    ("years_alone.csv", {"column": "2", "header": False}, [2021, 2.5, 4.5]),
    ("without_names.csv", {"column": "1"}, [5.1, 4.9, 7]),
    (
        "without_names.csv",
        {"column": "2"},
        "line 1: 'setosa' is .*If it is a name: --header",
    ),
    (
        "names_or_values.csv",
        {"column": "2"},
        "may be names .*: anna, 2020. Say which: --header",
    ),
    ("names_or_values.csv", {"column": "2020", "header": True}, [1.5, 2.5]),
    ("names_or_values.csv", {"column": "2", "header": False}, [2020, 1.5, 2.5]),
    ("two_of_a_name.csv", {"column": "x"}, "2 columns called x; choose by number: 1 and 2"),
    ("two_of_a_name.csv", {"column": "2"}, [2, 4]),
    ("r_write_table.txt", {"column": "x"}, [1.5, 3.5]),
    ("r_write_table.txt", {"column": "row names"}, [1, 2]),
    ("pandas_index.csv", {"column": "x"}, [1.5, 2.5]),
    ("ends_with_separators.csv", {}, [1.5, 2.5]),
    ("cell_of_two_lines.csv", {"column": "x"}, [1.5, 2.5]),
    ("open_quote.csv", {"column": "x"}, "line 3: the quotes are not those of CSV"),
    ("bad_cell.csv", {"column": "y"}, r"line 5: '2\.5\.1' is not a number\. Correct"),
    ("bad_cell.csv", {"column": "x"}, [1, 2]),
    ("bad_cell.csv", {"column": "z"}, "has no column 'z'; it has: x, y"),
    ("no_break.csv", {"column": "x"}, "line 2: 3 cells where the first line has 2. .*--decimal ,"),
    ("latin1.csv", {}, r"byte 2 is 0xf6\)\. .*iconv -f latin1 -t utf-8 latin1\.csv"),
    ("utf16.txt", {}, r"byte 0 is 0xff\)\. .*iconv -f utf-16 -t utf-8 utf16\.txt"),
    ("empty.txt", {}, "holds no observations: it is empty"),
    ("names_alone.csv", {"column": "x"}, "holds no observations: below its names it is empty"),
    ("packed.csv.gz", {"column": "x"}, [1.5, 3.5]),
    ("cut_short.csv.gz", {"column": "x"}, "is no whole gzip file"),
    (
        "workbook.xlsx",
        {},
        "is no text; it is a spreadsheet or a zip archive. Save",
    ),
    (
        "columns.parquet",
        {"column": "x"},
        [1.5, 2.5, 3.5] if with_pyarrow else "Parquet file, .*: pip install pyarrow. Or write it",
    ),
]


def read(path, *, decimal=None, thousands=None, **options):
    return read_column(path, notation=Notation(decimal, thousands), **options)


@pytest.mark.parametrize(
    ("name", "options", "found"), FILES, ids=[f"{name}-{given}" for name, given, _ in FILES]
)
def test_files_of_the_field(name, options, found):
    path = FIELD / name
    if isinstance(found, str):
        with pytest.raises(DataError, match=found) as caught:
            read(path, **options)
        assert str(caught.value).startswith(str(path))
    else:
        column = read(path, **options)
        assert column.values.dtype == np.float64
        np.testing.assert_array_equal(column.values, found)
        assert column.missing == np.isnan(found).sum()
        assert column.n == len(found) - column.missing


def test_every_file_of_the_field_is_read():
    there = {path.name for path in FIELD.iterdir()} - {".gitattributes"}
    assert there == {name for name, _, _ in FILES}


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("one_to_a_line.dat", {}, "3 numbers from -2 to 30."),
        ("named.txt", {}, "column 'length', 2 numbers from 1.5 to 2.5."),
        ("blanks.dat", {"column": "2"}, "column '2', 2 numbers from 2.5 to 40."),
        (
            "gap_words.txt",
            DROP,
            "2 numbers from 1.5 to 2.5; 6 missing values are left out.",
        ),
        (
            "three_decimals.txt",
            {},
            f"3 numbers from 1.234 to 10.5. {DOUBT}",
        ),
        (
            "blanks_or_thousands.txt",
            {"column": "1"},
            f"column '1', 2 numbers from 84 to 148. {BLANKS}",
        ),
        ("three_decimals.txt", {"thousands": "."}, "3 numbers from 1234 to 10500."),
        ("three_decimals.txt", {"decimal": "."}, "3 numbers from 1.234 to 10.5."),
    ],
)
def test_what_was_read_is_said(name, options, sentence):
    assert read(FIELD / name, **options).sentence == f"{FIELD / name}: {sentence}"


@pytest.fixture
def write(tmp_path):
    def write_file(content: str | bytes) -> Path:
        path = tmp_path / "y.txt"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


@pytest.mark.parametrize(
    "content",
    [
        "1.5\n-2",
        b"\xef\xbb\xbf1.5\n-2\n",
        b"1.5\r\n-2\r\n",
        b"1.5\r-2\r",
        gzip.compress(b"\xef\xbb\xbf1.5\n-2\n", mtime=0),
    ],
)
def test_bytes_around_the_numbers_do_not_count(write, content):
    path = write(content)
    assert read_observations(path).tolist() == [1.5, -2.0]
    assert read_observations(str(path)).tolist() == [1.5, -2.0]


def test_a_column_is_chosen_for_the_observations_too(write):
    path = write("a,b\n1,2\n3,\n")
    assert read_observations(path, column="a").tolist() == [1.0, 3.0]
    with pytest.raises(DataError, match="line 3: an empty cell is a missing value"):
        read_observations(path, column="b")


def test_infinite_numbers_are_left_to_the_model(write):
    assert read_observations(write("1\ninf\n")).tolist() == [1.0, np.inf]


@pytest.mark.parametrize(
    ("content", "column", "words"),
    [
        ("1\ntwo\n3\n", None, "line 2: 'two' is not a number. Correct"),
        ("1.5 # note\n", None, "line 1: '#' is not a number"),
        (b"1.5\n\x002\n", None, "line 2: .* is not a number"),
        ("1_000\n2\n", None, "line 1: '1_000' is not a number"),
        ("a,b\n1,2\n3\n", "b", "line 3: 1 cells where .* 2, and column 'b' is number 2. Correct"),
        ("a,b\n1,2\n", "", "no column ''; it has: a, b"),
        (b"BZh91AY", None, "it is packed by bzip2. Unpack it: bunzip2"),
        (b"\x1f\x8b\x08 nonsense", None, "is no whole gzip file"),
    ],
)
def test_faults_in_a_file_are_named(write, content, column, words):
    path = write(content)
    with pytest.raises(DataError, match=words) as caught:
        read_observations(path, column=column)
    assert str(path) in str(caught.value)


def test_there_are_two_ways_with_missing_values(write):
    with pytest.raises(SettingsError, match="missing must be one of raise, drop"):
        read_column(write("1\n"), missing="impute")


def test_standard_input_is_read(monkeypatch):
    monkeypatch.setattr(
        sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(b"1.5\n2\n", mtime=0)))
    )
    found = read_column("-")
    assert found.values.tolist() == [1.5, 2.0]
    assert found.sentence == "standard input: 2 numbers from 1.5 to 2."
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"1\ntwo\n")))
    with pytest.raises(DataError, match="standard input, line 2: 'two'"):
        read_column(Path("-"))


FRAME = pd.DataFrame({"x": [1.5, 2.5], "gaps": [1, None], "words": ["a", "b"], "text": ["1", "2"]})


@pytest.fixture
def parquet(monkeypatch):
    """A file whose table pandas returns, as it does where PyArrow is installed."""
    monkeypatch.setattr(pd, "read_parquet", lambda file: FRAME)
    return FIELD / "columns.parquet"


def test_words_are_no_labels_and_how_they_are_numbered_is_said(tmp_path, parquet):
    remedy = r"Labels are the numbers of components, from 0, and empty .*\.map\("
    path = tmp_path / "table.csv"
    path.write_text("y,kind\n1,\n2,setosa\n")
    with pytest.raises(DataError, match=rf"line 3: 'setosa' is not a number\. {remedy}"):
        read_columns(path, ["y"], labels="kind")
    with pytest.raises(DataError, match=rf"column 'words': It is none of numbers\. {remedy}"):
        read_columns(parquet, ["x"], labels="words")
    _, labels = read_columns(parquet, ["x"], labels="gaps")
    np.testing.assert_array_equal(labels.values, [1, NAN])
    assert labels.sentence.endswith("columns.parquet: column 'gaps', 1 labels, 1 unknown.")


def test_a_column_of_parquet_is_read(parquet):
    assert read(parquet, column="x").values.tolist() == [1.5, 2.5]
    assert read(parquet, column="4").values.tolist() == [1.0, 2.0]
    np.testing.assert_array_equal(read(parquet, column="gaps", missing="drop").values, [1, NAN])


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (None, r"has 4 columns; .*: x \(1\.5 \| 2\.5\), gaps \(1\.0 \| nan\), words \(a \| b\)"),
        ("gaps", "column 'gaps': the value at position 1 is a missing value. Correct it"),
        ("words", "column 'words': .*'a' at position 0"),
        ("z", "no column 'z'; it has: x, gaps, words, text"),
    ],
)
def test_faults_in_parquet_are_named(parquet, column, words):
    with pytest.raises(DataError, match=words):
        read(parquet, column=column)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (ImportError("no engine"), "which pandas reads where PyArrow is installed: pip install py"),
        (ValueError("odd footer"), r"is no whole Parquet file \(odd footer\)\. Write it again"),
    ],
)
def test_what_pandas_says_of_parquet_is_passed_on(monkeypatch, fault, words):
    def refuse(file):
        raise fault

    monkeypatch.setattr(pd, "read_parquet", refuse)
    with pytest.raises(DataError, match=re.escape(str(FIELD / "columns.parquet")) + f".*{words}"):
        read(FIELD / "columns.parquet")


def test_missing_files_are_named(tmp_path):
    with pytest.raises(DataError, match=r"no file .*/absent.dat. Check its name"):
        read_observations(tmp_path / "absent.dat")


def test_folders_are_named(tmp_path):
    with pytest.raises(DataError, match=r"is a folder; name a file in it"):
        read_observations(tmp_path)


def test_what_the_system_refuses_to_read_is_named(tmp_path):
    (tmp_path / "file").write_text("1\n")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(DataError, match=r"file/y.dat cannot be read: Not a directory"):
        read_observations(tmp_path / "file" / "y.dat")
    with pytest.raises(DataError, match=r"loop cannot be read: Too many levels"):
        read_observations(tmp_path / "loop")


def test_files_without_permission_are_named(write, monkeypatch):
    """As if not root, who may read all."""

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DataError, match=r"y.txt cannot be read: permission denied. Change"):
        read_observations(write("1\n"))
