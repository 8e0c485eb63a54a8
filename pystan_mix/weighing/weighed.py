"""The posterior of a model as a weighted sample, and whether to trust it."""

import dataclasses
import functools

import numpy as np
from numpy.typing import NDArray

from pystan_mix.fits.draws import Draws
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.importance.weighted_draws import WeightedDraws
from pystan_mix.stats.importance.weights import khat_limit
from pystan_mix.weighing.labelled import Labelled
from pystan_mix.weighing.modes import Modes, separate_modes
from pystan_mix.weighing.moments import (
    Moments,
    judged,
    largest_errors,
    moments_of_draws,
    resampled_by_tails,
)

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
    sample : WeightedDraws
        The weighted draws in these coordinates, and what they are worth.
    """

    posterior: Labelled
    sample: WeightedDraws

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
        log_weights = self.sample.log_weights[self._there]
        picks = resampled_by_tails(
            judged(self.posterior.target, self.variables),
            self.moments,
            log_weights,
            # the sample stands source by source: in any order chains are of one law, and stationary
            places=rng.permutation(len(log_weights)),
            size=chains * length,
            rng=rng,
        )
        shape = (chains, length)
        return Draws(
            {name: x[picks].reshape(*shape, *x.shape[1:]) for name, x in self.variables.items()}
        )
