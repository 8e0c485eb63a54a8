"""Observations with labels, read back from the data block of a Stan program."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pystan_mix.containers import check_points
from pystan_mix.errors import DataError
from pystan_mix.mixtures.annotations.labels import UNKNOWN
from pystan_mix.mixtures.observations import Observations

_REMEDY = "Give the data block that CmdStan was given."


def with_labelled(
    unlabelled: Observations, data: Mapping[str, Any], *, are_counts: bool, at_most: int
) -> Observations:
    """Return the observations of a data block, those of known components behind the others.

    Parameters
    ----------
    unlabelled : Observations
        Those whose components are not known.
    data : mapping
        The data block, which has the others.
    are_counts : bool
        Whether observations are whole numbers.
    at_most : int
        How many observations there may be; of more each value stands for all
        that are equal.

    Returns
    -------
    Observations
        All of them.

    Raises
    ------
    DataError
        If values, labels and how often each occurs do not belong together; or
        if components are in order that labels name.
    """
    y = check_points(data.get("y_labelled", ()), are_counts=are_counts)
    if data["N_labelled"] != y.size:
        raise DataError(
            f"N_labelled is {data['N_labelled']!r}, and y_labelled has {y.size} values. {_REMEDY}"
        )
    label = _checked(data.get("label"), size=y.size, K=int(data["K"]))
    times = np.asarray(data.get("times_labelled", ()), dtype=np.float64)
    whole = unlabelled.count.dtype.kind != "f"
    if times.shape != y.shape or not (times > 0.0).all() or (whole and (times % 1.0).any()):
        raise DataError(
            f"times_labelled must be {y.size} {'whole ' * whole}numbers above 0, one for each "
            f"value of y_labelled; it is {times.tolist()}. {_REMEDY}"
        )
    distinct = np.concatenate([unlabelled.distinct, y])
    count = np.concatenate([unlabelled.count, times.astype(unlabelled.count.dtype)])
    every = np.concatenate([np.full(unlabelled.distinct.size, UNKNOWN), label])
    rows = np.arange(distinct.size)
    if unlabelled.times is not None or count.sum() > at_most:
        return Observations(distinct, distinct, count, index=rows, times=count, label=every)
    index = np.repeat(rows, count)
    return Observations(distinct[index], distinct, count, index=index, label=every)


def check_unnamed(unnamed: object, *, expected: NDArray[np.intp]) -> None:
    """Refuse a data block that has other components in order than those that no label names."""
    if unnamed is not None and sorted(np.ravel(np.asarray(unnamed))) != [*(1 + expected)]:
        raise DataError(
            f"unnamed is {unnamed!r}, and the components that no label names are "
            f"{(1 + expected).tolist()}. {_REMEDY}"
        )


def _checked(label: object, *, size: int, K: int) -> NDArray[np.intp]:
    """Return the components of observations, from 0, or say why they are none."""
    values = np.asarray(label)
    if values.shape != (size,) or values.dtype.kind not in "iu" or not _within(values, K):
        raise DataError(
            f"label must be {size} whole numbers from 1 to K = {K}, one for each value of "
            f"y_labelled; it is {label!r}. {_REMEDY}"
        )
    return values.astype(np.intp) - 1


def _within(values: NDArray[np.intp], K: int) -> bool:
    """Whether numbers are components of a program, from 1."""
    return bool(((values >= 1) & (values <= K)).all())


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
