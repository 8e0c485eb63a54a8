"""ArviZ data of either generation: made, taken apart, written and read.

Python 3.11 has ArviZ 0.23, whose data are an InferenceData; ArviZ 1, for Python
3.12 and later, has an xarray DataTree. This module is the one that knows.
"""

import importlib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from pystan_mix.errors import DataError
from pystan_mix.files import written_whole
from pystan_mix.mixture import FloatArray, log_sum_exp

with warnings.catch_warnings():
    # ArviZ 0.23 announces ArviZ 1 each time it is imported
    warnings.simplefilter("ignore", FutureWarning)
    az: Any = importlib.import_module("arviz")  # untyped; its two generations differ

# InferenceData or DataTree; neither type exists in the other generation
Fit = Any

HAS_DATATREE = int(az.__version__.split(".")[0]) >= 1

if HAS_DATATREE:
    from arviz_stats.base import array_stats


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


def element_draws(fit: Fit) -> Iterator[tuple[str, FloatArray]]:
    """Yield each scalar of the posterior by name (``mu[1]``), with draws of shape (chain, draw)."""
    for name, variable in group(fit, "posterior").data_vars.items():
        draws = np.asarray(variable.transpose("chain", "draw", ...), dtype=np.float64)
        for position in np.ndindex(draws.shape[2:]):
            label = f"{name}[{','.join(str(i + 1) for i in position)}]" if position else str(name)
            yield label, draws[(..., *position)]


def attributes(fit: Fit) -> dict[str, Any]:
    """Return the attributes that stand at the top of the data."""
    return dict(fit.attrs)


def save(fit: Fit, path: str | Path) -> Path:
    """Write ArviZ data as netCDF, whole or not at all.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        ArviZ data.
    path : str or pathlib.Path
        The file, replaced if it exists.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    SettingsError
        If its folder cannot be made or written to.

    Examples
    --------
    >>> import tempfile
    >>> posterior = xr.Dataset({"mu": (("chain", "draw"), np.zeros((4, 100)))})
    >>> fit = to_arviz({"posterior": posterior}, attrs={"method": "nuts"})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(save(fit, Path(folder) / "fit.nc").name)
    fit.nc
    """
    path = Path(path)
    with written_whole(path) as partial:
        if isinstance(fit, xr.DataTree):
            fit.to_netcdf(partial, engine="h5netcdf")
        else:
            fit.to_netcdf(str(partial), engine="h5netcdf")
    return path


def load(path: str | Path) -> Fit:
    """Read ArviZ data from netCDF into memory.

    Parameters
    ----------
    path : str or pathlib.Path
        A file that `save` or ArviZ wrote.

    Returns
    -------
    arviz.InferenceData or xarray.DataTree
        The data; the file is closed.

    Raises
    ------
    DataError
        If the file is missing or not netCDF.

    Examples
    --------
    >>> import tempfile
    >>> posterior = xr.Dataset({"mu": (("chain", "draw"), np.zeros((4, 100)))})
    >>> fit = to_arviz({"posterior": posterior}, attrs={"method": "nuts"})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = load(save(fit, Path(folder) / "fit.nc"))
    >>> again.posterior["mu"].shape
    (4, 100)
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"There is no file {path}. Check its name and folder.")
    try:
        if HAS_DATATREE:
            with xr.open_datatree(path, engine="h5netcdf") as tree:
                return tree.load()
        with az.rc_context({"data.load": "eager"}):  # its default reads on use
            return az.from_netcdf(str(path), engine="h5netcdf")
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} is not readable as netCDF: {error}") from error


def pareto_smoothed(log_weights: FloatArray) -> tuple[FloatArray, float]:
    """Smooth log importance weights by PSIS.

    Parameters
    ----------
    log_weights : ndarray, shape (S,)
        Logarithms of importance ratios, up to a constant.

    Returns
    -------
    tuple of ndarray, shape (S,), and float
        Smoothed log weights whose exponentials sum to one, and Pareto k-hat
        (Vehtari, Simpson, Gelman, Yao and Gabry, 2024, "Pareto smoothed
        importance sampling"); infinite where there are too few weights to say,
        0 where all are equal.
    """
    shifted = log_weights - log_weights.max()
    unsmoothed = shifted - log_sum_exp(shifted)
    if not shifted.any():
        return unsmoothed, 0.0
    # nearly even ratios overflow in ArviZ 0.23's fit of the tail, to a weight that is zero
    with np.errstate(all="ignore"):
        if HAS_DATATREE:
            try:
                # ArviZ 1 takes log likelihoods, which are minus the log weights of leave-one-out
                smoothed, khat = array_stats.psislw(-shifted)
            except (ValueError, IndexError):  # of a tail too short or even; ArviZ 0.23 says inf
                smoothed, khat = unsmoothed, np.inf
        else:
            smoothed, khat = az.psislw(shifted)
    return np.asarray(smoothed), float(khat)
