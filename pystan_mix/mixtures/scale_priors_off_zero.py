"""Priors of scales that keep away from zero: frozen dataclasses, checked when made."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from scipy import stats

from pystan_mix.mixtures.numbers import Numbers, one_or_each, per_component, set_numbers
from pystan_mix.mixtures.priors import scale_prior_data
from pystan_mix.mixtures.scale_priors import HalfCauchy, HalfNormal, HalfStudentT
from pystan_mix.numerics import FloatArray


@dataclasses.dataclass(frozen=True)
class InverseGamma:
    """Inverse gamma prior of the variances, the squares of the standard deviations.

    So the literature of mixtures has it, such as Richardson and Green (1997),
    "On Bayesian analysis of mixtures with an unknown number of components".

    Parameters
    ----------
    shape : float or sequence of K floats
        Positive; one number serves all components.
    scale : float or sequence of K floats
        In the squared units of the data; the mean of the variance is
        ``scale / (shape - 1)`` where the shape is above 1.

    Raises
    ------
    ModelError
        If a number is not positive.

    Examples
    --------
    >>> InverseGamma(2, 0.5)
    InverseGamma(shape=2.0, scale=0.5)
    """

    # of the variance: its root has the prior
    pymc_distribution: ClassVar = "InverseGamma"
    pymc_names: ClassVar[Mapping[str, str]] = {"shape": "alpha", "scale": "beta"}
    stan_prior: ClassVar[int | None] = 2

    shape: Numbers
    scale: Numbers

    def __post_init__(self) -> None:
        set_numbers(self, "shape", positive=True)
        set_numbers(self, "scale", positive=True)

    @property
    def has_kurtosis(self) -> bool:
        """Whether there is a fourth moment: above a shape of 2."""
        return bool(np.min(self.shape) > 2.0)

    def log_density(self, x: FloatArray) -> FloatArray:
        """Return the log density of each standard deviation, not of its square."""
        law = stats.invgamma(self.shape, scale=self.scale)
        with np.errstate(over="ignore", divide="ignore"):
            return np.asarray(law.logpdf(np.square(x)) + np.log(2.0 * x))

    def log_survival(self, least: FloatArray | float) -> FloatArray:
        """Return the log probability of a standard deviation above a number."""
        return np.asarray(stats.invgamma.logsf(least * least, self.shape, scale=self.scale))

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> FloatArray:
        """Draw one standard deviation for each of some components."""
        precision = rng.gamma(per_component(self.shape, size)) / per_component(self.scale, size)
        return np.asarray(1.0 / np.sqrt(precision))

    def stan_data(self, name: str, size: int) -> dict[str, Any]:
        """Return the prior in Stan's data block."""
        shape, scale = per_component(self.shape, size), per_component(self.scale, size)
        return scale_prior_data(name, 2, shape=shape, scale=scale)

    @classmethod
    def from_stan_data(cls, name: str, data: Mapping[str, Any]) -> Self:
        """Return the prior that a data block holds."""
        return cls(one_or_each(data[f"{name}_shape"]), one_or_each(data[f"{name}_scale"]))


@dataclasses.dataclass(frozen=True)
class LogNormal:
    """Lognormal prior of the standard deviations.

    Parameters
    ----------
    location : float or sequence of K floats
        Mean of the logarithm: the logarithm of the median, which is in the
        units of the data; one number serves all components.
    scale : float or sequence of K floats
        Standard deviation of the logarithm.

    Raises
    ------
    ModelError
        If a number is not finite, or a scale not positive.

    Examples
    --------
    >>> LogNormal(0, 1)
    LogNormal(location=0.0, scale=1.0)
    """

    pymc_distribution: ClassVar = "LogNormal"
    pymc_names: ClassVar[Mapping[str, str]] = {"location": "mu", "scale": "sigma"}
    stan_prior: ClassVar[int | None] = 3

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
        """Return the log density of each element."""
        with np.errstate(divide="ignore"):
            log_x = np.log(x)
        return np.asarray(stats.norm.logpdf(log_x, self.location, self.scale) - log_x)

    def log_survival(self, least: FloatArray | float) -> FloatArray:
        """Return the log probability of a value above a number."""
        with np.errstate(divide="ignore"):
            return np.asarray(stats.norm.logsf(np.log(least), self.location, self.scale))

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> FloatArray:
        """Draw one value for each of some components."""
        return rng.lognormal(per_component(self.location, size), per_component(self.scale, size))

    def stan_data(self, name: str, size: int) -> dict[str, Any]:
        """Return the prior in Stan's data block."""
        loc, scale = per_component(self.location, size), per_component(self.scale, size)
        return scale_prior_data(name, 3, loc=loc, scale=scale)

    @classmethod
    def from_stan_data(cls, name: str, data: Mapping[str, Any]) -> Self:
        """Return the prior that a data block holds."""
        return cls(one_or_each(data[f"{name}_loc"]), one_or_each(data[f"{name}_scale"]))


SigmaPrior = HalfCauchy | HalfNormal | HalfStudentT | InverseGamma | LogNormal
