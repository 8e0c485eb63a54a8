"""Means and standard deviations of a weighed posterior, with their Monte Carlo errors."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.convergence import Summary
from pystan_mix.stats.importance.weights import resamplings

# of which the one with the nearest moments is taken
_RESAMPLINGS = 32
# standard deviations, and relative to one, by which chains may be off the weighed posterior
_LARGEST_SHIFT = 0.1
_LARGEST_SPREAD = 0.1
# their own errors by which they must be off besides
_ERRORS = 2.5


def judged(target: Target, variables: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return what parameters are judged by, shape (..., elements).

    Those are logarithms where a prior's tail has no kurtosis: of such a parameter
    draws cannot tell a standard deviation, where there is one.
    """
    heavy = {each.name for each in target.estimated if not target.model.prior(each).has_kurtosis}
    found = {name: np.log(x) if name in heavy else x for name, x in variables.items()}
    for each in target.estimated:
        if each.event:
            found[each.name] = _in_a_row(each, found[each.name])
    return found


def _in_a_row(parameter: Parameter, x: FloatArray) -> FloatArray:
    """Return all that vectors or matrices have on one axis, of matrices what is below the ones."""
    if parameter.event == 2:
        x = x[(..., *np.tril_indices(x.shape[-1], -1))]
    return x.reshape(*x.shape[:-2], math.prod(x.shape[-2:]))


@dataclasses.dataclass(frozen=True)
class Moments:
    """Moments of the elements of one parameter, each of shape (K,) or (1,).

    Parameters
    ----------
    mean, sd : ndarray
        Means and standard deviations.
    mean_error, sd_error : ndarray
        Their Monte Carlo errors, in the units of the parameter.
    """

    mean: FloatArray
    sd: FloatArray
    mean_error: FloatArray
    sd_error: FloatArray


def moments_of_draws(x: FloatArray, weights: FloatArray) -> Moments:
    """Return the moments of independent draws of shape (S, K) with weights of shape (S,)."""
    return moments_of_populations(x[:, None], weights[:, None])


def moments_of_populations(x: FloatArray, weights: FloatArray) -> Moments:
    """Return the moments of populations of draws, whose errors are in how populations differ.

    The error of a weighted mean is the root of the sum of the squares of what
    each population adds to the sum of weighted deviations; that of a standard
    deviation follows by the delta method.

    Parameters
    ----------
    x : ndarray, shape (P, S, K)
        Draws of P independent populations.
    weights : ndarray, shape (P, S)
        Their weights, which sum to one.

    Returns
    -------
    Moments
        The errors of what does not vary are zero.
    """
    mean = np.einsum("ps,psk->k", weights, x)
    deviations = x - mean
    # rounding must not give what is constant a variance
    deviations[..., np.ptp(x, axis=(0, 1)) == 0.0] = 0.0
    variance = np.einsum("ps,psk->k", weights, deviations**2)
    sd = np.sqrt(variance)
    mean_error = np.sqrt((np.einsum("ps,psk->pk", weights, deviations) ** 2).sum(axis=0))
    added = np.einsum("ps,psk->pk", weights, deviations**2 - variance)
    variance_error = np.sqrt((added**2).sum(axis=0))
    sd_error = np.divide(variance_error, 2.0 * sd, out=np.zeros_like(sd), where=sd > 0.0)
    return Moments(mean, sd, mean_error, sd_error)


def order_by_tails(
    variables: Mapping[str, FloatArray], moments: Mapping[str, Moments]
) -> NDArray[np.intp]:
    """Return an order of draws in which those of one tail stand together.

    A tail is what is off a mean farthest in one element of one parameter, and in
    one direction: a few draws there make much of a standard deviation. Tails are gone
    through outwards and inwards in turn, so that each borders on what is near.

    Parameters
    ----------
    variables : mapping of str to ndarray, shape (S, elements)
        Draws by name, of what parameters are `judged` by.
    moments : mapping of str to Moments
        Their moments.

    Returns
    -------
    ndarray of int, shape (S,)
        The order.
    """
    z = _standardised(variables, moments)
    element = np.abs(z).argmax(axis=1)
    farthest = np.take_along_axis(z, element[:, None], axis=1)[:, 0]
    # below the mean from the farthest to the nearest, above it the other way about
    return np.lexsort((farthest, farthest > 0.0, element))


