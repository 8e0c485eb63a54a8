"""A column of numbers read from a file: text as it comes, packed or not, or Parquet."""

import dataclasses
import functools
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pystan_mix.checks import check_choice
from pystan_mix.containers import Missing, as_numbers
from pystan_mix.errors import DataError
from pystan_mix.numerics import FloatArray
from pystan_mix.text_tables.content import decoded, file_content
from pystan_mix.text_tables.number_words import Notation, may_have_thousands, number_of, remedy_of
from pystan_mix.text_tables.table import (
    Table,
    column_called,
    may_be_marks,
    may_be_thousands,
    table_of,
)

_PARQUET = b"PAR1"
_NUMBERED = (
    "Labels are the numbers of components, from 0, and empty where it is not known. Number the "
    "words of a table: df['label'] = df['word'].map({'first word': 0, 'second word': 1})"
)


class GapError(DataError):
    """A value is missing that may not be."""


@dataclasses.dataclass(frozen=True, eq=False)
class Column:
    """A column of numbers, and what there is to say of it.

    Parameters
    ----------
    values : ndarray, shape (N,)
        The numbers in the order of the file, NaN where one is missing.
    sentence : str
        What was read.
    """

    values: FloatArray
    sentence: str

    @property
    def missing(self) -> int:
        """How many are missing."""
        return int(np.isnan(self.values).sum())

    @property
    def n(self) -> int:
        """How many are there."""
        return int(self.values.size) - self.missing


def read_observations(path: str | Path, *, column: str | None = None) -> FloatArray:
    """Return the numbers of a file that has none missing: what `read_column` reads.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.
    column : str, optional
        As in `read_column`.

    Returns
    -------
    ndarray, shape (N,)
        The numbers in the order of the file. What a model is given judges them.

    Raises
    ------
    DataError
        As `read_column`.
    """
    return read_column(path, column=column).values


def read_column(
    path: str | Path,
    *,
    column: str | None = None,
    notation: Notation | None = None,
    header: bool | None = None,
    missing: Missing = "raise",
) -> Column:
    """Read a column of numbers from a file.

    Parameters
    ----------
    path : str or pathlib.Path
        UTF-8 text, gzip of it, or Parquet; ``-`` is standard input. In text
        lines that begin with ``#`` are passed over, and cells are separated by
        tabs, semicolons, commas or white space, whichever of these comes first in the
        first line. Words with white space between them are one sample where
        they stand on one line, and columns where there are several lines.
    column : str, optional
        Name of the column, or its number from 1. Needed where there are
        several.
    notation : Notation, optional
        How numbers are written; by default with a decimal point.
    header : bool, optional
        Whether the first line has the columns' names. By default it has where
        no number stands in it, or a word above numbers.
    missing : {"raise", "drop"}, default "raise"
        Whether missing values, empty cells and words such as NA, are refused,
        or are NaN in what is returned.

    Returns
    -------
    Column
        The numbers, and a sentence that says what was read.

    Raises
    ------
    DataError
        If the file is missing, unreadable, empty, not UTF-8, has no such
        column, may be read in two ways, or holds something that is not a number
        (the line is named).
    """
    (found,) = read_columns(path, [column], notation=notation, header=header, missing=missing)
    return found


def file_called(path: str | Path) -> str:
    """Return what a file is called in messages."""
    return "standard input" if str(path) == "-" else str(path)


def read_columns(
    path: str | Path,
    columns: Sequence[str | None],
    *,
    notation: Notation | None = None,
    header: bool | None = None,
    missing: Missing = "raise",
    labels: str | None = None,
) -> list[Column]:
    """Read columns of numbers from a file, which is read once: standard input has one end.

    Parameters
    ----------
    path, notation, header, missing
        As in `read_column`.
    columns : sequence of str or None
        Names of columns, or numbers from 1; None for the one that there is.
    labels : str, optional
        One more column, in which an empty cell says that a label is not known,
        whatever `missing` is.

    Returns
    -------
    list of Column
        The columns in this order, all of one length; that of labels the last.

    Raises
    ------
    DataError
        As `read_column`.
    """
    check_choice("missing", missing, choices=("raise", "drop"))
    file = file_called(path)
    content = file_content(path, file)
    if content.startswith(_PARQUET):
        read: Callable[..., Column] = functools.partial(_parquet_column, content, file=file)
    else:
        notation = notation or Notation()
        table = table_of(decoded(content, file), notation=notation, header=header, file=file)
        read = functools.partial(_text_column, table, notation=notation, file=file)
    found = [read(each, missing=missing) for each in columns]
    if labels is not None:
        last = read(labels, missing="drop", remedy=_NUMBERED)
        known = int((last.values >= 0.0).sum())
        sentence = f"{file}: column {labels!r}, {known} labels, {last.values.size - known} unknown."
        found.append(dataclasses.replace(last, sentence=sentence))
    return found


