"""Observations: read from a file, and checked before anything is done with them."""

import codecs
import csv
import numbers
from pathlib import Path

import numpy as np

from pystan_mix.errors import DataError
from pystan_mix.numerics import FloatArray

# squares and sums of squares of what is larger leave the range of a double
LARGEST_MAGNITUDE = 1e100


def check_observations(y: object, *, n_components: int = 1) -> FloatArray:
    """Return observations as a float array, or say what is wrong with them.

    Parameters
    ----------
    y : array_like, shape (N,)
        Observations: numbers in any unit.
    n_components : int, default 1
        Number of components that they are meant for.

    Returns
    -------
    ndarray, shape (N,)
        The same values, as floats.

    Raises
    ------
    DataError
        If they are not a one-dimensional sequence of at least two different
        finite numbers of magnitude up to 1e100, or if there are fewer
        different values than components.

    Examples
    --------
    >>> check_observations([1, 2, 4])
    array([1., 2., 4.])
    """
    values = check_points(y)
    if values.size < 2:
        raise DataError(f"At least two observations are needed; there are {values.size}.")
    distinct = np.unique(values).size
    if distinct == 1:
        raise DataError(
            f"All {values.size} observations are {values[0]:g}: a constant column has no mixture "
            "in it. Check that the right column was read."
        )
    if values.std() == 0.0:
        raise DataError(
            f"The observations, {values.min():g} to {values.max():g}, are so small that their "
            "squares vanish. Multiply the data by a constant."
        )
    if distinct < n_components:
        raise DataError(
            f"There are {distinct} different values for {n_components} components. "
            f"Use at most {distinct} components, or more observations."
        )
    return values


def check_points(y: object) -> FloatArray:
    """Return points as a float array, or say what is wrong with them.

    Parameters
    ----------
    y : array_like, shape (N,)
        Numbers.

    Returns
    -------
    ndarray, shape (N,)
        The same values, as floats.

    Raises
    ------
    DataError
        If they are not a one-dimensional sequence of finite numbers of
        magnitude up to 1e100.
    """
    values = _as_numbers(y)
    if values.ndim != 1:
        raise DataError(
            f"The observations must be one-dimensional; their shape is {values.shape}. "
            "Choose one column, or call .ravel() if all values belong to one sample."
        )
    _check_magnitudes(values)
    return values


def _as_numbers(y: object) -> FloatArray:
    """Return `y` as a float array; refuse what is not numbers."""
    if isinstance(y, np.ma.MaskedArray) and np.ma.is_masked(y):
        raise DataError(
            f"{int(np.ma.getmaskarray(y).sum())} observations are masked. "
            "Drop them first: y.compressed()"
        )
    try:
        values = np.asarray(y)
    except ValueError:
        raise DataError(
            "The observations have parts of different lengths; pass one flat sequence of numbers."
        ) from None
    if values.size and values.dtype.kind not in "iuf":
        position, example = _first_odd(y, values.ravel()[0])
        raise DataError(
            f"The observations must be numbers; they have type {values.dtype}, and "
            f"{example!r} at position {position}. Convert them first, for example with "
            "numpy.asarray(y, dtype=float)."
        )
    return np.asarray(values, dtype=np.float64)


def _first_odd(y: object, first: object) -> tuple[int, object]:
    """Return the first value that is not a real number, with its position; else the first one."""
    for position, value in enumerate(np.asarray(y, dtype=object).ravel()):
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            return position, value
    return 0, first


def _check_magnitudes(values: FloatArray) -> None:
    """Refuse NaN, infinities and magnitudes whose squares overflow."""
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise DataError(
            f"{bad.size} of {values.size} observations are not finite; the first is "
            f"{values[bad[0]]} at position {bad[0]}. Drop them first: y[numpy.isfinite(y)]"
        )
    large = np.flatnonzero(np.abs(values) > LARGEST_MAGNITUDE)
    if large.size:
        raise DataError(
            f"The observation at position {large[0]} is {values[large[0]]:g}, beyond "
            f"{LARGEST_MAGNITUDE:g}: its square overflows. Divide the data by a constant."
        )


