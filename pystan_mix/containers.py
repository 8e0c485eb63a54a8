"""What holds numbers - arrays, tables, tensors, lists of whatever kind - as one array of floats."""

import datetime
import decimal
import math
import numbers
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pystan_mix.errors import DataError
from pystan_mix.numerics import FloatArray
from pystan_mix.text_tables.number_words import Notation, number_of

# squares and sums of squares of what is larger leave the range of a double
_LARGEST_MAGNITUDE = 1e100
# of Stan's integers
_LARGEST_COUNT = 2**31 - 1
# what is done with missing values; what vectors lack may be integrated out
Missing = Literal["raise", "drop", "marginalise"]
MARGINALISE: Literal["marginalise"] = "marginalise"

_DAYS = datetime.date | np.datetime64
_SPANS = datetime.timedelta | np.timedelta64


def as_numbers(y: object) -> FloatArray:
    """Return what holds one sample as an array.

    Parameters
    ----------
    y : object
        A sequence, array, column, table or array of one column, of numbers, decimals, fractions
        or words that spell numbers.

    Returns
    -------
    ndarray, shape (N,)
        The numbers, NaN where one is missing: None, NaN, masked, pandas' NA, or a
        word such as "NA".

    Raises
    ------
    DataError
        If it has another shape, or holds something else. The call that mends it
        is named.

    Examples
    --------
    >>> as_numbers([[1], [2]]), as_numbers(["1.5", None])
    (array([1., 2.]), array([1.5, nan]))
    """
    if y is None:
        raise DataError(
            "There are no observations: y is None. Give a sequence of numbers; for the prior alone "
            "there is sample_prior(model)."
        )
    if isinstance(y, np.ma.MaskedArray) and y.dtype.kind in "iuf":
        values: NDArray[Any] = np.ma.filled(y.astype(np.float64), np.nan)
    else:
        values = _array_of(y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 1 and values.dtype.kind in "OUT":
        return np.array(list(_each_number(values)), dtype=np.float64)
    if values.size and values.dtype.kind not in "iuf":
        position, value = (0, y) if values.ndim == 0 else _first_odd(y, values.ravel()[0])
        raise _not_numbers(value, values.dtype, position=position, y=y)
    if values.ndim != 1:
        raise DataError(
            f"The observations must be one-dimensional; their shape is {values.shape}. "
            f"{_how_to_flatten(y, values)}"
        )
    # what is beyond a double becomes infinite, which is refused
    with np.errstate(over="ignore"):
        return np.asarray(values, dtype=np.float64)


def _array_of(y: object) -> NDArray[Any]:
    """Return an array, by whichever protocol there is."""
    try:
        if not hasattr(y, "__array__") and hasattr(y, "to_numpy"):
            y = y.to_numpy()
        values = np.asarray(y)
        # NumPy makes words of the numbers that stand beside words in a list
        return np.asarray(y, dtype=object) if values.dtype.kind == "U" else values
    except MemoryError:
        raise
    except Exception as error:  # an object's library raises what it likes
        raise DataError(_how_to_convert(y, error)) from error


def _each_number(values: NDArray[Any]) -> Iterator[float]:
    """Yield the number that each of some objects or words is."""
    for position, value in enumerate(values.tolist()):
        number = _number(value)
        if number is None:
            raise _not_numbers(value, values.dtype, position=position)
        yield number


def _first_odd(y: object, first: object) -> tuple[int, object]:
    """Return the first value that is not a real number, with its position; else the first one."""
    for position, value in enumerate(np.asarray(y, dtype=object).ravel()):
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            return position, value
    return 0, first


def _number(value: object) -> float | None:
    """Return the number that an object is, NaN where it is missing; None where it is something."""
    if value is None or type(value).__name__ == "NAType":
        return math.nan
    if isinstance(value, str):
        return number_of(value.strip(), Notation())
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real | decimal.Decimal):
        return None
    try:
        return float(value)
    except OverflowError:
        return -math.inf if value < 0 else math.inf
    except ValueError:  # a signalling NaN
        return math.nan


def _not_numbers(
    value: object, dtype: np.dtype[Any], *, position: int, y: object = None
) -> DataError:
    """Say what is no number, and which call makes it one."""
    return DataError(
        f"The observations must be numbers; they have type {dtype}, and {value!r:.80} at "
        f"position {position}. {_how_to_make_numbers(value, dtype, y)}"
    )


