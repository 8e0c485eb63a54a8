"""A model and its observations: all that the joint density depends on but the parameters."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from pystan_mix.arviz_compat import Fit, group
from pystan_mix.errors import DataError
from pystan_mix.mixtures.ordering import spread_width
from pystan_mix.numerics import FloatArray

_UNKNOWN = "the model is not known. Give what sample() or advi() returned."


@dataclasses.dataclass(frozen=True)
class Joint:
    """A model and its observations: all that the joint density depends on but the parameters.

    Parameters
    ----------
    y : ndarray, shape (N,)
        Distinct observations.
    count : ndarray, shape (N,)
        How often each of them occurs.
    alpha : ndarray, shape (K,)
        Dirichlet concentrations of the weights.
    min_weight : float
        Floor under each weight.
    mu_loc, mu_scale : ndarray, shape (K,)
        Prior locations and scales of the means.
    sigma : ndarray, shape (K,), or None
        Known standard deviations.
    sigma_df : float
        Degrees of freedom of the half-Student-t prior of unknown ones.
    sigma_scale : ndarray, shape (K,)
        Its scales.
    """

    y: FloatArray
    count: FloatArray
    alpha: FloatArray
    min_weight: float
    mu_loc: FloatArray
    mu_scale: FloatArray
    sigma: FloatArray | None
    sigma_df: float
    sigma_scale: FloatArray

    @property
    def n_components(self) -> int:
        """Number of components K."""
        return self.alpha.size

    @property
    def free_weight(self) -> float:
        """The weight that the floor leaves free."""
        return 1.0 - self.n_components * self.min_weight

    @property
    def width(self) -> float:
        """How near two means may come before one pushes the other."""
        return spread_width(np.repeat(self.y, self.count.astype(np.intp)), self.mu_scale)

    @property
    def dimensions(self) -> int:
        """Number of unconstrained parameters."""
        return 2 * self.n_components - 1 + (self.n_components if self.sigma is None else 0)


def joint_of(fit: Fit) -> Joint:
    """Return the model and the observations of a fit.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit with ``observed_data`` and ``constant_data``.

    Returns
    -------
    Joint
        Equal observations once, with their counts.

    Raises
    ------
    DataError
        If a group or a constant is missing.
    """
    constant, observed = group(fit, "constant_data"), group(fit, "observed_data")
    if "y" not in observed:
        raise DataError(f"observed_data has no y: {_UNKNOWN}")
    y, count = np.unique(np.asarray(observed["y"], dtype=np.float64), return_counts=True)
    data = {str(name): np.asarray(values) for name, values in constant.data_vars.items()}
    return joint_of_data(data | {"y": y, "count": count})


def joint_of_data(stan: Mapping[str, Any]) -> Joint:
    """Return the model and the observations that Stan is given.

    Parameters
    ----------
    stan : mapping
        The data block of the Stan programs, as `model.stan_data` makes it.

    Returns
    -------
    Joint
        The model and its observations.

    Raises
    ------
    DataError
        If a constant is missing.
    """
    priors = ["sigma"] if "sigma" in stan else ["sigma_df", "sigma_scale"]
    needed = ["alpha", "min_weight", "mu_loc", "mu_scale", *priors]
    missing = [name for name in needed if name not in stan]
    if missing:
        raise DataError(f"constant_data has no {', '.join(missing)}: {_UNKNOWN}")
    vectors = {
        name: np.asarray(stan[name], dtype=np.float64)
        for name in ("y", "count", "alpha", "mu_loc", "mu_scale", "sigma", "sigma_scale")
        if name in stan
    }
    return Joint(
        y=vectors["y"],
        count=vectors["count"],
        alpha=vectors["alpha"],
        min_weight=float(stan["min_weight"]),
        mu_loc=vectors["mu_loc"],
        mu_scale=vectors["mu_scale"],
        sigma=vectors.get("sigma"),
        sigma_df=math.nan if "sigma" in stan else float(stan["sigma_df"]),
        sigma_scale=vectors.get("sigma_scale", np.empty(0)),
    )
