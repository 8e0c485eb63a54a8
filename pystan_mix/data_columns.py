"""Columns of numbers read from a file: vectors, or bounds, a row each."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pystan_mix.containers import MARGINALISE, Missing
from pystan_mix.data_files import Column, GapError, file_called, read_columns
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
    marginalised : bool, default False
        Whether what is missing is integrated out, and rows that have something are kept.
    """

    values: FloatArray
    names: tuple[str, ...]
    sentence: str
    marginalised: bool = False

    @property
    def missing(self) -> int:
        """How many rows are left out: those with a missing value, or of nothing else."""
        gaps = np.isnan(self.values)
        return int((gaps.all(axis=1) if self.marginalised else gaps.any(axis=1)).sum())

    @property
    def incomplete(self) -> int:
        """How many rows with a missing value are kept."""
        return int(np.isnan(self.values).any(axis=1).sum()) - self.missing

    @property
    def n(self) -> int:
        """How many rows are kept."""
        return len(self.values) - self.missing


def read_vectors(
    path: str | Path,
    *,
    columns: Sequence[str],
    beside: Sequence[str] = (),
    notation: Notation | None = None,
    header: bool | None = None,
    missing: Missing = "raise",
    labels: str | None = None,
) -> tuple[Columns, list[Column]]:
    """Read some columns of numbers from a file, vectors, and columns that stand beside them.

    Parameters
    ----------
    path, notation, header
        As in `read_column`.
    labels : str, optional
        As in `read_columns`; it is the last of the other columns.
    columns : sequence of str
        Names of the columns, or their numbers from 1.
    beside : sequence of str
        Names of further columns.
    missing : {"raise", "drop", "marginalise"}, default "raise"
        As in `read_column`, or whether rows with some missing values are kept for these
        to be integrated out.

    Returns
    -------
    tuple of Columns and list of Column
        The numbers, and a sentence that says what was read; and the other columns.

    Raises
    ------
    DataError
        As in `read_column`, or if no column or one twice is asked for.
    """
    if not columns or len(set(columns)) < len(columns):
        raise DataError(f"Give different columns, as --columns a,b,c; they are {list(columns)}.")
    marginalised = missing == MARGINALISE
    one_by_one: Missing = "drop" if marginalised else missing
    try:
        read = read_columns(
            path,
            [*columns, *beside],
            labels=labels,
            notation=notation,
            header=header,
            missing=one_by_one,
        )
    except GapError as error:
        raise DataError(
            f"{error}; or integrate out what is missing of vectors: --missing {MARGINALISE}"
        ) from None
    own, others = read[: len(columns)], read[len(columns) :]
    values = np.stack([column.values for column in own], axis=1)
    found = Columns(values, tuple(columns), "", marginalised)
    named = ", ".join(repr(column) for column in columns)
    sentence = f"{file_called(path)}: columns {named}, {found.n} rows"
    if found.incomplete:
        sentence += f", {found.incomplete} with missing values that are integrated out"
    if found.missing:
        which = "without any value" if marginalised else "with a missing value"
        sentence += f"; {found.missing} {which} left out"
    return dataclasses.replace(found, sentence=f"{sentence}."), others


@dataclasses.dataclass(frozen=True, eq=False)
class Bounds:
    """Two columns of bounds, and what there is to say of them.

    Parameters
    ----------
    lower, upper : ndarray, shape (N,)
        The bounds in the order of the file, infinite where a cell is empty or says so;
        both NaN where neither is known.
    sentence : str
        What was read.
    """

    lower: FloatArray
    upper: FloatArray
    sentence: str

    @property
    def missing(self) -> int:
        """How many rows have no bound."""
        return int(np.isnan(self.lower).sum())

    @property
    def n(self) -> int:
        """How many rows have one."""
        return len(self.lower) - self.missing


def read_bounds(
    path: str | Path,
    *,
    lower: str,
    upper: str,
    beside: Sequence[str] = (),
    notation: Notation | None = None,
    header: bool | None = None,
    labels: str | None = None,
) -> tuple[Bounds, list[Column]]:
    """Read the bounds of observations from a file, and columns that stand beside them.

    Parameters
    ----------
    path, notation, header
        As in `read_column`.
    labels : str, optional
        As in `read_columns`; it is the last of the other columns.
    lower, upper : str
        Names of the columns of bounds, or their numbers from 1. An empty cell, a word such
        as NA, or inf says that there is none.
    beside : sequence of str
        Names of further columns.

    Returns
    -------
    tuple of Bounds and list of Column
        The bounds, and the other columns.

    Raises
    ------
    DataError
        As in `read_column`, or if one column is both bounds.
    """
    if lower == upper:
        raise DataError(f"Both bounds are in column {lower!r}. Give a column of each.")
    low, high, *others = read_columns(
        path,
        [lower, upper, *beside],
        labels=labels,
        notation=notation,
        header=header,
        missing="drop",
    )
    below = np.where(np.isnan(low.values), -np.inf, low.values)
    above = np.where(np.isnan(high.values), np.inf, high.values)
    neither = np.isneginf(below) & np.isposinf(above)
    below, above = (np.where(neither, np.nan, each) for each in (below, above))
    found = Bounds(below, above, "")
    sentence = (
        f"{file_called(path)}: bounds in columns {lower!r} and {upper!r}, {found.n} rows; "
        f"{int(np.isneginf(below).sum())} without a lower one, "
        f"{int(np.isposinf(above).sum())} without an upper one"
    )
    if found.missing:
        sentence += f"; {found.missing} with neither"
    return dataclasses.replace(found, sentence=f"{sentence}."), others
