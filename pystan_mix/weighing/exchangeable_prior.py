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
        """Draw free values of a parameter, shape (n, K) or (n, 1).

        Raises
        ------
        numpy.linalg.LinAlgError
            If the prior has next to nothing above the floor.
        """
        model, size = self.target.model, self.target.model.size(parameter)
        values = np.full(n * size, np.nan)
        for _ in range(_TRIES):
            astray = np.isnan(values)
            if not astray.any():
                return model.space(parameter).to_free(values.reshape(n, size))
            values[astray] = prior_draws(
                model.prior(parameter), int(astray.sum()), self.target.n_components, rng=rng
            )
            if parameter.floor:
                values[values <= model.least(parameter)] = np.nan
        raise np.linalg.LinAlgError(f"The prior has no {parameter.name} above its floor.")

    def log_density(self, parameter: Parameter, free: FloatArray) -> FloatArray:
        """Return the log density of each free value of a parameter."""
        space = self.target.model.space(parameter)
        return self._log_density(parameter, space.from_free(free)) + space.log_det(free)

    def _log_density(self, parameter: Parameter, values: FloatArray) -> FloatArray:
        prior, K = self.target.model.prior(parameter), self.target.n_components
        return prior_log_density(prior, values, K) - self.log_survival(parameter)

    def log_survival(self, parameter: Parameter) -> float:
        """Return the log probability of a value above the floor."""
        if not parameter.floor:
            return 0.0
        prior, least = self.target.model.prior(parameter), self.target.model.least(parameter)
        each = np.broadcast_to(
            prior.log_survival(least), self.target.n_components if differ_by_component(prior) else 1
        )
        return float(log_sum_exp(each)) - math.log(each.size)

    @functools.cached_property
    def log_ratio(self) -> float | None:
        """Log of the model's prior over this one where it is the same everywhere, else None."""
        model = self.target.model
        priors = [model.weights, *(model.prior(each) for each in self.target.estimated)]
        if model.min_weight > 0.0 or any(map(differ_by_component, priors)):
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
        order = np.argsort(values[target.model.ordered_parameter().name], axis=1)
        ordered = Constrained(
            np.take_along_axis(log_theta, order, axis=1),
            picked(values, order),
            np.zeros(len(order)),
        )
        total = log_prior(target, ordered)
        for each in target.estimated:
            total -= self._log_density(each, values[each.name]).sum(axis=1)
        total -= math.lgamma(K * a) - K * math.lgamma(a) + (a - 1.0) * log_share.sum(axis=1)
        return np.where(np.isnan(total), -np.inf, total)
