"""What the priors integrate to where the model restricts them: the constants Stan leaves out.

Stan's ``mu ~ normal(...)`` on ordered means, its ``theta ~ dirichlet(...)`` on
weights above a floor and its priors of scales above one are densities over all
of the line, the simplex and the positive numbers. Within the restriction each
integrates to a probability below one.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy import special

from pystan_mix.mixtures.priors import Gamma
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray

# 16 Gauss-Legendre nodes carry a normal density over one standard deviation to rounding
_NODES = 16
# standard deviations beyond which the normal density is zero as a double
_REACH = 38
# of a logarithm; the density there is zero as a double
_LOWEST = 745.0
# exp(-45) is beyond a double's digits
_NEGLIGIBLE = 45.0


def log_ordering_probability(loc: FloatArray, scale: FloatArray) -> float:
    """Log probability that independent normals come in increasing order.

    ``G[k](x) = P(mu[1] < ... < mu[k] < x)`` is the integral of
    ``Normal(t | loc[k], scale[k]) * G[k - 1](t)`` up to x: one-dimensional
    integrals, done one after the other on panels that resolve every normal.

    Parameters
    ----------
    loc, scale : ndarray, shape (K,)
        Locations and scales of the normals.

    Returns
    -------
    float
        ``-log(K!)`` where all normals are the same. Ten digits where scales
        differ by factors up to a million.

    Examples
    --------
    >>> round(log_ordering_probability(np.zeros(3), np.ones(3)), 6)  # log(1 / 6)
    -1.791759
    >>> round(log_ordering_probability(np.array([0.0, 10.0]), np.full(2, 5.0)), 6)
    -0.081915
    """
    if np.ptp(loc) == 0.0 and np.ptp(scale) == 0.0:
        return -math.lgamma(loc.size + 1.0)
    # from the narrowest normal on, so that its own points are not rounded
    loc = loc - loc[scale.argmin()]
    steps = np.arange(-_REACH, _REACH + 1.0)
    ends = np.unique((loc[:, None] + scale[:, None] * steps).ravel())

    def density(x: FloatArray, k: int) -> FloatArray:
        z = (x - loc[k]) / scale[k]
        return np.asarray(np.exp(-0.5 * z * z) / (scale[k] * math.sqrt(2.0 * math.pi)))

    return _log_in_order(density, loc.size, ends)


def log_ordering_probability_of_gammas(shape: FloatArray, rate: FloatArray) -> float:
    """Log probability that independent gamma variables come in increasing order.

    As `log_ordering_probability`, of their logarithms.

    Parameters
    ----------
    shape, rate : ndarray, shape (K,)
        Shapes and rates of the gamma variables.

    Returns
    -------
    float
        ``-log(K!)`` where all are the same. Ten digits.

    Examples
    --------
    >>> p = log_ordering_probability_of_gammas(np.ones(2), np.array([3.0, 1.0]))
    >>> round(float(np.exp(p)), 9)
    0.75
    """
    if np.ptp(shape) == 0.0 and np.ptp(rate) == 0.0:
        return -math.lgamma(shape.size + 1.0)
    pieces = []
    for a, b in zip(shape, rate, strict=True):
        last = math.log(a + 40.0 * math.sqrt(a) + 800.0)
        # below the mode the logarithm's density falls like exp(a * t), above like exp(-exp(t))
        first = float(special.digamma(a)) - _LOWEST / a
        middle = min(0.0, float(special.digamma(a))) if a < 1.0 else first
        pieces.append(np.arange(first, middle, 1.0 / a) - math.log(b))
        step = 0.5 if a < 1.0 else 1.0 / math.sqrt(a)
        pieces.append(np.append(np.arange(middle, last, step), last) - math.log(b))

    def density(x: FloatArray, k: int) -> FloatArray:
        t = x + math.log(rate[k])
        # far above, the exponent overflows: nothing is there
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(shape[k] * t - np.exp(t) - special.gammaln(shape[k])))

    return _log_in_order(density, shape.size, np.unique(np.concatenate(pieces)))


def _log_in_order(
    density: Callable[[FloatArray, int], FloatArray], K: int, ends: FloatArray
) -> float:
    """Return the log probability that variables come in order, on panels between ends."""
    nodes, weights, cumulate = _panel_rule()
    half = 0.5 * np.diff(ends)[:, None]
    x = 0.5 * (ends[1:] + ends[:-1])[:, None] + half * nodes
    below, log_total = np.ones_like(x), 0.0
    for k in range(K):
        inner = density(x, k) * below * half
        whole = np.cumsum(inner @ weights)
        below = np.concatenate([[0.0], whole[:-1]])[:, None] + inner @ cumulate.T
        # K factors of one part in K each would leave the range of a double
        below /= whole[-1]
        log_total += math.log(whole[-1])
    return log_total


def log_ordering_of(target: Target) -> float:
    """Return the log probability that what tells components apart comes in order by itself."""
    if target.model.vectors:
        # which come in any order, but for those that labels name: what is looked at is one of K!
        return -math.lgamma(target.unnamed.size + 1.0)
    total = 0.0
    for parameter in target.estimated:
        if parameter.ordered and target.unnamed.size:
            prior = target.model.prior(parameter)
            numbers = {
                name: np.asarray(values)[target.unnamed]
                for name, values in prior.stan_data("", target.n_components).items()
            }
            if isinstance(prior, Gamma):
                total += log_ordering_probability_of_gammas(numbers["_shape"], numbers["_rate"])
            else:
                total += log_ordering_probability(numbers["_loc"], numbers["_scale"])
    return total


def _panel_rule() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return Gauss-Legendre nodes and weights, and the matrix that integrates up to each node.

    The interpolant's Legendre series is integrated term by term:
    ``(2 n + 1) P[n]`` is the derivative of ``P[n + 1] - P[n - 1]``.
    """
    nodes, weights = legendre.leggauss(_NODES)
    P = legendre.legvander(nodes, _NODES)
    before = np.concatenate([-np.ones((_NODES, 1)), P[:, : _NODES - 1]], axis=1)
    cumulate = 0.5 * (P[:, 1:] - before) @ (weights[:, None] * P[:, :_NODES]).T
    return nodes, weights, cumulate


