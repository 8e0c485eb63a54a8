"""The programs' log density in NumPy and SciPy, written from the model and not from Stan."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import logsumexp

from pystan_mix.numerics import FloatArray


def sigma_is_estimated(stan: Mapping[str, Any]) -> bool:
    """Whether a data block leaves the standard deviations to be estimated."""
    return len(stan.get("sigma_known", stan.get("sigma", []))) == 0


def log_prior(
    stan: Mapping[str, Any], theta: FloatArray, mu: FloatArray, sigma: FloatArray
) -> float:
    """Log density of the priors, up to a constant of the model."""
    total = np.sum((np.asarray(stan["alpha"]) - 1.0) * np.log(theta))
    total += stats.norm.logpdf(mu, stan["mu_loc"], stan["mu_scale"]).sum()
    if sigma_is_estimated(stan):
        total += log_scale_prior(stan, sigma).sum()
    return float(total)


def log_scale_prior(stan: Mapping[str, Any], sigma: FloatArray) -> FloatArray:
    """Log density of each standard deviation, above zero."""
    scale = np.asarray(stan["sigma_scale"])
    if stan["sigma_prior"] == 2:
        law = stats.invgamma(stan["sigma_shape"], scale=scale)
        return np.asarray(law.logpdf(sigma**2) + np.log(2.0 * sigma))
    if stan["sigma_prior"] == 3:
        return np.asarray(stats.lognorm(scale, scale=np.exp(stan["sigma_loc"])).logpdf(sigma))
    df = stan["sigma_df"]
    law = stats.norm(0, scale) if np.isinf(df) else stats.t(df, 0, scale)
    return np.asarray(law.logpdf(sigma) + np.log(2.0))


def log_lik(y: FloatArray, theta: FloatArray, mu: FloatArray, sigma: FloatArray) -> FloatArray:
    """Log density of each observation."""
    return np.asarray(
        logsumexp(stats.norm.logpdf(y[:, None], mu, sigma), axis=1, b=theta), dtype=np.float64
    )


def ordering_width(stan: Mapping[str, Any]) -> float:
    """How near two means may come before one pushes the other."""
    spread = np.mean(stan["mu_scale"])
    if stan["N"] > 1:
        times = stan["weight"] if stan.get("weighted") else stan["count"]
        mean = np.average(stan["y"], weights=times)
        spread = np.sqrt(np.average((np.asarray(stan["y"]) - mean) ** 2, weights=times))
    return float(spread) / (2 * stan["K"])


def log_simplex_jacobian(theta: FloatArray, *, version: tuple[int, ...]) -> float:
    """Log absolute determinant of Stan's transform of a simplex, all but its last share."""
    if version >= (2, 37):
        # isometric log ratios
        return float(np.log(theta).sum() + 0.5 * np.log(len(theta)))
    if len(theta) == 1:
        return 0.0
    left = 1.0 - np.concatenate([[0.0], np.cumsum(theta)[:-2]])
    share = theta[:-1] / left
    return float(np.sum(np.log(share) + np.log1p(-share) + np.log(left)))


def log_jacobian(
    stan: Mapping[str, Any],
    theta_raw: FloatArray,
    mu_raw: FloatArray,
    mu: FloatArray,
    sigma: FloatArray,
    *,
    version: tuple[int, ...],
) -> float:
    """Log absolute determinant of Stan's transforms, up to a constant."""
    total = log_simplex_jacobian(theta_raw, version=version)
    if not stan["sort_components"]:
        total += stats.norm.logcdf(mu_raw[1:], mu[:-1], ordering_width(stan)).sum()
    if sigma_is_estimated(stan):
        total += np.log(sigma - stan["min_sigma"]).sum()
    return float(total)
