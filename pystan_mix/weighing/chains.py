"""Chains of NUTS held against the whole posterior, and replaced by it where they fall short."""

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from pystan_mix.console import say
from pystan_mix.fits.attributes import WeighingFindings
from pystan_mix.fits.draws import Draws, evenly_spaced
from pystan_mix.mixtures.target import Target
from pystan_mix.stats.convergence import R_HAT_THRESHOLD, Summary, summary_of
from pystan_mix.weighing.annealing.anneal import anneal
from pystan_mix.weighing.annealing.annealed import Annealed
from pystan_mix.weighing.annealing.glimpse import MOST_DIMENSIONS, glimpsed
from pystan_mix.weighing.labelled import Labelled
from pystan_mix.weighing.modes import Modes
from pystan_mix.weighing.modes_of_chains import modes_of_chains
from pystan_mix.weighing.moments import confirmed, judged, largest_errors
from pystan_mix.weighing.near import is_near, may_be_empty, weigh_near
from pystan_mix.weighing.weigh import weigh
from pystan_mix.weighing.weighed import Weighed

# observations times components; beyond, one round takes a second and more
_LARGEST_TERMS = 150_000
# of vectors: beyond, weights of the whole are hopeless, which takes a minute to see
_MOST_WEIGHED_DIMENSIONS = 50
# of so many observations two modes are hardly ever as likely to some nats: where chains agree, and
# one mixture is near, no glimpse is needed
_SIZE_OF_UNEQUAL = 1_000_000
# draws by which a chain is said to have stayed
_DRAWS_OF_STAY = 1000
# share of its draws in one mode from which on a chain has stayed there
_STAYED = 0.99
# rounds of annealing; if it is to take many, weighing tries again from what they found
_FIRST_ROUNDS, _MANY_ROUNDS = 2, 5
# nats by which the integral of what chains have reached may be above what annealing found
_LARGEST_MORE = 0.5
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


def weigh_chains(
    target: Target,
    draws: Draws,
    *,
    parallel: int,
    rng: np.random.Generator,
    show_progress: bool = False,
) -> WeighedChains | None:
    """Hold chains against the whole posterior.

    That is weighed from what the chains have seen; where the weights cannot be
    trusted, it is annealed from the prior, without the chains.

    Parameters
    ----------
    target : Target
        The model and its observations.
    draws : Draws
        The chains.
    parallel : int
        Number of threads; what is found does not depend on it.
    rng : numpy.random.Generator
        Source of random numbers.
    show_progress : bool, default False
        Whether to say on standard error what takes long.

    Returns
    -------
    WeighedChains or None
        What weighing says; None where there is one component, no observation,
        or more than can be weighed in a moment; and where components differ in
        their means only, so that no order cuts a mode in two, and the chains
        agree.
    """
    if target.n_components == 1 or not target.observed.distinct.size:
        return None
    if target.terms > _LARGEST_TERMS:
        return None
    summaries = {
        name: [summary_of(values[..., k]) for k in range(values.shape[-1])]
        for name, values in judged(target, draws.variables).items()
    }
    mixed = _mixed(summaries, draws.chains)
    if mixed and not target.free_components:
        return None
    if not mixed and target.model.vectors and target.dimensions > MOST_DIMENSIONS:
        bridged = _bridged(target, draws, rng=rng)
        if bridged is not None or target.dimensions > _MOST_WEIGHED_DIMENSIONS:
            return bridged
    unequal = mixed and target.observed.size >= _SIZE_OF_UNEQUAL
    seen = None if unequal else glimpsed(target, rng=rng)
    annealed: Annealed | None = None
    weighed = _near(target, draws, summaries, seen, rng=rng) if mixed else None
    if weighed is None:
        if unequal:
            seen = glimpsed(target, rng=rng)
        weighed, annealed = _weighed_or_annealed(
            target, draws, seen, parallel=parallel, rng=rng, show_progress=show_progress
        )
    whole = weighed if annealed is None else annealed
    if whole is None:
        return None
    replaces = whole.is_sound and not (mixed and confirmed(summaries, whole.moments))
    posterior, modes = whole.modes(rng=rng)
    findings = dataclasses.replace(
        _findings(weighed, annealed),
        weighed=replaces,
        trusted=whole.is_sound,
        modes=modes.count,
        mode_shares=str(modes),
        chains_stayed=_stayed(posterior, draws, modes),
    )
    return WeighedChains(
        findings, whole.draws(draws.chains, draws.length, rng=rng) if replaces else None
    )


def _bridged(target: Target, draws: Draws, *, rng: np.random.Generator) -> WeighedChains | None:
    """Weigh the modes that chains stayed in, of too many dimensions for more; None if they did not.

    What is weighed so are these modes; others there may be.
    """
    try:
        found = modes_of_chains(target, draws, rng=rng)
    except np.linalg.LinAlgError:
        return None
    if len(found.each) == 1 or not found.is_sound:
        return None
    findings = WeighingFindings(
        weighed=True,
        trusted=True,
        bridged=True,
        share_error=found.share_error,
        ess_importance=min(found.ess, float(draws.chains * draws.length)),
        modes=len(found.each),
        mode_shares=str(found),
        chains_stayed=True,
        log_bound=found.log_integral,
        log_bound_mcse=found.mcse,
    )
    return WeighedChains(findings, found.drawn(draws.chains, draws.length))


