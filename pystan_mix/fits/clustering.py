"""Who belongs together: co-clustering probabilities, and the one partition that sums them up."""

from typing import Literal, get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pystan_mix.arviz_compat import Fit
from pystan_mix.checks import check_choice, check_seed
from pystan_mix.errors import DataError
from pystan_mix.fits.draws import evenly_spaced
from pystan_mix.fits.groups import given_observations
from pystan_mix.fits.model import mixture_of_fit
from pystan_mix.mixtures.annotations.intervals import Interval
from pystan_mix.mixtures.density import component_terms
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.expectation import shares_of

Loss = Literal["variation_of_information", "binder"]

# draws that probabilities are means over: their error is below 0.016
_DRAWS = 1000
# a matrix of more would take more than 800 MB
_LARGEST = 10_000
_TERMS_AT_ONCE = 2_000_000
# sweeps over all observations, of which few are needed
_SWEEPS = 50
# draws whose partitions are tried as starts
_STARTS = 10


def co_clustering(fit: Fit, observed: object = None) -> xr.DataArray:
    """Return the probability of each pair of observations to come from one component.

    It does not depend on what components are called.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit, of numbers or of vectors.
    observed : sequence of int, optional
        Positions of the observations that are asked for; by default all, up to
        10 000 of them.

    Returns
    -------
    xarray.DataArray
        Probabilities, dims ``obs`` and ``obs_bis``, one on the diagonal: means over
        up to 1000 draws.

    Raises
    ------
    DataError
        If the data are no fit of a mixture, or have more observations than can be
        paired; or if a position is not among them.

    Examples
    --------
    >>> from pystan_mix import Normal, NormalMixture, co_clustering, sample, simulate
    >>> y = simulate(50, theta=[0.5, 0.5], mu=[-3, 3], sigma=1.0, seed=1)
    >>> model = NormalMixture(n_components=2, means=Normal(0, 10), sigma=1.0)
    >>> fit = sample(model, y, iter_sampling=100, seed=1, show_progress=False)
    >>> co_clustering(fit).dims
    ('obs', 'obs_bis')
    """
    positions, shares = _shares(fit, observed)
    values = _together(shares)
    return xr.DataArray(
        values, dims=("obs", "obs_bis"), coords={"obs": positions, "obs_bis": positions}
    )


def partition(
    fit: Fit,
    observed: object = None,
    *,
    loss: Loss = "variation_of_information",
    seed: int | None = 1,
) -> xr.DataArray:
    """Return the partition of the observations that is nearest to the posterior's.

    It minimises the posterior expectation of a loss (Wade and Ghahramani, 2018,
    "Bayesian cluster analysis: point estimation and credible balls"): of the
    variation of information its lower bound, equation 13 there, or Binder's loss.
    From the partitions of some draws and from that of the most probable
    components, observations are moved one at a time to where the loss is least,
    an empty cluster among these, until none moves.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit, of numbers or of vectors.
    observed : sequence of int, optional
        As in `co_clustering`.
    loss : {"variation_of_information", "binder"}, default "variation_of_information"
        The loss.
    seed : int, optional
        Seed of the starts and of the order of moves.

    Returns
    -------
    xarray.DataArray
        The cluster of each observation, dim ``obs``; the largest is 0. The attribute
        ``criterion`` is what is least: of the bound, in bits for each observation, the
        part that depends on the partition; or the share of pairs that are expected to
        be put wrongly.

    Raises
    ------
    DataError
        As in `co_clustering`.
    SettingsError
        If there is no such loss, or the seed is none.

    Examples
    --------
    >>> from pystan_mix import Normal, NormalMixture, partition, sample, simulate
    >>> y = simulate(50, theta=[0.5, 0.5], mu=[-3, 3], sigma=1.0, seed=1)
    >>> model = NormalMixture(n_components=2, means=Normal(0, 10), sigma=1.0)
    >>> fit = sample(model, y, iter_sampling=100, seed=1, show_progress=False)
    >>> int(partition(fit).max()) + 1
    2
    """
    check_choice("loss", loss, choices=get_args(Loss))
    rng = np.random.default_rng(check_seed(seed))
    positions, shares = _shares(fit, observed)
    together = _together(shares)
    K = shares.shape[1]
    starts = [shares.mean(axis=0).argmax(axis=0)]
    for s in rng.integers(0, len(shares), _STARTS):
        drawn = (shares[s].cumsum(axis=0) < rng.random(shares.shape[2])).sum(axis=0)
        starts.append(np.minimum(drawn, K - 1))
    found = [_descended(start, together, loss, rng=rng) for start in starts]
    labels = min(found, key=lambda each: _criterion(each, together, loss))
    return xr.DataArray(
        _by_size(labels),
        dims="obs",
        coords={"obs": positions},
        attrs={"loss": loss, "criterion": _criterion(labels, together, loss)},
    )


