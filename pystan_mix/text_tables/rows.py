"""A text as rows of cells: what separates them, and the line that each row begins on."""

import csv
import dataclasses
import io
import itertools
import re
from collections.abc import Iterator

from pystan_mix.errors import DataError
from pystan_mix.text_tables.number_words import Notation

# white space
BLANK = " "
_SEPARATORS = ("\t", ";", ",")
# a blank line or a comment; what spreadsheets write for a cell that failed is none
_NOTHING = re.compile(r"\s*($|#(?!N/A|DIV/0!|NAME\?|NULL!|NUM!|REF!|VALUE!))")


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of cells, the number of the line that it begins on, and that line."""

    line: int
    cells: list[str]
    text: str

    @property
    def quotes(self) -> int:
        """How many quotes are in the line."""
        return self.text.count('"')


def rows_of(text: str, *, notation: Notation, file: str) -> tuple[str, list[Row]]:
    r"""Return what separates cells, and the rows that are not empty.

    Blank lines, rows of empty cells and lines that begin with ``#`` are passed
    over, as are last columns that are empty throughout. The separator is what a
    line ``sep=;`` before all others says, or the first of tab, semicolon and
    comma that stands in the first line outside quotes, else white space. A comma
    that is a mark within numbers separates only where such numbers are quoted.

    Parameters
    ----------
    text : str
        The text.
    notation : Notation
        How numbers are written.
    file : str
        What errors call the file.

    Returns
    -------
    separator : str
        One character; a blank is white space.
    rows : list of Row
        The rows, with cells as they stand: their number may differ.

    Raises
    ------
    DataError
        If quotes are not those of CSV.

    Examples
    --------
    >>> separator, rows = rows_of("x;y\n1;2,5\n", notation=Notation(), file="y.csv")
    >>> separator, rows[1].cells
    (';', ['1', '2,5'])
    """
    separator, start = _separator(text, notation)
    return separator, _without_empty_ends(list(_rows(text, separator, start, file=file)))


def _separator(text: str, notation: Notation) -> tuple[str, int]:
    """Return what separates cells, and on which line they begin: one may say ``sep=;`` first."""
    lines = list(itertools.islice(_lines(text), 3))
    if lines and (told := re.fullmatch(r"sep=([\t;,])\s*", lines[0][1])):
        return told[1], lines[0][0] + 1
    firsts = [re.sub(r'"[^"]*"', '""', line) for _, line in lines]
    quoted = any(re.search(r'"[^"]*[0-9],[0-9][^"]*"', line) for _, line in lines)
    blanks = any(re.search(r'[0-9"][ \t]+[-+0-9"]', line) for line in firsts)
    for mark in _SEPARATORS:
        is_mark = mark in (notation.point, notation.thousands)
        if firsts and mark in firsts[0] and (not is_mark or (quoted and not blanks)):
            return mark, 1
    # where blanks separate thousands, a line is one number
    return ("\t" if notation.thousands == BLANK else BLANK), 1


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines with something in them, numbered from 1, without quotes being looked at."""
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        if not _NOTHING.match(line):
            yield number, line


def _rows(text: str, separator: str, start: int, *, file: str) -> Iterator[Row]:
    """Yield the rows; a quoted cell may go over several lines."""
    numbered = enumerate(io.StringIO(text, newline=None), start=1)
    for number, line in numbered:
        if number < start or _NOTHING.match(line):
            continue
        if separator == BLANK:
            # a blank that does not break separates thousands, not cells
            line = re.sub("[ \t]+", BLANK, line.strip())
        if '"' not in line:
            cells = line.split(separator)
        else:
            further = (each for _, each in numbered)
            cells = _quoted_cells(itertools.chain((line,), further), separator, number, file=file)
        cells = [cell.strip() for cell in cells]
        if any(cells):
            yield Row(line=number, cells=cells, text=line)


def _quoted_cells(lines: Iterator[str], separator: str, number: int, *, file: str) -> list[str]:
    """Return the cells of a row that begins on the first line."""
    try:
        return next(csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise DataError(
            f"{file}, line {number}: the quotes are not those of CSV ({error}). "
            "Correct the line or drop it."
        ) from None


def _without_empty_ends(rows: list[Row]) -> list[Row]:
    """Leave out last columns that are empty throughout, which a separator at every end makes."""
    while rows and all(len(row.cells) > 1 and not row.cells[-1] for row in rows):
        rows = [dataclasses.replace(row, cells=row.cells[:-1]) for row in rows]
    return rows
