"""The posterior refined from an approximation, and what comes of it: draws and moments."""

import dataclasses

import numpy as np

from pystan_mix.fits.draws import Draws
from pystan_mix.inference.restarts import Approximation
from pystan_mix.mixtures.density import log_joint, to_constrained, to_unconstrained
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.importance.adaptive import refine
from pystan_mix.stats.importance.weighted_draws import WeightedDraws
from pystan_mix.stats.importance.weights import resampled
from pystan_mix.weighing.annealing.glimpse import glimpsed
from pystan_mix.weighing.labelled import Labelled, labelled

# densities of an observation under a component, some 12 ns each: in a round, in the last one
_TERMS_OF_ROUND = 6_000_000
_TERMS_OF_LAST = 20_000_000
_DRAWS_OF_ROUND = (500, 5000)
_FEWEST_LAST = 1000
_FEWEST_WANTED = 2000
# observations times components; beyond, one round takes a second and more
_LARGEST_TERMS = 150_000


@dataclasses.dataclass(frozen=True)
class Refined:
    """The posterior of a model, as refined from an approximation.

    Parameters
    ----------
    posterior : Labelled
        The model and its observations, on coordinates in which components keep
        their labels: no order of means cuts it in two.
    refinement : WeightedDraws
        Weighted draws in these coordinates.
    """

    posterior: Labelled
    refinement: WeightedDraws


def refined_from(
    target: Target, approximation: Approximation, *, rng: np.random.Generator
) -> Refined | None:
    """Refine the posterior from one approximation by ADVI.

    Parameters
    ----------
    target : Target
        The model and its observations.
    approximation : Approximation
        Draws with their importance ratios.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    Refined or None
        The posterior; None where refining it would take too long or nothing
        comes of it.
    """
    return refine_posterior(
        target,
        approximation.z,
        approximation.estimate.log_weights,
        draws=approximation.draws.length,
        rng=rng,
    )


def refine_posterior(
    target: Target,
    z: FloatArray,
    log_weights: FloatArray,
    *,
    draws: int,
    rng: np.random.Generator,
) -> Refined | None:
    """Refine the weighted draws of an approximation of a mixture's posterior.

    Parameters
    ----------
    target : Target
        The model and its observations.
    z : ndarray, shape (S, dimensions)
        Draws from the approximation, in the unconstrained space of `log_joint`;
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
    Refined or None
        None beyond 150 000 distinct observations times components, which take
        too long, and where the draws have no covariance. A glimpse of the whole
        posterior judges it where there can be one.
    """
    finite = np.isfinite(z).all(axis=1) & np.isfinite(log_weights)
    if target.terms > _LARGEST_TERMS or not finite.any():
        return None
    fewest, most = _DRAWS_OF_ROUND
    affordable = _TERMS_OF_LAST // target.terms
    variables = to_constrained(target, z[finite]).variables()
    posterior = labelled(target, variables)
    others = glimpsed(target, rng=rng) if target.n_components > 1 else None
    try:
        refinement = refine(
            posterior.log_parts,
            posterior.to_coordinates(posterior.relabelled(variables)),
            log_weights[finite],
            draws=min(max(2 * draws, _FEWEST_WANTED), max(_FEWEST_LAST, affordable)),
            round_draws=min(most, max(fewest, _TERMS_OF_ROUND // target.terms)),
            judges=[] if others is None else [_coordinates(posterior, others)],
            rng=rng,
        )
    except np.linalg.LinAlgError:
        return None
    return Refined(posterior, refinement)


def _coordinates(posterior: Labelled, draws: Draws) -> FloatArray:
    """Return the coordinates of one chain's draws, but for those that have none."""
    variables = {name: x[0] for name, x in draws.variables.items()}
    z = posterior.to_coordinates(posterior.relabelled(variables))
    return z[np.isfinite(z).all(axis=1)]


def ess_of_draws(refined: Refined, draws: int) -> float:
    """Return how many independent draws so many resampled ones are worth.

    Resampling adds nothing to the error of all weighted draws, unless it
    leaves some of these out.
    """
    found = refined.refinement
    left_out = max(0.0, 1.0 / draws - 1.0 / len(found.z))
    return 1.0 / (1.0 / found.ess + left_out)


def weighted_draws(refined: Refined, draws: int, *, rng: np.random.Generator) -> Draws:
    """Resample refined draws by their weights.

    Parameters
    ----------
    refined : Refined
        The posterior.
    draws : int
        How many are drawn.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    Draws
        One chain, with the log densities of target and proposal.
    """
    found = refined.refinement
    picks = resampled(found.log_weights, size=draws, rng=rng)
    variables = refined.posterior.ordered_variables(found.z[picks])
    target = refined.posterior.target
    # in Stan's space, as all draws have it; the ratio is the same in any
    log_p = log_joint(target, to_unconstrained(target, variables))
    return Draws(
        {name: values[None] for name, values in variables.items()},
        log_p=log_p[None],
        log_g=(log_p - found.log_p[picks] + found.log_g[picks])[None],
    )


def refined_moments(refined: Refined) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return the refined mean and standard deviation of each parameter.

    Parameters
    ----------
    refined : Refined
        The posterior.

    Returns
    -------
    dict of str to tuple of two ndarrays, shape (K, ...) or (1, ...)
        By name.
    """
    found = refined.refinement
    there = np.isfinite(found.log_weights)
    weights = np.exp(found.log_weights[there])
    moments = {}
    for name, values in refined.posterior.ordered_variables(found.z[there]).items():
        mean = np.tensordot(weights, values, axes=1)
        squares = np.tensordot(weights, (values - mean) ** 2, axes=1)
        moments[name] = (mean, np.sqrt(squares))
    return moments
