"""What a fit has of its model beside draws: the coordinates of axes, and the numbers of priors."""

import math
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pystan_mix.mixtures.target import Target

COMPONENT = "component"
# the coordinates of vectors, and those of the columns of matrices
DIMS = ("dim", "dim_bis")


def dims_coords(target: Target) -> dict[str, NDArray[Any]]:
    """Return the coordinates of vectors' and matrices' axes; none of numbers."""
    if not target.model.vectors:
        return {}
    names = target.observed.names
    labels = np.array(names) if names else np.arange(*target.model.point_shape)
    return dict.fromkeys(DIMS, labels)


def constants_group(target: Target) -> xr.Dataset:
    """Return the numbers of the priors, and what is known."""
    if target.model.vectors:
        return _constants_of_vectors(target)
    model, K = target.model, target.n_components
    numbers: dict[str, object] = {"alpha": target.concentration, "min_weight": model.min_weight}
    numbers |= target.known
    for parameter in target.estimated:
        numbers |= model.prior(parameter).stan_data(parameter.name, model.size(parameter))
        if parameter.partly is not None and model.count(parameter) < model.size(parameter):
            # NaN where a value is estimated
            numbers[parameter.partly] = np.array(getattr(model, parameter.partly), dtype=np.float64)
        if parameter.floor is not None:
            numbers[parameter.floor] = model.least(parameter)
    variables = {}
    for name, value in numbers.items():
        values = np.asarray(value, dtype=np.float64)
        if values.size == 0:
            continue
        one_each = values.shape == (K,)
        variables[name] = (COMPONENT, values) if one_each else ((), values.reshape(-1)[0])
    return xr.Dataset(variables, coords={COMPONENT: np.arange(K)})


def _constants_of_vectors(target: Target) -> xr.Dataset:
    """Return the numbers of priors, the same for all components, and what is known."""
    model = target.model
    numbers: dict[str, Any] = {"min_weight": model.min_weight}
    numbers |= {name: known[0] for name, known in target.known.items()}
    for each in target.estimated:
        size = math.prod(model.event_shape(each))
        numbers |= model.prior(each).stan_data(each.name, size)
        if each.floor is not None:
            numbers[each.floor] = model.least(each)
    found: dict[str, Any] = {"alpha": (COMPONENT, target.concentration)}
    for name, value in numbers.items():
        values = np.asarray(value, dtype=np.float64)
        if values.shape == (1,) != model.point_shape:
            values = values[0]
        if values.size:
            found[name] = (DIMS[: values.ndim], values)
    coords = {COMPONENT: np.arange(target.n_components)}
    return xr.Dataset(found, coords=coords | dims_coords(target))