def _shares(fit: Fit, observed: object) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return which observations are asked for, and components' shares in them, (S, K, N)."""
    y, (family, theta, components) = given_observations(fit), mixture_of_fit(fit)
    if y is None:
        raise DataError(
            "The fit has no observations to be put together. Give what sample(model, y) returned."
        )
    positions = np.arange(len(y)) if observed is None else np.asarray(observed)
    if positions.ndim != 1 or positions.dtype.kind not in "iu" or not positions.size:
        raise DataError(f"Positions of observations are whole numbers; they are {observed!r}.")
    if positions.min() < 0 or positions.max() >= len(y):
        raise DataError(
            f"Positions are 0 to {len(y) - 1}; they reach from {positions.min()} to "
            f"{positions.max()}."
        )
    if positions.size > _LARGEST:
        raise DataError(
            f"There are {positions.size} observations, whose pairs fill the memory. Give the "
            f"positions of at most {_LARGEST}: co_clustering(fit, observed=range(0, {len(y)}, "
            f"{-(-len(y) // _LARGEST)}))"
        )
    points = y.chosen(positions) if isinstance(y, Interval) else y[positions]
    picks = evenly_spaced(theta.shape[1], -(-_DRAWS // theta.shape[0]))
    flat_theta = theta[:, picks].reshape(-1, theta.shape[-1])
    flat = {n: x[:, picks].reshape(-1, *x.shape[2:]) for n, x in components.items()}
    S, K = flat_theta.shape
    shares = np.empty((S, K, positions.size), dtype=np.float32)
    step = max(1, _TERMS_AT_ONCE // (K * positions.size))
    for start in range(0, S, step):
        rows = slice(start, start + step)
        with np.errstate(divide="ignore"):
            log_theta = np.log(flat_theta[rows])
        terms = component_terms(family, points, log_theta, {n: x[rows] for n, x in flat.items()})
        _, shares[rows] = shares_of(terms)
    return positions.astype(np.intp), shares


def _together(shares: NDArray[np.float32]) -> FloatArray:
    """Return the probability of each pair to be of one component: a mean over draws."""
    S, K, N = shares.shape
    rows = shares.reshape(S * K, N)
    found = (rows.T @ rows).astype(np.float64) / S
    np.fill_diagonal(found, 1.0)
    return np.asarray(np.minimum(found, 1.0))


def _descended(
    labels: NDArray[np.intp], together: FloatArray, loss: Loss, *, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Move observations one at a time to where the loss is least, until none moves."""
    N = len(labels)
    labels = np.unique(labels, return_inverse=True)[1].reshape(-1).astype(np.intp)
    # one cluster more is empty, to be founded
    clusters = int(labels.max()) + 2
    size = np.bincount(labels, minlength=clusters).astype(np.float64)
    # of each observation the sum of its probabilities with the members of each cluster
    sums = np.stack([together[:, labels == c].sum(axis=1) for c in range(clusters)], axis=1)
    for _ in range(_SWEEPS):
        moved = False
        for n in rng.permutation(N):
            old = labels[n]
            size[old] -= 1
            sums[:, old] -= together[:, n]
            if loss == "binder":
                cost = size - 2.0 * sums[n]
            else:
                cost = _costs_of_information(n, labels, size, sums, together, old)
            new = int(np.argmin(cost))
            # what is as good stays
            new = int(old) if cost[old] <= cost[new] + 1e-12 else new
            size[new] += 1
            sums[:, new] += together[:, n]
            labels[n] = new
            moved |= new != old
            if size.min() > 0:
                size = np.append(size, 0.0)
                sums = np.concatenate([sums, np.zeros((N, 1))], axis=1)
        if not moved:
            break
    return labels


def _costs_of_information(
    n: int,
    labels: NDArray[np.intp],
    size: FloatArray,
    sums: FloatArray,
    together: FloatArray,
    old: int,
) -> FloatArray:
    """Return what the bound of the variation of information is with n in each cluster.

    Up to what does not depend on where n is: by cluster the sum over members of
    ``log2(size) - 2 log2(sum of probabilities with members)``, less what it is without n.
    """
    cost = np.empty(size.size)
    for c in range(size.size):
        members = np.flatnonzero(labels == c)
        members = members[members != n] if c == old else members
        m, own = float(len(members)), sums[members, c]
        before = m * np.log2(m) - 2.0 * np.log2(own).sum() if m else 0.0
        with_n = own + together[members, n]
        after = (m + 1.0) * np.log2(m + 1.0) - 2.0 * np.log2(with_n).sum()
        after -= 2.0 * np.log2(sums[n, c] + 1.0)
        cost[c] = after - before
    return cost


def _criterion(labels: NDArray[np.intp], together: FloatArray, loss: Loss) -> float:
    """Return what a partition is judged by: the expected loss, or the part of its bound."""
    same = labels[:, None] == labels
    N = len(labels)
    if loss == "binder":
        wrong = np.where(same, 1.0 - together, together).sum()
        return float(wrong / max(1, N * (N - 1)))
    sizes, joint = same.sum(axis=1), (together * same).sum(axis=1)
    return float((np.log2(sizes) - 2.0 * np.log2(joint)).mean())


def _by_size(labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return labels renamed so that the largest cluster is 0, of equal ones the first to occur."""
    names, first, place, sizes = np.unique(
        labels, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.lexsort((first, -sizes))
    rank = np.empty(names.size, dtype=np.intp)
    rank[order] = np.arange(names.size)
    return rank[place.reshape(-1)]
