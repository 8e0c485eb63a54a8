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
from pystan_mix.mixtures.annotations.times import Times
from pystan_mix.mixtures.observations import Observations, indexed
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
    """Return the observations whose components are known, in their order."""
    if observed.label is None:
        raise ValueError("No component is known.")
    known = observed.label >= 0
    rows = known[observed.index]
    place = np.cumsum(known) - 1
    return dataclasses.replace(
        observed,
        y=observed.y[rows],
        distinct=observed.distinct[known],
        count=observed.count[known],
        index=place[observed.index[rows]],
        times=None if observed.times is None else observed.times[rows],
        label=observed.label[known],
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
    observed = _plain(data, y)
    if data.get("N_labelled"):
        return _with_labelled(observed, data, are_counts=are_counts)
    return observed


def _plain(data: Mapping[str, Any], y: FloatArray) -> Observations:
    """Return the observations of a data block that are known exactly, of no known component."""
    rows = np.arange(len(y))
    if data.get("weighted"):
        weight = _weights(data.get("weight"), size=y.size)
        return Observations(y=y, distinct=y, count=weight, index=rows, times=weight)
    if "count" not in data:
        return indexed(y)
    count = _counts(data["count"], size=len(y))
    if count.sum() > _MOST_EXPANDED and y.ndim == 1:
        return Observations(y=y, distinct=y, count=count, index=rows, times=count)
    index = np.repeat(rows, count)
    return Observations(y=y[index], distinct=y, count=count, index=index)


def _with_labelled(
    unlabelled: Observations, data: Mapping[str, Any], *, are_counts: bool
) -> Observations:
    """Return the observations of a data block, those of known components behind the others."""
    y = check_points(data.get("y_labelled", ()), are_counts=are_counts)
    if data["N_labelled"] != y.size:
        raise DataError(
            f"N_labelled is {data['N_labelled']!r}, and y_labelled has {y.size} values. {REMEDY}"
        )
    label = _checked_labels(data.get("label"), size=y.size, K=int(data["K"]))
    times = np.asarray(data.get("times_labelled", ()), dtype=np.float64)
    whole = unlabelled.count.dtype.kind != "f"
    if times.shape != y.shape or not (times > 0.0).all() or (whole and (times % 1.0).any()):
        raise DataError(
            f"times_labelled must be {y.size} {'whole ' * whole}numbers above 0, one for each "
            f"value of y_labelled; it is {times.tolist()}. {REMEDY}"
        )
    distinct = np.concatenate([unlabelled.distinct, y])
    count = np.concatenate([unlabelled.count, times.astype(unlabelled.count.dtype)])
    every = np.concatenate([np.full(unlabelled.distinct.size, UNKNOWN), label])
    rows = np.arange(distinct.size)
    if unlabelled.times is not None or count.sum() > _MOST_EXPANDED:
        return Observations(distinct, distinct, count, index=rows, times=count, label=every)
    index = np.repeat(rows, count)
    return Observations(distinct[index], distinct, count, index=index, label=every)


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


def _checked_labels(label: object, *, size: int, K: int) -> NDArray[np.intp]:
    """Return the components of observations, from 0, or say why they are none."""
    values = np.asarray(label)
    whole = values.shape == (size,) and values.dtype.kind in "iu"
    if not whole or (values < 1).any() or (values > K).any():
        raise DataError(
            f"label must be {size} whole numbers from 1 to K = {K}, one for each value of "
            f"y_labelled; it is {label!r}. {REMEDY}"
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
