"""What no relabelling of components changes: log likelihood and predictive density, by draw."""

from typing import Final

import numpy as np

from pystan_mix.comparison.posteriors import Posterior
from pystan_mix.mixtures.simulation import log_density
from pystan_mix.numerics import FloatArray

_PLACES: Final = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
# densities of one component at one point; so many take two seconds
_MOST_TERMS: Final = 20_000_000
_TERMS_AT_ONCE: Final = 1_000_000
_FEWEST_DRAWS: Final = 400


def mixture_draws(
    posterior: Posterior, *, known_sigma: FloatArray | None
) -> tuple[FloatArray, FloatArray, FloatArray] | None:
    """Return the weights, means and standard deviations of each draw.

    Parameters
    ----------
    posterior : Posterior
        The draws.
    known_sigma : ndarray, shape (K,), or None
        Standard deviations for a posterior that has none itself.

    Returns
    -------
    tuple of three ndarrays, shape (chain, draw, K), or None
        `theta`, `mu` and `sigma`; None where one of them is nowhere.
    """
    theta, mu = posterior.draws.get("theta"), posterior.draws.get("mu")
    if theta is None or mu is None or theta.shape != mu.shape or mu.ndim < 3:
        return None
    sigma = posterior.draws.get("sigma")
    if sigma is None:
        sigma = known_sigma if posterior.known_sigma is None else posterior.known_sigma
    elif sigma.ndim == 2:
        sigma = sigma[..., None]
    if sigma is None or sigma.shape[-1] not in (1, mu.shape[-1]):
        return None
    return theta, mu, np.broadcast_to(sigma, mu.shape)


def invariants(
    mixture: tuple[FloatArray, FloatArray, FloatArray], y: FloatArray
) -> dict[str, FloatArray]:
    """Compute what does not depend on the order of the components.

    Parameters
    ----------
    mixture : tuple of three ndarrays, shape (chain, draw, K)
        Weights, means and standard deviations.
    y : ndarray, shape (N,)
        The observations.

    Returns
    -------
    dict of str to ndarray, shape (chain, draw)
        ``log_lik``, the sum over all observations, and ``density[50%]``, the
        mixture's density at the median of the observations, whose mean is the
        posterior predictive density there, and at six more of their quantiles.
        Where draws times observations are many, `log_lik` is that of evenly
        spaced draws; it is left out where these would be fewer than 400.

    Examples
    --------
    >>> draws = (np.ones((1, 2, 1)), np.zeros((1, 2, 1)), np.ones((1, 2, 1)))
    >>> found = invariants(draws, np.array([-1.0, 0.0, 1.0]))
    >>> found["density[50%]"].round(3)
    array([[0.399, 0.399]])
    """
    densities = np.exp(log_density(np.quantile(y, _PLACES), *mixture))
    found = {f"density[{100 * p:g}%]": densities[..., i] for i, p in enumerate(_PLACES)}
    distinct, occurrences = np.unique(y, return_counts=True)
    chains, draws, K = mixture[0].shape
    step = -(-chains * draws * K * distinct.size // _MOST_TERMS)
    kept = [part[:, ::step] for part in mixture]
    if step == 1 or kept[0].shape[0] * kept[0].shape[1] >= _FEWEST_DRAWS:
        found = {"log_lik": _log_likelihood(distinct, occurrences.astype(float), *kept)} | found
    return {name: values for name, values in found.items() if np.isfinite(values).all()}


def _log_likelihood(
    y: FloatArray, count: FloatArray, theta: FloatArray, mu: FloatArray, sigma: FloatArray
) -> FloatArray:
    """Sum the log density over observations, some draws at a time."""
    K = theta.shape[-1]
    flat = [part.reshape(-1, K) for part in (theta, mu, sigma)]
    total = np.empty(len(flat[0]))
    block = max(_TERMS_AT_ONCE // (K * y.size), 1)
    for start in range(0, len(total), block):
        part = slice(start, start + block)
        total[part] = log_density(y, *(values[part] for values in flat)) @ count
    return total.reshape(theta.shape[:2])
