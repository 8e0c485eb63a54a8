"""Random-walk Metropolis steps of populations, one component at a time, in NumPy.

Of the likelihood only the density of the component that moves is computed anew.
`../compiled/moves.cpp` does the same faster, for the families that it knows.
"""

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pystan_mix.mixtures.density import component_terms, mixture_log_density
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray
from pystan_mix.weighing.annealing.particles import (
    Particles,
    features_of,
    log_share_of,
    log_theta_of,
    own,
    roots_of,
    shared,
    values_of,
)
from pystan_mix.weighing.exchangeable_prior import ExchangeablePrior

# steps are as long as the spread of a component, times 10 to the power of so much
LENGTHS = (-0.6, 0.4)
# ... and of what has many dimensions below the best length for a normal, which none is
_ABOUT_BEST = (-1.0, 0.1)
# added to a density: of no account, but its logarithm is finite
_NO_DENSITY = 1e-300
# a density below it has lost digits
_LEAST_DENSITY = 1e-280


def lengths(target: Target) -> tuple[float, float]:
    """Return how long steps of a component are, relative to its spread, as powers of 10."""
    if not target.model.vectors:
        return LENGTHS
    # of so many dimensions: Roberts, Gelman and Gilks (1997)
    best = math.log10(2.38 / math.sqrt(features_of(target)))
    return best + _ABOUT_BEST[0], best + _ABOUT_BEST[1]


class Moves(Protocol):
    """What moves draws, and leaves the density at a power as it is."""

    def sweep(
        self, particles: Particles, *, power: float, times: int, rng: np.random.Generator
    ) -> None:
        """Move each component, and what all share, of every draw so many times."""


