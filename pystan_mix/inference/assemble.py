"""A fit put together as ArviZ data from what CmdStan left and what was made of it."""

import math
from collections.abc import Sequence

from pystan_mix.arviz_compat import Fit, to_arviz
from pystan_mix.cmdstan.stan_csv import StanCsv
from pystan_mix.fits.approximation import (
    APPROXIMATION,
    HISTORY,
    REFINED,
    STARTS,
    approximation_group,
    densities_group,
    history_group,
    refined_group,
    starts_group,
)
from pystan_mix.fits.attributes import AdviFindings, as_attributes
from pystan_mix.fits.draws import Draws
from pystan_mix.fits.groups import (
    CHAINS,
    SAMPLE_STATS,
    Predictive,
    common_groups,
    stats_group,
    variables_group,
)
from pystan_mix.inference.from_csv import (
    csv_draws,
    csv_stats,
    labelled_draws,
    nuts_settings,
    provenance,
)
from pystan_mix.inference.refinement import Refined, ess_of_draws, refined_moments
from pystan_mix.inference.restarts import Restarts, starts_of_restarts
from pystan_mix.mixtures.target import Target
from pystan_mix.stats.importance.weights import khat_limit
from pystan_mix.weighing.chains import WeighedChains


def nuts_fit(
    target: Target,
    csvs: Sequence[StanCsv],
    *,
    predictive: Predictive | None,
    chains: Draws | None = None,
    weighed: WeighedChains | None = None,
    seconds: float = math.nan,
) -> Fit:
    """Put the chains of NUTS together.

    Parameters
    ----------
    target : Target
        The model and its observations.
    csvs : sequence of StanCsv
        A file for each chain.
    predictive : Predictive or None
        What some draws predict; None leaves out the groups that need it.
    chains : Draws, optional
        Their draws, where these are read already.
    weighed : WeighedChains, optional
        What weighing says of the chains; its draws, if it has some, are the
        posterior's in their place.
    seconds : float, optional
        Wall time.

    Returns
    -------
    arviz.InferenceData or xarray.DataTree
        The groups that `sample` names.
    """
    settings = csvs[0].settings
    stats = stats_group(csv_stats(csvs))
    if chains is None:
        chains = labelled_draws(target, csv_draws(target, csvs))
    if weighed is None or weighed.draws is None:
        groups = common_groups(target, chains, predictive)
        groups[SAMPLE_STATS] = stats
    else:
        groups = common_groups(target, weighed.draws, predictive)
        groups[CHAINS] = variables_group(target, chains).merge(stats)
    origin = provenance(settings, target, method="nuts", seconds=seconds)
    attrs = as_attributes(origin, nuts_settings(settings))
    if weighed is not None:
        attrs |= as_attributes(weighed.findings)
    return to_arviz(groups, attrs=attrs)


def advi_fit(
    target: Target,
    restarts: Restarts,
    *,
    refined: Refined | None = None,
    weighted: Draws | None = None,
    predictive: Predictive | None,
    seconds: float = math.nan,
) -> Fit:
    """Put approximations by ADVI together into a fit with one chain: the best one's.

    Parameters
    ----------
    target : Target
        The model and its observations.
    restarts : Restarts
        The approximations.
    refined : Refined, optional
        The posterior as refined from the best one.
    weighted : Draws, optional
        The draws that are handed back, if these are reweighted.
    predictive : Predictive or None
        What some of the draws handed back predict; None leaves out the groups
        that need it.
    seconds : float, optional
        Wall time.

    Returns
    -------
    arviz.InferenceData or xarray.DataTree
        The groups and attributes that `advi` names.
    """
    best = restarts.best
    returned = best.draws if weighted is None else weighted
    groups = common_groups(target, returned, predictive)
    groups[SAMPLE_STATS] = densities_group(returned)
    if weighted is not None:
        groups[APPROXIMATION] = approximation_group(target, best.draws)
    groups[STARTS] = starts_group(starts_of_restarts(restarts))
    history = history_group([None if one is None else one.history for one in restarts.tried])
    if history is not None:
        groups[HISTORY] = history
    if refined is not None:
        groups[REFINED] = refined_group(refined_moments(refined))
    origin = provenance(best.settings, target, method="advi", seconds=seconds)
    findings = _findings(restarts, refined, draws=returned.length, reweighted=weighted is not None)
    return to_arviz(groups, attrs=as_attributes(origin, findings))


def _findings(
    restarts: Restarts, refined: Refined | None, *, draws: int, reweighted: bool
) -> AdviFindings:
    """Return what is known of the approximation, and of the weights that its draws have."""
    best = restarts.best
    estimate, settings = best.estimate, best.settings
    gap, khat_of_weights, ess = estimate.gap, estimate.pareto_khat, estimate.ess
    refined_draws, log_bound, log_bound_mcse = math.inf, math.nan, math.nan
    if refined is not None:
        found = refined.refinement
        refined_gap = max(0.0, found.log_integral - estimate.elbo)
        trusted = found.pareto_khat <= khat_limit(draws)
        # a mean of weights that cannot be trusted is too small, if anything
        gap = refined_gap if trusted else max(refined_gap, estimate.gap)
        khat_of_weights, ess = found.pareto_khat, ess_of_draws(refined, draws)
        refined_draws = float(len(found.z))
        log_bound, log_bound_mcse = found.log_integral, found.mcse
    return AdviFindings(
        algorithm=settings["algorithm"],
        iter=int(settings["iter"]),
        tol_rel_obj=float(settings["tol_rel_obj"]),
        restarts=len(restarts.tried),
        reweighted=reweighted,
        converged=best.converged,
        elbo=estimate.elbo,
        elbo_mcse=estimate.mcse,
        elbo_gap=gap,
        pareto_khat=estimate.pareto_khat,
        pareto_khat_weights=khat_of_weights,
        ess_importance=ess,
        refined_draws=refined_draws,
        log_bound=log_bound,
        log_bound_mcse=log_bound_mcse,
    )
