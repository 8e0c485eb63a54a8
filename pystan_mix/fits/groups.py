"""The groups of a fit that NUTS and ADVI share, declared once: made, and read."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pystan_mix.arviz_compat import Fit, group, group_names
from pystan_mix.errors import DataError
from pystan_mix.fits.constants import COMPONENT, DIMS, constants_group, dims_coords
from pystan_mix.fits.draws import Draws
from pystan_mix.mixtures.annotations.intervals import Interval
from pystan_mix.mixtures.annotations.times import Times
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray

POSTERIOR = "posterior"
POSTERIOR_PREDICTIVE = "posterior_predictive"
LOG_LIKELIHOOD = "log_likelihood"
SAMPLE_STATS = "sample_stats"
# the chains and their statistics, where the draws of the posterior are weighed ones
CHAINS = "chains"
OBSERVED_DATA = "observed_data"
CONSTANT_DATA = "constant_data"
# what a fit without observations is called by
PRIOR_NAMES = {
    POSTERIOR: "prior",
    POSTERIOR_PREDICTIVE: "prior_predictive",
    SAMPLE_STATS: "sample_stats_prior",
}
CHAIN_AND_DRAW = ("chain", "draw")
# the observations, what is replicated of them, and their log density
Y = "y"
# how many observations each row of these stands for, or its weight
COUNTS = "counts"
WEIGHTS = "weights"
# the component that each is known to be of, or -1
LABELS = "labels"
# the bounds that each is known to lie between, equal where it is known exactly
LOWER = "lower"
UPPER = "upper"


@dataclasses.dataclass(frozen=True)
class Predictive:
    """What chosen draws predict.

    Parameters
    ----------
    picks : ndarray of int, shape (draw,)
        Which draws of each chain these are.
    y_rep : ndarray, shape (chain, draw, n_rep), or of vectors (chain, draw, n_rep, D)
        Replicated observations.
    log_lik : ndarray, shape (chain, draw, N)
        Log density of each observation, in the order that they came in, or the log
        probability of its interval.
    """

    picks: NDArray[np.intp]
    y_rep: FloatArray
    log_lik: FloatArray


@dataclasses.dataclass(frozen=True)
class NutsStats:
    """What NUTS says of each draw, arrays of shape (chain, draw).

    Parameters
    ----------
    lp : ndarray
        Log density in the unconstrained space, up to a constant.
    acceptance_rate, step_size, energy : ndarray
        As CmdStan names them.
    tree_depth, n_steps : ndarray of int
        Depth of the tree, and gradients that it took.
    diverging : ndarray of bool
        Whether the trajectory diverged.
    """

    lp: FloatArray
    acceptance_rate: FloatArray
    step_size: FloatArray
    tree_depth: NDArray[np.int64]
    n_steps: NDArray[np.int64]
    diverging: NDArray[np.bool_]
    energy: FloatArray


def common_groups(
    target: Target, draws: Draws, predictive: Predictive | None
) -> dict[str, xr.Dataset]:
    """Return the groups that every fit has.

    Parameters
    ----------
    target : Target
        The model and its observations.
    draws : Draws
        The draws.
    predictive : Predictive or None
        What some of them predict; None leaves out the groups that need it.

    Returns
    -------
    dict of str to xarray.Dataset
        ``posterior``, ``constant_data``, counts, weights, labels and bounds in it, and, where
        there is something for them, ``observed_data``, ``posterior_predictive`` and
        ``log_likelihood``.
    """
    observed, coordinates = target.observed, dims_coords(target)
    dims = tuple(coordinates)[:1]
    groups = {POSTERIOR: variables_group(target, draws), CONSTANT_DATA: constants_group(target)}
    obs = {"obs": np.arange(len(observed.y))}
    if observed.times is not None:
        name = WEIGHTS if observed.are_weighted else COUNTS
        times = xr.Dataset({name: ("obs", observed.times)}, coords=obs)
        groups[CONSTANT_DATA] = groups[CONSTANT_DATA].merge(times)
    if observed.label is not None:
        labels = xr.Dataset({LABELS: ("obs", observed.label[observed.index])}, coords=obs)
        groups[CONSTANT_DATA] = groups[CONSTANT_DATA].merge(labels)
    if observed.bounds is not None:
        rows = observed.bounds.chosen(observed.index)
        bounds = {LOWER: ("obs", rows.lower), UPPER: ("obs", rows.upper)}
        groups[CONSTANT_DATA] = groups[CONSTANT_DATA].merge(xr.Dataset(bounds, coords=obs))
    if observed.y.size:
        where = {"obs": np.arange(len(observed.y))} | {name: coordinates[name] for name in dims}
        groups[OBSERVED_DATA] = xr.Dataset({Y: (("obs", *dims), observed.y)}, coords=where)
    if predictive is not None:
        coords = {"chain": np.arange(draws.chains), "draw": predictive.picks}
        for name, values, own in (
            (POSTERIOR_PREDICTIVE, predictive.y_rep, dims),
            (LOG_LIKELIHOOD, predictive.log_lik, ()),
        ):
            if values.size:
                where = coords | {"obs": np.arange(values.shape[2])}
                where |= {each: coordinates[each] for each in own}
                axes = (*CHAIN_AND_DRAW, "obs", *own)
                groups[name] = xr.Dataset({Y: (axes, values)}, coords=where)
    return groups


def variables_group(target: Target, draws: Draws) -> xr.Dataset:
    """Return draws as a group; what all components share has no dimension of its own."""
    model, every = target.model, (*CHAIN_AND_DRAW, COMPONENT)
    found: dict[str, Any] = {"theta": (every, draws.variables["theta"])}
    for each in target.estimated:
        axes: tuple[str, ...] = every
        values = draws.variables[each.name]
        if model.is_shared(each):
            axes, values = CHAIN_AND_DRAW, values[:, :, 0]
        shape = model.event_shape(each)
        if shape == (1,) != model.point_shape:
            # one scale of all coordinates
            shape, values = (), values[..., 0]
        found[each.name] = ((*axes, *DIMS[: len(shape)]), values)
    coords = chain_coords(draws) | {COMPONENT: np.arange(target.n_components)}
    return xr.Dataset(found, coords=coords | dims_coords(target))


def chain_coords(draws: Draws) -> dict[str, NDArray[np.intp]]:
    """Return the coordinates of chains and draws."""
    return {"chain": np.arange(draws.chains), "draw": np.arange(draws.length)}


def stats_group(stats: NutsStats) -> xr.Dataset:
    """Return NUTS's statistics as a group."""
    arrays = {field.name: getattr(stats, field.name) for field in dataclasses.fields(stats)}
    chains, draws = stats.lp.shape
    return xr.Dataset(
        {name: (CHAIN_AND_DRAW, values) for name, values in arrays.items()},
        coords={"chain": np.arange(chains), "draw": np.arange(draws)},
    )


