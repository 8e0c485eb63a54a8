"""The whole posterior, weighed: from draws of chains that each may have stayed in one mode."""

import dataclasses
import time
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pystan_mix.fits.draws import Draws
from pystan_mix.mixtures.births import Births, merged, without_one
from pystan_mix.mixtures.labelled import Labelled, labelled
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.blended_importance import Adaptation, Blended
from pystan_mix.stats.importance import resampled

# densities of an observation under a component, some 10 ns each: in a round, in the end
_TERMS_OF_ROUND = 3_000_000
_TERMS_OF_LAST = 9_000_000
_DRAWS_OF_ROUND = (300, 2000)
_DRAWS_OF_LAST = (1500, 8000)
# rounds of the posterior without one component are so much smaller
_SMALLER = 0.75
# draws of chains that are taken
_AT_HAND = 2000
# components that may be nearly empty at once
_BIRTHS = 1


@dataclasses.dataclass(frozen=True)
class Weighed:
    """The posterior of a model as a weighted sample.

    Parameters
    ----------
    posterior : Labelled
        The model and its observations, on coordinates of their own.
    sample : Blended
        The weighted draws in these coordinates, and what they are worth.
    seconds : float
        How long it took.
    """

    posterior: Labelled
    sample: Blended
    seconds: float

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

    def draws(self, n: int, *, rng: np.random.Generator) -> Draws:
        """Resample n draws by their weights: one chain, in random order."""
        picks = rng.permutation(resampled(self.sample.log_weights, size=n, rng=rng))
        variables = self.posterior.ordered_variables(self.sample.z[picks])
        return Draws({name: values[None] for name, values in variables.items()})


def weigh(
    target: Target, draws: Draws | Mapping[str, FloatArray], *, rng: np.random.Generator
) -> Weighed:
    """Weigh the whole posterior, from draws near all its modes.

    Adaptive importance sampling on coordinates in which components keep their
    labels, from three sources: mixtures of Student-t fitted to the draws, and to
    what the weights say, and births of a nearly empty component.

    Parameters
    ----------
    target : Target
        The model and its observations.
    draws : Draws, or mapping of str to ndarray, shape (S, K) or (S, 1)
        Draws of chains, or of whatever has been near the posterior; in no
        proportion that matters, components in any order.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    Weighed
        The posterior; its k-hat and `missed` say whether to trust it.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the draws have no covariance, or none has a density.
    """
    start = time.perf_counter()
    pooled = _pooled(draws)
    size = max(1, target.observed.distinct.size * target.n_components)
    round_draws = _within(_TERMS_OF_ROUND // size, _DRAWS_OF_ROUND)
    posterior, adaptation = _adapted(
        target, pooled, births=_BIRTHS, round_draws=round_draws, rng=rng
    )
    sample = adaptation.sample(_within(_TERMS_OF_LAST // size, _DRAWS_OF_LAST))
    return Weighed(posterior, sample, time.perf_counter() - start)


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
        smaller, inner = _adapted(
            without_one(target),
            merged(target, variables, rng=rng),
            births=births - 1,
            round_draws=int(_SMALLER * round_draws),
            rng=rng,
        )
        fixed = (Births(posterior, smaller, inner.blend),)
    z = posterior.to_coordinates(posterior.relabelled(variables))
    return posterior, Adaptation(posterior.log_parts, z, fixed, round_draws=round_draws, rng=rng)


def _pooled(draws: Draws | Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return draws of all chains, the same number of each, as one."""
    if not isinstance(draws, Draws):
        return dict(draws)
    each = max(1, _AT_HAND // draws.chains)
    picks = np.unique(np.linspace(0, draws.length - 1, min(each, draws.length)).round().astype(int))
    return {
        name: values[:, picks].reshape(-1, values.shape[-1])
        for name, values in draws.variables.items()
    }


def _within(number: int, limits: tuple[int, int]) -> int:
    return min(limits[1], max(limits[0], number))
