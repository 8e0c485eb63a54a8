"""Mixtures of normals."""

import dataclasses
import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.numbers import Numbers
from pystan_mix.mixtures.observations import Observations
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.priors import Normal, Prior
from pystan_mix.mixtures.scale_priors import HalfCauchy, HalfNormal, HalfStudentT
from pystan_mix.mixtures.scale_priors_off_zero import InverseGamma, LogNormal, SigmaPrior
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.intervals.between import log_normal_between
from pystan_mix.stats.transforms import POSITIVE, REAL

_LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)
# a component that lost its points keeps its place
_NO_WEIGHT = 1e-9

MEANS = Parameter(
    name="mu",
    field="means",
    meaning="means",
    space=REAL,
    priors=(Normal,),
    example=Normal(0.0, 10.0),
    symbol=r"\mu",
    pymc="mu",
    ordered=True,
)
SIGMA = Parameter(
    name="sigma",
    field="sigma",
    meaning="standard deviations",
    space=POSITIVE,
    priors=(HalfCauchy, HalfNormal, HalfStudentT, InverseGamma, LogNormal),
    example=HalfCauchy(5.0),
    symbol=r"\sigma",
    pymc="sigma",
    sharing="shared_sigma",
    partly="known_sigma",
    floor="min_sigma",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class NormalMixture(Mixture):
    """Finite mixture of normals with ordered means.

    Parameters
    ----------
    n_components : int
        Number of components K, 1 or more.
    weights : Dirichlet, default Dirichlet(2)
        Prior of the weights. With `min_weight` above zero it is this Dirichlet
        restricted to weights that are all at least `min_weight`.
    means : Normal or numbers, optional
        Prior of the means, restricted to increasing order, or their known
        values in this order. Of equal known ones the components must differ in
        something else that is given: known `sigma`, a prior. By default, for
        every component, the mean of the data plus or minus 2.5 times their
        standard deviation; of intervals, here and below, those of the normal that is
        likeliest for them, so that what is censored does not draw the priors in.
    sigma : HalfCauchy, HalfNormal, HalfStudentT, InverseGamma, LogNormal or numbers, optional
        Prior of the standard deviations, or their known values, one for all
        components or one for each, in the units of the data; `InverseGamma` is
        that of their squares. By default half-normal with the standard deviation of the
        data as scale.
    shared_sigma : bool, default False
        Whether all components share one standard deviation, which is estimated.
    known_sigma : sequence of K floats and None, optional
        The standard deviations of some components, by the order of their means, and
        None for those that are estimated, by the prior `sigma`.
    min_weight : float, default 0
        Floor under every weight, at least 0 and below 1 / K.
    min_sigma : float, optional
        Floor under every standard deviation that is estimated, in the units of the
        data: the prior is restricted to values above it. By default what the
        data can tell of: half the step of the grid where values repeat on one,
        as they do when they are rounded, otherwise a thousandth of their
        standard deviation; 0 without data. With 0 a posterior of values that
        repeat is improper. That of intervals, whose probabilities are at most one, is
        proper without: theirs is a thousandth, unless known values among them repeat.

    Raises
    ------
    ModelError
        If a value is out of its range or does not have one number for each
        component; the message names it.

    Examples
    --------
    >>> from pystan_mix import Dirichlet, HalfCauchy, Normal, NormalMixture
    >>> model = NormalMixture(
    ...     n_components=3,
    ...     weights=Dirichlet(2.0),
    ...     means=Normal([0, 10, 20], 5.0),
    ...     sigma=HalfCauchy(5.0),
    ...     min_weight=0.1,
    ... )
    >>> model.n_components
    3
    """

    family: ClassVar = "normal"
    program: ClassVar = "normal"
    pymc_distribution: ClassVar = "Normal"
    parameters: ClassVar = (MEANS, SIGMA)

    means: Normal | Numbers | None = None
    sigma: SigmaPrior | Numbers | None = None
    shared_sigma: bool = False
    known_sigma: Sequence[float | None] | None = None
    min_sigma: float | None = None

    def default_priors(self, observed: Observations) -> dict[str, Prior]:
        """Return normal means about the data's, and half-normal standard deviations."""
        return default_location_and_scale(observed)

    @staticmethod
    def log_density(y: FloatArray, *, mu: FloatArray, sigma: FloatArray) -> FloatArray:
        """Return the normal log density; all are broadcast."""
        z = (y - mu) / sigma
        z *= z
        z *= -0.5
        z -= np.log(sigma) + _LOG_ROOT_2PI
        return np.asarray(z)

    @staticmethod
    def log_interval(
        lower: FloatArray, upper: FloatArray, *, mu: FloatArray, sigma: FloatArray
    ) -> FloatArray:
        """Return the normal log probability between bounds; all are broadcast."""
        return log_normal_between((lower - mu) / sigma, (upper - mu) / sigma)

    @staticmethod
    def draw(rng: np.random.Generator, *, mu: FloatArray, sigma: FloatArray) -> FloatArray:
        """Draw a normal variable from each component; all are broadcast."""
        # rng.normal(mu, sigma) makes the same, but more slowly
        y = rng.standard_normal(np.broadcast_shapes(mu.shape, sigma.shape))
        y *= sigma
        y += mu
        return y

    def from_shares(
        self, y: FloatArray, shares: FloatArray, *, least_spread: float
    ) -> dict[str, FloatArray]:
        """Return the weighted means and standard deviations of points."""
        found = location_and_scale_from_shares(self, y, shares, least_spread=least_spread)
        found["sigma"] = self.filled(SIGMA, found["sigma"])
        return found | self.known_values()


def default_location_and_scale(observed: Observations) -> dict[str, Prior]:
    """Return the default priors of means and standard deviations."""
    mean, std = observed.best_normal
    return {"means": Normal(mean, 2.5 * std), "sigma": HalfNormal(std)}


def location_and_scale_from_shares(
    model: Mixture, y: FloatArray, shares: FloatArray, *, least_spread: float
) -> dict[str, FloatArray]:
    """Return the weighted mean of points for each component, and the standard deviation about it.

    Or about the mean that is known. Of standard deviations there is one, for
    all components, where these share it.
    """
    weight = shares.sum(axis=-1) + _NO_WEIGHT
    mu = model.known_values().get(MEANS.name, shares @ y / weight)
    squares = (shares * (y - mu[..., None]) ** 2).sum(axis=-1)
    if model.is_shared(SIGMA):
        squares, weight = (each.sum(axis=-1, keepdims=True) for each in (squares, weight))
    return {"mu": mu, "sigma": np.maximum(np.sqrt(squares / weight), least_spread)}
