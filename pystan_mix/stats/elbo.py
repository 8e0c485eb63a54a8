"""The ELBO of a normal approximation, with all constants, from its own draws.

CmdStan's CSV has each draw's log density under the approximation without its
constants, and no covariance. Both follow from the draws.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from pystan_mix.errors import OutputError
from pystan_mix.numerics import FloatArray, log_sum_exp
from pystan_mix.stats.importance import pareto_smoothed

Algorithm = Literal["meanfield", "fullrank"]
SimplexTransform = Callable[[FloatArray], FloatArray]

_LOG_2PI = float(np.log(2.0 * np.pi))
# CmdStan's own 6 digits leave some 1e-4, our 17 some 1e-10; another law of the draws about 1
_LARGEST_MISFIT = 1e-2


@dataclasses.dataclass(frozen=True)
class ElboEstimate:
    """What the draws of an approximation say of its quality.

    Parameters
    ----------
    elbo : float
        Evidence lower bound in nats, all constants in.
    mcse : float
        Monte Carlo standard error of `elbo`.
    pareto_khat : float
        Pareto k-hat of the importance ratios; above 0.7 the approximation is
        too far from the posterior to be repaired by weighting.
    gap : float
        Estimated distance to the log evidence in nats, which is the
        Kullback-Leibler divergence of the approximation from the posterior:
        log of the mean importance ratio, minus `elbo`. Too small where k-hat
        is high, since the draws then miss where the ratios are large.
    ess : float
        How many independent draws from the posterior the weighted draws are
        worth (Kong, 1992): one divided by the sum of the squared weights.
    log_g : ndarray, shape (draws,)
        Log density of each draw under the approximation, in the unconstrained
        space, all constants in.
    log_weights : ndarray, shape (draws,)
        Logarithms of the importance weights, smoothed by PSIS; they sum to one.
    """

    elbo: float
    mcse: float
    pareto_khat: float
    gap: float
    ess: float
    log_g: FloatArray
    log_weights: FloatArray


def unknowns(algorithm: Algorithm, *, n_components: int, sigma_is_known: bool) -> int:
    """Return how many numbers of the covariance `estimate_elbo` solves for.

    Examples
    --------
    >>> unknowns("fullrank", n_components=3, sigma_is_known=False)
    36
    """
    dimension = (2 if sigma_is_known else 3) * n_components - 1
    return dimension if algorithm == "meanfield" else dimension * (dimension + 1) // 2


def estimate_elbo(
    *,
    draws: Mapping[str, FloatArray],
    mean: Mapping[str, FloatArray],
    log_p: FloatArray,
    log_g: FloatArray,
    version: tuple[int, int],
    algorithm: Algorithm = "meanfield",
) -> ElboEstimate:
    """Estimate the ELBO of a normal approximation.

    In the unconstrained space a draw is ``z = m + L * eta`` with independent
    standard normal ``eta``, and CmdStan's ``log_g__`` is ``-sum(eta**2) / 2``.
    So ``(z - m)' A (z - m)`` with ``A = inverse(L * L')`` is ``-2 log_g__`` for
    every draw: a linear system for the elements of ``A``, half of whose log
    determinant is the missing constant but for ``2 * pi``; for the meanfield
    ``A`` is diagonal (Kucukelbir et al., 2017, "Automatic differentiation
    variational inference", equation 5 and sections 2.4 and 2.5).

    Parameters
    ----------
    draws : mapping of str to ndarray, shape (draws, K)
        `theta_raw`, `mu_raw` and, where it is a parameter, `sigma`.
    mean : mapping of str to ndarray, shape (K,)
        The same of the variational mean mapped to the constrained space.
    log_p : ndarray, shape (draws,)
        Log joint density in the unconstrained space, all constants in.
    log_g : ndarray, shape (draws,)
        CmdStan's ``log_g__``.
    version : tuple of two int
        CmdStan's version. Two components leave it open from which transform of
        the simplex their draws came: the two differ by a factor only.
    algorithm : {"meanfield", "fullrank"}, default "meanfield"
        Whether ``L`` is diagonal, or lower triangular.

    Returns
    -------
    ElboEstimate
        The estimate.

    Raises
    ------
    OutputError
        If `log_g` does not belong to the draws.
    """
    transforms = (stick_breaking, log_ratios)
    if version >= (2, 37):
        transforms = transforms[::-1]
    fits = [_log_det_inverse(draws, mean, log_g, simplex, algorithm) for simplex in transforms]
    # the first that fits, not the best: of two components both fit to rounding
    log_det, misfit = next((fit for fit in fits if fit[1] < _LARGEST_MISFIT), fits[0])
    if not misfit < _LARGEST_MISFIT:
        raise OutputError(
            f"ADVI's log_g__ does not belong to its draws (relative misfit {misfit:.2g}): this "
            "version of CmdStan writes something else than 2.27 does. Use NUTS, or CmdStan 2.27."
        )
    dimension = sum(values.shape[-1] for values in draws.values()) - 1
    full_log_g = log_g - 0.5 * _LOG_2PI * dimension + 0.5 * log_det
    log_ratio = log_p - full_log_g
    elbo = float(log_ratio.mean())
    log_weights, khat = pareto_smoothed(log_ratio)
    return ElboEstimate(
        elbo=elbo,
        mcse=float(log_ratio.std(ddof=1) / np.sqrt(log_ratio.size)),
        pareto_khat=khat,
        gap=float(log_sum_exp(log_ratio)) - float(np.log(log_ratio.size)) - elbo,
        ess=float(np.exp(-log_sum_exp(2.0 * log_weights))),
        log_g=full_log_g,
        log_weights=log_weights,
    )


def _log_det_inverse(
    draws: Mapping[str, FloatArray],
    mean: Mapping[str, FloatArray],
    log_g: FloatArray,
    simplex: SimplexTransform,
    algorithm: Algorithm,
) -> tuple[float, float]:
    """Return the log determinant of the inverse covariance that `log_g` implies, and its misfit."""
    deviations = unconstrained(draws, simplex=simplex) - unconstrained(mean, simplex=simplex)
    # a weight that underflowed has no place there any more
    whole = np.isfinite(deviations).all(axis=1)
    D = deviations.shape[1]
    rows, columns = np.tril_indices(D) if algorithm == "fullrank" else (np.arange(D), np.arange(D))
    if whole.sum() < rows.size:
        return 0.0, float("inf")
    deviations, log_g = deviations[whole], log_g[whole]
    try:
        scale = _scale_of(deviations, algorithm)
        # white deviations make the system as well conditioned as there are draws for it
        white = np.linalg.solve(scale, deviations.T).T
    except np.linalg.LinAlgError:
        return 0.0, float("inf")
    terms = white[:, rows] * white[:, columns] * np.where(rows == columns, 1.0, 2.0)
    solution, *_ = np.linalg.lstsq(terms, -2.0 * log_g, rcond=None)
    misfit = np.abs(terms @ solution + 2.0 * log_g).max() / np.abs(2.0 * log_g).max()
    inverse = np.zeros((D, D))
    inverse[rows, columns] = inverse[columns, rows] = solution
    if not (np.linalg.eigvalsh(inverse) > 0).all():
        return 0.0, float("inf")
    log_det = np.linalg.slogdet(inverse)[1] - 2.0 * np.log(np.diag(scale)).sum()
    return float(log_det), float(misfit)


def _scale_of(deviations: FloatArray, algorithm: Algorithm) -> FloatArray:
    """Return a lower triangular root of the deviations' covariance, diagonal for the meanfield."""
    spread = np.sqrt(np.mean(deviations**2, axis=0))
    if algorithm == "meanfield":
        return np.diag(spread)
    unit = deviations / spread
    return np.asarray(spread[:, None] * np.linalg.cholesky(unit.T @ unit / len(unit)))


def unconstrained(parameters: Mapping[str, FloatArray], *, simplex: SimplexTransform) -> FloatArray:
    """Map parameters to the unconstrained space in which Stan works.

    Stan Reference Manual, "Constraint transforms": logarithms for scales; the
    free means have no constraint.

    Parameters
    ----------
    parameters : mapping of str to ndarray, shape (..., K)
        `theta_raw`, `mu_raw` and, where it is a parameter, `sigma`.
    simplex : callable
        The transform of the simplex: `stick_breaking` or `log_ratios`.

    Returns
    -------
    ndarray, shape (..., K - 1 + K) or (..., K - 1 + K + K)
        Unconstrained values in Stan's order.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        positive = [np.log(parameters["sigma"])] if "sigma" in parameters else []
        weights = simplex(parameters["theta_raw"])
        return np.concatenate([weights, parameters["mu_raw"], *positive], axis=-1)


def stick_breaking(theta: FloatArray) -> FloatArray:
    """Map a simplex to unconstrained values as Stan does up to 2.36.

    Parameters
    ----------
    theta : ndarray, shape (..., K)
        Simplexes.

    Returns
    -------
    ndarray, shape (..., K - 1)
        Log odds of each break of the stick, zero where it is even.
    """
    K = theta.shape[-1]
    # what is left of the stick, summed from its end so that small remainders keep their digits
    left = np.flip(np.cumsum(np.flip(theta, -1), -1), -1)
    even = np.log(np.arange(K - 1, 0, -1))
    return np.asarray(np.log(theta[..., :-1]) - np.log(left[..., 1:]) + even)


def log_ratios(theta: FloatArray) -> FloatArray:
    """Map a simplex to unconstrained values as Stan does from 2.37 on.

    Parameters
    ----------
    theta : ndarray, shape (..., K)
        Simplexes.

    Returns
    -------
    ndarray, shape (..., K - 1)
        Isometric log ratios.
    """
    i = np.arange(1, theta.shape[-1])
    log_theta = np.log(theta)
    sums = np.cumsum(log_theta, axis=-1)[..., :-1]
    return np.asarray((sums - i * log_theta[..., 1:]) / np.sqrt(i * (i + 1)))
