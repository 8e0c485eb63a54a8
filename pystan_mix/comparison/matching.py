"""Components that come in any order, put into the one that this project's models have."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from pystan_mix.comparison.comparability import Given
from pystan_mix.comparison.posteriors import Posterior
from pystan_mix.mixtures.vectors.incomplete import coordinate_moments
from pystan_mix.mixtures.vectors.relabelling import (
    among_all,
    picked,
    relabelled_by_allocations,
)


def relabelled_as(
    posterior: Posterior,
    given: Given,
    reference: Posterior | None,
    *,
    named: NDArray[np.intp] | None = None,
) -> Posterior:
    """Give components of vectors, which have no order, the names that a reference gives them.

    Each draw is relabelled by what its components do with the observations; then
    the components, all draws alike, are called as those of the reference that are
    nearest to them. Neither can hide a difference between components that differ. What
    labels of observations name stays as it is.

    Parameters
    ----------
    posterior : Posterior
        Draws of vectors.
    given : Given
        The observations, NaN where a coordinate is missing.
    reference : Posterior or None
        The posterior whose names are taken; None for the reference itself.
    named : ndarray of int, optional
        Components that labels name.

    Returns
    -------
    Posterior
        The same draws, relabelled.
    """
    y, mu, theta = given.y, posterior.draws.get("mu"), posterior.draws.get("theta")
    if y is None or mu is None or theta is None:
        return posterior
    K, shape = mu.shape[2], mu.shape[:2]
    flat = {name: x.reshape(-1, *x.shape[2:]) for name, x in posterior.draws.items()}
    some = np.arange(K) if named is None else np.setdiff1d(np.arange(K), named)
    found = relabelled_by_allocations(
        posterior.family, y, flat, posterior.known, times=given.times, unnamed=some
    )
    if reference is not None and reference.draws["mu"].shape[2:] == mu.shape[2:]:
        theirs = reference.draws["mu"].mean(axis=(0, 1))[some]
        ours = found["mu"].mean(axis=0)[some]
        apart = ((theirs[:, None] - ours) / coordinate_moments(y, given.times)[1]) ** 2
        _, names = linear_sum_assignment(apart.sum(axis=-1))
        order = np.broadcast_to(names, (len(found["mu"]), some.size))
        found = picked(found, among_all(order, some, K))
    draws = {name: x.reshape(*shape, *x.shape[1:]) for name, x in found.items()}
    return dataclasses.replace(posterior, draws=draws)


def named_by_labels(posteriors: Sequence[Posterior]) -> NDArray[np.intp]:
    """Return the components that labels of observations name in some posterior."""
    found = [each.labels[each.labels >= 0] for each in posteriors if each.labels is not None]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.intp)


def ordered_by_mean(
    posterior: Posterior, *, named: NDArray[np.intp] | None = None
) -> tuple[Posterior, float]:
    """Put the components of each draw into increasing order of their means.

    Or of whatever else tells the components of the family apart.

    This is what the components are called by here, not the permutation that
    comes nearest to another posterior, so it cannot hide a difference. Where
    priors are the same for all components, the ordered model's posterior is
    exactly that of the unordered model whose draws are sorted (Stan User's
    Guide, "Label switching in mixture models"). Where priors differ, the
    ordered model has no draws in other orders, and sorting moves those that
    the unordered model has.

    Parameters
    ----------
    posterior : Posterior
        Draws, with or without an order.
    named : ndarray of int, optional
        Components that labels of observations name: these stay where they are.

    Returns
    -------
    tuple of Posterior and float
        The same draws in order, every vector with one element for each
        component along with the means; and the share of draws that were out of
        order.
    """
    ordered = posterior.ordered
    means = None if ordered is None else posterior.draws.get(ordered.name)
    if means is None or means.ndim < 3:
        return posterior, 0.0
    places = np.arange(means.shape[-1])
    some = places if named is None else np.setdiff1d(places, named)
    out_of_order = (np.diff(means[..., some], axis=-1) < 0.0).any(axis=-1)
    if not out_of_order.any():
        return posterior, 0.0
    # what is known belongs to its component, wherever that goes
    known = {
        name: np.broadcast_to(values, means.shape)
        for name, values in posterior.known.items()
        if values.size == means.shape[-1] and np.ptp(values) > 0.0
    }
    order = np.broadcast_to(places, means.shape).copy()
    order[..., some] = some[np.argsort(means[..., some], axis=-1, kind="stable")]
    draws = {
        name: np.take_along_axis(values, order, axis=-1) if values.shape == means.shape else values
        for name, values in (known | posterior.draws).items()
    }
    return dataclasses.replace(posterior, draws=draws), float(out_of_order.mean())
