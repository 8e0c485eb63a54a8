"""A model and its observations: all that the posterior depends on."""

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pystan_mix.containers import Missing
from pystan_mix.errors import DataError, ModelError
from pystan_mix.mixtures.annotations.checking import checked_observations
from pystan_mix.mixtures.annotations.intervals import Interval
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.numbers import per_component
from pystan_mix.mixtures.observations import Observations, indexed
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.vectors.rows import checked_vectors
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.ordering import pull_some_free
from pystan_mix.stats.transforms import POSITIVE

Model = TypeVar("Model", bound=Mixture)


@dataclasses.dataclass(frozen=True)
class Target:
    """A model and its observations, checked, no prior left out.

    Parameters
    ----------
    model : Mixture
        The model.
    observed : Observations
        The observations; empty where the prior alone is meant.
    """

    model: Mixture
    observed: Observations

    @property
    def n_components(self) -> int:
        """Number of components K."""
        return self.model.n_components

    @property
    def free_weight(self) -> float:
        """The weight that the floor leaves free."""
        return 1.0 - self.n_components * self.model.min_weight

    @property
    def estimated(self) -> tuple[Parameter, ...]:
        """The parameters of the components that are not known, in the programs' order."""
        return self.model.estimated

    @property
    def dimensions(self) -> int:
        """Number of unconstrained parameters, the weights among them."""
        return self.n_components - 1 + sum(self.model.free_count(each) for each in self.estimated)

    @property
    def terms(self) -> int:
        """How many densities of an observation under a component a likelihood has; 1 or more."""
        return max(1, self.observed.distinct.size * self.n_components)

    @functools.cached_property
    def free_components(self) -> bool:
        """Whether NUTS samples components in any order and sorts them, each draw by its means.

        Where components carry a scale of their own, two means may change
        places, and means that are kept in order by the sampler would cut one
        mode in two, of which it then sees one. Where nothing but the means
        tells components apart, keeping these apart takes far fewer steps. Where
        concentrations, scales of priors or known values differ by component the
        density would jump where two means change places: they are kept apart.
        Vectors have no order at all.
        """
        if self.model.vectors:
            return self.n_components > 1
        return self._own_parameters and self._alike and not self.partly_known

    @property
    def _own_parameters(self) -> bool:
        """Whether something is estimated of each component beside what orders them."""
        K = self.n_components
        own = [each for each in self.estimated if self.model.size(each) == K > 1]
        return any(not each.ordered for each in own)

    @property
    def partly_known(self) -> bool:
        """Whether of a parameter some components' values are known, and others' estimated."""
        return any(self.model.count(each) < self.model.size(each) for each in self.estimated)

    @property
    def _alike(self) -> bool:
        """Whether all components have the same priors and known values, those of means aside."""
        numbers: list[object] = [self.concentration, *self.known.values()]
        for each in self.estimated:
            if not each.ordered:
                size = self.model.size(each)
                numbers += self.model.prior(each).stan_data(each.name, size).values()
        # an infinite number of degrees of freedom is one number
        return all(np.unique(np.asarray(each)).size <= 1 for each in numbers)

    @functools.cached_property
    def unnamed(self) -> NDArray[np.intp]:
        """The components that no label names, which are in the order of their means: mostly all.

        A component that is always 0 is not among them: its name is the first. Those of
        vectors are in no order.
        """
        zero = not self.model.vectors and self.model.is_inflated(self.model.ordered_parameter())
        return np.setdiff1d(np.arange(int(zero), self.n_components), self.observed.named)

    @functools.cached_property
    def pushed(self) -> NDArray[np.intp]:
        """Which of the means that are estimated are pushed apart: those of unnamed components."""
        places = self.model.places(self.model.ordered_parameter())
        return np.flatnonzero(np.isin(np.arange(self.n_components)[places], self.unnamed))

    def unordered(self, values: FloatArray) -> FloatArray:
        """Return the free means that ordered ones, shape (..., K), are made of: what is sampled.

        They are pushed apart in the unconstrained space, but for those that labels name.
        """
        space = self.model.space(self.model.ordered_parameter())
        return space.from_free(pull_some_free(space.to_free(values), self.pushed, self.width))

    @functools.cached_property
    def concentration(self) -> FloatArray:
        """Dirichlet concentration of each weight, shape (K,)."""
        return per_component(self.model.weights.concentration, self.n_components)

    @functools.cached_property
    def known(self) -> dict[str, FloatArray]:
        """The parameters that are known by name, each of shape (K,) or (1,)."""
        return self.model.known_values()

    @functools.cached_property
    def width(self) -> float:
        """How near two means may come before one pushes the other: the programs' own choice.

        Half the standard deviation of the data, or where they do not vary the
        mean prior scale of the means, divided by the number of components whose
        means are estimated. Means that are positive are pushed apart on the log scale:
        there it is the standard deviation of a lognormal variable with the
        moments of the data, or of the prior.
        """
        spread = self.observed.std if self.observed.distinct.size > 1 else 0.0
        means = self.model.ordered_parameter()
        relative = means.space is POSITIVE
        if relative and spread:
            spread = math.sqrt(math.log1p((spread / self.observed.mean) ** 2))
        elif not spread:
            prior = self.model.prior(means).stan_data(means.name, self.n_components)
            part = np.array(prior[f"{means.name}_{'shape' if relative else 'scale'}"])
            part = part[self.model.places(means)]
            spread = math.sqrt(math.log1p((1.0 / part).mean())) if relative else float(part.mean())
        return spread / (2 * self.model.count(means))


