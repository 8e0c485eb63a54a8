"""Observations in the data block of the Stan programs: intervals written, and all read back."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pystan_mix.containers import as_numbers, check_points
from pystan_mix.errors import DataError
from pystan_mix.mixtures.annotations.intervals import Interval, check_bounded
from pystan_mix.mixtures.annotations.labels import UNKNOWN
from pystan_mix.mixtures.annotations.times import Times, is_weighted
from pystan_mix.mixtures.observations import Observations, indexed
from pystan_mix.mixtures.vectors.incomplete import incomplete_rows
from pystan_mix.numerics import FloatArray

# observations of a data block: beyond, each value stands for all that are equal
_MOST_EXPANDED = 1_000_000
REMEDY = "Give the data block that CmdStan was given."


def interval_data(observed: Observations, between: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the observations that are known to lie between bounds, which may be infinite."""
    some = None if observed.bounds is None else observed.bounds.chosen(between)
    label = np.zeros(between.sum(), dtype=np.intp)
    return {
        "N_interval": label.size,
        "y_lower": [] if some is None else some.lower.tolist(),
        "y_upper": [] if some is None else some.upper.tolist(),
        # 0 where it is not known
        "label_interval": (
            label if observed.label is None else 1 + observed.label[between]
        ).tolist(),
        "times_interval": observed.count[between].astype(np.float64).tolist(),
    }


def labelled_alone(observed: Observations) -> Observations:
    """Return the observations that stand with their labels alone in a block, in their order.

    Those whose components are known; of vectors, that lack nothing besides.
    """
    return chosen(observed, ~written(observed))


def written(observed: Observations) -> NDArray[np.bool_]:
    """Return of which of the distinct observations programs write the log density."""
    if observed.label is None:
        return np.ones(len(observed.distinct), dtype=np.bool_)
    free = observed.label < 0
    return free if observed.y.ndim == 1 else free | incomplete_rows(observed.distinct)


def chosen(observed: Observations, some: NDArray[np.bool_]) -> Observations:
    """Return those of the observations that are among some of the distinct ones, in their order."""
    rows = some[observed.index]
    place = np.cumsum(some) - 1
    return dataclasses.replace(
        observed,
        y=observed.y[rows],
        distinct=observed.distinct[some],
        count=observed.count[some],
        index=place[observed.index[rows]],
        times=None if observed.times is None else observed.times[rows],
        label=None if observed.label is None else observed.label[some],
        bounds=None if observed.bounds is None else observed.bounds.chosen(some),
    )


def check_unnamed(unnamed: object, *, expected: NDArray[np.intp]) -> None:
    """Refuse a data block that has other components in order than those that no label names."""
    if unnamed is not None and sorted(np.ravel(np.asarray(unnamed))) != [*(1 + expected)]:
        raise DataError(
            f"unnamed is {unnamed!r}, and the components that no label names are "
            f"{(1 + expected).tolist()}. {REMEDY}"
        )


def observations_of_block(
    data: Mapping[str, Any], y: FloatArray, *, are_counts: bool = False
) -> Observations:
    """Return the observations of a data block, those of known components behind the others.

    Parameters
    ----------
    data : mapping
        The data block.
    y : ndarray, shape (N,), or of vectors (N, D)
        What stands in it as `y`.
    are_counts : bool, default False
        Whether observations are whole numbers.

    Returns
    -------
    Observations
        Each of them; where these are too many, each value for all that are equal.

    Raises
    ------
    DataError
        If values, how often they occur, labels and bounds do not belong together.
    """
    if "N" in data and data["N"] != len(y):
        raise DataError(
            f"N is {data['N']!r}, and y has {len(y)} values: they are of different data. {REMEDY}"
        )
    if data.get("N_interval"):
        return _with_intervals(data, y)
    if "count" not in data and not data.get("weighted"):
        return indexed(y)
    times = times_of_block(data, size=len(y))
    if data.get("N_labelled"):
        return _with_labelled(y, times, data, are_counts=are_counts)
    return in_order(y, times)


def times_of_block(data: Mapping[str, Any], *, size: int) -> Times:
    """Return how often each value of `y` occurs, or its weight, or say why that cannot be."""
    if data.get("weighted"):
        return _weights(data.get("weight"), size=size)
    return _counts(data["count"], size=size)


def in_order(
    distinct: FloatArray, count: Times, label: NDArray[np.intp] | None = None
) -> Observations:
    """Return observations of which the distinct ones are in the order of a data block.

    Parameters
    ----------
    distinct : ndarray, shape (M,), or of vectors (M, D)
        The distinct ones.
    count : ndarray of int or float, shape (M,)
        How often each occurs, or its weight.
    label : ndarray of int, shape (M,), optional
        The component that each is known to be of, or -1.

    Returns
    -------
    Observations
        Each of them; where these are too many, each value for all that are equal.
    """
    rows = np.arange(len(distinct))
    if is_weighted(count) or count.sum() > _MOST_EXPANDED:
        return Observations(distinct, distinct, count, index=rows, times=count, label=label)
    index = np.repeat(rows, count.astype(np.intp))
    return Observations(distinct[index], distinct, count, index=index, label=label)


