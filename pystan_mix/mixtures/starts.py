"""Initial values: near a likely mixture of the data, or of all chains at different ones."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from pystan_mix.mixtures.annotations.labels import likeliest_names
from pystan_mix.mixtures.density import component_terms
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.target import Target
from pystan_mix.mixtures.vectors.likely_mixtures import values_of_vectors
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.expectation import shares_of, spread_points, weighted_variance
from pystan_mix.stats.ordering import increasing
from pystan_mix.stats.transforms import POSITIVE

# of 60 short fits to ten data sets 15 had a stuck chain with 1, and none with 5
DEFAULT_STARTS = 5
_EM_STEPS = 20
# from which the chains' different modes are found
_RANDOM_STARTS = 30
# nats below the likeliest start; what is further has no part in the posterior
_HOPELESS = 10.0
# spreads by which a mean, or log of the factor by which a spread, is another mode's
_OTHER_PLACE = 1.0
_OTHER_WIDTH = 0.7
# EM needs the shape of the data, not every observation
_POINTS = 500
# of a component in EM; a smaller one would lose its points
_LEAST_WEIGHT = 0.02
# times a floor: where what would begin below, or on it, begins
_ABOVE_FLOOR = 1.5
# draws of a prior, of whose median a chain without data begins
_PRIOR_DRAWS = 25


def values_of_chains(
    target: Target, chains: int, *, rng: np.random.Generator, sort_components: bool = False
) -> list[dict[str, list[float]]]:
    """Return initial values for some chains, each at another mode as far as there are several.

    Many random starts are improved by expectation maximisation. Of the modes
    that they end in, those that are not hopeless are taken in turn, whatever
    their likelihood, so that chains that agree in the end have come from
    different places. Each chain is jittered by much more than the posterior is
    wide.

    Parameters
    ----------
    target : Target
        The model and its observations.
    chains : int
        Number of chains.
    rng : numpy.random.Generator
        Source of random numbers.
    sort_components : bool, default False
        As in `stan_data`, which the chains are given too.

    Returns
    -------
    list of dict
        What the program samples, for each chain.
    """
    if target.model.vectors:
        return values_of_vectors(target, chains, rng=rng, starts=_RANDOM_STARTS)
    if target.observed.y.size == 0:
        starts = [_prior_start(target, rng) for _ in range(chains)]
    else:
        modes = _modes(target, rng, starts=_RANDOM_STARTS)
        starts = [modes[chain % len(modes)] for chain in range(chains)]
    return [
        for_stan(target, _jittered(target, each, rng), sort_components=sort_components)
        for each in starts
    ]


def initial_values(
    target: Target,
    *,
    rng: np.random.Generator,
    starts: int = DEFAULT_STARTS,
    sort_components: bool = False,
) -> dict[str, list[float]]:
    """Return one chain's initial values for Stan.

    Parameters
    ----------
    target, rng, starts
        As in `initial_parameters`.
    sort_components : bool, default False
        As in `stan_data`, which the chain is given too.

    Returns
    -------
    dict
        What the program samples: `theta_raw`, `mu_raw` and so on.
    """
    if target.model.vectors:
        return values_of_vectors(target, 1, rng=rng, starts=starts)[0]
    inits = initial_parameters(target, rng=rng, starts=starts)
    return for_stan(target, inits, sort_components=sort_components)


def for_stan(
    target: Target, inits: dict[str, list[float]], *, sort_components: bool
) -> dict[str, list[float]]:
    """Return parameters, the means in increasing order, as what the program samples."""
    inits = dict(inits)
    for parameter in target.estimated:
        values = inits.pop(parameter.name)
        if parameter.ordered and not sort_components:
            values = target.unordered(np.array(values)).tolist()
        inits[parameter.free_name] = values
    return inits


def initial_parameters(
    target: Target, *, rng: np.random.Generator, starts: int = DEFAULT_STARTS
) -> dict[str, list[float]]:
    """Return parameters for a chain to begin at, drawn around a likely mixture of the data.

    Of some random starts, spread over the data as by k-means++ (Arthur and
    Vassilvitskii, 2007) and improved by expectation maximisation, the chain
    takes the likeliest, and jitters it by much more than the posterior is wide.
    Without observations the chain begins at draws from the prior.

    Parameters
    ----------
    target : Target
        The model and its observations.
    rng : numpy.random.Generator
        Source of random numbers; each chain begins elsewhere.
    starts : int, default 5
        Number of random starts; 1 leaves nothing to choose.

    Returns
    -------
    dict
        `theta_raw`, the means in increasing order, and every other parameter
        that is not known.
    """
    if target.observed.y.size == 0:
        return _jittered(target, _prior_start(target, rng), rng)
    return _jittered(target, _improved(target, rng, starts=starts).start(0), rng)


def _jittered(target: Target, start: "_Start", rng: np.random.Generator) -> dict[str, list[float]]:
    """Return parameters drawn around a start."""
    values = start.components
    inits = {}
    for parameter in target.estimated:
        value = values[parameter.name][target.model.places(parameter)]
        if parameter.ordered:
            within = start.within[target.model.places(parameter)]
            value = _moved(target, value, within, rng)
        elif parameter.space is POSITIVE:
            value = value * np.exp(rng.uniform(-0.5, 0.5, size=value.size))
            # on its floor a chain would begin infinitely far away
            value = np.maximum(value, _ABOVE_FLOOR * target.model.least(parameter))
        inits[parameter.name] = value.tolist()
    shares = rng.dirichlet(1.0 + 20.0 * start.theta.size * start.theta).tolist()
    return {"theta_raw": shares} | inits


def _moved(
    target: Target, mu: FloatArray, within: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Return means drawn around others, those of unnamed components in increasing order."""
    noise, some = 0.3 * within * rng.normal(size=mu.size), target.pushed
    if target.model.ordered_parameter().space is POSITIVE:
        mu = mu * np.exp(np.clip(noise / mu, -0.5, 0.5))
        mu[some] = np.exp(increasing(np.log(mu[some]), step=1e-3))
        return mu
    mu, distinct = mu + noise, target.observed.distinct
    if distinct.size:
        mu = np.clip(mu, distinct[0], distinct[-1])
    spread = target.observed.std if distinct.size else float(np.ptp(mu))
    mu[some] = increasing(mu[some], step=1e-3 * spread)
    return mu


