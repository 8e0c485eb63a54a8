"""Posteriors that any library left, read into arrays under this project's names."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr

from pystan_mix.arviz_compat import Fit, attributes, group, group_names
from pystan_mix.errors import DataError
from pystan_mix.fits.storage import load
from pystan_mix.numerics import FloatArray

MIXTURE: Final = ("theta", "mu", "sigma")


@dataclasses.dataclass(frozen=True)
class Posterior:
    """The draws of one ArviZ data set, and what stands beside them.

    Parameters
    ----------
    name : str
        What the data set is called in the comparison.
    draws : dict of str to ndarray, shape (chain, draw) or (chain, draw, K)
        Parameters, by this project's names; the last axis is the component.
    known_sigma : ndarray, shape (K,), or None
        Standard deviations that were given and not estimated.
    y : ndarray, shape (N,), or None
        The observations.
    seconds : float or None
        Wall time of the sampling, where it was left.
    divergences : int
        Number of divergent draws; 0 where nothing says.
    """

    name: str
    draws: dict[str, FloatArray]
    known_sigma: FloatArray | None
    y: FloatArray | None
    seconds: float | None
    divergences: int

    @property
    def size(self) -> tuple[int, int]:
        """Number of chains, and of draws in each."""
        chains, draws = next(iter(self.draws.values())).shape[:2]
        return chains, draws


def read_posteriors(
    data: Mapping[str, Fit | str | Path], *, names: Mapping[str, str]
) -> list[Posterior]:
    """Read posteriors under this project's names.

    Parameters
    ----------
    data : mapping of str to ArviZ data or path
        InferenceData, DataTree, or the path of a netCDF file, by name.
    names : mapping of str to str
        Other libraries' names of variables, each with the name to read it as.

    Returns
    -------
    list of Posterior
        One for each, in the same order.

    Raises
    ------
    DataError
        If a file or a group cannot be read, a name is nowhere, two variables
        get one name, or draws are not finite.
    """
    fits = {name: load(fit) if isinstance(fit, str | Path) else fit for name, fit in data.items()}
    for name, fit in fits.items():
        if not (hasattr(fit, "groups") and hasattr(fit, "attrs")):
            raise DataError(
                f"{name} is {type(fit).__name__}, not ArviZ data. Give an InferenceData, a "
                "DataTree, or the path of a netCDF file."
            )
    there = {name: _variables(group(fit, "posterior")) for name, fit in fits.items()}
    for name in names:
        if not any(name in variables for variables in there.values()):
            listing = "; ".join(f"{each} has {_listed(v)}" for each, v in there.items())
            raise DataError(f"No posterior has a variable {name!r}: {listing}.")
    return [_posterior(name, fit, names) for name, fit in fits.items()]


def _variables(dataset: xr.Dataset) -> list[str]:
    """Return the names of a group's variables."""
    return [str(name) for name in dataset.data_vars]


def _listed(names: list[str]) -> str:
    """Return names as text."""
    return ", ".join(names) or "none"


def _posterior(name: str, fit: Fit, names: Mapping[str, str]) -> Posterior:
    """Read one posterior."""
    dataset = group(fit, "posterior")
    draws: dict[str, FloatArray] = {}
    for old in _variables(dataset):
        variable = dataset[old]
        if variable.dtype.kind not in "fiu" or not {"chain", "draw"} <= set(variable.dims):
            continue
        new = names.get(old, old)
        if new in draws:
            raise DataError(f"{name} has two variables for {new}; {old!r} is one of them.")
        # matrices are no parameters of a mixture
        if variable.ndim <= 3:
            draws[new] = np.asarray(variable.transpose("chain", "draw", ...), dtype=np.float64)
    K = next((draws[p].shape[-1] for p in ("mu", "theta") if p in draws and draws[p].ndim == 3), 0)
    if K:  # vectors of another length, such as assignments, are none either
        draws = {p: x for p, x in draws.items() if p in MIXTURE or x.shape[2:] in ((), (K,))}
    if not draws or any(not x.size for x in draws.values()):
        raise DataError(
            f"The posterior of {name} has no draws of parameters, with dimensions chain and draw; "
            f"it has: {_listed(_variables(dataset))}."
        )
    for parameter, values in draws.items():
        if not np.isfinite(values).all():
            raise DataError(
                f"{name}: {np.sum(~np.isfinite(values))} draws of {parameter} are not finite. "
                "Leave them out, and find out why they are there."
            )
    return Posterior(
        name=name,
        draws=draws,
        known_sigma=_known_sigma(fit),
        y=_observations(fit, names),
        seconds=_seconds(fit, dataset),
        divergences=_divergences(fit),
    )


def _known_sigma(fit: Fit) -> FloatArray | None:
    """Return the standard deviations that were given as data."""
    if "constant_data" not in group_names(fit):
        return None
    known = group(fit, "constant_data")
    return np.atleast_1d(np.asarray(known["sigma"], float)) if "sigma" in known else None


def _observations(fit: Fit, names: Mapping[str, str]) -> FloatArray | None:
    """Return the observations: the only variable of their group, or the one called y or obs."""
    if "observed_data" not in group_names(fit):
        return None
    columns = {
        names.get(str(name), str(name)): np.asarray(variable, dtype=np.float64)
        for name, variable in group(fit, "observed_data").data_vars.items()
        if variable.ndim == 1 and variable.dtype.kind in "fiu"
    }
    if len(columns) == 1:
        return next(iter(columns.values()))
    return columns.get("y", columns.get("obs"))


def _seconds(fit: Fit, posterior: xr.Dataset) -> float | None:
    """Return the wall time: `seconds` of ours, `sampling_time` of PyMC's posterior."""
    given: dict[str, Any] = {**posterior.attrs, **attributes(fit)}
    value = float(given.get("seconds", given.get("sampling_time", math.nan)))
    return value if value > 0.0 and math.isfinite(value) else None


def _divergences(fit: Fit) -> int:
    """Return how many draws diverged."""
    if "sample_stats" not in group_names(fit):
        return 0
    stats = group(fit, "sample_stats")
    return int(stats["diverging"].sum()) if "diverging" in stats else 0
