"""A table in a text: its names, its rows, and which column is meant."""

import dataclasses
from collections.abc import Sequence

from pystan_mix.errors import DataError
from pystan_mix.text_tables.number_words import Notation, is_like_a_number, is_missing, number_of
from pystan_mix.text_tables.rows import BLANK, Row, rows_of

_YEARS = range(1800, 2101)
# as many are shown where one is to be chosen
_COLUMNS_SHOWN = 20
_IF_COMMA = "If a comma is the decimal mark: --decimal ,"


@dataclasses.dataclass(frozen=True)
class Table:
    """A text as a table.

    Parameters
    ----------
    names : list of str
        The columns' names, or their numbers from 1 where there is no line of names.
    rows : list of Row
        The rows below the names.
    separator : str
        What separates cells; a blank is white space.
    named : bool
        Whether there is a line of names.
    """

    names: list[str]
    rows: list[Row]
    separator: str
    named: bool


def table_of(text: str, *, notation: Notation, header: bool | None, file: str) -> Table:
    """Find the table in a text.

    Words on one line with white space between them are one column. The first
    line has names where no number stands in it, or a word above numbers, or numbers
    that alone are quoted.

    Parameters
    ----------
    text : str
        The text.
    notation : Notation
        How numbers are written.
    header : bool or None
        Whether the first line has names; None finds out.
    file : str
        What errors call the file.

    Returns
    -------
    Table
        The names, and rows that have no more cells than names.

    Raises
    ------
    DataError
        If there is nothing in it, lines have different numbers of cells, or the
        first line may be names or values.
    """
    separator, rows = rows_of(text, notation=notation, file=file)
    if not rows:
        raise DataError(f"{file} holds no observations: it is empty. Check the file's name.")
    first = rows[0]
    if len(rows) == 1 and separator.isspace() and not header:
        words = " ".join(first.cells).split()
        rows = [dataclasses.replace(first, cells=[word]) for word in words]
        return Table(names=["1"], rows=rows, separator=separator, named=False)
    if separator == BLANK and header is not False and _is_one_name(rows):
        rows[0] = first = dataclasses.replace(first, cells=[" ".join(first.cells)])
    named = _has_names(rows, notation, file=file) if header is None else header
    below = rows[1:] if named else rows
    if not below:
        raise DataError(f"{file} holds no observations: below its names it is empty.")
    if named and _has_row_names(first, below):
        first = dataclasses.replace(first, cells=["row names", *first.cells])
    names = [str(number) for number in range(1, len(first.cells) + 1)]
    if named:
        names = [cell or number for cell, number in zip(first.cells, names, strict=True)]
    table = Table(names=names, rows=below, separator=separator, named=named)
    _check_widths(table, file=file)
    if named and notation.point == "," and _has_commas_throughout(rows):
        raise DataError(
            f"{file}, line {first.line}: there are as many commas as in the other lines. If they "
            f"separate columns, leave {notation.options} out; if not, put the name in quotes."
        )
    return table


def column_called(
    names: Sequence[str],
    column: str | None,
    *,
    values: Sequence[Sequence[str]],
    file: str,
    hint: str = "",
) -> int:
    """Return the position of the column that is meant.

    Parameters
    ----------
    names : sequence of str
        The columns' names.
    column : str or None
        A name, or else a number from 1; None where there is but one.
    values : sequence of sequence of str
        The first values of each column, to choose by.
    file : str
        What errors call the file.
    hint : str, optional
        What else may be the matter where no column is chosen.

    Returns
    -------
    int
        The position, from 0.

    Raises
    ------
    DataError
        If there is no such column, there are two, or none is chosen of several.
    """
    if column is None:
        if len(names) == 1:
            return 0
        listed = [
            f"{name} ({' | '.join(map(_shown, some))})"
            for name, some in zip(names, values, strict=True)
        ]
        left_out = len(listed) - _COLUMNS_SHOWN
        more = f", and {left_out} more" if left_out > 0 else ""
        raise DataError(
            f"{file} has {len(names)} columns; choose one with --column, by name or number: "
            f"{', '.join(listed[:_COLUMNS_SHOWN])}{more}.{hint and ' '}{hint}"
        )
    found = [position for position, name in enumerate(names) if name == column]
    if len(found) > 1:
        numbers = " and ".join(str(position + 1) for position in found)
        raise DataError(
            f"{file} has {len(found)} columns called {column}; choose by number: {numbers}."
        )
    if found:
        return found[0]
    if column.isdecimal() and 1 <= int(column) <= len(names):
        return int(column) - 1
    raise DataError(f"{file} has no column {column!r}; it has: {', '.join(names)}.")


