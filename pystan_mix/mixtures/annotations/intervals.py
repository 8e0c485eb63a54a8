"""Intervals: observations that are known to lie between two bounds, checked."""

import dataclasses
import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from pystan_mix.checks import check_open_interval
from pystan_mix.containers import as_numbers, check_magnitudes
from pystan_mix.errors import DataError
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.intervals.best_normal import representative


@dataclasses.dataclass(frozen=True, eq=False)
class Interval:
    """Observations that are known to lie between two bounds: rounded, binned or censored.

    Parameters
    ----------
    lower, upper : array_like, shape (N,)
        Bounds of each observation, in the units of the data. Equal ones say that it
        is known exactly; ``-inf`` below, that it is known to be no larger than its
        upper bound, as what is under a limit of detection; ``inf`` above, that it is
        no smaller than its lower one. A row of which both bounds are missing, or
        both infinite, is a missing observation.

    Raises
    ------
    DataError
        If they are not as many, one alone is missing, a lower one is above its upper
        one, or a value is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from pystan_mix import Interval
    >>> y = Interval(lower=[-np.inf, 0.7, 1.0], upper=[0.5, 0.7, 2.0])
    >>> len(y)
    3
    """

    lower: FloatArray
    upper: FloatArray

    def __post_init__(self) -> None:
        found = {}
        for name in ("lower", "upper"):
            try:
                found[name] = as_numbers(getattr(self, name))
            except DataError as error:
                raise DataError(f"{name}: {error}") from None
        lower, upper = found["lower"], found["upper"]
        if lower.size != upper.size:
            raise DataError(
                f"There are {lower.size} lower bounds and {upper.size} upper ones. Give one of "
                "each for each observation, -inf or inf where there is none."
            )
        _refuse(
            np.isnan(lower) != np.isnan(upper),
            (lower, upper),
            "has one bound alone, and the other is missing. Where there is none give -inf or inf.",
        )
        missing = np.isnan(lower) | (np.isneginf(lower) & np.isposinf(upper))
        lower, upper = (np.where(missing, np.nan, each) for each in (lower, upper))
        _refuse(lower > upper, (lower, upper), "has bounds in the wrong order. Exchange them.")
        _refuse(
            np.isposinf(lower) | np.isneginf(upper),
            (lower, upper),
            "is infinite itself. Give a finite bound.",
        )
        for each in (lower, upper):
            check_magnitudes(np.where(np.isfinite(each), each, 0.0))
        object.__setattr__(self, "lower", lower)
        object.__setattr__(self, "upper", upper)

    def __len__(self) -> int:
        return len(self.lower)

    @property
    def points(self) -> FloatArray:
        """A point for each: the middle, or the finite bound; NaN where it is missing."""
        return representative(self.lower, self.upper)

    @property
    def wide(self) -> NDArray[np.bool_]:
        """Which of them are not known exactly."""
        return np.asarray(self.upper > self.lower)

    def chosen(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Interval":
        """Return some of them."""
        return Interval(self.lower[rows], self.upper[rows])


def _refuse(bad: NDArray[np.bool_], bounds: tuple[FloatArray, FloatArray], what: str) -> None:
    """Refuse intervals, the first of which is named with its position."""
    if bad.any():
        position = int(np.argmax(bad))
        low, high = (each[position] for each in bounds)
        raise DataError(
            f"{int(bad.sum())} of {bad.size} intervals cannot be used: the first, from {low:g} to "
            f"{high:g} at position {position}, {what}"
        )


def rounded_values(y: object, rounded_to: float | None) -> object:
    """Return the intervals that values were rounded in.

    Parameters
    ----------
    y : array_like, shape (N,)
        Values, NaN or None where one is missing.
    rounded_to : float or None
        The unit that they were rounded to; None leaves them as they are.

    Returns
    -------
    Interval or object
        From half a unit below each to half a unit above it.

    Raises
    ------
    DataError
        If the values are intervals already, or so large that half a unit changes nothing.
    SettingsError
        If the unit is no number above 0.

    Examples
    --------
    >>> rounded_values([1, 2], 1.0).upper
    array([1.5, 2.5])
    """
    if rounded_to is None:
        return y
    unit = check_open_interval("rounded_to", rounded_to, low=0.0, high=math.inf)
    if isinstance(y, Interval):
        raise DataError("y is Interval(...), and rounded_to is for numbers. Leave rounded_to out.")
    values = as_numbers(y)
    check_magnitudes(np.where(np.isnan(values), 0.0, values))
    lower, upper = values - 0.5 * unit, values + 0.5 * unit
    if (lower >= upper).any():
        raise DataError(
            f"Values up to {np.nanmax(np.abs(values)):g} were not rounded to {unit:g}: doubles of "
            "that size lie further apart. Check the unit."
        )
    return Interval(lower, upper)


def log_density_given(
    density: Callable[..., FloatArray],
    interval: Callable[..., FloatArray] | None,
    y: FloatArray | Interval,
    parameters: Mapping[str, FloatArray],
) -> FloatArray:
    """Return what each observation contributes to a likelihood under some components.

    Parameters
    ----------
    density : callable
        A component's log density at points.
    interval : callable or None
        Its log probability between lower and upper bounds.
    y : ndarray or Interval, shape (N,)
        Observations.
    parameters : mapping of str to ndarray
        The components' parameters by name, broadcast against observations.

    Returns
    -------
    ndarray, shape (..., N)
        Log densities of what is known exactly, log probabilities of the others.
    """
    if not isinstance(y, Interval):
        return density(y, **parameters)
    terms, wide = density(y.points, **parameters), y.wide
    if interval is not None and wide.any():
        terms[..., wide] = interval(y.lower[wide], y.upper[wide], **parameters)
    return terms


def check_bounded(bounds: Interval) -> None:
    """Refuse intervals that all lack their lower bounds, or all their upper ones."""
    for side, ends in (("a lower", bounds.lower), ("an upper", bounds.upper)):
        if not np.isfinite(ends).any():
            raise DataError(
                f"No observation has {side} bound: nothing says how far "
                "they lie on that side. Check the bounds, or give more observations."
            )