def _how_to_make_numbers(value: object, dtype: np.dtype[Any], y: object) -> str:
    """Return the call that makes numbers of what some values are, as a sentence."""
    if isinstance(value, str) and isinstance(y, str):
        return "That is text: read the file that it names, or split it, y.split()"
    if isinstance(value, str):
        comma = number_of(value.strip(), Notation(decimal=",")) is not None
        if comma:
            return "Convert them first: [each.replace(',', '.') for each in y]"
        return "Correct or drop what spells no number; what is missing may be None."
    if dtype.names:
        return f"Choose one field: y[{dtype.names[0]!r}]"
    if isinstance(y, Mapping):
        return "Give its values: list(y.values())"
    if y is value and hasattr(y, "collect"):
        return "Collect it first, and choose one column: y.collect()"
    if y is value and isinstance(y, Iterable):
        return "Make a list of it: list(y)"
    if isinstance(value, bytes):
        return "Convert them first: [each.decode() for each in y]"
    if isinstance(value, complex | np.complexfloating):
        return "Convert them first: numpy.real(y)"
    if isinstance(value, _DAYS):
        return "Convert them first, to seconds: numpy.asarray(y, 'M8[s]').astype(float)"
    if isinstance(value, _SPANS):
        return "Convert them first, to seconds: numpy.asarray(y, 'm8[s]').astype(float)"
    if isinstance(value, bool | np.bool_):
        return "Convert them first: numpy.asarray(y, dtype=float)"
    if hasattr(value, "as_py"):  # PyArrow's
        return "Convert them first: [each.as_py() for each in y]"
    if y is not value and _is_floatable(value):
        return "Convert them first: [float(each) for each in y]"
    return "Give a sequence of numbers."


def _is_floatable(value: Any) -> bool:
    """Whether an object makes a float of itself."""
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _how_to_flatten(y: object, values: NDArray[Any]) -> str:
    """Say how one column is had of a table, or of an array of another shape."""
    if values.ndim == 0:
        return "A sample has several."
    names: Any = getattr(y, "column_names", getattr(y, "columns", None))
    if values.ndim == 2 and names is not None and len(names):
        listed = ", ".join(repr(name) for name in list(names)[:5])
        return f"Choose one column of {listed}{', ...' * (len(names) > 5)}: y[{names[0]!r}]"
    if values.ndim == 2 and values.shape[0] > 1:
        return "Choose one column, y[:, 0], or call .ravel() if all values belong to one sample."
    return "If all values belong to one sample: numpy.ravel(y)"


def _how_to_convert(y: object, error: Exception) -> str:
    """Say why an object becomes no array, and which call makes it one."""
    kind = type(y).__name__
    if "inhomogeneous" in str(error):
        return (
            "The observations have parts of different lengths; pass one flat sequence of numbers."
        )
    if hasattr(y, "data_vars"):
        variable = _variable_of(y)
        remedy = f"Give one of its variables: y{variable}" if variable else "It has no variables"
        return f"The observations are an xarray {kind}, a collection of arrays. {remedy}."
    if isinstance(y, list | tuple):
        remedy = "[each.item() for each in y]"
    elif hasattr(y, "detach") or "detach()" in str(error):
        # in this order it serves gradients, any device, and numbers that numpy does not know
        remedy = "y.detach().cpu().double().numpy()"
    elif ".get()" in str(error):
        remedy = "y.get()"
    else:
        remedy = "y.tolist(), or whatever its library calls that"
    return (
        f"The observations are a {kind} that numpy cannot read (its library says: {error}). "
        f"Convert them first: {remedy}"
    )


def _variable_of(y: object) -> str:
    """Return how the first variable of an xarray collection is written; "" where it has none."""
    nodes: Iterable[Any] = getattr(y, "subtree", (y,))
    for node in nodes:
        for name, variable in node.data_vars.items():
            path = f"{getattr(node, 'path', '')}/{name}".lstrip("/")
            return f"[{path!r}]" if variable.ndim == 1 else f"[{path!r}].values.ravel()"
    return ""


def check_magnitudes(values: FloatArray) -> None:
    """Refuse NaN, infinities and magnitudes whose squares overflow."""
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise DataError(
            f"{bad.size} of {values.size} observations are not finite; the first is "
            f"{values[bad[0]]} at position {bad[0]}. Drop them first: y[numpy.isfinite(y)]"
        )
    large = np.flatnonzero(np.abs(values) > _LARGEST_MAGNITUDE)
    if large.size:
        raise DataError(
            f"The observation at position {large[0]} is {values[large[0]]:g}, beyond "
            f"{_LARGEST_MAGNITUDE:g}: its square overflows. Divide the data by a constant."
        )


def check_counts(values: FloatArray) -> None:
    """Refuse what are no whole numbers from 0 to the largest that Stan has."""
    bad = np.flatnonzero((values < 0.0) | (values != np.floor(values)) | (values > _LARGEST_COUNT))
    if bad.size:
        first = values[bad[0]]
        remedy = (
            "Count in a larger unit"
            if first > _LARGEST_COUNT
            else "Check that the right column was read, or take NormalMixture for measurements"
        )
        raise DataError(
            f"Counts are whole numbers from 0 to {_LARGEST_COUNT}; {bad.size} of {values.size} "
            f"observations are not, the first is {first:g} at position {bad[0]}. {remedy}."
        )


def check_points(y: object, *, are_counts: bool = False) -> FloatArray:
    """Return points as a float array, or say what is wrong with them.

    Parameters
    ----------
    y : array_like, shape (N,)
        Numbers.
    are_counts : bool, default False
        Whether they are to be whole numbers, 0 or more.

    Returns
    -------
    ndarray, shape (N,)
        The same values, as floats.

    Raises
    ------
    DataError
        If they are not a one-dimensional sequence of finite numbers of
        magnitude up to 1e100, or of counts.
    """
    values = as_numbers(y)
    check_magnitudes(values)
    if are_counts:
        check_counts(values)
    return values
