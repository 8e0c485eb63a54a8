"""What draws predict: replicated observations, and the log density of those there are."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from pystan_mix.checks import check_whole
from pystan_mix.fits.draws import Draws, evenly_spaced
from pystan_mix.fits.groups import Predictive
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray
from pystan_mix.weighing.compiled.likelihood import observed_log_density

DEFAULT_PREDICTIVE_DRAWS = 1000
# y_rep and log_lik of more than this would outweigh the fit: 160 MB
_LARGEST_PREDICTIVE_SIZE = 10_000_000
_FEWEST_PREDICTIVE_DRAWS = 100
# terms that each thread holds at once beside the results: they stay in the cache
_BLOCK = 100_000
# sets the random numbers of replications apart from all others of the same seed
_STREAM = 1


def predictive_draws_for(wanted: int | None, *, n: int, draws: int) -> int:
    """Return for how many draws ``y_rep`` and ``log_lik`` are made.

    Parameters
    ----------
    wanted : int or None
        What the caller asked for; None for what is affordable: 1000, fewer for
        many observations, none where that would be less than 100.
    n : int
        Number of observations.
    draws : int
        Number of draws there are.

    Returns
    -------
    int
        Number of draws.

    Raises
    ------
    SettingsError
        If `wanted` is negative or not whole.

    Examples
    --------
    >>> predictive_draws_for(None, n=100, draws=40_000)
    1000
    >>> predictive_draws_for(None, n=1_000_000, draws=40_000)
    0
    """
    if wanted is not None:
        return min(draws, check_whole("predictive_draws", wanted, least=0))
    affordable = min(DEFAULT_PREDICTIVE_DRAWS, _LARGEST_PREDICTIVE_SIZE // max(1, n))
    return min(draws, affordable) if affordable >= _FEWEST_PREDICTIVE_DRAWS else 0


def predictive_of(
    target: Target, draws: Draws, *, n_rep: int, total: int, seed: int, parallel: int = 1
) -> Predictive | None:
    """Make ``y_rep`` and ``log_lik`` for evenly spaced draws.

    Parameters
    ----------
    target : Target
        The model and its observations.
    draws : Draws
        The draws.
    n_rep : int
        Number of replicated observations for each draw.
    total : int
        Number of draws over all chains; 0 for none.
    seed : int
        The seed of the replications.
    parallel : int, default 1
        Number of threads; what is predicted does not depend on it.

    Returns
    -------
    Predictive or None
        What is predicted; None where `total` is 0.
    """
    if total == 0:
        return None
    picks = evenly_spaced(draws.length, -(-total // draws.chains))
    flat = {
        name: values.reshape(-1, *values.shape[2:])
        for name, values in draws.picked(picks).variables.items()
    }
    theta = flat.pop("theta")
    components = flat | {
        name: np.broadcast_to(known, (len(theta), *known.shape))
        for name, known in target.known.items()
    }
    N, point = len(target.observed.y), target.model.point_shape
    y_rep, log_lik = np.empty((len(theta), n_rep, *point)), np.empty((len(theta), N))
    # a matrix for each replication is the most that is held
    size = max(1, _BLOCK // (max(target.n_components, math.prod(point) ** 2) * max(1, n_rep, N)))

    def predict(start: int) -> None:
        rows = slice(start, start + size)
        part = {name: values[rows] for name, values in components.items()}
        rng = np.random.default_rng([seed, _STREAM, start])
        y_rep[rows] = replicated(target.model, theta[rows], part, n=n_rep, rng=rng)
        if N:
            with np.errstate(divide="ignore"):
                log_theta = np.log(theta[rows])
            distinct = observed_log_density(target, log_theta, part)
            np.take(distinct, target.observed.index, axis=1, out=log_lik[rows], mode="clip")

    with ThreadPoolExecutor(parallel) as threads:
        list(threads.map(predict, range(0, len(theta), size)))
    shape = (draws.chains, picks.size)
    return Predictive(picks, y_rep.reshape(*shape, n_rep, *point), log_lik.reshape(*shape, N))


def replicated(
    family: Mixture | type[Mixture],
    theta: FloatArray,
    components: dict[str, FloatArray],
    *,
    n: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Draw observations from mixtures: a component for each, then a point from that.

    Parameters
    ----------
    family : Mixture or its class
        Which kind the components are of.
    theta : ndarray, shape (S, K)
        Weights, a mixture a row.
    components : dict of str to ndarray, shape (S, K) or (S, 1)
        The components' parameters by name, all of them.
    n : int
        Number of observations for each mixture.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    ndarray, shape (S, n), or of vectors (S, n, D)
        Observations.
    """
    uniform = rng.random((len(theta), n))
    component: NDArray[np.intp] = np.zeros(uniform.shape, dtype=np.intp)
    for end in np.cumsum(theta, axis=1)[:, :-1].T:
        component += uniform >= end[:, None]
    # places among all components: NumPy takes by these three times as fast as by pairs
    component += theta.shape[1] * np.arange(len(theta))[:, None]
    own = {
        # one value for all makes a point each too
        name: np.broadcast_to(values, (*component.shape, *values.shape[2:]))
        if values.shape[1] == 1
        else values.reshape(-1, *values.shape[2:])[component]
        if values.ndim > 2
        else np.take(values, component)
        for name, values in components.items()
    }
    return family.draw(rng, **own)
