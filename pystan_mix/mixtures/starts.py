"""Initial values from which chains do not stick in minor modes."""

import numpy as np

from pystan_mix.mixtures.model import NormalMixture, stan_data
from pystan_mix.mixtures.ordering import ordering_width, pull_free
from pystan_mix.mixtures.simulation import component_log_densities
from pystan_mix.numerics import FloatArray, log_sum_exp

# of 60 short fits to ten data sets 15 had a stuck chain with 1, and none with 5
DEFAULT_STARTS = 5
_EM_STEPS = 20
# EM needs the shape of the data, not every observation
_POINTS = 500


def initial_values(
    model: NormalMixture,
    y: FloatArray,
    *,
    rng: np.random.Generator,
    starts: int = DEFAULT_STARTS,
) -> dict[str, list[float]]:
    """Return one chain's initial values for Stan.

    Parameters
    ----------
    model, y, rng, starts
        As in `initial_parameters`.

    Returns
    -------
    dict
        `theta_raw`, `mu_raw` and, where it is a parameter, `sigma`; K numbers each.
    """
    inits = initial_parameters(model, y, rng=rng, starts=starts)
    mu = inits.pop("mu")
    return inits | {"mu_raw": pull_free(mu, ordering_width(model, y)).tolist()}


def initial_parameters(
    model: NormalMixture,
    y: FloatArray,
    *,
    rng: np.random.Generator,
    starts: int = DEFAULT_STARTS,
) -> dict[str, list[float]]:
    """Return parameters for a chain to begin at, drawn around a likely mixture of the data.

    Of some random starts, spread over the data as by k-means++ (Arthur and
    Vassilvitskii, 2007) and improved by expectation maximisation, the chain
    takes the likeliest, and jitters it by much more than the posterior is wide.
    Without observations the means start at draws from the prior.

    Parameters
    ----------
    model : NormalMixture
        A model that leaves no prior out.
    y : ndarray, shape (N,)
        Checked observations; may be empty.
    rng : numpy.random.Generator
        Source of the starts and of the jitter.
    starts : int, default 5
        From how many random starts the likeliest is taken; a single one ends
        in minor modes too.

    Returns
    -------
    dict
        `theta_raw`, increasing `mu` and, where it is a parameter, `sigma`; K
        numbers each.
    """
    K = model.n_components
    data = stan_data(model, y[:0])
    theta = np.full(K, 1.0 / K)
    if y.size:
        points = np.quantile(y, (np.arange(min(y.size, _POINTS)) + 0.5) / min(y.size, _POINTS))
        known = np.asarray(data["sigma"]) if model.sigma_is_known else None
        spread = float(y.std())
        first = np.stack([_spread_means(points, K, rng) for _ in range(starts)])
        theta, mu, sigma = _likeliest(points, first, spread=spread, known_sigma=known)
        mu = np.clip(mu + 0.3 * sigma * rng.normal(size=K), y.min(), y.max())
    else:
        mu = rng.normal(data["mu_loc"], data["mu_scale"])
        sigma = np.asarray(data.get("sigma_scale", 1.0))
        spread = float(np.mean(data["mu_scale"]))
    # increasing also where rounding would make ties
    step = max(1e-3 * spread, 4.0 * float(np.spacing(np.abs(mu).max())))
    mu = np.sort(mu) + step * np.arange(K)
    inits = {"theta_raw": rng.dirichlet(1.0 + 20.0 * K * theta).tolist(), "mu": mu.tolist()}
    if not model.sigma_is_known:
        inits["sigma"] = (sigma * np.exp(rng.uniform(-0.5, 0.5, size=K))).tolist()
    return inits


def _spread_means(points: FloatArray, K: int, rng: np.random.Generator) -> FloatArray:
    """Choose points far from each other: each with odds of its squared distance to the others."""
    means = [rng.choice(points)]
    for _ in range(1, K):
        squares = np.min((points[:, None] - np.array(means)) ** 2, axis=1)
        total = squares.sum()
        # fewer different points than components, for example of tied observations
        means.append(rng.choice(points, p=squares / total if total > 0 else None))
    return np.sort(np.array(means))


def _likeliest(
    points: FloatArray, mu: FloatArray, *, spread: float, known_sigma: FloatArray | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Improve starts by expectation maximisation (Dempster, Laird and Rubin, 1977).

    Of starts of shape (starts, K) returns the likeliest one's weights, means and
    standard deviations, in the order of the means.
    """
    K = mu.shape[-1]
    theta = np.full(mu.shape, 1.0 / K)
    sigma = np.full(mu.shape, spread / K) if known_sigma is None else known_sigma
    # floors keep a component from shrinking onto one value or from losing all of them
    least_sigma = 0.1 * spread / K
    log_lik = np.full(len(mu), -np.inf)
    for _ in range(_EM_STEPS):
        terms = component_log_densities(points, theta, mu, sigma)
        totals = log_sum_exp(terms)
        shares = np.exp(terms - totals[..., None])
        weight = shares.sum(axis=1) + 1e-9
        log_lik = totals.sum(axis=1)
        mu = (shares * points[:, None]).sum(axis=1) / weight
        if known_sigma is None:
            squares = (shares * (points[:, None] - mu[:, None]) ** 2).sum(axis=1) / weight
            sigma = np.maximum(np.sqrt(squares), least_sigma)
        theta = np.maximum(weight / weight.sum(axis=1, keepdims=True), 0.02)
        theta = theta / theta.sum(axis=1, keepdims=True)
    best = int(log_lik.argmax())
    order = np.argsort(mu[best])
    scale = sigma if known_sigma is not None else sigma[best][order]
    return theta[best][order], mu[best][order], scale