def log_floor_probability(alpha: FloatArray, min_weight: float) -> float:
    """Log probability that no weight of a Dirichlet is below a floor.

    The density of the weights is a product but for their sum. So the Laplace
    transform of the integral, as a function of the sum, is the product over k
    of ``h[k](p)``, the transforms of ``(min_weight + t)**(alpha[k] - 1)``; and
    the integral is their inverse at ``f = 1 - K * min_weight``, a trapezoidal
    sum along a parabola through the saddle point (Weideman and Trefethen, 2007,
    "Parabolic and hyperbolic contours for computing the Bromwich integral").

    Parameters
    ----------
    alpha : ndarray, shape (K,)
        Concentrations.
    min_weight : float
        The floor, at least 0 and below 1 / K.

    Returns
    -------
    float
        Zero where there is no floor, or one component. Ten digits.

    Examples
    --------
    >>> round(float(np.exp(log_floor_probability(np.ones(2), 0.1))), 9)
    0.8
    """
    if min_weight == 0.0 or alpha.size == 1:
        return 0.0
    f = 1.0 - alpha.size * min_weight
    saddle = _saddle(alpha, min_weight, f)
    peak = float(_log_transform(alpha, min_weight, np.array([saddle + 0j]))[0].real) + saddle * f
    # where exp(p * f) has fallen to nothing the sum ends
    end = math.sqrt(3.0 * _NEGLIGIBLE * saddle / f)
    total, points = math.nan, 32
    while points < 2**13:
        points *= 2
        y = (np.arange(points) + 0.5) * (end / points)
        p = np.asarray(saddle + 1j * y - y**2 / (3.0 * saddle), dtype=np.complex128)
        terms = np.exp(_log_transform(alpha, min_weight, p) + p * f - peak)
        previous = total
        total = float((terms * (1.0 + 2j * y / (3.0 * saddle))).real.sum()) * end / points / math.pi
        # halving the step doubles the digits
        if abs(total - previous) <= 1e-9 * total:
            break
    norm = math.lgamma(alpha.sum()) - sum(math.lgamma(a) for a in alpha)
    return min(0.0, norm + peak + math.log(total))


def _saddle(alpha: FloatArray, min_weight: float, f: float) -> float:
    """Return where the integrand is least on the positive line: the tilt with mean sum f."""
    low, high = (float(bound(alpha, 1.0).sum()) / f for bound in (np.minimum, np.maximum))
    for _ in range(40):
        p = math.sqrt(low * high)
        step = np.array([p * (1.0 - 1e-4) + 0j, p * (1.0 + 1e-4) + 0j])
        below, above = _log_transform(alpha, min_weight, step).real + step.real * f
        low, high = (low, p) if above > below else (p, high)
    return low


def _log_transform(
    alpha: FloatArray, min_weight: float, p: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    """Return the sum over k of the logarithm of h[k] at each p.

    The ray of integration is turned by three quarters of the argument of p, so
    that the exponential decays and the power is far from its singularity; on
    the scale of log t the trapezoidal rule is exact to rounding.
    """
    ray = np.exp(-0.75j * np.angle(p)) / np.abs(p)
    total = np.zeros(p.size, dtype=np.complex128)
    for a, count in zip(*np.unique(alpha, return_counts=True), strict=True):
        first = math.log(min(min_weight * np.abs(p).min(), 1.0)) - _NEGLIGIBLE
        last = math.log(1.5 * (a + 12.0 * math.sqrt(a) + 60.0))
        step = min(0.125, 0.5 / math.sqrt(a))
        t = np.exp(np.arange(first, last, step))[:, None] * ray
        logs = (a - 1.0) * np.log(min_weight + t) - p * t + np.log(t)
        top = logs.real.max(axis=0)
        total += count * (np.log(np.exp(logs - top).sum(axis=0) * step) + top)
    return total


def log_scales_of(target: Target) -> float:
    """Return the log probability that no value is below its floor by itself."""
    total = 0.0
    for parameter in target.estimated:
        if parameter.floor is not None:
            model = target.model
            each = model.prior(parameter).log_survival(model.least(parameter))
            every = np.broadcast_to(each, (model.size(parameter), *model.event_shape(parameter)))
            total += float(every[model.places(parameter)].sum())
    return total
