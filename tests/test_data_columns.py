"""Tests of pystan_mix.data_columns: bounds read from a file; vectors are those of the command."""

import numpy as np
import pytest

from pystan_mix.data_columns import read_bounds
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
