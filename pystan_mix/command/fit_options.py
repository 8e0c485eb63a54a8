"""The options of `pystan-mix fit`, those of every family of components among them."""

import argparse
import dataclasses
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import Any, get_args

from pystan_mix.command.spelling import parse_parameter, parse_some_numbers, parse_weights, spelled
from pystan_mix.console import say
from pystan_mix.containers import Missing
from pystan_mix.data_files import Column, read_columns
from pystan_mix.errors import ModelError
from pystan_mix.mixtures.families import FAMILIES
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.model_json import family_called
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.numerics import FloatArray
from pystan_mix.text_tables.number_words import Notation

# the fields that may stand beside that of a parameter
_FLOOR, _SHARING = attrgetter("floor"), attrgetter("sharing")
_PARTLY, _INFLATED = attrgetter("partly"), attrgetter("inflated")


def add_fit_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `fit`."""
    add_data_options(command)
    command.add_argument(
        "--components", type=int, required=True, metavar="K", help="number of components"
    )
    command.add_argument("--method", choices=("nuts", "advi"), default="nuts")
    add_model_options(command)
    nuts = command.add_argument_group("NUTS")
    nuts.add_argument("--chains", type=int, default=4, help="default: %(default)s")
    nuts.add_argument("--iter-warmup", type=int, default=1000, help="default: %(default)s")
    nuts.add_argument("--iter-sampling", type=int, default=1000, help="default: %(default)s")
    nuts.add_argument("--adapt-delta", type=float, default=0.9, help="default: %(default)s")
    advi = command.add_argument_group("ADVI")
    advi.add_argument("--algorithm", choices=("meanfield", "fullrank"), default="meanfield")
    advi.add_argument("--restarts", type=int, default=4, help="default: %(default)s")
    advi.add_argument(
        "--reweight",
        action=argparse.BooleanOptionalAction,
        help="return draws that are refined by importance sampling (default: where k-hat allows)",
    )
    command.add_argument("--seed", type=int, metavar="S", help="default: a random one, printed")
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="leave netCDF, summary.json and figures there"
    )
    command.add_argument(
        "--json", action="store_true", help="print one JSON object in place of the table"
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
        choices=get_args(Missing),
        default="raise",
        help="refuse missing values - empty cells, NA and the like - or drop them, and say how "
        "many (default: %(default)s)",
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Data:
    """The columns that the command line means.

    Parameters
    ----------
    y : Column
        The observations.
    counts, weights : ndarray, shape (N,), or None
        How often each occurs, or its weight.
    """

    y: Column
    counts: FloatArray | None
    weights: FloatArray | None

    def said_of(self, arguments: argparse.Namespace) -> dict[str, Any]:
        """Return what was read as JSON takes it."""
        found: dict[str, Any] = {"data": str(arguments.data), "n": self.y.n}
        if arguments.counts is not None:
            found["counts"] = arguments.counts
        if arguments.observation_weights is not None:
            found["observation_weights"] = arguments.observation_weights
        return found | {"missing_dropped": self.y.missing}


def data_from_words(arguments: argparse.Namespace) -> Data:
    """Read the columns that the command line means, and say on standard error what was read.

    Raises
    ------
    DataError
        If they cannot be read.
    """
    beside = [
        each for each in (arguments.counts, arguments.observation_weights) if each is not None
    ]
    y, *others = read_columns(
        arguments.data,
        [arguments.column, *beside],
        notation=Notation(decimal=arguments.decimal, thousands=arguments.thousands),
        header=arguments.header,
        missing=arguments.missing,
    )
    for column in (y, *others):
        say(column.sentence)
    values = iter(others)
    counts = next(values).values if arguments.counts is not None else None
    weights = next(values).values if arguments.observation_weights is not None else None
    return Data(y, counts, weights)


def add_model_options(command: argparse.ArgumentParser) -> None:
    """Add the family, and an option for each parameter that a family's components have."""
    command.add_argument(
        "--weights",
        default="2",
        metavar="A",
        help="Dirichlet concentration: a number, or one for each component (default: %(default)s)",
    )
    command.add_argument(
        "--min-weight", type=float, default=0.0, metavar="W", help="floor under every weight"
    )
    for floor in _fields(_FLOOR, *FAMILIES):
        command.add_argument(
            _option(floor),
            type=float,
            metavar="S",
            help="floor under every scale that is estimated (default: what the data can tell of)",
        )
    for sharing in _fields(_SHARING, *FAMILIES):
        command.add_argument(
            _option(sharing),
            action="store_true",
            help=f"one {sharing.removeprefix('shared_')} for all components, which is estimated",
        )
    for inflated in _fields(_INFLATED, *FAMILIES):
        command.add_argument(
            _option(inflated),
            action="store_true",
            help="the first component is always 0, in families of counts",
        )
    for partly in _fields(_PARTLY, *FAMILIES):
        command.add_argument(
            _option(partly),
            metavar="S,unknown,...",
            help="scales of some components, in the order of their means, and the word unknown "
            "for those that are estimated",
        )
    command.add_argument(
        "--family",
        choices=[family.family for family in FAMILIES],
        default=NormalMixture.family,
        help="kind of the components (default: %(default)s)",
    )
    for parameter in _parameters():
        command.add_argument(
            f"--{parameter.field}",
            metavar=_metavar(parameter),
            help=f"{_meanings(parameter)}: {_spellings(parameter)}",
        )


