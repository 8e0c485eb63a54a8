"""The options of `pystan-mix fit`, those of every family of components among them."""

import argparse
from pathlib import Path
from typing import Any, get_args

from pystan_mix.command.spelling import parse_parameter, parse_some_numbers, parse_weights, spelled
from pystan_mix.command.vector_options import add_vector_options, vectors_from_words
from pystan_mix.console import say
from pystan_mix.containers import Missing
from pystan_mix.data_files import Column, Columns, read_column, read_columns
from pystan_mix.errors import ModelError, SettingsError
from pystan_mix.mixtures.families import FAMILIES, VECTOR_FAMILIES
from pystan_mix.mixtures.families.multivariate_normal import MultivariateNormalMixture
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.model_json import family_called
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.text_tables.number_words import Notation


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
        "--columns",
        metavar="NAME,NAME,...",
        help="the columns of vectors, which multivariate normals are fitted to",
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


def data_from_words(arguments: argparse.Namespace) -> Column | Columns:
    """Read the column or columns that the command line means; say on standard error what was read.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    how: dict[str, Any] = {
        "notation": Notation(decimal=arguments.decimal, thousands=arguments.thousands),
        "header": arguments.header,
        "missing": arguments.missing,
    }
    found: Column | Columns
    if arguments.columns is None:
        found = read_column(arguments.data, column=arguments.column, **how)
    elif arguments.column is not None:
        raise SettingsError("Give --column for numbers or --columns for vectors, not both.")
    else:
        found = read_columns(arguments.data, columns=arguments.columns.split(","), **how)
    say(found.sentence)
    return found


def observations_of(read: Column | Columns) -> object:
    """Return what was read as observations: numbers, or vectors with their coordinates' names."""
    if isinstance(read, Column):
        return read.values
    return dict(zip(read.names, read.values.T, strict=True))


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
    for floor in _floors(*FAMILIES):
        command.add_argument(
            _option(floor),
            type=float,
            metavar="S",
            help="floor under every scale that is estimated (default: what the data can tell of)",
        )
    for sharing in _sharings(*FAMILIES):
        command.add_argument(
            _option(sharing),
            action="store_true",
            help="one scale for all components, which is estimated",
        )
    for partly in _partly_known(*FAMILIES):
        command.add_argument(
            _option(partly),
            metavar="S,unknown,...",
            help="scales of some components, in the order of their means, and the word unknown "
            "for those that are estimated",
        )
    command.add_argument(
        "--family",
        choices=[family.family for family in (*FAMILIES, *VECTOR_FAMILIES)],
        help=f"kind of the components (default: {NormalMixture.family}, and of --columns "
        f"{MultivariateNormalMixture.family})",
    )
    for parameter in _parameters():
        command.add_argument(
            f"--{parameter.field}",
            metavar=_metavar(parameter),
            help=f"{_meanings(parameter)}: {spelled(parameter)}",
        )
    add_vector_options(command)


def _family_from_words(arguments: argparse.Namespace) -> type[Mixture]:
    """Return the family that is named, or the one of what is read.

    Raises
    ------
    ModelError
        If an option is for another family, or the family for other data.
    """
    of_vectors = arguments.columns is not None
    default = MultivariateNormalMixture.family if of_vectors else NormalMixture.family
    family = family_called(arguments.family or default)
    if family.vectors != of_vectors:
        option = "--columns, two or more" if family.vectors else "--column, one"
        raise ModelError(f"--family {family.family} is for {option}.")
    own = {each.field for each in family.parameters}
    of_others = ["scales", "correlation", "order_by", "shared"]
    if of_vectors:
        of_others = [each.field for each in _parameters() if each.field not in own]
        of_others += [*_sharings(*FAMILIES), *_partly_known(*FAMILIES)]
    for name in of_others:
        if getattr(arguments, name):
            raise ModelError(f"{_option(name)} is not for --family {family.family}.")
    return family


def model_from_words(arguments: argparse.Namespace, *, n_components: int) -> Mixture:
    """Return the model that the command line spells, with a number of components.

    Raises
    ------
    ModelError
        If a prior or a number is not what it should be, or the family has no
        such parameter.
    """
    family = _family_from_words(arguments)
    if family.vectors:
        return vectors_from_words(arguments, n_components=n_components)
    own = {each.field: each for each in family.parameters}
    priors: dict[str, Any] = {}
    for parameter in _parameters():
        text = getattr(arguments, parameter.field)
        if text is not None:
            # of the same field families may mean different things
            meant = own.get(parameter.field, parameter)
            priors[parameter.field] = parse_parameter(meant, text, family=family)
    for partly in _partly_known(family):
        text = getattr(arguments, partly)
        if text is not None:
            priors[partly] = parse_some_numbers(text, what=_option(partly))
    return family(
        n_components=n_components,
        weights=parse_weights(arguments.weights),
        min_weight=arguments.min_weight,
        **priors,
        **{each: getattr(arguments, each) for each in (*_floors(family), *_sharings(family))},
    )


def _floors(*families: type[Mixture]) -> list[str]:
    """Return the fields of some families that are floors under a parameter."""
    floors = [each.floor for family in families for each in family.parameters]
    return list(dict.fromkeys(floor for floor in floors if floor is not None))


def _sharings(*families: type[Mixture]) -> list[str]:
    """Return the fields of some families that say whether components share a parameter."""
    fields = [each.sharing for family in families for each in family.parameters]
    return list(dict.fromkeys(field for field in fields if field is not None))


def _partly_known(*families: type[Mixture]) -> list[str]:
    """Return the fields of some families of what is known of some components."""
    fields = [each.partly for family in families for each in family.parameters]
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


def _metavar(parameter: Parameter) -> str:
    """Return what stands for the value in the help."""
    return "LOCATION,SCALE" if parameter.ordered else parameter.name.upper()
