"""Mixtures of multivariate Student-t: proposals with tails heavier than a posterior's.

Weights of draws from a normal know nothing of a tail that the normal hardly
reaches; a Student-t, and a wide component beside the others, reach it.
"""

import dataclasses
import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pystan_mix.numerics import FloatArray, in_blocks, log_sum_exp
from pystan_mix.stats.importance.normal_proposals import Proposal

# heavier tails than a log-concave posterior's, and a covariance
DEGREES_OF_FREEDOM = 6.0


@dataclasses.dataclass(frozen=True)
class StudentMixture:
    """A mixture of C multivariate Student-t distributions in d dimensions.

    Parameters
    ----------
    weights : ndarray, shape (C,)
        Weights, which sum to one.
    means : ndarray, shape (C, d)
        Means.
    factors : ndarray, shape (C, d, d)
        Lower triangular roots of the covariances.
    """

    weights: FloatArray
    means: FloatArray
    factors: FloatArray


def student(mean: FloatArray, covariance: FloatArray) -> StudentMixture:
    """Return one Student-t with these moments.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the covariance is singular.
    """
    factor = np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
    return StudentMixture(np.ones(1), mean[None], factor[None])


def from_normals(normals: Proposal) -> StudentMixture:
    """Return the mixture with a Student-t of the same moments for each normal."""
    return StudentMixture(
        weights=normals.weights / normals.weights.sum(),
        means=normals.centre + normals.means @ normals.axes.T,
        factors=normals.axes @ normals.factors,
    )


def beside(first: StudentMixture, second: StudentMixture, *, share: float) -> StudentMixture:
    """Return a mixture of two, in which the second has a share."""
    return StudentMixture(
        weights=np.concatenate([(1.0 - share) * first.weights, share * second.weights]),
        means=np.concatenate([first.means, second.means]),
        factors=np.concatenate([first.factors, second.factors]),
    )


def draw_student(mixture: StudentMixture, n: int, *, rng: np.random.Generator) -> FloatArray:
    """Draw independently from a mixture.

    Parameters
    ----------
    mixture : StudentMixture
        The mixture.
    n : int
        Number of draws.
    rng : numpy.random.Generator
        Their source.

    Returns
    -------
    ndarray, shape (n, d)
        Draws.
    """
    df = DEGREES_OF_FREEDOM
    picks = rng.choice(mixture.weights.size, n, p=mixture.weights)
    stretch = np.sqrt((df - 2.0) / rng.chisquare(df, size=n))
    noise = rng.normal(size=(n, mixture.means.shape[1])) * stretch[:, None]
    steps = np.einsum("nij,nj->ni", mixture.factors[picks], noise)
    return np.asarray(mixture.means[picks] + steps)


def student_log_density(mixture: StudentMixture, z: FloatArray) -> FloatArray:
    """Log density of a mixture, with its constants.

    Parameters
    ----------
    mixture : StudentMixture
        The mixture.
    z : ndarray, shape (S, d)
        Points.

    Returns
    -------
    ndarray, shape (S,)
        Log density.
    """
    S, d = z.shape
    df = DEGREES_OF_FREEDOM
    # the covariance is df / (df - 2) times the squared scale
    roots = np.linalg.inv(mixture.factors) / math.sqrt((df - 2.0) / df)
    points = in_blocks(z)
    constants = (
        np.log(mixture.weights)
        + np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)
        + (math.lgamma(0.5 * (df + d)) - math.lgamma(0.5 * df) - 0.5 * d * math.log(df * math.pi))
    )
    logs = np.empty((S, mixture.weights.size))
    for c, (mean, root) in enumerate(zip(mixture.means, roots, strict=True)):
        square = (((points - mean) @ root.T) ** 2).sum(axis=-1).ravel()[:S]
        logs[:, c] = constants[c] - 0.5 * (df + d) * np.log1p(square / df)
    return log_sum_exp(logs)


class Source(Protocol):
    """A density that can be drawn from."""

    def draw(self, n: int, *, rng: np.random.Generator) -> FloatArray:
        """Draw n points, shape (n, d)."""
        ...

    def log_density(self, z: FloatArray) -> FloatArray:
        """Return the log density of points of shape (S, d), with its constants."""
        ...


@dataclasses.dataclass(frozen=True)
class Students:
    """A mixture of Student-t as a source."""

    mixture: StudentMixture

    def draw(self, n: int, *, rng: np.random.Generator) -> FloatArray:
        """Draw n points, shape (n, d)."""
        return draw_student(self.mixture, n, rng=rng)

    def log_density(self, z: FloatArray) -> FloatArray:
        """Return the log density of points."""
        return student_log_density(self.mixture, z)


@dataclasses.dataclass(frozen=True)
class Blend:
    """Several sources, each with a share.

    Parameters
    ----------
    sources : tuple of Source
        The sources.
    shares : ndarray, shape (sources,)
        Their shares, which sum to one.
    """

    sources: tuple[Source, ...]
    shares: FloatArray

    def draw(self, n: int, *, rng: np.random.Generator) -> FloatArray:
        """Draw n points, shape (n, d), those of one source side by side."""
        return self.draw_counts(rng.multinomial(n, self.shares), rng=rng)

    def draw_counts(self, counts: NDArray[np.int_], *, rng: np.random.Generator) -> FloatArray:
        """Draw so many points from each source."""
        parts = [
            source.draw(int(count), rng=rng)
            for source, count in zip(self.sources, counts, strict=True)
        ]
        return np.concatenate(parts)

    def log_terms(self, z: FloatArray) -> FloatArray:
        """Return the log of each source's share times its density, shape (sources, S)."""
        log_densities = np.stack([source.log_density(z) for source in self.sources])
        return np.asarray(log_densities + np.log(self.shares)[:, None])

    def log_density(self, z: FloatArray) -> FloatArray:
        """Return the log density of points."""
        return log_sum_exp(self.log_terms(z), axis=0)
