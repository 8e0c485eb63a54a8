"""Weighted draws, and what they are worth: by themselves, and by other draws."""

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np

from pystan_mix.numerics import FloatArray, log_sum_exp
from pystan_mix.stats.importance.weights import mean_ratio, pareto_smoothed

# log of what is left as it is, and of what is raised to a power: (S, d) to two of shape (S,)
Density = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


@dataclasses.dataclass(frozen=True)
class WeightedDraws:
    """Draws from a proposal, weighted for a target.

    Parameters
    ----------
    z : ndarray, shape (S, d)
        The draws.
    log_p, log_g : ndarray, shape (S,)
        Log density of each under the target, ``-inf`` where it is zero, and
        under the proposal.
    log_weights : ndarray, shape (S,)
        Logarithms of the importance weights, smoothed by PSIS; they sum to one.
    pareto_khat : float
        Pareto k-hat of the importance ratios.
    ess : float
        How many independent draws the weighted ones are worth (Kong, 1992).
    log_integral : float
        Log of the mean importance ratio: that of the target's integral.
    mcse : float
        Its Monte Carlo standard error.
    ess_of_others : float
        The same as `ess`, judged by other draws: far below it where these reach
        what the proposal misses; infinite where none judge.
    """

    z: FloatArray
    log_p: FloatArray
    log_g: FloatArray
    log_weights: FloatArray
    pareto_khat: float
    ess: float
    log_integral: float
    mcse: float
    ess_of_others: float = math.inf


def weighted(
    z: FloatArray, log_p: FloatArray, log_g: FloatArray, *, draws: int | None = None
) -> WeightedDraws:
    """Return draws with their weights, and what these are worth by themselves.

    Parameters
    ----------
    z, log_p, log_g
        As in `WeightedDraws`.
    draws : int, optional
        How many were drawn, where some are not in `z`, of which the target has
        no density.
    """
    draws = len(z) if draws is None else draws
    log_ratio = log_p - log_g
    there = np.isfinite(log_ratio)
    if not there.any():
        raise np.linalg.LinAlgError("No draw has a density.")
    log_weights = np.full(len(z), -np.inf)
    # what has no density is not in the upper tail
    log_weights[there], khat = pareto_smoothed(log_ratio[there])
    ess = float(np.exp(-log_sum_exp(2.0 * log_weights)))
    return WeightedDraws(
        z=z,
        log_p=log_p,
        log_g=log_g,
        log_weights=log_weights,
        pareto_khat=khat,
        ess=ess,
        log_integral=float(log_sum_exp(log_ratio[there])) - math.log(draws),
        mcse=math.sqrt(max(0.0, 1.0 / ess - 1.0 / draws)),
    )


def judged(
    found: WeightedDraws,
    log_density: Density,
    log_proposal: Callable[[FloatArray], FloatArray],
    *,
    draws: int | None = None,
    judges: Sequence[FloatArray],
) -> WeightedDraws:
    """Return weighted draws judged by others, which know nothing of the proposal.

    Parameters
    ----------
    found : WeightedDraws
        The draws.
    log_density, log_proposal : callable
        The target, and the log density of the proposal.
    draws : int, optional
        As in `weighted`.
    judges : sequence of ndarray, each of shape (S, d)
        Other draws of the target; of several sets each judges by itself.
    """
    draws = len(found.z) if draws is None else draws
    ratios = [
        mean_ratio(_log_ratio(log_density, log_proposal, z) - found.log_integral) for z in judges
    ]
    return dataclasses.replace(found, ess_of_others=draws / max(ratios)) if ratios else found


def _log_ratio(
    log_density: Density, log_proposal: Callable[[FloatArray], FloatArray], z: FloatArray
) -> FloatArray:
    """Return log target over proposal at other draws, infinite where they are not finite."""
    finite = np.isfinite(z).all(axis=1)
    log_ratio = np.full(len(z), np.inf)
    log_p = total_density(*log_density(z[finite]))
    log_ratio[finite] = log_p - log_proposal(z[finite])
    return log_ratio


def total_density(kept: FloatArray, flattened: FloatArray) -> FloatArray:
    """Return the log density of two parts; where it is not a number it is zero."""
    with np.errstate(invalid="ignore"):
        total = kept + flattened
    return np.where(np.isnan(total), -np.inf, total)
