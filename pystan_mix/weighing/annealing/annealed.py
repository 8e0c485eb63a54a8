"""The whole posterior by annealing: from the prior, where all modes are one, down to it."""

import dataclasses
import functools
import math
import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor

import numpy as np

from pystan_mix.fits.draws import Draws
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray, log_sum_exp
from pystan_mix.stats.importance.weights import resampled_in_order
from pystan_mix.weighing.annealing.populations import Populations, Station
from pystan_mix.weighing.compiled.moves import moves_for
from pystan_mix.weighing.labelled import Labelled, labelled
from pystan_mix.weighing.modes import Modes, separate_modes
from pystan_mix.weighing.moments import (
    Moments,
    judged,
    largest_errors,
    moments_of_populations,
    order_by_tails,
)

# two groups a round, each with powers and steps of its own, on a processor of its own
_GROUPS = 2
_POPULATIONS_OF_GROUP = 4
# densities of an observation under a component, some 10 ns each, that a sweep computes at most
_TERMS = 500_000
_PARTICLES = (60, 200)
# what the draws of a power are worth at the next one, of their number
_WORTH = 0.8
# few draws and many steps tell more than many draws and few steps
_SWEEPS = 16
# where all is at its end: so many times draws are kept, after so many sweeps
_KEPT = 8
_SWEEPS_BETWEEN = 8
# rounds of all groups, while populations differ by more than is good: errors of a mean in
# standard deviations, and relative ones of a standard deviation
_ROUNDS = 16
_GOOD_MEAN_ERROR = 0.04
_GOOD_SD_ERROR = 0.05
# ... and of what is not to be used
_LARGEST_MEAN_ERROR = 0.08
_LARGEST_SD_ERROR = 0.12
_DRAWS_FOR_MODES = 1000


@dataclasses.dataclass(frozen=True)
class Annealed:
    """Weighted draws of independent populations that went from the prior to the posterior.

    Parameters
    ----------
    target : Target
        The model and its observations.
    variables : dict of str to ndarray, shape (population, draw, K) or (population, draw, 1)
        Draws by name, the means in increasing order.
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

    @functools.cached_property
    def moments(self) -> dict[str, Moments]:
        """Moments by name, of what parameters are `judged` by; errors by how populations differ."""
        variables = judged(self.target, self.variables)
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

    def draws(self, chains: int, length: int, *, rng: np.random.Generator) -> Draws:
        """Resample by the weights, to chains of so many draws each.

        Populations stand one after another, so that effective draws are counted by how these
        differ, which is what errors come from.
        """
        P, S = self.log_weights.shape
        log_weights = self.log_weights.ravel()
        variables = judged(self.target, self.variables)
        flat = {name: x.reshape(P * S, x.shape[-1]) for name, x in variables.items()}
        picks = resampled_in_order(
            order_by_tails(flat, self.moments),
            np.concatenate([S * i + rng.permutation(S) for i in range(P)]),
            log_weights - log_sum_exp(log_weights),
            size=chains * length,
            rng=rng,
        )
        return Draws(
            {
                name: x.reshape(P * S, -1)[picks].reshape(chains, length, -1)
                for name, x in self.variables.items()
            }
        )


def anneal(
    target: Target,
    *,
    rng: np.random.Generator,
    parallel: int,
    good_mcse: float = math.inf,
    rounds: int = _ROUNDS,
    begun: Annealed | None = None,
) -> Annealed:
    """Draw from the whole posterior by annealing, whatever its modes.

    Sequential Monte Carlo from the prior (Del Moral, Doucet and Jasra, 2006),
    by independent populations whose estimates of the integral weigh them
    (Whiteley, Lee and Heine, 2016, "On the role of interaction in sequential
    Monte Carlo algorithms").

    Parameters
    ----------
    target : Target
        A model whose components change nothing but names when they change places,
        and its observations.
    rng : numpy.random.Generator
        Source of random numbers.
    parallel : int
        Number of threads; the draws do not depend on it.
    good_mcse : float, optional
        An error of `log_integral` above which further populations are sent out as well.
    rounds : int, optional
        The most rounds of further populations.
    begun : Annealed, optional
        Populations that there are already, to go on with.

    Returns
    -------
    Annealed
        The draws; `is_sound` says whether to trust them.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the prior has next to no scale above its floor, or no draw a density.
    """
    stop = threading.Event()

    def one(rng: np.random.Generator) -> Annealed:
        _end_if(stop)
        group = group_of(target, terms=_TERMS // _GROUPS, limits=_PARTICLES, rng=rng)
        stations = []
        while group.power < 1.0:
            group.advance(_WORTH)
            _end_if(stop)
            group.sweep(_SWEEPS)
            stations.append(group.station())
        for _ in range(_KEPT):
            _end_if(stop)
            group.sweep(_SWEEPS_BETWEEN)
            stations.append(group.station())
        return weighed_stations(target, stations)

    groups: list[Annealed] = [] if begun is None else [begun]
    with ThreadPoolExecutor(parallel) as threads:
        try:
            for _ in range(rounds):
                groups += threads.map(one, rng.spawn(_GROUPS))
                together = _together(groups)
                if together.excess <= 1.0 and together.mcse <= good_mcse:
                    break
        finally:
            # after Ctrl-C the threads end at once
            stop.set()
    return together


def weighed_stations(target: Target, stations: Sequence[Station]) -> Annealed:
    """Weigh the draws of all stations for the posterior, population by population.

    Each draw is weighed against the mixture of all powers' densities, whose
    integrals annealing has found (the balance heuristic of Veach and Guibas,
    1995; Shirts and Chodera, 2008, "Statistically optimal analysis of samples
    from multiple equilibrium states", equation 11): lower powers have more draws
    where the posterior has few.
    """
    log_ratio = np.concatenate([each.log_ratio for each in stations], axis=1)
    terms = [
        math.log(each.log_ratio.shape[1]) + each.power * log_ratio - each.log_integrals[:, None]
        for each in stations
    ]
    # each order of the components holds as much
    log_weights = (
        log_ratio - log_sum_exp(np.stack(terms), axis=0) - math.lgamma(target.n_components + 1)
    )
    variables = {
        name: np.concatenate([each.variables[name] for each in stations], axis=1)
        for name in stations[0].variables
    }
    return Annealed(target, variables, log_weights)


def _together(groups: Sequence[Annealed]) -> Annealed:
    """Return the populations of all groups; where one has fewer draws, some without weight."""
    most = max(each.log_weights.shape[1] for each in groups)
    missing = [most - each.log_weights.shape[1] for each in groups]
    return Annealed(
        groups[0].target,
        {
            name: np.concatenate(
                [
                    np.pad(each.variables[name], ((0, 0), (0, more), (0, 0)), mode="edge")
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


def group_of(
    target: Target, *, terms: int, limits: tuple[int, int], rng: np.random.Generator
) -> Populations:
    """Return a group of populations at the prior.

    Parameters
    ----------
    target, rng
        As in `anneal`.
    terms : int
        Densities of an observation under a component that a sweep computes at most ...
    limits : tuple of two int
        ... as far as a population then has at least so many draws, and at most.
    """
    each = terms // (target.terms * _POPULATIONS_OF_GROUP)
    return Populations(
        target,
        populations=_POPULATIONS_OF_GROUP,
        particles=min(limits[1], max(limits[0], each)),
        rng=rng,
        moves=moves_for(target),
    )


def _end_if(stop: threading.Event) -> None:
    """End a thread after Ctrl-C in another."""
    if stop.is_set():
        raise CancelledError
