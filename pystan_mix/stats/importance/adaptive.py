"""From an approximation to the posterior: proposals that adapt, and weights that can be trusted.

Draws of a normal that is too narrow hardly reach the posterior's tails, and
neither their weights nor these weights' k-hat can show it. So new proposals
are fitted to the weighted draws, round after round.
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from pystan_mix.numerics import FloatArray, in_blocks, log_sum_exp
from pystan_mix.stats.importance.normal_proposals import fit_proposal
from pystan_mix.stats.importance.student_proposals import (
    StudentMixture,
    beside,
    draw_student,
    from_normals,
    student,
    student_log_density,
)
from pystan_mix.stats.importance.weighted_draws import (
    Density,
    WeightedDraws,
    judged,
    total_density,
    weighted,
)
from pystan_mix.stats.importance.weights import pareto_smoothed, resampled

# powers of the likelihood, a round each: a flat posterior shows tails and minor modes first
_POWERS = (0.25, 0.25, 0.25, 0.25, 0.5, 0.5, 1.0, 1.0)
# rounds more, while the draws of one are worth less than this share or their k-hat is higher
_MORE_ROUNDS = 4
_ENOUGH_SHARE = 0.2
_ENOUGH_KHAT = 0.5
# share of a proposal's draws that are from as wide a Student-t, in standard deviations
_WIDE_SHARE = 0.1
_WIDTH = 2.0
# fewer effective draws tell one covariance only; more make the fit slow, not better ...
_FEWEST_PER_DIMENSION = 40
_MOST_PER_DIMENSION = 400
# ... and so do many products of coordinates: beyond some 20 dimensions there is one Student-t
_MOST_PRODUCTS = 600_000
# effective draws for each dimension at which a new covariance counts as much as the last one
_INERTIA = 2.0

# draws of others that see so much less in what is found have been elsewhere
_LEAST_AGREEMENT = 0.3


def refine(
    log_density: Density,
    z: FloatArray,
    log_weights: FloatArray,
    *,
    draws: int,
    round_draws: int = 3000,
    judges: Sequence[FloatArray] = (),
    rng: np.random.Generator,
) -> WeightedDraws:
    """Fit proposals to a density by adaptive importance sampling, from weighted draws near it.

    Population Monte Carlo (Cappé, Guillin, Marin and Robert, 2004; Cappé,
    Douc, Guillin, Marin and Robert, 2008, "Adaptive importance sampling in
    general mixture classes"): in each round a mixture of Student-t, fitted by
    EM to the weighted draws so far, gives new ones. All rounds' draws are
    weighted against the mixture of all rounds' proposals (Cornuet, Marin, Mira
    and Robert, 2012, "Adaptive multiple importance sampling"), so that they
    add up. The first rounds' target is flattened, as in annealed importance
    sampling (Neal, 2001), so that proposals spread to where the start did not
    reach. Of the last round, draws and weights are its own.

    Parameters
    ----------
    log_density : callable
        Points of shape (S, d) to two parts of the log density, each of shape
        (S,): one that stays as it is, and one that the first rounds flatten.
    z : ndarray, shape (S, d)
        Draws to begin with.
    log_weights : ndarray, shape (S,)
        Logarithms of their importance weights, up to a constant.
    draws : int
        Number of draws of the last round.
    round_draws : int, default 3000
        Number of draws of each round before.
    judges : sequence of ndarray, each of shape (S, d)
        Draws that know nothing of `z`: where they reach what the last proposal
        misses, `ess` is what they say.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    WeightedDraws
        The draws of the last round; of them k-hat says whether to trust them.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the draws to begin with have no covariance.
    """
    finite = np.isfinite(z).all(axis=1) & np.isfinite(log_weights)
    if finite.sum() <= z.shape[1]:
        raise np.linalg.LinAlgError("There are fewer draws than dimensions.")
    near, log_w = z[finite], _normalised(_POWERS[0] * log_weights[finite])
    covariance = np.cov(near.T).reshape(z.shape[1], z.shape[1]) / _POWERS[0]
    rounds: list[_Round] = []
    for i in range(len(_POWERS) + _MORE_ROUNDS):
        proposal, covariance = adapted_proposal(near, log_w, covariance, rng=rng)
        rounds = _one_more(rounds, proposal, log_density, round_draws, rng=rng)
        if i + 1 >= len(_POWERS) and _is_enough(rounds[-1]):
            break
        # weights for the target of the next round, or of the last one
        power = _POWERS[i + 1] if i + 1 < len(_POWERS) else 1.0
        near, log_w = _pooled(rounds, power)
    near, log_w = _pooled(rounds, 1.0)
    proposal, _ = adapted_proposal(near, log_w, covariance, rng=rng)
    z = draw_student(proposal, draws, rng=rng)
    found = weighted(z, total_density(*log_density(z)), student_log_density(proposal, z))
    found = judged(
        found, log_density, functools.partial(student_log_density, proposal), judges=judges
    )
    if found.ess_of_others < _LEAST_AGREEMENT * found.ess:
        return dataclasses.replace(found, ess=found.ess_of_others)
    return found


@dataclasses.dataclass(frozen=True)
class _Round:
    """A proposal, its draws, and their log densities: two of the target, one of each proposal."""

    proposal: StudentMixture
    z: FloatArray
    kept: FloatArray
    flattened: FloatArray
    log_g: FloatArray


def _one_more(
    rounds: list[_Round],
    proposal: StudentMixture,
    log_density: Density,
    draws: int,
    *,
    rng: np.random.Generator,
) -> list[_Round]:
    """Return the rounds and one with draws from a proposal, each with all proposals' densities."""
    z = draw_student(proposal, draws, rng=rng)
    proposals = [*(old.proposal for old in rounds), proposal]
    log_g = np.stack([student_log_density(each, z) for each in proposals])
    grown = [
        dataclasses.replace(
            old, log_g=np.concatenate([old.log_g, student_log_density(proposal, old.z)[None]])
        )
        for old in rounds
    ]
    return [*grown, _Round(proposal, z, *log_density(z), log_g)]