def _text_column(
    table: Table,
    column: str | None,
    *,
    notation: Notation,
    missing: Missing,
    file: str,
    remedy: str | None = None,
) -> Column:
    """Read one column of a text."""
    decimals, thousands = may_be_marks(table, notation), may_be_thousands(table, notation)
    hint = "If the comma is the decimal mark: --decimal ," if decimals else ""
    hint = "If the blanks separate thousands: --thousands ' '" if thousands else hint
    index = column_called(
        table.names,
        column,
        values=[
            [row.cells[position] for row in table.rows[:3] if position < len(row.cells)]
            for position in range(len(table.names))
        ],
        file=file,
        hint=hint,
    )
    # of 1,5 in each line the second column can only be one of whole numbers
    if decimals and (index == 0 or len(table.rows[0].text.split()) > 1):
        raise DataError(
            f"{file} has commas that may separate columns, or be marks within numbers. Say which: "
            "--decimal . for the former, --decimal , or --thousands , for the latter"
        )
    words, values, gaps = [], [], []
    for row in table.rows:
        if index >= len(row.cells):
            raise DataError(
                f"{file}, line {row.line}: {len(row.cells)} cells where the first line has "
                f"{len(table.names)}, and column {table.names[index]!r} is number {index + 1}. "
                "Correct the line or drop it."
            )
        word = row.cells[index]
        value = number_of(word, notation)
        if value is None:
            first = row is table.rows[0] and not table.named
            raise DataError(
                f"{file}, line {row.line}: {word!r} is not a number. "
                f"{'If it is a name: --header. ' if first else ''}"
                f"{remedy or remedy_of(word, notation)}"
            )
        if np.isnan(value):
            gaps.append(f"{file}, line {row.line}: {repr(word) if word else 'an empty cell'}")
        words.append(word)
        values.append(value)
    _check_gaps(gaps, missing=missing)
    doubt = f" {hint}" if thousands else ""
    if notation == Notation() and may_have_thousands(words):
        doubt = " Dots are read as decimal marks; if they separate thousands: --thousands ."
    which = table.names[index] if table.named or len(table.names) > 1 else None
    return _column(np.array(values, dtype=np.float64), which, file=file, doubt=doubt)


def _parquet_column(
    content: bytes,
    column: str | None,
    *,
    missing: Missing,
    file: str,
    remedy: str | None = None,
) -> Column:
    """Read one column of a Parquet file."""
    # pandas is slow to import
    import pandas as pd

    try:
        frame: Any = pd.read_parquet(io.BytesIO(content))
    except ImportError:
        raise DataError(
            f"{file} is a Parquet file, which pandas reads where PyArrow is installed: "
            "pip install pyarrow. Or write it as CSV."
        ) from None
    except Exception as error:  # PyArrow raises what it likes
        raise DataError(f"{file} is no whole Parquet file ({error}). Write it again.") from error
    names = [str(name) for name in frame.columns]
    shown = [[str(value) for value in frame[name].head(3)] for name in frame.columns]
    index = column_called(names, column, values=shown, file=file)
    try:
        values = as_numbers(frame.iloc[:, index])
    except DataError as error:
        words = f"It is none of numbers. {remedy}" if remedy else error
        raise DataError(f"{file}, column {names[index]!r}: {words}") from None
    gaps = [
        f"{file}, column {names[index]!r}: the value at position {position}"
        for position in np.flatnonzero(np.isnan(values))
    ]
    _check_gaps(gaps, missing=missing)
    return _column(values, names[index], file=file)


def _check_gaps(gaps: Sequence[str], *, missing: Missing) -> None:
    """Refuse missing values, each called by its place, where they are not to be dropped."""
    if gaps and missing == "raise":
        others = f", as {'are' if len(gaps) > 2 else 'is'} {len(gaps) - 1} more"
        raise GapError(
            f"{gaps[0]} is a missing value{others * (len(gaps) > 1)}. Correct it, or leave out "
            "what is missing: --missing drop"
        )


def _column(values: FloatArray, name: str | None, *, file: str, doubt: str = "") -> Column:
    """Return a column with a sentence of what was read."""
    there = values[~np.isnan(values)]
    gaps = values.size - there.size
    sentence = f"{file}: {'' if name is None else f'column {name!r}, '}{there.size} numbers"
    if there.size:
        sentence += f" from {there.min():g} to {there.max():g}"
    if gaps:
        sentence += f"; {gaps} missing value{'s are' if gaps > 1 else ' is'} left out"
    return Column(values=values, sentence=f"{sentence}.{doubt}")
