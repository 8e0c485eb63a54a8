"""The draws of populations on their way: free values of components that have no order."""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray, log_sum_exp
from pystan_mix.weighing.labelled import alike

# correlations are that much smaller, so that no direction is without a step
_SHRINK = 0.05


@dataclasses.dataclass
class Particles:
    """R draws, which moves change in place.

    Weights are normalised gamma variables, so that one component moves at a time.

    Parameters
    ----------
    free : dict of str to ndarray, shape (R, K) or (R, 1)
        Free values of what is estimated, by name; of vectors with one axis more.
    log_gamma : ndarray, shape (R, K)
        Logarithms of gamma variables, whose shares of their sum are those of the weights.
    log_ratio : ndarray, shape (R,)
        Log of the posterior's density over that at the start, not normalised.
    """

    free: dict[str, FloatArray]
    log_gamma: FloatArray
    log_ratio: FloatArray

    def picked(self, rows: NDArray[np.intp]) -> "Particles":
        """Return some of the draws."""
        free = {name: values[rows] for name, values in self.free.items()}
        return Particles(free, self.log_gamma[rows], self.log_ratio[rows])


def own(target: Target) -> list[Parameter]:
    """Return the parameters that are estimated for each component."""
    return [each for each in target.estimated if target.model.size(each) > 1]


def shared(target: Target) -> list[Parameter]:
    """Return the parameters that are estimated for all components together."""
    return [each for each in target.estimated if target.model.size(each) == 1]


def features_of(target: Target) -> int:
    """Return how many free values of a component move together, its gamma variable among them."""
    return 1 + sum(math.prod(target.model.free_shape(each)) for each in own(target))


def values_of(target: Target, free: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return parameters by name, those that are known among them."""
    model = target.model
    found = {each.name: model.space(each).from_free(free[each.name]) for each in model.estimated}
    return found | {name: values[None, :1] for name, values in target.known.items()}


def log_share_of(log_gamma: FloatArray) -> FloatArray:
    """Return the logarithms of gamma variables' shares of their sum."""
    return np.asarray(log_gamma - log_sum_exp(log_gamma)[:, None])


def log_theta_of(target: Target, log_gamma: FloatArray) -> FloatArray:
    """Return the logarithms of the weights."""
    log_share, floor = log_share_of(log_gamma), target.model.min_weight
    if floor == 0.0:
        return log_share
    return np.asarray(np.log(floor + target.free_weight * np.exp(log_share)))


def _order(target: Target, particles: Particles, features: FloatArray) -> NDArray[np.intp]:
    """Return which component of each draw is called the first, the second, ..., shape (R, K)."""
    if target.n_components == 1:
        return np.zeros((len(features), 1), dtype=np.intp)
    if not target.model.vectors:
        means = particles.free[target.model.ordered_parameter().name]
        return np.argsort(means, axis=1)
    (D,) = target.model.point_shape
    return alike(features, by=[features[..., d] for d in range(D)])


def roots_of(target: Target, particles: Particles) -> FloatArray:
    """Return roots of the covariances of components in the order of their means.

    Those of vectors have one by which they resemble each other most.

    Parameters
    ----------
    target : Target
        The model and its observations.
    particles : Particles
        Draws.

    Returns
    -------
    ndarray, shape (K, F, F)
        Lower triangular; of what each component has one of, in the model's order, and
        the logarithm of its gamma variable.
    """
    R, K = particles.log_gamma.shape
    parts = [*(particles.free[each.name] for each in own(target)), particles.log_gamma]
    x = np.concatenate([part.reshape(R, K, -1) for part in parts], axis=-1)
    x = np.take_along_axis(x, _order(target, particles, x)[..., None], axis=1)
    x -= x.mean(axis=0)
    covariances = np.einsum("rkf,rkg->kfg", x, x) / len(x)
    unit = np.eye(x.shape[-1])
    covariances = (1.0 - _SHRINK + _SHRINK * unit) * covariances
    covariances += 1e-12 * unit * np.trace(covariances, axis1=1, axis2=2)[:, None, None]
    return np.asarray(np.linalg.cholesky(covariances))
