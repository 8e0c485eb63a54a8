"""A component that is nearly empty: the posterior without it, and its prior.

Where a component holds hardly any observation, the posterior is that of the others
times the prior of the empty one. Proposals that are fitted to draws reach this region
badly: it is rare, and as wide as the prior.
"""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from pystan_mix.mixtures.density import component_terms, free_shares
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.priors import Dirichlet
from pystan_mix.mixtures.target import Target
from pystan_mix.mixtures.vectors.incomplete import coordinate_moments
from pystan_mix.mixtures.vectors.relabelling import picked
from pystan_mix.numerics import FloatArray, log_sum_exp
from pystan_mix.stats.expectation import shares_of
from pystan_mix.stats.importance.student_proposals import Source
from pystan_mix.weighing.exchangeable_prior import prior_draws, prior_log_density
from pystan_mix.weighing.labelled import Labelled
from pystan_mix.weighing.small_weights import log_density_of_small, small_weights

Variables = Mapping[str, FloatArray]

# points to which a merged component is fitted
_POINTS = 100


def without_one(target: Target) -> Target:
    """Return the target with a component less; priors that differ by component become their mean.

    Raises
    ------
    ValueError
        If there is one component only.
    """
    model, K = target.model, target.n_components
    if K == 1:
        raise ValueError("There must be a component left.")
    fields: dict[str, Any] = {}
    if model.vectors:  # whose priors are the same for all components
        return Target(dataclasses.replace(model, n_components=K - 1), target.observed)
    for parameter in model.parameters:
        value: Any = getattr(model, parameter.field)
        if isinstance(value, tuple):
            value = _mean(value)
        elif dataclasses.is_dataclass(value):
            value = _of_means(value)
        fields[parameter.field] = value
    weights: Dirichlet = _of_means(model.weights)
    smaller = dataclasses.replace(model, n_components=K - 1, weights=weights, **fields)
    return Target(smaller, target.observed)


def _of_means(prior: Any) -> Any:
    """Return a prior in which each sequence of K numbers is K - 1 times their mean."""
    numbers = {each.name: getattr(prior, each.name) for each in dataclasses.fields(prior)}
    means = {name: _mean(value) for name, value in numbers.items() if isinstance(value, tuple)}
    return dataclasses.replace(prior, **means)


def _mean(numbers: tuple[float, ...]) -> tuple[float, ...]:
    """Return the mean of K numbers, K - 1 times."""
    return (float(np.mean(numbers)),) * (len(numbers) - 1)


def ordered(target: Target, variables: Variables) -> dict[str, FloatArray]:
    """Return variables in the order of the means; those of vectors as they are."""
    if target.model.vectors:
        return dict(variables)
    name = target.model.ordered_parameter().name
    return picked(variables, np.argsort(variables[name], axis=1))


def merged(
    target: Target, variables: Variables, *, rng: np.random.Generator
) -> dict[str, FloatArray]:
    """Merge two neighbours in each draw: a start for the posterior with a component less.

    Of vectors, which have no neighbours, any two.

    The new one fits the observations of both, in the shares that they have and
    with the random weights of a Bayesian bootstrap (Rubin, 1981), which spread
    it as a posterior would.

    Parameters
    ----------
    target : Target
        The model with all components.
    variables : mapping of str to ndarray, shape (S, K) or (S, 1)
        Draws, the means in increasing order.
    rng : numpy.random.Generator
        Picks the neighbours.

    Returns
    -------
    dict of str to ndarray, shape (S, K - 1) or (S, 1)
        Variables of the smaller model.
    """
    S, K = variables["theta"].shape
    observed = target.observed
    rows, first = np.arange(S), rng.integers(0, K - 1, S)
    second = first + 1
    spread: FloatArray | float
    if target.model.vectors:
        _, spread = coordinate_moments(observed.y, observed.times)
        size = min(len(observed.y), _POINTS)
        share = None if observed.times is None else observed.times / observed.size
        # a row that stands for many observations is several points
        picks = rng.choice(len(observed.y), size, replace=share is not None, p=share)
        points = observed.y[picks]
        second = rng.integers(0, K - 1, S)
        second += second >= first
    else:
        spread = observed.std
        points = observed.points(_POINTS, are_counts=target.model.counts)
    with np.errstate(all="ignore"):
        components = target.known | {k: x for k, x in variables.items() if k != "theta"}
        terms = component_terms(target.model, points, np.log(variables["theta"]), components)
        _, shares = shares_of(terms)
        both = np.nan_to_num(shares[rows, first] + shares[rows, second])
        # each point stands for some observations: their sum of exponential weights
        both *= rng.gamma(observed.size / len(points), size=both.shape)
        fitted = target.model.from_shares(points, both[:, None], least_spread=1e-3 * spread / K)
    keep = np.ones((S, K), dtype=bool)
    keep[rows, second] = False
    found = {}
    for name, values in variables.items():
        if values.shape[1] != K:
            found[name] = values
            continue
        changed = values.copy()
        if name == "theta":
            changed[rows, first] += values[rows, second]
        elif fitted[name].ndim > 1:
            # what the shares say nothing of stays as it is
            changed[rows, first] = fitted[name][:, 0]
        found[name] = changed[keep].reshape(S, K - 1, *values.shape[2:])
    return found


