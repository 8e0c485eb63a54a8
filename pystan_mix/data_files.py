"""A column of numbers read from a text file."""

import codecs
import csv
from pathlib import Path

import numpy as np

from pystan_mix.errors import DataError
from pystan_mix.numerics import FloatArray


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
        The numbers in the order of the file. What a model is given judges them.

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