def _near(
    target: Target,
    draws: Draws,
    summaries: Mapping[str, Sequence[Summary]],
    seen: Draws | None,
    *,
    rng: np.random.Generator,
) -> Weighed | None:
    """Weigh what chains that agree have reached; None where that is not enough.

    Of vectors of many dimensions that is all: weights of more draws could hardly be trusted either.
    """
    with contextlib.suppress(np.linalg.LinAlgError):
        near = weigh_near(target, draws, glimpsed=seen, rng=rng)
        if target.model.vectors and target.dimensions > MOST_DIMENSIONS:
            return near
        if (
            is_near(near)
            and confirmed(summaries, near.moments)
            and not may_be_empty(target, draws, log_integral=near.log_integral, rng=rng)
        ):
            return near
    return None


def _weighed_or_annealed(
    target: Target,
    draws: Draws,
    seen: Draws | None,
    *,
    parallel: int,
    rng: np.random.Generator,
    show_progress: bool,
) -> tuple[Weighed | None, Annealed | None]:
    """Weigh the posterior; anneal it where weights cannot be trusted. None of what failed."""
    weighed: Weighed | None = None
    annealed: Annealed | None = None
    with contextlib.suppress(np.linalg.LinAlgError):
        weighed = weigh(target, draws, glimpsed=seen, rng=rng)
    # what cannot be glimpsed cannot be annealed
    if seen is not None and not (weighed is not None and weighed.is_sound):
        say(
            "What the chains led to does not weigh well: annealing the whole posterior from the "
            f"prior, which takes {'up to a minute' if target.model.vectors else 'some seconds'}.",
            wanted=show_progress,
        )
        with contextlib.suppress(np.linalg.LinAlgError):
            annealed = anneal(target, rng=rng, parallel=parallel, rounds=_FIRST_ROUNDS)
            if annealed.excess**2 * _FIRST_ROUNDS > _MANY_ROUNDS:
                again = _weighed_again(target, draws, annealed, rng=rng)
                if again.is_sound:
                    return again, None
                annealed = anneal(target, rng=rng, parallel=parallel, begun=annealed)
    if weighed is not None and annealed is not None and _is_missed(weighed, annealed):
        annealed = None
    return weighed, annealed


def _is_missed(weighed: Weighed, annealed: Annealed) -> bool:
    """Whether annealing missed a part that chains have reached: the integral is larger there."""
    more = weighed.log_integral - annealed.log_integral
    return weighed.is_precise and more > max(_LARGEST_MORE, _ERRORS * annealed.mcse)


def _weighed_again(
    target: Target, draws: Draws, annealed: Annealed, *, rng: np.random.Generator
) -> Weighed:
    """Weigh from chains and from what was annealed, judged by other populations of that."""
    # populations stand one after another
    more = annealed.draws(2, draws.length, rng=rng).variables
    joined = {name: np.concatenate([x, more[name][:1]]) for name, x in draws.variables.items()}
    others = Draws({name: x[1:] for name, x in more.items()})
    return weigh(target, Draws(joined), glimpsed=others, rng=rng)


def _findings(weighed: Weighed | None, annealed: Annealed | None) -> WeighingFindings:
    """Return what is known of the weights, and of the annealing if there was one."""
    found = WeighingFindings()
    if weighed is not None:
        sample, (_, sd_error) = weighed.sample, largest_errors(weighed.moments)
        found = dataclasses.replace(
            found,
            pareto_khat_weights=sample.pareto_khat,
            ess_importance=sample.ess,
            ess_of_others=sample.ess_of_others,
            sd_error=sd_error,
            log_bound=sample.log_integral,
            log_bound_mcse=sample.mcse,
        )
    if annealed is not None:
        mean_error, sd_error = largest_errors(annealed.moments)
        found = dataclasses.replace(found, annealed=True, mean_error=mean_error, sd_error=sd_error)
        if weighed is None or not _same_integral(weighed, annealed):
            found = dataclasses.replace(
                found, log_bound=annealed.log_integral, log_bound_mcse=annealed.mcse
            )
    return found


def _same_integral(weighed: Weighed, annealed: Annealed) -> bool:
    """Whether weights, which miss what is rare, have the integral, of which that is little."""
    difference = abs(weighed.log_integral - annealed.log_integral)
    return weighed.is_precise and difference <= _ERRORS * annealed.mcse


def _stayed(posterior: Labelled, draws: Draws, modes: Modes) -> bool:
    """Whether each chain stayed in one mode."""
    some = draws.picked(evenly_spaced(draws.length, max(1, _DRAWS_OF_STAY // draws.chains)))
    each = modes.of(posterior.to_coordinates(posterior.relabelled(some.flat())))
    shares = each.reshape(some.chains, some.length, 1) == np.arange(modes.count)
    return bool((shares.mean(axis=1).max(axis=1) > _STAYED).all())


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
