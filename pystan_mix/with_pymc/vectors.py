"""The same mixture of vectors in PyMC."""

import functools
import importlib
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pystan_mix.fits.constants import COMPONENT, DIMS, dims_coords
from pystan_mix.mixtures.numbers import per_component
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.scale_priors_off_zero import InverseGamma
from pystan_mix.mixtures.starts import initial_values
from pystan_mix.mixtures.target import Target
from pystan_mix.mixtures.vectors.incomplete import patterns_of
from pystan_mix.with_pymc.distributions import root_of_inverse_gamma


def build_vectors(
    pm: Any,
    target: Target,
    weights: Callable[..., Any],
    *,
    rng: np.random.Generator,
) -> Any:
    """Build a mixture of vectors.

    Parameters
    ----------
    pm : module
        PyMC.
    target : Target
        The model and its observations.
    weights : callable
        What adds the weights: PyMC, target and initial values to a variable.
    rng : numpy.random.Generator
        Source of the initial values.

    Returns
    -------
    pymc.Model
        The model; components come in any order, but of those that labels name.
    """
    # where PyMC is, this is
    tensors = importlib.import_module("pytensor.tensor")
    start: Mapping[str, Any] = initial_values(target, rng=rng)
    coords = dims_coords(target) | {
        COMPONENT: np.arange(target.n_components),
        "obs": np.arange(len(target.observed.y)),
    }
    with pm.Model(coords=coords) as built:
        theta = weights(pm, target, start)
        means, scales, correlations = target.model.parameters
        shared = target.model.is_shared(scales)
        mu = _numbers(pm, tensors, target, means, np.array(start["mu"]))
        sigma = _numbers(pm, tensors, target, scales, np.array(start["sigma"]))
        corr = _correlations(pm, tensors, target, correlations)
        roots = []
        for k in range(target.n_components):
            scale = sigma if shared else sigma[k]
            root = None if corr is None else corr[0 if shared else k]
            # one number of all coordinates, or one each
            wide = scale * np.ones(target.model.point_shape)
            roots.append(tensors.diag(wide) if root is None else wide[:, None] * root)
        observed = target.observed
        annotated = observed.times is not None or observed.label is not None
        if observed.incomplete or annotated:
            pm.Potential("y", _log_lik_of_observed(pm, tensors, target, theta, mu, roots))
            return built
        components = [pm.MvNormal.dist(mu=mu[k], chol=root) for k, root in enumerate(roots)]
        pm.Mixture("y", w=theta, comp_dists=components, observed=observed.y, dims=("obs", DIMS[0]))
    return built


def _log_lik_of_observed(
    pm: Any, tensors: Any, target: Target, theta: Any, mu: Any, roots: list[Any]
) -> Any:
    """Return the log likelihood of the coordinates that are observed, the others integrated out.

    Each row counts as often as it occurs, or by its weight; of a known component that is one
    term of its sum.
    """
    total: Any = 0.0
    observed = target.observed
    for pattern in patterns_of(observed.distinct):
        at, rows = pattern.at, pattern.rows
        points = observed.distinct[np.ix_(rows, at)]
        terms = []
        for k, root in enumerate(roots):
            some = root[at]
            law = pm.MvNormal.dist(mu=mu[k][at], cov=some @ some.T)
            terms.append(pm.math.log(theta[k]) + pm.logp(law, points))
        each = tensors.stack(terms)
        log_density = pm.math.logsumexp(each, axis=0, keepdims=False)
        if observed.label is not None:
            label = observed.label[rows]
            own = each[np.maximum(label, 0), np.arange(rows.size)]
            log_density = pm.math.where(label < 0, log_density, own)
        total = total + (observed.count[rows] * log_density).sum()
    return total


def _numbers(pm: Any, tensors: Any, target: Target, parameter: Parameter, initval: Any) -> Any:
    """Add means or scales with their prior, a floor in their transform."""
    model, prior = target.model, target.model.prior(parameter)
    shape, dims = model.event_shape(parameter), [COMPONENT, DIMS[0]]
    if shape == (1,) != model.point_shape:
        shape, dims, initval = (), [COMPONENT], initval[..., 0]
    if model.is_shared(parameter):
        dims, initval = dims[1:], initval[0]
    numbers = {
        theirs: per_component(getattr(prior, ours), initval.shape)
        for ours, theirs in prior.pymc_names.items()
    }
    options: dict[str, Any] = {"initval": initval, "dims": dims} if dims else {"initval": initval}
    transforms, least = pm.distributions.transforms, np.asarray(model.least(parameter))
    if parameter.floor is not None and (least > 0.0).any():
        lower = np.broadcast_to(least.reshape(shape) if least.size else least, initval.shape)
        floor = tensors.constant(lower)
        # PyMC takes bounds that are arrays by a function alone
        options["default_transform"] = transforms.Interval(bounds_fn=lambda *_: (floor, None))
    made = getattr(pm, prior.pymc_distribution)
    if isinstance(prior, InverseGamma):
        made = functools.partial(root_of_inverse_gamma, pm)
        options.setdefault("default_transform", transforms.log)
    return made(parameter.name, **numbers, **options)


def _correlations(pm: Any, tensors: Any, target: Target, parameter: Parameter) -> list[Any] | None:
    """Add correlations; return their Cholesky factors, None where there are none."""
    model = target.model
    D = math.prod(model.point_shape)
    if model.is_known(parameter) or D == 1:
        return None
    eta = getattr(model.prior(parameter), "eta", 1.0)
    names = [f"corr_{c}" for c in range(model.size(parameter))]
    # a matrix in PyMC 5, by an option; its Cholesky factor in PyMC 6
    if "return_matrix" in inspect.signature(pm.LKJCorr.dist).parameters:
        each = [pm.LKJCorr(name, n=D, eta=eta, return_matrix=True) for name in names]
        roots = [tensors.linalg.cholesky(one) for one in each]
    else:
        roots = [pm.LKJCorr(name, n=D, eta=eta) for name in names]
        each = [root @ root.T for root in roots]
    if model.is_shared(parameter):
        pm.Deterministic(parameter.name, each[0], dims=DIMS)
    else:
        pm.Deterministic(parameter.name, pm.math.stack(each), dims=(COMPONENT, *DIMS))
    return roots
