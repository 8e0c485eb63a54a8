"""Priors of weights, means and degrees of freedom: frozen dataclasses, checked when made."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from scipy import stats

from pystan_mix.mixtures.numbers import Numbers, one_or_each, per_component, set_numbers
from pystan_mix.numerics import FloatArray


class Prior(Protocol):
    """What the prior of a component's parameter can do; the last axis of an array is the component.

    In Stan's data block its numbers stand behind the parameter's name, as ``mu_loc`` does.
    """

    # PyMC's distribution, and what the fields are called there
    pymc_distribution: ClassVar[str]
    pymc_names: ClassVar[Mapping[str, str]]
    # which of the priors of a scale it is in Stan's data block; None of all others
    stan_prior: ClassVar[int | None]

    @property
    def has_kurtosis(self) -> bool:
        """Whether there is a fourth moment, so that draws tell what the standard deviation is."""
        ...

    def log_density(self, x: FloatArray) -> FloatArray:
        """Return the log density of each element, without a constant left out."""
        ...

    def log_survival(self, least: FloatArray | float) -> FloatArray:
        """Return the log probability of a value above a number; of each element, or of all."""
        ...

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> FloatArray:
        """Draw one value for each of some components, or for each place of an array."""
        ...

    def stan_data(self, name: str, size: int) -> dict[str, Any]:
        """Return the prior in Stan's data block, for some elements of a parameter; 0 is none."""
        ...

    @classmethod
    def from_stan_data(cls, name: str, data: Mapping[str, Any]) -> "Prior":
        """Return the prior that a data block holds, of this kind or of one that shares its form."""
        ...


def scale_prior_data(
    name: str,
    prior: int,
    *,
    scale: FloatArray,
    df: float = 1.0,
    shape: FloatArray | None = None,
    loc: FloatArray | None = None,
) -> dict[str, Any]:
    """Return the prior of scales in Stan's data block, what it has not of size zero."""
    return {
        f"{name}_prior": prior,
        f"{name}_df": df,
        f"{name}_shape": [] if shape is None else shape.tolist(),
        f"{name}_loc": [] if loc is None else loc.tolist(),
        f"{name}_scale": scale.tolist(),
    }


@dataclasses.dataclass(frozen=True)
class Dirichlet:
    """Dirichlet prior of the weights.

    Parameters
    ----------
    concentration : float or sequence of K floats
        Positive; one number serves all components. Higher values hold the
        weights nearer to each other.

    Raises
    ------
    ModelError
        If a concentration is not a positive number.

    Examples
    --------
    >>> Dirichlet(10)
    Dirichlet(concentration=10.0)
    """

    concentration: Numbers

    def __post_init__(self) -> None:
        set_numbers(self, "concentration", positive=True)


@dataclasses.dataclass(frozen=True)
class Normal:
    """Normal prior of the means.

    Parameters
    ----------
    location, scale : float or sequence of floats
        In the units of the data; one number serves all. A sequence has one for each
        component, by the order of the means, in which locations must not decrease;
        of vectors, one for each coordinate.

    Raises
    ------
    ModelError
        If a number is not finite, or a scale not positive.

    Examples
    --------
    >>> Normal([0, 10, 20], 5)
    Normal(location=(0.0, 10.0, 20.0), scale=5.0)
    """

    pymc_distribution: ClassVar = "Normal"
    pymc_names: ClassVar[Mapping[str, str]] = {"location": "mu", "scale": "sigma"}
    stan_prior: ClassVar[int | None] = None

    location: Numbers
    scale: Numbers

    def __post_init__(self) -> None:
        set_numbers(self, "location", positive=False)
        set_numbers(self, "scale", positive=True)

    @property
    def has_kurtosis(self) -> bool:
        """Whether there is a fourth moment: there is."""
        return True

    def log_density(self, x: FloatArray) -> FloatArray:
        """Return the log density of each element, the order left aside."""
        return np.asarray(stats.norm.logpdf(x, self.location, self.scale))

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> FloatArray:
        """Draw one value for each of some components."""
        return rng.normal(per_component(self.location, size), per_component(self.scale, size))

    def log_survival(self, least: FloatArray | float) -> FloatArray:
        """Return the log probability of a value above a number, the order left aside."""
        return np.asarray(stats.norm.logsf(least, self.location, self.scale))

    def stan_data(self, name: str, size: int) -> dict[str, Any]:
        """Return the prior in Stan's data block."""
        return {
            f"{name}_loc": per_component(self.location, size).tolist(),
            f"{name}_scale": per_component(self.scale, size).tolist(),
        }

    @classmethod
    def from_stan_data(cls, name: str, data: Mapping[str, Any]) -> Self:
        """Return the prior that a data block holds."""
        return cls(one_or_each(data[f"{name}_loc"]), one_or_each(data[f"{name}_scale"]))


@dataclasses.dataclass(frozen=True)
class Gamma:
    """Gamma prior of degrees of freedom, and of the means and precisions of counts.

    Parameters
    ----------
    shape, rate : float or sequence of K floats
        Positive; the mean is ``shape / rate``. Of degrees of freedom numbers stand for one
        value that all components share, a sequence for one each; of the others one
        number serves all components.

    Raises
    ------
    ModelError
        If a number is not positive.

    Examples
    --------
    >>> Gamma(2, 0.1)
    Gamma(shape=2.0, rate=0.1)
    """

    pymc_distribution: ClassVar = "Gamma"
    pymc_names: ClassVar[Mapping[str, str]] = {"shape": "alpha", "rate": "beta"}
    stan_prior: ClassVar[int | None] = None

    shape: Numbers
    rate: Numbers

    def __post_init__(self) -> None:
        set_numbers(self, "shape", positive=True)
        set_numbers(self, "rate", positive=True)

    @property
    def has_kurtosis(self) -> bool:
        """Whether there is a fourth moment: there is."""
        return True

    def log_density(self, x: FloatArray) -> FloatArray:
        """Return the log density of each element."""
        return np.asarray(stats.gamma.logpdf(x, self.shape, scale=np.divide(1.0, self.rate)))

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> FloatArray:
        """Draw one value for each of some components."""
        return rng.gamma(per_component(self.shape, size), 1.0 / per_component(self.rate, size))

    def log_survival(self, least: FloatArray | float) -> FloatArray:
        """Return the log probability of a value above a number."""
        return np.asarray(stats.gamma.logsf(least, self.shape, scale=np.divide(1.0, self.rate)))

    def stan_data(self, name: str, size: int) -> dict[str, Any]:
        """Return the prior in Stan's data block."""
        return {
            f"{name}_shape": per_component(self.shape, size).tolist(),
            f"{name}_rate": per_component(self.rate, size).tolist(),
        }

    @classmethod
    def from_stan_data(cls, name: str, data: Mapping[str, Any]) -> Self:
        """Return the prior that a data block holds, one for all where it has one element."""
        shape, rate = (np.asarray(data[f"{name}_{part}"], float) for part in ("shape", "rate"))
        if shape.size == 1:
            return cls(float(shape.reshape(())), float(rate.reshape(())))
        return cls(shape.tolist(), rate.tolist())
