"""Likelihoods of many draws by the C++ library, where it knows the family."""

import ctypes
from collections.abc import Mapping

import numpy as np

from pystan_mix.mixtures import density
from pystan_mix.mixtures.density import Constrained
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.families.student_t import StudentTMixture
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray
from pystan_mix.weighing.compiled.library import CModel, CParameter, library

# the enumerations of model.hpp
FAMILIES: dict[type[Mixture], int] = {NormalMixture: 0, StudentTMixture: 1}
OWN, SHARED, KNOWN = 0, 1, 2


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
    log_density = np.empty((len(log_theta), target.observed.distinct.size))
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
        if values.ndim == 1:
            arrays.add(KNOWN, np.broadcast_to(values, K))
        else:
            arrays.add(OWN if values.shape[1] == K else SHARED, values)
    return arrays


def knows_likelihood(target: Target) -> bool:
    """Return whether the library knows a likelihood: a family, no labels, bounds of normals."""
    family, observed = type(target.model), target.observed
    between = observed.bounds is None or family is NormalMixture
    return family in FAMILIES and observed.label is None and between


class Arrays:
    """A `Model` of model.hpp, and the arrays that it points to, which live as long."""

    def __init__(self, target: Target) -> None:
        model, observed = target.model, target.observed
        self._y = np.ascontiguousarray(observed.distinct, dtype=np.float64)
        self._count = np.ascontiguousarray(observed.count, dtype=np.float64)
        self._alpha = np.ascontiguousarray(target.concentration, dtype=np.float64)
        self._values: list[FloatArray] = []
        self.model = CModel(
            family=FAMILIES[type(model)],
            K=target.n_components,
            N=self._y.size,
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
        """Add a parameter; an array that lies as C++ has it is written over by moves."""
        values = np.ascontiguousarray(values, dtype=np.float64)
        self._values.append(values)
        added: CParameter = self.model.each[self.model.parameters]
        added.role, added.values = role, values.ctypes.data
        self.model.parameters += 1
        return added

    def add_prior(self, parameter: CParameter, kind: int, numbers: FloatArray) -> None:
        """Give a parameter its prior: three numbers of all components, or of each in order."""
        numbers = np.ascontiguousarray(numbers, dtype=np.float64)
        self._values.append(numbers)
        parameter.prior, parameter.priors = kind, len(numbers)
        parameter.each_prior = numbers.ctypes.data

    @property
    def model_pointer(self) -> object:
        """What a function of the library is given."""
        return ctypes.byref(self.model)


def check(code: int) -> None:
    """Raise an error where memory was short."""
    if code:
        raise MemoryError("There is no memory for the densities of all observations.")