def model_from_words(arguments: argparse.Namespace, *, n_components: int) -> Mixture:
    """Return the model that the command line spells, with a number of components.

    Raises
    ------
    ModelError
        If a prior or a number is not what it should be, or the family has no
        such parameter.
    """
    family = family_called(arguments.family)
    own = {each.field: each for each in family.parameters}
    priors: dict[str, Any] = {}
    for parameter in _parameters():
        text = getattr(arguments, parameter.field)
        if text is not None:
            # of the same field families may mean different things
            meant = own.get(parameter.field, parameter)
            priors[parameter.field] = parse_parameter(meant, text, family=family)
    _refuse_options_of_others(arguments, family)
    for partly in _fields(_PARTLY, family):
        text = getattr(arguments, partly)
        if text is not None:
            priors[partly] = parse_some_numbers(text, what=_option(partly))
    return family(
        n_components=n_components,
        weights=parse_weights(arguments.weights),
        min_weight=arguments.min_weight,
        **priors,
        **{
            each: getattr(arguments, each)
            for each in (
                *_fields(_FLOOR, family),
                *_fields(_SHARING, family),
                *_fields(_INFLATED, family),
            )
        },
    )


def _refuse_options_of_others(arguments: argparse.Namespace, family: type[Mixture]) -> None:
    """Refuse an option that is given, and is of other families only."""
    for kind in (_FLOOR, _SHARING, _PARTLY, _INFLATED):
        for field in _fields(kind, *FAMILIES):
            given = getattr(arguments, field)
            if field not in _fields(kind, family) and given is not None and given is not False:
                raise ModelError(
                    f"{_option(field)} is not for --family {family.family}. Leave it out, or give "
                    "another family."
                )


def _fields(kind: Callable[[Parameter], str | None], *families: type[Mixture]) -> list[str]:
    """Return the fields of one kind that stand beside the parameters of some families."""
    fields = [kind(each) for family in families for each in family.parameters]
    return list(dict.fromkeys(field for field in fields if field is not None))


def _option(field: str) -> str:
    """Return a field as an option: ``--min-sigma``."""
    return f"--{field.replace('_', '-')}"


def _parameters() -> list[Parameter]:
    """Return the parameters of all families, one of each field."""
    found = {each.field: each for family in reversed(FAMILIES) for each in family.parameters}
    first = [each.field for family in FAMILIES for each in family.parameters]
    return [found[field] for field in dict.fromkeys(first)]


def _meanings(parameter: Parameter) -> str:
    """Return what a parameter is, and of which families, where not all have it."""
    having = {
        family.family: each.meaning
        for family in FAMILIES
        for each in family.parameters
        if each.field == parameter.field
    }
    meanings = " or ".join(dict.fromkeys(having.values()))
    whose = "" if len(having) == len(FAMILIES) else f" of {' and '.join(having)} components"
    return f"{meanings}{whose}"


def _spellings(parameter: Parameter) -> str:
    """Return how an option is spelled, by families where these differ."""
    spellings: dict[str, list[str]] = {}
    for family in FAMILIES:
        for each in family.parameters:
            if each.field == parameter.field:
                spellings.setdefault(spelled(each), []).append(family.family)
    (first, _), *others = spellings.items()
    return "; ".join([first, *(f"of {' and '.join(of)} components {how}" for how, of in others)])


def _metavar(parameter: Parameter) -> str:
    """Return what stands for the value in the help."""
    return "PRIOR" if parameter.ordered else parameter.name.upper()
