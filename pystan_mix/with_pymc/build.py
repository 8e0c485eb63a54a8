"""The same mixture in PyMC, an extra that is imported when a model is built and not before."""

import functools
import importlib
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from pystan_mix.checks import check_choice, check_seed
from pystan_mix.containers import Missing
from pystan_mix.errors import MissingPackageError, SettingsError
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.numbers import per_component
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.scale_priors_off_zero import InverseGamma
from pystan_mix.mixtures.starts import initial_parameters
from pystan_mix.mixtures.target import Target, target_of
from pystan_mix.with_pymc.distributions import ordered_in_part, root_of_inverse_gamma
from pystan_mix.with_pymc.likelihood import add_likelihood
from pystan_mix.with_pymc.vectors import build_vectors
from pystan_mix.with_pymc.weights import weights_variable

Floor = Literal["transform", "potential"]


def to_pymc(
    model: Mixture,
    y: object,
    *,
    counts: object = None,
    weights: object = None,
    labels: object = None,
    missing: Missing = "raise",
    by_hand: bool = False,
    floor: Floor = "transform",
    seed: int = 1,
) -> Any:
    """Build the mixture as a PyMC model.

    Its variables are `theta`, `mu`, `sigma` where it is a parameter, and the observed `y`, with
    dims as in a fit by `sample`. Of vectors components that labels do not name come in any order,
    and `compare` relabels them. The log density differs from the Stan program's by a constant.

    Parameters
    ----------
    model : NormalMixture or another mixture
        The model.
    y : array_like, shape (N,), or of vectors (N, D), or Interval
        Observations, in the units of the priors.
    counts, weights, labels, missing : optional
        As in `sample`. With counts, weights, labels, intervals or vectors that lack coordinates
        the likelihood is a potential, ``y``: ``pm.sample_posterior_predictive`` draws nothing.
    by_hand : bool, default False
        False takes PyMC's `Mixture`. True, or a component that is always 0, sums the
        components' densities with `logsumexp`, in a `CustomDist` that can also draw,
        so that ``pm.sample_posterior_predictive`` works. Of numbers alone.
    floor : {"transform", "potential"}, default "transform"
        How a `min_weight` above zero is written; without one the two are the
        same. "transform" maps the weights and the order of the means from an
        unconstrained space, so that nothing is rejected. "potential" is the
        notebook's way: both are potentials of minus infinity, into which the
        sampler runs and is turned back.
    seed : int, default 1
        Seed of the initial values, chosen as those of `sample`; PyMC jitters
        them for each chain.

    Returns
    -------
    pymc.Model
        The model, for ``pm.sample(model=...)`` and ``pm.fit``.

    Raises
    ------
    MissingPackageError
        If PyMC is not installed.
    DataError, ModelError, SettingsError
        If an argument cannot be used.

    Notes
    -----
    ``pm.sample_prior_predictive`` knows of no transform and no potential: its
    means are not ordered, and its weights have no floor. Use `sample_prior`.

    Examples
    --------
    >>> from pystan_mix import Normal, NormalMixture, simulate, to_pymc
    >>> y = simulate(50, theta=[0.5, 0.5], mu=[-3, 3], sigma=1.0, seed=1)
    >>> model = NormalMixture(n_components=2, means=Normal(0, 10), sigma=1.0)
    >>> [variable.name for variable in to_pymc(model, y).basic_RVs]
    ['theta', 'mu', 'y']
    """
    check_choice("floor", floor, choices=("transform", "potential"))
    rng = np.random.default_rng(check_seed(seed))
    target = target_of(model, y, counts=counts, weights=weights, labels=labels, missing=missing)
    pm = import_pymc()
    if model.vectors:
        if by_hand:
            raise SettingsError("by_hand is for numbers: of vectors there is PyMC's Mixture alone.")
        weights = functools.partial(weights_variable, potential=floor == "potential")
        return build_vectors(pm, target, weights, rng=rng)
    start = initial_parameters(target, rng=rng)
    coords = {
        "component": np.arange(target.n_components),
        "obs": np.arange(target.observed.y.size),
    }
    potentials = floor == "potential" and model.min_weight > 0.0
    with pm.Model(coords=coords) as built:
        theta = weights_variable(pm, target, start, potential=potentials)
        components = {
            each.name: target.known[each.name]
            if each.name in target.known
            else _variable(pm, target, each, start, potential=potentials)
            for each in model.parameters
        }
        add_likelihood(pm, target, theta, components, by_hand=by_hand)
    return built


def import_pymc() -> Any:
    """Return PyMC, or say how to install it.

    Returns
    -------
    module
        The package `pymc`.

    Raises
    ------
    MissingPackageError
        If it cannot be imported.
    """
    try:
        return importlib.import_module("pymc")
    except ImportError as error:
        raise MissingPackageError(
            f"PyMC cannot be imported ({error}). Install it: pip install 'pystan_mix[pymc]'"
        ) from error


def _variable(
    pm: Any,
    target: Target,
    parameter: Parameter,
    start: Mapping[str, list[float]],
    *,
    potential: bool,
) -> Any:
    """Add a parameter with its prior; an order is in its transform, or a potential."""
    prior, size = target.model.prior(parameter), target.model.size(parameter)
    initval = np.array(start[parameter.name])
    one_for_all = target.model.is_shared(parameter)
    places, partly = target.model.places(parameter), target.model.count(parameter) < size
    numbers = {
        theirs: per_component(getattr(prior, ours), size)[places]
        for ours, theirs in prior.pymc_names.items()
    }
    ordered, least = parameter.ordered and not potential, float(target.model.least(parameter))
    transforms = pm.distributions.transforms
    labelled, order = target.observed.label is not None, transforms.ordered
    order = ordered_in_part(pm, target.pushed) if labelled else order
    # in place of the transform to all positive numbers
    floor = {"default_transform": transforms.Interval(least, None)} if least > 0.0 else {}
    made = getattr(pm, prior.pymc_distribution)
    if isinstance(prior, InverseGamma):
        made = functools.partial(root_of_inverse_gamma, pm)
        floor = floor or {"default_transform": transforms.log}
    variable = made(
        parameter.free_name if partly else parameter.name,
        **{name: values[0] if one_for_all else values for name, values in numbers.items()},
        **({"transform": order} if ordered and target.pushed.size else {}),
        **floor,
        initval=initval[0] if one_for_all else initval,
        **({"shape": initval.size} if partly else {}),
        dims=None if one_for_all or partly else "component",
    )
    if partly:
        each = [*target.model.filled(parameter, np.full(initval.size, np.nan))]
        drawn = iter(range(initval.size))
        filled = [variable[next(drawn)] if np.isnan(value) else value for value in each]
        return pm.Deterministic(parameter.name, pm.math.stack(filled), dims="component")
    if parameter.ordered and potential:
        some = variable[target.pushed]
        falls = pm.math.lt(some[1:], some[:-1])
        pm.Potential("order", pm.math.where(falls, -np.inf, 0).sum())
    return variable
