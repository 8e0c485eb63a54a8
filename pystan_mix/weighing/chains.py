"""Chains of NUTS held against the whole posterior, and replaced by it where they fall short."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from pystan_mix.fits.attributes import WeighingFindings
from pystan_mix.fits.draws import Draws
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.convergence import R_HAT_THRESHOLD, Summary, summary_of
from pystan_mix.weighing.weigh import Weighed, weigh

# observations times components; beyond, one round takes a second and more
_LARGEST_SIZE = 150_000
# standard deviations, and relative to one, by which chains may be off the weighed posterior
_LARGEST_SHIFT = 0.1
_LARGEST_SPREAD = 0.1
# share of its draws in one mode from which on a chain has stayed there
_STAYED = 0.99
# their own errors by which they must be off besides
_ERRORS = 2.5
# effective draws for each chain, as `diagnose` asks
_LEAST_ESS_PER_CHAIN = 100


@dataclasses.dataclass(frozen=True)
class WeighedChains:
    """What weighing says of chains.

    Parameters
    ----------
    findings : WeighingFindings
        What is known of the weights.
    draws : Draws or None
        Draws of the weighed posterior, as many as the chains have, where these
        fall short of it; None where the chains are confirmed, or the weights
        cannot be trusted.
    """

    findings: WeighingFindings
    draws: Draws | None


def weigh_chains(target: Target, draws: Draws, *, rng: np.random.Generator) -> WeighedChains | None:
    """Hold chains against the whole posterior.

    Parameters
    ----------
    target : Target
        The model and its observations.
    draws : Draws
        The chains.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    WeighedChains or None
        What weighing says; None where there is one component, no observation,
        or more than can be weighed in a moment; and where components differ in
        their means only, so that no order cuts a mode in two, and the chains
        agree.
    """
    size = target.observed.distinct.size * target.n_components
    if target.n_components == 1 or not 0 < size <= _LARGEST_SIZE:
        return None
    summaries = {
        name: [summary_of(values[..., k]) for k in range(values.shape[-1])]
        for name, values in draws.variables.items()
    }
    mixed = _mixed(summaries, draws.chains)
    if mixed and not target.free_components:
        return None
    try:
        weighed = weigh(target, draws, rng=rng)
    except np.linalg.LinAlgError:
        return None
    sample = weighed.sample
    trusted = weighed.is_sound
    replaces = trusted and not (mixed and _confirmed(summaries, weighed))
    findings = WeighingFindings(
        weighed=replaces,
        trusted=trusted,
        pareto_khat_weights=sample.pareto_khat,
        ess_importance=sample.ess,
        ess_of_chains=sample.ess_of_chains,
        sd_error=weighed.sd_error,
        modes=weighed.modes.count,
        mode_shares=str(weighed.modes),
        chains_stayed=bool((weighed.stayed.max(axis=1) > _STAYED).all()),
        log_bound=sample.log_integral,
        log_bound_mcse=sample.mcse,
    )
    return WeighedChains(
        findings, weighed.draws(draws.chains, draws.length, rng=rng) if replaces else None
    )


def _confirmed(chains: Mapping[str, Sequence[Summary]], weighed: Weighed) -> bool:
    """Whether chains have the means and standard deviations of the weighed posterior."""
    weights, variables = weighed.weights, weighed.variables()
    return all(
        _agree(each, variables[name][:, k], weights)
        for name, summaries in chains.items()
        for k, each in enumerate(summaries)
    )


def _agree(chains: Summary, whole: FloatArray, weights: FloatArray) -> bool:
    """Whether the chains of one quantity have its mean and standard deviation, but for errors."""
    if np.ptp(whole) == 0.0:
        return True
    mean = float(weights @ whole)
    squares = (whole - mean) ** 2
    variance = float(weights @ squares)
    if variance == 0.0:
        return True
    sd = math.sqrt(variance)
    # the error of a weighted mean is the root of the sum of the weighted squares
    of_mean = math.sqrt(np.sum(weights**2 * squares))
    of_sd = math.sqrt(np.sum(weights**2 * (squares - variance) ** 2)) / (2.0 * sd)
    return _near(
        chains.values["mean"] - mean, _LARGEST_SHIFT * sd, ours=chains.mcse_mean, theirs=of_mean
    ) and _near(chains.values["sd"] - sd, _LARGEST_SPREAD * sd, ours=chains.mcse_sd, theirs=of_sd)


def _near(difference: float, bound: float, *, ours: float, theirs: float) -> bool:
    """Whether a difference is small, or the chains know better and errors explain it."""
    if abs(difference) <= bound:
        return True
    return ours <= theirs and abs(difference) <= _ERRORS * math.hypot(ours, theirs)


def _mixed(summaries: Mapping[str, Sequence[Summary]], chains: int) -> bool:
    """Whether the chains agree among themselves and have enough effective draws."""
    return all(
        each.values["sd"] == 0.0
        or (
            each.r_hat <= R_HAT_THRESHOLD
            and min(each.ess_bulk, each.ess_tail) >= _LEAST_ESS_PER_CHAIN * chains
        )
        for summaries_of_one in summaries.values()
        for each in summaries_of_one
    )
