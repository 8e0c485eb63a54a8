"""Approximations with known numbers, as `advi` returns them."""

import numpy as np
import xarray as xr

from pystan_mix.arviz_data import to_arviz

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
        "converged": 1,
    } | attrs
    if not top["reweighted"]:
        del made["approximation"]
    return to_arviz(
        {name: value for name, value in made.items() if name not in drop},
        attrs={name: value for name, value in top.items() if name not in drop},
    )
