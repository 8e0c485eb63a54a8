"""The whole posterior, weighed: from draws of chains that each may have stayed in one mode."""

import contextlib
import dataclasses
import time
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pystan_mix.fits.draws import Draws, evenly_spaced
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.importance.adaptive import total_density
from pystan_mix.stats.importance.blended import Adaptation, Blended
from pystan_mix.stats.importance.weights import khat_limit, resampled
from pystan_mix.weighing.births import Births, merged, without_one
from pystan_mix.weighing.labelled import Labelled, labelled, picked
from pystan_mix.weighing.modes import Modes, separate_modes

# densities of an observation under a component, some 10 ns each: in a round, in the end
_TERMS_OF_ROUND = 2_000_000
_TERMS_OF_LAST = 7_500_000
_MOST_OF_ROUND = 2000
# a mixture is fitted to as many effective draws
_LEAST_PER_DIMENSION = 40
_DRAWS_OF_LAST = (1500, 8000)
# rounds of the posterior without one component are so much smaller
_SMALLER = 0.75
# draws of chains that proposals begin with, and those that the blend is judged by
_AT_HAND = 2000
_JUDGING = 800
# components that may be nearly empty at once
_BIRTHS = 1
# rounds more, so many times, where the draws are not yet good
_MORE_TIMES = 2
_MORE_ROUNDS = (1.0, 1.0, 1.0)
_GOOD_KHAT = 0.6
_GOOD_ESS = 400
_GOOD_SD_ERROR = 0.1
# draws that are worth less show no way to better ones
_HOPELESS_ESS = 50
# effective draws below which the weighed posterior is not to be believed: of 37 posteriors of
# up to seven components, all with means off by more than 0.15 sd had fewer, by either count
_FEWEST_EFFECTIVE = 200
# relative, of a standard deviation
_LARGEST_SD_ERROR = 0.2


@dataclasses.dataclass(frozen=True)
class Weighed:
    """The posterior of a model as a weighted sample.

    Parameters
    ----------
    posterior : Labelled
        The model and its observations, on coordinates of their own.
    sample : Blended
        The weighted draws in these coordinates, and what they are worth.
    modes : Modes
        How many separate modes there are, and the share of each.
    stayed : ndarray, shape (chain, mode)
        The share of each chain's draws in each mode.
    sd_error : float
        The largest relative Monte Carlo error of a parameter's standard
        deviation: large where a rare region, reached by few draws, makes a good
        part of one.
    seconds : float
        How long it took.
    """

    posterior: Labelled
    sample: Blended
    modes: Modes
    stayed: FloatArray
    sd_error: float
    seconds: float

    @property
    def is_sound(self) -> bool:
        """Whether the weights can be trusted: by k-hat, and by what they are worth.

        K-hat alone does not see a region that no draw has reached; the draws
        at hand may have.
        """
        found = self.sample
        return (
            found.pareto_khat <= khat_limit(len(found.z))
            and min(found.ess, found.ess_of_chains) >= _FEWEST_EFFECTIVE
            and self.sd_error <= _LARGEST_SD_ERROR
        )

    @property
    def log_integral(self) -> float:
        """Log of the integral of prior and likelihood over means in increasing order."""
        return self.sample.log_integral

    def variables(self) -> dict[str, FloatArray]:
        """Return all draws by name, the means in increasing order, as weighted by `weights`."""
        return self.posterior.ordered_variables(self.sample.z[self._there])

    @property
    def weights(self) -> FloatArray:
        """The weights of `variables`, which sum to one."""
        return np.asarray(np.exp(self.sample.log_weights[self._there]))

    @property
    def _there(self) -> NDArray[np.bool_]:
        """Which draws have a density."""
        return np.isfinite(self.sample.log_weights)

    def draws(self, chains: int, length: int, *, rng: np.random.Generator) -> Draws:
        """Resample by the weights, to chains of so many draws each."""
        # the sample stands source by source: in any order chains are of one law, and stationary
        order = rng.permutation(len(self.sample.z))
        log_weights = self.sample.log_weights[order]
        # equal draws stand side by side, so that ArviZ's effective sample size counts them as one
        picks = order[resampled(log_weights, size=chains * length, rng=rng)]
        variables = self.posterior.ordered_variables(self.sample.z[picks])
        return Draws({name: x.reshape(chains, length, -1) for name, x in variables.items()})


