"""The ELBO of a meanfield approximation, with all constants, from its own draws.

CmdStan's CSV has each draw's log density under the approximation without its
constants, and no standard deviations. Both follow from the draws.
"""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from pystan_mix.arviz_data import pareto_smoothed
from pystan_mix.errors import OutputError
from pystan_mix.mixture import FloatArray

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
    log_g : ndarray, shape (draws,)
        Log density of each draw under the approximation, in the unconstrained
        space, all constants in.
    """

    elbo: float
    mcse: float
    pareto_khat: float
    log_g: FloatArray


def estimate_elbo(
    *,
    draws: Mapping[str, FloatArray],
    mean: Mapping[str, FloatArray],
    log_p: FloatArray,
    log_g: FloatArray,
    version: tuple[int, int],
) -> ElboEstimate:
    """Estimate the ELBO of a meanfield normal approximation.

    In the unconstrained space a draw is ``m + s * eta`` with independent
    standard normal ``eta``, and CmdStan's ``log_g__`` is ``-sum(eta**2) / 2``.
    So ``(z - m)**2`` times ``1 / s**2`` is ``-2 log_g__`` for every draw: a
    linear system for the ``s``, whose logarithms are the missing constants
    (Kucukelbir et al., 2017, "Automatic differentiation variational
    inference", equation 5 and section 2.4).

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
    fits = [_normal_scales(draws, mean, log_g, simplex) for simplex in transforms]
    # the first that fits, not the best: of two components both fit to rounding
    scales, misfit = next((fit for fit in fits if fit[1] < _LARGEST_MISFIT), fits[0])
    if not misfit < _LARGEST_MISFIT:
        raise OutputError(
            f"ADVI's log_g__ does not belong to its draws (relative misfit {misfit:.2g}): this "
            "version of CmdStan writes something else than 2.27 does. Use NUTS, or CmdStan 2.27."
        )
    full_log_g = log_g - 0.5 * _LOG_2PI * scales.size - np.log(scales).sum()
    log_weights = log_p - full_log_g
    return ElboEstimate(
        elbo=float(log_weights.mean()),
        mcse=float(log_weights.std(ddof=1) / np.sqrt(log_weights.size)),
        pareto_khat=pareto_smoothed(log_weights)[1],
        log_g=full_log_g,
    )


def _normal_scales(
    draws: Mapping[str, FloatArray],
    mean: Mapping[str, FloatArray],
    log_g: FloatArray,
    simplex: SimplexTransform,
) -> tuple[FloatArray, float]:
    """Return the standard deviations that `log_g` implies, and its relative misfit."""
    deviations = unconstrained(draws, simplex=simplex) - unconstrained(mean, simplex=simplex)
    # a weight that underflowed has no place there any more
    whole = np.isfinite(deviations).all(axis=1)
    if whole.sum() < deviations.shape[1]:
        return np.ones(deviations.shape[1]), float("inf")
    deviations, log_g = deviations[whole], log_g[whole]
    spread = deviations.std(axis=0)
    squares = (deviations / spread) ** 2
    inverse, *_ = np.linalg.lstsq(squares, -2.0 * log_g, rcond=None)
    misfit = np.abs(squares @ inverse + 2.0 * log_g).max() / np.abs(2.0 * log_g).max()
    if not (inverse > 0).all():
        return spread, float("inf")
    return spread / np.sqrt(inverse), float(misfit)


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
