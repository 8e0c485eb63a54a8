"""What is wrong with a fit, in words."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from pystan_mix.arviz_compat import Fit
from pystan_mix.diagnostics.advi import judge_approximation
from pystan_mix.diagnostics.verdict import Verdict
from pystan_mix.diagnostics.weighed import notes_on_weighing, weighed_problems
from pystan_mix.fits.approximation import is_approximation
from pystan_mix.fits.attributes import NutsSettings, WeighingFindings, read_attributes
from pystan_mix.fits.groups import (
    bounds_of_observations,
    divergences,
    elements,
    labels_of_observations,
    observations,
    sampler_stats,
)
from pystan_mix.fits.model import family_of, known_elements, mixture_of_fit
from pystan_mix.fits.prediction import moments_of_mixture
from pystan_mix.fits.summary import summarize, summary_of_arrays
from pystan_mix.mixtures.families.normal import SIGMA
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.convergence import R_HAT_THRESHOLD

# Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021): bulk and tail ESS of 100 for each chain
_LEAST_ESS_PER_CHAIN = 100
# Betancourt (2016), "Diagnosing suboptimal cotangent disintegrations in HMC"
_LEAST_BFMI = 0.3
# of the data's span; a component that is this narrow holds one value only
_NARROWEST_COMPONENT = 1e-6


def diagnose(fit: Fit) -> Verdict:
    """Say whether a fit by NUTS or ADVI is to be believed.

    For NUTS: divergences, chains that disagree (R-hat), a component that shrank
    onto one value, too few effective draws, saturated trees, low energy
    fraction. Of vectors, whose draws are relabelled, what has no labels is judged
    besides: the log density, and the mean and standard deviation of each coordinate
    over all components. For ADVI: Pareto k-hat of the weights and what the reweighted
    draws are worth; of draws that are not reweighted how far their means and
    standard deviations are from the refined ones; and other optima that are as
    likely.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        What `sample`, `advi` or `from_cmdstan_csv` returned, or `load` read.

    Returns
    -------
    Verdict
        `ok`; `use`, which is "fine", "do not use" or, of ADVI, "means only";
        the problems in words, and notes. Prints readably.

    Raises
    ------
    DataError
        If the data have no posterior or no sample statistics.

    Examples
    --------
    >>> from pystan_mix import Normal, NormalMixture, diagnose, sample, simulate
    >>> y = simulate(50, theta=[0.5, 0.5], mu=[-3, 3], sigma=1.0, seed=1)
    >>> model = NormalMixture(n_components=2, means=Normal(0, 10), sigma=1.0)
    >>> print(diagnose(sample(model, y, seed=1, show_progress=False)))
    No problems found.
    """
    if is_approximation(fit):
        return judge_approximation(fit)
    findings = read_attributes(WeighingFindings, fit)
    if findings.weighed:
        problems, notes = tuple(weighed_problems(fit)), tuple(notes_on_weighing(fit))
    else:
        problems = tuple(_nuts_problems(fit, findings))
        notes = tuple(_notes_on_chains(fit, findings))
    notes += tuple(_notes_on_labels(fit))
    return Verdict(not problems, problems, "do not use" if problems else "fine", notes)


def _notes_on_chains(fit: Fit, findings: WeighingFindings) -> Iterator[str]:
    """Yield divergences that did no harm, and that vectors could not be weighed."""
    # of vectors it is mostly the number of dimensions that weights fail at
    if _not_weighed(findings) and family_of(fit).vectors:
        agree = not any(_disagreement(_judged_table(fit), chains=int(divergences(fit).shape[0])))
        yield _how_it_weighs(findings) + agree * " What speaks for them is that they agree."
    count = int(divergences(fit).sum())
    if count and findings.trusted:
        yield f"{count} draws diverged; the weighed posterior confirms the chains."


def _notes_on_labels(fit: Fit) -> Iterator[str]:
    """Yield that of components with names only what chains found is known; never of vectors."""
    if labels_of_observations(fit) is not None and not family_of(fit).vectors:
        yield (
            "Labels name components, so that nothing is annealed from the prior: a mode that no "
            "chain has found would be missing."
        )


def _nuts_problems(fit: Fit, findings: WeighingFindings) -> Iterator[str]:
    """Yield what is wrong with chains of NUTS, and with the weights that should confirm them."""
    if findings.annealed and not findings.trusted:
        yield (
            "The posterior could not be weighed as a whole: populations that were annealed from "
            f"the prior leave an error of {findings.mean_error:.2f} sd in a mean, and of "
            f"{findings.sd_error:.0%} in a standard deviation. So nothing shows that the chains "
            "found all modes. Try fewer components, or priors that say more."
        )
    elif _not_weighed(findings) and not family_of(fit).vectors:
        yield f"{_how_it_weighs(findings)} Try fewer components, or priors that say more."
    diverging, tree_depth, energy = sampler_stats(fit, "diverging", "tree_depth", "energy")
    table, chains = _judged_table(fit), len(diverging)
    yield from _disagreement(table, chains=chains)
    if diverging.any() and not findings.trusted:
        yield (
            f"{int(diverging.sum())} of {diverging.size} draws diverged: a part of the posterior "
            "was not entered. Raise adapt_delta towards 0.99, or give priors that say more."
        )
    yield from _flat(fit) if family_of(fit).vectors else _collapse(fit)
    yield from _few_effective_draws(table, chains=chains)
    yield from _saturated_trees(
        tree_depth, deepest=read_attributes(NutsSettings, fit).max_treedepth
    )
    yield from _low_energy_fraction(energy)


def _judged_table(fit: Fit) -> pd.DataFrame:
    """Return the summary of what varies."""
    return _varying(_with_free_of_labels(fit, summarize(fit)).drop(index=known_elements(fit)))


def _with_free_of_labels(fit: Fit, table: pd.DataFrame) -> pd.DataFrame:
    """Return a summary with what has no labels, where relabelled draws are summarized."""
    if not family_of(fit).vectors:
        return table
    (lp,) = sampler_stats(fit, "lp")
    return pd.concat([table, summary_of_arrays({"lp": lp} | moments_of_mixture(fit))])


def _not_weighed(findings: WeighingFindings) -> bool:
    """Whether the posterior was weighed, and the weights cannot be trusted."""
    return not (findings.trusted or math.isnan(findings.pareto_khat_weights))


def _how_it_weighs(findings: WeighingFindings) -> str:
    """Say that the weights cannot be trusted."""
    return (
        f"The posterior could not be weighed as a whole: k-hat is "
        f"{findings.pareto_khat_weights:.2f}, and judged by others the weighed draws are "
        f"worth {findings.ess_of_others:.0f}, with an error of {findings.sd_error:.0%} in "
        "a standard deviation. So nothing shows that the chains found all modes."
    )


def _varying(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out the one weight of one component; what else stands still has no effective draws."""
    if "theta[2]" not in table.index:
        table = table.drop(index="theta[1]", errors="ignore")
    ess = ["ess_bulk", "ess_tail"]
    # ArviZ counts every draw of a constant, and none, not even zero, of fewer than four
    return table.assign(**{name: table[name].where(table["sd"] > 0).fillna(0.0) for name in ess})


