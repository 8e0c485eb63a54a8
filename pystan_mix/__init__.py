"""Bayesian finite normal mixtures on CmdStan.

The discrete assignments are summed out, the means are ordered, the weights are
a simplex, and every fit comes back as ArviZ data with its posterior predictive
check and a verdict on whether to believe it.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pystan_mix.arviz_data import load, save
    from pystan_mix.comparison import compare
    from pystan_mix.diagnostics import diagnose
    from pystan_mix.direct_cmdstan import from_cmdstan_csv
    from pystan_mix.evidence import log_evidence
    from pystan_mix.mixture import log_sum_exp, simulate
    from pystan_mix.model import NormalMixture
    from pystan_mix.nuts import sample, sample_prior
    from pystan_mix.predict import log_density, responsibilities
    from pystan_mix.priors import Dirichlet, HalfCauchy, HalfNormal, HalfStudentT, Normal
    from pystan_mix.pymc_models import to_pymc
    from pystan_mix.variational import advi

__all__ = [
    "Dirichlet",
    "HalfCauchy",
    "HalfNormal",
    "HalfStudentT",
    "Normal",
    "NormalMixture",
    "advi",
    "compare",
    "diagnose",
    "from_cmdstan_csv",
    "load",
    "log_density",
    "log_evidence",
    "log_sum_exp",
    "responsibilities",
    "sample",
    "sample_prior",
    "save",
    "simulate",
    "to_pymc",
]

# no module bears the name of what it exports: importing it would put the module in its place
_HOMES = {
    "Dirichlet": "priors",
    "HalfCauchy": "priors",
    "HalfNormal": "priors",
    "HalfStudentT": "priors",
    "Normal": "priors",
    "NormalMixture": "model",
    "advi": "variational",
    "compare": "comparison",
    "diagnose": "diagnostics",
    "from_cmdstan_csv": "direct_cmdstan",
    "load": "arviz_data",
    "log_density": "predict",
    "log_evidence": "evidence",
    "log_sum_exp": "mixture",
    "responsibilities": "predict",
    "sample": "nuts",
    "sample_prior": "nuts",
    "save": "arviz_data",
    "simulate": "mixture",
    "to_pymc": "pymc_models",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, so that `import pystan_mix` alone loads neither ArviZ nor NumPy."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """List what the package exports."""
    return sorted(__all__)
