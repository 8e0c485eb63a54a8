"""Mixtures of Poisson distributions, of counts."""

import dataclasses
from typing import ClassVar

import numpy as np
from scipy import special

from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.numbers import Numbers
from pystan_mix.mixtures.observations import Observations
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.priors import Gamma, Prior
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.transforms import POSITIVE

# events that a component without any begins with
_EVENTS = 0.5

COUNT_MEANS = Parameter(
    name="mu",
    field="means",
    meaning="means",
    space=POSITIVE,
    priors=(Gamma,),
    example=Gamma(1.0, 0.1),
    symbol=r"\mu",
    pymc="mu",
    ordered=True,
    inflated="zero_inflated",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PoissonMixture(Mixture):
    """Finite mixture of Poisson distributions with ordered means, of counts.

    Parameters
    ----------
    n_components : int
        Number of components K, 1 or more.
    weights : Dirichlet, default Dirichlet(2)
        Prior of the weights. With `min_weight` above zero it is this Dirichlet
        restricted to weights that are all at least `min_weight`.
    means : Gamma or numbers, optional
        Prior of the means, restricted to increasing order, or their known
        values in this order, the first of which may be 0. By default, for every
        component, gamma with the mean of the data and 2.5 times their standard
        deviation, as wide as the default for normal components. Where that is more
        than the mean, such a gamma would have a peak at 0: it is the exponential then, with
        2.5 times the standard deviation as its mean.
    zero_inflated : bool, default False
        Whether the first of the components is a point mass at 0, a Poisson distribution
        of mean 0: its weight is that of the zeros that the others do not explain.
    min_weight : float, default 0
        Floor under every weight, at least 0 and below 1 / K.

    Raises
    ------
    ModelError
        If a value is out of its range or does not have one number for each
        component; the message names it.

    Examples
    --------
    >>> from pystan_mix import Gamma, PoissonMixture
    >>> model = PoissonMixture(n_components=2, means=Gamma(2, 0.5), zero_inflated=True)
    >>> model.n_components
    2
    """

    family: ClassVar = "poisson"
    program: ClassVar = "poisson"
    pymc_distribution: ClassVar = "Poisson"
    parameters: ClassVar = (COUNT_MEANS,)
    counts: ClassVar = True

    means: Gamma | Numbers | None = None
    zero_inflated: bool = False

    def default_priors(self, observed: Observations) -> dict[str, Prior]:
        """Return gamma means, as wide as the data or wider."""
        return {"means": default_means(observed)}

    @staticmethod
    def log_density(y: FloatArray, *, mu: FloatArray) -> FloatArray:
        """Return the log Poisson probability; both are broadcast."""
        # a component of mean 0 is always 0
        return np.asarray(special.xlogy(y, mu) - mu - special.gammaln(y + 1.0))

    @staticmethod
    def draw(rng: np.random.Generator, *, mu: FloatArray) -> FloatArray:
        """Draw a Poisson variable from each component."""
        return rng.poisson(mu).astype(np.float64)

    def from_shares(
        self,
        y: FloatArray,
        shares: FloatArray,
        *,
        least_spread: float,  # noqa: ARG002
    ) -> dict[str, FloatArray]:
        """Return the weighted means of points."""
        return {"mu": means_from_shares(self, y, shares)} | self.known_values()


def default_means(observed: Observations) -> Gamma:
    """Return the default prior of the means of counts."""
    wide = 2.5 * observed.std
    mean = max(observed.mean, wide)
    return Gamma((mean / wide) ** 2, mean / wide**2)


def means_from_shares(model: Mixture, y: FloatArray, shares: FloatArray) -> FloatArray:
    """Return the weighted mean of points for each component, above 0 where it is estimated.

    Or the means that are known.
    """
    known = model.known_values().get(COUNT_MEANS.name)
    if known is not None:
        return known
    mean = np.maximum(shares @ y, _EVENTS) / (shares.sum(axis=-1) + _EVENTS)
    return model.filled(COUNT_MEANS, mean)
