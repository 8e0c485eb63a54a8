"""ArviZ data of either generation: made, taken apart, written and read.

Python 3.11 has ArviZ 0.23, whose data are an InferenceData; ArviZ 1, for Python
3.12 and later, has an xarray DataTree. This module is the one that knows.
"""

import importlib
import warnings
from collections.abc import Mapping
from typing import Any

import xarray as xr

from pystan_mix.errors import DataError

with warnings.catch_warnings():
    # ArviZ 0.23 announces ArviZ 1 each time it is imported
    warnings.simplefilter("ignore", FutureWarning)
    az: Any = importlib.import_module("arviz")  # untyped; its two generations differ

# InferenceData or DataTree; neither type exists in the other generation
Fit = Any

HAS_DATATREE = int(az.__version__.split(".")[0]) >= 1


def to_arviz(groups: Mapping[str, xr.Dataset], *, attrs: Mapping[str, Any]) -> Fit:
    """Return ArviZ data that hold these groups.

    Parameters
    ----------
    groups : mapping of str to xarray.Dataset
        The groups by name, such as ``posterior``.
    attrs : mapping
        Attributes that stand at the top of the data.

    Returns
    -------
    arviz.InferenceData or xarray.DataTree
        Whichever the installed ArviZ works with.
    """
    if HAS_DATATREE:
        top = xr.Dataset(attrs=dict(attrs))
        return xr.DataTree.from_dict({"/": top, **groups})
    return az.InferenceData(attrs=dict(attrs), **groups)


def group_names(fit: Fit) -> list[str]:
    """Return the names of the groups that the data have."""
    return list(fit.children) if isinstance(fit, xr.DataTree) else list(fit.groups())


def group(fit: Fit, name: str) -> xr.Dataset:
    """Return one group.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        ArviZ data.
    name : str
        The group's name.

    Returns
    -------
    xarray.Dataset
        The group.

    Raises
    ------
    DataError
        If there is no such group; the message lists those there are.
    """
    names = group_names(fit)
    if name not in names:
        raise DataError(f"The data have no group {name!r}; they have: {', '.join(names)}.")
    found = fit[name]
    return found.to_dataset() if isinstance(found, xr.DataTree) else found


def attributes(fit: Fit) -> dict[str, Any]:
    """Return the attributes that stand at the top of the data."""
    return dict(fit.attrs)
