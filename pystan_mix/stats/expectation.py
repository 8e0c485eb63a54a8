"""What expectation maximisation of a mixture takes beside its components."""

import numpy as np

from pystan_mix.numerics import FloatArray, log_sum_exp


def spread_points(points: FloatArray, K: int, rng: np.random.Generator) -> FloatArray:
    """Choose points far from each other: each with odds of its squared distance to the others."""
    chosen = [rng.choice(points)]
    for _ in range(1, K):
        squares = np.min((points[:, None] - np.array(chosen)) ** 2, axis=1)
        total = squares.sum()
        # fewer different points than components, for example of tied observations
        chosen.append(rng.choice(points, p=squares / total if total > 0 else None))
    return np.sort(np.array(chosen))


def shares_of(terms: FloatArray, times: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
    """Return the log likelihood of each mixture, and each component's share in each point.

    In the likelihood each point counts once, or as often as is said.
    """
    totals = log_sum_exp(terms, axis=-2)
    log_lik = totals.sum(axis=-1) if times is None else totals @ times
    return log_lik, np.exp(terms - totals[..., None, :])


def weighted_variance(points: FloatArray, shares: FloatArray) -> FloatArray:
    """Return the variance of points about their mean, for each row of shares."""
    weight = shares.sum(axis=-1) + 1e-9
    mean = shares @ points / weight
    return np.asarray((shares * (points - mean[..., None]) ** 2).sum(axis=-1) / weight)