def sampler_stat(fit: Fit, name: str) -> FloatArray:
    """Return one of NUTS's statistics, shape (chain, draw), as `sampler_stats` does."""
    return sampler_stats(fit, name)[0]


def sampler_stats(fit: Fit, *names: str) -> list[FloatArray]:
    """Return some of NUTS's statistics, each of shape (chain, draw).

    Raises
    ------
    DataError
        If the fit lacks any; the message lists those that it has.
    """
    stats = group(fit, _stats_name(fit))
    missing = [name for name in names if name not in stats]
    if missing:
        raise DataError(
            f"{_stats_name(fit)} has no {' and no '.join(missing)}; it has: "
            f"{', '.join(map(str, stats.data_vars))}. Give what sample() or advi() returned."
        )
    return [np.asarray(stats[name].transpose(*CHAIN_AND_DRAW)) for name in names]


def _stats_name(fit: Fit) -> str:
    """Return the name of the group that has the chains' statistics."""
    return CHAINS if CHAINS in group_names(fit) else SAMPLE_STATS


def divergences(fit: Fit) -> NDArray[np.bool_]:
    """Return which draws diverged, shape (chain, draw); nothing where the fit does not say."""
    name = _stats_name(fit)
    if name not in group_names(fit) or "diverging" not in group(fit, name):
        return np.zeros((0, 0), dtype=np.bool_)
    return sampler_stat(fit, "diverging").astype(np.bool_)


