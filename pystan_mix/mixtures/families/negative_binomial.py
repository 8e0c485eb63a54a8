"""Mixtures of negative binomial distributions, of counts that vary more than Poisson ones."""

import dataclasses
from typing import ClassVar

import numpy as np
from scipy import special

from pystan_mix.mixtures.families.poisson import COUNT_MEANS, default_means, means_from_shares
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.numbers import Numbers
from pystan_mix.mixtures.observations import Observations
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.priors import Gamma, Prior
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.transforms import POSITIVE

# of a start; beyond, components are nearly Poisson, and a chain would have far to go
_PRECISIONS = (0.2, 50.0)

PRECISIONS = Parameter(
    name="phi",
    field="phi",
    meaning="precisions",
    space=POSITIVE,
    priors=(Gamma,),
    example=Gamma(2.0, 0.1),
    symbol=r"\phi",
    pymc="alpha",
    sharing="shared_phi",
    inflated="zero_inflated",
    of_zero=1.0,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class NegativeBinomialMixture(Mixture):
    """Finite mixture of negative binomial distributions with ordered means, of counts.

    A component has mean `mu` and variance ``mu + mu**2 / phi``: Stan's
    ``neg_binomial_2``.

    Parameters
    ----------
    n_components : int
        Number of components K, 1 or more.
    weights : Dirichlet, default Dirichlet(2)
        Prior of the weights. With `min_weight` above zero it is this Dirichlet
        restricted to weights that are all at least `min_weight`.
    means : Gamma or numbers, optional
        Prior of the means, restricted to increasing order, or their known
        values in this order, the first of which may be 0. By default that of
        `PoissonMixture`.
    phi : Gamma or numbers, default Gamma(2, 0.1)
        Prior of the precisions, or their known values, one for all components or
        one for each. The default has no mass at 0, where a component is all zeros and a tail
        without end, nor far out, where it is Poisson whatever `phi`: 90 % of it are
        between 3.6 and 47.
    shared_phi : bool, default False
        Whether all components share one precision, which is estimated.
    zero_inflated : bool, default False
        Whether the first of the components is a point mass at 0: its weight
        is that of the zeros that the others do not explain. Its `phi` is of no account,
        and stands as 1.
    min_weight : float, default 0
        Floor under every weight, at least 0 and below 1 / K.

    Raises
    ------
    ModelError
        If a value is out of its range or does not have one number for each
        component; the message names it.

    Examples
    --------
    >>> from pystan_mix import Gamma, NegativeBinomialMixture
    >>> NegativeBinomialMixture(n_components=2, means=Gamma(1, 0.1)).phi
    Gamma(shape=2.0, rate=0.1)
    """

    family: ClassVar = "negative-binomial"
    program: ClassVar = "negative_binomial"
    pymc_distribution: ClassVar = "NegativeBinomial"
    parameters: ClassVar = (COUNT_MEANS, PRECISIONS)
    counts: ClassVar = True

    means: Gamma | Numbers | None = None
    phi: Gamma | Numbers = Gamma(2.0, 0.1)
    shared_phi: bool = False
    zero_inflated: bool = False

    def default_priors(self, observed: Observations) -> dict[str, Prior]:
        """Return gamma means, as wide as the data or wider."""
        return {"means": default_means(observed)}

    @staticmethod
    def log_density(y: FloatArray, *, mu: FloatArray, phi: FloatArray) -> FloatArray:
        """Return the log negative binomial probability; all are broadcast."""
        # of two large gamma functions the digits of the difference would be lost
        choose = -special.betaln(phi, y + 1.0) - np.log(y + phi)
        # a component of mean 0 is always 0
        return np.asarray(choose - phi * np.log1p(mu / phi) + special.xlogy(y, mu / (mu + phi)))

    @staticmethod
    def draw(rng: np.random.Generator, *, mu: FloatArray, phi: FloatArray) -> FloatArray:
        """Draw a negative binomial variable from each component: Poisson of a gamma mean."""
        shape = np.broadcast_shapes(mu.shape, phi.shape)
        return rng.poisson(mu * rng.gamma(phi, 1.0 / phi, size=shape)).astype(np.float64)

    def from_shares(
        self,
        y: FloatArray,
        shares: FloatArray,
        *,
        least_spread: float,  # noqa: ARG002
    ) -> dict[str, FloatArray]:
        """Return the weighted means of points, and precisions that give their variances."""
        mu = means_from_shares(self, y, shares)
        weight = shares.sum(axis=-1) + 1e-9
        excess = (shares * (y - mu[..., None]) ** 2).sum(axis=-1) / weight - mu
        squares = weight * mu**2
        excess = weight * excess
        if self.is_shared(PRECISIONS):
            squares, excess = (each.sum(axis=-1, keepdims=True) for each in (squares, excess))
        phi = np.clip(squares / np.maximum(excess, 1e-9), *_PRECISIONS)
        return {"mu": mu, "phi": self.filled(PRECISIONS, phi)} | self.known_values()
