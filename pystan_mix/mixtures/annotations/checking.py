"""Observations with all that stands beside them: checked, or what is wrong with them."""

import dataclasses
from typing import get_args

import numpy as np

from pystan_mix.checks import check_choice
from pystan_mix.containers import MARGINALISE, Missing, as_numbers, check_counts, check_magnitudes
from pystan_mix.errors import DataError, SettingsError
from pystan_mix.mixtures.annotations.intervals import Interval, check_bounded
from pystan_mix.mixtures.annotations.labels import checked_labels
from pystan_mix.mixtures.annotations.times import check_total, checked_times
from pystan_mix.mixtures.observations import Observations, indexed


def checked_observations(
    y: object,
    *,
    counts: object = None,
    weights: object = None,
    labels: object = None,
    n_components: int = 1,
    missing: Missing = "raise",
    are_counts: bool = False,
) -> Observations:
    """Return observations, or say what is wrong with them.

    Parameters
    ----------
    y : array_like or Interval, shape (N,)
        Observations: numbers in any unit, or counts, or bounds of numbers.
    counts : array_like of int, shape (N,), optional
        How often each occurs, 0 or more.
    weights : array_like, shape (N,), optional
        The weight of each, 0 or more.
    labels : array_like of int, shape (N,), optional
        The component that each is known to be of, from 0, or -1.
    n_components : int, default 1
        Number of components that they are meant for.
    missing : {"raise", "drop"}, default "raise"
        Whether missing values are refused or left out; numbers are missing as a whole,
        and nothing of them could be integrated out.
    are_counts : bool, default False
        Whether the observations themselves are to be whole numbers, 0 or more.

    Returns
    -------
    Observations
        The same values, as floats, without those of count or weight 0.

    Raises
    ------
    DataError
        If they are not a one-dimensional sequence of at least two different
        finite numbers of magnitude up to 1e100, or of whole numbers from 0 to 2147483647
        where they are counts; if there are fewer different values than
        components; if intervals all lack a bound on one side; or if counts, weights or labels are
        not as they should be.
    SettingsError
        If `missing` is none of its words, or that of vectors.

    Examples
    --------
    >>> checked_observations([1, 2, 4]).y
    array([1., 2., 4.])
    >>> checked_observations([1, None, 4], missing="drop").y
    array([1., 4.])
    """
    if missing == MARGINALISE:
        raise SettingsError(
            f"missing={MARGINALISE!r} is for vectors that lack some coordinates. Numbers are "
            'missing as a whole: give missing="raise" or missing="drop".'
        )
    check_choice("missing", missing, choices=get_args(Missing))
    given = y if isinstance(y, Interval) else as_numbers(y)
    values = given.points if isinstance(given, Interval) else given
    there = ~np.isnan(values)
    dropped = int(values.size - there.sum())
    if dropped and missing == "raise":
        first = int(np.flatnonzero(~there)[0])
        raise DataError(
            f"{dropped} of {values.size} observations {'are' if dropped > 1 else 'is'} missing or "
            f'NaN, the first at position {first}. Leave them out with missing="drop".'
        )
    check_magnitudes(np.where(there, values, 0.0))
    if are_counts:
        check_counts(np.where(there, values, 0.0))
    times = checked_times(counts, weights, there=there)
    names = checked_labels(labels, there=there, n_components=n_components)
    if times is not None:
        there &= times > 0
        times = times[there]
    given = given.chosen(there) if isinstance(given, Interval) else given[there]
    values = values[there]
    if values.size < 2:
        beside = f" beside {dropped} missing" if dropped else ""
        above = "" if times is None else f" with {'counts' if weights is None else 'weights'}"
        raise DataError(
            f"At least two observations{above and f'{above} above 0'} are needed; there are "
            f"{values.size}{beside}."
        )
    names = None if names is None or (names[there] < 0).all() else names[there]
    found = dataclasses.replace(indexed(given, times, names), dropped=dropped)
    if times is not None:
        check_total(found.count)
    if found.bounds is not None:
        check_bounded(found.bounds)
    distinct = np.unique(found.distinct).size
    if distinct == 1:
        raise DataError(
            f"All {values.size} observations are {values[0]:g}: a constant column has no mixture "
            "in it. Check that the right column was read."
        )
    if found.std == 0.0:
        raise DataError(
            f"The observations, {values.min():g} to {values.max():g}, are so small that their "
            "squares vanish. Multiply the data by a constant."
        )
    if distinct < n_components:
        raise DataError(
            f"There are {distinct} different values for {n_components} components. "
            f"Use at most {distinct} components, or more observations."
        )
    return found
