"""Bridge sampling: the integral of a density of which there are draws, and its honest error."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from pystan_mix.arviz_compat import az
from pystan_mix.numerics import FloatArray, log_sum_exp
from pystan_mix.stats.importance.normal_proposals import (
    draw_from,
    fit_proposal,
    proposal_log_density,
)
from pystan_mix.stats.importance.weights import pareto_smoothed

# a difference of the halves by more of its own standard errors is no chance
_LARGEST_DISAGREEMENT = 3.0


@dataclasses.dataclass(frozen=True)
class Bridge:
    """The log of an integral.

    Parameters
    ----------
    log_integral : float
        Mean of the two halves' estimates.
    mcse : float
        Its Monte Carlo standard error, in nats.
    halves : tuple of two float
        The estimates, each from one half of the draws with a proposal that
        was fitted to the other.
    pareto_khat : float
        The larger Pareto k-hat of the two proposals' importance ratios: up to
        0.7 the proposals alone would do.
    """

    log_integral: float
    mcse: float
    halves: tuple[float, float]
    pareto_khat: float


def bridge_sample(
    log_density: Callable[[FloatArray], FloatArray], z: FloatArray, *, rng: np.random.Generator
) -> Bridge:
    """Integrate a density over the whole space, from draws of it.

    A proposal is fitted to the first half of each chain, and the second half
    and as many draws from the proposal give an estimate; then the halves
    change places (Gronau et al., 2017, "A tutorial on bridge sampling", with
    both halves used for both).

    Parameters
    ----------
    log_density : callable
        Log of the density, not normalised: points of shape (S, d) to (S,).
    z : ndarray, shape (chain, draw, d)
        Draws from it, 8 or more of each chain. One that is not finite counts
        as so far out that the proposal is zero there.
    rng : numpy.random.Generator
        Source of the proposals and of the draws from them.

    Returns
    -------
    Bridge
        The estimate.
    """
    middle = z.shape[1] // 2
    first, second = z[:, :middle], z[:, middle : 2 * middle]
    # the optimal bridge counts the chains' draws by what they are worth
    effective = 0.5 * least_ess(z)
    estimates = [
        _estimate(log_density, fitted, judged, effective=effective, rng=rng)
        for fitted, judged in ((first, second), (second, first))
    ]
    values, errors, khats = np.array(estimates).T
    difference = abs(float(values[0] - values[1]))
    mcse = 0.5 * float(np.hypot(*errors))
    if difference > _LARGEST_DISAGREEMENT * 2.0 * mcse:
        mcse = 0.5 * difference
    return Bridge(
        log_integral=float(values.mean()),
        mcse=mcse,
        halves=(float(values[0]), float(values[1])),
        pareto_khat=float(khats.max()),
    )


def _estimate(
    log_density: Callable[[FloatArray], FloatArray],
    fitted: FloatArray,
    judged: FloatArray,
    *,
    effective: float,
    rng: np.random.Generator,
) -> tuple[float, float, float]:
    """Return log integral, error and k-hat: `judged` against a proposal fitted to `fitted`."""
    d = fitted.shape[-1]
    flat = fitted.reshape(-1, d)
    proposal = fit_proposal(flat[np.isfinite(flat).all(axis=1)], rng=rng)
    own = draw_from(proposal, judged.shape[0] * judged.shape[1], rng=rng)
    log_ratio_own = log_density(own) - proposal_log_density(proposal, own)

    flat = judged.reshape(-1, d)
    log_ratio = np.full(len(flat), np.inf)
    finite = np.isfinite(flat).all(axis=1)
    log_ratio[finite] = log_density(flat[finite]) - proposal_log_density(proposal, flat[finite])

    log_shares = np.log(np.array([effective, len(own)]) / (effective + len(own)))
    value, error = _solve(log_ratio.reshape(judged.shape[:2]), log_ratio_own, log_shares)
    # what has no density is not in the upper tail
    khat = pareto_smoothed(log_ratio_own[np.isfinite(log_ratio_own)])[1]
    return value, error, khat


def least_ess(z: FloatArray) -> float:
    """Return the least bulk effective sample size of all coordinates.

    Parameters
    ----------
    z : ndarray, shape (chain, draw, d)
        Draws.

    Returns
    -------
    float
        At most the number of draws.
    """
    # ranks count, so that any value far out serves for one that is not finite
    whole = np.where(np.isfinite(z), z, -1e300)
    ess = min(float(az.ess(whole[..., i], method="bulk")) for i in range(z.shape[-1]))
    return min(ess, float(z.shape[0] * z.shape[1]))


def _solve(
    log_ratio: FloatArray, log_ratio_own: FloatArray, log_shares: FloatArray
) -> tuple[float, float]:
    """Return the log integral r, and its error.

    Meng and Wong (1996), equation 4.1: with ``p`` the density, ``g`` the
    proposal and shares ``s``, the mean of ``p / (s[0] p + s[1] r g)`` under
    the proposal is that of ``r g / (s[0] p + s[1] r g)`` under the posterior.
    The one falls in r and the other rises, so halving the interval finds it.
    The error is Frühwirth-Schnatter's (2004), with the effective number of
    the chains' draws for its spectral density at zero.
    """
    finite = np.concatenate([log_ratio[np.isfinite(log_ratio)], log_ratio_own])
    finite = finite[np.isfinite(finite)]
    low, high = float(finite.min()), float(finite.max())
    while high - low > 1e-9:
        middle = 0.5 * (low + high)
        own, ours = _bridged(log_ratio, log_ratio_own, log_shares, middle)
        low, high = (middle, high) if log_mean(own) > log_mean(ours) else (low, middle)
    own, ours = (np.exp(logs) for logs in _bridged(log_ratio, log_ratio_own, log_shares, low))
    variance = own.var() / own.mean() ** 2 / own.size
    if ours.std() > 0.0:
        ess = min(float(az.ess(ours, method="mean")), float(ours.size))
        variance += ours.var() / ours.mean() ** 2 / ess
    return low, math.sqrt(float(variance))


def _bridged(
    log_ratio: FloatArray, log_ratio_own: FloatArray, log_shares: FloatArray, r: float
) -> tuple[FloatArray, FloatArray]:
    """Return the logs of the two sides' terms at a log integral r."""
    s_density, s_proposal = log_shares
    own = log_ratio_own - r
    ours = log_ratio - r
    return (
        own - np.logaddexp(s_density + own, s_proposal),
        -np.logaddexp(s_density + ours, s_proposal),
    )


def log_mean(logs: FloatArray) -> float:
    """Return the log of the mean of exponentials."""
    return float(log_sum_exp(logs.ravel())) - math.log(logs.size)