@dataclasses.dataclass(frozen=True)
class _Start:
    """Weights, components in the order of their means, and the spread within each."""

    theta: FloatArray
    components: dict[str, FloatArray]
    within: FloatArray


def _prior_start(target: Target, rng: np.random.Generator) -> _Start:
    """Return a start without data: a draw of the means, and the middle of every other prior."""
    K = target.n_components
    components = {}
    for parameter in target.estimated:
        prior, size = target.model.prior(parameter), target.model.size(parameter)
        draws = [prior.draw(rng, size) for _ in range(1 if parameter.ordered else _PRIOR_DRAWS)]
        components[parameter.name] = np.median(draws, axis=0)
    return _Start(np.full(K, 1.0 / K), components, np.zeros(K))


def _improved(target: Target, rng: np.random.Generator, *, starts: int) -> "_Improved":
    """Improve starts by expectation maximisation (Dempster, Laird and Rubin, 1977)."""
    observed, K = target.observed, target.n_components
    points = observed.points(_POINTS, are_counts=target.model.counts)
    spread = observed.std
    known = target.known.get(target.model.ordered_parameter().name)
    # at first, of components as wide as the data leave room for
    first, width = np.empty((starts, K)), np.full((starts, K), spread / K)
    if known is None:
        first[:] = [spread_points(points, K, rng) for _ in range(starts)]
    else:
        # where means are known, starts differ by how wide their components are
        first[:], width = known, width * rng.lognormal(size=width.shape)
    shares = shares_of(-0.5 * ((points - first[..., None]) / width[..., None]) ** 2)[1]
    log_lik = np.full(starts, -np.inf)
    for _ in range(_EM_STEPS):
        theta, components = _maximised(target.model, points, shares, spread)
        terms = component_terms(target.model, points, np.log(theta), components)
        log_lik, shares = shares_of(terms)
    log_lik = log_lik * (observed.size / points.size)
    return _Improved(target, points, log_lik, theta, components, shares)


