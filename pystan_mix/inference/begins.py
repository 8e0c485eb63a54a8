"""Where chains begin: also in posteriors that are narrower than Stan's adaptation can tell.

Stan adds some 1e-5 to the variances that it has of the unconstrained parameters
(Stan Reference Manual, "Euclidean metric"), so that its metric stays round where
these are less, and trajectories take several times as many steps.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pystan_mix.mixtures.density import (
    free_shares,
    log_joint,
    sampled_unconstrained,
    to_constrained,
)
from pystan_mix.mixtures.starts import for_stan
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.importance.normal_approximation import normal_approximation
from pystan_mix.stats.transforms import stick_breaking
from pystan_mix.weighing.labelled import FreeTarget

# fewer observations do not make a posterior as narrow
_LEAST_OBSERVATIONS = 1_000_000
# densities of an observation under a component, some 10 ns each, that a step takes at most
_TERMS = 20_000_000
# of each direction of the unconstrained space; a wider one is not normal for certain
_LARGEST_VARIANCE = 1e-4
# standard deviations by which chains begin off the mode
_SPREAD = 2.0


@dataclasses.dataclass(frozen=True)
class Begin:
    """Where a chain begins, and with which metric.

    Parameters
    ----------
    init : mapping of str to array_like
        Initial values, as the program samples them.
    inverse_metric : ndarray, shape (dimensions, dimensions), optional
        What CmdStan calls so, where it is known: the covariance of the unconstrained
        parameters. By default warm-up finds it.
    """

    init: Mapping[str, Any]
    inverse_metric: FloatArray | None = None


def begins(
    target: Target,
    inits: Sequence[Mapping[str, Any]],
    *,
    sort_components: bool,
    rng: np.random.Generator,
) -> list[Begin]:
    """Return where chains begin: where a posterior is narrow in every direction, near its mode.

    From the initial values of each chain its own mode is found, and the covariance of the
    normal approximation there. The weights are those of Stan up to 2.36; in the
    place of later ones the metric is off by small factors only.

    Parameters
    ----------
    target : Target
        The model and its observations.
    inits : sequence of mapping of str to array_like
        Initial values of each chain, as the program samples them.
    sort_components : bool
        As in `stan_data`.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    list of Begin
        The initial values as they are, without a metric, where the posterior is not narrow
        for certain.
    """
    as_they_are = [Begin(each) for each in inits]
    costs = 2 * target.dimensions**2 * target.terms
    if target.observed.size < _LEAST_OBSERVATIONS or costs > _TERMS or target.model.vectors:
        return as_they_are
    sampled = FreeTarget(target.model, target.observed) if sort_components else target
    found = []
    for each in inits:
        values = {name: np.array(x, dtype=np.float64) for name, x in each.items()}
        start = sampled_unconstrained(sampled, values, simplex=stick_breaking)
        with np.errstate(all="ignore"):
            near = normal_approximation(functools.partial(log_joint, sampled), start)
        if near is None or np.linalg.eigvalsh(near[1]).max() > _LARGEST_VARIANCE:
            return as_they_are
        mode, covariance = near
        z = rng.multivariate_normal(mode, _SPREAD**2 * covariance, method="cholesky")
        variables = {n: x[0] for n, x in to_constrained(sampled, z[None]).variables().items()}
        shares = free_shares(target, variables.pop("theta"))
        start_values = {name: x.tolist() for name, x in variables.items()}
        init = for_stan(
            target, {"theta_raw": shares.tolist()} | start_values, sort_components=sort_components
        )
        found.append(Begin(init, covariance))
    return found
