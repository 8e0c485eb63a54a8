"""The groups that only a fit by ADVI has, declared once: made, and read."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pystan_mix.arviz_compat import Fit, attributes, group, group_names
from pystan_mix.fits.constants import COMPONENT, DIMS
from pystan_mix.fits.draws import Draws
from pystan_mix.fits.groups import CHAIN_AND_DRAW, SAMPLE_STATS, chain_coords, variables_group
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray

# the draws of the approximation itself, where those of the posterior are reweighted
APPROXIMATION = "approximation"
STARTS = "vi_restarts"
HISTORY = "vi_trace"
REFINED = "vi_refined"
_RESTART = "restart"
_PER_START = ("loss", "loss_mcse", "pareto_khat")


@dataclasses.dataclass(frozen=True)
class Starts:
    """What became of every start of ADVI.

    Parameters
    ----------
    loss, loss_mcse, pareto_khat : ndarray, shape (restart,)
        Minus the ELBO, its error, and k-hat; NaN where CmdStan failed.
    kept, failed : ndarray of bool, shape (restart,)
        Which is the approximation, and which failed.
    converged : ndarray of bool, shape (restart,), or None
        What CmdStan says; None where its words are lost.
    optima : dict of str to ndarray, shape (restart, K) or (restart, 1)
        The variational mean of each parameter, mapped to the constrained space; of
        vectors (restart, K, D) and so on, and in one row where it was read.
    """

    loss: FloatArray
    loss_mcse: FloatArray
    pareto_khat: FloatArray
    kept: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    converged: NDArray[np.bool_] | None
    optima: dict[str, FloatArray]


@dataclasses.dataclass(frozen=True)
class History:
    """The ELBO of every start as it was found.

    Parameters
    ----------
    iteration : ndarray of int, shape (iteration,)
        All iterations that any start evaluated its ELBO at.
    elbo, seconds : ndarray, shape (restart, iteration)
        The ELBO and the time; NaN where a start has none.
    """

    iteration: NDArray[np.int64]
    elbo: FloatArray
    seconds: FloatArray


def is_approximation(fit: Fit) -> bool:
    """Return whether a fit is by ADVI."""
    return attributes(fit).get("method") == "advi" or HISTORY in group_names(fit)


def is_reweighted(fit: Fit) -> bool:
    """Return whether a fit's draws are reweighted, the approximation's own beside them."""
    return APPROXIMATION in group_names(fit)


def densities_group(draws: Draws) -> xr.Dataset:
    """Return the log densities of draws, the target's and the proposal's, unconstrained."""
    found = {"log_p": draws.log_p, "log_g": draws.log_g}
    return xr.Dataset(
        {name: (CHAIN_AND_DRAW, values) for name, values in found.items() if values is not None},
        coords=chain_coords(draws),
    )


def approximation_group(target: Target, draws: Draws) -> xr.Dataset:
    """Return the approximation's own draws with their densities."""
    return variables_group(target, draws).merge(densities_group(draws))


def log_ratios_of_draws(fit: Fit) -> FloatArray | None:
    """Return the log importance ratio of each draw, shape (draws,); None where it is not known."""
    if SAMPLE_STATS not in group_names(fit):
        return None
    stats = group(fit, SAMPLE_STATS)
    if "log_p" not in stats or "log_g" not in stats:
        return None
    return np.asarray((stats["log_p"] - stats["log_g"]).transpose(*CHAIN_AND_DRAW)).ravel()


def starts_group(starts: Starts) -> xr.Dataset:
    """Return what became of every start as a group."""
    arrays = {name: getattr(starts, name) for name in (*_PER_START, "kept", "failed")}
    if starts.converged is not None:
        arrays["converged"] = starts.converged
    K = max(values.shape[1] for values in starts.optima.values())
    coords = {_RESTART: np.arange(starts.loss.size), COMPONENT: np.arange(K)}
    optima = {name: _with_dims(values, (_RESTART,), K=K) for name, values in starts.optima.items()}
    return xr.Dataset(
        {name: (_RESTART, values) for name, values in arrays.items()} | optima, coords=coords
    )


