"""Moves of populations by the C++ library, where it knows the model."""

import dataclasses
import functools
import math

import numpy as np

from pystan_mix.mixtures.numbers import differ_by_component
from pystan_mix.mixtures.priors import Gamma, Normal, Prior
from pystan_mix.mixtures.scale_priors import HalfCauchy, HalfNormal, HalfStudentT
from pystan_mix.mixtures.scale_priors_off_zero import InverseGamma, LogNormal
from pystan_mix.mixtures.target import Target
from pystan_mix.stats.transforms import REAL
from pystan_mix.weighing.annealing.moves import LENGTHS, Moves, NumpyMoves
from pystan_mix.weighing.annealing.particles import (
    Particles,
    roots_of,
    shared,
    values_of,
)
from pystan_mix.weighing.compiled.library import Library, library
from pystan_mix.weighing.compiled.likelihood import (
    KNOWN,
    OWN,
    SHARED,
    Arrays,
    check,
    knows_likelihood,
)
from pystan_mix.weighing.exchangeable_prior import ExchangeablePrior

# the enumerations of moves.cpp
_REAL, _ABOVE = 0, 1
_NO_PRIOR = 0, 0.0, 0.0


def moves_for(target: Target) -> Moves:
    """Return the fastest moves that know a model."""
    found = library()
    known = found is not None and is_known(target)
    return CompiledMoves(target, found) if known and found is not None else NumpyMoves(target)


def is_known(target: Target) -> bool:
    """Return whether the C++ library knows a model: its likelihood, and priors alike for all."""
    model = target.model
    priors = [model.weights, *(model.prior(each) for each in target.estimated)]
    return (
        knows_likelihood(target)
        and not any(map(differ_by_component, priors))
        and all(_numbers(model.prior(each)) is not None for each in target.estimated)
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
        arrays.model.shortest, arrays.model.longest = LENGTHS
        for each in model.parameters:
            if model.is_known(each):
                known = self.target.known[each.name]
                arrays.add(KNOWN, np.broadcast_to(known, model.n_components))
                continue
            free = particles.free[each.name]
            added = arrays.add(SHARED if each in shared(self.target) else OWN, free)
            added.space = _REAL if model.space(each) is REAL else _ABOVE
            added.prior, added.first, added.second = _numbers(model.prior(each)) or _NO_PRIOR
            added.least, added.spread = model.least(each), float(free.std())
        check(
            self.library.move(
                *(arrays.model_pointer, len(particles.log_ratio), power, times),
                *(int(rng.integers(2**63)), roots.ctypes.data),
                *(particles.log_gamma.ctypes.data, particles.log_ratio.ctypes.data),
            )
        )

    @functools.cached_property
    def _log_ratio(self) -> float:
        """Log of the model's prior over that at the start, but for what weights make of it.

        A floor under the weights makes of it their prior at the weights over that at
        their shares, whose constant is the same everywhere: here, where weights are equal.
        """
        prior, K = ExchangeablePrior(self.target), self.target.n_components
        if prior.log_ratio is not None:
            return prior.log_ratio
        log_theta = np.full((1, K), -math.log(K))
        values = {
            each.name: prior.draw(each, 1, rng=np.random.default_rng(0))
            for each in self.target.estimated
        }
        at = values_of(self.target, values)
        return float(prior.log_ratio_at(at, log_theta, log_theta)[0])


def _numbers(prior: Prior) -> tuple[int, float, float] | None:
    """Return the number of a prior in moves.cpp, and its own two; None of what it has not."""
    match prior:
        case Normal(location=float(a), scale=float(b)):
            return 1, a, b
        case HalfStudentT(df=float(a), scale=float(b)):
            return 2, a, b
        case HalfCauchy(scale=float(b)):
            return 2, 1.0, b
        case HalfNormal(scale=float(b)):
            return 2, math.inf, b
        case InverseGamma(shape=float(a), scale=float(b)):
            return 3, a, b
        case LogNormal(location=float(a), scale=float(b)):
            return 4, a, b
        case Gamma(shape=float(a), rate=float(b)):
            return 5, a, b
    return None
