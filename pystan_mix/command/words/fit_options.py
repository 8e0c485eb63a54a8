"""The options of `pystan-mix fit`, those of every family of components among them."""

import argparse
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import Any

from pystan_mix.command.words.data_options import add_data_options
from pystan_mix.command.words.spelling import (
    parse_parameter,
    parse_some_numbers,
    parse_weights,
    spelled,
)
from pystan_mix.errors import ModelError, SettingsError
from pystan_mix.mixtures.families import FAMILIES, VECTOR_FAMILIES
from pystan_mix.mixtures.families.multivariate_normal import (
    DIAGONAL,
    SPHERICAL,
    MultivariateNormalMixture,
)
from pystan_mix.mixtures.families.normal import MEANS, NormalMixture
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.model_json import family_called
from pystan_mix.mixtures.parameter import Parameter

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
        choices=[family.family for family in (*FAMILIES, *VECTOR_FAMILIES)],
        help=f"kind of the components (default: {NormalMixture.family}, and of --columns "
        f"{MultivariateNormalMixture.family})",
    )
    for parameter in _parameters():
        command.add_argument(
            f"--{parameter.field}",
            metavar=_metavar(parameter),
            help=f"{_meanings(parameter)}: {_spellings(parameter)}",
        )
    _add_vector_options(command)


def _add_vector_options(command: argparse.ArgumentParser) -> None:
    """Add what vectors alone have."""
    vectors = command.add_argument_group("vectors (--columns), each number for all or each column")
    vectors.add_argument("--scales", metavar="PRIOR", help="prior of the standard deviations")
    vectors.add_argument(
        "--correlation",
        metavar="lkj:ETA|diagonal|spherical",
        help="prior of the correlations, or none; or one scale for all columns besides",
    )
    vectors.add_argument("--shared", action="store_true", help="one covariance for all components")
    vectors.add_argument(
        "--order-by",
        metavar="NAME",
        help="the column by whose order components are named (default: draws are relabelled)",
    )


def _vectors_from_words(arguments: argparse.Namespace, *, n_components: int) -> Mixture:
    """Return the model of vectors that the command line spells.

    Raises
    ------
    ModelError
        If a prior or a number is not what it should be.
    SettingsError
        If components are to be named by what is no column.
    """
    family = MultivariateNormalMixture
    given: dict[str, Any] = {}
    for parameter in family.parameters:
        text = getattr(arguments, parameter.field)
        if text in (DIAGONAL, SPHERICAL) and parameter.event == 2:
            given[parameter.field] = text
        elif text is not None:
            # means are spelled as those of numbers
            if parameter.name == MEANS.name:
                given[parameter.field] = parse_parameter(MEANS, text, family=NormalMixture)
            else:
                given[parameter.field] = parse_parameter(parameter, text, family=family)
    if arguments.order_by is not None:
        columns = arguments.columns.split(",")
        if arguments.order_by not in columns:
            raise SettingsError(
                f"--order-by names one of the columns, {', '.join(columns)}; it is "
                f"{arguments.order_by!r}."
            )
        given["order_by"] = columns.index(arguments.order_by)
    return family(
        n_components=n_components,
        weights=parse_weights(arguments.weights),
        min_weight=arguments.min_weight,
        min_sigma=arguments.min_sigma,
        shared=arguments.shared,
        **given,
    )


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
    for name in of_others:
        if getattr(arguments, name):
            raise ModelError(f"{_option(name)} is not for --family {family.family}.")
    _refuse_options_of_others(arguments, family)
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
        return _vectors_from_words(arguments, n_components=n_components)
    own = {each.field: each for each in family.parameters}
    priors: dict[str, Any] = {}
    for parameter in _parameters():
        text = getattr(arguments, parameter.field)
        if text is not None:
            # of the same field families may mean different things
            meant = own.get(parameter.field, parameter)
            priors[parameter.field] = parse_parameter(meant, text, family=family)
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