def resampled_by_tails(
    variables: Mapping[str, FloatArray],
    moments: Mapping[str, Moments],
    log_weights: FloatArray,
    *,
    places: NDArray[np.intp],
    size: int,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """Draw from weighted draws so that means and standard deviations stay what they are.

    Draws are picked systematically in an order of tails, and of some such resamplings
    the one is taken whose moments are nearest to the weights': what a tail of
    half a draw's weight makes of a standard deviation no single resampling shows.

    Parameters
    ----------
    variables, moments
        As of `order_by_tails`.
    log_weights : ndarray, shape (S,)
        Logarithms of the weights, which sum to one.
    places : ndarray of int, shape (S,)
        The place of each draw in the order of the result.
    size : int
        How many are drawn.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    ndarray of int, shape (size,)
        Which draws, by their places.
    """
    z, order = _standardised(variables, moments), order_by_tails(variables, moments)

    def off(picks: NDArray[np.intp]) -> float:
        some = z[picks]
        return float(max(np.abs(some.mean(axis=0)).max(), np.abs(some.std(axis=0) - 1.0).max()))

    tries = order[resamplings(log_weights[order], times=_RESAMPLINGS, size=size, rng=rng)]
    nearest = min(tries, key=off)
    return np.asarray(nearest[np.argsort(places[nearest], kind="stable")])


def _standardised(
    variables: Mapping[str, FloatArray], moments: Mapping[str, Moments]
) -> FloatArray:
    """Return all elements that vary less their means over their deviations, shape (S, E)."""
    return np.concatenate(
        [
            (variables[name] - each.mean)[:, each.sd > 0.0] / each.sd[each.sd > 0.0]
            for name, each in moments.items()
        ],
        axis=1,
    )


def largest_errors(moments: Mapping[str, Moments]) -> tuple[float, float]:
    """Return the largest error of a mean, and of a standard deviation, in standard deviations."""
    mean_error, sd_error = 0.0, 0.0
    for each in moments.values():
        varies = each.sd > 0.0
        mean_error = max(
            mean_error, float((each.mean_error[varies] / each.sd[varies]).max(initial=0.0))
        )
        sd_error = max(sd_error, float((each.sd_error[varies] / each.sd[varies]).max(initial=0.0)))
    return mean_error, sd_error


def confirmed(chains: Mapping[str, Sequence[Summary]], whole: Mapping[str, Moments]) -> bool:
    """Whether chains have the means and standard deviations of the weighed posterior."""
    return all(
        _agree(each, whole[name], k)
        for name, summaries in chains.items()
        for k, each in enumerate(summaries)
    )


def _agree(chains: Summary, whole: Moments, k: int) -> bool:
    """Whether the chains of one quantity have its mean and standard deviation, but for errors."""
    sd = float(whole.sd[k])
    if sd == 0.0:
        return True
    return _is_small(
        chains.values["mean"] - float(whole.mean[k]),
        _LARGEST_SHIFT * sd,
        ours=chains.mcse_mean,
        theirs=float(whole.mean_error[k]),
    ) and _is_small(
        chains.values["sd"] - sd,
        _LARGEST_SPREAD * sd,
        ours=chains.mcse_sd,
        theirs=float(whole.sd_error[k]),
    )


def _is_small(difference: float, bound: float, *, ours: float, theirs: float) -> bool:
    """Whether a difference is small, or the chains know better and errors explain it."""
    if abs(difference) <= bound:
        return True
    return ours <= theirs and abs(difference) <= _ERRORS * math.hypot(ours, theirs)
