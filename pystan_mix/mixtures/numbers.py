"""Numbers that a user gives: one for all components, or one for each."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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


def brief(prior: Any) -> Any:
    """Return a prior with one number in place of each sequence of equal ones."""
    numbers = {each.name: getattr(prior, each.name) for each in dataclasses.fields(prior)}
    return dataclasses.replace(prior, **{name: one_or_each(x) for name, x in numbers.items()})


def per_component(value: Numbers, size: int | tuple[int, ...]) -> FloatArray:
    """Return one number for each of some components, or for each place of an array."""
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


def set_some_numbers(owner: object, name: str) -> None:
    """Replace a field by a tuple of positive floats and Nones, or say why it cannot be one."""
    values = getattr(owner, name)
    words = (
        f"{type(owner).__name__}: {name} must have a positive number for each component of which "
        f"it is known, and None for the others, some of each; it is {values!r}."
    )
    try:
        plain = tuple(None if value is None else float(value) for value in values)
    except (TypeError, ValueError):
        raise ModelError(words) from None
    known = [value for value in plain if value is not None]
    if not (0 < len(known) < len(plain) and all(0.0 < value < _LARGEST for value in known)):
        raise ModelError(words)
    object.__setattr__(owner, name, plain)


def differ_by_component(value: object) -> bool:
    """Return whether a prior, or known values, have a number for each component."""
    numbers = [value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        numbers = [getattr(value, field.name) for field in dataclasses.fields(value)]
    return any(isinstance(each, tuple) for each in numbers)


def check_lengths(numbers: Mapping[str, object], size: int) -> None:
    """Refuse sequences, by what they are, that have not one number for each component."""
    for name, value in numbers.items():
        if isinstance(value, tuple) and len(value) != size:
            subject = name.replace("the ", "The ", 1)
            raise ModelError(
                f"{subject} has {len(value)} values for "
                f"{size} components. Give one number, or {size}."
            )


def check_increasing(name: str, value: Numbers) -> None:
    """Refuse numbers of which one is below the one before."""
    if (np.diff(np.atleast_1d(value)) < 0.0).any():
        raise ModelError(
            f"{name} must not decrease, since components stand in their order; they are "
            f"{value!r}. Sort them, and all else that has a number for each component."
        )


def are_some_alike(numbers: Iterable[object], size: int) -> bool:
    """Return whether two of some components have equal numbers, all of them."""
    each = [value for value in numbers if isinstance(value, tuple)]
    return len({tuple(value[k] for value in each) for k in range(size)}) < size


def check_zero_component(field: str, wanted: object, *, n_components: int, known: bool) -> None:
    """Refuse a component at zero as the only one, or where means are known."""
    if not isinstance(wanted, bool):
        raise ModelError(f"{field} must be True or False; it is {wanted!r}.")
    if wanted and n_components == 1:
        raise ModelError(
            f"{field} makes the first component a point mass at 0, and n_components is 1. "
            "Give 2 or more."
        )
    if wanted and known:
        raise ModelError(
            f"{field} is for means that are estimated, and they are known. Leave it out: of "
            "known means the first may be 0."
        )


def check_prior_order(name: str, prior: object) -> None:
    """Refuse a prior of what is ordered whose locations have another order."""
    location = getattr(prior, "location", None)
    if isinstance(location, tuple) and list(location) != sorted(location):
        raise ModelError(
            f"{type(prior).__name__}: locations must not decrease, since the {name} are ordered; "
            f"they are {list(location)}. Sort them, and the scales with them."
        )


def check_sharing(field: str, shared: object, *, one: bool, given: str) -> None:
    """Refuse one value for all components where there is another for each, or a known one."""
    if not isinstance(shared, bool):
        raise ModelError(f"{field} must be True or False; it is {shared!r}.")
    if shared and not one:
        raise ModelError(
            f"{field} is for one value that is estimated, with one number for all components, by "
            f"{given}. Leave one of the two out."
        )
