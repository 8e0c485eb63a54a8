"""Posteriors whose law is known, and a family of components that is none of the package's."""

import dataclasses
from typing import ClassVar

import numpy as np
import xarray as xr
from scipy import stats

from pystan_mix.arviz_compat import to_arviz
from pystan_mix.fits.attributes import Provenance, as_attributes
from pystan_mix.fits.draws import Draws
from pystan_mix.fits.groups import common_groups
from pystan_mix.mixtures import model_json
from pystan_mix.mixtures.families.normal import MEANS, SIGMA, NormalMixture
from pystan_mix.mixtures.numbers import Numbers
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.scale_priors import HalfNormal
from pystan_mix.mixtures.target import target_of
from pystan_mix.stats.transforms import POSITIVE
from pystan_mix.study.simulation import simulate

DIMS = ("chain", "draw", "some_dim_0")
Y = simulate(200, theta=[0.3, 0.5, 0.2], mu=[-4, 0, 4], sigma=1.0, seed=1)


def autoregressive(random, shape, *, correlation=0.0):
    """Return standard normal chains; the last axis but one is the draw."""
    noise = random.standard_normal(shape)
    chains = np.empty(shape)
    chains[:, 0] = noise[:, 0]
    for t in range(1, shape[1]):
        step = np.sqrt(1.0 - correlation**2) * noise[:, t]
        chains[:, t] = correlation * chains[:, t - 1] + step
    return chains


def mixture_variables(seed, *, chains=4, draws=1000, correlation=0.0, location=(-4.0, 0.0, 4.0)):
    """Return theta, mu and sigma of a posterior of three components."""
    random = np.random.default_rng(seed)
    shape = (chains, draws, 3)
    z = {n: autoregressive(random, shape, correlation=correlation) for n in ("t", "m", "s")}
    weights = np.exp(np.log([0.3, 0.5, 0.2]) + 0.1 * z["t"])
    return {
        "theta": weights / weights.sum(axis=-1, keepdims=True),
        "mu": np.array(location) + 0.2 * z["m"],
        "sigma": np.exp(0.1 * z["s"]),
    }


def as_arviz(variables, *, y=Y, observed="y", **attrs):
    """Return ArviZ data with these variables, whose last axis is the component if there is one."""
    posterior = xr.Dataset({n: (DIMS[: x.ndim], x) for n, x in variables.items()})
    groups = {"posterior": posterior}
    if y is not None:
        groups["observed_data"] = xr.Dataset({observed: (f"{observed}_dim_0", y)})
    return to_arviz(groups, attrs=attrs)


def switched(variables, *, seed):
    """Return the variables with their components in another order in each draw."""
    random = np.random.default_rng(seed)
    shape = variables["mu"].shape
    order = random.permuted(np.broadcast_to(np.arange(shape[-1]), shape), axis=-1)
    return {name: np.take_along_axis(x, order, axis=-1) for name, x in variables.items()}


DF = Parameter(
    name="df",
    field="df",
    meaning="degrees of freedom",
    space=POSITIVE,
    priors=(HalfNormal,),
    example=HalfNormal(10.0),
    symbol=r"\nu",
    pymc="nu",
    shared=True,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeavyMixture(NormalMixture):
    """Student's t: a third parameter, which all components share unless a sequence is given."""

    family: ClassVar = "heavy"
    parameters: ClassVar = (MEANS, SIGMA, DF)
    df: HalfNormal | Numbers = 5.0

    @staticmethod
    def log_density(y, *, mu, sigma, df):
        """Return the log density of Student's t."""
        return stats.t.logpdf(y, df, mu, sigma)


def heavy_family(monkeypatch):
    """Return the family, which models are read of while the test runs."""
    monkeypatch.setattr(model_json, "FAMILIES", (NormalMixture, HeavyMixture))
    return HeavyMixture


def fit_with_model(model, variables, *, y=Y):
    """Return what NUTS would of these draws, whose last axis is the component."""
    target = target_of(model, y)
    attrs = as_attributes(Provenance(method="nuts", model=model_json.model_to_json(target.model)))
    return to_arviz(common_groups(target, Draws(variables), None), attrs=attrs)
