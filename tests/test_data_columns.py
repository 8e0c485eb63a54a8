"""Tests of pystan_mix.data_columns: bounds and vectors read from a file."""

import numpy as np
import pytest

from pystan_mix.data_columns import read_bounds, read_vectors
from pystan_mix.errors import DataError

TEXT = "lo,hi,n\n,0.5,30\n0.5,1.5,20\n2.5,inf,4\n2,2,1\nNA,,3\n-inf,1,2\n"


def test_bounds_may_be_left_out(tmp_path):
    path = tmp_path / "bounds.csv"
    path.write_text(TEXT)
    found, (count,) = read_bounds(path, lower="lo", upper="hi", beside=["n"])
    inf, nan = np.inf, np.nan
    np.testing.assert_array_equal(found.lower, [-inf, 0.5, 2.5, 2.0, nan, -inf])
    np.testing.assert_array_equal(found.upper, [0.5, 1.5, inf, 2.0, nan, 1.0])
    assert count.values.tolist() == [30.0, 20.0, 4.0, 1.0, 3.0, 2.0]
    assert (found.n, found.missing) == (5, 1)
    assert found.sentence.endswith(
        "bounds in columns 'lo' and 'hi', 5 rows; 2 without a lower one, 1 without an upper one; "
        "1 with neither."
    )


def test_one_column_is_not_both_bounds(tmp_path):
    path = tmp_path / "bounds.csv"
    path.write_text(TEXT)
    with pytest.raises(DataError, match="Both bounds are in column 'lo'"):
        read_bounds(path, lower="lo", upper="lo")


def test_rows_are_kept_by_what_they_have(tmp_path):
    path = tmp_path / "vectors.csv"
    path.write_text("a,b\n1,2\n,3\n4,NA\nNA,NA\n5,6\n")
    found, others = read_vectors(path, columns=["a", "b"], missing="marginalise")
    assert others == []
    assert (found.n, found.incomplete, found.missing) == (4, 2, 1)
    assert found.sentence.endswith(
        "4 rows, 2 with missing values that are integrated out; 1 without any value left out."
    )
    dropped, _ = read_vectors(path, columns=["a", "b"], missing="drop")
    assert (dropped.n, dropped.incomplete, dropped.missing) == (2, 0, 3)
    assert dropped.sentence.endswith("2 rows; 3 with a missing value left out.")
    with pytest.raises(DataError, match=r"line 3: .*--missing drop; or .* --missing marginalise"):
        read_vectors(path, columns=["a", "b"])
