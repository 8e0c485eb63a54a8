"""Mixtures of Student-t distributions."""

import dataclasses
import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from scipy import special

from pystan_mix.mixtures.families.normal import (
    MEANS,
    SIGMA,
    default_location_and_scale,
    location_and_scale_from_shares,
)
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.numbers import Numbers
from pystan_mix.mixtures.observations import Observations
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.priors import Gamma, Normal, Prior
from pystan_mix.mixtures.scale_priors_off_zero import SigmaPrior
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.intervals.between import log_student_t_between
from pystan_mix.stats.transforms import POSITIVE

# degrees of freedom that EM takes for those that are to be estimated: a chain begins about there
_START = 10.0

SCALES = dataclasses.replace(SIGMA, meaning="scales")
DF = Parameter(
    name="df",
    field="df",
    meaning="degrees of freedom",
    space=POSITIVE,
    priors=(Gamma,),
    example=Gamma(2.0, 0.1),
    symbol=r"\nu",
    pymc="nu",
    shared=True,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StudentTMixture(Mixture):
    """Finite mixture of Student-t distributions with ordered means.

    Parameters
    ----------
    n_components : int
        Number of components K, 1 or more.
    weights : Dirichlet, default Dirichlet(2)
        Prior of the weights. With `min_weight` above zero it is this Dirichlet
        restricted to weights that are all at least `min_weight`.
    means : Normal or numbers, optional
        Prior of the locations, restricted to increasing order, or their known
        values in this order. Of equal known ones the components must differ in
        something else that is given: known `sigma`, a prior. By default, for
        every component, the mean of the data plus or minus 2.5 times their
        standard deviation; of intervals, here and below, those of the normal that is
        likeliest for them, so that what is censored does not draw the priors in.
    sigma : HalfCauchy, HalfNormal, HalfStudentT, InverseGamma, LogNormal or numbers, optional
        Prior of the scales, or their known values, one for all components or
        one for each, in the units of the data; `InverseGamma` is that of their
        squares.
        By default half-normal with the standard deviation of the data as scale.
    df : Gamma, float or sequence of K floats, default Gamma(2, 0.1)
        Prior of the degrees of freedom, or their known values. All components
        share one value, unless a sequence (of K values, or in the prior) gives
        each its own. The default is that of Juárez and Steel (2010),
        "Model-based clustering of non-Gaussian panel data based on skew-t
        distributions", section 2.
    shared_sigma : bool, default False
        Whether all components share one scale, which is estimated.
    known_sigma : sequence of K floats and None, optional
        The scales of some components, by the order of their means, and
        None for those that are estimated, by the prior `sigma`.
    min_weight : float, default 0
        Floor under every weight, at least 0 and below 1 / K.
    min_sigma : float, optional
        Floor under every scale that is estimated, in the units of the
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
    >>> from pystan_mix import Normal, StudentTMixture
    >>> StudentTMixture(n_components=2, means=Normal(0, 10), df=4.0).df
    4.0
    """

    family: ClassVar = "student-t"
    program: ClassVar = "student_t"
    pymc_distribution: ClassVar = "StudentT"
    parameters: ClassVar = (MEANS, SCALES, DF)

    means: Normal | Numbers | None = None
    sigma: SigmaPrior | Numbers | None = None
    df: Gamma | Numbers = Gamma(2.0, 0.1)
    shared_sigma: bool = False
    known_sigma: Sequence[float | None] | None = None
    min_sigma: float | None = None

    def default_priors(self, observed: Observations) -> dict[str, Prior]:
        """Return normal means about the data's, and half-normal scales."""
        return default_location_and_scale(observed)

    @staticmethod
    def log_density(
        y: FloatArray, *, mu: FloatArray, sigma: FloatArray, df: FloatArray
    ) -> FloatArray:
        """Return the Student-t log density; all are broadcast."""
        square = (y - mu) / sigma
        square *= square
        # df may be drawn where the others are known: not in place
        square = square / df
        constant = special.gammaln(0.5 * (df + 1.0)) - special.gammaln(0.5 * df)
        peak = constant - 0.5 * np.log(math.pi * df) - np.log(sigma)
        return np.asarray(peak - 0.5 * (df + 1.0) * np.log1p(square))

    @staticmethod
    def log_interval(
        lower: FloatArray,
        upper: FloatArray,
        *,
        mu: FloatArray,
        sigma: FloatArray,
        df: FloatArray,
    ) -> FloatArray:
        """Return the Student-t log probability between bounds; all are broadcast."""
        return log_student_t_between((lower - mu) / sigma, (upper - mu) / sigma, df)

    @staticmethod
    def draw(
        rng: np.random.Generator, *, mu: FloatArray, sigma: FloatArray, df: FloatArray
    ) -> FloatArray:
        """Draw a Student-t variable from each component; all are broadcast."""
        shape = np.broadcast_shapes(mu.shape, sigma.shape, df.shape)
        return np.asarray(mu + sigma * rng.standard_t(df, size=shape))

    def from_shares(
        self, y: FloatArray, shares: FloatArray, *, least_spread: float
    ) -> dict[str, FloatArray]:
        """Return the weighted means of points, and scales that give their standard deviations."""
        found = location_and_scale_from_shares(self, y, shares, least_spread=least_spread)
        found |= {"df": np.full(self.size(DF), _START)} | self.known_values()
        if not self.is_known(SCALES):
            # without a variance there is no such scale
            df = np.maximum(found["df"], 3.0)
            sigma = found["sigma"] * np.sqrt((df - 2.0) / df)
            found["sigma"] = self.filled(SCALES, sigma)
        return found
