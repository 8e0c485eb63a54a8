"""How many separate modes a weighed posterior has, the share of each, and who stayed where."""

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pystan_mix.numerics import FloatArray
from pystan_mix.stats.importance.weights import resampled

_DRAWS = 1000
_CLUSTERS = 12
_ITERATIONS = 10
# on a straight way between two places of one mode the log density falls by no more than this
_DIP = 3.0
_STEPS_OF_WAY = 7
# smaller ones belong to the mode to which the way dips least
_LEAST_SHARE = 0.01


@dataclasses.dataclass(frozen=True)
class Modes:
    """Separate modes of a posterior, the largest first.

    Parameters
    ----------
    shares : ndarray, shape (M,)
        The share of each, which sum to one.
    centre, whitening : ndarray, shape (d,) and (d, d)
        The map to coordinates in which distances count.
    clusters : ndarray, shape (C, d)
        Centres of clusters in those coordinates.
    mode : ndarray of int, shape (C,)
        The mode of each cluster.
    """

    shares: FloatArray
    centre: FloatArray
    whitening: FloatArray
    clusters: FloatArray
    mode: NDArray[np.intp]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.shares)

    def of(self, z: FloatArray) -> NDArray[np.intp]:
        """Return the mode of each point of shape (S, d)."""
        return self.mode[_nearest((z - self.centre) @ self.whitening, self.clusters)]

    def __str__(self) -> str:
        if self.count == 1:
            return "1 mode"
        numbers = [f"{100 * share:.0f}" for share in self.shares]
        return f"{self.count} modes, {', '.join(numbers[:-1])} and {numbers[-1]} %"


def separate_modes(
    log_density: Callable[[FloatArray], FloatArray],
    z: FloatArray,
    log_p: FloatArray,
    log_weights: FloatArray,
    *,
    rng: np.random.Generator,
) -> Modes:
    """Tell the modes of a weighted sample apart.

    Draws are clustered by k-means (Lloyd, 1982; means that begin as in
    k-means++); two clusters are of one mode if the log density does not fall by
    more than 3 on the straight way between their likeliest draws, or on ways
    through other clusters.

    Parameters
    ----------
    log_density : callable
        Points of shape (S, d) to the log density.
    z : ndarray, shape (S, d)
        The draws.
    log_p, log_weights : ndarray, shape (S,)
        Their log densities, and the logarithms of their weights.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    Modes
        One at least.
    """
    picks = resampled(log_weights, size=_DRAWS, rng=rng)
    at = z[picks]
    centre = at.mean(axis=0)
    covariance = np.cov(at.T).reshape(z.shape[1], -1)
    covariance += 1e-12 * np.trace(covariance) * np.eye(z.shape[1])
    whitening = np.linalg.inv(np.linalg.cholesky(covariance)).T
    white = (at - centre) @ whitening
    clusters = _clustered(white, rng=rng)
    member = _nearest(white, clusters)
    sizes = np.bincount(member, minlength=len(clusters))
    clusters, member = clusters[sizes > 0], (np.cumsum(sizes > 0) - 1)[member]
    sizes = sizes[sizes > 0]
    likeliest = np.array(
        [picks[member == c][log_p[picks[member == c]].argmax()] for c in range(len(clusters))]
    )
    dips = _dips(log_density, z[likeliest], log_p[likeliest])
    mode = _joined(dips, sizes / len(at))
    shares = np.bincount(mode, weights=sizes / len(at))
    order = np.argsort(-shares)
    return Modes(
        np.asarray(shares[order], dtype=np.float64),
        centre,
        whitening,
        clusters,
        np.asarray(np.argsort(order)[mode]),
    )


def _nearest(x: FloatArray, clusters: FloatArray) -> NDArray[np.intp]:
    """Return which cluster's centre is the nearest to each point."""
    squares = ((x[:, None] - clusters) ** 2).sum(axis=-1)
    return np.asarray(squares.argmin(axis=1), dtype=np.intp)


def _clustered(x: FloatArray, *, rng: np.random.Generator) -> FloatArray:
    """Return centres of clusters."""
    centres = x[[rng.integers(len(x))]]
    for _ in range(_CLUSTERS - 1):
        squares = ((x[:, None] - centres) ** 2).sum(axis=-1).min(axis=1)
        if squares.sum() == 0.0:
            break
        centres = np.concatenate([centres, x[[rng.choice(len(x), p=squares / squares.sum())]]])
    for _ in range(_ITERATIONS):
        member = _nearest(x, centres)
        centres = np.stack(
            [
                x[member == c].mean(axis=0) if (member == c).any() else centres[c]
                for c in range(len(centres))
            ]
        )
    return centres


def _dips(
    log_density: Callable[[FloatArray], FloatArray], z: FloatArray, log_p: FloatArray
) -> FloatArray:
    """Return how far the log density falls on the way between any two points, shape (C, C)."""
    C = len(z)
    first, second = np.triu_indices(C, 1)
    along = np.linspace(0.0, 1.0, _STEPS_OF_WAY + 2)[1:-1, None, None]
    ways = (1.0 - along) * z[first] + along * z[second]
    lowest = log_density(ways.reshape(-1, z.shape[1])).reshape(_STEPS_OF_WAY, -1).min(axis=0)
    dips = np.zeros((C, C))
    dips[first, second] = np.minimum(log_p[first], log_p[second]) - lowest
    return np.maximum(dips, dips.T)


def _joined(dips: FloatArray, shares: FloatArray) -> NDArray[np.intp]:
    """Return the mode of each cluster: those that the least dips join."""
    mode = np.arange(len(shares))
    second, first = np.tril_indices(len(shares), -1)
    for pair in np.argsort(dips[second, first], kind="stable"):
        dip = dips[second[pair], first[pair]]
        mine, other = mode[second[pair]], mode[first[pair]]
        small = min(shares[mode == mine].sum(), shares[mode == other].sum()) < _LEAST_SHARE
        if mine != other and (dip <= _DIP or small):
            mode[mode == mine] = other
    return np.asarray(np.unique(mode, return_inverse=True)[1].reshape(-1), dtype=np.intp)
