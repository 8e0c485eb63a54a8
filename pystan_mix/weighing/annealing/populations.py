"""Populations of parameters on their way from the prior to the posterior."""

import dataclasses
import math

import numpy as np

from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray, log_sum_exp
from pystan_mix.stats.importance.weights import resampled
from pystan_mix.weighing.annealing.moves import Moves, NumpyMoves
from pystan_mix.weighing.annealing.particles import (
    Particles,
    features_of,
    log_theta_of,
    values_of,
)
from pystan_mix.weighing.births import ordered

# of a component, for which draws move as often as asked; for more, more often
_FEATURES = 2


@dataclasses.dataclass(frozen=True)
class Station:
    """The draws of P populations at one power.

    Parameters
    ----------
    variables : dict of str to ndarray, shape (P, S, K) or (P, S, 1)
        Draws by name, the means in increasing order; of vectors in any, the axes of
        coordinates behind.
    log_ratio : ndarray, shape (P, S)
        Log of the posterior's density over that at the start, not normalised.
    power : float
        The draws are of the start's density times this power of the ratio.
    log_integrals : ndarray, shape (P,)
        Log of the integral of that, as each population has it.
    """

    variables: dict[str, FloatArray]
    log_ratio: FloatArray
    power: float
    log_integrals: FloatArray


class Populations:
    """Draws of some populations from prior times likelihood to a power, all at the same one.

    Sequential Monte Carlo (Del Moral, Doucet and Jasra, 2006, "Sequential Monte
    Carlo samplers", section 3): the power grows, draws are weighed and
    resampled within their population, and moved by random-walk Metropolis
    steps of one component at a time.

    Parameters
    ----------
    target : Target
        A model whose components change nothing but names when they change places,
        and its observations.
    populations : int
        Number of populations P.
    particles : int
        Number of draws S of each.
    rng : numpy.random.Generator
        Source of random numbers.
    moves : Moves, optional
        What moves the draws; by default NumPy.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the prior has next to no scale above its floor.
    """

    def __init__(
        self,
        target: Target,
        *,
        populations: int,
        particles: int,
        rng: np.random.Generator,
        moves: Moves | None = None,
    ) -> None:
        self.target, self.rng, self.power = target, rng, 0.0
        self.log_integrals = np.zeros(populations)
        self._shape = populations, particles
        by_numpy = NumpyMoves(target)
        self._moves: Moves = by_numpy if moves is None else moves
        prior, R = by_numpy.prior, populations * particles
        free = {each.name: prior.draw(each, R, rng=rng) for each in target.estimated}
        log_gamma = np.log(rng.gamma(prior.concentration, size=(R, target.n_components)))
        self._particles = Particles(free, log_gamma, by_numpy.log_ratio(free, log_gamma))

    def advance(self, worth: float) -> None:
        """Raise the power as far as draws keep a share of their worth, and resample them."""
        P, S = self._shape
        step = self._largest_step(worth)
        log_weights = (step * self._particles.log_ratio).reshape(P, S)
        totals = log_sum_exp(log_weights)
        self.log_integrals = self.log_integrals + totals - math.log(S)
        # not the sum, which rounding may leave below one
        self.power = 1.0 if step == 1.0 - self.power else self.power + step
        picks = np.concatenate(
            [
                S * i + resampled(log_weights[i] - totals[i], rng=self.rng)
                for i in range(P)
                if np.isfinite(totals[i])
            ]
        )
        if len(picks) < P * S:
            raise np.linalg.LinAlgError("No draw has a density.")
        self._particles = self._particles.picked(picks)

    def _largest_step(self, worth: float) -> float:
        """Return by how much the power can grow, found by bisection."""
        low, high = 0.0, 1.0 - self.power
        if self._worth(high) >= worth:
            return high
        while high - low > 1e-3 * high:
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self._worth(middle) >= worth else (low, middle)
        return high

    def _worth(self, step: float) -> float:
        """Return what draws are worth after a step, as a share, on average over populations."""
        log_weights = (step * self._particles.log_ratio).reshape(self._shape)
        log_ess = 2.0 * log_sum_exp(log_weights) - log_sum_exp(2.0 * log_weights)
        return float(np.exp(log_ess).mean()) / self._shape[1]

    def sweep(self, times: int = 1) -> None:
        """Move each component, and what all components share, of every draw so many times.

        Vectors, of whose components more moves together, are moved more often.
        """
        if self.target.model.vectors:
            times = max(times, times * features_of(self.target) // _FEATURES)
        self._moves.sweep(self._particles, power=self.power, times=times, rng=self.rng)

    def station(self) -> Station:
        """Return the draws of now."""
        free, log_gamma = self._particles.free, self._particles.log_gamma
        values = {name: x for name, x in values_of(self.target, free).items() if name in free}
        values = {"theta": np.exp(log_theta_of(self.target, log_gamma))} | values
        return Station(
            {
                # what is free as it is would move on with the particles
                name: x.reshape(*self._shape, *x.shape[1:]).copy()
                for name, x in ordered(self.target, values).items()
            },
            self._particles.log_ratio.reshape(self._shape).copy(),
            self.power,
            self.log_integrals,
        )