def _disagreement(table: pd.DataFrame, *, chains: int) -> Iterator[str]:
    """Yield that the chains found different distributions."""
    if chains == 1:
        yield "There is one chain, so nothing shows that it found all there is. Run four."
    high = table[table["r_hat"] > R_HAT_THRESHOLD]
    if len(high):
        worst = high["r_hat"].idxmax()
        yield (
            f"The chains disagree on {', '.join(high.index)}: R-hat is {high['r_hat'][worst]:.3f} "
            f"for {worst}, and should be at most {R_HAT_THRESHOLD}. Run longer; if it stays, the "
            "posterior has several modes: try fewer components, or priors that say more."
        )


def _collapse(fit: Fit) -> Iterator[str]:
    """Yield that a component shrank onto a value that occurs more than once: without a floor."""
    # whatever the family, components' scales bear the name that those of normals do
    known, y, bounds = known_elements(fit), observations(fit), bounds_of_observations(fit)
    if bounds is not None and bounds.wide.all():
        # the likelihood of intervals is bounded
        return
    least = {
        name: float(draws.min())
        for name, draws in elements(fit)
        if name.partition("[")[0] == SIGMA.name and name not in known
    }
    worst = min(least, key=lambda name: least[name], default="")
    if worst and y is not None and least[worst] < _NARROWEST_COMPONENT * np.ptp(y):
        yield (
            f"{worst} falls to {least[worst]:.2g} where "
            f"the data span {np.ptp(y):.4g}: the component has shrunk onto a value that occurs "
            "more than once, where the likelihood has no bound. Give min_sigma, or leave it out "
            "for the data to set it."
        )


def _flat(fit: Fit) -> Iterator[str]:
    """Yield that a component shrank into a plane, which as many vectors lie in by rounding."""
    y, (_, _, components) = observations(fit), mixture_of_fit(fit)
    if y is None:
        return
    scale = components["sigma"] / (np.nanmax(y, axis=0) - np.nanmin(y, axis=0))
    covariance = scale[..., :, None] * scale[..., None, :] * components["corr"]
    width = math.sqrt(max(0.0, float(np.linalg.eigvalsh(covariance).min())))
    if width < _NARROWEST_COMPONENT:
        yield (
            f"A component is {width:.2g} wide in one direction, where the data span 1 in each "
            "coordinate: it has shrunk into a plane in which observations lie by rounding, and "
            "the likelihood has no bound there. Give min_sigma, a higher LKJ, or "
            'correlation="diagonal".'
        )


def _few_effective_draws(table: pd.DataFrame, *, chains: int) -> Iterator[str]:
    """Yield that there are too few effective draws."""
    least = _LEAST_ESS_PER_CHAIN * chains
    for column, what in (("ess_bulk", "means"), ("ess_tail", "the ends of intervals")):
        low = table[~(table[column] >= least)]
        if len(low):
            worst = low[column].idxmin()
            yield (
                f"{column} is {low[column][worst]:.0f} for {worst}, below {least} "
                f"({_LEAST_ESS_PER_CHAIN} a chain), too few to trust {what}. Raise iter_sampling."
            )


def _saturated_trees(tree_depth: FloatArray, *, deepest: int) -> Iterator[str]:
    """Yield that trajectories were cut short."""
    saturated = float((tree_depth >= deepest).mean())
    if saturated > 0.01:
        yield (
            f"{saturated:.0%} of the trees reached max_treedepth={deepest}: the draws are right "
            "but slow. Raise max_treedepth, or run a longer warm-up."
        )


def _low_energy_fraction(energy: FloatArray) -> Iterator[str]:
    """Yield that the energy changes too little from draw to draw."""
    if energy.shape[1] < 2:
        return  # the effective draws say it
    with np.errstate(invalid="ignore", divide="ignore"):
        bfmi = np.square(np.diff(energy, axis=1)).mean(axis=1) / energy.var(axis=1, ddof=1)
    if (bfmi < _LEAST_BFMI).any():
        yield (
            f"The energy fraction (E-BFMI) is {bfmi.min():.2f} in chain {int(bfmi.argmin()) + 1}, "
            f"below {_LEAST_BFMI}: tails may be missed. Run a longer warm-up, or give priors with "
            "lighter tails."
        )
