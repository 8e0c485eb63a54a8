"""The families of components, one module each."""

from pystan_mix.mixtures.families.multivariate_normal import MultivariateNormalMixture
from pystan_mix.mixtures.families.negative_binomial import NegativeBinomialMixture
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.families.poisson import PoissonMixture
from pystan_mix.mixtures.families.student_t import StudentTMixture
from pystan_mix.mixtures.mixture import Mixture

FAMILIES: tuple[type[Mixture], ...] = (
    NormalMixture,
    StudentTMixture,
    PoissonMixture,
    NegativeBinomialMixture,
)
# of observations that are vectors
VECTOR_FAMILIES: tuple[type[Mixture], ...] = (MultivariateNormalMixture,)