def weigh(target: Target, draws: Draws, *, rng: np.random.Generator) -> Weighed:
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
        second half judges them; where that has been elsewhere, with every other
        draw, judged by the rest.
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
    start = time.perf_counter()
    middle = (draws.length + 1) // 2
    posterior, sample, z = _attempt(
        target, _part(draws, slice(0, middle)), _part(draws, slice(middle, None)), rng=rng
    )
    if sample.ess_of_chains < _GOOD_ESS:
        # chains have since been where they were not at first
        posterior, sample, z = _attempt(
            target, _part(draws, slice(0, None, 2)), _part(draws, slice(1, None, 2)), rng=rng
        )
    modes = separate_modes(
        lambda points: total_density(*posterior.log_parts(points)),
        sample.z,
        sample.log_p,
        sample.log_weights,
        rng=rng,
    )
    each = modes.of(z.reshape(-1, z.shape[-1])).reshape(z.shape[:2])
    stayed = (each[..., None] == np.arange(modes.count)).mean(axis=1)
    sd_error = _sd_error(posterior, sample)
    return Weighed(posterior, sample, modes, stayed, sd_error, time.perf_counter() - start)


def _attempt(
    target: Target, fitted: Draws, judging: Draws, *, rng: np.random.Generator
) -> tuple[Labelled, Blended, FloatArray]:
    """Weigh from some draws, judged by others, which are returned in coordinates."""
    size = max(1, target.observed.distinct.size * target.n_components)
    least = _LEAST_PER_DIMENSION * target.dimensions
    posterior, adaptation = _adapted(
        target,
        _flat(_thinned(fitted, _AT_HAND)),
        births=_BIRTHS,
        round_draws=_within(_TERMS_OF_ROUND // size, (least, _MOST_OF_ROUND)),
        rng=rng,
    )
    judging = _thinned(judging if judging.length else fitted, _JUDGING)
    z = posterior.to_coordinates(posterior.relabelled(_flat(judging)))
    z = z.reshape(judging.chains, judging.length, -1)
    last = _within(_TERMS_OF_LAST // size, _DRAWS_OF_LAST)
    sample = adaptation.sample(last, chains=z)
    for _ in range(_MORE_TIMES):
        worth = min(sample.ess, sample.ess_of_chains)
        enough = (
            sample.pareto_khat <= _GOOD_KHAT
            and worth >= _GOOD_ESS
            and _sd_error(posterior, sample) <= _GOOD_SD_ERROR
        )
        if enough or worth < _HOPELESS_ESS:
            break
        adaptation.adapt(_MORE_ROUNDS)
        sample = adaptation.sample(last, chains=z)
    return posterior, sample, z


def _sd_error(posterior: Labelled, sample: Blended) -> float:
    """Return the largest relative error of a standard deviation, of all that varies."""
    there = np.isfinite(sample.log_weights)
    weights = np.exp(sample.log_weights[there])[:, None]
    worst = 0.0
    for values in posterior.ordered_variables(sample.z[there]).values():
        values = values[:, np.ptp(values, axis=0) > 0.0]
        squares = (values - (weights * values).sum(axis=0)) ** 2
        variance = (weights * squares).sum(axis=0)
        excess = (weights * (squares - variance))[:, variance > 0.0]
        error = np.sqrt((excess**2).sum(axis=0)) / (2.0 * variance[variance > 0.0])
        worst = max(worst, float(error.max(initial=0.0)))
    return worst


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
    if births and posterior.labels is not None:
        # without births there is a posterior all the same
        with contextlib.suppress(np.linalg.LinAlgError):
            smaller, inner = _adapted(
                without_one(target),
                merged(target, _ordered(target, variables), rng=rng),
                births=births - 1,
                round_draws=int(_SMALLER * round_draws),
                rng=rng,
            )
            fixed = (Births(posterior, smaller, inner.blend),)
    z = posterior.to_coordinates(posterior.relabelled(variables))
    return posterior, Adaptation(posterior.log_parts, z, fixed, round_draws=round_draws, rng=rng)


def _ordered(target: Target, variables: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return variables in the order of the means."""
    name = target.model.ordered_parameter().name
    return picked(variables, np.argsort(variables[name], axis=1))


def _part(draws: Draws, part: slice) -> Draws:
    """Return a part of each chain."""
    return draws.picked(np.arange(draws.length)[part])


def _thinned(draws: Draws, wanted: int) -> Draws:
    """Return so many draws of all chains together, evenly spaced."""
    return draws.picked(evenly_spaced(draws.length, max(1, wanted // draws.chains)))


def _flat(draws: Draws) -> dict[str, FloatArray]:
    """Return the draws of all chains as one."""
    return {name: x.reshape(-1, x.shape[-1]) for name, x in draws.variables.items()}


def _within(number: int, limits: tuple[int, int]) -> int:
    return min(limits[1], max(limits[0], number))
