"""Stan's simplexes as its Reference Manual has them, and our inverses."""

import numpy as np
import pytest

from pystan_mix.stats.transforms import log_ratios, stick_breaking


def broken_stick(z: np.ndarray) -> np.ndarray:
    """Simplex as Stan makes it up to 2.36 (Reference Manual, "Unit simplex")."""
    K = z.shape[-1] + 1
    theta = np.empty((*z.shape[:-1], K))
    left = np.ones(z.shape[:-1])
    for k in range(K - 1):
        share = 1.0 / (1.0 + np.exp(-(z[..., k] - np.log(K - k - 1))))
        theta[..., k] = left * share
        left = left * (1.0 - share)
    theta[..., -1] = left
    return theta


def isometric_log_ratio(z: np.ndarray) -> np.ndarray:
    """Simplex as Stan makes it from 2.37 on: softmax of a sum-to-zero vector."""
    K = z.shape[-1] + 1
    x = np.zeros((*z.shape[:-1], K))
    for k in range(1, K):
        scaled = z[..., k - 1] / np.sqrt(k * (k + 1))
        x[..., :k] += scaled[..., None]
        x[..., k] -= k * scaled
    weights = np.exp(x)
    return weights / weights.sum(axis=-1, keepdims=True)


SIMPLEXES = [
    pytest.param(broken_stick, stick_breaking, id="stick-breaking"),
    pytest.param(isometric_log_ratio, log_ratios, id="log-ratios"),
]
