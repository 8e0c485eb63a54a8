"""The whole posterior, weighed: from draws of chains that each may have stayed in one mode."""

import contextlib
import dataclasses
import functools
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pystan_mix.fits.draws import Draws, evenly_spaced
from pystan_mix.mixtures.target import Target
from pystan_mix.mixtures.vectors.relabelling import picked
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.importance.blended import Adaptation, Blended
from pystan_mix.stats.importance.weights import khat_limit, resampled
from pystan_mix.weighing.births import Births, merged, without_one
from pystan_mix.weighing.labelled import Labelled, labelled
from pystan_mix.weighing.modes import Modes, separate_modes
from pystan_mix.weighing.moments import Moments, judged, largest_errors, moments_of_draws

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
# draws that are worth less show no way to better ones
_HOPELESS_ESS = 50
# as many effective draws as are asked of four chains
_FEWEST_EFFECTIVE = 400
# chains that see so much less in the draws than these in themselves have been elsewhere
_LEAST_AGREEMENT = 0.3
# relative, of a standard deviation
_LARGEST_SD_ERROR = 0.1


@dataclasses.dataclass(frozen=True)
class Weighed:
    """The posterior of a model as a weighted sample.

    Parameters
    ----------
    posterior : Labelled
        The model and its observations, on coordinates of their own.
    sample : Blended
        The weighted draws in these coordinates, and what they are worth.
    """

    posterior: Labelled
    sample: Blended

    @property
    def is_precise(self) -> bool:
        """Whether the weights are good ones for what draws have reached."""
        found = self.sample
        return found.pareto_khat <= khat_limit(len(found.z)) and found.ess >= _FEWEST_EFFECTIVE

    @property
    def is_sound(self) -> bool:
        """Whether the weights can be trusted: by k-hat, and by what they are worth.

        K-hat alone does not see a region that no draw has reached; the draws
        at hand may have. Errors are large where a rare region, reached by few
        draws, makes a good part of a standard deviation.
        """
        found = self.sample
        return (
            self.is_precise
            and found.ess_of_others >= _FEWEST_EFFECTIVE
            and found.ess_of_others >= _LEAST_AGREEMENT * found.ess
            and largest_errors(self.moments)[1] <= _LARGEST_SD_ERROR
        )

    @property
    def log_integral(self) -> float:
        """Log of the integral of prior and likelihood over means in increasing order."""
        return self.sample.log_integral

    @functools.cached_property
    def variables(self) -> dict[str, FloatArray]:
        """All draws by name, the means in increasing order, as weighted by `weights`."""
        return self.posterior.ordered_variables(self.sample.z[self._there])

    @property
    def weights(self) -> FloatArray:
        """The weights of `variables`, which sum to one."""
        return np.asarray(np.exp(self.sample.log_weights[self._there]))

    @property
    def _there(self) -> NDArray[np.bool_]:
        """Which draws have a density."""
        return np.isfinite(self.sample.log_weights)

    @functools.cached_property
    def moments(self) -> dict[str, Moments]:
        """Moments by name, of what parameters are `judged` by, with their errors."""
        variables = judged(self.posterior.target, self.variables)
        return {name: moments_of_draws(x, self.weights) for name, x in variables.items()}

    def modes(self, *, rng: np.random.Generator) -> tuple[Labelled, Modes]:
        """Return coordinates, and the separate modes there."""
        found = self.sample
        modes = separate_modes(
            self.posterior.log_density, found.z, found.log_p, found.log_weights, rng=rng
        )
        return self.posterior, modes

    def draws(self, chains: int, length: int, *, rng: np.random.Generator) -> Draws:
        """Resample by the weights, to chains of so many draws each."""
        # the sample stands source by source: in any order chains are of one law, and stationary
        order = rng.permutation(len(self.sample.z))
        log_weights = self.sample.log_weights[order]
        # equal draws stand side by side, so that ArviZ's effective sample size counts them as one
        picks = order[resampled(log_weights, size=chains * length, rng=rng)]
        variables = self.posterior.ordered_variables(self.sample.z[picks])
        shape = (chains, length)
        return Draws({name: x.reshape(*shape, *x.shape[1:]) for name, x in variables.items()})


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
    middle = (draws.length + 1) // 2
    fitted, judging = _part(draws, slice(0, middle)), _part(draws, slice(middle, None))
    posterior, adaptation = _adapted(
        target,
        _thinned(fitted, _AT_HAND).flat(),
        births=_BIRTHS,
        round_draws=_draws_of_round(target),
        rng=rng,
    )
    judging = _thinned(judging if judging.length else fitted, _JUDGING)
    judges = [
        posterior.to_coordinates(posterior.relabelled(each.flat()))
        for each in (judging, glimpsed)
        if each is not None
    ]
    last = _within(_TERMS_OF_LAST // _size(target), _DRAWS_OF_LAST)
    found = Weighed(posterior, adaptation.sample(last, judges=judges))
    for _ in range(_MORE_TIMES):
        hopeless = min(found.sample.ess, found.sample.ess_of_others) < _HOPELESS_ESS
        if hopeless or found.is_sound:
            break
        adaptation.adapt(_MORE_ROUNDS)
        found = Weighed(posterior, adaptation.sample(last, judges=judges))
    return found


def _size(target: Target) -> int:
    """Return the number of densities of an observation under a component in one likelihood."""
    return max(1, target.observed.distinct.size * target.n_components)


def _draws_of_round(target: Target) -> int:
    least = _LEAST_PER_DIMENSION * target.dimensions
    return _within(_TERMS_OF_ROUND // _size(target), (least, _MOST_OF_ROUND))


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
    """Return variables in the order of the means; those of vectors as they are."""
    if target.model.vectors:
        return dict(variables)
    name = target.model.ordered_parameter().name
    return picked(variables, np.argsort(variables[name], axis=1))


def _part(draws: Draws, part: slice) -> Draws:
    """Return a part of each chain."""
    return draws.picked(np.arange(draws.length)[part])


def _thinned(draws: Draws, wanted: int) -> Draws:
    """Return so many draws of all chains together, evenly spaced."""
    return draws.picked(evenly_spaced(draws.length, max(1, wanted // draws.chains)))


def _within(number: int, limits: tuple[int, int]) -> int:
    return min(limits[1], max(limits[0], number))