def may_be_marks(table: Table, notation: Notation) -> bool:
    """Whether the commas that were taken to separate cells may be marks within numbers.

    They may in lines such as ``1,5`` or ``1,234.5``, and where a cell has words
    with a number before or behind them, which ``1,5 2,5`` makes.
    """
    if table.separator != "," or table.named or notation != Notation():
        return False
    lines = [row.text.strip() for row in table.rows]
    for mark in (Notation(decimal=","), Notation(thousands=",")):
        if all(mark.pattern.fullmatch(line) and line == line.strip(",") for line in lines):
            return True
    return any(_has_number_and_more(cell) for row in table.rows for cell in row.cells)


def may_be_thousands(table: Table, notation: Notation) -> bool:
    """Whether the white space that was taken to separate cells may separate thousands: 1 234."""
    blank = Notation(thousands=BLANK)
    return (
        table.separator == BLANK
        and len(table.names) > 1
        and notation == Notation()
        and all(blank.pattern.fullmatch(row.text) for row in table.rows)
    )


def _has_number_and_more(cell: str) -> bool:
    """Whether a cell has several words, of which the first or the last is like a number."""
    words = cell.split()
    return len(words) > 1 and (is_like_a_number(words[0]) or is_like_a_number(words[-1]))


def _shown(value: str) -> str:
    """Return a cell on one line, in part where it is long."""
    return f"{' '.join(value.split()):.20}"


def _is_one_name(rows: list[Row]) -> bool:
    """Whether the first line is one name of several words, above a single column."""
    words = rows[0].cells
    several = len(words) > 1 and not any(is_like_a_number(word) for word in words)
    return several and all(len(row.cells) == 1 for row in rows[1:])


def _has_commas_throughout(rows: list[Row]) -> bool:
    """Whether names and numbers have as many commas, none of them in quotes: x,y above 1,5."""
    commas = {row.text.count(",") if not row.quotes else 0 for row in rows}
    return len(commas) == 1 and commas != {0}


def _has_row_names(first: Row, below: list[Row]) -> bool:
    """Whether each row begins with a quoted name that has none above it, as R writes them."""
    width = len(first.cells) + 1
    return bool(below) and all(len(row.cells) == width and row.quotes >= 2 for row in below)


def _has_names(rows: list[Row], notation: Notation, *, file: str) -> bool:
    """Whether the first line has names: where it may be names or values, refuse."""
    first, below = rows[0].cells, rows[1:]
    names = [
        position
        for position, cell in enumerate(first)
        if not (number_of(cell, notation) is not None or is_like_a_number(cell))
    ]
    if not names:
        # numbers that alone are quoted are names; those that alone are whole may be years
        are_quoted = all(map(str.isdecimal, first)) and rows[0].quotes >= 2 * len(first)
        if are_quoted and below and not below[0].quotes:
            return True
        if not _may_be_years(first, below, notation):
            return False
        raise _names_or_values(rows[0], file=file)
    numbers = [cell for position, cell in enumerate(first) if position not in names]
    if all(map(is_missing, numbers)):
        return True
    repeated = False
    for position in names:
        column = [row.cells[position] for row in below if position < len(row.cells)]
        are_numbers = all(number_of(cell, notation) is not None for cell in column)
        if are_numbers and not all(map(is_missing, column)):
            return True
        repeated = repeated or first[position] in column
    if repeated:
        return False
    raise _names_or_values(rows[0], file=file)


def _may_be_years(first: list[str], below: list[Row], notation: Notation) -> bool:
    """Whether there are years that increase, or several whole numbers above columns without."""
    cells = [cell for row in below for cell in row.cells if not is_missing(cell)]
    if len(first) == 1 or not all(cell.isdecimal() for cell in first):
        return False
    tops = [int(cell) for cell in first]
    if all(year in _YEARS for year in tops) and tops == sorted(set(tops)):
        return True
    return bool(cells) and all(notation.point in cell for cell in cells)


def _names_or_values(row: Row, *, file: str) -> DataError:
    """Say that a first line may have names or values."""
    return DataError(
        f"{file}, line {row.line}: these may be names of columns or values: "
        f"{', '.join(row.cells[:_COLUMNS_SHOWN])}. Say which: --header or --no-header"
    )


def _check_widths(table: Table, *, file: str) -> None:
    """Refuse rows with more cells than the first one, or with fewer where they have no place."""
    width = len(table.names)
    may_be_short = table.named and table.separator != BLANK
    for row in table.rows:
        found = len(row.cells)
        if found == width or (may_be_short and found < width):
            continue
        what = ("word" if table.separator == BLANK else "cell") + "s" * (found != 1)
        remedy = _IF_COMMA if table.separator == "," else "Correct the line or drop it."
        if table.separator == BLANK and not table.named:
            remedy += " If all are one sample, put one number to a line: tr -s ' \\t' '\\n'"
        raise DataError(
            f"{file}, line {row.line}: {found} {what} where the first line has {width}. {remedy}"
        )
