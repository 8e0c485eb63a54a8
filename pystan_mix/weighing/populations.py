"""Populations of parameters on their way from the prior to the posterior.

Components have no order here, and weights are normalised gamma variables, so that one
component moves at a time: of the likelihood only its own density is computed anew.
"""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pystan_mix.mixtures.density import component_terms
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.target import Target
from pystan_mix.mixtures.vectors.relabelling import picked
from pystan_mix.numerics import FloatArray, log_sum_exp
from pystan_mix.stats.importance.weights import resampled
from pystan_mix.weighing.exchangeable_prior import ExchangeablePrior

# steps are as long as the spread of a component, times 10 to the power of so much
_LENGTHS = (-0.6, 0.4)
# correlations are that much smaller, so that no direction is without a step
_SHRINK = 0.05
# so small that it is of no account, but its logarithm is finite
_NO_DENSITY = 1e-300


@dataclasses.dataclass(frozen=True)
class Station:
    """The draws of P populations at one power.

    Parameters
    ----------
    variables : dict of str to ndarray, shape (P, S, K) or (P, S, 1)
        Draws by name, the means in increasing order.
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

    Raises
    ------
    numpy.linalg.LinAlgError
        If the prior has next to no scale above its floor.
    """

    def __init__(
        self, target: Target, *, populations: int, particles: int, rng: np.random.Generator
    ) -> None:
        self.target, self.rng, self.power = target, rng, 0.0
        self.log_integrals = np.zeros(populations)
        self._shape = populations, particles
        self._own = [each for each in target.estimated if self._size(each) > 1]
        self._shared = [each for each in target.estimated if self._size(each) == 1]
        self._prior = ExchangeablePrior(target)
        K, R = target.n_components, populations * particles
        # free values by name, shape (R, K) or (R, 1); logarithms of gamma variables
        self._free = {each.name: self._prior.draw(each, R, rng=rng) for each in target.estimated}
        self._log_gamma = np.log(rng.gamma(self._prior.concentration, size=(R, K)))
        # densities of observations, shape (R, K, N)
        self._densities = self._densities_of(self._free)
        theta = np.exp(self._log_theta(self._log_gamma))
        self._log_ratio = self._log_ratio_of(
            self._free, self._log_gamma, _summed(theta, self._densities)
        )

    def _size(self, parameter: Parameter) -> int:
        return self.target.model.size(parameter)

    def _values(self, free: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Return parameters by name, those that are known among them."""
        model = self.target.model
        found = {
            each.name: model.space(each).from_free(free[each.name]) for each in model.estimated
        }
        return found | {name: values[None, :1] for name, values in self.target.known.items()}

    def _densities_of(self, free: Mapping[str, FloatArray]) -> FloatArray:
        """Return the density of each observation under each component."""
        values, observed = self._values(free), self.target.observed
        log_theta = np.zeros_like(next(iter(values.values())))
        terms = component_terms(self.target.model, observed.distinct, log_theta, values)
        return np.exp(terms, out=terms)

    def _log_theta(self, log_gamma: FloatArray) -> FloatArray:
        log_share, floor = _log_share(log_gamma), self.target.model.min_weight
        if floor == 0.0:
            return log_share
        return np.asarray(np.log(floor + self.target.free_weight * np.exp(log_share)))

    def _log_ratio_of(
        self, free: Mapping[str, FloatArray], log_gamma: FloatArray, density: FloatArray
    ) -> FloatArray:
        """Return the log of the posterior's density over that at the start, shape (R,).

        `density` is the mixture's of each observation, shape (R, N); it is written over.
        """
        density += _NO_DENSITY
        log_lik = np.log(density, out=density) @ self.target.observed.count
        if self._prior.log_ratio is not None:
            return np.asarray(log_lik + self._prior.log_ratio)
        return np.asarray(
            log_lik
            + self._prior.log_ratio_at(
                self._values(free), self._log_theta(log_gamma), _log_share(log_gamma)
            )
        )

    def _log_start(self, component: Mapping[str, FloatArray], log_gamma: FloatArray) -> FloatArray:
        """Return the log density of one component at the start, up to a constant, shape (R,)."""
        total = self._prior.concentration * log_gamma - np.exp(log_gamma)
        for each in self._own:
            total += self._prior.log_density(each, component[each.name])[:, 0]
        return np.asarray(total)

    def advance(self, worth: float) -> None:
        """Raise the power as far as draws keep a share of their worth, and resample them."""
        P, S = self._shape
        step = self._largest_step(worth)
        log_weights = (step * self._log_ratio).reshape(P, S)
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
        self._free = {name: values[picks] for name, values in self._free.items()}
        self._log_gamma, self._densities = self._log_gamma[picks], self._densities[picks]
        self._log_ratio = self._log_ratio[picks]

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
        log_weights = (step * self._log_ratio).reshape(self._shape)
        log_ess = 2.0 * log_sum_exp(log_weights) - log_sum_exp(2.0 * log_weights)
        return float(np.exp(log_ess).mean()) / self._shape[1]

    def sweep(self) -> None:
        """Move each component, and what all components share, of every draw once."""
        roots = self._roots()
        for k in self.rng.permutation(self.target.n_components):
            self._move_component(int(k), roots)
        for each in self._shared:
            self._move_shared(each)

    def _roots(self) -> FloatArray:
        """Return roots of the covariances of components in the order of their means."""
        means = self._free[self.target.model.ordered_parameter().name]
        order = np.argsort(means, axis=1)
        parts = [*(self._free[each.name] for each in self._own), self._log_gamma]
        x = np.stack([np.take_along_axis(part, order, axis=1) for part in parts], axis=-1)
        x -= x.mean(axis=0)
        covariances = np.einsum("rkf,rkg->kfg", x, x) / len(x)
        own = np.eye(len(parts))
        covariances = (1.0 - _SHRINK + _SHRINK * own) * covariances
        covariances += 1e-12 * own * np.trace(covariances, axis1=1, axis2=2)[:, None, None]
        return np.asarray(np.linalg.cholesky(covariances))

    def _move_component(self, k: int, roots: FloatArray) -> None:
        """Take a step of one component, as long as some component's spread."""
        rng, (R, K) = self.rng, self._log_gamma.shape
        steps = np.einsum(
            "rfg,rg->rf", roots[rng.integers(K, size=R)], rng.normal(size=(R, roots.shape[1]))
        )
        steps *= 10.0 ** rng.uniform(*_LENGTHS, size=(R, 1))
        now = {each.name: self._free[each.name][:, [k]] for each in self._own}
        new = {each.name: now[each.name] + steps[:, [i]] for i, each in enumerate(self._own)}
        log_gamma, free = self._log_gamma.copy(), dict(self._free)
        log_gamma[:, k] += steps[:, -1]
        for name, values in new.items():
            free[name] = self._free[name].copy()
            free[name][:, k] = values[:, 0]
        with np.errstate(all="ignore"):
            shared = {each.name: self._free[each.name] for each in self._shared}
            densities = self._densities_of(new | shared)[:, 0]
            theta = np.exp(self._log_theta(log_gamma))
            its_own = theta[:, [k]] * densities
            theta[:, k] = 0.0
            mixture = _summed(theta, self._densities) + its_own
            log_ratio = self._log_ratio_of(free, log_gamma, mixture)
            start = self._log_start(new, log_gamma[:, k])
            start -= self._log_start(now, self._log_gamma[:, k])
        taken = self._accepted(log_ratio, start)
        self._densities[taken, k] = densities[taken]
        for name, values in new.items():
            self._free[name][taken, k] = values[taken, 0]
        self._log_gamma[taken, k] = log_gamma[taken, k]
        self._log_ratio[taken] = log_ratio[taken]

    def _move_shared(self, parameter: Parameter) -> None:
        """Take a step of what all components share."""
        rng, name, now = self.rng, parameter.name, self._free[parameter.name]
        lengths = now.std() * 10.0 ** rng.uniform(*_LENGTHS, size=now.shape)
        new = now + lengths * rng.normal(size=now.shape)
        free, theta = self._free | {name: new}, np.exp(self._log_theta(self._log_gamma))
        with np.errstate(all="ignore"):
            densities = self._densities_of(free)
            log_ratio = self._log_ratio_of(free, self._log_gamma, _summed(theta, densities))
            start = self._prior.log_density(parameter, new) - self._prior.log_density(
                parameter, now
            )
        taken = self._accepted(log_ratio, start[:, 0])
        self._densities[taken] = densities[taken]
        self._free[name][taken], self._log_ratio[taken] = new[taken], log_ratio[taken]

    def _accepted(self, log_ratio: FloatArray, start: FloatArray) -> NDArray[np.bool_]:
        """Return which proposals are taken, by Metropolis, at the power of now."""
        with np.errstate(invalid="ignore"):
            gain = start + self.power * (log_ratio - self._log_ratio)
            return np.asarray(np.log(self.rng.random(len(gain))) < gain)

    def station(self) -> Station:
        """Return the draws of now."""
        values = {name: x for name, x in self._values(self._free).items() if name in self._free}
        values = {"theta": np.exp(self._log_theta(self._log_gamma))} | values
        order = np.argsort(values[self.target.model.ordered_parameter().name], axis=1)
        return Station(
            {name: x.reshape(*self._shape, -1) for name, x in picked(values, order).items()},
            self._log_ratio.reshape(self._shape).copy(),
            self.power,
            self.log_integrals,
        )


def _log_share(log_gamma: FloatArray) -> FloatArray:
    """Return the logarithms of gamma variables' shares of their sum."""
    return np.asarray(log_gamma - log_sum_exp(log_gamma)[:, None])


def _summed(theta: FloatArray, densities: FloatArray) -> FloatArray:
    """Return the densities of a mixture, of weights (R, K) and components (R, K, N)."""
    return np.asarray(np.matmul(theta[:, None], densities)[:, 0])
