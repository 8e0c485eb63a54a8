"""A fit of vectors by NUTS, made once for whoever asks."""

import functools
from typing import Any

import numpy as np
import pandas as pd

import pystan_mix as pmix

CENTRES = np.array([[0.0, 0.0], [3.0, 4.0]])
CORRELATIONS = np.array([[[1.0, 0.8], [0.8, 1.0]], [[1.0, -0.5], [-0.5, 1.0]]])


def table(n: int = 150) -> pd.DataFrame:
    """Observations of two components, the first 60 of the first one."""
    rng = np.random.default_rng(1)
    own = (np.arange(n) >= 60).astype(int)
    roots = np.linalg.cholesky(CORRELATIONS)[own]
    y = CENTRES[own] + np.einsum("nij,nj->ni", roots, rng.normal(size=(n, 2)))
    return pd.DataFrame(y, columns=["length", "width"])


@functools.cache
def fit_of_vectors() -> Any:
    """What `sample` returns of them."""
    model = pmix.MultivariateNormalMixture(n_components=2)
    return pmix.sample(model, table(), seed=1, show_progress=False)


def incomplete_table(n: int = 150) -> pd.DataFrame:
    """The same observations, of which each coordinate is missing in one of ten, and all once."""
    y, rng = table(n), np.random.default_rng(2)
    lacks = rng.random(n) < 0.2
    y = y.mask(np.stack([lacks, lacks], axis=1) & (rng.integers(0, 2, n)[:, None] == [0, 1]))
    y.iloc[7] = np.nan
    return y


@functools.cache
def fit_of_incomplete_vectors() -> Any:
    """What `sample` returns of them, their missing coordinates integrated out."""
    model = pmix.MultivariateNormalMixture(n_components=2)
    return pmix.sample(
        model, incomplete_table(), missing="marginalise", seed=1, show_progress=False
    )
