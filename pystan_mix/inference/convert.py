"""CmdStan's output into ArviZ data."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pystan_mix.arviz_compat import Fit, to_arviz
from pystan_mix.cmdstan.stan_csv import StanCsv
from pystan_mix.inference.refinement import Refined, ess_of_draws, refined_moments
from pystan_mix.inference.restarts import Restarts, restart_groups
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.elbo import ElboEstimate
from pystan_mix.stats.importance import khat_limit

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
    restarts: Restarts,
    *,
    refined: Refined | None = None,
    weighted: StanCsv | None = None,
    stan: Mapping[str, Any],
    observed: Observed,
    generated: Generated | None,
    attrs: Mapping[str, Any],
) -> Fit:
    """Turn approximations by ADVI into ArviZ data with one chain: the best one's.

    Parameters
    ----------
    restarts : Restarts
        The approximations.
    refined : Refined, optional
        The posterior as refined from the best one.
    weighted : StanCsv, optional
        The draws that are handed back, if these are reweighted, ``log_g__``
        with all constants.
    stan : mapping
        The data block that Stan was given.
    observed : Observed
        The observations.
    generated : Generated or None
        Generated quantities of what is handed back; None leaves out the groups
        that need them.
    attrs : mapping
        Further attributes for the top of the data.

    Returns
    -------
    arviz.InferenceData or xarray.DataTree
        The groups of `nuts_to_arviz`, with ``log_p`` and ``log_g`` in
        ``sample_stats``; ``vi_restarts`` and ``vi_trace`` with what became of
        every start; ``vi_refined`` with the refined moments; where draws are
        reweighted, ``approximation`` with those that are not; attributes
        ``algorithm``, ``elbo``, ``elbo_mcse``, ``elbo_gap``, ``pareto_khat``,
        ``pareto_khat_weights``, ``ess_importance``, ``restarts`` and
        ``reweighted``, and where it is refined ``refined_draws``, ``log_bound``
        and ``log_bound_mcse``.
    """
    best = restarts.best
    csv = best.csv if weighted is None else weighted
    groups = _common_groups([csv], stan=stan, observed=observed, generated=generated)
    parameters = [str(name) for name in groups["posterior"]]
    plain = _densities(best.csv, best.estimate.log_g)
    groups["sample_stats"] = plain
    if weighted is not None:
        groups["sample_stats"] = _densities(weighted, weighted.variable("log_g__"))
        groups["approximation"] = _parameters([best.csv], stan=stan).merge(plain)
    groups |= restart_groups(restarts, parameters=parameters)
    if refined is not None:
        groups["vi_refined"] = refined_moments(refined)
    settings, estimate = best.csv.settings, best.estimate
    top = _provenance(settings) | {
        "method": "advi",
        "algorithm": settings["algorithm"],
        "iter": int(settings["iter"]),
        "tol_rel_obj": float(settings["tol_rel_obj"]),
        "restarts": len(restarts.tried),
        "reweighted": int(weighted is not None),
        "elbo": estimate.elbo,
        "elbo_mcse": estimate.mcse,
        "pareto_khat": estimate.pareto_khat,
    }
    top |= _weights_attributes(estimate, refined, draws=len(csv.draws))
    if best.converged is not None:
        top["converged"] = int(best.converged)
    return to_arviz(groups, attrs=top | dict(attrs))


def _weights_attributes(
    estimate: ElboEstimate, refined: Refined | None, *, draws: int
) -> dict[str, float]:
    """Return what is known of the weights that reweighted draws have, and by them."""
    if refined is None:
        return {
            "elbo_gap": estimate.gap,
            "pareto_khat_weights": estimate.pareto_khat,
            "ess_importance": estimate.ess,
        }
    found = refined.refinement
    gap = max(0.0, found.log_integral - estimate.elbo)
    trusted = found.pareto_khat <= khat_limit(draws)
    return {
        # a mean of weights that cannot be trusted is too small, if anything
        "elbo_gap": gap if trusted else max(gap, estimate.gap),
        "pareto_khat_weights": found.pareto_khat,
        "ess_importance": ess_of_draws(refined, draws),
        "refined_draws": len(found.z),
        "log_bound": found.log_integral,
        "log_bound_mcse": found.mcse,
    }


def _densities(csv: StanCsv, log_g: FloatArray) -> xr.Dataset:
    """Return the log densities of draws, the target's and the proposal's, unconstrained."""
    return xr.Dataset(
        {
            "log_p": (("chain", "draw"), csv.variable("log_p__")[None]),
            "log_g": (("chain", "draw"), log_g[None]),
        },
        coords=_chain_coords([csv]),
    )


def _common_groups(
    csvs: Sequence[StanCsv],
    *,
    stan: Mapping[str, Any],
    observed: Observed,
    generated: Generated | None,
) -> dict[str, xr.Dataset]:
    """Return the groups that NUTS and ADVI share."""
    posterior = _parameters(csvs, stan=stan)
    groups = {
        "posterior": posterior,
        "constant_data": xr.Dataset(
            {
                name: ("component", np.asarray(stan[name], float))
                for name in _PRIOR_CONSTANTS
                if name in stan
            }
            | {name: float(stan[name]) for name in _SCALAR_CONSTANTS if name in stan},
            coords={"component": np.arange(stan["K"])},
        ),
    }
    obs = {"obs": np.arange(observed.y.size)}
    if observed.y.size:
        groups["observed_data"] = xr.Dataset({"y": ("obs", observed.y)}, coords=obs)
    if generated is not None:
        draws = {"chain": np.arange(len(csvs)), "draw": generated.picks[0]}
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


def _parameters(csvs: Sequence[StanCsv], *, stan: Mapping[str, Any]) -> xr.Dataset:
    """Return the draws of theta, mu and, where it is a parameter, sigma."""
    dims = ("chain", "draw", "component")
    names = ["theta", "mu"] + ([] if "sigma" in stan else ["sigma"])
    return xr.Dataset(
        {name: (dims, np.stack([csv.variable(name) for csv in csvs])) for name in names},
        coords=_chain_coords(csvs) | {"component": np.arange(stan["K"])},
    )


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
