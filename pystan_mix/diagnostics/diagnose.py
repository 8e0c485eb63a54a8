"""What is wrong with a fit, in words."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from pystan_mix.arviz_compat import Fit, attributes, az, element_draws, group, group_names
from pystan_mix.diagnostics.advi import judge_approximation
from pystan_mix.diagnostics.verdict import Verdict
from pystan_mix.errors import DataError

# Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021), "Rank-normalization, folding, and
# localization: an improved R-hat": R-hat below 1.01, and bulk and tail ESS of 100 for each chain
_LARGEST_R_HAT = 1.01
_LEAST_ESS_PER_CHAIN = 100
# Betancourt (2016), "Diagnosing suboptimal cotangent disintegrations in HMC"
_LEAST_BFMI = 0.3
# of the data's span; a component that is this narrow holds one value only
_NARROWEST_COMPONENT = 1e-6


def diagnose(fit: Fit) -> Verdict:
    """Say whether a fit by NUTS or ADVI is to be believed.

    For NUTS: divergences, chains that disagree (R-hat), a component that shrank
    onto one value, too few effective draws, saturated trees, low energy
    fraction. For ADVI: Pareto k-hat of the weights and what the reweighted
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
    if attributes(fit).get("method") == "advi" or "vi_trace" in group_names(fit):
        return judge_approximation(fit)
    problems = tuple(_nuts_problems(fit))
    return Verdict(not problems, problems, "do not use" if problems else "fine")


def summarize(fit: Fit) -> pd.DataFrame:
    """Summarize the posterior of every parameter.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        ArviZ data with a group ``posterior``.

    Returns
    -------
    pandas.DataFrame
        A row for each element, named as in Stan from 1 (``mu[1]``); columns
        `mean`, `sd`, `q05`, `q50`, `q95`, `mcse_mean`, `ess_bulk`, `ess_tail`
        and `r_hat` (NaN for one chain, and for what never varies).

    Raises
    ------
    DataError
        If there is no posterior.
    """
    rows = {}
    for name, draws in element_draws(fit):
        q05, q50, q95 = np.quantile(draws, [0.05, 0.5, 0.95])
        # what stands still has no R-hat
        with np.errstate(invalid="ignore", divide="ignore"):
            sd = draws.std(ddof=1) if draws.size > 1 else math.nan
            rows[name] = {
                "mean": draws.mean(),
                "sd": sd,
                "q05": q05,
                "q50": q50,
                "q95": q95,
                # the mcse of ArviZ 0.23 is an array, or fails, where Numba is installed
                "mcse_mean": float(sd / np.sqrt(az.ess(draws, method="mean"))),
                "ess_bulk": float(az.ess(draws, method="bulk")),
                # ArviZ 1 has no default for arrays
                "ess_tail": float(az.ess(draws, method="tail", prob=(0.05, 0.95))),
                "r_hat": float(az.rhat(draws)) if len(draws) > 1 else math.nan,
            }
    return pd.DataFrame.from_dict(rows, orient="index")


def _nuts_problems(fit: Fit) -> Iterator[str]:
    """Yield what is wrong with chains of NUTS."""
    stats = group(fit, "sample_stats")
    missing = [name for name in ("diverging", "tree_depth", "energy") if name not in stats]
    if missing:
        raise DataError(
            f"sample_stats has no {' and no '.join(missing)}; it has: "
            f"{', '.join(map(str, stats.data_vars))}. Give what sample() or advi() returned."
        )
    table = _varying(summarize(fit))
    chains, draws = stats.sizes["chain"], stats.sizes["draw"]
    yield from _disagreement(table, chains=chains)
    divergences = int(stats["diverging"].sum())
    if divergences:
        yield (
            f"{divergences} of {chains * draws} draws diverged: a part of the posterior was not "
            "entered. Raise adapt_delta towards 0.99, or give priors that say more."
        )
    yield from _collapse(fit)
    yield from _few_effective_draws(table, chains=chains)
    yield from _sampler_trouble(fit)


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
    high = table[table["r_hat"] > _LARGEST_R_HAT]
    if len(high):
        worst = high["r_hat"].idxmax()
        yield (
            f"The chains disagree on {', '.join(high.index)}: R-hat is {high['r_hat'][worst]:.3f} "
            f"for {worst}, and should be at most {_LARGEST_R_HAT}. Run longer; if it stays, the "
            "posterior has several modes: try fewer components, or priors that say more."
        )


def _collapse(fit: Fit) -> Iterator[str]:
    """Yield that a component shrank onto a value that occurs more than once."""
    posterior = group(fit, "posterior")
    if "sigma" not in posterior or "observed_data" not in group_names(fit):
        return
    y = np.asarray(group(fit, "observed_data")["y"])
    sigma = np.asarray(posterior["sigma"].transpose("chain", "draw", "component"))
    if sigma.min() < _NARROWEST_COMPONENT * np.ptp(y):
        k = int(np.unravel_index(sigma.argmin(), sigma.shape)[-1]) + 1
        yield (
            f"sigma[{k}] falls to {sigma.min():.2g} where the data span {np.ptp(y):.4g}: the "
            "component has shrunk onto a value that occurs more than once, where the likelihood "
            "has no bound. Give sigma as known, use fewer components, or undo the rounding."
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


def _sampler_trouble(fit: Fit) -> Iterator[str]:
    """Yield what NUTS's own statistics say."""
    stats = group(fit, "sample_stats")
    deepest = int(attributes(fit).get("max_treedepth", 10))
    saturated = float((stats["tree_depth"] >= deepest).mean())
    if saturated > 0.01:
        yield (
            f"{saturated:.0%} of the trees reached max_treedepth={deepest}: the draws are right "
            "but slow. Raise max_treedepth, or run a longer warm-up."
        )
    energy = np.asarray(stats["energy"].transpose("chain", "draw"))
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
