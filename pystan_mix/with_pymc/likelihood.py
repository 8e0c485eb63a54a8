"""The likelihood of numbers in PyMC: its `Mixture`, one by hand, or a potential."""

import functools
import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from pystan_mix.mixtures.annotations.intervals import Interval
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray
from pystan_mix.with_pymc.intervals import log_interval


def mixture_random(
    theta: FloatArray,
    *components: FloatArray,
    rng: np.random.Generator,
    size: tuple[int, ...] | None = None,
    family: type[Mixture] = NormalMixture,
) -> FloatArray:
    """Draw a component, then a point from it: the notebook's exercise.

    Parameters
    ----------
    theta : ndarray, shape (..., K)
        Weights.
    *components : ndarray, shape (..., K)
        The components' parameters, in the family's order.
    rng : numpy.random.Generator
        Source of the draws.
    size : tuple of int, optional
        Shape of the draws, to which the parameters are broadcast; by default
        one draw of each mixture.
    family : type, default NormalMixture
        Which kind the components are of.

    Returns
    -------
    ndarray, shape `size`
        The draws.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> mixture_random([0.5, 0.5], [-5, 5], [1, 1], rng=rng, size=(3,)).shape
    (3,)
    """
    theta, *components_at = np.broadcast_arrays(theta, *components)
    shape = theta.shape[:-1] if size is None else tuple(size)
    ends = np.cumsum(theta, axis=-1)[..., :-1]
    component = (rng.random(shape)[..., None] >= ends).sum(axis=-1, keepdims=True)
    own = {
        parameter.name: np.take_along_axis(
            np.broadcast_to(x, (*shape, theta.shape[-1])), component, axis=-1
        )[..., 0]
        for parameter, x in zip(family.parameters, components_at, strict=True)
    }
    return family.draw(rng, **own)


def add_likelihood(
    pm: Any, target: Target, theta: Any, components: Mapping[str, Any], *, by_hand: bool
) -> None:
    """Add the observations to the model in whose context it is.

    Parameters
    ----------
    pm : module
        PyMC.
    target : Target
        The model and its observations, which are numbers or intervals.
    theta : tensor, shape (K,)
        Weights.
    components : mapping of str to tensors or ndarrays
        The components' parameters by name.
    by_hand : bool
        Whether the densities are summed here, or by PyMC's `Mixture`.
    """
    family, observed = type(target.model), target.observed
    kind = np.int64 if family.counts else np.float64
    values = [components[each.name] for each in family.parameters]
    bounds = observed.bounds if observed.bounds and observed.bounds.wide.any() else None
    if observed.times is not None or observed.label is not None or bounds:
        terms = _terms(observed.distinct.astype(kind), theta, *values, pm=pm, family=family)
        if bounds:
            terms = _with_intervals(terms, bounds, pm.math.log(theta), components, family)
        log_density = pm.math.logsumexp(terms, axis=-1, keepdims=False)
        if observed.label is not None:
            own = terms[np.arange(observed.label.size), np.maximum(observed.label, 0)]
            log_density = pm.math.where(observed.label < 0, log_density, own)
        pm.Potential("y", (observed.count * log_density).sum())
        return
    data = {"observed": observed.y.astype(kind), "dims": "obs"}
    if not (by_hand or _has_zero_component(target)):
        names = {each.pymc: x for each, x in zip(family.parameters, values, strict=True)}
        distribution = getattr(pm, family.pymc_distribution).dist(**names)
        pm.Mixture("y", w=theta, comp_dists=distribution, **data)
        return
    one_each = np.ones(target.n_components)
    pm.CustomDist(
        "y",
        theta,
        *(x * one_each for x in values),
        logp=functools.partial(_log_density_by_hand, family=family),
        random=functools.partial(mixture_random, family=family),
        signature=f"{','.join(['(k)'] * (1 + len(family.parameters)))}->()",
        **data,
    )


def _log_density_by_hand(
    value: Any, theta: Any, *components: Any, family: type[Mixture] = NormalMixture
) -> Any:
    """Sum the components' densities on the log scale, as the notebook does by hand."""
    # PyMC calls this: it is there
    pm = importlib.import_module("pymc")
    terms = _terms(value, theta, *components, pm=pm, family=family)
    return pm.math.logsumexp(terms, axis=-1, keepdims=False)


def _terms(value: Any, theta: Any, *components: Any, pm: Any, family: type[Mixture]) -> Any:
    """Return the logarithm of each component's weight times its density, shape (..., K)."""
    given = {p.pymc: x for p, x in zip(family.parameters, components, strict=True)}
    value, mean = value[..., None], family.ordered_parameter().pymc
    at_zero = pm.math.eq(given[mean], 0.0)
    if family.counts:
        # where a component is always 0, PyMC's is not called upon
        given[mean] = pm.math.where(at_zero, 1.0, given[mean])
    log_densities = pm.logp(getattr(pm, family.pymc_distribution).dist(**given), value)
    if family.counts:
        of_zero = pm.math.where(pm.math.eq(value, 0), 0.0, -np.inf)
        log_densities = pm.math.where(at_zero, of_zero, log_densities)
    return pm.math.log(theta) + log_densities


def _with_intervals(
    terms: Any,
    bounds: Interval,
    log_theta: Any,
    components: Mapping[str, Any],
    family: type[Mixture],
) -> Any:
    """Return the terms with probabilities in the place of densities where bounds differ."""
    wide = np.flatnonzero(bounds.wide)
    log_mass = log_interval(family, bounds.lower[wide], bounds.upper[wide], components)
    return terms[wide].set(log_theta + log_mass)


def _has_zero_component(target: Target) -> bool:
    """Return whether a component of counts is always 0, which PyMC's distributions may not be."""
    means = target.model.ordered_parameter()
    known = target.known.get(means.name, np.ones(1))
    return target.model.counts and (target.model.is_inflated(means) or bool((known == 0.0).any()))
