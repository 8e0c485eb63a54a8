"""The draws of a fit that bridge sampling takes, checked."""

from collections.abc import Mapping

import numpy as np

from pystan_mix.arviz_compat import Fit, group_names
from pystan_mix.errors import DataError
from pystan_mix.fits.approximation import is_approximation
from pystan_mix.fits.draws import evenly_spaced
from pystan_mix.fits.groups import (
    CONSTANT_DATA,
    OBSERVED_DATA,
    POSTERIOR,
    PRIOR_NAMES,
    observations,
)
from pystan_mix.fits.model import target_of_fit
from pystan_mix.mixtures.density import to_unconstrained
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray

_FEWEST_DRAWS = 400
_FEWEST_DRAWS_PER_DIMENSION = 40
_FEWEST_DRAWS_PER_CHAIN = 20
_MOST_DRAWS = 10_000
# densities of an observation under a component, some 12 ns each: beyond, fewer draws are taken ...
_MOST_TERMS = 300_000_000
# ... but not fewer than these
_FEWEST_AFTER_THINNING = 2000
# of the draws; the rest are in the integral
_MOST_OUT_OF_RANGE = 1e-3


def target_with_evidence(fit: Fit) -> Target:
    """Return the model and observations of a fit that is a posterior by NUTS."""
    if is_approximation(fit):
        raise DataError(
            "The fit is an approximation by ADVI, and its draws are not of the posterior; its own "
            "figure is the attribute elbo, a lower bound. Give what sample() returned."
        )
    names = group_names(fit)
    if POSTERIOR not in names and PRIOR_NAMES[POSTERIOR] in names:
        raise DataError(
            "The data are draws from the prior, which has no evidence. Give what sample() returned."
        )
    if observations(fit) is None:
        raise DataError(
            f"The fit has no group {OBSERVED_DATA!r}, and without observations there is no "
            "evidence. Give what sample(model, y) returned, all of its groups with it."
        )
    return target_of_fit(fit)


def unconstrained_draws(target: Target, variables: Mapping[str, FloatArray]) -> FloatArray:
    """Return the draws in the unconstrained space, shape (chain, draw, dimensions)."""
    for parameter in target.estimated:
        if parameter.name not in variables:
            raise DataError(f"Neither the {POSTERIOR} nor {CONSTANT_DATA} has {parameter.name}.")
    K = variables["theta"].shape[-1]
    if target.n_components != K:
        raise DataError(
            f"The {POSTERIOR} has {K} components and {CONSTANT_DATA} {target.n_components}. "
            "Give one fit, not parts of two."
        )
    z = to_unconstrained(target, variables)
    draws = z.shape[0] * z.shape[1]
    least = max(_FEWEST_DRAWS, _FEWEST_DRAWS_PER_DIMENSION * target.dimensions)
    if draws < least:
        raise DataError(
            f"The fit has {draws} draws of {target.dimensions} parameters; the evidence needs "
            f"{least}. Raise iter_sampling."
        )
    out = int((~np.isfinite(z)).any(axis=-1).sum())
    if out > _MOST_OUT_OF_RANGE * draws:
        raise DataError(
            f"{out} of {draws} draws have a weight or a scale on its floor, or two equal means, "
            "to rounding: no density is left to integrate. Try fewer components, or priors that "
            "say more."
        )
    if z.shape[1] < _FEWEST_DRAWS_PER_CHAIN:
        raise DataError(
            f"Each chain has {z.shape[1]} draws; the evidence needs {_FEWEST_DRAWS_PER_CHAIN}, to "
            "tell how they hang together. Run fewer chains, and longer ones."
        )
    return z


def thinned(z: FloatArray, target: Target) -> FloatArray:
    """Return as many of the draws, evenly spaced, as are worth their time."""
    affordable = _MOST_TERMS // (2 * target.terms)
    most = min(_MOST_DRAWS, max(_FEWEST_AFTER_THINNING, affordable))
    return z[:, evenly_spaced(z.shape[1], -(-most // z.shape[0]))]
