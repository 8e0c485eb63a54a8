"""Tests of pystan_mix.data_files: what files are read."""

from pathlib import Path

import numpy as np
import pytest

from pystan_mix.data_files import read_observations
from pystan_mix.errors import DataError


@pytest.fixture
def write(tmp_path):
    def write_file(content: str | bytes) -> Path:
        path = tmp_path / "y.txt"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


@pytest.mark.parametrize(
    ("content", "column", "expected"),
    [
        ("1.5\n-2\n3e1\n", None, [1.5, -2, 30]),
        ("1.5\n-2", None, [1.5, -2]),
        ("# made on Monday\n1\n\n  # two more\n2 3\n", None, [1, 2, 3]),
        ("1 2  3\n4 5\n", None, [1, 2, 3, 4, 5]),
        ("length\n1\n2\n", None, [1, 2]),
        ("length\n1\n2\n", "length", [1, 2]),
        ("1\n2\n", "1", [1, 2]),
        ("a,b\n1,2\n3,4\n", "b", [2, 4]),
        ("a,b\n1,2\n3,4\n", "2", [2, 4]),
        ("a, b\n1, 2\n# a comment, too\n3, 4\n", "b", [2, 4]),
        ("1,2\n3,4\n", "2", [2, 4]),
        ("a;b\n1;2\n3;4\n", "a", [1, 3]),
        ("a\tb\n1\t2\n3\t4\n", "b", [2, 4]),
        ('"a","b, or c"\n"1","2"\n3,"4"\n', "b, or c", [2, 4]),
        ("a,b\n1,\n3,\n", "a", [1, 3]),
        ("a,b\n1\n3,4\n", "a", [1, 3]),
        (b"\xef\xbb\xbf1\n2\n", None, [1, 2]),
        (b"\xef\xbb\xbfa,b\r\n1,2\r\n3,4\r\n", "a", [1, 3]),
        (b"1\r\n2\r\n", None, [1, 2]),
        (b"1\r2\r", None, [1, 2]),
        ("größe,b\n1,2\n", "größe", [1]),
        ("1\nnan\ninf\n", None, [1, np.nan, np.inf]),
    ],
)
def test_files_are_read(write, content, column, expected):
    path = write(content)
    y = read_observations(path, column=column)
    assert y.dtype == np.float64
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(read_observations(str(path), column=column), expected)


@pytest.mark.parametrize(
    ("content", "column", "words"),
    [
        ("", None, "no observations: it is empty"),
        ("\n \n# only a comment\n", None, "no observations: it is empty"),
        ("1\ntwo\n3\n", None, "line 2: 'two' is not a number. Correct"),
        ("# comment\nlength\n1\n\n2.5.1\n", None, "line 5: '2.5.1' is not a number"),
        ("1 2\n3 x\n", None, "line 2: 'x' is not a number"),
        ("my length\n1\n2\n", None, "line 1: 'my' is not a number"),
        ("1.5 # note\n", None, "line 1: '#' is not a number"),
        ("length\n1,5\n", None, "line 2: '1,5' is not a number"),
        ("a,b\n1,2\n3,\n", "b", "line 3: an empty cell is not a number"),
        ("a,b\n1,2\n3,NA\n", "b", "line 3: 'NA' is not a number"),
        ("a,b\n1,2\n3\n", "b", "line 3: 1 cells .* 2, and column 'b' is number 2. Correct"),
        ("length\n1,5\n2,5\n", "length", "line 2: 2 cells where the first line has 1"),
        ("a,b\n1,2\n1,5,2\n", "b", "line 3: 3 cells where the first line has 2"),
        ("a,b\n1,2\n", None, r"has 2 columns \(a, b\); choose one with --column"),
        ("1,2\n3,4\n", None, r"has 2 columns \(1, 2\); choose one"),
        ("a,b\n1,2\n", "c", "no column 'c'; it has: a, b"),
        ("a,b\n1,2\n", "0", "no column '0'; it has: a, b"),
        ("a,b\n1,2\n", "3", "no column '3'; it has: a, b"),
        ("a,b\n1,2\n", "²", "no column '²'; it has: a, b"),
        ("a,b\n1,2\n", "", "no column ''; it has: a, b"),
        ("1\n2\n", "length", "no column 'length'; it has: 1"),
        ("größe\n1\n".encode("latin-1"), None, r"byte 2 is 0xf6\). .*iconv -f latin1 -t utf-8 y"),
        ("1.5\n".encode("utf-16"), None, r"byte 0 is 0xff\). .*iconv -f utf-16 -t utf-8 y"),
        (b"1.5\n\x002\n", None, "line 2: .* is not a number"),
    ],
)
def test_faults_in_a_file_are_named(write, content, column, words):
    path = write(content)
    with pytest.raises(DataError, match=words) as caught:
        read_observations(path, column=column)
    assert str(path) in str(caught.value)


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
