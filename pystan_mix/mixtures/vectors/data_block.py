"""The data block of the program of vectors, read back into a model and its observations."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pystan_mix.errors import DataError
from pystan_mix.mixtures.families.multivariate_normal import (
    DIAGONAL,
    SPHERICAL,
    MultivariateNormalMixture,
)
from pystan_mix.mixtures.numbers import brief, one_or_each
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.priors import Dirichlet, Prior
from pystan_mix.numerics import FloatArray


def model_of_vector_data(data: Mapping[str, Any]) -> MultivariateNormalMixture:
    """Return the model of vectors that a data block holds.

    Parameters
    ----------
    data : mapping
        What `stan_data` writes of vectors.

    Returns
    -------
    MultivariateNormalMixture
        Of which `stan_data` makes the same block.

    Raises
    ------
    KeyError, TypeError, ValueError
        If something is missing, or is none of these numbers.
    """
    means, scales, correlation = MultivariateNormalMixture.parameters
    return MultivariateNormalMixture(
        n_components=int(data["K"]),
        weights=Dirichlet(one_or_each(data["alpha"])),
        min_weight=float(data["min_weight"]),
        n_dims=int(data["D"]),
        means=_prior(means, data),
        scales=_prior(scales, data),
        min_sigma=one_or_each(data["min_sigma"]),
        shared=bool(data["shared"]),
        correlation=_correlation(correlation, data),
    )


def rows_of_vector_data(data: Mapping[str, Any]) -> FloatArray:
    """Return the vectors of a data block, shape (N, D), which has them coordinate by coordinate.

    Raises
    ------
    DataError
        If they are not finite numbers in D rows of one length.
    KeyError, TypeError, ValueError
        If something is missing, or is none of these numbers.
    """
    y, D = np.asarray(data["y"], dtype=np.float64), int(data["D"])
    if y.ndim != 2 or len(y) != D or not np.isfinite(y).all():
        raise DataError(
            f"y must be D = {D} rows of N finite numbers; its shape is {y.shape}. Give the data "
            "block that CmdStan was given."
        )
    return y.T.copy()


def _prior(parameter: Parameter, data: Mapping[str, Any]) -> Any:
    """Return the prior of means or scales; a number where all coordinates have the same."""
    # normal means are marked by no number
    form = data.get(f"{parameter.name}_prior", parameter.priors[0].stan_prior)
    kind: type[Prior] = next(each for each in parameter.priors if each.stan_prior == form)
    return brief(kind.from_stan_data(parameter.name, data))


def _correlation(parameter: Parameter, data: Mapping[str, Any]) -> Any:
    """Return the prior of correlations, or the word that says that there are none."""
    if data["correlated"]:
        return parameter.priors[0].from_stan_data(parameter.name, data)
    return SPHERICAL if data["S"] == 1 < data["D"] else DIAGONAL
