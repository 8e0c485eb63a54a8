"""What no relabelling of components changes: log likelihood and predictive density, by draw."""

import dataclasses
from collections.abc import Mapping
from typing import Final

import numpy as np
from scipy import special

from pystan_mix.comparison.posteriors import Posterior
from pystan_mix.mixtures.annotations.intervals import Interval
from pystan_mix.mixtures.annotations.times import Times
from pystan_mix.mixtures.density import mixture_log_density
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.observations import Observations, indexed
from pystan_mix.numerics import FloatArray

_PLACES: Final = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
# densities of one component at one point; so many take two seconds
_MOST_TERMS: Final = 20_000_000
_TERMS_AT_ONCE: Final = 1_000_000
_FEWEST_DRAWS: Final = 400


@dataclasses.dataclass(frozen=True)
class MixtureDraws:
    """Draws of all that a mixture's density depends on.

    Parameters
    ----------
    family : type
        The class of the mixture.
    theta : ndarray, shape (..., K)
        Weights.
    components : dict of str to ndarray, shape (..., K)
        The components' parameters by name, all of them.
    """

    family: type[Mixture]
    theta: FloatArray
    components: dict[str, FloatArray]

    def picked(self, picks: slice) -> "MixtureDraws":
        """Return some draws of each chain."""
        components = {name: values[:, picks] for name, values in self.components.items()}
        return MixtureDraws(self.family, self.theta[:, picks], components)


def mixture_draws(posterior: Posterior, *, known: Mapping[str, FloatArray]) -> MixtureDraws | None:
    """Return what a posterior's mixture is in each draw.

    Parameters
    ----------
    posterior : Posterior
        The draws.
    known : mapping of str to ndarray, shape (K,) or (1,)
        Parameters for a posterior that does not have them itself.

    Returns
    -------
    MixtureDraws or None
        Arrays of shape (chain, draw, K); None where a parameter is nowhere.
    """
    theta = posterior.draws.get("theta")
    if theta is None or theta.ndim < 3:
        return None
    K, components = theta.shape[-1], {}
    for parameter in posterior.family.parameters:
        name = parameter.name
        values = posterior.draws.get(name)
        if values is None:
            values = posterior.known.get(name, known.get(name))
        elif values.ndim == 2 and not parameter.ordered:
            values = values[..., None]
        if values is None or (not parameter.event and values.shape[-1] not in (1, K)):
            return None
        # of vectors what is known stands without axes for draws
        components[name] = (
            np.broadcast_to(values, theta.shape)
            if not parameter.event
            else np.broadcast_to(values, (*theta.shape[:2], *values.shape[-1 - parameter.event :]))
        )
    return MixtureDraws(posterior.family, theta, components)


def marginal(mixture: MixtureDraws) -> MixtureDraws:
    """Return the mixture of the first coordinate of vectors; one of numbers as it is."""
    if not mixture.family.vectors:
        return mixture
    mu, sigma = (mixture.components[name][..., 0] for name in ("mu", "sigma"))
    return MixtureDraws(NormalMixture, mixture.theta, {"mu": mu, "sigma": sigma})


def log_density(mixture: MixtureDraws, y: FloatArray | Interval) -> FloatArray:
    """Return the log density of a mixture at each point, shape (..., N)."""
    with np.errstate(divide="ignore"):
        log_theta = np.log(mixture.theta)
    return mixture_log_density(mixture.family, y, log_theta, mixture.components)


def invariants(
    mixture: MixtureDraws, y: FloatArray | Interval, times: Times | None = None
) -> dict[str, FloatArray]:
    """Compute what does not depend on the order of the components.

    Parameters
    ----------
    mixture : MixtureDraws
        Draws, arrays of shape (chain, draw, K).
    y : ndarray or Interval, shape (N,)
        The observations.
    times : ndarray of int or float, shape (N,), optional
        How many each of these stands for, or its weight; by default each is one.

    Returns
    -------
    dict of str to ndarray, shape (chain, draw)
        ``log_lik``, the sum over all observations, and ``density[50%]``, the
        mixture's density at the median of the observations, whose mean is the
        posterior predictive density there, and at six more of their quantiles;
        of two components or more the ``entropy`` of the weights.
        Where draws times observations are many, `log_lik` is that of evenly
        spaced draws; it is left out where these would be fewer than 400.

    Examples
    --------
    >>> from pystan_mix import NormalMixture
    >>> one, zero = np.ones((1, 2, 1)), np.zeros((1, 2, 1))
    >>> draws = MixtureDraws(NormalMixture, one, {"mu": zero, "sigma": one})
    >>> found = invariants(draws, np.array([-1.0, 0.0, 1.0]))
    >>> found["density[50%]"].round(3)
    array([[0.399, 0.399]])
    """
    observed = indexed(y, times)
    at_places = np.exp(log_density(mixture, _at_places(observed)))
    found = {f"density[{100 * p:g}%]": at_places[..., i] for i, p in enumerate(_PLACES)}
    if mixture.theta.shape[-1] > 1:
        found["entropy"] = special.entr(mixture.theta).sum(axis=-1)
    distinct, count = observed.distinct, observed.count
    chains, draws, K = mixture.theta.shape
    step = -(-chains * draws * K * distinct.size // _MOST_TERMS)
    kept = mixture.picked(slice(None, None, step))
    if step == 1 or kept.theta[..., 0].size >= _FEWEST_DRAWS:
        found = {"log_lik": _log_likelihood(kept, observed.given, count.astype(np.float64))} | found
    return {name: values for name, values in found.items() if np.isfinite(values).all()}


def _at_places(observed: Observations) -> FloatArray:
    """Return quantiles of numbers, or the vectors whose first coordinates stand there."""
    y = observed.y
    if y.ndim == 1:
        return observed.quantiles(np.array(_PLACES))
    places, there = np.array(_PLACES), ~np.isnan(y[:, 0])
    y, times = y[there], None if observed.times is None else observed.times[there]
    order = np.argsort(y[:, 0], kind="stable")
    ranks = (places * (len(y) - 1)).round().astype(np.intp)
    if times is not None:
        ends = np.cumsum(times[order])
        ranks = np.minimum(np.searchsorted(ends, places * ends[-1]), len(y) - 1)
    return np.asarray(y[order[ranks]])


def _log_likelihood(
    mixture: MixtureDraws, y: FloatArray | Interval, count: FloatArray
) -> FloatArray:
    """Sum the log density over observations, some draws at a time."""
    chains, draws, K = mixture.theta.shape
    block = max(_TERMS_AT_ONCE // (chains * K * len(y)), 1)
    parts = [
        log_density(mixture.picked(slice(start, start + block)), y) @ count
        for start in range(0, draws, block)
    ]
    return np.concatenate(parts, axis=1)
