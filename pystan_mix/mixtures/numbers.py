"""Numbers that a user gives: one for all components, or one for each."""

from collections.abc import Sequence

import numpy as np

from pystan_mix.errors import ModelError
from pystan_mix.numerics import FloatArray

Numbers = float | Sequence[float]

# observations reach 1e100, and the default prior's scale 2.5 times their standard deviation
_LARGEST = 1e101


def one_or_each(values: object) -> Numbers:
    """Return one number where all are equal, else a list: the inverse of `per_component`."""
    numbers = np.atleast_1d(np.asarray(values, dtype=np.float64))
    return float(numbers[0]) if np.ptp(numbers) == 0.0 else numbers.tolist()


def per_component(value: Numbers, size: int) -> FloatArray:
    """Return one number for each of some components."""
    return np.broadcast_to(np.asarray(value, dtype=np.float64), size).copy()


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
