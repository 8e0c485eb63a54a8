"""Posteriors that any library left, read into arrays under this project's names."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pystan_mix.arviz_compat import Fit, attributes, group, group_names
from pystan_mix.errors import DataError
from pystan_mix.fits.attributes import Provenance, read_attributes
from pystan_mix.fits.groups import (
    CHAIN_AND_DRAW,
    CONSTANT_DATA,
    OBSERVED_DATA,
    POSTERIOR,
    Y,
    bounds_of_observations,
    divergences,
    element_name,
    labels_of_observations,
    times_of_observations,
)
from pystan_mix.fits.model import family_of, with_all_axes
from pystan_mix.fits.storage import load
from pystan_mix.mixtures.annotations.intervals import Interval
from pystan_mix.mixtures.annotations.times import Times
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.numerics import FloatArray


@dataclasses.dataclass(frozen=True)
class Posterior:
    """The draws of one ArviZ data set, and what stands beside them.

    Parameters
    ----------
    name : str
        What the data set is called in the comparison.
    family : type
        The class of the mixture.
    draws : dict of str to ndarray, shape (chain, draw) or (chain, draw, K)
        Parameters, by this project's names; the last axis is the component. Of
        vectors those of the mixture have all axes, (chain, draw, K, D) and so on.
    known : dict of str to ndarray, shape (K,) or (1,)
        Parameters that were given and not estimated.
    y : ndarray, shape (N,), or None
        The observations.
    times : ndarray of int or float, shape (N,), or None
        How many each of these stands for, or its weight; None where each is one.
    labels : ndarray of int, shape (N,), or None
        The component that each is known to be of, or -1; None where none is.
    bounds : Interval or None
        What each is known to lie between; None where all are known exactly.
    seconds : float or None
        Wall time of the sampling, where it was left.
    divergences : int
        Number of divergent draws; 0 where nothing says.
    """

    name: str
    family: type[Mixture]
    draws: dict[str, FloatArray]
    known: dict[str, FloatArray]
    y: FloatArray | None
    times: Times | None
    labels: NDArray[np.intp] | None
    bounds: Interval | None
    seconds: float | None
    divergences: int

    @property
    def size(self) -> tuple[int, int]:
        """Number of chains, and of draws in each."""
        chains, draws = next(iter(self.draws.values())).shape[:2]
        return chains, draws

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of all that a mixture of the family has, drawn or not."""
        return names_of_parameters(self.family)

    @property
    def ordered(self) -> Parameter | None:
        """What tells the components apart by its order, if anything does."""
        return next((each for each in self.family.parameters if each.ordered), None)

    def elements(self) -> dict[str, FloatArray]:
        """Return each scalar's draws by its name in Stan, the mixture's parameters first."""
        matrices = {each.name for each in self.family.parameters if each.event == 2}
        return {
            element_name(name, position): self.draws[name][(..., *position)]
            for name in sorted(self.draws, key=lambda n: (*self.parameters, n).index(n))
            for position in np.ndindex(self.draws[name].shape[2:])
            # what is above the ones of a correlation matrix is what is below
            if name not in matrices or position[-1] < position[-2]
        }


def names_of_parameters(family: type[Mixture]) -> tuple[str, ...]:
    """Return the names of all that a mixture of a family has."""
    return ("theta", *(parameter.name for parameter in family.parameters))


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
        One for each, in the same order. Data that do not say their family are
        taken for that of the first that does, and for normal where none does.

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
    there = {name: _variables(group(fit, POSTERIOR)) for name, fit in fits.items()}
    for name in names:
        if not any(name in variables for variables in there.values()):
            listing = "; ".join(f"{each} has {_listed(v)}" for each, v in there.items())
            raise DataError(f"No posterior has a variable {name!r}: {listing}.")
    families = {name: _own_family(fit) for name, fit in fits.items()}
    first = next((family for family in families.values() if family is not None), NormalMixture)
    return [_posterior(name, fit, names, families[name] or first) for name, fit in fits.items()]


def _own_family(fit: Fit) -> type[Mixture] | None:
    """Return the family that a fit of this project says that it is of; None of other data."""
    return family_of(fit) if read_attributes(Provenance, fit).method else None


