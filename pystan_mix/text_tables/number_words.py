"""Words that spell numbers, or that say that one is missing."""

import dataclasses
import functools
import math
import re
from collections.abc import Iterable

from pystan_mix.errors import DataError

# in small letters; a lone dot is what SAS and Stata write, a question mark what UCI's files have
MISSING_WORDS = ("", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "null", "none", ".", "-", "?")
_DECIMAL_MARKS = (".", ",")
_THOUSANDS_MARKS = (".", ",", "'", " ")
# a mark as it is typed, and the look-alikes that spreadsheets write for it
_LIKE = {" ": "[ \u00a0\u202f]", "'": "['\u2019]"}


@dataclasses.dataclass(frozen=True)
class Notation:
    """How numbers are written.

    Parameters
    ----------
    decimal : {".", ","}, optional
        The decimal mark. None is a dot that nobody announced.
    thousands : {".", ",", "'", " "}, optional
        What stands before every three digits of the whole part. Where it is a
        dot, the decimal mark is a comma.

    Raises
    ------
    DataError
        If a mark is none of these, or both are the same.
    """

    decimal: str | None = None
    thousands: str | None = None

    def __post_init__(self) -> None:
        for option, mark, marks in (
            ("--decimal", self.decimal, _DECIMAL_MARKS),
            ("--thousands", self.thousands, _THOUSANDS_MARKS),
        ):
            if mark is not None and mark not in marks:
                listed = ", ".join(map(_quoted, marks))
                raise DataError(f"{option} takes one of {listed}; it is {mark!r}.")
        if self.thousands == self.point:
            other = "," if self.thousands == "." else "."
            raise DataError(
                f"{self.thousands!r} cannot be the decimal mark and separate thousands too. "
                f"Give another decimal mark: --decimal {other}"
            )

    @property
    def point(self) -> str:
        """The decimal mark; where dots separate thousands, it is a comma."""
        return self.decimal or ("," if self.thousands == "." else ".")

    @property
    def options(self) -> str:
        """What the command line says of it."""
        given = (("--decimal", self.decimal), ("--thousands", self.thousands))
        return " ".join(f"{name} {_quoted(mark)}" for name, mark in given if mark is not None)

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        """What a number matches as a whole."""
        decimal, whole = re.escape(self.point), "[0-9]+"
        if self.thousands is not None:
            mark = _LIKE.get(self.thousands, re.escape(self.thousands))
            whole = rf"(?:[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}})+|{whole})"
        number = rf"(?:{whole}(?:{decimal}[0-9]*)?|{decimal}[0-9]+)(?:[eE][+-]?[0-9]+)?"
        return re.compile(rf"[+-]?(?:{number}|(?i:inf(?:inity)?))")

    @functools.cached_property
    def plain(self) -> dict[int, int | None]:
        """What makes a number one of Python's, for ``str.translate``."""
        marks = {"'": "'\u2019", " ": " \u00a0\u202f"}.get(self.thousands or "", self.thousands)
        return str.maketrans(self.point, ".", marks or "")


def number_of(word: str, notation: Notation) -> float | None:
    """Return the number that a word spells, NaN where it says that one is missing, else None.

    Examples
    --------
    >>> number_of("1.234,5", Notation(decimal=",", thousands="."))
    1234.5
    >>> number_of("NA", Notation()), number_of("1,5", Notation())
    (nan, None)
    """
    if notation.pattern.fullmatch(word):
        plain = notation.point == "." and notation.thousands is None
        return float(word if plain else word.translate(notation.plain))
    return math.nan if is_missing(word) else None


def is_missing(word: str) -> bool:
    """Whether a word says that a number is missing."""
    return word.casefold() in MISSING_WORDS


def is_like_a_number(word: str) -> bool:
    """Whether a word is rather a number that went wrong than a name: 2.5.1, 1,5 or 3 mm."""
    return re.match(r"[+\-\u2212.,]?\s?[0-9]", word) is not None


def remedy_of(word: str, notation: Notation) -> str:
    """Say how a word that is no number in a notation is made one.

    Examples
    --------
    >>> remedy_of("two", Notation())
    'Correct the line or drop it.'
    >>> remedy_of("1,500", Notation())
    'If it is meant as a number, say how it is written: --thousands , or --decimal ,'
    """
    fit = [each for each in _UNANNOUNCED if each.pattern.fullmatch(word)]
    if not fit:
        return "Correct the line or drop it."
    if fit[0] == Notation():
        return f"It is one without {notation.options}. Correct the line or drop it."
    # of notations in which it is the same number, the one with fewest marks
    ways = {number_of(word, each): each.options for each in reversed(fit)}
    return (
        f"If it is meant as a number, say how it is written: {' or '.join(reversed(ways.values()))}"
    )


def _quoted(mark: str) -> str:
    """Return a mark as a shell takes it."""
    return {"'": '"\'"', " ": "' '"}.get(mark, mark)


# those with fewer marks first
_UNANNOUNCED = (
    Notation(),
    Notation(decimal=","),
    *(Notation(thousands=mark) for mark in _THOUSANDS_MARKS),
    *(Notation(decimal=",", thousands=mark) for mark in ("'", " ")),
)


def may_have_thousands(words: Iterable[str]) -> bool:
    """Whether the dots of some words may all separate thousands: 1.234, but not 0.234 or 1.5."""
    grouped = Notation(thousands=".")
    dots = False
    for word in words:
        if number_of(word, grouped) is None:
            return False
        dots = dots or ("." in word and not is_missing(word))
    return dots
