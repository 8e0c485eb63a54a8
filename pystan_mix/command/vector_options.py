"""The options of commands that fit vectors."""

import argparse
from typing import Any

from pystan_mix.command.spelling import parse_parameter, parse_weights
from pystan_mix.errors import SettingsError
from pystan_mix.mixtures.families.multivariate_normal import (
    DIAGONAL,
    SPHERICAL,
    MultivariateNormalMixture,
)
from pystan_mix.mixtures.families.normal import MEANS, NormalMixture
from pystan_mix.mixtures.mixture import Mixture


def add_vector_options(command: argparse.ArgumentParser) -> None:
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


def vectors_from_words(arguments: argparse.Namespace, *, n_components: int) -> Mixture:
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
