"""Tests of pystan_mix.containers: what is taken as one sample, and what is said of the rest."""

import array
import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from pystan_mix.containers import as_numbers, check_points
from pystan_mix.errors import DataError

NAN = np.nan


class PolarsSeries:
    """What a column of Polars does: an array by NumPy's protocol, NaN for its nulls."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


class PolarsFrame(PolarsSeries):
    """What a table of Polars does: its columns are names."""

    @property
    def columns(self):  # noqa: D102
        return [f"c{i}" for i in range(len(self.values[0]))]

    def __getitem__(self, name):
        return PolarsSeries([row[int(name[1:])] for row in self.values])


class ArrowTable(PolarsFrame):
    """What a table of PyArrow does: its columns are arrays."""

    @property
    def column_names(self):  # noqa: D102
        return PolarsFrame.columns.fget(self)

    @property
    def columns(self):  # noqa: D102
        return [self[name] for name in self.column_names]


class OnlyToNumpy:
    """A column without NumPy's protocol."""

    def __init__(self, values):
        self.values = values

    def to_numpy(self):  # noqa: D102
        return np.array(self.values)


class ArrowScalar:
    """What PyArrow's scalars do."""

    def __init__(self, value):
        self.value = value

    def as_py(self):  # noqa: D102
        return self.value


class LazyFrame:
    """What Polars' lazy tables do."""

    def collect(self):  # noqa: D102
        return PolarsFrame([[1.0], [2.0], [4.0]])


@pytest.mark.parametrize(
    "y",
    [
        [1.0, 2.0, 4.0],
        (1.0, 2.0, 4.0),
        range(1, 4),
        array.array("d", [1.0, 2.0, 4.0]),
        np.array([1.0, 2.0, 4.0], dtype=np.float32),
        np.array([1.0, 2.0, 4.0], dtype=np.longdouble),
        np.array([1, 2, 4], dtype=np.uint8),
        np.array([[1.0], [2.0], [4.0]]),
        [[1.0], [2.0], [4.0]],
        np.ma.array([1.0, 2.0, 4.0], mask=False),
        np.array([1.0, 2, 4], dtype=object),
        [Decimal("1.0"), Decimal(2), 4],
        [Fraction(2, 2), Fraction(2), 4.0],
        ["1.0", " 2", "+4e0"],
        np.array(["1.0", "2", "4"]),
        np.array([["1.0"], ["2"], ["4"]], dtype=object),
        [1.0, "2", Decimal(4)],
        pd.Series([1.0, 2.0, 4.0], index=[7, 8, 9]),
        pd.Series([1, 2, 4], dtype="Int64"),
        pd.Series(["1", "2", "4"]),
        pd.Series(["1", "2", "4"], dtype="category"),
        pd.Index([1, 2, 4]),
        pd.DataFrame({"a": [1.0, 2.0, 4.0]}),
        pd.DataFrame({"a": ["1", "2", "4"]}),
        xr.DataArray([1.0, 2.0, 4.0], dims="time"),
        xr.DataArray([[1.0], [2.0], [4.0]], dims=("time", "site")),
        PolarsSeries([1.0, 2.0, 4.0]),
        PolarsSeries([Decimal(1), Decimal(2), Decimal(4)]),
        PolarsFrame([[1.0], [2.0], [4.0]]),
        ArrowTable([[1.0], [2.0], [4.0]]),
        OnlyToNumpy([1.0, 2.0, 4.0]),
    ],
    ids=lambda y: type(y).__name__,
)
def test_what_holds_one_sample_is_taken(y):
    values = as_numbers(y)
    assert type(values) is np.ndarray
    assert values.dtype == np.float64
    assert values.tolist() == ([1.0, 2.0, 3.0] if isinstance(y, range) else [1.0, 2.0, 4.0])


