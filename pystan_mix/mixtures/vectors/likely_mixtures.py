"""Initial values of vectors: near likely mixtures of the data, all chains at different ones."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pystan_mix.mixtures.annotations.labels import UNKNOWN, likeliest_names
from pystan_mix.mixtures.density import component_terms
from pystan_mix.mixtures.observations import Observations
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
    """Weights and components' parameters, in any order but of those that labels name.

    Parameters
    ----------
    theta : ndarray, shape (K,)
        Weights.
    components : dict of str to ndarray, shape (K, ...) or (1, ...)
        The components' parameters that are estimated, by name.
    """

    theta: FloatArray
    components: dict[str, FloatArray]


@dataclasses.dataclass(frozen=True)
class _Points:
    """Observations that EM is of, how many each stands for, and the labels that they have."""

    y: FloatArray
    times: FloatArray | None
    label: NDArray[np.intp] | None

    def weighed(self, shares: FloatArray) -> FloatArray:
        """Return shares of what the points stand for, whose mean is one."""
        return shares if self.times is None else shares * (self.times / self.times.mean())

    def known(self, terms: FloatArray) -> FloatArray:
        """Return terms of components with minus infinity where a label says another."""
        if self.label is not None:
            places = np.arange(terms.shape[-2])[:, None]
            terms[..., (self.label >= 0) & (self.label != places)] = -np.inf
        return terms

    def differ(self, one: FloatArray, other: FloatArray) -> float:
        """Return of how many pairs of points, of all, two matrices differ."""
        apart = np.abs(one - other)
        if self.times is None:
            return float(apart.mean())
        share = self.times / self.times.sum()
        return float(share @ apart @ share)


def _points(observed: Observations, *, rng: np.random.Generator) -> _Points:
    """Return all observations or some, half of them with labels, of each as many."""
    y, times, rows = observed.y, observed.times, np.arange(len(observed.y))
    label = None if observed.label is None else observed.label[observed.index]
    if len(y) <= _POINTS:
        return _Points(y, None if times is None else times.astype(np.float64), label)
    if label is None and times is None:
        return _Points(y[rng.choice(len(y), _POINTS, replace=False)], None, None)
    stands_for = np.ones(len(y)) if times is None else times.astype(np.float64)
    own = np.full(len(y), UNKNOWN) if label is None else label
    picks, each = [], []
    left, of_label = _POINTS, _POINTS // 2 // max(1, observed.named.size)
    # those without a label come last, and are what is left
    for one in np.unique(own)[::-1]:
        some = rows[own == one]
        size = min(some.size, max(1, left if one == UNKNOWN else of_label))
        left, total = left - size, stands_for[some].sum()
        # with replacement: an observation that stands for many stands for several points
        picks.append(rng.choice(some, size, p=stands_for[some] / total))
        each.append(np.full(size, total / size))
    found = np.concatenate(picks)
    return _Points(y[found], np.concatenate(each), None if label is None else label[found])


def modes_of_vectors(target: Target, *, rng: np.random.Generator, starts: int) -> list[Start]:
    """Return the different modes that random starts end in, the likeliest first.

    Starts are spread over the data as by k-means++ (Arthur and Vassilvitskii,
    2007), half of them on coordinates divided by their standard deviations, half on
    uncorrelated ones (Scrucca and Raftery, 2015, "Improved initialisation of
    model-based clustering using Gaussian hierarchical partitions"), and improved by
    expectation maximisation (Dempster, Laird and Rubin, 1977). Those that are
    hopelessly less likely than the best are left out. Of observations that lack
    coordinates the likelihood is that of the others, and each moment is that of those
    that have what it needs (available cases), which is good enough to begin at. Of
    observations with labels the components are known all along.

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
    observed, K = target.observed, target.n_components
    points = _points(observed, rng=rng)
    mean, spread = coordinate_moments(observed.y, observed.times)
    # what is missing is at the mean until EM begins
    white = np.nan_to_num((points.y - mean) / spread)
    # groups may lie across the direction in which all vary most, or along it
    spaces = (white, starts - starts // 2), (_sphered(white, points.times), starts // 2)
    squares = np.concatenate(
        [_squares_to_centres(space, points.times, K, size, rng=rng) for space, size in spaces]
    )
    if points.label is not None:
        # the nearest centres to what labels name have their names
        for i, each in enumerate(squares):
            names = likeliest_names(points.weighed(-each), points.label, target.unnamed)
            squares[i] = each[names]
        squares = -points.known(-squares)
    # each point is its nearest centre's, but for a little
    shares = (squares == squares.min(axis=1, keepdims=True)) + 0.1 / K
    shares /= shares.sum(axis=1, keepdims=True)
    # of each coordinate, which families of numbers do not have
    least_spread: Any = 0.1 * spread / K
    log_lik = np.full(starts, -np.inf)
    for _ in range(_EM_STEPS):
        shares = points.weighed(shares)
        components = target.model.from_shares(points.y, shares, least_spread=least_spread)
        weight = shares.sum(axis=-1)
        theta = np.maximum(weight / weight.sum(axis=-1, keepdims=True), _LEAST_WEIGHT)
        theta /= theta.sum(axis=-1, keepdims=True)
        terms = component_terms(target.model, points.y, np.log(theta), components)
        log_lik, shares = shares_of(points.known(terms), points.times)
    if points.times is None:
        log_lik = log_lik * (observed.size / len(points.y))
    found: list[tuple[Start, FloatArray]] = []
    for i in np.argsort(-log_lik, kind="stable"):
        if found and log_lik.max() - log_lik[i] > _HOPELESS:
            break
        together = np.einsum("kn,km->nm", shares[i], shares[i])
        if all(points.differ(together, other) > _OTHER_MODE for _, other in found):
            own = {each.name: components[each.name][i] for each in target.estimated}
            found.append((Start(theta[i], own), together))
    return [start for start, _ in found]


def _sphered(white: FloatArray, times: FloatArray | None) -> FloatArray:
    """Return points whose coordinates are not correlated."""
    covariance = np.cov(white.T, aweights=times, ddof=0).reshape(2 * white.shape[1:])
    least = _LEAST_SPHERED * np.trace(covariance)
    return solved(cholesky(covariance + least * np.eye(len(covariance))), white)


def _squares_to_centres(
    points: FloatArray,
    times: FloatArray | None,
    K: int,
    starts: int,
    *,
    rng: np.random.Generator,
) -> FloatArray:
    """Return squared distances of points to centres that are far apart, shape (starts, K, N)."""
    found = np.empty((starts, K, len(points)))
    for i in range(starts):
        centres = _spread_points(points, times, K, rng)
        found[i] = ((points - centres[:, None]) ** 2).sum(axis=-1)
    return found


def _spread_points(
    points: FloatArray, times: FloatArray | None, K: int, rng: np.random.Generator
) -> FloatArray:
    """Choose points far from each other: each with odds of its squared distance to the others."""
    first = (
        rng.integers(len(points))
        if times is None
        else rng.choice(len(points), p=times / times.sum())
    )
    chosen = [points[first]]
    for _ in range(1, K):
        squares = ((points[:, None] - np.stack(chosen)) ** 2).sum(axis=-1).min(axis=1)
        squares = squares if times is None else squares * times
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
