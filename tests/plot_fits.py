"""Fits with known numbers, for the figures."""

import numpy as np
import xarray as xr

from pystan_mix.arviz_compat import to_arviz

CHAINS, LENGTH = 4, 2500


def fit_of(*, K=3, known=False, method="nuts", diverging=()):
    random = np.random.default_rng(1)
    shape = (CHAINS, LENGTH, K) if method == "nuts" else (1, LENGTH, K)
    dims = ("chain", "draw", "component")
    theta = random.dirichlet(np.full(K, 50.0), size=shape[:2])
    mu = 10.0 * np.arange(K) + 0.5 * random.standard_normal(shape)
    variables = {"theta": (dims, theta), "mu": (dims, mu)}
    constant = {"alpha": ("component", np.ones(K))}
    if known:
        constant["sigma"] = ("component", np.ones(K))
    else:
        variables["sigma"] = (dims, np.exp(0.1 * random.standard_normal(shape)))
    groups = {"posterior": xr.Dataset(variables), "constant_data": xr.Dataset(constant)}
    if method == "nuts":
        diverged = np.zeros(shape[:2], dtype=bool)
        for place in diverging:
            diverged[place] = True
        groups["sample_stats"] = xr.Dataset({"diverging": (dims[:2], diverged)})
    return to_arviz(groups, attrs={"method": method})


def draw(figure):
    """Lay a figure out as for a file, so that warnings surface."""
    figure.draw_without_rendering()
