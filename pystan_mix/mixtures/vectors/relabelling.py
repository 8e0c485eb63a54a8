"""What the draws of components without an order call them."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from pystan_mix.mixtures.annotations.times import Times
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
    observations that are theirs. Components that labels of observations name are
    called so: the others are told apart among themselves.

    Parameters
    ----------
    target : Target
        The model and its observations.
    variables : mapping of str to ndarray, shape (S, K, ...) or (S, 1, ...)
        Draws of `theta` and the components' parameters, in any order.

    Returns
    -------
    dict of str to ndarray
        The same; components without a name stand by the mean over draws of their
        means' first coordinate, or of the one that the model names.
    """
    by, observed, unnamed = target.model.naming_coordinate(), target.observed, target.unnamed
    if by is not None or observed.y.size == 0:
        order = np.argsort(variables["mu"][:, unnamed, by or 0], axis=1)
        return picked(variables, among_all(order, unnamed, target.n_components))
    return relabelled_by_allocations(
        target.model, observed.y, variables, target.known, times=observed.times, unnamed=unnamed
    )


def among_all(order: NDArray[np.intp], unnamed: NDArray[np.intp], K: int) -> NDArray[np.intp]:
    """Return an order of all components, of which those that have names keep their places.

    Parameters
    ----------
    order : ndarray of int, shape (S, U)
        The order of the others among themselves.
    unnamed : ndarray of int, shape (U,)
        Which these are.
    K : int
        How many components there are.

    Returns
    -------
    ndarray of int, shape (S, K)
        The component in each place.

    Examples
    --------
    >>> among_all(np.array([[1, 0]]), np.array([0, 2]), 3)
    array([[2, 1, 0]])
    """
    every = np.tile(np.arange(K), (len(order), 1))
    every[:, unnamed] = unnamed[order]
    return every


def relabelled_by_allocations(
    family: Mixture | type[Mixture],
    y: FloatArray,
    variables: Variables,
    known: Mapping[str, FloatArray],
    *,
    times: Times | None = None,
    unnamed: NDArray[np.intp] | None = None,
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
    times : ndarray, shape (N,), optional
        How many each row stands for, or its weight; by default one each.
    unnamed : ndarray of int, optional
        The components that have no name; by default all.

    Returns
    -------
    dict of str to ndarray
        The draws, relabelled.
    """
    S, K = variables["theta"].shape
    unnamed = np.arange(K) if unnamed is None else unnamed
    if unnamed.size < 2:
        return dict(variables)
    points, stands_for = _points(y, times, size=max(_FEWEST_POINTS, _SHARES // (S * K)))
    shares, likeliest = _shares(family, points, stands_for, variables, known)
    some = shares if unnamed.size == K else shares[:, unnamed]
    order = _by_allocations(some, likeliest, stands_for)
    found = picked(variables, among_all(order, unnamed, K))
    names = np.argsort(found["mu"][:, unnamed, 0].mean(axis=0))
    return picked(found, among_all(np.broadcast_to(names, order.shape), unnamed, K))


def _points(
    y: FloatArray, times: Times | None, *, size: int
) -> tuple[FloatArray, FloatArray | None]:
    """Return some observations, and how many each of them stands for; None where one each."""
    size = min(len(y), _POINTS, size)
    if times is None:
        # evenly over the observations, which may be sorted in some way
        return y[np.linspace(0, len(y) - 1, size).round().astype(np.intp)], None
    if size == len(y):
        return y, times / times.mean()
    ends = np.cumsum(times, dtype=np.float64)
    at = (np.arange(size) + 0.5) / size * ends[-1]
    return y[np.searchsorted(ends, at)], None


def _shares(
    family: Mixture | type[Mixture],
    points: FloatArray,
    times: FloatArray | None,
    variables: Variables,
    known: Mapping[str, FloatArray],
) -> tuple[NDArray[np.float32], int]:
    """Return components' shares in observations, shape (S, K, N), and the likeliest draw."""
    S, K = variables["theta"].shape
    size = len(points)
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
        log_lik[rows], shares[rows] = shares_of(terms, times)
    return shares, int(log_lik.argmax())


def _by_allocations(
    shares: NDArray[np.float32], likeliest: int, times: FloatArray | None
) -> NDArray[np.intp]:
    """Return the order by which allocations of draws come nearest to one of all of them."""
    S, K, _ = shares.shape
    owner = shares[likeliest].argmax(axis=0)
    order = np.tile(np.arange(K), (S, 1))
    stands_for = np.float32(1.0) if times is None else times.astype(np.float32)
    for _ in range(_ROUNDS):
        pivot = (owner == np.arange(K)[:, None]).astype(np.float32) * stands_for
        # what label j gains by component k: the observations of j that k has
        scores = np.einsum("jn,skn->sjk", pivot, shares, optimize=True)
        last = order
        order = np.stack([linear_sum_assignment(each, maximize=True)[1] for each in scores])
        mean = np.take_along_axis(shares, order[..., None], axis=1).mean(axis=0)
        owner = mean.argmax(axis=0)
        if (order == last).all():
            break
    return order
