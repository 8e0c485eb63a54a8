"""Observations in the data block of the Stan programs: intervals written, and all read back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pystan_mix.containers import as_numbers
from pystan_mix.errors import DataError
from pystan_mix.mixtures.annotations.intervals import Interval, check_bounded
from pystan_mix.mixtures.annotations.times import Times
from pystan_mix.mixtures.observations import Observations, indexed
from pystan_mix.numerics import FloatArray

# observations of a data block: beyond, each value stands for all that are equal
MOST_EXPANDED = 1_000_000


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


def observations_of_block(data: Mapping[str, Any], y: FloatArray) -> Observations:
    """Return the observations of a data block, each of them but where these are too many."""
    if data.get("N_interval"):
        return _with_intervals(data, y)
    rows = np.arange(y.size)
    if data.get("weighted"):
        weight = _weights(data.get("weight"), size=y.size)
        return Observations(y=y, distinct=y, count=weight, index=rows, times=weight)
    if "count" not in data:
        return indexed(y)
    count = _counts(data["count"], size=y.size)
    if count.sum() > MOST_EXPANDED:
        return Observations(y=y, distinct=y, count=count, index=rows, times=count)
    index = np.repeat(rows, count)
    return Observations(y=y[index], distinct=y, count=count, index=index)


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
            f"is {values!r}. Give the data block that CmdStan was given."
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
            "Give the data block that CmdStan was given."
        )
    return weights