def starts_of(fit: Fit) -> Starts | None:
    """Return what became of every start; None where the fit does not say."""
    if STARTS not in group_names(fit):
        return None
    stored = group(fit, STARTS)
    size = stored.sizes[_RESTART]
    found = {
        str(name): np.asarray(values.transpose(_RESTART, ...))
        for name, values in stored.data_vars.items()
    }
    loss, loss_mcse, khat = (found.pop(name, np.full(size, np.nan)) for name in _PER_START)
    converged = found.pop("converged", None)
    return Starts(
        loss=loss,
        loss_mcse=loss_mcse,
        pareto_khat=khat,
        kept=found.pop("kept").astype(np.bool_),
        failed=found.pop("failed").astype(np.bool_),
        converged=None if converged is None else converged.astype(np.bool_),
        optima={name: values.reshape(size, -1) for name, values in found.items()},
    )


def history_group(histories: Sequence[FloatArray | None]) -> xr.Dataset | None:
    """Lay histories side by side over all iterations that any of them has.

    Parameters
    ----------
    histories : sequence of (ndarray, shape (evaluations, 3), or None)
        Iteration, seconds and ELBO of each evaluation, for each start.

    Returns
    -------
    xarray.Dataset or None
        The group; None where no start has a history.
    """
    known = {i: history for i, history in enumerate(histories) if history is not None}
    if not known:
        return None
    iterations = np.unique(np.concatenate([history[:, 0] for history in known.values()]))
    values = np.full((2, len(histories), iterations.size), np.nan)
    for i, history in known.items():
        values[:, i, np.searchsorted(iterations, history[:, 0])] = history[:, [2, 1]].T
    return xr.Dataset(
        {name: ((_RESTART, "iteration"), values[j]) for j, name in enumerate(("elbo", "seconds"))},
        coords={_RESTART: np.arange(len(histories)), "iteration": iterations.astype(np.int64)},
    )


def history_of(fit: Fit) -> History | None:
    """Return the ELBO of every start as it was found; None where the fit does not say."""
    if HISTORY not in group_names(fit):
        return None
    stored = group(fit, HISTORY)
    elbo = np.asarray(stored["elbo"].transpose(_RESTART, "iteration"), dtype=np.float64)
    seconds = stored["seconds"].transpose(_RESTART, "iteration") if "seconds" in stored else None
    return History(
        iteration=np.asarray(stored["iteration"]),
        elbo=elbo,
        seconds=np.full(elbo.shape, np.nan) if seconds is None else np.asarray(seconds),
    )


def refined_group(moments: Mapping[str, tuple[FloatArray, FloatArray]]) -> xr.Dataset:
    """Return refined means and standard deviations as a group.

    Parameters
    ----------
    moments : mapping of str to tuple of two ndarrays, shape (K, ...) or (1, ...)
        Mean and standard deviation of each parameter.

    Returns
    -------
    xarray.Dataset
        ``mu_mean`` and ``mu_sd``, and so on.
    """
    K = max(len(mean) for mean, _ in moments.values())
    found = {}
    for name, values in moments.items():
        for moment, value in zip(("mean", "sd"), values, strict=True):
            found[f"{name}_{moment}"] = _with_dims(value, (), K=K)
    return xr.Dataset(found, coords={COMPONENT: np.arange(K)})


def _with_dims(
    values: FloatArray, leading: tuple[str, ...], *, K: int
) -> tuple[tuple[str, ...], FloatArray]:
    """Return values of each component, or of all, with the names of their axes."""
    dims, at = (*leading, COMPONENT), len(leading)
    if values.shape[at] != K:
        dims, values = leading, np.asarray(values.take(0, axis=at))
    event = values.ndim - len(dims)
    if event == 1 and values.shape[-1] == 1:
        # one scale of all coordinates
        return dims, values[..., 0]
    return (*dims, *DIMS[:event]), values


def refined_moments_of(fit: Fit) -> dict[str, tuple[FloatArray, FloatArray]] | None:
    """Return refined means and standard deviations by parameter; None where nothing is refined.

    Those of vectors are in one row, the last axis the fastest.
    """
    if REFINED not in group_names(fit):
        return None
    stored = group(fit, REFINED)
    names = [str(name).removesuffix("_sd") for name in stored if str(name).endswith("_sd")]
    return {
        name: (_moment(stored, f"{name}_mean"), _moment(stored, f"{name}_sd")) for name in names
    }


def _moment(stored: xr.Dataset, name: str) -> FloatArray:
    """Return a moment of a parameter: its values for each component, or for all, in a row."""
    return np.asarray(stored[name], dtype=np.float64).ravel()
