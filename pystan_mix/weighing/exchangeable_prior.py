"""A prior under which components may change places: each has that of one picked at random."""

import dataclasses
import functools
import math
from collections.abc import Mapping

import numpy as np

from pystan_mix.mixtures.density import Constrained, log_prior
from pystan_mix.mixtures.numbers import differ_by_component
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.priors import Prior
from pystan_mix.mixtures.target import Target
from pystan_mix.mixtures.vectors.relabelling import picked
from pystan_mix.numerics import FloatArray, log_sum_exp

# of drawing values above a floor
_TRIES = 100


def prior_draws(prior: Prior, n: int, K: int, *, rng: np.random.Generator) -> FloatArray:
    """Draw n values, each from the prior of a component picked at random."""
    if not differ_by_component(prior):
        return prior.draw(rng, n)
    draws = np.concatenate([prior.draw(rng, K) for _ in range(max(1, -(-n // K)))])
    return rng.permutation(draws)[:n]


def prior_log_density(prior: Prior, x: FloatArray, K: int) -> FloatArray:
    """Return the log density of what `prior_draws` draws: the mean over the K components'."""
    if not differ_by_component(prior):
        return prior.log_density(x)
    each = prior.log_density(np.repeat(x[..., None], K, axis=-1))
    return np.asarray(log_sum_exp(each) - math.log(K))


def _of_components(log_density: FloatArray, axes: int) -> FloatArray:
    """Return the sums over what stands behind the axis of components, the last of so many."""
    return np.asarray(log_density.sum(axis=tuple(range(axes, log_density.ndim))))


@dataclasses.dataclass(frozen=True)
class ExchangeablePrior:
    """The prior of a target's free values, and of weights as shares of gamma variables.

    Parameters
    ----------
    target : Target
        The model and its observations.
    """

    target: Target

    @property
    def concentration(self) -> float:
        """The shape of each gamma variable."""
        return float(self.target.concentration.mean())

    def draw(self, parameter: Parameter, n: int, *, rng: np.random.Generator) -> FloatArray:
        """Draw free values of a parameter, shape (n, K, ...) or (n, 1, ...).

        Raises
        ------
        numpy.linalg.LinAlgError
            If the prior has next to nothing above the floor.
        """
        model, size = self.target.model, self.target.model.size(parameter)
        values = self._drawn(parameter, n * size, rng=rng)
        for _ in range(_TRIES):
            below = values <= model.least(parameter) if parameter.floor else np.zeros(1, np.bool_)
            if not below.any():
                return model.space(parameter).to_free(values.reshape(n, size, *values.shape[1:]))
            rows = np.flatnonzero(below.reshape(len(values), -1).any(axis=1))
            anew = self._drawn(parameter, len(rows), rng=rng)
            values[rows] = np.where(below[rows], anew, values[rows])
        raise np.linalg.LinAlgError(f"The prior has no {parameter.name} above its floor.")

    def _drawn(self, parameter: Parameter, n: int, *, rng: np.random.Generator) -> FloatArray:
        """Draw n values, whether above the floor or not."""
        target = self.target
        if target.model.vectors:
            return target.model.drawn_from_prior(parameter, n, rng=rng)
        return prior_draws(target.model.prior(parameter), n, target.n_components, rng=rng)

    def log_density(self, parameter: Parameter, free: FloatArray) -> FloatArray:
        """Return the log density of the free values that each component has, shape (..., K)."""
        space = self.target.model.space(parameter)
        log_det = _of_components(space.log_det(free), free.ndim - bool(parameter.event))
        return self._log_density(parameter, space.from_free(free)) + log_det

    def _log_density(self, parameter: Parameter, values: FloatArray) -> FloatArray:
        prior, K = self.target.model.prior(parameter), self.target.n_components
        if self.target.model.vectors:
            each = _of_components(prior.log_density(values), values.ndim - parameter.event)
        else:
            each = prior_log_density(prior, values, K)
        return np.asarray(each - self.log_survival(parameter))

    def log_survival(self, parameter: Parameter) -> float:
        """Return the log probability of a value above the floor, of a vector wholly so."""
        if not parameter.floor:
            return 0.0
        prior, least = self.target.model.prior(parameter), self.target.model.least(parameter)
        log_above = prior.log_survival(least)
        if self.target.model.vectors:
            return float(np.broadcast_to(log_above, self.target.model.event_shape(parameter)).sum())
        each = np.broadcast_to(
            log_above, self.target.n_components if self.differs(parameter) else 1
        )
        return float(log_sum_exp(each)) - math.log(each.size)

    def differs(self, parameter: Parameter) -> bool:
        """Return whether each component has a prior of its own."""
        prior = self.target.model.prior(parameter)
        # of vectors each coordinate may have one, the same for all components
        return not self.target.model.vectors and differ_by_component(prior)

    @functools.cached_property
    def log_ratio(self) -> float | None:
        """Log of the model's prior over this one where it is the same everywhere, else None."""
        model = self.target.model
        differ = differ_by_component(model.weights) or any(map(self.differs, self.target.estimated))
        if model.min_weight > 0.0 or differ:
            return None
        return sum(model.size(each) * self.log_survival(each) for each in self.target.estimated)

    def log_ratio_at(
        self, values: Mapping[str, FloatArray], log_theta: FloatArray, log_share: FloatArray
    ) -> FloatArray:
        """Return the log of the model's prior over this one, in the free space, shape (S,).

        Parameters
        ----------
        values : mapping of str to ndarray, shape (S, K) or (S, 1)
            Parameters by name, components in any order; the model's prior is that of
            their order by the means.
        log_theta, log_share : ndarray, shape (S, K)
            Logarithms of the weights, and of their shares of what the floor leaves free.
        """
        target, a, K = self.target, self.concentration, self.target.n_components
        ordered = Constrained(log_theta, dict(values), np.zeros(len(log_theta)))
        if not target.model.vectors:
            order = np.argsort(values[target.model.ordered_parameter().name], axis=1)
            log_theta = np.take_along_axis(log_theta, order, axis=1)
            ordered = Constrained(log_theta, picked(values, order), ordered.log_jacobian)
        total = log_prior(target, ordered)
        for each in target.estimated:
            total -= self._log_density(each, values[each.name]).sum(axis=1)
        total -= math.lgamma(K * a) - K * math.lgamma(a) + (a - 1.0) * log_share.sum(axis=1)
        return np.where(np.isnan(total), -np.inf, total)
