"""What draws of vectors' mixtures say: what has no labels, and parameters under one labelling."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import special
from scipy.optimize import linear_sum_assignment

from pystan_mix.fits.groups import element_name
from pystan_mix.fits.summary import summary_of_arrays
from pystan_mix.mixtures.density import mixture_log_density
from pystan_mix.mixtures.families.multivariate_normal import MultivariateNormalMixture
from pystan_mix.mixtures.vectors.relabelling import picked, relabelled_by_allocations
from pystan_mix.numerics import FloatArray

Draws = Mapping[str, FloatArray]

LABEL_FREE, PARAMETERS = "label-free", "parameters"
# of the first coordinate: there is the density looked at
PLACES = (0.05, 0.25, 0.5, 0.75, 0.95)
# densities of an observation under a component that are held at once
_TERMS_AT_ONCE = 2_000_000


def summaries(y: FloatArray, draws: Draws, centres: FloatArray) -> pd.DataFrame:
    """Summarize draws of shape (chain, draw, K, ...).

    Parameters
    ----------
    y : ndarray, shape (N, D)
        The observations.
    draws : mapping of str to ndarray
        `theta`, `mu`, `sigma` and `corr`, in any order.
    centres : ndarray, shape (K, D)
        Places by which components are named, once they are relabelled.

    Returns
    -------
    pandas.DataFrame
        What `summarize` returns, a row for each quantity; the column `kind` says which
        have no labels.
    """
    free, named = label_free(y, draws), parameters(relabelled(y, draws, centres))
    table = summary_of_arrays(free | named)
    table["kind"] = [LABEL_FREE if name in free else PARAMETERS for name in table.index]
    return table


def label_free(y: FloatArray, draws: Draws) -> dict[str, FloatArray]:
    """Return the log density at some points, the log likelihood, and the weights' entropy."""
    ranks = (np.array(PLACES) * (len(y) - 1)).round().astype(np.intp)
    points = y[np.argsort(y[:, 0], kind="stable")[ranks]]
    at_points = _log_density(points, draws)
    found = {f"log_density[{100 * p:g}%]": at_points[..., i] for i, p in enumerate(PLACES)}
    found["entropy"] = special.entr(draws["theta"]).sum(axis=-1)
    chains, length, K = draws["theta"].shape
    some = max(1, _TERMS_AT_ONCE // (chains * K * len(y)))
    # draw after draw, and observations in parts where one draw of each chain has too many
    parts = max(1, chains * K * len(y) // _TERMS_AT_ONCE)
    log_lik = [
        sum(
            _log_density(part, {n: x[:, at : at + some] for n, x in draws.items()}).sum(axis=-1)
            for part in np.array_split(y, parts)
        )
        for at in range(0, length, some)
    ]
    return found | {"log_lik": np.concatenate(log_lik, axis=1)}


def _log_density(points: FloatArray, draws: Draws) -> FloatArray:
    components = {name: draws[name] for name in ("mu", "sigma", "corr")}
    with np.errstate(divide="ignore"):
        log_theta = np.log(draws["theta"])
    return mixture_log_density(MultivariateNormalMixture, points, log_theta, components)


def relabelled(y: FloatArray, draws: Draws, centres: FloatArray) -> dict[str, FloatArray]:
    """Return draws relabelled by what components do with observations, named by the centres."""
    shape = draws["theta"].shape
    flat = {name: x.reshape(-1, *x.shape[2:]) for name, x in draws.items()}
    found = relabelled_by_allocations(MultivariateNormalMixture, y, flat, {})
    apart = (centres[:, None] - found["mu"].mean(axis=0)) / y.std(axis=0)
    _, names = linear_sum_assignment((apart**2).sum(axis=-1))
    found = picked(found, np.broadcast_to(names, (shape[0] * shape[1], shape[2])))
    return {name: x.reshape(*shape[:2], *x.shape[1:]) for name, x in found.items()}


def parameters(draws: Draws) -> dict[str, FloatArray]:
    """Return each number's draws by its name in Stan; of correlations those below the ones."""
    return {
        element_name(name, position): draws[name][(..., *position)]
        for name in ("theta", "mu", "sigma", "corr")
        for position in np.ndindex(draws[name].shape[2:])
        if name != "corr" or position[-1] < position[-2]
    }
