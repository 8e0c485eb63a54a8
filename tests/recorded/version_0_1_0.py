"""Fits by version 0.1.0 of pystan_mix, run with that version installed: see README.md here."""

import sys
from pathlib import Path
from typing import Any

import numpy as np

import pystan_mix as pmix

HERE = Path(__file__).resolve().parent
Y = pmix.simulate(30, theta=[0.4, 0.6], mu=[-3, 3], sigma=1.0, seed=1).round(1)
QUIET = {"seed": 1, "predictive_draws": 0, "show_progress": False}


def main() -> None:
    """Fit both and save them."""
    nuts = pmix.sample(
        pmix.NormalMixture(
            n_components=2,
            weights=pmix.Dirichlet([2, 3]),
            means=pmix.Normal([-2, 2], 5),
            sigma=pmix.HalfStudentT(3, 2.5),
            min_weight=0.05,
        ),
        Y,
        chains=2,
        iter_sampling=100,
        **QUIET,
    )
    write(nuts.sel(draw=np.arange(0, 100, 5)), "fit-0.1.0.nc")
    advi = pmix.advi(
        pmix.NormalMixture(n_components=2, sigma=[1.0, 1.5]), Y, draws=100, restarts=2, **QUIET
    )
    write(advi, "fit-0.1.0-advi.nc")


def write(fit: Any, name: str) -> None:
    """Write a fit as `save` does, but for compression, which takes more than it saves here."""
    fit.to_netcdf(str(HERE / name), engine="h5netcdf", compress=False)


if __name__ == "__main__":
    sys.exit(main())
