"""The weights of a mixture in PyMC."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pystan_mix.mixtures.target import Target
from pystan_mix.with_pymc.distributions import floored_simplex


def weights_variable(pm: Any, target: Target, start: Mapping[str, Any], *, potential: bool) -> Any:
    """Add the weights; a floor is in their transform, or a potential."""
    K, floor = target.n_components, target.model.min_weight
    potential = potential and floor > 0.0
    transform = pm.distributions.transforms.simplex
    if floor > 0.0 and not potential:
        transform = floored_simplex(pm, floor, K)
    theta = pm.Dirichlet(
        "theta",
        a=target.concentration,
        default_transform=transform,
        # the floor, and a share of what it leaves
        initval=floor + target.free_weight * np.array(start["theta_raw"]),
        dims="component",
    )
    if potential:
        too_small = pm.math.lt(theta.min(), floor)
        pm.Potential("min_weight", pm.math.where(too_small, -np.inf, 0))
    return theta
