"""Priors of scales that are folded about zero: frozen dataclasses, checked when made."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from scipy import stats

from pystan_mix.errors import ModelError
from pystan_mix.mixtures.numbers import Numbers, one_or_each, per_component, set_numbers
from pystan_mix.mixtures.priors import Prior, scale_prior_data
from pystan_mix.numerics import FloatArray


@dataclasses.dataclass(frozen=True)
class HalfStudentT:
    """Half-Student-t prior of the standard deviations.

    Parameters
    ----------
    df : float
        Degrees of freedom, positive.
    scale : float or sequence of K floats
        In the units of the data; one number serves all components.

    Raises
    ------
    ModelError
        If a number is not positive.

    Examples
    --------
    >>> HalfStudentT(3, 2.5)
    HalfStudentT(df=3.0, scale=2.5)
    """

    pymc_distribution: ClassVar = "HalfStudentT"
    pymc_names: ClassVar[Mapping[str, str]] = {"df": "nu", "scale": "sigma"}
    stan_prior: ClassVar[int | None] = 1

    df: float
    scale: Numbers

    def __post_init__(self) -> None:
        set_numbers(self, "df", positive=True)
        if isinstance(self.df, tuple):
            raise ModelError(f"HalfStudentT: df must be one number; it is {list(self.df)}.")
        set_numbers(self, "scale", positive=True)

    @property
    def has_kurtosis(self) -> bool:
        """Whether there is a fourth moment: above 4 degrees of freedom."""
        return self.df > 4.0

    def log_density(self, x: FloatArray) -> FloatArray:
        """Return the log density of each element."""
        return np.asarray(math.log(2.0) + stats.t.logpdf(x, self.df, 0.0, self.scale))

    def log_survival(self, least: FloatArray | float) -> FloatArray:
        """Return the log probability of a value above a number."""
        return np.asarray(math.log(2.0) + stats.t.logsf(least, self.df, 0.0, self.scale))

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> FloatArray:
        """Draw one value for each of some components."""
        return np.asarray(np.abs(per_component(self.scale, size) * rng.standard_t(self.df, size)))

    def stan_data(self, name: str, size: int) -> dict[str, Any]:
        """Return the prior in Stan's data block: a half-Student-t of its degrees of freedom."""
        return _half_student_t_data(name, size, df=self.df, scale=self.scale)

    @classmethod
    def from_stan_data(cls, name: str, data: Mapping[str, Any]) -> Prior:
        """Return the half-Student-t that a data block holds, by its own name if it has one."""
        return _half_student_t(name, data)


@dataclasses.dataclass(frozen=True)
class HalfCauchy:
    """Half-Cauchy prior of the standard deviations.

    Parameters
    ----------
    scale : float or sequence of K floats
        The median, in the units of the data; one number serves all components.

    Raises
    ------
    ModelError
        If a scale is not a positive number.

    Examples
    --------
    >>> HalfCauchy(5)
    HalfCauchy(scale=5.0)
    """

    pymc_distribution: ClassVar = "HalfCauchy"
    pymc_names: ClassVar[Mapping[str, str]] = {"scale": "beta"}
    stan_prior: ClassVar[int | None] = 1

    scale: Numbers

    def __post_init__(self) -> None:
        set_numbers(self, "scale", positive=True)

    @property
    def has_kurtosis(self) -> bool:
        """Whether there is a fourth moment: there is none."""
        return False

    def log_density(self, x: FloatArray) -> FloatArray:
        """Return the log density of each element."""
        return np.asarray(stats.halfcauchy.logpdf(x, 0.0, self.scale))

    def log_survival(self, least: FloatArray | float) -> FloatArray:
        """Return the log probability of a value above a number."""
        return np.asarray(stats.halfcauchy.logsf(least, 0.0, self.scale))

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> FloatArray:
        """Draw one value for each of some components."""
        return np.asarray(np.abs(per_component(self.scale, size) * rng.standard_cauchy(size)))

    def stan_data(self, name: str, size: int) -> dict[str, Any]:
        """Return the prior in Stan's data block: a half-Student-t of one degree of freedom."""
        return _half_student_t_data(name, size, df=1.0, scale=self.scale)

    @classmethod
    def from_stan_data(cls, name: str, data: Mapping[str, Any]) -> Prior:
        """Return the half-Student-t that a data block holds, by its own name if it has one."""
        return _half_student_t(name, data)


@dataclasses.dataclass(frozen=True)
class HalfNormal:
    """Half-normal prior of the standard deviations.

    Parameters
    ----------
    scale : float or sequence of K floats
        Standard deviation of the normal that is folded, in the units of the
        data; one number serves all components.

    Raises
    ------
    ModelError
        If a scale is not a positive number.

    Examples
    --------
    >>> HalfNormal(2)
    HalfNormal(scale=2.0)
    """

    pymc_distribution: ClassVar = "HalfNormal"
    pymc_names: ClassVar[Mapping[str, str]] = {"scale": "sigma"}
    stan_prior: ClassVar[int | None] = 1

    scale: Numbers

    def __post_init__(self) -> None:
        set_numbers(self, "scale", positive=True)

    @property
    def has_kurtosis(self) -> bool:
        """Whether there is a fourth moment: there is."""
        return True

    def log_density(self, x: FloatArray) -> FloatArray:
        """Return the log density of each element."""
        return np.asarray(stats.halfnorm.logpdf(x, 0.0, self.scale))

    def log_survival(self, least: FloatArray | float) -> FloatArray:
        """Return the log probability of a value above a number."""
        return np.asarray(stats.halfnorm.logsf(least, 0.0, self.scale))

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> FloatArray:
        """Draw one value for each of some components."""
        return np.asarray(np.abs(per_component(self.scale, size) * rng.normal(size=size)))

    def stan_data(self, name: str, size: int) -> dict[str, Any]:
        """Return the prior in Stan's data block: a half-Student-t of infinitely many degrees."""
        return _half_student_t_data(name, size, df=math.inf, scale=self.scale)

    @classmethod
    def from_stan_data(cls, name: str, data: Mapping[str, Any]) -> Prior:
        """Return the half-Student-t that a data block holds, by its own name if it has one."""
        return _half_student_t(name, data)


def _half_student_t_data(name: str, size: int, *, df: float, scale: Numbers) -> dict[str, Any]:
    """Return a half-Student-t prior in Stan's data block."""
    return scale_prior_data(name, 1, df=df, scale=per_component(scale, size))


def _half_student_t(name: str, data: Mapping[str, Any]) -> Prior:
    """Return the half-Student-t prior that a data block holds."""
    df, scale = float(data[f"{name}_df"]), one_or_each(data[f"{name}_scale"])
    if df == 1.0:
        return HalfCauchy(scale)
    return HalfNormal(scale) if math.isinf(df) else HalfStudentT(df, scale)
