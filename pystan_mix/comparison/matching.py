"""Components that come in any order, put into the one that this project's models have."""

import dataclasses

import numpy as np

from pystan_mix.comparison.posteriors import MIXTURE, Posterior


def ordered_by_mean(posterior: Posterior) -> tuple[Posterior, float]:
    """Put the components of each draw into increasing order of their means.

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

    Returns
    -------
    tuple of Posterior and float
        The same draws in order, `theta`, `sigma` and every other vector with
        one element for each component along with `mu`; and the share of draws
        that were out of order.
    """
    mu = posterior.draws.get("mu")
    if mu is None or mu.ndim < 3:
        return posterior, 0.0
    out_of_order = (np.diff(mu, axis=-1) < 0.0).any(axis=-1)
    if not out_of_order.any():
        return posterior, 0.0
    order = np.argsort(mu, axis=-1, kind="stable")
    draws = {
        name: np.take_along_axis(values, order, axis=-1) if values.shape == mu.shape else values
        for name, values in posterior.draws.items()
    }
    known = posterior.known_sigma
    if known is not None and np.ptp(known) > 0.0 and MIXTURE[2] not in draws:
        # a known sigma belongs to its component, wherever that goes
        draws["sigma"] = np.take_along_axis(np.broadcast_to(known, mu.shape), order, axis=-1)
    return dataclasses.replace(posterior, draws=draws), float(out_of_order.mean())
