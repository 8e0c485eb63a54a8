"""Vectors in whatever holds them: taken as rows, or refused."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from pystan_mix.errors import DataError, SettingsError
from pystan_mix.mixtures.vectors.rows import as_vectors, check_vector_points, checked_vectors

ROWS = [[1.0, 5.0], [2.0, 4.0], [2.0, 4.0], [3.0, 9.0]]


@pytest.mark.parametrize(
    ("held", "names"),
    [
        (ROWS, ()),
        (np.array(ROWS), ()),
        (np.array(ROWS, dtype=object), ()),
        ([["1", "5"], ["2", "4"], ["2", "4"], ["3", "9"]], ()),
        (pd.DataFrame(ROWS, columns=["a", "b"]), ("a", "b")),
        ({"a": [1, 2, 2, 3], "b": [5, 4, 4, 9]}, ("a", "b")),
        (xr.DataArray(ROWS), ()),
    ],
)
def test_whatever_holds_rows_is_taken(held, names):
    found = checked_vectors(held)
    np.testing.assert_array_equal(found.y, ROWS)
    assert found.names == names
    np.testing.assert_array_equal(found.distinct, [[1, 5], [2, 4], [3, 9]])
    np.testing.assert_array_equal(found.count, [1, 2, 1])
    np.testing.assert_array_equal(found.distinct[found.index], ROWS)


def test_rows_with_a_missing_coordinate_are_refused_or_dropped():
    rows = [*ROWS, [None, 1.0], [np.nan, np.nan]]
    with pytest.raises(DataError, match=r"2 of 6 observations have a missing coordinate.* row 4"):
        checked_vectors(rows)
    found = checked_vectors(rows, missing="drop")
    assert (len(found.y), found.dropped) == (4, 2)
    masked = np.ma.masked_equal(np.array(ROWS), 9.0)
    assert checked_vectors(masked, missing="drop").dropped == 1
    with pytest.raises(SettingsError, match="missing"):
        checked_vectors(rows, missing="keep")


def test_rows_with_a_missing_coordinate_are_kept_by_what_they_have():
    rows = [*ROWS, [None, 1.0], [np.nan, np.nan], [None, 1.0]]
    with pytest.raises(DataError, match=r'missing="drop".*missing="marginalise"'):
        checked_vectors(rows)
    found = checked_vectors(rows, missing="marginalise")
    assert (len(found.y), found.dropped, found.incomplete) == (6, 1, 2)
    np.testing.assert_array_equal(found.y[4], [np.nan, 1.0])
    np.testing.assert_array_equal(found.distinct[3:], [[np.nan, 1.0]])
    np.testing.assert_array_equal(found.count, [1, 2, 1, 2])
    np.testing.assert_array_equal(found.distinct[found.index], found.y)
    whole = checked_vectors(ROWS, missing="marginalise")
    assert (whole.dropped, whole.incomplete) == (0, 0)
    np.testing.assert_array_equal(whole.distinct, checked_vectors(ROWS).distinct)


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ([[None, None], [np.nan, None]], "None of the 2 observations has any coordinate"),
        ([[1, None], [2, 3], [4, None]], "there are 1 of coordinate 2"),
        ([[1, 3], [2, 3], [4, None]], "coordinate 2 is 3 in all 2"),
        ([[1, None], [2, np.inf], [None, 4]], "coordinate 2: 1 of 2 observations are not finite"),
    ],
)
def test_a_coordinate_is_observed_and_varies(held, words):
    with pytest.raises(DataError, match=words):
        checked_vectors(held, missing="marginalise")


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ([1.0, 2.0], r"Vectors stand in rows.*shape is \(2,\)"),
        (np.zeros((3, 2, 2)), r"shape is \(3, 2, 2\)"),
        (None, "no observations"),
        ([[1, "x"], [2, 3]], "Coordinate 2: .*'x'"),
        ({"a": [1, 2], "b": [1]}, r"\[1, 2\] values"),
        ([[1, 5], [2, 5]], "coordinate 2 is 5 in all 2"),
        (pd.DataFrame({"a": [1, 2], "b": [3, 3]}), "b is 3 in all 2"),
        ([[1, 5], [2, np.inf]], "coordinate 2: 1 of 2 observations are not finite"),
        ([[1, 5]], "At least two observations"),
    ],
)
def test_what_is_no_vectors_is_refused(held, words):
    with pytest.raises(DataError, match=words):
        checked_vectors(held)


def test_there_are_as_many_vectors_as_components():
    with pytest.raises(DataError, match="3 different vectors for 4 components"):
        checked_vectors(ROWS, n_components=4)


def test_equal_rows_are_put_together_with_their_counts():
    found = checked_vectors([*ROWS, [7, 7]], counts=[1, 2, 3, 4, 0])
    np.testing.assert_array_equal(found.y, ROWS)
    np.testing.assert_array_equal(found.times, [1, 2, 3, 4])
    np.testing.assert_array_equal(found.count, [1, 5, 4])
    assert (found.size, found.are_weighted) == (10, False)
    found = checked_vectors(ROWS, weights=[0.5, 2, 3, 4])
    np.testing.assert_array_equal(found.count, [0.5, 5, 4])
    assert (found.size, found.are_weighted) == (9.5, True)


def test_rows_are_put_together_by_their_labels():
    found = checked_vectors(ROWS, labels=[1, -1, 0, -1], n_components=2, counts=[1, 2, 3, 4])
    np.testing.assert_array_equal(found.distinct, [[1, 5], [2, 4], [2, 4], [3, 9]])
    np.testing.assert_array_equal(found.label, [1, -1, 0, -1])
    np.testing.assert_array_equal(found.count, [1, 2, 3, 4])
    np.testing.assert_array_equal(found.named, [0, 1])
    assert checked_vectors(ROWS, labels=[-1] * 4).label is None


def test_what_stands_beside_a_missing_row_counts_for_nothing():
    rows = [*ROWS, [np.nan, np.nan], [np.nan, 3]]
    beside = {"counts": [1, 1, 1, 1, np.nan, 2], "labels": [0, -1, -1, -1, 99, 1]}
    found = checked_vectors(rows, missing="marginalise", n_components=2, **beside)
    assert (found.dropped, found.incomplete, found.size) == (1, 1, 6)
    assert found.label[found.index].tolist() == [0, -1, -1, -1, 1]
    dropped = checked_vectors(rows, missing="drop", n_components=2, **beside)
    assert (dropped.dropped, dropped.size, dropped.named.tolist()) == (2, 4, [0])


@pytest.mark.parametrize(
    ("beside", "words"),
    [
        ({"counts": [1, 2, 3]}, "3 counts for 4 observations"),
        ({"counts": [1, 2, 3, 0.5]}, "Counts are whole numbers"),
        ({"weights": [1, 2, 3, -1]}, "None may be below 0"),
        ({"counts": [1] * 4, "weights": [1] * 4}, "There are counts and weights"),
        ({"labels": [0, 1, 2, -1]}, "1 of 4 labels name no component"),
        ({"labels": [0, 1]}, "2 labels for 4 observations"),
        ({"counts": [2**31, 1, 1, 1]}, "Stan counts up to 2147483647"),
        ({"counts": [0, 2, 1, 0]}, "coordinate 1 is 2 in all 2"),
        # of two labels one vector is no two
        ({"counts": [1, 1, 1, 0], "labels": [0, 1, 2, 0]}, "2 different vectors for 3 components"),
    ],
)
def test_what_cannot_stand_beside_vectors_is_refused(beside, words):
    n_components = 3 if "components" in words else 2
    with pytest.raises(DataError, match=words):
        checked_vectors(ROWS, n_components=n_components, **beside)


def test_points_have_the_coordinates_of_the_fit():
    np.testing.assert_array_equal(check_vector_points(ROWS, dims=2), ROWS)
    with pytest.raises(DataError, match="have 2 coordinates, and the fit's observations 3"):
        check_vector_points(ROWS, dims=3)
    assert np.isnan(check_vector_points([[1, None]], dims=2)).tolist() == [[False, True]]
    with pytest.raises(DataError, match="not finite"):
        check_vector_points([[1, np.inf]], dims=2)


def test_columns_of_other_libraries_are_read():
    pl = pytest.importorskip("polars")
    values, names = as_vectors(pl.DataFrame({"a": [1, 2], "b": [3, 4]}))
    assert (values.tolist(), names) == ([[1, 3], [2, 4]], ("a", "b"))
