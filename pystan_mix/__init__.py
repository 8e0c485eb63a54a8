"""Bayesian finite mixtures on CmdStan.

The discrete assignments are summed out, the means are ordered, the weights are
a simplex, and every fit comes back as ArviZ data with its posterior predictive
check and a verdict on whether to believe it.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pystan_mix.comparison.compare import compare
    from pystan_mix.diagnostics.diagnose import diagnose
    from pystan_mix.fits.clustering import co_clustering, partition
    from pystan_mix.fits.model import model_of
    from pystan_mix.fits.prediction import log_density, responsibilities
    from pystan_mix.fits.storage import load, save
    from pystan_mix.inference.advi import advi
    from pystan_mix.inference.cmdstan_files import from_cmdstan_csv
    from pystan_mix.inference.nuts import sample, sample_prior
    from pystan_mix.mixtures.annotations.intervals import Interval
    from pystan_mix.mixtures.families.multivariate_normal import MultivariateNormalMixture
    from pystan_mix.mixtures.families.negative_binomial import NegativeBinomialMixture
    from pystan_mix.mixtures.families.normal import NormalMixture
    from pystan_mix.mixtures.families.poisson import PoissonMixture
    from pystan_mix.mixtures.families.student_t import StudentTMixture
    from pystan_mix.mixtures.priors import Dirichlet, Gamma, Normal
    from pystan_mix.mixtures.scale_priors import HalfCauchy, HalfNormal, HalfStudentT
    from pystan_mix.mixtures.scale_priors_off_zero import InverseGamma, LogNormal
    from pystan_mix.mixtures.vectors.correlation_prior import LKJ
    from pystan_mix.numerics import log_sum_exp
    from pystan_mix.selection.choose import choose_components
    from pystan_mix.selection.evidence import log_evidence
    from pystan_mix.study.simulation import simulate
    from pystan_mix.with_pymc.build import to_pymc

__all__ = [
    "LKJ",
    "Dirichlet",
    "Gamma",
    "HalfCauchy",
    "HalfNormal",
    "HalfStudentT",
    "Interval",
    "InverseGamma",
    "LogNormal",
    "MultivariateNormalMixture",
    "NegativeBinomialMixture",
    "Normal",
    "NormalMixture",
    "PoissonMixture",
    "StudentTMixture",
    "advi",
    "choose_components",
    "co_clustering",
    "compare",
    "diagnose",
    "from_cmdstan_csv",
    "load",
    "log_density",
    "log_evidence",
    "log_sum_exp",
    "model_of",
    "partition",
    "responsibilities",
    "sample",
    "sample_prior",
    "save",
    "simulate",
    "to_pymc",
]

# no module bears the name of what it exports: importing it would put the module in its place
_HOMES = {
    "LKJ": "mixtures.vectors.correlation_prior",
    "Dirichlet": "mixtures.priors",
    "Gamma": "mixtures.priors",
    "HalfCauchy": "mixtures.scale_priors",
    "HalfNormal": "mixtures.scale_priors",
    "HalfStudentT": "mixtures.scale_priors",
    "Interval": "mixtures.annotations.intervals",
    "InverseGamma": "mixtures.scale_priors_off_zero",
    "LogNormal": "mixtures.scale_priors_off_zero",
    "MultivariateNormalMixture": "mixtures.families.multivariate_normal",
    "NegativeBinomialMixture": "mixtures.families.negative_binomial",
    "Normal": "mixtures.priors",
    "NormalMixture": "mixtures.families.normal",
    "PoissonMixture": "mixtures.families.poisson",
    "StudentTMixture": "mixtures.families.student_t",
    "advi": "inference.advi",
    "choose_components": "selection.choose",
    "co_clustering": "fits.clustering",
    "compare": "comparison.compare",
    "diagnose": "diagnostics.diagnose",
    "from_cmdstan_csv": "inference.cmdstan_files",
    "load": "fits.storage",
    "log_density": "fits.prediction",
    "log_evidence": "selection.evidence",
    "log_sum_exp": "numerics",
    "model_of": "fits.model",
    "partition": "fits.clustering",
    "responsibilities": "fits.prediction",
    "sample": "inference.nuts",
    "sample_prior": "inference.nuts",
    "save": "fits.storage",
    "simulate": "study.simulation",
    "to_pymc": "with_pymc.build",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, so that `import pystan_mix` alone loads neither ArviZ nor NumPy."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """List what the package exports."""
    return sorted(__all__)
