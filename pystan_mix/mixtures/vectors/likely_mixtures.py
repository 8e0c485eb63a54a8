"""Initial values of vectors: near likely mixtures of the data, all chains at different ones."""

import dataclasses
from typing import Any

import numpy as np

from pystan_mix.mixtures.density import component_terms
from pystan_mix.mixtures.target import Target
from pystan_mix.mixtures.vectors.incomplete import coordinate_moments
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.correlations import cholesky, solved
from pystan_mix.stats.expectation import shares_of
from pystan_mix.stats.transforms import POSITIVE

_EM_STEPS = 40
# EM needs the shape of the data, not every observation
_POINTS = 500
# of a component in EM; a smaller one would lose its points
_LEAST_WEIGHT = 0.02
# nats below the likeliest start; what is further has no part in the posterior
_HOPELESS = 10.0
# points of which the starts' shares differ, of all, where they are two modes
_OTHER_MODE = 0.05
# times a floor: where what would begin below, or on it, begins
_ABOVE_FLOOR = 1.5
# of all coordinates' variance: a direction that has less is not made wider
_LEAST_SPHERED = 1e-6
# of a component's standard deviation, by which its mean is moved
_JITTER = 0.2
# by which a correlation's free value is moved
_TWIST = 0.1


@dataclasses.dataclass(frozen=True)
class Start:
    """Weights and components' parameters, in any order.

    Parameters
    ----------
    theta : ndarray, shape (K,)
        Weights.
    components : dict of str to ndarray, shape (K, ...) or (1, ...)
        The components' parameters that are estimated, by name.
    """

    theta: FloatArray
    components: dict[str, FloatArray]


def modes_of_vectors(target: Target, *, rng: np.random.Generator, starts: int) -> list[Start]:
    """Return the different modes that random starts end in, the likeliest first.

    Starts are spread over the data as by k-means++ (Arthur and Vassilvitskii,
    2007), half of them on coordinates divided by their standard deviations, half on
    uncorrelated ones (Scrucca and Raftery, 2015, "Improved initialisation of
    model-based clustering using Gaussian hierarchical partitions"), and improved by
    expectation maximisation (Dempster, Laird and Rubin, 1977). Those that are
    hopelessly less likely than the best are left out. Of observations that lack
    coordinates the likelihood is that of the others, and each moment is that of those
    that have what it needs (available cases), which is good enough to begin at.

    Parameters
    ----------
    target : Target
        The model and its observations.
    rng : numpy.random.Generator
        Source of random numbers.
    starts : int
        Number of random starts.

    Returns
    -------
    list of Start
        One at least.
    """
    y, K = target.observed.y, target.n_components
    points = y if len(y) <= _POINTS else y[rng.choice(len(y), _POINTS, replace=False)]
    mean, spread = coordinate_moments(y)
    # what is missing is at the mean until EM begins
    white = np.nan_to_num((points - mean) / spread)
    # groups may lie across the direction in which all vary most, or along it
    squares = np.concatenate(
        [
            _squares_to_centres(space, K, size, rng=rng)
            for space, size in ((white, starts - starts // 2), (_sphered(white), starts // 2))
        ]
    )
    # each point is its nearest centre's, but for a little
    shares = (squares == squares.min(axis=1, keepdims=True)) + 0.1 / K
    shares /= shares.sum(axis=1, keepdims=True)
    # of each coordinate, which families of numbers do not have
    least_spread: Any = 0.1 * spread / K
    log_lik = np.full(starts, -np.inf)
    for _ in range(_EM_STEPS):
        components = target.model.from_shares(points, shares, least_spread=least_spread)
        weight = shares.sum(axis=-1)
        theta = np.maximum(weight / weight.sum(axis=-1, keepdims=True), _LEAST_WEIGHT)
        theta /= theta.sum(axis=-1, keepdims=True)
        terms = component_terms(target.model, points, np.log(theta), components)
        log_lik, shares = shares_of(terms)
    log_lik = log_lik * (len(y) / len(points))
    found: list[tuple[Start, FloatArray]] = []
    for i in np.argsort(-log_lik, kind="stable"):
        if found and log_lik.max() - log_lik[i] > _HOPELESS:
            break
        together = np.einsum("kn,km->nm", shares[i], shares[i])
        if all(np.abs(together - other).mean() > _OTHER_MODE for _, other in found):
            own = {each.name: components[each.name][i] for each in target.estimated}
            found.append((Start(theta[i], own), together))
    return [start for start, _ in found]


def _sphered(white: FloatArray) -> FloatArray:
    """Return points whose coordinates are not correlated."""
    covariance = white.T @ white / len(white)
    least = _LEAST_SPHERED * np.trace(covariance)
    return solved(cholesky(covariance + least * np.eye(len(covariance))), white)


def _squares_to_centres(
    points: FloatArray, K: int, starts: int, *, rng: np.random.Generator
) -> FloatArray:
    """Return squared distances of points to centres that are far apart, shape (starts, K, N)."""
    found = np.empty((starts, K, len(points)))
    for i in range(starts):
        centres = _spread_points(points, K, rng)
        found[i] = ((points - centres[:, None]) ** 2).sum(axis=-1)
    return found


def _spread_points(points: FloatArray, K: int, rng: np.random.Generator) -> FloatArray:
    """Choose points far from each other: each with odds of its squared distance to the others."""
    chosen = [points[rng.integers(len(points))]]
    for _ in range(1, K):
        squares = ((points[:, None] - np.stack(chosen)) ** 2).sum(axis=-1).min(axis=1)
        total = squares.sum()
        chosen.append(points[rng.choice(len(points), p=squares / total if total > 0 else None)])
    return np.stack(chosen)


def prior_start(target: Target, *, rng: np.random.Generator) -> Start:
    """Return a draw from the prior, for a chain without observations."""
    model = target.model
    components = {
        each.name: model.drawn_from_prior(each, model.size(each), rng=rng)
        for each in target.estimated
    }
    K = target.n_components
    return Start(np.full(K, 1.0 / K), components)


def jittered(target: Target, start: Start, *, rng: np.random.Generator) -> dict[str, list[float]]:
    """Return what the program samples, drawn around a start.

    Parameters
    ----------
    target : Target
        The model and its observations.
    start : Start
        The place.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    dict
        Initial values by the names of the program's parameters block.
    """
    inits: dict[str, list[float]] = {
        "theta_raw": rng.dirichlet(1.0 + 20.0 * start.theta.size * start.theta).tolist()
    }
    for parameter in target.estimated:
        value, space = start.components[parameter.name], target.model.space(parameter)
        if parameter.event == 2:
            free = space.to_free(value)
            value = cholesky(space.from_free(free + _TWIST * rng.normal(size=free.shape)))
        elif parameter.space is POSITIVE:
            value = value * np.exp(rng.uniform(-0.3, 0.3, size=value.shape))
            # on its floor a chain would begin infinitely far away
            value = np.maximum(value, _ABOVE_FLOOR * target.model.least(parameter))
        else:
            value = value + _JITTER * start.components["sigma"] * rng.normal(size=value.shape)
        inits[parameter.free_name] = value.tolist()
    return inits


def values_of_vectors(
    target: Target, chains: int, *, rng: np.random.Generator, starts: int
) -> list[dict[str, list[float]]]:
    """Return initial values of vectors for some chains, each at another mode in turn."""
    if target.observed.y.size == 0:
        return [jittered(target, prior_start(target, rng=rng), rng=rng) for _ in range(chains)]
    modes = modes_of_vectors(target, rng=rng, starts=starts)
    return [jittered(target, modes[i % len(modes)], rng=rng) for i in range(chains)]
