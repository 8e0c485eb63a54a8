"""Weighted draws of populations that were annealed from the prior to the posterior."""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from pystan_mix.fits.draws import Draws
from pystan_mix.mixtures.target import Target
from pystan_mix.mixtures.vectors.relabelling import relabelled
from pystan_mix.numerics import FloatArray, log_sum_exp
from pystan_mix.stats.importance.weights import resampled
from pystan_mix.weighing.annealing.births import Born
from pystan_mix.weighing.annealing.populations import Station
from pystan_mix.weighing.labelled import Labelled, labelled
from pystan_mix.weighing.modes import Modes, separate_modes
from pystan_mix.weighing.moments import (
    Moments,
    judged,
    largest_errors,
    moments_of_populations,
    resampled_by_tails,
)

# errors of a mean in standard deviations, and relative ones of a standard deviation: of what is
# good, and of what is not to be used
_GOOD_MEAN_ERROR = 0.04
_GOOD_SD_ERROR = 0.05
_LARGEST_MEAN_ERROR = 0.08
_LARGEST_SD_ERROR = 0.12
_DRAWS_FOR_MODES = 1000
_DRAWS_FOR_NAMES = 1000


@dataclasses.dataclass(frozen=True)
class Annealed:
    """Weighted draws of independent populations that went from the prior to the posterior.

    Parameters
    ----------
    target : Target
        The model and its observations.
    variables : dict of str to ndarray, shape (population, draw, K) or (population, draw, 1)
        Draws by name, the means in increasing order; of vectors in any, the axes of
        coordinates behind.
    log_weights : ndarray, shape (population, draw)
        Logarithms of their weights, which of each population sum to an estimate of the
        integral of prior and likelihood over means in increasing order.
    """

    target: Target
    variables: dict[str, FloatArray]
    log_weights: FloatArray

    @functools.cached_property
    def weights(self) -> FloatArray:
        """The weights of all draws, which sum to one, shape (population, draw)."""
        return np.asarray(np.exp(self.log_weights - log_sum_exp(self.log_weights.ravel())))

    @property
    def log_integral(self) -> float:
        """Log of the mean of the populations' integrals."""
        return float(log_sum_exp(self.log_weights.ravel())) - math.log(len(self.log_weights))

    @property
    def mcse(self) -> float:
        """Monte Carlo standard error of `log_integral`, by how populations differ."""
        P = len(self.log_weights)
        return float((P * self.weights.sum(axis=1)).std(ddof=1)) / math.sqrt(P)

    @property
    def log_integrals(self) -> FloatArray:
        """Log of each population's integral, shape (population,)."""
        return np.asarray(log_sum_exp(self.log_weights))

    @functools.cached_property
    def named(self) -> dict[str, FloatArray]:
        """The draws, their components called the same in all: what those of vectors do not come as.

        Some draws of the posterior are relabelled, and all others by what these are like.
        """
        target, flat = self.target, self._flat(self.variables)
        if not target.model.vectors:
            return self.variables
        if target.model.naming_coordinate() is not None:
            found = relabelled(target, flat)
        else:
            places = (np.arange(_DRAWS_FOR_NAMES) + 0.5) / _DRAWS_FOR_NAMES
            picks = np.searchsorted(self.weights.cumsum(), places).clip(max=self.weights.size - 1)
            some = relabelled(target, {name: x[picks] for name, x in flat.items()})
            found = labelled(target, some).relabelled(flat)
        return {name: x.reshape(self.variables[name].shape) for name, x in found.items()}

    @staticmethod
    def _flat(variables: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Return the draws of all populations as one."""
        return {n: x.reshape(math.prod(x.shape[:2]), *x.shape[2:]) for n, x in variables.items()}

    @functools.cached_property
    def moments(self) -> dict[str, Moments]:
        """Moments by name, of what parameters are `judged` by; errors by how populations differ."""
        variables = judged(self.target, self.named)
        return {name: moments_of_populations(x, self.weights) for name, x in variables.items()}

    @property
    def excess(self) -> float:
        """The largest error of a mean or standard deviation, over what is good."""
        mean_error, sd_error = largest_errors(self.moments)
        return max(mean_error / _GOOD_MEAN_ERROR, sd_error / _GOOD_SD_ERROR)

    @property
    def is_sound(self) -> bool:
        """Whether populations that know nothing of each other agree."""
        mean_error, sd_error = largest_errors(self.moments)
        return mean_error <= _LARGEST_MEAN_ERROR and sd_error <= _LARGEST_SD_ERROR

    def modes(self, *, rng: np.random.Generator) -> tuple[Labelled, Modes]:
        """Return coordinates, and the separate modes there."""
        some = self.draws(1, _DRAWS_FOR_MODES, rng=rng).variables
        variables = {name: x[0] for name, x in some.items()}
        posterior = labelled(self.target, variables)
        z = posterior.to_coordinates(posterior.relabelled(variables))
        log_p = posterior.log_density(z)
        z, log_p = z[np.isfinite(log_p)], log_p[np.isfinite(log_p)]
        equal = np.full(len(z), -math.log(len(z)))
        return posterior, separate_modes(posterior.log_density, z, log_p, equal, rng=rng)

    def of_each_population(self, size: int, *, rng: np.random.Generator) -> dict[str, FloatArray]:
        """Resample each population by its weights: shapes (population, size, K or 1)."""
        log_weights = self.log_weights - self.log_integrals[:, None]
        picks = np.stack([resampled(each, size=size, rng=rng) for each in log_weights])
        picks = rng.permuted(picks, axis=1)
        each = np.arange(len(picks))[:, None]
        return {name: x[each, picks] for name, x in self.variables.items()}

    def draws(self, chains: int, length: int, *, rng: np.random.Generator) -> Draws:
        """Resample by the weights, to chains of so many draws each.

        Populations stand one after another, so that effective draws are counted by how these
        differ, which is what errors come from.
        """
        P, S = self.log_weights.shape
        log_weights = self.log_weights.ravel()
        picks = resampled_by_tails(
            self._flat(judged(self.target, self.named)),
            self.moments,
            log_weights - log_sum_exp(log_weights),
            places=np.concatenate([S * i + rng.permutation(S) for i in range(P)]),
            size=chains * length,
            rng=rng,
        )
        return Draws(
            {
                name: x[picks].reshape(chains, length, *x.shape[1:])
                for name, x in self._flat(self.named).items()
            }
        )


def weighed_stations(
    target: Target, stations: Sequence[Station], born: Born | None = None
) -> Annealed:
    """Weigh the draws of all stations for the posterior, population by population.

    Each draw is weighed against the mixture of all powers' densities, whose
    integrals annealing has found (the balance heuristic of Veach and Guibas,
    1995; Shirts and Chodera, 2008, "Statistically optimal analysis of samples
    from multiple equilibrium states", equation 11): lower powers have more draws
    where the posterior has few.

    Parameters
    ----------
    target : Target
        The model and its observations.
    stations : sequence of Station
        The draws of populations at some powers.
    born : Born, optional
        Further draws of each population, of a density of their own.

    Returns
    -------
    Annealed
        All draws with their weights.
    """
    sources: list[Station | Born] = [*stations, *([] if born is None else [born])]
    log_ratio = np.concatenate([each.log_ratio for each in sources], axis=1)
    variables = {
        name: np.concatenate([each.variables[name] for each in sources], axis=1)
        for name in sources[0].variables
    }
    terms = [
        math.log(each.log_ratio.shape[1]) + each.power * log_ratio - each.log_integrals[:, None]
        for each in stations
    ]
    if born is not None:
        terms.append(math.log(born.log_ratio.shape[1]) + born.log_density(variables))
    # each order of the components holds as much
    log_weights = (
        log_ratio - log_sum_exp(np.stack(terms), axis=0) - math.lgamma(target.n_components + 1)
    )
    return Annealed(target, variables, log_weights)


def together(groups: Sequence[Annealed]) -> Annealed:
    """Return the populations of all groups; where one has fewer draws, some without weight."""
    most = max(each.log_weights.shape[1] for each in groups)
    missing = [most - each.log_weights.shape[1] for each in groups]

    def padded(x: FloatArray, more: int) -> FloatArray:
        return np.pad(x, ((0, 0), (0, more), *[(0, 0)] * (x.ndim - 2)), mode="edge")

    return Annealed(
        groups[0].target,
        {
            name: np.concatenate(
                [
                    padded(each.variables[name], more)
                    for each, more in zip(groups, missing, strict=True)
                ]
            )
            for name in groups[0].variables
        },
        np.concatenate(
            [
                np.pad(each.log_weights, ((0, 0), (0, more)), constant_values=-np.inf)
                for each, more in zip(groups, missing, strict=True)
            ]
        ),
    )