def target_of(
    model: Mixture,
    y: object,
    *,
    counts: object = None,
    weights: object = None,
    labels: object = None,
    missing: Missing = "raise",
) -> Target:
    """Check a model and observations, and scale to these the priors that are left out.

    Parameters
    ----------
    model : Mixture
        The model.
    y : array_like or Interval, shape (N,), or of vectors (N, D)
        The observations.
    counts, weights : array_like, shape (N,), optional
        How often each occurs, or its weight.
    labels : array_like of int, shape (N,), optional
        The component that each is known to be of, or -1.
    missing : {"raise", "drop", "marginalise"}, default "raise"
        Whether missing values are refused, left out, or of vectors integrated out.

    Returns
    -------
    Target
        What is to be fitted.

    Raises
    ------
    DataError
        If the observations cannot be used, or are None.
    ModelError
        If they are intervals, and the family knows none.
    """
    if isinstance(y, Interval) and model.log_interval is None:
        raise ModelError(
            f"{type(model).__name__} takes no intervals. Give its observations as they are, or "
            "take NormalMixture or StudentTMixture."
        )
    if model.vectors:
        K = model.n_components
        observed = checked_vectors(
            y, counts=counts, weights=weights, labels=labels, n_components=K, missing=missing
        )
        return Target(completed(model, observed), observed)
    observed = checked_observations(
        y,
        counts=counts,
        weights=weights,
        labels=labels,
        n_components=model.n_components,
        missing=missing,
        are_counts=model.counts,
    )
    target = Target(completed(model, observed), observed)
    _check_labels_of_zero(target)
    return target


def _check_labels_of_zero(target: Target) -> None:
    """Refuse labels of a component that is always 0 where the observation is not."""
    label, means = target.observed.label, target.model.ordered_parameter()
    if label is None:
        return
    always_zero = target.known.get(means.name, np.ones(target.n_components)) == 0.0
    always_zero[0] |= target.model.is_inflated(means)
    bad = np.flatnonzero((label >= 0) & always_zero[label] & (target.observed.distinct > 0.0))
    if target.model.counts and bad.size:
        raise DataError(
            f"Component {label[bad[0]]} is always 0, and a label names it the component of "
            f"{target.observed.distinct[bad[0]]:g}. Check the labels of what is above 0."
        )


def prior_target(model: Mixture) -> Target:
    """Check a model that is to be drawn from without observations.

    Parameters
    ----------
    model : Mixture
        The model.

    Returns
    -------
    Target
        The prior alone.

    Raises
    ------
    ModelError
        If a prior is left out: there is nothing to scale it to.
    """
    observed = indexed(np.empty((0, *model.point_shape)))
    return Target(completed(model, observed), observed)


def completed(model: Model, observed: Observations) -> Model:
    """Return a model with the priors and floors that it leaves out set by the data.

    Parameters
    ----------
    model : Mixture
        The model.
    observed : Observations
        The observations; empty when the prior alone is meant.

    Returns
    -------
    Mixture
        A model that leaves nothing out.

    Raises
    ------
    ModelError
        If a prior is left out and there are no observations to scale it to.
    """
    model = model.shaped_by(observed)
    missing = [each for each in model.parameters if getattr(model, each.field) is None]
    floors: dict[str, Any] = {
        each.floor: model.default_floor(observed)
        for each in model.estimated
        if each.floor is not None and getattr(model, each.floor) is None
    }
    if not missing and not floors:
        return model
    if missing and observed.y.size == 0:
        field, example = missing[0].field, missing[0].example
        raise ModelError(
            f"The prior of {field} is left out, and without data nothing sets its scale. "
            f"Give it, for example {field}={example}."
        )
    defaults: Mapping[str, Any] = model.default_priors(observed) if missing else {}
    found: dict[str, Any] = {each.field: defaults[each.field] for each in missing}
    return dataclasses.replace(model, **found, **floors)
