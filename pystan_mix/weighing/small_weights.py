"""The law of the weight that a component is born with: that of a nearly empty one."""

import math

import numpy as np
from scipy import stats

from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray, log_sum_exp

# the weight is as if so many observations in one were another component's
_OBSERVATIONS_IN = (2.0, 8.0)


def _laws(target: Target) -> list[tuple[float, float]]:
    """Return Beta laws of the share of the free weight."""
    n = max(1.0, target.observed.size)
    return [(float(target.concentration.mean()), n / m) for m in _OBSERVATIONS_IN]


def small_weights(target: Target, n: int, *, rng: np.random.Generator) -> FloatArray:
    """Draw n shares of the free weight, shape (n,)."""
    laws = np.array(_laws(target))[rng.integers(0, len(_OBSERVATIONS_IN), n)]
    return rng.beta(laws[:, 0], laws[:, 1])


def log_density_of_small(target: Target, share: FloatArray) -> FloatArray:
    """Return the log density of shares of the free weight, of the same shape."""
    laws = [stats.beta.logpdf(share, a, b) for a, b in _laws(target)]
    return np.asarray(log_sum_exp(np.stack(laws), axis=0) - math.log(len(laws)))