def _is_enough(last: _Round) -> bool:
    """Whether a round's draws, weighted by its own proposal alone, are good enough."""
    own = weighted(last.z, total_density(last.kept, last.flattened), last.log_g[-1])
    return own.pareto_khat <= _ENOUGH_KHAT and own.ess >= _ENOUGH_SHARE * len(last.z)


def _pooled(rounds: list[_Round], power: float) -> tuple[FloatArray, FloatArray]:
    """Return all rounds' draws that the target reaches, and their log weights."""
    log_p = np.concatenate([total_density(one.kept, power * one.flattened) for one in rounds])
    log_g = np.concatenate([log_sum_exp(one.log_g, axis=0) for one in rounds])
    z = np.concatenate([one.z for one in rounds])
    there = np.isfinite(log_p)
    if not there.any():
        raise np.linalg.LinAlgError("No draw has a density.")
    return z[there], pareto_smoothed((log_p - log_g)[there])[0]


def adapted_proposal(
    z: FloatArray, log_weights: FloatArray, last: FloatArray, *, rng: np.random.Generator
) -> tuple[StudentMixture, FloatArray]:
    """Return what is fitted to weighted draws, and their covariance drawn to the last one."""
    d = z.shape[1]
    weights = np.exp(log_weights)
    mean = weights @ z
    deviations = z - mean
    ess = 1.0 / (weights @ weights)
    inertia = _INERTIA * d
    products = in_blocks(deviations * weights[:, None]).transpose(0, 2, 1) @ in_blocks(deviations)
    covariance = (ess * products.sum(axis=0) + inertia * last) / (ess + inertia)
    fitted = student(mean, covariance)
    wide = dataclasses.replace(fitted, factors=_WIDTH * fitted.factors)
    size = min(int(ess), _MOST_PER_DIMENSION * d, _MOST_PRODUCTS // (1 + d + d * d))
    if size >= _FEWEST_PER_DIMENSION * d:
        picks = resampled(log_weights, size=size, rng=rng)
        fitted = from_normals(fit_proposal(z[picks], rng=rng))
    return beside(fitted, wide, share=_WIDE_SHARE), covariance


def _normalised(log_weights: FloatArray) -> FloatArray:
    """Return log weights whose exponentials sum to one."""
    return np.asarray(log_weights - log_sum_exp(log_weights))
