"""The log joint density of model and data with all constants, in Stan's unconstrained space.

What `stan/normal_mixture.stan` and its fellow compute, in NumPy and for many
draws at once, from what a fit says of its model.
"""

import dataclasses
import math

import numpy as np

from pystan_mix.mixtures.ordering import pull_free, push_apart, push_apart_log_det
from pystan_mix.mixtures.target import Joint
from pystan_mix.numerics import FloatArray, log_sum_exp
from pystan_mix.stats.elbo import stick_breaking, unconstrained

_LOG_2PI = math.log(2.0 * math.pi)
# terms of the likelihood that are held at once: 4 MB, so that they stay in the cache
_BLOCK = 500_000


@dataclasses.dataclass(frozen=True)
class Constrained:
    """Parameters of the mixture, and what the map to them does to volumes.

    Parameters
    ----------
    log_theta, log_theta_raw : ndarray, shape (S, K)
        Logarithms of the weights, and of these without their floor.
    mu, sigma : ndarray, shape (S, K)
        Means and standard deviations.
    log_jacobian : ndarray, shape (S,)
        Log absolute determinant of the map from the unconstrained space to
        ``(theta_raw[:-1], mu, sigma)``, where the weights are
        ``min_weight + free_weight * theta_raw``.
    """

    log_theta: FloatArray
    log_theta_raw: FloatArray
    mu: FloatArray
    sigma: FloatArray
    log_jacobian: FloatArray


