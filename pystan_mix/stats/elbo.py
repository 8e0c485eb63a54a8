"""The ELBO of a normal approximation, with all constants, from its own draws.

CmdStan's CSV has each draw's log density under the approximation without its
constants, and no covariance. Both follow from the draws.
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np

from pystan_mix.errors import OutputError
from pystan_mix.numerics import FloatArray, log_sum_exp
from pystan_mix.stats.importance.weights import pareto_smoothed

Algorithm = Literal["meanfield", "fullrank"]

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


def unknowns(algorithm: Algorithm, *, dimensions: int) -> int:
    """Return how many numbers of the covariance `estimate_elbo` solves for.

    Examples
    --------
    >>> unknowns("fullrank", dimensions=8)
    36
    """
    return dimensions if algorithm == "meanfield" else dimensions * (dimensions + 1) // 2


def estimate_elbo(
    deviations: Sequence[FloatArray],
    *,
    log_p: FloatArray,
    log_g: FloatArray,
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
    deviations : sequence of ndarray, shape (draws, dimensions)
        ``z - m``, by each transform of the parameters that they may have come
        by, the likeliest first. Two components leave it open from which
        transform of the simplex their draws came: these differ by a factor only.
    log_p : ndarray, shape (draws,)
        Log joint density in the unconstrained space, all constants in.
    log_g : ndarray, shape (draws,)
        CmdStan's ``log_g__``.
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
    fits = [_log_det_inverse(each, log_g, algorithm) for each in deviations]
    # the first that fits, not the best: of two components both fit to rounding
    log_det, misfit = next((fit for fit in fits if fit[1] < _LARGEST_MISFIT), fits[0])
    if not misfit < _LARGEST_MISFIT:
        raise OutputError(
            f"ADVI's log_g__ does not belong to its draws (relative misfit {misfit:.2g}): this "
            "version of CmdStan writes something else than 2.27 does. Use NUTS, or CmdStan 2.27."
        )
    dimension = deviations[0].shape[1]
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
    deviations: FloatArray, log_g: FloatArray, algorithm: Algorithm
) -> tuple[float, float]:
    """Return the log determinant of the inverse covariance that `log_g` implies, and its misfit."""
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