@dataclasses.dataclass(frozen=True)
class _Improved:
    """Starts that expectation maximisation has improved, the likeliest first when asked for."""

    target: Target
    points: FloatArray
    log_lik: FloatArray
    theta: FloatArray
    components: dict[str, FloatArray]
    shares: FloatArray

    def start(self, rank: int) -> _Start:
        """Return one of them, by the rank of its likelihood."""
        i = int(np.argsort(-self.log_lik, kind="stable")[rank])
        ordered = self.target.model.ordered_parameter().name
        order = np.arange(self.theta.shape[1])
        if ordered not in self.target.known:
            order = self._by_name(i, np.argsort(self.components[ordered][i]))
        within = np.sqrt(weighted_variance(self.points, self.shares[i]))[order]
        chosen = {}
        for name, values in self.components.items():
            own = values[i] if values.ndim > 1 else values
            one_each = own.size == order.size and name not in self.target.known
            chosen[name] = own[order] if one_each else own
        for each in self.target.estimated:
            # what is known of a component is so of the one in its place
            chosen[each.name] = self.target.model.filled(each, chosen[each.name])
        return _Start(self.theta[i][order], chosen, within)

    def _by_name(self, i: int, order: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return components, which come in the order of their means, by the names of labels."""
        observed = self.target.observed
        if observed.label is None:
            return order
        model = self.target.model
        own = {name: x[i] if x.ndim > 1 else x for name, x in self.components.items()}
        # a component that is always 0 is the first, whatever the labels
        first = int(model.is_inflated(model.ordered_parameter()))
        terms = component_terms(model, observed.given, np.log(self.theta[i]), own)
        label, unnamed = observed.label - first, self.target.unnamed - first
        names = likeliest_names(terms[order[first:]] * observed.count, label, unnamed)
        return np.concatenate([order[:first], order[first:][names]])


def _modes(target: Target, rng: np.random.Generator, *, starts: int) -> list[_Start]:
    """Return the different modes that random starts end in, the likeliest first."""
    improved = _improved(target, rng, starts=starts)
    ordered = target.model.ordered_parameter().name
    found: list[_Start] = []
    for rank in range(starts):
        if improved.log_lik.max() - np.sort(improved.log_lik)[::-1][rank] > _HOPELESS:
            break
        one = improved.start(rank)
        apart = [
            np.abs(one.components[ordered] - other.components[ordered])
            / (np.minimum(one.within, other.within) + 1e-300)
            for other in found
        ]
        wider = [np.abs(np.log((one.within + 1e-300) / (other.within + 1e-300))) for other in found]
        pairs = zip(apart, wider, strict=True)
        if all(a.max() > _OTHER_PLACE or w.max() > _OTHER_WIDTH for a, w in pairs):
            found.append(one)
    return found


def _maximised(
    model: Mixture, points: FloatArray, shares: FloatArray, spread: float
) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Return weights and components that fit shares of points best."""
    # floors keep a component from shrinking onto one value or from losing all of them
    least_spread = 0.1 * spread / shares.shape[-2]
    components = model.from_shares(points, shares, least_spread=least_spread)
    weight = shares.sum(axis=-1)
    theta = np.maximum(weight / weight.sum(axis=-1, keepdims=True), _LEAST_WEIGHT)
    return theta / theta.sum(axis=-1, keepdims=True), components