def test_numbers_keep_all_their_digits():
    y = [0.1, 1 / 3, "0.1", Decimal("0.1"), Fraction(1, 3), 10**30, 10**400, -(10**400)]
    assert as_numbers(y).tolist() == [0.1, 1 / 3, 0.1, 0.1, 1 / 3, 1e30, np.inf, -np.inf]


@pytest.mark.parametrize(
    "y",
    [
        [1.0, None, 4.0],
        [1.0, np.nan, 4.0],
        ["1", "NA", "4"],
        ["1", "", "4"],
        [1, pd.NA, 4],
        [Decimal(1), Decimal("NaN"), 4],
        [Decimal(1), Decimal("sNaN"), 4],
        np.ma.array([1, 2, 4], mask=[0, 1, 0]),
        pd.Series([1, None, 4], dtype="Int64"),
        pd.Series([1, None, 4], dtype="Float64"),
        pd.Series(["1", None, "4"]),
        PolarsSeries([1.0, None, 4.0]),
    ],
    ids=lambda y: type(y).__name__,
)
def test_what_is_missing_is_nan(y):
    np.testing.assert_array_equal(as_numbers(y), [1.0, NAN, 4.0])


def test_nothing_is_an_empty_sample():
    for y in ([], np.array([], dtype=object), pd.Series([], dtype=object), np.empty((0, 1))):
        assert as_numbers(y).shape == (0,)


DAY = datetime.date(2024, 5, 1)
TWO = [[1.0, 3.0], [2.0, 5.0], [4.0, 8.0]]
RECORDS = np.array([(1.0, 3), (2.0, 5), (4.0, 8)], dtype=[("a", float), ("b", int)])


class Tensor:
    """What torch's tensors do, as far as it is asked for here."""

    def __init__(self, values, complaint):
        self.values, self.complaint = values, complaint

    def __array__(self, dtype=None, copy=None):
        raise self.complaint

    def detach(self):  # noqa: D102
        return self

    cpu = double = detach

    def numpy(self):  # noqa: D102
        return np.array(self.values)

    def item(self):  # noqa: D102
        return self.values


