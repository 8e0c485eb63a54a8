"""Components told apart by what they are like, not by the order of their means.

A posterior of exchangeable components has K! equal copies. Ordered means cut one of
them out, but through the middle of it where two means may change places. Here the
cut lies where it hurts least: each component goes to the label that it resembles
(Stephens, 2000, "Dealing with label switching in mixture models").
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pystan_mix.fits.draws import Draws
from pystan_mix.mixtures.density import (
    Constrained,
    log_prior,
    to_constrained,
    to_unconstrained,
)
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.target import Target
from pystan_mix.mixtures.vectors.relabelling import picked
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.assignment import assigned
from pystan_mix.stats.importance.weighted_draws import total_density
from pystan_mix.weighing.compiled.likelihood import log_likelihood

Variables = Mapping[str, FloatArray]

# a label's law is a Student-t of so many degrees, so that a far component still has its nearest
_DF = 4.0
_LEARNING_STEPS = 12
_LEARNING_DRAWS = 1500
# a label is as wide as this share of the variance of all labels, at least
_LEAST_VARIANCE = 1e-4
_SHRINK = 0.02
# of sums of scores: nearer ones are equal
_TIE = 1e-9
_NO_NAMES: NDArray[np.intp] = np.zeros(0, dtype=np.intp)


class FreeTarget(Target):
    """A target whose means have no order: their unconstrained values are the means themselves."""

    @property
    def estimated(self) -> tuple[Parameter, ...]:
        """The parameters of the components that are not known, none of them ordered."""
        return tuple(dataclasses.replace(each, ordered=False) for each in self.model.estimated)


def exchangeable(target: Target) -> bool:
    """Whether components have changed nothing but names when they change places.

    Priors that differ by component do not matter: they are those of the
    components in the order of their means, whoever these are. Known means, what
    is known of some components, and labels are each of one component.
    """
    if target.model.vectors:
        return target.observed.label is None
    if (
        target.observed.label is not None
        or target.partly_known
        or target.model.is_known(target.model.ordered_parameter())
    ):
        return False
    return all(float(np.ptp(known)) == 0.0 for known in target.known.values())


@dataclasses.dataclass(frozen=True)
class Labels:
    """A law for each label, of the unconstrained values of one component.

    Parameters
    ----------
    centres : ndarray, shape (K, F)
        Their centres.
    roots : ndarray, shape (K, F, F)
        Inverse lower triangular roots of their scales.
    named : ndarray of int
        Components that observations' labels name: each has its own label.
    """

    centres: FloatArray
    roots: FloatArray
    named: NDArray[np.intp]

    def scores(self, features: FloatArray) -> FloatArray:
        """Return the log density of each component under each label, shape (S, label, K)."""
        F = features.shape[-1]
        deviations = features[:, None] - self.centres[:, None]
        squares = (np.einsum("kfg,skjg->skjf", self.roots, deviations) ** 2).sum(axis=-1)
        log_det = np.log(np.abs(np.diagonal(self.roots, axis1=1, axis2=2))).sum(axis=1)
        scores = np.asarray(log_det[:, None] - 0.5 * (_DF + F) * np.log1p(squares / _DF))
        if self.named.size:
            fixed = np.isin(np.arange(len(self.centres)), self.named)
            own = np.eye(fixed.size, dtype=np.bool_)
            scores[:, (fixed[:, None] | fixed) & ~own] = -np.inf
        return scores


def _fitted(features: FloatArray, named: NDArray[np.intp] = _NO_NAMES) -> Labels:
    """Return laws with the moments of features of shape (S, K, F)."""
    S, _, F = features.shape
    centres = features.mean(axis=0)
    deviations = features - centres
    covariances = np.einsum("skf,skg->kfg", deviations, deviations) / S
    whole = np.cov(features.reshape(-1, F).T).reshape(F, F)
    own = np.eye(F)
    covariances = (1.0 - _SHRINK + _SHRINK * own) * covariances + _LEAST_VARIANCE * own * whole
    roots = np.asarray(np.linalg.inv(np.linalg.cholesky(covariances)))
    return Labels(centres, roots, named)


def _learned(
    features: FloatArray,
    starts: Sequence[NDArray[Any]],
    named: NDArray[np.intp] = _NO_NAMES,
) -> Labels:
    """Return the labels that cut least: of some starts, each by the order of numbers, the best."""
    found: list[tuple[float, Labels]] = []
    for start in starts:
        order = np.argsort(start, axis=1)
        mine, last = np.take_along_axis(features, order[..., None], axis=1), -np.inf
        for _ in range(_LEARNING_STEPS):
            labels = _fitted(mine, named)
            order, scores = assigned(labels.scores(mine))
            mine = np.take_along_axis(mine, order[..., None], axis=1)
            value = float(scores.mean())
            if value - last < 1e-3:
                break
            last = value
        found.append((value, labels))
    return max(found, key=lambda each: each[0])[1]


def alike(features: FloatArray, *, by: Sequence[NDArray[Any]]) -> NDArray[np.intp]:
    """Return an order of components in each draw by which those of one place are most alike.

    Parameters
    ----------
    features : ndarray, shape (S, K, F)
        What each component is like.
    by : sequence of ndarray, shape (S, K)
        Numbers by whose order the search begins, of each in turn.

    Returns
    -------
    ndarray of int, shape (S, K)
        The component in each place.
    """
    order, _ = assigned(_learned(features, by).scores(features))
    return order


@dataclasses.dataclass(frozen=True)
class Labelled:
    """The posterior on coordinates in which components keep their labels.

    Parameters
    ----------
    target : Target
        The model and its observations.
    free : Target
        The same, whose unconstrained space is that of the coordinates.
    labels : Labels or None
        None where the order of the means tells components apart: where there
        is one, and where they differ by more than their names.
    """

    target: Target
    free: Target
    labels: Labels | None

    def _features(self, variables: Variables) -> FloatArray:
        """Return the log odds of weights and each component's parameters, shape (S, K, F)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            theta = variables["theta"]
            parts = [np.log(theta) - np.log1p(-theta)]
            parts += [
                each.space.to_free(variables[each.name])
                for each in self.free.estimated
                if self.target.model.size(each) == self.target.n_components
            ]
            rows = [x.reshape(*theta.shape, math.prod(x.shape[2:])) for x in parts]
            return np.concatenate(rows, axis=-1)

    def relabelled(self, variables: Variables) -> dict[str, FloatArray]:
        """Return variables of shape (S, K) or (S, 1) with each component at its label."""
        if self.labels is None:
            return dict(variables)
        order, _ = assigned(self.labels.scores(self._features(variables)))
        return picked(variables, order)

    def relabelled_draws(self, draws: Draws) -> Draws:
        """Return draws of chains with each component at its label."""
        return draws.with_flat(self.relabelled(draws.flat()))

    def inside(self, variables: Variables) -> NDArray[np.bool_]:
        """Return in which draws each component is at its label."""
        if self.labels is None:
            return np.ones(len(variables["theta"]), dtype=np.bool_)
        scores = self.labels.scores(self._features(variables))
        _, best = assigned(scores)
        with np.errstate(invalid="ignore"):
            own = np.diagonal(scores, axis1=1, axis2=2).sum(axis=1)
            return np.asarray(own >= best - _TIE * np.abs(best), dtype=np.bool_)

    def to_coordinates(self, variables: Variables) -> FloatArray:
        """Map variables, each component at its label, to coordinates; ordered where there is none.

        Not finite where a weight is on its floor, or two ordered means are equal.
        """
        return to_unconstrained(self.free, variables)

    def from_coordinates(self, z: FloatArray) -> Constrained:
        """Map coordinates to variables, each component at its label."""
        return to_constrained(self.free, z)

    def log_parts(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return log prior with log Jacobian, ``-inf`` off the labels, and log likelihood."""
        kept, flattened = np.full(len(z), -np.inf), np.zeros(len(z))
        with np.errstate(all="ignore"):
            whole = to_constrained(self.free, z)
            inside = self.inside(whole.variables())
            components = {name: values[inside] for name, values in whole.components.items()}
            some = Constrained(whole.log_theta[inside], components, whole.log_jacobian[inside])
            some = some if self.labels is None else self._sorted(some)
            kept[inside] = log_prior(self.target, some) + some.log_jacobian
            flattened[inside] = log_likelihood(self.target, some)
        return kept, flattened

    def log_density(self, z: FloatArray) -> FloatArray:
        """Return the log density of coordinates, ``-inf`` where it is zero."""
        return total_density(*self.log_parts(z))

    def _sorted(self, parameters: Constrained) -> Constrained:
        """Return components in the order of their means, for priors that differ by component."""
        if self.target.model.vectors:
            return parameters
        order = np.argsort(parameters.components[self._ordered_name], axis=1)
        log_theta = np.take_along_axis(parameters.log_theta, order, axis=1)
        return dataclasses.replace(
            parameters, log_theta=log_theta, components=picked(parameters.components, order)
        )

    @property
    def _ordered_name(self) -> str:
        return self.target.model.ordered_parameter().name

    def ordered_variables(self, z: FloatArray) -> dict[str, FloatArray]:
        """Map coordinates to variables in the order of the means, or with the names of labels.

        Vectors keep their own labels.
        """
        variables = self.from_coordinates(z).variables()
        if self.labels is None or self.target.model.vectors:
            return variables
        return picked(variables, np.argsort(variables[self._ordered_name], axis=1))


def labelled(target: Target, variables: Variables) -> Labelled:
    """Learn labels from draws.

    Parameters
    ----------
    target : Target
        The model and its observations.
    variables : mapping of str to ndarray, shape (S, K) or (S, 1)
        Draws of `theta` and the components' parameters, components in any order;
        those of vectors named the same in all draws.

    Returns
    -------
    Labelled
        The posterior on coordinates of its own.
    """
    # of vectors those are in any order that observations' labels do not name
    movable = target.unnamed.size if target.model.vectors else target.n_components
    if movable < 2 or not (target.model.vectors or exchangeable(target)):
        return Labelled(target, target, None)
    free = FreeTarget(target.model, target.observed)
    features = Labelled(target, free, None)._features(variables)
    features = features[np.isfinite(features).all(axis=(1, 2))]
    features = features[:: max(1, len(features) // _LEARNING_DRAWS)]
    if target.model.vectors:
        as_they_are = np.broadcast_to(np.arange(target.n_components), features.shape[:2])
        return Labelled(target, free, _learned(features, [as_they_are], target.observed.named))
    starts = [features[..., by] for by in range(features.shape[-1])]
    return Labelled(target, free, _learned(features, starts))
