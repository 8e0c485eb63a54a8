"""CmdStan's approximation refined, and what comes of it: draws in CmdStan's form, and moments."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from pystan_mix.cmdstan.stan_csv import StanCsv
from pystan_mix.errors import DataError
from pystan_mix.inference.restarts import Approximation
from pystan_mix.mixtures.density import Constrained, log_likelihood, log_prior, to_constrained
from pystan_mix.mixtures.target import Joint, joint_of_data
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.adaptive_importance import Refinement, refine
from pystan_mix.stats.elbo import stick_breaking, unconstrained
from pystan_mix.stats.importance import resampled

# densities of an observation under a component, some 12 ns each: in a round, in the last one
_TERMS_OF_ROUND = 6_000_000
_TERMS_OF_LAST = 20_000_000
_DRAWS_OF_ROUND = (500, 5000)
_FEWEST_LAST = 1000
_FEWEST_WANTED = 2000
# observations times components; beyond, one round takes a second and more
_LARGEST_SIZE = 150_000


@dataclasses.dataclass(frozen=True)
class Refined:
    """The posterior of a model, as refined from an approximation.

    Parameters
    ----------
    joint : Joint
        The model and its observations.
    refinement : Refinement
        Weighted draws in the unconstrained space.
    """

    joint: Joint
    refinement: Refinement


def refined_from(
    approximation: Approximation, *, stan: Mapping[str, Any], rng: np.random.Generator
) -> Refined | None:
    """Refine the posterior from one approximation by ADVI.

    Parameters
    ----------
    approximation : Approximation
        The approximation: its draws, and their weights.
    stan : mapping
        The data block that Stan was given.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    Refined or None
        None where it would take too long, the draws have no covariance, or the
        data block has no priors.
    """
    try:
        joint = joint_of_data(stan)
    except DataError:
        return None
    csv = approximation.csv
    names = ["theta_raw", "mu_raw"] + ([] if "sigma" in stan else ["sigma"])
    refinement = refine_posterior(
        joint,
        unconstrained({name: csv.variable(name) for name in names}, simplex=stick_breaking),
        approximation.estimate.log_weights,
        draws=len(csv.draws),
        rng=rng,
    )
    return None if refinement is None else Refined(joint, refinement)


def refine_posterior(
    joint: Joint,
    z: FloatArray,
    log_weights: FloatArray,
    *,
    draws: int,
    rng: np.random.Generator,
) -> Refinement | None:
    """Refine the weighted draws of an approximation of a mixture's posterior.

    Parameters
    ----------
    joint : Joint
        The model and its observations.
    z : ndarray, shape (S, dimensions)
        Draws from the approximation, in the unconstrained space of `joint`;
        those that are not finite are left out.
    log_weights : ndarray, shape (S,)
        Logarithms of their importance weights.
    draws : int
        Number of draws that are wanted. The last round has twice as many, and
        2000 or more; fewer, but 1000 or more, where distinct observations
        times components exceed some thousands.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    Refinement or None
        None beyond 150 000 distinct observations times components, which take
        too long, and where the draws have no covariance.
    """
    size = joint.y.size * joint.n_components
    if size > _LARGEST_SIZE:
        return None
    fewest, most = _DRAWS_OF_ROUND
    affordable = _TERMS_OF_LAST // max(1, size)
    try:
        return refine(
            lambda points: _log_parts(joint, points),
            z,
            log_weights,
            draws=min(max(2 * draws, _FEWEST_WANTED), max(_FEWEST_LAST, affordable)),
            round_draws=min(most, max(fewest, _TERMS_OF_ROUND // max(1, size))),
            rng=rng,
        )
    except np.linalg.LinAlgError:
        return None


def _log_parts(joint: Joint, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return log prior with log Jacobian, and log likelihood, of which `log_joint` is the sum."""
    with np.errstate(all="ignore"):
        parameters = to_constrained(joint, z)
        prior = log_prior(joint, parameters) + parameters.log_jacobian
        return prior, log_likelihood(joint, parameters)


def ess_of_draws(refined: Refined, draws: int) -> float:
    """Return how many independent draws so many resampled ones are worth.

    Resampling adds nothing to the error of all weighted draws, unless it
    leaves some of these out.
    """
    found = refined.refinement
    left_out = max(0.0, 1.0 / draws - 1.0 / len(found.z))
    return 1.0 / (1.0 / found.ess + left_out)


def weighted_csv(refined: Refined, like: StanCsv, *, rng: np.random.Generator) -> StanCsv:
    """Resample refined draws by their weights, as CmdStan would have written them.

    Parameters
    ----------
    refined : Refined
        The posterior.
    like : StanCsv
        CmdStan's output of the approximation.
    rng : numpy.random.Generator
        Source of the choice.

    Returns
    -------
    StanCsv
        As many draws as `like` has: the program's parameters, ``log_p__``, and
        ``log_g__`` with all constants.
    """
    found = refined.refinement
    picks = resampled(found.log_weights, size=len(like.draws), rng=rng)
    z = found.z[picks]
    parameters = to_constrained(refined.joint, z)
    K = refined.joint.n_components
    raw = np.exp(parameters.log_theta_raw)
    values = {
        "theta_raw": raw / raw.sum(axis=1, keepdims=True),
        "mu_raw": z[:, K - 1 : 2 * K - 1],
        **_variables(refined.joint, parameters),
        "log_p__": found.log_p[picks],
        "log_g__": found.log_g[picks],
    }
    return like.with_values(values)


def refined_moments(refined: Refined) -> xr.Dataset:
    """Return the refined mean and standard deviation of each parameter.

    Parameters
    ----------
    refined : Refined
        The posterior.

    Returns
    -------
    xarray.Dataset
        ``theta_mean``, ``theta_sd`` and so on, with dim component.
    """
    found = refined.refinement
    there = np.isfinite(found.log_weights)
    weights = np.exp(found.log_weights[there])
    moments = {}
    parameters = to_constrained(refined.joint, found.z[there])
    for name, values in _variables(refined.joint, parameters).items():
        mean = weights @ values
        moments[f"{name}_mean"] = ("component", mean)
        moments[f"{name}_sd"] = ("component", np.sqrt(weights @ (values - mean) ** 2))
    return xr.Dataset(moments, coords={"component": np.arange(refined.joint.n_components)})


def _variables(joint: Joint, parameters: Constrained) -> dict[str, FloatArray]:
    """Return the parameters that a posterior has, by name."""
    found = {"theta": np.exp(parameters.log_theta), "mu": parameters.mu}
    return found if joint.sigma is not None else found | {"sigma": parameters.sigma}
