"""Leave-one-out cross-validation, where observations may have counts or weights."""

import math

import numpy as np

from pystan_mix.arviz_compat import Fit, az, group
from pystan_mix.fits.groups import (
    CHAIN_AND_DRAW,
    LOG_LIKELIHOOD,
    Y,
    times_of_observations,
)
from pystan_mix.fits.summary import summarize
from pystan_mix.mixtures.annotations.times import Times, is_weighted
from pystan_mix.numerics import FloatArray, log_sum_exp
from pystan_mix.stats.importance.weights import pareto_smoothed


def log_densities_left_out(fit: Fit) -> FloatArray:
    """Return the log predictive density of each observation, given all others.

    By Pareto smoothed importance sampling (Vehtari, Gelman and Gabry, 2017,
    "Practical Bayesian model evaluation using leave-one-out cross-validation
    and WAIC", section 2). Of several equal observations one is left out. Of
    real weights w, which count no observations, a whole row is: its draws have
    the importance ratios ``p(y[n] | draw) ** -w[n]``.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit with its log likelihood.

    Returns
    -------
    ndarray, shape (N,)
        The log density of one observation in each row.
    """
    log_lik = group(fit, LOG_LIKELIHOOD)
    times = times_of_observations(fit)
    if times is not None and is_weighted(times):
        draws = np.asarray(log_lik[Y].transpose(*CHAIN_AND_DRAW, ...), dtype=np.float64)
        columns = draws.reshape(-1, draws.shape[-1]).T
        return np.array([_left_out(x, weight) for x, weight in zip(columns, times, strict=True)])
    # they are of evenly spaced draws, nearly independent where there are enough
    count = log_lik.sizes["chain"] * log_lik.sizes["draw"]
    efficiency = min(1.0, float(summarize(fit)["ess_bulk"].mean()) / count)
    loo = az.loo(fit, pointwise=True, reff=efficiency)
    # ArviZ 0.x and 1.x name them differently
    each = getattr(loo, "loo_i", getattr(loo, "elpd_i", None))
    return np.asarray(each, dtype=np.float64).ravel()


def _left_out(log_lik: FloatArray, weight: float) -> float:
    """Return the log predictive density of an observation that is left out with its weight."""
    smoothed, _ = pareto_smoothed(-weight * log_lik)
    return float(log_sum_exp(smoothed + log_lik) - log_sum_exp(smoothed))


def sum_with_error(each: FloatArray, times: Times | None) -> tuple[float, float]:
    """Return the sum of something over all observations, and its standard error.

    Parameters
    ----------
    each : ndarray, shape (N,)
        What one observation in each row has.
    times : ndarray of int or float, shape (N,), or None
        How many there are in each, or the weights of rows; None for one each.

    Returns
    -------
    tuple of float
        The sum, and the error by how observations differ, or of weights, rows.

    Examples
    --------
    >>> sum_with_error(np.array([1.0, 3.0]), np.array([2, 2]))
    (8.0, 2.0)
    """
    if times is None or is_weighted(times):
        terms = each if times is None else times * each
        return float(terms.sum()), math.sqrt(terms.size * terms.var())
    total = float(times @ each)
    return total, math.sqrt(times @ (each - total / times.sum()) ** 2)
