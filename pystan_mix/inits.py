"""Initial values from which ordered means do not stick."""

import numpy as np

from pystan_mix.mixture import FloatArray
from pystan_mix.model import NormalMixture, stan_data


def initial_values(
    model: NormalMixture, y: FloatArray, *, rng: np.random.Generator
) -> dict[str, list[float]]:
    """Return one chain's initial values, drawn around quantiles of the data.

    Each mean starts at a random quantile of its own K-th of the data, so that
    the chains begin apart but every component begins where there are
    observations. Without observations the means start at draws from the prior.

    Parameters
    ----------
    model : NormalMixture
        A model that leaves no prior out.
    y : ndarray, shape (N,)
        Checked observations; may be empty.
    rng : numpy.random.Generator
        Source of the jitter.

    Returns
    -------
    dict
        `theta_raw`, `mu` and, where it is a parameter, `sigma`; K numbers each.
    """
    K = model.n_components
    data = stan_data(model, y[:0])
    if y.size:
        levels = (np.arange(K) + rng.uniform(0.25, 0.75, size=K)) / K
        mu, spread = np.quantile(y, levels), float(y.std())
    else:
        mu = rng.normal(data["mu_loc"], data["mu_scale"])
        spread = float(np.mean(data["mu_scale"]))
    # Stan's ordered vector needs increasing values; ties come from repeated observations
    step = max(1e-3 * spread, 4.0 * float(np.spacing(np.abs(mu).max())))
    mu = np.sort(mu) + step * np.arange(K)
    inits = {"theta_raw": rng.dirichlet(np.full(K, 20.0)).tolist(), "mu": mu.tolist()}
    if not model.sigma_is_known:
        centre = np.full(K, spread / K) if y.size else np.asarray(data["sigma_scale"])
        inits["sigma"] = (centre * np.exp(rng.uniform(-0.5, 0.5, size=K))).tolist()
    return inits
