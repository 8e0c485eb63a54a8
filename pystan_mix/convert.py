"""CmdStan's output into ArviZ data."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pystan_mix.arviz_data import Fit, to_arviz
from pystan_mix.elbo import ElboEstimate, estimate_elbo
from pystan_mix.mixture import FloatArray
from pystan_mix.stan_csv import StanCsv

_SAMPLER_STATS = {
    "lp": "lp__",
    "acceptance_rate": "accept_stat__",
    "step_size": "stepsize__",
    "tree_depth": "treedepth__",
    "n_steps": "n_leapfrog__",
    "diverging": "divergent__",
    "energy": "energy__",
}
_COUNTS = {"tree_depth", "n_steps"}
_PRIOR_CONSTANTS = ("alpha", "mu_loc", "mu_scale", "sigma_scale", "sigma")
_SCALAR_CONSTANTS = ("min_weight", "sigma_df")


@dataclasses.dataclass(frozen=True)
class Observed:
    """Observations as they came, and where each stands among Stan's distinct ones.

    Parameters
    ----------
    y : ndarray, shape (obs,)
        The observations.
    index : ndarray of int, shape (obs,)
        The position of each in Stan's ``y``.
    """

    y: FloatArray
    index: NDArray[np.intp]


@dataclasses.dataclass(frozen=True)
class Generated:
    """Generated quantities of chosen draws.

    Parameters
    ----------
    csvs : sequence of StanCsv
        ``y_rep`` and ``log_lik``, a file for each chain.
    picks : sequence of ndarray of int
        For each chain, the draws that they belong to; equally many in each.
    """

    csvs: Sequence[StanCsv]
    picks: Sequence[NDArray[np.intp]]


def nuts_to_arviz(
    csvs: Sequence[StanCsv],
    *,
    stan: Mapping[str, Any],
    observed: Observed,
    generated: Generated | None,
    attrs: Mapping[str, Any],
) -> Fit:
    """Turn the chains of NUTS into ArviZ data.

    Parameters
    ----------
    csvs : sequence of StanCsv
        One file for each chain.
    stan : mapping
        The data block that Stan was given.
    observed : Observed
        The observations.
    generated : Generated or None
        Generated quantities; None leaves out the groups that need them.
    attrs : mapping
        Further attributes for the top of the data.

    Returns
    -------
    arviz.InferenceData or xarray.DataTree
        Groups ``posterior``, ``sample_stats``, ``constant_data`` and, where
        there is something for them, ``observed_data``,
        ``posterior_predictive`` and ``log_likelihood``.
    """
    stats = {}
    for name, column in _SAMPLER_STATS.items():
        values = np.stack([csv.variable(column) for csv in csvs])
        if name in _COUNTS:
            values = values.astype(np.int64)
        stats[name] = (("chain", "draw"), values != 0 if name == "diverging" else values)
    settings = csvs[0].settings
    groups = _common_groups(csvs, stan=stan, observed=observed, generated=generated)
    groups["sample_stats"] = xr.Dataset(stats, coords=_chain_coords(csvs))
    top = _provenance(settings) | {
        "method": "nuts",
        "iter_warmup": int(settings["num_warmup"]),
        "iter_sampling": int(settings["num_samples"]),
        "adapt_delta": float(settings["delta"]),
        "max_treedepth": int(settings["max_depth"]),
        "metric": settings["metric"],
    }
    return to_arviz(groups, attrs=top | dict(attrs))


def advi_to_arviz(
    csv: StanCsv,
    *,
    history: FloatArray | None,
    stan: Mapping[str, Any],
    observed: Observed,
    generated: Generated | None,
    attrs: Mapping[str, Any],
) -> Fit:
    """Turn an approximation by ADVI into ArviZ data with one chain.

    Parameters
    ----------
    csv : StanCsv
        The draws.
    history : ndarray, shape (evaluations, 3), or None
        Iteration, seconds and ELBO of each evaluation.
    stan : mapping
        The data block that Stan was given.
    observed : Observed
        The observations.
    generated : Generated or None
        Generated quantities; None leaves out the groups that need them.
    attrs : mapping
        Further attributes for the top of the data.

    Returns
    -------
    arviz.InferenceData or xarray.DataTree
        The groups of `nuts_to_arviz`, with ``log_p`` and ``log_g`` in
        ``sample_stats``, and ``vi_trace`` with the ELBO's history; attributes
        ``elbo``, ``elbo_mcse`` and ``pareto_khat``.
    """
    estimate = _elbo(csv, stan=stan)
    groups = _common_groups([csv], stan=stan, observed=observed, generated=generated)
    groups["sample_stats"] = xr.Dataset(
        {
            "log_p": (("chain", "draw"), csv.variable("log_p__")[None]),
            "log_g": (("chain", "draw"), estimate.log_g[None]),
        },
        coords=_chain_coords([csv]),
    )
    if history is not None:
        groups["vi_trace"] = xr.Dataset(
            {"elbo": ("iteration", history[:, 2]), "seconds": ("iteration", history[:, 1])},
            coords={"iteration": history[:, 0].astype(np.int64)},
        )
    settings = csv.settings
    top = _provenance(settings) | {
        "method": "advi",
        "algorithm": settings["algorithm"],
        "iter": int(settings["iter"]),
        "tol_rel_obj": float(settings["tol_rel_obj"]),
        "elbo": estimate.elbo,
        "elbo_mcse": estimate.mcse,
        "pareto_khat": estimate.pareto_khat,
    }
    return to_arviz(groups, attrs=top | dict(attrs))


def _common_groups(
    csvs: Sequence[StanCsv],
    *,
    stan: Mapping[str, Any],
    observed: Observed,
    generated: Generated | None,
) -> dict[str, xr.Dataset]:
    """Return the groups that NUTS and ADVI share."""
    parameters = ["theta", "mu"] + ([] if "sigma" in stan else ["sigma"])
    coords = _chain_coords(csvs) | {"component": np.arange(stan["K"])}
    groups = {
        "posterior": xr.Dataset(
            {
                name: (
                    ("chain", "draw", "component"),
                    np.stack([csv.variable(name) for csv in csvs]),
                )
                for name in parameters
            },
            coords=coords,
        ),
        "constant_data": xr.Dataset(
            {
                name: ("component", np.asarray(stan[name], float))
                for name in _PRIOR_CONSTANTS
                if name in stan
            }
            | {name: float(stan[name]) for name in _SCALAR_CONSTANTS if name in stan},
            coords={"component": coords["component"]},
        ),
    }
    obs = {"obs": np.arange(observed.y.size)}
    if observed.y.size:
        groups["observed_data"] = xr.Dataset({"y": ("obs", observed.y)}, coords=obs)
    if generated is not None:
        draws = {"chain": coords["chain"], "draw": generated.picks[0]}
        y_rep = np.stack([csv.variable("y_rep") for csv in generated.csvs])
        log_lik = np.stack([csv.variable("log_lik") for csv in generated.csvs])
        if y_rep.size:
            rep = obs if y_rep.shape[-1] == observed.y.size else {"obs": np.arange(y_rep.shape[-1])}
            groups["posterior_predictive"] = xr.Dataset(
                {"y": (("chain", "draw", "obs"), y_rep)}, coords=draws | rep
            )
        if log_lik.size:
            groups["log_likelihood"] = xr.Dataset(
                {"y": (("chain", "draw", "obs"), log_lik[..., observed.index])}, coords=draws | obs
            )
    return groups


def _chain_coords(csvs: Sequence[StanCsv]) -> dict[str, NDArray[np.intp]]:
    """Return the coordinates of chains and draws."""
    return {"chain": np.arange(len(csvs)), "draw": np.arange(len(csvs[0].draws))}


def _provenance(settings: Mapping[str, str]) -> dict[str, Any]:
    """Return what made the draws."""
    version = ".".join(settings[f"stan_version_{part}"] for part in ("major", "minor", "patch"))
    return {
        "inference_library": "CmdStan",
        "inference_library_version": version,
        "program": settings["model"].removesuffix("_model"),
        "seed": int(settings["seed"]),
    }


def _elbo(csv: StanCsv, *, stan: Mapping[str, Any]) -> ElboEstimate:
    """Estimate the ELBO from the approximation's own draws."""
    names = ["theta_raw", "mu_raw"] + ([] if "sigma" in stan else ["sigma"])
    return estimate_elbo(
        draws={name: csv.variable(name) for name in names},
        mean={name: csv.mean_row[csv.columns(name)] for name in names},
        log_p=csv.variable("log_p__"),
        log_g=csv.variable("log_g__"),
        version=(
            int(csv.settings["stan_version_major"]),
            int(csv.settings["stan_version_minor"]),
        ),
    )
