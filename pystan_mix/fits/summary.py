"""The posterior in numbers."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from pystan_mix.arviz_compat import Fit, az
from pystan_mix.fits.groups import POSTERIOR, elements
from pystan_mix.numerics import FloatArray


def summarize(fit: Fit, *, name: str = POSTERIOR) -> pd.DataFrame:
    """Summarize the posterior of every parameter.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        ArviZ data with a group ``posterior``.
    name : str, optional
        Another group of draws.

    Returns
    -------
    pandas.DataFrame
        A row for each element, named as in Stan from 1 (``mu[1]``); columns
        `mean`, `sd`, `q05`, `q50`, `q95`, `mcse_mean`, `ess_bulk`, `ess_tail`
        and `r_hat` (NaN for one chain, and for what never varies).

    Raises
    ------
    DataError
        If there is no posterior.
    """
    return summary_of_arrays(dict(elements(fit, name)))


def summary_of_arrays(arrays: Mapping[str, FloatArray]) -> pd.DataFrame:
    """Summarize draws of shape (chain, draw) by name, as `summarize` does."""
    rows = {}
    for label, draws in arrays.items():
        q05, q50, q95 = np.quantile(draws, [0.05, 0.5, 0.95])
        # what stands still has no R-hat
        with np.errstate(invalid="ignore", divide="ignore"):
            sd = draws.std(ddof=1) if draws.size > 1 else math.nan
            # the mean of what is known may be off by rounding
            sd = 0.0 if np.ptp(draws) == 0.0 and draws.size > 1 else sd
            rows[label] = {
                "mean": draws.mean(),
                "sd": sd,
                "q05": q05,
                "q50": q50,
                "q95": q95,
                # the mcse of ArviZ 0.23 is an array, or fails, where Numba is installed
                "mcse_mean": float(sd / np.sqrt(az.ess(draws, method="mean"))),
                "ess_bulk": float(az.ess(draws, method="bulk")),
                # ArviZ 1 has no default for arrays
                "ess_tail": float(az.ess(draws, method="tail", prob=(0.05, 0.95))),
                "r_hat": float(az.rhat(draws)) if len(draws) > 1 and sd != 0.0 else math.nan,
            }
    return pd.DataFrame.from_dict(rows, orient="index")
