"""The law of a normal mixture by SciPy, for one mixture or for many draws of one."""

import numpy as np
from scipy import stats
from scipy.special import logsumexp


def log_density(y, theta, mu, sigma):
    """Log density of points of shape (N,), parameters of shape (..., K); shape (..., N)."""
    theta, mu, sigma = (np.asarray(x, dtype=float)[..., None, :] for x in (theta, mu, sigma))
    terms = stats.norm.logpdf(np.asarray(y)[:, None], mu, sigma)
    return logsumexp(terms, axis=-1, b=np.broadcast_to(theta, terms.shape))


def cdf(y, theta, mu, sigma):
    """Distribution function at points of shape (..., N), a mixture (..., K) for each row."""
    theta, mu, sigma = (np.asarray(x, dtype=float)[..., None, :] for x in (theta, mu, sigma))
    return (theta * stats.norm.cdf(np.asarray(y)[..., None], mu, sigma)).sum(axis=-1)