def _with_labelled(
    unlabelled: FloatArray, times: Times, data: Mapping[str, Any], *, are_counts: bool
) -> Observations:
    """Return the observations of a data block, those of known components behind the others."""
    y = check_points(data.get("y_labelled", ()), are_counts=are_counts)
    label, more = labelled_of_block(data, size=y.size)
    return in_order(
        np.concatenate([unlabelled, y]),
        np.concatenate([times, more.astype(times.dtype)]),
        np.concatenate([np.full(unlabelled.size, UNKNOWN), label]),
    )


def labelled_of_block(data: Mapping[str, Any], *, size: int) -> tuple[NDArray[np.intp], Times]:
    """Return labels, from 0, and counts or weights of the observations that have labels.

    Parameters
    ----------
    data : mapping
        The data block.
    size : int
        How many stand in it as `y_labelled`.

    Returns
    -------
    tuple of two ndarrays, shape (size,)
        One of each for each.

    Raises
    ------
    DataError
        If they are not as many, or no such numbers.
    """
    if data["N_labelled"] != size:
        raise DataError(
            f"N_labelled is {data['N_labelled']!r}, and y_labelled has {size} values. {REMEDY}"
        )
    label = labels_of_block(data.get("label"), size=size, K=int(data["K"]))
    return label, further_times(data, "labelled", size=size)


def further_times(data: Mapping[str, Any], which: str, *, size: int) -> Times:
    """Return the counts or weights of observations that stand not in `y`: labelled or others."""
    times = np.asarray(data.get(f"times_{which}", ()), dtype=np.float64)
    whole = not data.get("weighted")
    if times.shape != (size,) or not (times > 0.0).all() or (whole and (times % 1.0).any()):
        raise DataError(
            f"times_{which} must be {size} {'whole ' * whole}numbers above 0, one for each "
            f"value of y_{which}; it is {times.tolist()}. {REMEDY}"
        )
    return times.astype(np.intp) if whole else times


def _with_intervals(data: Mapping[str, Any], y: FloatArray) -> Observations:
    """Return the observations of a data block, a row each, those between bounds behind."""
    if data.get("N_labelled") or np.any(data.get("label_interval", 0)):
        raise DataError(
            "There are labels beside intervals, and draws with both are not read back. Fit them by "
            "sample(model, Interval(lower, upper), labels=labels)."
        )
    ends = (as_numbers(data.get(name, ())) for name in ("y_lower", "y_upper"))
    bounds = Interval(*(np.concatenate([y, each]) for each in ends))
    between = _weights(data.get("times_interval"), size=len(bounds) - y.size)
    times: Times
    if data.get("weighted"):
        times = np.concatenate([_weights(data.get("weight"), size=y.size), between])
    else:
        count = _counts(data.get("count"), size=y.size)
        times = np.concatenate([count, np.rint(between).astype(np.intp)])
    check_bounded(bounds)
    return Observations(
        y=bounds.points,
        distinct=bounds.points,
        count=times,
        index=np.arange(len(bounds)),
        times=times,
        bounds=bounds,
    )


def labels_of_block(
    label: object, *, size: int, K: int, name: str = "label", least: int = 1
) -> NDArray[np.intp]:
    """Return the components of observations, from 0, or say why they are none.

    Where the least is 0, that stands for what is not known.
    """
    values = np.asarray(label) if size else np.zeros(0, dtype=np.intp)
    whole = values.shape == (size,) and values.dtype.kind in "iu"
    if not whole or (values < least).any() or (values > K).any():
        y = "y_labelled" if least else name.replace("label", "y")
        raise DataError(
            f"{name} must be {size} whole numbers from {least} to K = {K}, one for each value of "
            f"{y}; it is {label!r}. {REMEDY}"
        )
    return values.astype(np.intp) - 1


def _counts(values: object, *, size: int) -> NDArray[np.intp]:
    """Return how often each observation occurs, or say why that cannot be."""
    try:
        count = np.asarray(values)
    except ValueError:
        count = np.empty(0)
    if count.size == size == 0:
        return np.zeros(0, dtype=np.intp)
    if count.shape != (size,) or count.dtype.kind not in "iu" or (count < 1).any():
        raise DataError(
            f"count must be {size} whole numbers, how often each value of y occurs, 1 or more; it "
            f"is {values!r}. {REMEDY}"
        )
    return count.astype(np.intp)


def _weights(values: object, *, size: int) -> FloatArray:
    """Return the weight of each observation, or say why that cannot be."""
    try:
        weights = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        weights = np.empty(0)
    if weights.shape != (size,) or not (weights > 0).all():
        raise DataError(
            f"weight must be {size} numbers above 0, one for each value of y; it is {values!r}. "
            f"{REMEDY}"
        )
    return weights
