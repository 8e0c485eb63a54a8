"""A fit beside PyMC's results from a file: no PyMC is needed on the machine."""

from typing import Any

from pystan_mix.arviz_compat import Fit
from pystan_mix.comparison.agreement import MATTERS, critical_z
from pystan_mix.errors import DataError
from pystan_mix.fits.groups import elements
from pystan_mix.stats.convergence import Summary, summary_of
from pystan_mix.study.pymc_results import PymcReference


def against_pymc(fit: Fit, reference: PymcReference) -> dict[str, Any]:
    """Set a fit beside PyMC's results on the same data.

    As in `compare`, but by means and standard deviations only, since a file of
    summaries has no draws: a parameter differs where one of the two is further
    apart than Monte Carlo error explains, all comparisons taken into account
    (at most 1 % false alarms, after Bonferroni), and by more than 0.05 sds.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        What `sample` returned.
    reference : PymcReference
        PyMC's results.

    Returns
    -------
    dict
        As JSON takes it: `agree`; `differing`, names of parameters; `critical`,
        the absolute z that counts; PyMC's `seconds`, `loss`, `loss_mcse` and
        `version`, None where the file lacks them; `parameters`, for each
        PyMC's `mean` and `sd`, and the differences `z_mean` and `z_sd` in
        combined Monte Carlo errors and `apart_mean` and `apart_sd` in sds.

    Raises
    ------
    DataError
        If the two do not have the same parameters.
    """
    ours = {name: summary_of(draws) for name, draws in elements(fit)}
    if set(ours) != set(reference.table.index):
        raise DataError(
            f"PyMC's results are on {', '.join(reference.table.index)}, and the fit has "
            f"{', '.join(ours)}. Give the results of the same model."
        )
    # two tests for each parameter, both tails of each
    critical = critical_z(2 * len(ours))
    parameters = {
        name: _differences(summary, dict(reference.table.loc[name]))
        for name, summary in ours.items()
    }
    differing = [
        name
        for name, row in parameters.items()
        if any(
            abs(row[f"z_{what}"]) > critical and abs(row[f"apart_{what}"]) > MATTERS
            for what in ("mean", "sd")
        )
    ]
    return {
        "agree": not differing,
        "differing": differing,
        "critical": critical,
        "seconds": reference.seconds,
        "loss": reference.loss,
        "loss_mcse": reference.loss_mcse,
        "version": reference.about.get("versions", {}).get("pymc"),
        "parameters": parameters,
    }


def _differences(ours: Summary, theirs: dict[str, float]) -> dict[str, float]:
    """Return one parameter's differences."""
    row = {name: float(theirs[name]) for name in ("mean", "sd", "mcse_mean", "mcse_sd")}
    for what, error in (("mean", ours.mcse_mean), ("sd", ours.mcse_sd)):
        difference = ours.values[what] - row[what]
        row[f"z_{what}"] = difference / float((error**2 + row[f"mcse_{what}"] ** 2) ** 0.5)
        row[f"apart_{what}"] = difference / row["sd"]
    return row
