"""Log probabilities of intervals in PyMC's graphs, as `pystan_mix.stats.intervals` has them.

An interval is taken on the side below the mean; where the density changes by little it is
integrated over the interval, and elsewhere the logarithms of two distribution functions are
subtracted. A branch that is not taken has a gradient too, which must be finite: it is given
other numbers than those that it could not take. An infinite bound enters no graph.
"""

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.families.student_t import StudentTMixture
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.numerics import FloatArray

# nodes on (-1, 1), and of an exponential variable, as in `pystan_mix.stats.intervals.between`
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_EXPONENTIAL, _MASSES = np.polynomial.laguerre.laggauss(16)
_LOG_ROOT_2PI = 0.5 * np.log(2.0 * np.pi)
# of a tail, beyond which the distribution function is no double
_LOG_UNDERFLOW = -660.0
# of a Student-t variable: nearer to 0 its distribution function is a power series
_CENTRAL = 1e-3


def log_interval(
    family: type[Mixture], lower: FloatArray, upper: FloatArray, components: Mapping[str, Any]
) -> Any:
    """Return the log probability of each interval under each component.

    Parameters
    ----------
    family : type
        `NormalMixture` or `StudentTMixture`.
    lower, upper : ndarray, shape (M,)
        Bounds, each lower one below its upper one, one of them perhaps infinite.
    components : mapping of str to tensors
        The parameters of the components by name, each of shape () or (K,).

    Returns
    -------
    pytensor.tensor.TensorVariable, shape (M, K)
        The logarithms.
    """
    # where PyMC is, this is
    tensors = importlib.import_module("pytensor.tensor")
    mu, sigma, *shape = (tensors.as_tensor(components[each.name]) for each in family.parameters)
    law = _LAWS[family](tensors, *shape)
    below, above = np.isneginf(lower), np.isposinf(upper)
    both = ~below & ~above
    low, high, middle, half, near = _mirrored(
        tensors, law, lower[both, None], upper[both, None], mu, sigma
    )
    # one call for all points: the graph of a distribution function's gradient is large
    ends = [(upper[below, None] - mu) / sigma, (mu - lower[above, None]) / sigma, low, high]
    log_below = law.log_below(tensors.concatenate(ends, axis=0))
    first, second = below.sum() + above.sum(), len(lower)
    log_low, log_high = log_below[first:second], log_below[second:]
    log_share = tensors.log(-tensors.expm1(log_low - log_high))
    bounded = tensors.switch(near, law.log_narrow(middle, half), log_high + log_share)
    places = np.concatenate([np.flatnonzero(each) for each in (below, above, both)])
    return tensors.concatenate([log_below[:first], bounded], axis=0)[np.argsort(places)]


def _mirrored(
    tensors: Any, law: Any, lower: FloatArray, upper: FloatArray, mu: Any, sigma: Any
) -> tuple[Any, Any, Any, Any, Any]:
    """Return ends of intervals below the mean, their middles and half widths; which are narrow."""
    above = lower + upper > 2.0 * mu
    low = tensors.switch(above, mu - upper, lower - mu) / sigma
    high = tensors.switch(above, mu - lower, upper - mu) / sigma
    middle, half = high - 0.5 * (upper - lower) / sigma, 0.5 * (upper - lower) / sigma
    near = law.is_narrow(middle, half)
    # in each branch, where the other one is taken, an interval that is of this one
    of_ends = (tensors.switch(near, x, z) for x, z in ((-2.0, low), (0.0, high)))
    of_middle = (tensors.switch(near, z, x) for x, z in ((0.0, middle), (0.1, half)))
    return *of_ends, *of_middle, near


@dataclasses.dataclass(frozen=True)
class _Normal:
    """The standard normal distribution in graphs; each method has points of one shape."""

    tensors: Any

    def log_below(self, z: Any) -> Any:
        """Return the log probability below points."""
        pt, root = self.tensors, np.sqrt(2.0)
        far, near = pt.switch(z < 0.0, -z, 0.0), pt.switch(z < 0.0, 0.0, z)
        log_tail = pt.log(0.5 * pt.erfcx(far / root)) - 0.5 * far * far
        return pt.switch(z < 0.0, log_tail, pt.log1p(-0.5 * pt.erfc(near / root)))

    def is_narrow(self, m: Any, h: Any) -> Any:
        """Return whether the density changes by little from m - h to m + h."""
        return h * (abs(m) + h) < 1.0

    def log_narrow(self, m: Any, h: Any) -> Any:
        """Return the log probability from m - h to m + h where it does."""
        step = h[..., None] * _NODES
        ratios = self.tensors.exp(-step * (m[..., None] + 0.5 * step))
        return self.tensors.log(h * (ratios * _WEIGHTS).sum(-1)) - 0.5 * m * m - _LOG_ROOT_2PI


@dataclasses.dataclass(frozen=True)
class _StudentT:
    """The standard Student-t distribution in graphs, as the normal one."""

    tensors: Any
    df: Any

    def log_below(self, t: Any) -> Any:
        """Return the log probability below points."""
        pt, df = self.tensors, self.df
        log_far = self._log_far_tail(-abs(t))
        lost, central = log_far < _LOG_UNDERFLOW, abs(t) < _CENTRAL
        z = pt.switch(lost | central, -1.0, t)
        tail = 0.5 * pt.betainc(0.5 * df, 0.5, df / (df + z * z))
        log_below = pt.switch(z < 0.0, pt.log(tail), pt.log1p(-tail))
        # at 0 the incomplete beta function has no derivative: a power series of two terms
        near = pt.switch(central, t, 0.0)
        rise = near - (df + 1.0) / (6.0 * df) * near**3
        log_central = pt.log(0.5 + pt.exp(self._log_density(0.0 * near)) * rise)
        log_lost = pt.switch(t < 0.0, log_far, 0.0)
        return pt.switch(lost, log_lost, pt.switch(central, log_central, log_below))

    def _log_far_tail(self, t: Any) -> Any:
        """Return the log probability of a tail that may be no double."""
        pt, df = self.tensors, self.df
        w = pt.log1p(t * t / df)
        shares = -pt.expm1(-w[..., None] - 2.0 * _EXPONENTIAL / df[..., None])
        mean = (shares**-0.5 * _MASSES).sum(-1)
        return self._log_density(t) + 0.5 * w - 0.5 * pt.log(df) + pt.log(mean)

    def _log_density(self, t: Any) -> Any:
        """Return the log density."""
        pt, df = self.tensors, self.df
        peak = pt.gammaln(0.5 * (df + 1.0)) - pt.gammaln(0.5 * df) - 0.5 * pt.log(np.pi * df)
        return peak - 0.5 * (df + 1.0) * pt.log1p(t * t / df)

    def is_narrow(self, m: Any, h: Any) -> Any:
        """Return whether the density changes by little from m - h to m + h."""
        spread = self.df + m * m
        return (16.0 * h * h < spread) & (h * (abs(m) + h) * (self.df + 1.0) < spread)

    def log_narrow(self, m: Any, h: Any) -> Any:
        """Return the log probability from m - h to m + h where it does."""
        pt, spread = self.tensors, self.df + m * m
        step = h[..., None] * _NODES
        change = pt.log1p(step * (2.0 * m[..., None] + step) / spread[..., None])
        ratios = pt.exp(-0.5 * (self.df + 1.0)[..., None] * change)
        return pt.log(h * (ratios * _WEIGHTS).sum(-1)) + self._log_density(m)


_LAWS: dict[type[Mixture], Callable[..., Any]]
_LAWS = {NormalMixture: _Normal, StudentTMixture: _StudentT}