def read_observations(path: str | Path, *, column: str | None = None) -> FloatArray:
    """Read observations from a text or CSV file.

    Parameters
    ----------
    path : str or pathlib.Path
        UTF-8 text; lines that begin with ``#`` are passed over. Without a
        comma, semicolon or tab in its first line: numbers between white
        space, or one column under a name. Else CSV, with or without a line
        of names.
    column : str, optional
        Name of the CSV column, or its number from 1. Needed where there is
        more than one.

    Returns
    -------
    ndarray, shape (N,)
        The numbers in the order of the file. `check_observations` judges them.

    Raises
    ------
    DataError
        If the file is missing, unreadable, empty, not UTF-8, has no such
        column, or holds something that is not a number (the line is named).
    """
    path = Path(path)
    text = _read_text(path)
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        raise DataError(f"{path} holds no observations: it is empty. Check the file's name.")
    delimiter = next((mark for mark in ",;\t" if mark in lines[0][1]), None)
    if delimiter is None and column is None:
        words = [(number, word) for number, line in lines for word in line.split()]
        if not _is_number(words[0][1]) and len(words) == len(lines):
            words = words[1:]  # one column under a name
    else:
        words = _csv_column(path, lines, delimiter or ",", column)
    return np.array([_number(path, number, word) for number, word in words], dtype=np.float64)


def _read_text(path: Path) -> str:
    """Return the text of a file, or say why it cannot be had."""
    try:
        content = path.read_bytes()
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"There is no file {path}. Check its name and folder.") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder; name a file in it.") from None
    except PermissionError:
        raise DataError(f"{path} cannot be read: permission denied. Change its mode.") from None
    except UnicodeDecodeError as error:
        utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        raise DataError(
            f"{path} is not UTF-8 text (byte {error.start} is 0x{content[error.start]:02x}). "
            f"Convert it, for example: iconv -f {'utf-16' if utf16 else 'latin1'} -t utf-8 "
            f"{path.name}"
        ) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None


def _csv_column(
    path: Path, lines: list[tuple[int, str]], delimiter: str, column: str | None
) -> list[tuple[int, str]]:
    """Return the cells of one column, with the line each stands on."""
    rows = [
        (number, [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))])
        for number, line in lines
    ]
    first = rows[0][1]
    has_names = not any(_is_number(cell) for cell in first)
    names = first if has_names else [str(i) for i in range(1, len(first) + 1)]
    if column is None:
        if len(names) > 1:
            raise DataError(
                f"{path} has {len(names)} columns ({', '.join(names)}); choose one with --column."
            )
        index = 0
    elif column in names:
        index = names.index(column)
    elif column.isdecimal() and 1 <= int(column) <= len(names):
        index = int(column) - 1
    else:
        raise DataError(f"{path} has no column {column!r}; it has: {', '.join(names)}.")
    cells = []
    for number, row in rows[1:] if has_names else rows:
        if not index < len(row) <= len(names):
            # a decimal comma in the only column makes two cells of one number
            raise DataError(
                f"{path}, line {number}: {len(row)} cells where the first line has {len(names)}, "
                f"and column {names[index]!r} is number {index + 1}. Correct the line or drop it."
            )
        cells.append((number, row[index]))
    return cells


def _is_number(word: str) -> bool:
    """Whether a word reads as a number."""
    try:
        float(word)
    except ValueError:
        return False
    return True


def _number(path: Path, line: int, word: str) -> float:
    """Return the number that a word spells."""
    try:
        return float(word)
    except ValueError:
        what = "an empty cell" if not word else repr(word)
        raise DataError(
            f"{path}, line {line}: {what} is not a number. Correct the line or drop it."
        ) from None
