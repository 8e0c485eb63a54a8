"""Columns of numbers read from a file: vectors, a row each."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pystan_mix.containers import Missing
from pystan_mix.data_files import file_called, read_columns
from pystan_mix.errors import DataError
from pystan_mix.numerics import FloatArray
from pystan_mix.text_tables.number_words import Notation


@dataclasses.dataclass(frozen=True, eq=False)
class Columns:
    """Columns of numbers, and what there is to say of them.

    Parameters
    ----------
    values : ndarray, shape (N, D)
        The numbers in the order of the file, NaN where one is missing.
    names : tuple of str
        The names of the columns, as they were asked for.
    sentence : str
        What was read.
    """

    values: FloatArray
    names: tuple[str, ...]
    sentence: str

    @property
    def missing(self) -> int:
        """How many rows have a missing value."""
        return int(np.isnan(self.values).any(axis=1).sum())

    @property
    def n(self) -> int:
        """How many rows have none."""
        return len(self.values) - self.missing


def read_vectors(
    path: str | Path,
    *,
    columns: Sequence[str],
    notation: Notation | None = None,
    header: bool | None = None,
    missing: Missing = "raise",
) -> Columns:
    """Read some columns of numbers from a file: vectors, a row each.

    Parameters
    ----------
    path, notation, header, missing
        As in `read_column`.
    columns : sequence of str
        Names of the columns, or their numbers from 1.

    Returns
    -------
    Columns
        The numbers, and a sentence that says what was read.

    Raises
    ------
    DataError
        As in `read_column`, or if no column or one twice is asked for.
    """
    if not columns or len(set(columns)) < len(columns):
        raise DataError(f"Give different columns, as --columns a,b,c; they are {list(columns)}.")
    read = read_columns(path, columns, notation=notation, header=header, missing=missing)
    values = np.stack([column.values for column in read], axis=1)
    found = Columns(values, tuple(columns), "")
    named = ", ".join(repr(column) for column in columns)
    sentence = f"{file_called(path)}: columns {named}, {found.n} rows"
    if found.missing:
        sentence += f"; {found.missing} with a missing value left out"
    return dataclasses.replace(found, sentence=f"{sentence}.")
