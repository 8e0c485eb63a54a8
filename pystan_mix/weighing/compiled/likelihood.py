"""Likelihoods of many draws by the C++ library, where it knows the family."""

import ctypes
import math
from collections.abc import Mapping

import numpy as np

from pystan_mix.mixtures import density
from pystan_mix.mixtures.density import Constrained
from pystan_mix.mixtures.families.multivariate_normal import MultivariateNormalMixture
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.families.student_t import StudentTMixture
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray
from pystan_mix.weighing.compiled.library import CModel, CParameter, library

# the enumerations of model.hpp
FAMILIES: dict[type[Mixture], int] = {
    NormalMixture: 0,
    StudentTMixture: 1,
    MultivariateNormalMixture: 2,
}
OWN, SHARED, KNOWN = 0, 1, 2
_MOST_DIMS = 8


def log_likelihood(target: Target, parameters: Constrained) -> FloatArray:
    """Log likelihood of all observations, as `density.log_likelihood`, but faster."""
    found = library()
    if found is None or not knows_likelihood(target):
        return density.log_likelihood(target, parameters)
    arrays = _arrays(target, target.known | parameters.components)
    log_theta = np.ascontiguousarray(parameters.log_theta)
    log_lik = np.empty(len(log_theta))
    check(
        found.log_likelihoods(
            *(arrays.model_pointer, len(log_theta)), log_theta.ctypes.data, log_lik.ctypes.data
        )
    )
    return log_lik


def observed_log_density(
    target: Target, log_theta: FloatArray, components: Mapping[str, FloatArray]
) -> FloatArray:
    """Log density of each distinct observation, as `density.observed_log_density`, but faster."""
    found = library()
    if found is None or not knows_likelihood(target):
        return density.observed_log_density(target, log_theta, components)
    arrays = _arrays(target, {**components, **target.known})
    log_theta = np.ascontiguousarray(log_theta)
    log_density = np.empty((len(log_theta), len(target.observed.distinct)))
    check(
        found.log_densities(
            *(arrays.model_pointer, len(log_theta)), log_theta.ctypes.data, log_density.ctypes.data
        )
    )
    return log_density


def _arrays(target: Target, components: Mapping[str, FloatArray]) -> "Arrays":
    """Return what the library is given: of known parameters one value, of others each draw's."""
    K, arrays = target.n_components, Arrays(target)
    for each in target.model.parameters:
        values = components[each.name]
        if each.name in target.known:
            arrays.add_known(values)
        else:
            arrays.add(OWN if values.shape[1] == K else SHARED, values)
    return arrays


def knows_likelihood(target: Target) -> bool:
    """Return whether the library knows a likelihood.

    It does of its families, but for labels, bounds of others than normals, and vectors that
    lack coordinates or have many.
    """
    family, observed = type(target.model), target.observed
    if family not in FAMILIES or observed.label is not None:
        return False
    if target.model.vectors:
        dims = observed.distinct.shape[1]
        return dims <= _MOST_DIMS and not bool(np.isnan(observed.distinct).any())
    return observed.bounds is None or family is NormalMixture


class Arrays:
    """A `Model` of model.hpp, and the arrays that it points to, which live as long."""

    def __init__(self, target: Target) -> None:
        model, observed = target.model, target.observed
        # of vectors coordinate by coordinate
        self._y = np.ascontiguousarray(observed.distinct.T, dtype=np.float64)
        self._count = np.ascontiguousarray(observed.count, dtype=np.float64)
        self._alpha = np.ascontiguousarray(target.concentration, dtype=np.float64)
        self._values: list[FloatArray] = []
        self.model = CModel(
            family=FAMILIES[type(model)],
            K=target.n_components,
            N=self._y.shape[-1],
            D=math.prod(model.point_shape),
            y=self._y.ctypes.data,
            count=self._count.ctypes.data,
            alpha=self._alpha.ctypes.data,
            concentration=float(target.concentration.mean()),
            min_weight=model.min_weight,
        )
        if observed.bounds is not None:
            self._bounds = np.stack([observed.bounds.lower, observed.bounds.upper])
            self.model.lower, self.model.upper = (each.ctypes.data for each in self._bounds)

    def add(self, role: int, values: FloatArray) -> CParameter:
        """Add a parameter, of shape (R, K, ...) or (R, 1, ...).

        An array that lies as C++ has it is written over by moves.
        """
        added = self._added(role, values)
        added.elements = math.prod(values.shape[2:])
        return added

    def add_known(self, values: FloatArray) -> CParameter:
        """Add what is known: numbers of each component or of all, or correlations that are none."""
        if values.ndim > 1:
            return self._added(KNOWN, values)
        added = self._added(KNOWN, np.broadcast_to(values, self.model.K))
        added.elements = 1
        return added

    def _added(self, role: int, values: FloatArray) -> CParameter:
        added: CParameter = self.model.each[self.model.parameters]
        added.role, added.values = role, self.kept(values)
        self.model.parameters += 1
        return added

    def kept(self, numbers: FloatArray) -> int:
        """Return the address of numbers as C++ has them, which stay there as long as this does."""
        numbers = np.ascontiguousarray(numbers, dtype=np.float64)
        self._values.append(numbers)
        return numbers.ctypes.data

    def add_prior(self, parameter: CParameter, kind: int, numbers: FloatArray) -> None:
        """Give a parameter its prior: three numbers of all, or of each component or element."""
        parameter.prior, parameter.priors = kind, len(numbers)
        parameter.each_prior = self.kept(numbers)

    @property
    def model_pointer(self) -> object:
        """What a function of the library is given."""
        return ctypes.byref(self.model)


def check(code: int) -> None:
    """Raise an error where memory was short."""
    if code:
        raise MemoryError("There is no memory for the densities of all observations.")