@dataclasses.dataclass(frozen=True)
class NumpyMoves:
    """Moves of any family.

    Parameters
    ----------
    target : Target
        A model whose components change nothing but names when they change places,
        and its observations.
    """

    target: Target

    @functools.cached_property
    def prior(self) -> ExchangeablePrior:
        """The prior at the start."""
        return ExchangeablePrior(self.target)

    def log_ratio(self, free: Mapping[str, FloatArray], log_gamma: FloatArray) -> FloatArray:
        """Return the log of the posterior's density over that at the start, shape (R,)."""
        theta = np.exp(log_theta_of(self.target, log_gamma))
        mixture = _summed(theta, self._densities(free))
        return self._log_ratio(free, log_gamma, mixture)

    def sweep(
        self, particles: Particles, *, power: float, times: int, rng: np.random.Generator
    ) -> None:
        """Move each component, and what all share, of every draw so many times.

        Parameters
        ----------
        particles : Particles
            The draws, which are changed.
        power : float
            Of the ratio of the posterior's density to that at the start.
        times : int
            How often.
        rng : numpy.random.Generator
            Source of random numbers.
        """
        roots, densities = roots_of(self.target, particles), self._densities(particles.free)
        for _ in range(times):
            for k in rng.permutation(self.target.n_components):
                self._move_component(particles, densities, int(k), roots, power=power, rng=rng)
            for each in shared(self.target):
                self._move_shared(particles, densities, each, power=power, rng=rng)

    def _densities(self, free: Mapping[str, FloatArray]) -> FloatArray:
        """Return the density of each observation under each component, shape (R, K, N)."""
        values = values_of(self.target, free)
        log_theta = np.zeros(next(iter(values.values())).shape[:2])
        with np.errstate(all="ignore"):
            terms = component_terms(
                self.target.model, self.target.observed.given, log_theta, values
            )
            return np.exp(terms, out=terms)

    def _log_ratio(
        self, free: Mapping[str, FloatArray], log_gamma: FloatArray, density: FloatArray
    ) -> FloatArray:
        """Return the log of the posterior's density over that at the start, shape (R,).

        `density` is the mixture's of each observation, shape (R, N); it is written over.
        """
        density += _NO_DENSITY
        lost = (density < _LEAST_DENSITY).any(axis=1)
        log_density = np.log(density, out=density)
        log_theta = log_theta_of(self.target, log_gamma)
        if lost.any():
            values = values_of(self.target, free)
            some = {name: x[lost] if len(x) > 1 else x for name, x in values.items()}
            log_density[lost] = mixture_log_density(
                self.target.model, self.target.observed.given, log_theta[lost], some
            )
        log_lik = log_density @ self.target.observed.count
        if self.prior.log_ratio is not None:
            return np.asarray(log_lik + self.prior.log_ratio)
        values = values_of(self.target, free)
        return np.asarray(
            log_lik + self.prior.log_ratio_at(values, log_theta, log_share_of(log_gamma))
        )

    def _log_start(self, component: Mapping[str, FloatArray], log_gamma: FloatArray) -> FloatArray:
        """Return the log density of one component at the start, up to a constant, shape (R,)."""
        total = self.prior.concentration * log_gamma - np.exp(log_gamma)
        for each in own(self.target):
            total += self.prior.log_density(each, component[each.name])[:, 0]
        return np.asarray(total)

    def _move_component(
        self,
        particles: Particles,
        densities: FloatArray,
        k: int,
        roots: FloatArray,
        *,
        power: float,
        rng: np.random.Generator,
    ) -> None:
        """Take a step of one component, as long as some component's spread."""
        R, K = particles.log_gamma.shape
        steps = np.einsum(
            "rfg,rg->rf", roots[rng.integers(K, size=R)], rng.normal(size=(R, roots.shape[1]))
        )
        steps *= 10.0 ** rng.uniform(*lengths(self.target), size=(R, 1))
        now = {each.name: particles.free[each.name][:, [k]] for each in own(self.target)}
        sizes = np.cumsum([math.prod(values.shape[2:]) for values in now.values()])
        parts = zip(now.items(), np.split(steps, sizes, axis=1), strict=False)
        new = {name: values + step.reshape(values.shape) for (name, values), step in parts}
        log_gamma, free = particles.log_gamma.copy(), dict(particles.free)
        log_gamma[:, k] += steps[:, -1]
        for name, values in new.items():
            free[name] = particles.free[name].copy()
            free[name][:, k] = values[:, 0]
        with np.errstate(all="ignore"):
            of_all = {each.name: particles.free[each.name] for each in shared(self.target)}
            moved = self._densities(new | of_all)[:, 0]
            theta = np.exp(log_theta_of(self.target, log_gamma))
            its_own = theta[:, [k]] * moved
            theta[:, k] = 0.0
            mixture = _summed(theta, densities) + its_own
            log_ratio = self._log_ratio(free, log_gamma, mixture)
            start = self._log_start(new, log_gamma[:, k])
            start -= self._log_start(now, particles.log_gamma[:, k])
        taken = _accepted(start + power * (log_ratio - particles.log_ratio), rng=rng)
        densities[taken, k] = moved[taken]
        for name, values in new.items():
            particles.free[name][taken, k] = values[taken, 0]
        particles.log_gamma[taken, k] = log_gamma[taken, k]
        particles.log_ratio[taken] = log_ratio[taken]

    def _move_shared(
        self,
        particles: Particles,
        densities: FloatArray,
        parameter: Parameter,
        *,
        power: float,
        rng: np.random.Generator,
    ) -> None:
        """Take a step of what all components share."""
        name, now = parameter.name, particles.free[parameter.name]
        far = 10.0 ** rng.uniform(*lengths(self.target), size=(len(now), *[1] * (now.ndim - 1)))
        new = now + far * now.std(axis=0) * rng.normal(size=now.shape)
        free = particles.free | {name: new}
        theta = np.exp(log_theta_of(self.target, particles.log_gamma))
        with np.errstate(all="ignore"):
            moved = self._densities(free)
            log_ratio = self._log_ratio(free, particles.log_gamma, _summed(theta, moved))
            start = self.prior.log_density(parameter, new) - self.prior.log_density(parameter, now)
        taken = _accepted(start[:, 0] + power * (log_ratio - particles.log_ratio), rng=rng)
        densities[taken] = moved[taken]
        now[taken], particles.log_ratio[taken] = new[taken], log_ratio[taken]


def _accepted(log_gain: FloatArray, *, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which proposals are taken, by Metropolis."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.log(rng.random(len(log_gain))) < log_gain)


def _summed(theta: FloatArray, densities: FloatArray) -> FloatArray:
    """Return the densities of a mixture, of weights (R, K) and components (R, K, N)."""
    return np.asarray(np.matmul(theta[:, None], densities)[:, 0])
