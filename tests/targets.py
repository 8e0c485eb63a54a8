"""Targets with observations or without."""

from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.target import Target, prior_target, target_of


def any_target(model: Mixture, y: object) -> Target:
    """Return the target of a model and its observations; of the prior alone where they are None."""
    return prior_target(model) if y is None else target_of(model, y)
