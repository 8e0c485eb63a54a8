"""The attributes that stand at the top of a fit, declared once."""

import dataclasses
import math
from typing import Any, TypeVar

from pystan_mix.arviz_compat import Fit, attributes

RecordT = TypeVar("RecordT", "Provenance", "NutsSettings", "WeighingFindings", "AdviFindings")


@dataclasses.dataclass(frozen=True)
class Provenance:
    """Where a fit comes from.

    Parameters
    ----------
    method : str
        "nuts" or "advi".
    program : str
        The Stan program's name.
    model : str
        The model as JSON; empty in fits by version 0.1.0.
    seed : int
        The seed.
    seconds : float
        Wall time; NaN where it is not known.
    missing_dropped : int
        How many missing values were left out of the observations.
    missing_marginalised : int
        How many observations lack coordinates that are integrated out.
    inference_library, inference_library_version : str
        What made the draws.
    """

    method: str = ""
    program: str = ""
    model: str = ""
    seed: int = 0
    seconds: float = math.nan
    missing_dropped: int = 0
    missing_marginalised: int = 0
    inference_library: str = ""
    inference_library_version: str = ""


@dataclasses.dataclass(frozen=True)
class NutsSettings:
    """What NUTS was set to; what each means stands with `sample`."""

    iter_warmup: int = 0
    iter_sampling: int = 0
    adapt_delta: float = math.nan
    max_treedepth: int = 10
    metric: str = ""


@dataclasses.dataclass(frozen=True)
class WeighingFindings:
    """What weighing says of the chains of NUTS.

    Parameters
    ----------
    weighed : bool
        Whether the posterior's draws are weighed ones, in place of the chains'.
    trusted : bool
        Whether the weights can be trusted, or what was annealed in their place.
    annealed : bool
        Whether the posterior was annealed from the prior, because the weights of
        what the chains led to cannot be trusted.
    pareto_khat_weights : float
        Pareto k-hat of the weights; NaN where nothing was weighed.
    ess_importance : float
        How many independent draws the weighed ones are worth.
    ess_of_others : float
        The same, judged by other draws, of the chains and of a short annealing: far
        less where these have been where the weighed sample is too thin.
    mean_error : float
        The largest Monte Carlo error of a parameter's mean, in its standard
        deviations, of annealed draws.
    sd_error : float
        The largest relative Monte Carlo error of a parameter's standard
        deviation, of weighed draws or annealed ones.
    modes : int
        Number of separate modes.
    mode_shares : str
        These in words, with their shares: "2 modes, 71 and 29 %".
    chains_stayed : bool
        Whether each chain stayed in one of them.
    bridged : bool
        Whether the modes that chains stayed in are weighed by the integral of each, found by
        bridge sampling.
    share_error : float
        The largest Monte Carlo error of such a mode's share.
    log_bound, log_bound_mcse : float
        Log integral of prior and likelihood over ordered means, and its error.
    """

    weighed: bool = False
    trusted: bool = False
    annealed: bool = False
    bridged: bool = False
    share_error: float = math.nan
    pareto_khat_weights: float = math.nan
    ess_importance: float = math.nan
    ess_of_others: float = math.nan
    mean_error: float = math.nan
    sd_error: float = math.nan
    modes: int = 0
    mode_shares: str = ""
    chains_stayed: bool = False
    log_bound: float = math.nan
    log_bound_mcse: float = math.nan


@dataclasses.dataclass(frozen=True)
class AdviFindings:
    """What ADVI was set to, and what is known of its approximation.

    Parameters
    ----------
    algorithm : str
        "meanfield" or "fullrank".
    iter : int
        Largest number of iterations.
    tol_rel_obj : float
        Relative change of the ELBO at which it stops.
    restarts : int
        Number of starts.
    reweighted : bool
        Whether the posterior's draws are refined ones.
    converged : bool or None
        Whether CmdStan says that it converged; None where its words are lost.
    elbo, elbo_mcse : float
        The kept start's ELBO and its Monte Carlo error, in nats.
    elbo_gap : float
        The ELBO's distance to the log integral of Stan's density, in nats.
    pareto_khat : float
        k-hat of the approximation.
    pareto_khat_weights : float
        k-hat of the weights that reweighted draws have.
    ess_importance : float
        How many independent draws the reweighted ones are worth.
    refined_draws : float
        How many draws the refinement has; infinite where nothing is refined.
    log_bound, log_bound_mcse : float
        Log integral of Stan's density, and its error.
    """

    algorithm: str = ""
    iter: int = 0
    tol_rel_obj: float = math.nan
    restarts: int = 0
    reweighted: bool = False
    converged: bool | None = None
    elbo: float = math.nan
    elbo_mcse: float = math.nan
    elbo_gap: float = math.nan
    pareto_khat: float = math.nan
    pareto_khat_weights: float = math.nan
    ess_importance: float = math.nan
    refined_draws: float = math.inf
    log_bound: float = math.nan
    log_bound_mcse: float = math.nan


def as_attributes(
    *records: Provenance | NutsSettings | WeighingFindings | AdviFindings,
) -> dict[str, Any]:
    """Return records as attributes, without what is not known; netCDF takes no booleans."""
    found: dict[str, Any] = {}
    for record in records:
        for field in dataclasses.fields(record):
            value = getattr(record, field.name)
            # the default of a float is NaN or, where nothing is refined, infinite
            unknown = isinstance(value, float) and (math.isnan(value) or value == field.default)
            if not unknown and value not in (None, ""):
                found[field.name] = int(value) if isinstance(value, bool) else value
    return found


def read_attributes(kind: type[RecordT], fit: Fit) -> RecordT:
    """Read one record from a fit; what it does not say is left at its default.

    Examples
    --------
    >>> from pystan_mix.arviz_compat import to_arviz
    >>> fit = to_arviz({}, attrs=as_attributes(NutsSettings(max_treedepth=12)))
    >>> read_attributes(NutsSettings, fit).max_treedepth
    12
    """
    given = attributes(fit)
    found: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        if field.name in given:
            # netCDF hands NumPy's numbers back
            as_its_kind: Any = bool if field.default is None else type(field.default)
            found[field.name] = as_its_kind(given[field.name])
    return kind(**found)
