"""Approximations with known numbers, as `advi` returns them."""

import numpy as np
import xarray as xr

from pystan_mix.arviz_compat import group, group_names, to_arviz

SAMPLE = ("chain", "draw")
LOSS = (240.0, 240.1, 240.3, 240.2)
MU = (0.0, 10.0)


def advi_fit(
    *,
    draws=5000,
    loss=LOSS,
    moved=None,
    tilt=0.0,
    scale=1.0,
    refined=None,
    drop=(),
    groups=None,
    seed=21,
    **attrs,
):
    """Two components with means about 0 and 10, standard deviations one.

    Parameters
    ----------
    loss : sequence of float
        Loss of every start; NaN where it failed.
    moved : dict of int to float
        By how much starts ended with another second mean.
    tilt : float
        By how many standard deviations the weights move the first mean.
    refined : tuple of two float, optional
        By how many refined standard deviations the mean of ``mu[2]`` is off,
        and by what factor the standard deviation of ``mu[1]``; without them
        nothing is refined.
    drop : sequence of str
        Groups and attributes that are left out.
    """
    rng = np.random.default_rng(seed)
    dims = (*SAMPLE, "component")
    theta = rng.dirichlet([5.0, 5.0], size=(1, draws))
    mu = scale * (np.array(MU) + rng.normal(size=(1, draws, 2)))
    # weights exp(tilt * x) move the mean of a standard normal by tilt
    log_p = tilt * mu[..., 0] / scale
    loss = np.asarray(loss, dtype=float)
    places = np.tile(np.array(MU) * scale, (loss.size, 1))
    for start, step in (moved or {}).items():
        places[start, 1] += step
    failed = np.isnan(loss)
    places[failed] = np.nan
    starts = {
        "loss": ("restart", loss),
        "loss_mcse": ("restart", np.where(failed, np.nan, 0.1)),
        "pareto_khat": ("restart", np.where(failed, np.nan, 0.3)),
        "kept": ("restart", np.arange(loss.size) == np.nanargmin(loss)),
        "failed": ("restart", failed),
        "converged": ("restart", ~failed),
        "theta": (("restart", "component"), np.where(failed[:, None], np.nan, 0.5 + 0 * places)),
        "mu": (("restart", "component"), places),
    }
    iteration = np.arange(100, 401, 100)
    elbo = -loss[:, None] - 50.0 * np.exp(-iteration / 100.0)
    posterior = xr.Dataset({"theta": (dims, theta), "mu": (dims, mu)})
    stats = xr.Dataset({"log_p": (SAMPLE, log_p), "log_g": (SAMPLE, np.zeros((1, draws)))})
    made = {
        "posterior": posterior,
        "sample_stats": stats,
        "vi_trace": xr.Dataset(
            {"elbo": (("restart", "iteration"), elbo)}, coords={"iteration": iteration}
        ),
        "vi_restarts": xr.Dataset(starts),
        "approximation": posterior.merge(stats),
    } | (groups or {})
    if refined is not None:
        made["vi_refined"] = refined_moments(posterior, *refined)
    top = {
        "method": "advi",
        "algorithm": "meanfield",
        "seed": 8,
        "seconds": 0.56,
        "restarts": loss.size,
        "reweighted": 1,
        "elbo": -float(np.nanmin(loss)),
        "elbo_mcse": 0.1,
        "elbo_gap": 0.2,
        "pareto_khat": 0.3,
        "ess_importance": 0.6 * draws,
        "pareto_khat_weights": 0.3 if refined is None else 0.2,
        "converged": 1,
    }
    if refined is not None:
        top |= {"log_bound": -float(np.nanmin(loss)) + 0.2, "log_bound_mcse": 0.01}
    top |= attrs
    if not top["reweighted"]:
        del made["approximation"]
    return to_arviz(
        {name: value for name, value in made.items() if name not in drop},
        attrs={name: value for name, value in top.items() if name not in drop},
    )


def refined_moments(posterior, shift, factor):
    """Moments from which those of the draws are off."""
    moments = {}
    for name in ("theta", "mu"):
        draws = posterior[name].values[0]
        mean, sd = draws.mean(axis=0), draws.std(axis=0)
        if name == "mu":
            mean, sd = mean - [0.0, shift * sd[1]], sd / [factor, 1.0]
        moments[f"{name}_mean"], moments[f"{name}_sd"] = ("component", mean), ("component", sd)
    return xr.Dataset(moments, coords={"component": np.arange(2)})


def with_shared(fit, *, places=(5.0, 5.0, 5.0, 5.0), off=0.0, factor=1.0):
    """Return a refined fit with a parameter `df` that all components share.

    Parameters
    ----------
    places : sequence of float
        Where every start ended in it.
    off, factor : float
        By how many refined standard deviations its mean is off, and by what
        factor its standard deviation.
    """
    groups = {name: group(fit, name) for name in group_names(fit)}
    draws = np.random.default_rng(7).normal(5.0, 1.0, size=groups["posterior"]["mu"].shape[:2])
    sd = draws.std() / factor
    groups["posterior"] = groups["posterior"].assign(df=(SAMPLE, draws))
    groups["vi_restarts"] = groups["vi_restarts"].assign(df=("restart", np.asarray(places)))
    moments = {"df_mean": draws.mean() - off * sd, "df_sd": sd}
    groups["vi_refined"] = groups["vi_refined"].assign(moments)
    return to_arviz(groups, attrs=dict(fit.attrs))