def to_unconstrained(
    joint: Joint, *, theta: FloatArray, mu: FloatArray, sigma: FloatArray
) -> FloatArray:
    """Map parameters to the unconstrained space in which Stan works up to 2.36.

    Parameters
    ----------
    joint : Joint
        The model.
    theta, mu, sigma : ndarray, shape (..., K)
        Weights, means and standard deviations; known ones are left out of
        what is returned.

    Returns
    -------
    ndarray, shape (..., dimensions)
        Unconstrained values in Stan's order; not finite where a weight is on
        its floor, or two means are equal, to rounding.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        mu_raw = pull_free(mu, joint.width)
    parameters = {"theta_raw": (theta - joint.min_weight) / joint.free_weight, "mu_raw": mu_raw}
    if joint.sigma is None:
        parameters["sigma"] = sigma
    return unconstrained(parameters, simplex=stick_breaking)


def to_constrained(joint: Joint, z: FloatArray) -> Constrained:
    """Map unconstrained values to parameters: the inverse of `to_unconstrained`.

    Stan Reference Manual, "Constraint transforms": stick-breaking for the
    simplex, exponentials for the scales; the means are pushed apart.

    Parameters
    ----------
    joint : Joint
        The model.
    z : ndarray, shape (S, dimensions)
        Unconstrained values.

    Returns
    -------
    Constrained
        The parameters and the log Jacobian.
    """
    K = joint.n_components
    # what comes from far out may leave the range of a double; its density is then zero
    with np.errstate(over="ignore", under="ignore"):
        odds = z[:, : K - 1] - np.log(np.arange(K - 1, 0, -1))
        log_share, log_rest = -np.logaddexp(0.0, -odds), -np.logaddexp(0.0, odds)
        log_left = np.concatenate([np.zeros((len(z), 1)), np.cumsum(log_rest, axis=1)], axis=1)
        log_raw = log_left + np.concatenate([log_share, np.zeros((len(z), 1))], axis=1)
        log_theta = log_raw
        if joint.min_weight > 0.0:
            log_theta = np.log(joint.min_weight + joint.free_weight * np.exp(log_raw))
        mu_raw = z[:, K - 1 : 2 * K - 1]
        mu = push_apart(mu_raw, joint.width)
        log_jacobian = (log_share + log_left[:, 1:]).sum(axis=1)
        log_jacobian += push_apart_log_det(mu_raw, mu, joint.width)
        sigma = joint.sigma
        if sigma is None:
            log_sigma = z[:, 2 * K - 1 :]
            sigma, log_jacobian = np.exp(log_sigma), log_jacobian + log_sigma.sum(axis=1)
    return Constrained(log_theta, log_raw, mu, np.broadcast_to(sigma, mu.shape), log_jacobian)


def log_prior(joint: Joint, parameters: Constrained) -> FloatArray:
    """Log density of the prior as the Stan programs write it.

    The Dirichlet density is that of the weights themselves, over all simplexes
    and not only those above the floor; the means are independent normals, with
    nothing for their order. What normalises it is in `normalisers`.

    Parameters
    ----------
    joint : Joint
        The model.
    parameters : Constrained
        The parameters.

    Returns
    -------
    ndarray, shape (S,)
        Log density with respect to ``(theta[:-1], mu, sigma)``.
    """
    alpha = joint.alpha
    dirichlet = math.lgamma(alpha.sum()) - sum(math.lgamma(a) for a in alpha)
    total = dirichlet + parameters.log_theta @ (alpha - 1.0)
    standard = (parameters.mu - joint.mu_loc) / joint.mu_scale
    total += (-0.5 * (_LOG_2PI + standard**2) - np.log(joint.mu_scale)).sum(axis=1)
    if joint.sigma is None:
        square = (parameters.sigma / joint.sigma_scale) ** 2
        fold = math.log(2.0) - np.log(joint.sigma_scale)
        total += (fold + _log_student_t(square, joint.sigma_df)).sum(axis=1)
    return np.asarray(total)


def _log_student_t(square: FloatArray, df: float) -> FloatArray:
    """Log density of the standard Student-t, of the squares of its values."""
    if math.isinf(df):
        return np.asarray(-0.5 * (_LOG_2PI + square))
    constant = math.lgamma(0.5 * (df + 1.0)) - math.lgamma(0.5 * df) - 0.5 * math.log(df * math.pi)
    return np.asarray(constant - 0.5 * (df + 1.0) * np.log1p(square / df))


def log_likelihood(joint: Joint, parameters: Constrained) -> FloatArray:
    """Log likelihood of all observations, the assignments summed out.

    Parameters
    ----------
    joint : Joint
        The model and its observations.
    parameters : Constrained
        The parameters.

    Returns
    -------
    ndarray, shape (S,)
        Log likelihood; draws are taken in blocks, so memory does not grow
        with draws times observations.
    """
    draws = len(parameters.mu)
    total = np.empty(draws)
    size = max(1, _BLOCK // (joint.n_components * joint.y.size))
    heights = parameters.log_theta - np.log(parameters.sigma) - 0.5 * _LOG_2PI
    for start in range(0, draws, size):
        rows = slice(start, start + size)
        standard = joint.y - parameters.mu[rows, :, None]
        standard /= parameters.sigma[rows, :, None]
        terms = heights[rows, :, None] - 0.5 * standard**2
        total[rows] = log_sum_exp(terms, axis=1) @ joint.count
    return total


def log_joint(joint: Joint, z: FloatArray) -> FloatArray:
    """Log joint density in the unconstrained space: what Stan calls ``log_p__``.

    It has all constants, and the Jacobian of the map to ``theta_raw`` as Stan
    has it: with respect to ``theta`` it lacks ``(K - 1) * log(free_weight)``.

    Parameters
    ----------
    joint : Joint
        The model and its observations.
    z : ndarray, shape (S, dimensions)
        Unconstrained values.

    Returns
    -------
    ndarray, shape (S,)
        Log prior plus log likelihood plus log Jacobian; ``-inf`` where a
        parameter leaves the range of a double.
    """
    parameters = to_constrained(joint, z)
    with np.errstate(all="ignore"):
        total = log_prior(joint, parameters) + log_likelihood(joint, parameters)
        total += parameters.log_jacobian
    return np.where(np.isnan(total), -np.inf, total)