def variables(fit: Fit, name: str = POSTERIOR) -> dict[str, FloatArray]:
    """Return the draws in a group by name, each of shape (chain, draw, ...)."""
    return {
        str(variable): np.asarray(values.transpose(*CHAIN_AND_DRAW, ...), dtype=np.float64)
        for variable, values in group(fit, name).data_vars.items()
        if set(CHAIN_AND_DRAW) <= set(values.dims)
    }


def elements(fit: Fit, name: str = POSTERIOR) -> Iterator[tuple[str, FloatArray]]:
    """Yield each scalar of a group by name (``mu[1]``), with draws of shape (chain, draw)."""
    for variable, draws in variables(fit, name).items():
        is_matrix = DIMS[1] in group(fit, name)[variable].dims
        for position in np.ndindex(draws.shape[2:]):
            # above the ones of a correlation matrix is what is below
            if is_matrix and position[-1] >= position[-2]:
                continue
            yield element_name(variable, position), draws[(..., *position)]


def element_name(variable: str, position: tuple[int, ...]) -> str:
    """Return the name of a scalar; elements count from 1, as in Stan.

    Examples
    --------
    >>> element_name("mu", (0,)), element_name("df", ())
    ('mu[1]', 'df')
    """
    return f"{variable}[{','.join(str(i + 1) for i in position)}]" if position else variable


def posterior_size(fit: Fit) -> tuple[int, int]:
    """Return the number of chains, and of draws in each."""
    sizes = group(fit, POSTERIOR).sizes
    return sizes.get("chain", 1), sizes.get("draw", 0)


def observations(fit: Fit) -> FloatArray | None:
    """Return the observations that a fit carries; None where it has none."""
    if OBSERVED_DATA not in group_names(fit) or Y not in group(fit, OBSERVED_DATA):
        return None
    return np.asarray(group(fit, OBSERVED_DATA)[Y], dtype=np.float64)


def times_of_observations(fit: Fit) -> Times | None:
    """Return the counts or weights of a fit's observations; None where each is one."""
    if CONSTANT_DATA in group_names(fit):
        constants = group(fit, CONSTANT_DATA)
        if COUNTS in constants:
            return np.asarray(constants[COUNTS], dtype=np.intp)
        if WEIGHTS in constants:
            return np.asarray(constants[WEIGHTS], dtype=np.float64)
    return None


def labels_of_observations(fit: Fit) -> NDArray[np.intp] | None:
    """Return the labels of a fit's observations; None where there are none."""
    if CONSTANT_DATA in group_names(fit) and LABELS in group(fit, CONSTANT_DATA):
        return np.asarray(group(fit, CONSTANT_DATA)[LABELS], dtype=np.intp)
    return None


def bounds_of_observations(fit: Fit) -> Interval | None:
    """Return the bounds of a fit's observations; None where all are known exactly."""
    if CONSTANT_DATA in group_names(fit):
        constants = group(fit, CONSTANT_DATA)
        if LOWER in constants and UPPER in constants:
            return Interval(np.asarray(constants[LOWER]), np.asarray(constants[UPPER]))
    return None


def given_observations(fit: Fit) -> FloatArray | Interval | None:
    """Return the observations as they were given; None where a fit has none."""
    y = observations(fit)
    bounds = None if y is None else bounds_of_observations(fit)
    return y if bounds is None else bounds


def replications(fit: Fit) -> FloatArray | None:
    """Return replicated observations, a data set a row; None where there are none."""
    if POSTERIOR_PREDICTIVE not in group_names(fit) or Y not in group(fit, POSTERIOR_PREDICTIVE):
        return None
    y_rep = np.asarray(
        group(fit, POSTERIOR_PREDICTIVE)[Y].transpose(*CHAIN_AND_DRAW, ...), dtype=np.float64
    )
    return y_rep.reshape(-1, *y_rep.shape[2:])
