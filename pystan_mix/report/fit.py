"""What there is to say of one fit: as JSON takes it, and as text."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pystan_mix.arviz_compat import Fit
from pystan_mix.diagnostics.diagnose import diagnose
from pystan_mix.fits.approximation import (
    APPROXIMATION,
    is_approximation,
    is_reweighted,
    refined_moments_of,
    starts_of,
)
from pystan_mix.fits.attributes import AdviFindings, Provenance, read_attributes
from pystan_mix.fits.groups import divergences, element_name, elements, replications, variables
from pystan_mix.fits.summary import summarize
from pystan_mix.numerics import FloatArray
from pystan_mix.report.tables import NAME_WIDTH, header, parameter_row, verdict_text


def fit_summary(fit: Fit) -> dict[str, Any]:
    """Return what there is to say of a fit, as JSON takes it.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        What `sample` or `advi` returned.

    Returns
    -------
    dict
        Summaries of each parameter, seconds, the verdict; divergences of NUTS;
        loss, k-hats and every start's loss of ADVI, mean and standard
        deviation of the draws that are not reweighted, and the refined ones.
        What is not finite is None: R-hat of one chain.
    """
    origin = read_attributes(Provenance, fit)
    verdict = diagnose(fit)
    summary: dict[str, Any] = {
        "method": origin.method,
        "seed": origin.seed,
        "seconds": _finite(origin.seconds),
        "ok": verdict.ok,
        "use": verdict.use,
        "problems": list(verdict.problems),
        "notes": list(verdict.notes),
        "predictive": replications(fit) is not None,
    }
    if is_approximation(fit):
        summary |= _advi_summary(fit)
    else:
        summary["divergences"] = int(divergences(fit).sum())
    summary["parameters"] = {
        str(name): {str(key): _finite(value) for key, value in row.items()}
        for name, row in summarize(fit).to_dict(orient="index").items()
    }
    return summary


def _advi_summary(fit: Fit) -> dict[str, Any]:
    """Return what there is to say of ADVI alone."""
    found = read_attributes(AdviFindings, fit)
    summary: dict[str, Any] = {
        "algorithm": found.algorithm,
        "reweighted": is_reweighted(fit),
        "loss": _finite(-found.elbo),
        "loss_mcse": _finite(found.elbo_mcse),
        "elbo_gap": _finite(found.elbo_gap),
        "pareto_khat": _finite(found.pareto_khat),
        "pareto_khat_weights": _finite(found.pareto_khat_weights),
        "ess_importance": _finite(found.ess_importance),
    }
    starts = starts_of(fit)
    if starts is not None:
        summary["restarts"] = [_finite(value) for value in starts.loss]
    if is_reweighted(fit):
        parameters = {name for name, _ in elements(fit)}
        summary["approximation"] = {
            name: {"mean": float(draws.mean()), "sd": float(draws.std(ddof=1))}
            for name, draws in elements(fit, APPROXIMATION)
            if name in parameters
        }
    refined = refined_moments_of(fit)
    if refined is not None:
        summary["refined"] = _refined_elements(fit, refined)
    return summary


def _refined_elements(
    fit: Fit, refined: Mapping[str, tuple[FloatArray, FloatArray]]
) -> dict[str, dict[str, float]]:
    """Return the refined moments of each scalar of the posterior, by its name."""
    found, names = {}, {name for name, _ in elements(fit)}
    for variable, draws in variables(fit).items():
        mean, sd = refined[variable]
        for i, position in enumerate(np.ndindex(draws.shape[2:])):
            name = element_name(variable, position)
            if name in names:
                found[name] = {"mean": float(mean[i]), "sd": float(sd[i])}
    return found


def fit_table(summary: dict[str, Any]) -> str:
    """Lay one fit's summary out as text.

    Parameters
    ----------
    summary : dict
        What `fit_summary` returned.

    Returns
    -------
    str
        A line for each parameter, then seconds and the verdict.
    """
    rows = summary["parameters"]
    width = max(NAME_WIDTH, *(len(name) + 1 for name in rows))
    lines = [header(width=width)]
    lines += [parameter_row(name, row, width=width) for name, row in rows.items()]
    return "\n".join([*lines, verdict_text(summary)])


def _finite(value: float) -> float | None:
    """Return a number as JSON takes it; None where it is not finite."""
    return float(value) if np.isfinite(value) else None
