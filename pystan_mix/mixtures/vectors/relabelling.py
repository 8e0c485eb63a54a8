"""What the draws of components without an order call them."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from pystan_mix.mixtures.density import component_terms
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.expectation import shares_of

Variables = Mapping[str, FloatArray]

# observations by whose allocation components are told apart, and shares in these that are held
_POINTS = 300
_FEWEST_POINTS = 30
_SHARES = 20_000_000
_SHARES_AT_ONCE = 500_000
# rounds, of which few are needed
_ROUNDS = 20


def picked(variables: Variables, order: NDArray[np.intp]) -> dict[str, FloatArray]:
    """Return variables whose components are in another order in each draw.

    Parameters
    ----------
    variables : mapping of str to ndarray, shape (S, K, ...) or (S, 1, ...)
        Draws; what all components share stays as it is.
    order : ndarray of int, shape (S, K)
        The component in each place.

    Returns
    -------
    dict of str to ndarray
        The same, in that order.
    """
    K = order.shape[1]
    found = {}
    for name, values in variables.items():
        places = order.reshape(*order.shape, *(1,) * (values.ndim - 2))
        found[name] = np.take_along_axis(values, places, axis=1) if values.shape[1] == K else values
    return found


def relabelled(target: Target, variables: Variables) -> dict[str, FloatArray]:
    """Return draws of components without an order, each called the same in all draws.

    By the order of one coordinate of the means, if the model names it.
    Otherwise by equivalence classes representatives (ECR; Papastamoulis and
    Iliopoulos, 2010, "An artificial allocations based solution to the label
    switching problem in Bayesian analysis of mixtures of distributions", with
    the pivot found by iteration): observations are allocated to components, by the
    likeliest draw at first, then by the mean of the draws as they are relabelled;
    and each draw is given the labels by which its components have most of the
    observations that are theirs.

    Parameters
    ----------
    target : Target
        The model and its observations.
    variables : mapping of str to ndarray, shape (S, K, ...) or (S, 1, ...)
        Draws of `theta` and the components' parameters, in any order.

    Returns
    -------
    dict of str to ndarray
        The same; components stand by the mean over draws of their means' first
        coordinate, or of the one that the model names.
    """
    by, y = target.model.naming_coordinate(), target.observed.y
    if by is not None or y.size == 0:
        return picked(variables, np.argsort(variables["mu"][..., by or 0], axis=1))
    return relabelled_by_allocations(target.model, y, variables, target.known)


def relabelled_by_allocations(
    family: Mixture | type[Mixture],
    y: FloatArray,
    variables: Variables,
    known: Mapping[str, FloatArray],
) -> dict[str, FloatArray]:
    """Return what `relabelled` does by observations alone.

    Parameters
    ----------
    family : Mixture or its class
        Which kind the components are of.
    y : ndarray, shape (N, D)
        The observations.
    variables : mapping of str to ndarray, shape (S, K, ...) or (S, 1, ...)
        Draws.
    known : mapping of str to ndarray, shape (1, ...)
        What is known of components.

    Returns
    -------
    dict of str to ndarray
        The draws, relabelled.
    """
    if variables["theta"].shape[1] == 1:
        return dict(variables)
    order = _by_allocations(*_shares(family, y, variables, known))
    found = picked(variables, order)
    names = np.argsort(found["mu"][..., 0].mean(axis=0))
    return picked(found, np.broadcast_to(names, order.shape))


def _shares(
    family: Mixture | type[Mixture],
    y: FloatArray,
    variables: Variables,
    known: Mapping[str, FloatArray],
) -> tuple[NDArray[np.float32], int]:
    """Return components' shares in some observations, shape (S, K, N), and the likeliest draw."""
    S, K = variables["theta"].shape
    affordable = max(_FEWEST_POINTS, _SHARES // (S * K))
    size = min(len(y), _POINTS, affordable)
    # evenly over the observations, which may be sorted in some way
    points = y[np.linspace(0, len(y) - 1, size).round().astype(np.intp)]
    shares = np.empty((S, K, size), dtype=np.float32)
    log_lik = np.empty(S)
    step = max(1, _SHARES_AT_ONCE // (K * size))
    fixed = {name: values[None] for name, values in known.items()}
    parameters = {each.name for each in family.parameters}
    for start in range(0, S, step):
        rows = slice(start, start + step)
        components = {n: x[rows] for n, x in variables.items() if n in parameters} | fixed
        with np.errstate(divide="ignore"):
            log_theta = np.log(variables["theta"][rows])
        terms = component_terms(family, points, log_theta, components)
        log_lik[rows], shares[rows] = shares_of(terms)
    return shares, int(log_lik.argmax())


def _by_allocations(shares: NDArray[np.float32], likeliest: int) -> NDArray[np.intp]:
    """Return the order by which allocations of draws come nearest to one of all of them."""
    S, K, _ = shares.shape
    owner = shares[likeliest].argmax(axis=0)
    order = np.tile(np.arange(K), (S, 1))
    for _ in range(_ROUNDS):
        pivot = (owner == np.arange(K)[:, None]).astype(np.float32)
        # what label j gains by component k: the observations of j that k has
        scores = np.einsum("jn,skn->sjk", pivot, shares, optimize=True)
        last = order
        order = np.stack([linear_sum_assignment(each, maximize=True)[1] for each in scores])
        mean = np.take_along_axis(shares, order[..., None], axis=1).mean(axis=0)
        owner = mean.argmax(axis=0)
        if (order == last).all():
            break
    return order
