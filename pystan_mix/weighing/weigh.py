"""The whole posterior, weighed: from draws of chains that each may have stayed in one mode."""

import contextlib
from collections.abc import Mapping

import numpy as np

from pystan_mix.fits.draws import Draws
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.importance.blended import Adaptation
from pystan_mix.weighing.at_hand import coordinates, halves, within
from pystan_mix.weighing.births import Births, merged, ordered, without_one
from pystan_mix.weighing.labelled import Labelled, labelled
from pystan_mix.weighing.moments import largest_errors
from pystan_mix.weighing.weighed import Weighed

# densities of an observation under a component, 1 to 10 ns each: in a round, in the end
_TERMS_OF_ROUND = 2_000_000
_TERMS_OF_LAST = 7_500_000
_MOST_OF_ROUND = 2000
# a mixture is fitted to as many effective draws
_LEAST_PER_DIMENSION = 40
_DRAWS_OF_LAST = (1500, 8000)
# ... and where a standard deviation has an error, relative to it, that is larger than this
_TERMS_OF_PRECISE = 30_000_000
_MOST_PRECISE = 60_000
_GOOD_SD_ERROR = 0.04
# rounds of the posterior without one component are so much smaller
_SMALLER = 0.75
# components that may be nearly empty at once
_BIRTHS = 1
# rounds more, so many times, where the draws are not yet good
_MORE_TIMES = 2
_MORE_ROUNDS = (1.0, 1.0, 1.0)
# draws that are worth less show no way to better ones
_HOPELESS_ESS = 50


def weigh(
    target: Target, draws: Draws, *, glimpsed: Draws | None = None, rng: np.random.Generator
) -> Weighed:
    """Weigh the whole posterior, from draws near all its modes.

    Adaptive importance sampling on coordinates in which components keep their
    labels, from three sources: mixtures of Student-t fitted to the draws, and to
    what the weights say, and births of a nearly empty component.

    Parameters
    ----------
    target : Target
        The model and its observations.
    draws : Draws
        Draws of chains, or of whatever has been near the posterior, components in
        any order. Proposals begin with the first half of each chain, and the
        second half judges them.
    glimpsed : Draws, optional
        Draws that know nothing of the others, to judge by as well.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    Weighed
        The posterior; `is_sound` says whether to trust it.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the draws have no covariance, or none has a density.
    """
    fitted, judging = halves(draws)
    posterior, adaptation = _adapted(
        target, fitted, births=_BIRTHS, round_draws=_draws_of_round(target), rng=rng
    )
    judges = coordinates(posterior, judging, glimpsed)
    last = within(_TERMS_OF_LAST // target.terms, _DRAWS_OF_LAST)
    found = Weighed(posterior, adaptation.sample(last, judges=judges))
    for _ in range(_MORE_TIMES):
        hopeless = min(found.sample.ess, found.sample.ess_of_others) < _HOPELESS_ESS
        if hopeless or found.is_sound:
            break
        adaptation.adapt(_MORE_ROUNDS)
        found = Weighed(posterior, adaptation.sample(last, judges=judges))
    sd_error = largest_errors(found.moments)[1]
    if found.is_sound and sd_error > _GOOD_SD_ERROR:
        wanted = last * (sd_error / _GOOD_SD_ERROR) ** 2
        more = int(min(wanted, _TERMS_OF_PRECISE // target.terms, _MOST_PRECISE))
        if more > last:
            found = Weighed(posterior, adaptation.sample(more, judges=judges))
    return found


def _draws_of_round(target: Target) -> int:
    least = _LEAST_PER_DIMENSION * target.dimensions
    return within(_TERMS_OF_ROUND // target.terms, (least, _MOST_OF_ROUND))


def _adapted(
    target: Target,
    variables: Mapping[str, FloatArray],
    *,
    births: int,
    round_draws: int,
    rng: np.random.Generator,
) -> tuple[Labelled, Adaptation]:
    """Return a posterior on coordinates, and an adaptation to it."""
    posterior = labelled(target, variables)
    fixed: tuple[Births, ...] = ()
    # a component that observations' labels name is not born
    if births and posterior.labels is not None and target.observed.label is None:
        # without births there is a posterior all the same
        with contextlib.suppress(np.linalg.LinAlgError):
            smaller, inner = _adapted(
                without_one(target),
                merged(target, ordered(target, variables), rng=rng),
                births=births - 1,
                round_draws=int(_SMALLER * round_draws),
                rng=rng,
            )
            fixed = (Births(posterior, smaller, inner.blend),)
    z = posterior.to_coordinates(posterior.relabelled(variables))
    return posterior, Adaptation(posterior.log_parts, z, fixed, round_draws=round_draws, rng=rng)
