"""A mixture of whatever family: its components' number and weights, checked when made."""

import abc
import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from pystan_mix.errors import ModelError
from pystan_mix.mixtures.numbers import (
    Numbers,
    are_some_alike,
    check_increasing,
    check_lengths,
    check_prior_order,
    check_sharing,
    check_zero_component,
    differ_by_component,
    set_numbers,
    set_some_numbers,
)
from pystan_mix.mixtures.observations import Observations, least_scale
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.priors import Dirichlet, Prior
from pystan_mix.mixtures.vectors.shapes import Shapes
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.transforms import POSITIVE, Space, above


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mixture(Shapes, abc.ABC):
    """Finite mixture of components of one family, each family a class of its own.

    Parameters
    ----------
    n_components : int
        Number of components K, 1 or more.
    weights : Dirichlet, default Dirichlet(2)
        Prior of the weights. With `min_weight` above zero it is this Dirichlet
        restricted to weights that are all at least `min_weight`.
    min_weight : float, default 0
        Floor under every weight, at least 0 and below 1 / K.

    Raises
    ------
    ModelError
        If a value is out of its range or does not have one number for each
        component; the message names it.
    """

    # what the command line, the Stan program and PyMC's distribution of a component are called
    family: ClassVar[str]
    program: ClassVar[str]
    pymc_distribution: ClassVar[str]
    parameters: ClassVar[tuple[Parameter, ...]]
    # whether points are whole numbers from 0 on, and not real ones
    counts: ClassVar[bool] = False
    # (y, *, name=values, ...): a component's log density, points and parameters broadcast
    log_density: ClassVar[Callable[..., FloatArray]]
    # (lower, upper, *, name=values, ...): its log probability, where a family knows intervals
    log_interval: ClassVar[Callable[..., FloatArray] | None] = None
    # (rng, *, name=values, ...): a point drawn from each component, the parameters broadcast
    draw: ClassVar[Callable[..., FloatArray]]

    n_components: int
    weights: Dirichlet = Dirichlet(2.0)
    min_weight: float = 0.0

    @abc.abstractmethod
    def default_priors(self, observed: Observations) -> dict[str, Prior]:
        """Return, by field, the priors that are left out, scaled to the observations."""

    @abc.abstractmethod
    def from_shares(
        self, y: FloatArray, shares: FloatArray, *, least_spread: float
    ) -> dict[str, FloatArray]:
        """Return parameters that fit shares of points well: the M step of EM.

        Parameters
        ----------
        y : ndarray, shape (N,)
            Points.
        shares : ndarray, shape (..., K, N)
            The share of each component in each point.
        least_spread : float
            A scale that no component's falls below.

        Returns
        -------
        dict of str to ndarray, shape (..., K), or (1,) or (K,) of what is known
            All parameters by name.
        """

    def __post_init__(self) -> None:
        K = self.n_components
        if isinstance(K, bool) or not isinstance(K, int | np.integer) or K < 1:
            raise ModelError(f"n_components must be a whole number, 1 or more; it is {K!r}.")
        object.__setattr__(self, "n_components", int(K))
        if not isinstance(self.weights, Dirichlet):
            raise ModelError(
                f"weights must be a prior such as Dirichlet(2.0); it is {self.weights!r}."
            )
        for parameter in self.parameters:
            self._check_parameter(parameter)
        set_numbers(self, "min_weight", positive=False)
        if not isinstance(self.min_weight, float) or not 0.0 <= self.min_weight < 1.0 / K:
            raise ModelError(
                f"min_weight must be at least 0 and below 1 / n_components = {1 / K:.4g}; "
                f"it is {self.min_weight!r}."
            )
        self._check_lengths()
        self._check_known_order()
        if K == 1 and not self.estimated:
            raise ModelError("All of the one component is known: there is nothing to estimate.")

    def _check_lengths(self) -> None:
        """Refuse sequences that have not one number for each component."""
        check_lengths(self._numbers(), self.n_components)

    def _check_parameter(self, parameter: Parameter) -> None:
        """Refuse what is neither a prior of the parameter nor its known values, or no floor."""
        if parameter.floor is not None and getattr(self, parameter.floor) is not None:
            set_numbers(self, parameter.floor, positive=False)
            least = getattr(self, parameter.floor)
            if not isinstance(least, float) or least < 0.0:
                raise ModelError(f"{parameter.floor} must be a number, 0 or more; it is {least!r}.")
        value = getattr(self, parameter.field)
        estimated = value is None or isinstance(value, parameter.priors)
        given = f"a prior such as {parameter.example}; {parameter.field} is {value!r}"
        if parameter.sharing is not None:
            one = estimated and (value is None or not differ_by_component(value))
            check_sharing(parameter.sharing, getattr(self, parameter.sharing), one=one, given=given)
        if parameter.partly is not None and getattr(self, parameter.partly) is not None:
            set_some_numbers(self, parameter.partly)
            if self._may_share(parameter) or not estimated:
                raise ModelError(
                    f"{parameter.partly} is for components that each have their own, some of them "
                    f"estimated, by {given}, and {parameter.sharing} {self._may_share(parameter)}. "
                    "Leave one of the two out."
                )
        if parameter.inflated is not None and parameter.ordered:
            check_zero_component(
                parameter.inflated,
                getattr(self, parameter.inflated),
                n_components=self.n_components,
                known=not estimated,
            )
        if estimated:
            if parameter.ordered and value is not None:
                check_prior_order(parameter.field, value)
            return
        try:
            positive = parameter.space is POSITIVE
            # a component of mean 0 is always 0
            may_be_zero = positive and parameter.ordered
            set_numbers(self, parameter.field, positive=positive and not may_be_zero)
            if may_be_zero and np.min(getattr(self, parameter.field)) < 0.0:
                raise ModelError(f"{parameter.field} must be 0 or more; they are {value!r}.")
        except ModelError as error:
            raise ModelError(
                f"{error} Give a prior such as {parameter.example}, or the known values."
            ) from None

    def _numbers(self) -> dict[str, Any]:
        """Return the numbers of priors, and those that are known, by what they are."""
        numbers: dict[str, Any] = {"the concentration of weights": self.weights.concentration}
        partly = [each.partly for each in self.parameters if each.partly is not None]
        numbers |= {field: getattr(self, field) for field in partly}
        for parameter in self.parameters:
            value: Any = getattr(self, parameter.field)
            if isinstance(value, parameter.priors):
                numbers |= {
                    f"the {field.name} of {parameter.field}": getattr(value, field.name)
                    for field in dataclasses.fields(cast(Any, value))
                }
            else:
                numbers[parameter.field] = value
        return numbers

    def _check_known_order(self) -> None:
        """Refuse known values in no order, and equal ones of components that differ in nothing."""
        ordered = self.ordered_parameter()
        if self.is_known(ordered):
            check_increasing(ordered.field, getattr(self, ordered.field))
            if are_some_alike(self._numbers().values(), self.n_components):
                raise ModelError(
                    f"{ordered.field} are {getattr(self, ordered.field)!r}, and of equal ones "
                    "nothing tells the components apart. Give each its own, or its own known "
                    "values or priors of something else."
                )

    @classmethod
    def ordered_parameter(cls) -> Parameter:
        """Return the parameter by whose order components are told apart; vectors have none."""
        return next(each for each in cls.parameters if each.ordered)

    @property
    def estimated(self) -> tuple[Parameter, ...]:
        """The parameters that have a prior, or will have the default one."""
        return tuple(each for each in self.parameters if not self.is_known(each))

    def is_known(self, parameter: Parameter) -> bool:
        """Return whether values are given for a parameter, and no prior."""
        return isinstance(getattr(self, parameter.field), float | tuple)

    def size(self, parameter: Parameter) -> int:
        """Return how many values a parameter has: one for each component, or one for all."""
        one_for_all = self._may_share(parameter) and not differ_by_component(
            getattr(self, parameter.field)
        )
        return 1 if one_for_all else self.n_components

    def is_shared(self, parameter: Parameter) -> bool:
        """Return whether a parameter has one value that all components share."""
        return self._may_share(parameter) and self.size(parameter) == 1

    def _may_share(self, parameter: Parameter) -> bool:
        return parameter.shared or bool(parameter.sharing and getattr(self, parameter.sharing))

    def default_floor(self, observed: Observations) -> Numbers:
        """Return the floor of scales that is left out, as observations set it."""
        return least_scale(observed)

    def free_count(self, parameter: Parameter) -> int:
        """Return how many unconstrained values an estimated parameter has."""
        return self.count(parameter) * math.prod(self.free_shape(parameter))

    def drawn_from_prior(
        self, parameter: Parameter, n: int, *, rng: np.random.Generator
    ) -> FloatArray:
        """Draw n values of a parameter from its prior, shape (n, ...)."""
        return self.prior(parameter).draw(rng, n)

    def places(self, parameter: Parameter) -> slice | NDArray[np.intp]:
        """Return which of the values of an estimated parameter are: all, or those not known."""
        partly = self._partly(parameter)
        return slice(None) if partly is None else np.flatnonzero(np.isnan(partly))

    def count(self, parameter: Parameter) -> int:
        """Return how many values of an estimated parameter are estimated."""
        return int(np.arange(self.size(parameter))[self.places(parameter)].size)

    def filled(self, parameter: Parameter, values: FloatArray) -> FloatArray:
        """Return all values of an estimated parameter, of those in its `places` or of all."""
        partly = self._partly(parameter)
        if partly is None:
            return values
        every = np.broadcast_to(partly, (*values.shape[:-1], partly.size)).copy()
        places = self.places(parameter)
        every[..., places] = values if values.shape[-1] < partly.size else values[..., places]
        return every

    def _partly(self, parameter: Parameter) -> FloatArray | None:
        """Return the known values of some components, NaN of the others; None where none are."""
        if self.is_inflated(parameter):
            each = np.full(self.n_components, np.nan)
            each[0] = parameter.of_zero
            return each
        values = None if parameter.partly is None else getattr(self, parameter.partly)
        return None if values is None else np.array(values, dtype=np.float64)

    def is_inflated(self, parameter: Parameter) -> bool:
        """Return whether the first component is at zero, and has a value of the parameter there."""
        inflated = parameter.inflated is not None and bool(getattr(self, parameter.inflated))
        return inflated and not (self.is_shared(parameter) or self.is_known(parameter))

    def least(self, parameter: Parameter) -> FloatArray | float:
        """Return what no value of a parameter is below; zero where there is no floor."""
        least = getattr(self, parameter.floor) if parameter.floor is not None else None
        return 0.0 if least is None else float(least)

    def space(self, parameter: Parameter) -> Space:
        """Return the values that a parameter may have in this model."""
        return parameter.space if parameter.floor is None else above(self.least(parameter))

    def prior(self, parameter: Parameter) -> Prior:
        """Return the prior of a parameter.

        Raises
        ------
        ModelError
            If it is left out, or the values are known.
        """
        prior: Prior | Numbers | None = getattr(self, parameter.field)
        if prior is None or isinstance(prior, float | Sequence):
            raise ModelError(f"{parameter.field} has no prior; it is {prior!r}.")
        return prior

    def known_values(self) -> dict[str, FloatArray]:
        """Return the parameters that are known by name, each of shape (K, ...) or (1, ...)."""
        known = {}
        for parameter in self.parameters:
            if self.is_known(parameter):
                numbers = np.asarray(getattr(self, parameter.field), dtype=np.float64)
                known[parameter.name] = np.broadcast_to(numbers, self.size(parameter)).copy()
        return known
