"""The priors that a mixture can have: frozen dataclasses, checked when made."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from pystan_mix.errors import ModelError

Numbers = float | Sequence[float]

# observations reach 1e100, and the default prior's scale 2.5 times their standard deviation
_LARGEST = 1e101


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
    """Normal prior of the ordered means.

    Parameters
    ----------
    location, scale : float or sequence of K floats
        In the units of the data; one number serves all components. Locations
        must not decrease, since the means are ordered.

    Raises
    ------
    ModelError
        If a number is not finite, a scale not positive, or locations decrease.

    Examples
    --------
    >>> Normal([0, 10, 20], 5)
    Normal(location=(0.0, 10.0, 20.0), scale=5.0)
    """

    location: Numbers
    scale: Numbers

    def __post_init__(self) -> None:
        set_numbers(self, "location", positive=False)
        set_numbers(self, "scale", positive=True)
        if isinstance(self.location, tuple) and list(self.location) != sorted(self.location):
            raise ModelError(
                f"Normal: locations must not decrease, since the means are ordered; they are "
                f"{list(self.location)}. Sort them, and the scales with them."
            )


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

    df: float
    scale: Numbers

    def __post_init__(self) -> None:
        set_numbers(self, "df", positive=True)
        if isinstance(self.df, tuple):
            raise ModelError(f"HalfStudentT: df must be one number; it is {list(self.df)}.")
        set_numbers(self, "scale", positive=True)


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

    scale: Numbers

    def __post_init__(self) -> None:
        set_numbers(self, "scale", positive=True)


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

    scale: Numbers

    def __post_init__(self) -> None:
        set_numbers(self, "scale", positive=True)


SigmaPrior = HalfCauchy | HalfNormal | HalfStudentT


def set_numbers(owner: object, name: str, *, positive: bool) -> None:
    """Replace a field by a float or a tuple of floats, or say why it cannot be one."""
    value = getattr(owner, name)
    where = f"{type(owner).__name__}: {name}"
    try:
        numbers = np.asarray(value)
        if numbers.dtype.kind not in "iuf" or numbers.ndim > 1 or numbers.size == 0:
            raise ValueError
        numbers = numbers.astype(np.float64)
    except ValueError:
        raise ModelError(
            f"{where} must be a number or a flat sequence of numbers; it is {value!r}."
        ) from None
    if not np.isfinite(numbers).all() or (np.abs(numbers) > _LARGEST).any():
        raise ModelError(
            f"{where} must be finite, and at most {_LARGEST:g} in size; it is {value!r}."
        )
    if positive and not (numbers > 0).all():
        raise ModelError(f"{where} must be positive; it is {value!r}.")
    plain = float(numbers) if numbers.ndim == 0 else tuple(float(x) for x in numbers)
    object.__setattr__(owner, name, plain)
