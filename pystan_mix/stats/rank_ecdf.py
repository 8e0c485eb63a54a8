"""Whether ranks are uniform: their empirical distribution inside a simultaneous band."""

import dataclasses

import numpy as np
from scipy import stats

from pystan_mix.numerics import FloatArray

# points at which the distribution is held against the band
_POINTS = 100
# simulated samples by which the band is widened until it holds all points at once
_SIMULATIONS = 4000


@dataclasses.dataclass(frozen=True)
class Band:
    """A band that holds the empirical distribution of uniform numbers at all points at once.

    Parameters
    ----------
    points : ndarray, shape (P,)
        Points between 0 and 1.
    lower, upper : ndarray, shape (P,)
        Ends of the band, as shares of the sample.
    """

    points: FloatArray
    lower: FloatArray
    upper: FloatArray


def simultaneous_band(size: int, *, level: float = 0.99, seed: int = 1) -> Band:
    """Return the band that holds a sample's empirical distribution with a probability.

    At each point the count of smaller numbers is binomial. The pointwise band
    of these is widened until so large a share of simulated uniform samples
    stays inside at all points (Säilynoja, Bürkner and Vehtari, 2022, "Graphical
    test for discrete uniformity and its applications in goodness-of-fit
    evaluation and multiple sample comparison", algorithm 1).

    Parameters
    ----------
    size : int
        Size of the sample.
    level : float, default 0.99
        Probability that all points are inside.
    seed : int, default 1
        Seed of the simulated samples.

    Returns
    -------
    Band
        The band.

    Examples
    --------
    >>> band = simultaneous_band(100)
    >>> bool((band.lower < band.points).all() and (band.points < band.upper).all())
    True
    """
    points = np.arange(1, _POINTS) / _POINTS
    law = stats.binom(size, points)
    samples = np.random.default_rng(seed).random((_SIMULATIONS, size))
    counts = _counts(samples, points)
    # the two-sided probability of what is at least as far out, at each point
    tails = 2.0 * np.minimum(law.cdf(counts), law.sf(counts - 1))
    tail = float(np.quantile(tails.min(axis=1), 1.0 - level))
    lower, upper = law.ppf(0.5 * tail), law.isf(0.5 * tail)
    return Band(points, np.maximum(lower - 1, 0) / size, np.minimum(upper + 1, size) / size)


def is_inside(band: Band, sample: FloatArray) -> bool:
    """Return whether the empirical distribution of a sample stays inside a band."""
    share = _counts(sample[None], band.points)[0] / sample.size
    return bool(((share >= band.lower) & (share <= band.upper)).all())


def empirical_distribution(band: Band, sample: FloatArray) -> FloatArray:
    """Return the share of a sample below each of the band's points."""
    return np.asarray(_counts(sample[None], band.points)[0] / sample.size)


def _counts(samples: FloatArray, points: FloatArray) -> FloatArray:
    """Return how many numbers of each sample are at most each point."""
    ordered = np.sort(samples, axis=1)
    return np.stack([np.searchsorted(row, points, side="right") for row in ordered]).astype(float)


def randomised_rank(value: float, draws: FloatArray, *, rng: np.random.Generator) -> float:
    """Return where a value stands among draws, as a number that is uniform if it is one of them.

    Parameters
    ----------
    value : float
        The value.
    draws : ndarray, shape (L,)
        Draws.
    rng : numpy.random.Generator
        Places the value within its step, and among draws that are equal to it.

    Returns
    -------
    float
        Between 0 and 1.
    """
    below, equal = int((draws < value).sum()), int((draws == value).sum())
    rank = below + (int(rng.integers(equal + 1)) if equal else 0)
    return (rank + float(rng.random())) / (draws.size + 1)
