"""The data block of the program of vectors, read back into a model and its observations."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from pystan_mix.errors import DataError, PystanMixError
from pystan_mix.mixtures.families.multivariate_normal import (
    DIAGONAL,
    SPHERICAL,
    MultivariateNormalMixture,
)
from pystan_mix.mixtures.numbers import brief, one_or_each
from pystan_mix.mixtures.observations import Observations
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.priors import Dirichlet, Prior
from pystan_mix.mixtures.target import Target

_REMEDY = "Give the data block that CmdStan was given."


def target_of_vector_data(data: Mapping[str, Any]) -> Target:
    """Return the model of vectors and the observations that a data block holds.

    Parameters
    ----------
    data : mapping
        What `stan_data` writes of vectors.

    Returns
    -------
    Target
        Which `stan_data` makes the same block of.

    Raises
    ------
    DataError
        If something is missing, or has another shape; the message names it.
    """
    try:
        means, scales, correlation = MultivariateNormalMixture.parameters
        model = MultivariateNormalMixture(
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
        y = np.asarray(data["y"], dtype=np.float64)
        count = np.asarray(data["count"])
    except KeyError as error:
        raise DataError(
            f"There is no {error.args[0]}: the model of vectors is not known. {_REMEDY}"
        ) from None
    except PystanMixError:
        raise
    except (TypeError, ValueError) as error:
        raise DataError(f"A number of the data block cannot be read: {error}. {_REMEDY}") from error
    wanted = int(data["D"]), int(data["N"])
    if math.prod(wanted) == 0:
        y, count = np.zeros(wanted), count.astype(np.intp)
    if y.shape != wanted or count.shape != wanted[1:] or not np.isfinite(y).all():
        raise DataError(
            f"y must be D = {wanted[0]} rows of N = {wanted[1]} finite numbers, and count N whole "
            f"numbers; their shapes are {y.shape} and {count.shape}. {_REMEDY}"
        )
    if count.size and (count.dtype.kind not in "iu" or count.min() < 1):
        raise DataError(f"count must be whole numbers of 1 or more; it is {count}. {_REMEDY}")
    # in the order of the block, which files have too
    index = np.repeat(np.arange(wanted[1]), count)
    distinct = y.T.copy()
    return Target(
        model, Observations(y=distinct[index], distinct=distinct, count=count, index=index)
    )


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
