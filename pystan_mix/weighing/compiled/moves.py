"""Moves of populations by the C++ library, where it knows the model."""

import dataclasses
import functools
import math

import numpy as np
from scipy import special

from pystan_mix.mixtures.numbers import Numbers
from pystan_mix.mixtures.priors import Gamma, Normal, Prior
from pystan_mix.mixtures.scale_priors import HalfCauchy, HalfNormal, HalfStudentT
from pystan_mix.mixtures.scale_priors_off_zero import InverseGamma, LogNormal
from pystan_mix.mixtures.target import Target
from pystan_mix.mixtures.vectors.correlation_prior import LKJ
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.correlations import CORRELATION
from pystan_mix.stats.transforms import REAL, Space
from pystan_mix.weighing.annealing.moves import Moves, NumpyMoves, lengths
from pystan_mix.weighing.annealing.particles import (
    Particles,
    roots_of,
    shared,
)
from pystan_mix.weighing.compiled.library import Library, library
from pystan_mix.weighing.compiled.likelihood import (
    OWN,
    SHARED,
    Arrays,
    check,
    knows_likelihood,
)
from pystan_mix.weighing.exchangeable_prior import ExchangeablePrior

# the enumerations of model.hpp
_REAL, _ABOVE, _CORRELATION = 0, 1, 2
_NO_PRIOR = 0, np.zeros((1, 3))


def moves_for(target: Target) -> Moves:
    """Return the fastest moves that know a model."""
    found = library()
    known = found is not None and is_known(target)
    return CompiledMoves(target, found) if known and found is not None else NumpyMoves(target)


def is_known(target: Target) -> bool:
    """Return whether the C++ library knows a model: its likelihood, and every prior."""
    model = target.model
    return knows_likelihood(target) and all(
        _numbers(model.prior(each)) is not None for each in target.estimated
    )


@dataclasses.dataclass(frozen=True)
class CompiledMoves:
    """Moves by the C++ library.

    Parameters
    ----------
    target : Target
        A model that the library knows (`is_known`), and its observations.
    library : Library
        The library.
    """

    target: Target
    library: Library

    def sweep(
        self, particles: Particles, *, power: float, times: int, rng: np.random.Generator
    ) -> None:
        """Move each component, and what all share, of every draw so many times.

        Parameters
        ----------
        particles, power, times, rng
            As in `NumpyMoves.sweep`.
        """
        roots = np.ascontiguousarray(roots_of(self.target, particles))
        model, arrays = self.target.model, Arrays(self.target)
        arrays.model.log_ratio = self._log_ratio
        arrays.model.shortest, arrays.model.longest = lengths(self.target)
        for each in model.parameters:
            if model.is_known(each):
                arrays.add_known(self.target.known[each.name])
                continue
            free = particles.free[each.name]
            added = arrays.add(SHARED if each in shared(self.target) else OWN, free)
            added.space = _space(model.space(each))
            arrays.add_prior(added, *(_numbers(model.prior(each)) or _NO_PRIOR))
            spread = free.std(axis=(0, 1)).ravel()
            added.spread = arrays.kept(spread)
            least = np.asarray(model.least(each), dtype=np.float64)
            added.least = arrays.kept(np.broadcast_to(least, spread.shape))
        check(
            self.library.move(
                *(arrays.model_pointer, len(particles.log_ratio), power, times),
                *(int(rng.integers(2**63)), roots.ctypes.data),
                *(particles.log_gamma.ctypes.data, particles.log_ratio.ctypes.data),
            )
        )

    @functools.cached_property
    def _log_ratio(self) -> float:
        """Log of the model's prior over that at the start, but for what depends on the draw.

        The model's prior of a parameter that is above its floor is not normalised; that at
        the start is the mean of the K components', of which C++ takes the sum.
        """
        prior, model, K = (
            ExchangeablePrior(self.target),
            self.target.model,
            self.target.n_components,
        )
        alpha, a = self.target.concentration, prior.concentration
        total = K * special.gammaln(a) - special.gammaln(alpha).sum()
        for each in self.target.estimated:
            total += model.size(each) * prior.log_survival(each)
            if prior.differs(each):
                total += K * math.log(K)
        return float(total)


def _space(space: Space) -> int:
    """Return the number of a space in model.hpp."""
    if space is REAL:
        return _REAL
    return _CORRELATION if space is CORRELATION else _ABOVE


def _numbers(prior: Prior) -> tuple[int, FloatArray] | None:
    """Return the number of a prior in priors.hpp, and its own; None of what it has not.

    Three of each component in order, of each element of a vector, or of all: two of the
    prior, and what these make of the logarithm of its constant.
    """
    match prior:
        case Normal(location=a, scale=b):
            return 1, _columns(a, b, -np.log(b))
        case HalfStudentT(df=a, scale=b):
            return 2, _columns(a, b, -np.log(b))
        case HalfCauchy(scale=b):
            return 2, _columns(1.0, b, -np.log(b))
        case HalfNormal(scale=b):
            return 2, _columns(math.inf, b, -np.log(b))
        case InverseGamma(shape=a, scale=b):
            return 3, _columns(a, b, special.xlogy(a, b) - special.gammaln(a))
        case LogNormal(location=a, scale=b):
            return 4, _columns(a, b, -np.log(b))
        case Gamma(shape=a, rate=b):
            return 5, _columns(a, b, special.xlogy(a, b) - special.gammaln(a))
        case LKJ(eta=a):
            return 6, _columns(a, 0.0, 0.0)
    return None


def _columns(*numbers: Numbers | FloatArray) -> FloatArray:
    """Return numbers of one or of all components, a row each."""
    return np.stack(np.broadcast_arrays(*map(np.atleast_1d, numbers)), axis=-1)
