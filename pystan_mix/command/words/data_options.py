"""The options that say what data are, and the data that they mean."""

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pystan_mix.errors import SettingsError

if TYPE_CHECKING:
    from pystan_mix.data_columns import Bounds, Columns
    from pystan_mix.data_files import Column
    from pystan_mix.numerics import FloatArray


def add_data_options(command: argparse.ArgumentParser) -> None:
    """Add the file, and how it is to be read."""
    command.add_argument(
        "data",
        type=Path,
        metavar="DATA",
        help="a file of numbers: text or CSV, whatever separates its cells, gzip of it, or "
        "Parquet; - for standard input",
    )
    data = command.add_argument_group("data")
    data.add_argument("--column", metavar="NAME", help="the column: its name, or number from 1")
    data.add_argument(
        "--columns",
        metavar="NAME,NAME,...",
        help="the columns of vectors, which multivariate normals are fitted to",
    )
    data.add_argument(
        "--rounded-to",
        type=float,
        metavar="UNIT",
        help="the unit that numbers were rounded to: each lies within half of it of what it says",
    )
    for side, other in (("lower", "upper"), ("upper", "lower")):
        data.add_argument(
            f"--{side}",
            metavar="COLUMN",
            help=f"the column of {side} bounds of numbers, with --{other}; an empty cell or inf "
            "says that there is none",
        )
    data.add_argument(
        "--counts",
        metavar="COLUMN",
        help="the column that says how often each number or vector occurs, 0 or more",
    )
    data.add_argument(
        "--observation-weights",
        metavar="COLUMN",
        help="the column of real weights, to which powers the likelihoods of rows are raised",
    )
    data.add_argument(
        "--labels",
        metavar="COLUMN",
        help="the column of the components that rows are known to be of, from 0 to K - 1; "
        "empty cells, or -1, where it is not known",
    )
    data.add_argument(
        "--decimal", metavar="MARK", help="the decimal mark, a comma or a dot (default: a dot)"
    )
    data.add_argument(
        "--thousands",
        metavar="MARK",
        help="what separates thousands: a dot (the decimal mark is a comma then), comma, "
        "apostrophe or blank (default: nothing)",
    )
    data.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        help="the first line has the columns' names, or has not (default: by what stands in it)",
    )
    data.add_argument(
        "--missing",
        choices=("raise", "drop", "marginalise"),
        default="raise",
        help="refuse missing values - empty cells, NA and the like - or drop them, or integrate "
        "out what vectors lack, and say how many (default: %(default)s)",
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Data:
    """The columns that the command line means.

    Parameters
    ----------
    y : Column, Columns or Bounds
        The observations: numbers, vectors, or bounds of numbers.
    counts, weights : ndarray, shape (N,), or None
        How often each occurs, or its weight.
    labels : ndarray, shape (N,), or None
        The component that each is known to be of, or -1.
    """

    y: "Column | Columns | Bounds"
    counts: "FloatArray | None" = None
    weights: "FloatArray | None" = None
    labels: "FloatArray | None" = None

    @property
    def observations(self) -> object:
        """The observations: numbers, vectors with their coordinates' names, or intervals."""
        from pystan_mix.data_columns import Bounds, Columns
        from pystan_mix.mixtures.annotations.intervals import Interval

        if isinstance(self.y, Bounds):
            return Interval(self.y.lower, self.y.upper)
        if isinstance(self.y, Columns):
            return dict(zip(self.y.names, self.y.values.T, strict=True))
        return self.y.values

    def said_of(self, arguments: argparse.Namespace) -> dict[str, Any]:
        """Return what was read as JSON takes it."""
        from pystan_mix.data_columns import Columns

        found: dict[str, Any] = {"data": str(arguments.data), "n": self.y.n}
        for name in ("counts", "observation_weights", "labels", "rounded_to"):
            if getattr(arguments, name) is not None:
                found[name] = getattr(arguments, name)
        found["missing_dropped"] = self.y.missing
        if isinstance(self.y, Columns) and self.y.marginalised:
            found["missing_marginalised"] = self.y.incomplete
        return found


def data_from_words(arguments: argparse.Namespace) -> Data:
    """Read the columns that the command line means, and say on standard error what was read.

    Raises
    ------
    DataError
        If they cannot be read.
    SettingsError
        If options of numbers and of vectors are given.
    """
    # NumPy is slow to import
    from pystan_mix.console import say
    from pystan_mix.containers import MARGINALISE
    from pystan_mix.data_columns import read_bounds, read_vectors
    from pystan_mix.data_files import read_columns
    from pystan_mix.text_tables.number_words import Notation

    how: dict[str, Any] = {
        "notation": Notation(decimal=arguments.decimal, thousands=arguments.thousands),
        "header": arguments.header,
    }
    beside = {"--counts": arguments.counts, "--observation-weights": arguments.observation_weights}
    beside = {option: column for option, column in beside.items() if column is not None}
    if arguments.columns is not None:
        if arguments.column is not None:
            raise SettingsError("Give --column for numbers or --columns for vectors, not both.")
        scalar = {
            "--rounded-to": arguments.rounded_to,
            "--lower": arguments.lower,
            "--upper": arguments.upper,
        }
        for option in (name for name, given in scalar.items() if given is not None):
            raise SettingsError(f"{option} is for --column, and not for vectors. Leave it out.")
        vectors, others = read_vectors(
            arguments.data,
            columns=arguments.columns.split(","),
            beside=[*beside.values()],
            labels=arguments.labels,
            missing=arguments.missing,
            **how,
        )
        for sentence in (vectors.sentence, *(each.sentence for each in others)):
            say(sentence)
        return _data(vectors, [*beside], others)
    if arguments.missing == MARGINALISE:
        raise SettingsError(
            f"--missing {MARGINALISE} is for --columns, vectors that lack some coordinates. "
            "Numbers are missing as a whole: give --missing raise or --missing drop."
        )
    y: Column | Bounds
    if arguments.lower is not None or arguments.upper is not None:
        lower, upper = _bounds_from_words(arguments)
        y, others = read_bounds(
            arguments.data,
            lower=lower,
            upper=upper,
            beside=[*beside.values()],
            labels=arguments.labels,
            **how,
        )
    else:
        y, *others = read_columns(
            arguments.data,
            [arguments.column, *beside.values()],
            labels=arguments.labels,
            missing=arguments.missing,
            **how,
        )
    for column in (y, *others):
        say(column.sentence)
    return _data(y, [*beside], others)


def _data(
    y: "Column | Columns | Bounds", beside: Sequence[str], others: "Sequence[Column]"
) -> Data:
    """Return observations with what stands beside them: options, and labels where one is left."""
    import numpy as np

    from pystan_mix.mixtures.annotations.labels import UNKNOWN

    columns: Mapping[str, FloatArray] = {
        option: column.values for option, column in zip(beside, others, strict=False)
    }
    labels = others[-1].values if len(others) > len(beside) else None
    if labels is not None:
        # of an empty cell the label is not known
        labels = np.where(np.isnan(labels), UNKNOWN, labels)
    return Data(y, columns.get("--counts"), columns.get("--observation-weights"), labels)


def _bounds_from_words(arguments: argparse.Namespace) -> tuple[str, str]:
    """Return the columns of bounds.

    Raises
    ------
    SettingsError
        If one is left out, or numbers are named or rounded besides.
    """
    if arguments.lower is None or arguments.upper is None:
        raise SettingsError("Give both --lower and --upper, or neither.")
    for option, given in (("--column", arguments.column), ("--rounded-to", arguments.rounded_to)):
        if given is not None:
            raise SettingsError(
                f"{option} is for numbers, and --lower and --upper for bounds of such. Leave one "
                "of the two out."
            )
    return arguments.lower, arguments.upper
