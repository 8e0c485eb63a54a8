"""The log joint density of model and data with all constants, in Stan's unconstrained space.

What `stan/normal_mixture.stan` and its fellow compute, in NumPy and for many
draws at once, from what a fit says of its model.
"""

import dataclasses
import math

import numpy as np

from pystan_mix.arviz_data import Fit, group
from pystan_mix.elbo import stick_breaking, unconstrained
from pystan_mix.errors import DataError
from pystan_mix.mixture import FloatArray, log_sum_exp
from pystan_mix.ordering import pull_free, push_apart, push_apart_log_jacobian, spread_width

_LOG_2PI = math.log(2.0 * math.pi)
# terms of the likelihood that are held at once: 4 MB, so that they stay in the cache
_BLOCK = 500_000


@dataclasses.dataclass(frozen=True)
class Joint:
    """A model and its observations: all that the joint density depends on but the parameters.

    Parameters
    ----------
    y : ndarray, shape (N,)
        Distinct observations.
    count : ndarray, shape (N,)
        How often each of them occurs.
    alpha : ndarray, shape (K,)
        Dirichlet concentrations of the weights.
    min_weight : float
        Floor under each weight.
    mu_loc, mu_scale : ndarray, shape (K,)
        Prior locations and scales of the means.
    sigma : ndarray, shape (K,), or None
        Known standard deviations.
    sigma_df : float
        Degrees of freedom of the half-Student-t prior of unknown ones.
    sigma_scale : ndarray, shape (K,)
        Its scales.
    """

    y: FloatArray
    count: FloatArray
    alpha: FloatArray
    min_weight: float
    mu_loc: FloatArray
    mu_scale: FloatArray
    sigma: FloatArray | None
    sigma_df: float
    sigma_scale: FloatArray

    @property
    def n_components(self) -> int:
        """Number of components K."""
        return self.alpha.size

    @property
    def free_weight(self) -> float:
        """The weight that the floor leaves free."""
        return 1.0 - self.n_components * self.min_weight

    @property
    def width(self) -> float:
        """How near two means may come before one pushes the other."""
        return spread_width(np.repeat(self.y, self.count.astype(np.intp)), self.mu_scale)

    @property
    def dimensions(self) -> int:
        """Number of unconstrained parameters."""
        return 2 * self.n_components - 1 + (self.n_components if self.sigma is None else 0)


@dataclasses.dataclass(frozen=True)
class Constrained:
    """Parameters of the mixture, and what the map to them does to volumes.

    Parameters
    ----------
    log_theta : ndarray, shape (S, K)
        Logarithms of the weights.
    mu, sigma : ndarray, shape (S, K)
        Means and standard deviations.
    log_jacobian : ndarray, shape (S,)
        Log absolute determinant of the map from the unconstrained space to
        ``(theta_raw[:-1], mu, sigma)``, where the weights are
        ``min_weight + free_weight * theta_raw``.
    """

    log_theta: FloatArray
    mu: FloatArray
    sigma: FloatArray
    log_jacobian: FloatArray


def joint_of(fit: Fit) -> Joint:
    """Return the model and the observations of a fit.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit with ``observed_data`` and ``constant_data``.

    Returns
    -------
    Joint
        Equal observations once, with their counts.

    Raises
    ------
    DataError
        If a group or a constant is missing.
    """
    constant, observed = group(fit, "constant_data"), group(fit, "observed_data")
    priors = ["sigma"] if "sigma" in constant else ["sigma_df", "sigma_scale"]
    needed = ["alpha", "min_weight", "mu_loc", "mu_scale", *priors]
    missing = [name for name in needed if name not in constant]
    if missing or "y" not in observed:
        what = f"constant_data has no {', '.join(missing)}" if missing else "observed_data has no y"
        raise DataError(f"{what}: the model is not known. Give what sample() or advi() returned.")
    y, count = np.unique(np.asarray(observed["y"], dtype=np.float64), return_counts=True)
    vectors = {
        name: np.asarray(constant[name], dtype=np.float64)
        for name in ("alpha", "mu_loc", "mu_scale", "sigma", "sigma_scale")
        if name in constant
    }
    return Joint(
        y=y,
        count=count.astype(np.float64),
        alpha=vectors["alpha"],
        min_weight=float(constant["min_weight"]),
        mu_loc=vectors["mu_loc"],
        mu_scale=vectors["mu_scale"],
        sigma=vectors.get("sigma"),
        sigma_df=math.nan if "sigma" in constant else float(constant["sigma_df"]),
        sigma_scale=vectors.get("sigma_scale", np.empty(0)),
    )


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
        log_jacobian += push_apart_log_jacobian(mu_raw, mu, joint.width)
        if joint.sigma is not None:
            return Constrained(log_theta, mu, np.broadcast_to(joint.sigma, mu.shape), log_jacobian)
        log_sigma = z[:, 2 * K - 1 :]
        return Constrained(log_theta, mu, np.exp(log_sigma), log_jacobian + log_sigma.sum(axis=1))


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
