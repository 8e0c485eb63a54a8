"""The model that a fit carries, and its observations."""

import dataclasses

import numpy as np

from pystan_mix.arviz_compat import Fit, group, group_names
from pystan_mix.errors import DataError
from pystan_mix.fits.attributes import Provenance, read_attributes
from pystan_mix.fits.constants import DIMS
from pystan_mix.fits.draws import Draws
from pystan_mix.fits.groups import (
    CONSTANT_DATA,
    OBSERVED_DATA,
    POSTERIOR,
    Y,
    element_name,
    given_observations,
    labels_of_observations,
    times_of_observations,
    variables,
)
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.model_json import model_from_json
from pystan_mix.mixtures.observations import indexed
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.stan_data import target_of_stan_data
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray


def model_of(fit: Fit) -> Mixture:
    """Return the model of a fit, to fit it again or to read its priors.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        What `sample` or `advi` returned, or `load` read; of version 0.1.0 too.

    Returns
    -------
    Mixture
        The model, with the priors that were scaled to the data written out.

    Raises
    ------
    DataError
        If the data carry no model.

    Examples
    --------
    >>> from pystan_mix import Normal, NormalMixture, model_of, sample, simulate
    >>> y = simulate(50, theta=[0.5, 0.5], mu=[-3, 3], sigma=1.0, seed=1)
    >>> model = NormalMixture(n_components=2, means=Normal(0, 10), sigma=1.0)
    >>> fit = sample(model, y, iter_sampling=100, seed=1, show_progress=False)
    >>> model_of(fit) == model
    True
    """
    carried = read_attributes(Provenance, fit).model
    if carried:
        return model_from_json(carried)
    constants = _constants(fit)
    if not constants:
        raise DataError(
            f"The data carry no model: neither the attribute 'model' nor a group {CONSTANT_DATA}. "
            "Give what sample() or advi() returned."
        )
    # version 0.1.0 knew normal components only
    return target_of_stan_data(NormalMixture, constants | {"y": []}).model


def target_of_fit(fit: Fit) -> Target:
    """Return the model and the observations of a fit.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit.

    Returns
    -------
    Target
        What was fitted.

    Raises
    ------
    DataError
        If the data carry no model or no observations.
    """
    given = given_observations(fit)
    if given is None:
        raise DataError(
            "The fit has no observations. Give what sample(model, y) returned, all of its groups "
            "with it."
        )
    observed = indexed(given, times_of_observations(fit), labels_of_observations(fit))
    names = coordinate_names(fit) if observed.y.ndim > 1 else ()
    return Target(model_of(fit), dataclasses.replace(observed, names=names))


def coordinate_names(fit: Fit) -> tuple[str, ...]:
    """Return the names of vectors' coordinates; none where they are numbered."""
    labels = np.asarray(group(fit, OBSERVED_DATA)[Y].coords[DIMS[0]])
    return tuple(map(str, labels)) if labels.dtype.kind in "OUST" else ()


def draws_of_fit(fit: Fit) -> Draws:
    """Return the draws of a fit's parameters.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit.

    Returns
    -------
    Draws
        `theta`, and the parameters that are not known.

    Raises
    ------
    DataError
        If the data are no fit of a mixture.
    """
    family = family_of(fit)
    found = variables(fit, POSTERIOR)
    there = {*found, *_constants(fit)}
    missing = [name for name in ("theta", family.parameters[0].name) if name not in there]
    if missing:
        raise DataError(
            f"The {POSTERIOR} has no {' and no '.join(missing)}; it has: {', '.join(found)}. Give "
            "what sample() or advi() returned."
        )
    drawn = {"theta": found["theta"] if found["theta"].ndim > 2 else found["theta"][..., None]}
    for each in family.parameters:
        if each.name in found:
            dims = group(fit, POSTERIOR)[each.name].dims
            drawn[each.name] = with_all_axes(each, found[each.name], dims=tuple(map(str, dims)))
    return Draws(drawn)


def with_all_axes(parameter: Parameter, x: FloatArray, *, dims: tuple[str, ...]) -> FloatArray:
    """Return draws with axes for components and for coordinates, also where one serves all.

    Parameters
    ----------
    parameter : Parameter
        Which one.
    x : ndarray, shape (chain, draw, ...)
        Its draws.
    dims : tuple of str
        The names of their axes.

    Returns
    -------
    ndarray, shape (chain, draw, K, ...) or (chain, draw, 1, ...)
        The draws.
    """
    if parameter.event and x.ndim < 3 + parameter.event and not {*DIMS} & {*dims}:
        x = x[..., None]
    return x if x.ndim == 3 + parameter.event else np.expand_dims(x, 2)


def mixture_of_fit(fit: Fit) -> tuple[type[Mixture], FloatArray, dict[str, FloatArray]]:
    """Return a fit's mixture under each draw, from whatever library.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit; data without a model are taken for a mixture of normals.

    Returns
    -------
    tuple of type, ndarray of shape (chain, draw, K), and dict of str to ndarray
        The family, the weights, and every parameter of the components, each of
        shape (chain, draw, K) or (chain, draw, 1).

    Raises
    ------
    DataError
        If the data are no fit of a mixture.
    """
    family, draws = family_of(fit), draws_of_fit(fit)
    components = dict(draws.variables)
    theta = components.pop("theta")
    constants = _constants(fit)
    for parameter in family.parameters:
        name = parameter.name
        if name not in components:
            if name not in constants:
                raise DataError(f"Neither the {POSTERIOR} nor {CONSTANT_DATA} has {name}.")
            known = constants[name][None] if parameter.event else np.atleast_1d(constants[name])
            components[name] = np.broadcast_to(known, (*theta.shape[:2], *known.shape))
    return family, theta, components


def known_elements(fit: Fit) -> list[str]:
    """Return the scalars of the posterior that are known, of parameters of which others are not."""
    carried = read_attributes(Provenance, fit).model
    return known_elements_of(model_from_json(carried)) if carried else []


def known_elements_of(model: Mixture) -> list[str]:
    """Return what `known_elements` does of a fit of a model."""
    return [
        element_name(each.name, (int(k),))
        for each in model.estimated
        for k in np.delete(np.arange(model.size(each)), model.places(each))
    ]


def _constants(fit: Fit) -> dict[str, FloatArray]:
    """Return the numbers of priors, and what is known, by name."""
    if CONSTANT_DATA not in group_names(fit):
        return {}
    constants = group(fit, CONSTANT_DATA).data_vars.items()
    return {str(name): np.asarray(values, dtype=np.float64) for name, values in constants}


def family_of(fit: Fit) -> type[Mixture]:
    """Return the family of a fit's components."""
    carried = read_attributes(Provenance, fit).model
    return type(model_from_json(carried)) if carried else NormalMixture
