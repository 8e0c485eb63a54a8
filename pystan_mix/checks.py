"""Settings of the samplers: checked before anything is started."""

import numbers
import os
import secrets
from collections.abc import Sequence
from typing import TypeVar

from pystan_mix.errors import SettingsError

ChoiceT = TypeVar("ChoiceT", bound=str)

# CmdStan 2.27 reads its seed as a signed integer of 32 bits
_LARGEST_SEED = 2**31 - 1


def check_whole(name: str, value: int, *, least: int) -> int:
    """Return a whole number, or say that it is none or too small.

    Raises
    ------
    SettingsError
        If `value` is not a whole number of at least `least`.

    Examples
    --------
    >>> check_whole("chains", 4, least=1)
    4
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise SettingsError(f"{name} must be a whole number, {least} or more; it is {value!r}.")
    return int(value)


def check_open_interval(name: str, value: float, *, low: float, high: float) -> float:
    """Return a number strictly between two others, or say that it is not.

    Raises
    ------
    SettingsError
        If `value` is not a number between `low` and `high`.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not low < value < high:
        raise SettingsError(f"{name} must be above {low:g} and below {high:g}; it is {value!r}.")
    return float(value)


def check_choice(name: str, value: ChoiceT, *, choices: Sequence[str]) -> ChoiceT:
    """Return one of some words, or say which there are.

    Raises
    ------
    SettingsError
        If `value` is none of them.

    Examples
    --------
    >>> check_choice("metric", "diag_e", choices=("dense_e", "diag_e"))
    'diag_e'
    """
    if value not in choices:
        raise SettingsError(f"{name} must be one of {', '.join(choices)}; it is {value!r}.")
    return value


def check_seed(seed: int | None) -> int:
    """Return the seed, or a random one where there is none.

    Raises
    ------
    SettingsError
        If `seed` is not a whole number from 0 to 2147483647.
    """
    if seed is None:
        return secrets.randbelow(_LARGEST_SEED)
    if check_whole("seed", seed, least=0) > _LARGEST_SEED:
        raise SettingsError(f"seed must be at most {_LARGEST_SEED}; it is {seed}.")
    return int(seed)


def parallel_processes(wanted: int | None, *, processes: int, name: str = "parallel_chains") -> int:
    """Return how many of some processes run at once: by default one for each core.

    Raises
    ------
    SettingsError
        If `wanted` is not a whole number of at least 1.
    """
    if wanted is None:
        return min(processes, os.cpu_count() or 1)
    return min(processes, check_whole(name, wanted, least=1))