@dataclasses.dataclass(frozen=True)
class Births:
    """The posterior of K - 1 components, or a source near it, and one that is born of its prior.

    Parameters
    ----------
    whole : Labelled
        The posterior of all K components, in whose coordinates the draws are.
    smaller : Labelled
        That of the others.
    source : Source
        Draws near it.
    """

    whole: Labelled
    smaller: Labelled
    source: Source

    def _born(self) -> list[Parameter]:
        """Return the parameters of which each component has its own."""
        target = self.whole.target
        own = (target.model.size(each) == target.n_components for each in target.estimated)
        return list(itertools.compress(target.estimated, own))

    def _log_density_of_born(self, parameter: Parameter, values: FloatArray) -> FloatArray:
        """Return the log density of what a component may be born with, shape (S, K)."""
        target = self.whole.target
        prior = target.model.prior(parameter)
        if not target.model.vectors:
            return prior_log_density(prior, values, target.n_components)
        # of a matrix the density is one number
        each = prior.log_density(values)
        return np.asarray(each.sum(axis=tuple(range(2, each.ndim))))

    def _births(self, parameter: Parameter, n: int, *, rng: np.random.Generator) -> FloatArray:
        """Draw what n components are born with."""
        target = self.whole.target
        if target.model.vectors:
            return target.model.drawn_from_prior(parameter, n, rng=rng)
        return prior_draws(target.model.prior(parameter), n, target.n_components, rng=rng)

    def draw(self, n: int, *, rng: np.random.Generator) -> FloatArray:
        """Draw n points in the coordinates of all components; some may not be finite."""
        target, others = self.whole.target, self.smaller.target
        variables = self.smaller.from_coordinates(self.source.draw(n, rng=rng)).variables()
        astray = ~self.smaller.inside(variables)
        share = small_weights(target, n, rng=rng)[:, None]
        left = free_shares(others, variables["theta"]) * (1.0 - share)
        theta = np.concatenate([left, share], axis=1)
        variables["theta"] = target.model.min_weight + target.free_weight * theta
        for parameter in self._born():
            new = self._births(parameter, n, rng=rng)
            variables[parameter.name] = np.concatenate(
                [variables[parameter.name], new[:, None]], axis=1
            )
        z = self.whole.to_coordinates(self.whole.relabelled(variables))
        # there the source is not a density of the smaller posterior's
        z[astray] = np.nan
        return z

    def log_density(self, z: FloatArray) -> FloatArray:
        """Return the log density of points: the sum over which component was born."""
        target, others = self.whole.target, self.smaller.target
        K = target.n_components
        with np.errstate(all="ignore"):
            whole = self.whole.from_coordinates(z)
            variables = whole.variables()
            free = free_shares(target, variables["theta"])
            born = log_density_of_small(target, free)
            # the others' shares of what is left
            born -= (K - 2) * np.log1p(-free)
            for parameter in self._born():
                born += self._log_density_of_born(parameter, variables[parameter.name])
            terms = np.full((K, len(z)), -np.inf)
            for k in range(K):
                left = {
                    name: np.delete(values, k, axis=1) if values.shape[1] == K else values
                    for name, values in variables.items()
                }
                shares = np.delete(free, k, axis=1) / (1.0 - free[:, [k]])
                left["theta"] = others.model.min_weight + others.free_weight * shares
                at = self.smaller.to_coordinates(self.smaller.relabelled(left))
                good = np.isfinite(at).all(axis=1)
                if good.any():
                    log_jacobian = self.smaller.from_coordinates(at[good]).log_jacobian
                    terms[k, good] = self.source.log_density(at[good]) - log_jacobian
            total = log_sum_exp(terms + born.T, axis=0) + whole.log_jacobian
            inside = self.whole.inside(variables)
        return np.where(np.isnan(total) | ~inside, -np.inf, total)
