"""The data block of the program of vectors: rows written, and all read back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pystan_mix.errors import DataError
from pystan_mix.mixtures.annotations.data_block import (
    REMEDY,
    further_times,
    in_order,
    labelled_of_block,
    labels_of_block,
    times_of_block,
)
from pystan_mix.mixtures.annotations.labels import UNKNOWN
from pystan_mix.mixtures.families.multivariate_normal import (
    DIAGONAL,
    SPHERICAL,
    MultivariateNormalMixture,
)
from pystan_mix.mixtures.numbers import brief, one_or_each
from pystan_mix.mixtures.observations import Observations
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.priors import Dirichlet, Prior
from pystan_mix.mixtures.vectors.incomplete import incomplete_rows, patterns_of
from pystan_mix.numerics import FloatArray


def model_of_vector_data(data: Mapping[str, Any]) -> MultivariateNormalMixture:
    """Return the model of vectors that a data block holds.

    Parameters
    ----------
    data : mapping
        What `stan_data` writes of vectors.

    Returns
    -------
    MultivariateNormalMixture
        Of which `stan_data` makes the same block.

    Raises
    ------
    KeyError, TypeError, ValueError
        If something is missing, or is none of these numbers.
    """
    means, scales, correlation = MultivariateNormalMixture.parameters
    return MultivariateNormalMixture(
        n_components=int(data["K"]),
        weights=Dirichlet(one_or_each(data["alpha"])),
        min_weight=float(data["min_weight"]),
        n_dims=int(data["D"]),
        means=_prior(means, data),
        scales=_prior(scales, data),
        min_sigma=one_or_each(data["min_sigma"]),
        shared=bool(data["shared"]),
        correlation=_correlation(correlation, data),
    )


def rows_data(observed: Observations) -> dict[str, Any]:
    """Return vectors as the data block has them, coordinate by coordinate.

    Parameters
    ----------
    observed : Observations
        Vectors, NaN where a coordinate is missing.

    Returns
    -------
    dict
        Those that lack nothing and have no label; the others that lack nothing; and the
        rest, pattern by pattern of what is observed, with 0 where nothing is.

    Examples
    --------
    >>> from pystan_mix.mixtures.observations import indexed
    >>> found = rows_data(indexed(np.array([[1.0, 2.0], [np.nan, 3.0], [np.nan, 3.0]])))
    >>> found["y"], found["count"], found["y_incomplete"], found["times_incomplete"]
    ([[1.0], [2.0]], [1], [[0.0], [3.0]], [2.0])
    >>> found["observed"], found["N_pattern"]
    ([[0, 1]], [1])
    """
    lacking = incomplete_rows(observed.distinct)
    label = np.full(len(lacking), UNKNOWN) if observed.label is None else observed.label
    known = (label >= 0) & ~lacking
    free, rest = ~(lacking | known), observed.distinct[lacking]
    count = observed.count[free].tolist()
    times = observed.count.astype(np.float64)
    patterns = patterns_of(rest)
    order = [int(row) for each in patterns for row in each.rows]
    there = ~np.isnan(rest)
    return {
        "N": len(count),
        "weighted": int(observed.are_weighted),
        "count": [] if observed.are_weighted else count,
        "weight": count if observed.are_weighted else [],
        "y": observed.distinct[free].T.tolist(),
        "N_labelled": int(known.sum()),
        "y_labelled": observed.distinct[known].T.tolist(),
        "label": (1 + label[known]).tolist(),
        "times_labelled": times[known].tolist(),
        "N_incomplete": len(rest),
        "P": len(patterns),
        "observed": [there[each.rows[0]].astype(np.intp).tolist() for each in patterns],
        "N_pattern": [each.rows.size for each in patterns],
        "y_incomplete": np.where(there, rest, 0.0)[order].T.tolist(),
        # 0 where it is not known
        "label_incomplete": (1 + label[lacking][order]).tolist(),
        "times_incomplete": times[lacking][order].tolist(),
    }


def observed_of_vector_data(data: Mapping[str, Any]) -> Observations:
    """Return the vectors of a data block.

    Those that lack coordinates stand behind the others, and labelled ones that lack none
    behind these.

    Parameters
    ----------
    data : mapping
        The data block; one without lines of incomplete or of labelled vectors has none.

    Returns
    -------
    Observations
        Each of them, the distinct ones in the order of the block.

    Raises
    ------
    DataError
        If they are not finite numbers in D rows of one length, or are not as many as
        their number and their counts say.
    KeyError, TypeError, ValueError
        If something is missing, or is none of these numbers.
    """
    y = _rows(data, "y")
    if data["N"] != len(y):
        raise DataError(
            f"N is {data['N']!r}, and y has {len(y)} values: they are of different data. {REMEDY}"
        )
    rows = [y]
    times: list[NDArray[Any]] = [times_of_block(data, size=len(y))]
    labels = [np.full(len(y), UNKNOWN)]
    if data.get("N_incomplete"):
        rows.append(_incomplete_rows(data, D=y.shape[1]))
        size = len(rows[-1])
        # counts had a line of their own, and labels had none, before there were weights
        older = {"times_incomplete": data.get("count_incomplete", ())}
        times.append(further_times({**older, **data}, "incomplete", size=size))
        labels.append(
            labels_of_block(
                data.get("label_incomplete", np.zeros(size, dtype=np.intp)),
                size=size,
                K=int(data["K"]),
                name="label_incomplete",
                least=0,
            )
        )
    if data.get("N_labelled"):
        rows.append(_rows(data, "y_labelled"))
        own, more = labelled_of_block(data, size=len(rows[-1]))
        times.append(more)
        labels.append(own)
    label = np.concatenate(labels)
    some = label if (label >= 0).any() else None
    return in_order(np.concatenate(rows), np.concatenate(times), some)


def _incomplete_rows(data: Mapping[str, Any], *, D: int) -> FloatArray:
    """Return the vectors of a data block that lack coordinates, NaN in the place of these."""
    rest, pattern = _rows(data, "y_incomplete"), np.asarray(data["observed"])
    sizes = np.asarray(data["N_pattern"])
    size = int(data["N_incomplete"])
    if len(rest) != size:
        raise DataError(
            f"N_incomplete is {size}, and y_incomplete has {len(rest)} values. {REMEDY}"
        )
    if pattern.shape != (sizes.size, D) or sizes.sum() != size or (sizes < 1).any():
        raise DataError(
            f"N_pattern must have a number for each of observed, which have D = {D} each, and the "
            f"sum N_incomplete = {size}; it is {data['N_pattern']!r}, and observed is "
            f"{data['observed']!r}. {REMEDY}"
        )
    rest[np.repeat(pattern, sizes, axis=0) == 0] = np.nan
    return rest


def _rows(data: Mapping[str, Any], name: str) -> FloatArray:
    """Return vectors, shape (N, D), which a data block has coordinate by coordinate."""
    y, D = np.asarray(data[name], dtype=np.float64), int(data["D"])
    if y.ndim != 2 or len(y) != D or not np.isfinite(y).all():
        raise DataError(
            f"{name} must be D = {D} rows of N finite numbers; its shape is {y.shape}. Give the "
            "data block that CmdStan was given."
        )
    return y.T.copy()


def _prior(parameter: Parameter, data: Mapping[str, Any]) -> Any:
    """Return the prior of means or scales; a number where all coordinates have the same."""
    # normal means are marked by no number
    form = data.get(f"{parameter.name}_prior", parameter.priors[0].stan_prior)
    kind: type[Prior] = next(each for each in parameter.priors if each.stan_prior == form)
    return brief(kind.from_stan_data(parameter.name, data))


def _correlation(parameter: Parameter, data: Mapping[str, Any]) -> Any:
    """Return the prior of correlations, or the word that says that there are none."""
    if data["correlated"]:
        return parameter.priors[0].from_stan_data(parameter.name, data)
    return SPHERICAL if data["S"] == 1 < data["D"] else DIAGONAL