def _variables(dataset: xr.Dataset) -> list[str]:
    """Return the names of a group's variables."""
    return [str(name) for name in dataset.data_vars]


def _listed(names: list[str]) -> str:
    """Return names as text."""
    return ", ".join(names) or "none"


def _posterior(name: str, fit: Fit, names: Mapping[str, str], family: type[Mixture]) -> Posterior:
    """Read one posterior."""
    dataset = group(fit, POSTERIOR)
    draws: dict[str, FloatArray] = {}
    of_vectors = {each.name: each for each in family.parameters if each.event}
    for old in _variables(dataset):
        variable = dataset[old]
        if variable.dtype.kind not in "fiu" or not {*CHAIN_AND_DRAW} <= {*variable.dims}:
            continue
        new = names.get(old, old)
        if new in draws:
            raise DataError(f"{name} has two variables for {new}; {old!r} is one of them.")
        # matrices are no parameters of a mixture of numbers
        parameter = of_vectors.get(new)
        if parameter is not None:
            dims = tuple(str(dim) for dim in variable.dims)
            values = np.asarray(variable.transpose(*CHAIN_AND_DRAW, ...), dtype=np.float64)
            draws[new] = with_all_axes(parameter, values, dims=dims)
        elif variable.ndim <= 3:
            draws[new] = np.asarray(variable.transpose(*CHAIN_AND_DRAW, ...), dtype=np.float64)
    of_mixture = names_of_parameters(family)
    K = next((draws[p].shape[-1] for p in of_mixture if p in draws and draws[p].ndim == 3), 0)
    if K:  # vectors of another length, such as assignments, are none either
        scalars = ((), (K,)) if not family.vectors else ()
        draws = {p: x for p, x in draws.items() if p in of_mixture or x.shape[2:] in scalars}
    if not draws or any(not x.size for x in draws.values()):
        raise DataError(
            f"The posterior of {name} has no draws of parameters, with dimensions chain and draw; "
            f"it has: {_listed(_variables(dataset))}."
        )
    for each, values in draws.items():
        if not np.isfinite(values).all():
            raise DataError(
                f"{name}: {np.sum(~np.isfinite(values))} draws of {each} are not finite. "
                "Leave them out, and find out why they are there."
            )
    return Posterior(
        name=name,
        family=family,
        draws=draws,
        known=_known(fit, family),
        y=_observations(fit, names),
        times=times_of_observations(fit),
        labels=labels_of_observations(fit),
        bounds=bounds_of_observations(fit),
        seconds=_seconds(fit, dataset),
        divergences=int(divergences(fit).sum()),
    )


def _known(fit: Fit, family: type[Mixture]) -> dict[str, FloatArray]:
    """Return the parameters that were given as data."""
    if CONSTANT_DATA not in group_names(fit):
        return {}
    constants = group(fit, CONSTANT_DATA)
    return {
        each.name: np.asarray(constants[each.name], dtype=np.float64)[None]
        if each.event
        else np.atleast_1d(np.asarray(constants[each.name], dtype=np.float64))
        for each in family.parameters
        if each.name in constants
    }


def _observations(fit: Fit, names: Mapping[str, str]) -> FloatArray | None:
    """Return the observations: the only variable of their group, or the one called y or obs."""
    if OBSERVED_DATA not in group_names(fit):
        return None
    columns = {
        names.get(str(name), str(name)): np.asarray(variable, dtype=np.float64)
        for name, variable in group(fit, OBSERVED_DATA).data_vars.items()
        if variable.ndim in (1, 2) and variable.dtype.kind in "fiu"
    }
    if len(columns) == 1:
        return next(iter(columns.values()))
    return columns.get(Y, columns.get("obs"))


def _seconds(fit: Fit, posterior: xr.Dataset) -> float | None:
    """Return the wall time, which PyMC leaves as the posterior's `sampling_time`."""
    value = read_attributes(Provenance, fit).seconds
    if math.isnan(value):
        value = float({**posterior.attrs, **attributes(fit)}.get("sampling_time", math.nan))
    return value if value > 0.0 and math.isfinite(value) else None