GRADIENT = RuntimeError(
    "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
)
DEVICE = TypeError(
    "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host "
    "memory first."
)
COLUMNS = xr.Dataset({"a length": ("obs", [1.0, 2.0, 4.0])})


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (Tensor([1.0, 2.0, 4.0], GRADIENT), "a Tensor that .*requires grad"),
        (Tensor([1.0, 2.0, 4.0], DEVICE), "a Tensor that .*cuda:0"),
        ([Tensor(x, GRADIENT) for x in (1.0, 2.0, 4.0)], "a list that .*requires grad"),
        (pd.DataFrame(TWO, columns=["a", "b"]), r"shape is \(3, 2\). Choose one .*'a', 'b'"),
        (pd.DataFrame(TWO), r"Choose one column of 0, 1"),
        (PolarsFrame(TWO), "Choose one column of 'c0', 'c1'"),
        (ArrowTable(TWO), "Choose one column of 'c0', 'c1'"),
        (np.array([[1.0, 2.0, 4.0]]), r"their shape is \(1, 3\)"),
        (np.array([[[1.0]], [[2.0]], [[4.0]]]), r"their shape is \(3, 1, 1\)"),
        (RECORDS, "Choose one field"),
        ({1.0, 2.0, 4.0}, "type object.*Make a list"),
        ((x for x in [1.0, 2.0, 4.0]), "type object.*generator.*Make a list"),
        ({"a": 1.0, "b": 2.0, "c": 4.0}, "type object.*Give its values"),
        ({"a": 1.0, "b": 2.0, "c": 4.0}.values(), "type object.*Make a list"),
        ([b"1", b"2", b"4"], "b'1' at position 0"),
        ([1.0, 2 + 0j, 4], r"type complex128, and \(2\+0j\) at position 1"),
        (["1,0", "2", "4"], "'1,0' at position 0"),
        ([ArrowScalar(1), ArrowScalar(2), ArrowScalar(4)], "type object"),
        (LazyFrame(), "type object.*Collect"),
        (COLUMNS, "an xarray Dataset"),
        (xr.Dataset({"b": (("i", "j"), [[1.0, 2.0, 4.0]])}), "an xarray Dataset"),
        (xr.DataTree(COLUMNS), "an xarray DataTree"),
        (xr.DataTree(children={"inner": xr.DataTree(COLUMNS)}), "an xarray DataTree"),
    ],
)
def test_what_other_libraries_do_not_convert_is_named_with_the_call_that_does(y, words):
    with pytest.raises(DataError, match=words) as caught:
        as_numbers(y)
    # the remedy, word for word
    call = str(caught.value).rpartition(": ")[2].rstrip(".")
    assert as_numbers(eval(call, {"y": y, "numpy": np})).tolist() == [1.0, 2.0, 4.0]  # noqa: S307


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (xr.Dataset(), "xarray Dataset, a collection of arrays. It has no variables"),
        (xr.DataTree(), "xarray DataTree, a collection of arrays. It has no variables"),
        (
            type("Lazy", (), {"__array__": lambda *_: 1 / 0})(),
            r"a Lazy .*division by zero.*y\.tolist\(\)",
        ),
        (
            type("Device", (), {"__array__": Tensor([], TypeError("use `.get()`")).__array__})(),
            r"y\.get\(\)",
        ),
        (None, r"There are no observations: y is None\. .*sample_prior\(model\)"),
        (3.0, r"one-dimensional; their shape is \(\)"),
        ([[1.0, 2.0], [3.0]], "parts of different lengths; pass one flat sequence"),
        ([1.5, "two"], r"must be numbers; .*'two' at position 1\. Correct or drop"),
        ([1.5, "1_000"], "'1_000' at position 1"),
        (pd.Series([1.0, "a"]), r"must be numbers; .*'a' at position 1"),
        ("12", r"must be numbers; .*'12' at position 0. That is text: .*y\.split\(\)"),
        ([1, True, "2"], "type object, and True at position 1"),
        (pd.Series([1, pd.NaT], dtype=object), "NaT at position 1"),
        ([object(), 1.0], "object at .* at position 0. Give a sequence of numbers"),
        (np.zeros((2, 0)), r"their shape is \(2, 0\)"),
    ],
)
def test_what_no_call_converts_is_refused(y, words):
    with pytest.raises(DataError, match=words):
        as_numbers(y)


def test_what_is_refused_is_shown_in_part():
    with pytest.raises(DataError) as caught:
        as_numbers({i: float(i) for i in range(10_000)})
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (np.array(["2024-05-01", "2024-05-02"], "M8[D]"), [0, 86400]),
        (np.array(["2024-05-01", "2024-05-02"], "M8[ns]"), [0, 86400]),
        (pd.Series(pd.to_datetime(["2024-05-01", "2024-05-02"])), [0, 86400]),
        ([DAY, DAY + datetime.timedelta(1)], [0, 86400]),
        (np.array([0, 3], "m8[m]"), [0, 180]),
        ([datetime.timedelta(0), datetime.timedelta(minutes=3)], [0, 180]),
        ([True, False], [0, -1]),
    ],
    ids=str,
)
def test_what_is_of_another_kind_is_named_with_the_call_that_counts_it(y, expected):
    with pytest.raises(DataError, match=r"must be numbers; .* at position 0\. Convert") as caught:
        as_numbers(y)
    call = str(caught.value).rpartition(": ")[2]
    call = call.removeprefix("to seconds: ")
    values = as_numbers(eval(call, {"y": y, "numpy": np}))  # noqa: S307
    assert (values - values[0]).tolist() == expected


def test_points_may_be_few_and_equal():
    assert check_points([2, 2]).tolist() == [2.0, 2.0]
    assert check_points([]).shape == (0,)
    with pytest.raises(DataError, match="nan at position 0"):
        check_points([np.nan])
