"""Whether to believe an approximation by ADVI, and why not.

The numbers below were tried on simulated data sets against NUTS, and measured on others:
tests/benchmarks/advi_calibration.py.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import get_args

import numpy as np

from pystan_mix.arviz_compat import Fit
from pystan_mix.diagnostics.advi_optima import (
    Optimum,
    notes_of,
    optima_of,
    rival_of,
    varying_elements,
)
from pystan_mix.diagnostics.verdict import Use, Verdict
from pystan_mix.fits.approximation import log_ratios_of_draws, refined_moments_of
from pystan_mix.fits.attributes import AdviFindings, read_attributes
from pystan_mix.fits.groups import posterior_size
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.importance.weights import khat_limit, pareto_smoothed

# standard deviations; what "usable for means" promises
_LARGEST_SHIFT = 0.5
# standard deviations, and relative to one; what "fine" promises
_FINE_SHIFT = 0.15
_FINE_SPREAD = 0.15
# nats; neither a mean 0.2 standard deviations off nor a scale off by 15 % costs less
_NEGLIGIBLE_GAP = 0.02
# as `diagnose` asks of four chains of NUTS ...
_LEAST_ESS = 400
# ... and of the draws; below, standard deviations fell short of NUTS's by up to 30 %
_LEAST_SHARE = 0.2
# where many observations leave fewer refined draws than are returned, this share of them will do
_LEAST_SHARE_OF_FEWER = 0.4
# a mean's error is then 0.1 standard deviations
_LEAST_ESS_OF_MEANS = 100

# where nothing is refined: from k-hat 1 on the weights have not even a mean (Vehtari et al., 2024)
_LARGEST_KHAT_OF_MEANS = 1.0
# nats; a mean that is d standard deviations off costs d^2 / 2
_LARGEST_GAP_OF_MEANS = 2.0
# nats before reweighting; beyond, draws that hardly reach a tail leave a sd short by up to 60 %
_LARGEST_GAP_OF_WEIGHTED = 0.25

_SENTENCES: dict[Use, str] = {
    "means only": "Use it for means only: its intervals are too narrow.",
    "do not use": "Do not use it: run NUTS (sample).",
}
_REWEIGHT_IT = "Do not use these draws: call advi with reweight=True, or run NUTS (sample)."


@dataclasses.dataclass(frozen=True)
class _Reason:
    """What is wrong, what the draws are still good for, and whether weights would mend it."""

    use: Use
    text: str
    mendable: bool = False


def judge_approximation(fit: Fit) -> Verdict:
    """Say how far to use an approximation.

    Draws that are reweighted are judged by their weights: k-hat, and what they
    are worth. Others are the approximation's own, and are judged by how far
    their means and standard deviations are from the refined ones, if k-hat of
    the refined weights is low enough to believe these. Where nothing is
    refined, k-hat and the distance to the log evidence have to do, which the
    approximation's own draws tell, and too small where they miss a tail.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        What `advi` returned.

    Returns
    -------
    Verdict
        The first of its problems is what the fit is good for, the others say
        why.
    """
    optima, moments = optima_of(fit), refined_moments_of(fit)
    if moments is None:
        found = [*_distance(fit), *_draws(fit)]
    else:
        found = list(_by_refinement(fit, moments))
    reasons = sorted(
        [*found, *_rivals(optima)],
        key=lambda reason: get_args(Use).index(reason.use),
        reverse=True,
    )
    notes = tuple(notes_of(fit, optima))
    if not reasons:
        return Verdict(ok=True, problems=(), use="fine", notes=notes)
    use = reasons[0].use
    mendable = use == "do not use" and all(r.mendable for r in reasons if r.use == use)
    sentence = _REWEIGHT_IT if mendable else _SENTENCES[use]
    problems = (sentence, *(reason.text for reason in reasons))
    return Verdict(ok=False, problems=problems, use=use, notes=notes)


def _least_ess(draws: int, refined: float = math.inf) -> float:
    """Return what weighted draws should be worth, which some refined ones were made into."""
    return max(_LEAST_ESS, min(_LEAST_SHARE * draws, _LEAST_SHARE_OF_FEWER * refined))


def _worth_little(found: AdviFindings, *, draws: int, least: float, of_means: float) -> _Reason:
    """Return that draws are worth too few independent ones, be it for means too."""
    ess = found.ess_importance
    return _Reason(
        "means only" if ess >= of_means else "do not use",
        f"The {draws} reweighted draws are worth {ess:.0f} independent ones, and should be "
        f"worth {least:.0f}: few of them make up the tails. {_remedy(found)}",
    )


def _by_refinement(
    fit: Fit, moments: Mapping[str, tuple[FloatArray, FloatArray]]
) -> Iterator[_Reason]:
    """Yield what is wrong with the draws, by what is refined."""
    found, (_, draws) = read_attributes(AdviFindings, fit), posterior_size(fit)
    limit = khat_limit(draws)
    khat, ess, gap = found.pareto_khat_weights, found.ess_importance, found.elbo_gap
    least = _least_ess(draws, found.refined_draws)
    # few draws cannot be worth more than they are
    of_means = min(_LEAST_ESS_OF_MEANS, 0.5 * draws)
    if not khat <= limit:
        yield _Reason(
            "do not use",
            f"Pareto k-hat of the refined weights is {khat:.2f}, and should be at most "
            f"{limit:.2f}: not all of the posterior is found, so nothing tells how far these "
            f"draws are from it. {_remedy(found)}",
        )
    elif not ess >= (least if found.reweighted else of_means):
        yield _worth_little(found, draws=draws, least=least, of_means=of_means)
    elif not found.reweighted:
        (shift, shifted), (spread, spread_of) = _distances(fit, moments)
        negligible = gap <= _NEGLIGIBLE_GAP + 2.0 * found.log_bound_mcse
        if not (negligible and shift <= _FINE_SHIFT and abs(spread) <= _FINE_SPREAD):
            mendable = ess >= least
            remedy = (
                f"Call advi with reweight=True: those draws are worth {ess:.0f} independent ones."
                if mendable
                else _remedy(found)
            )
            yield _Reason(
                "means only" if shift <= _LARGEST_SHIFT else "do not use",
                f"Pareto k-hat is {found.pareto_khat:.2f}, and only up to {limit:.2f} are draws "
                f"reweighted unasked. These are the approximation's own, {gap:.2f} nats from the "
                f"posterior: the mean of {shifted} is off by {shift:.2f} standard deviations, and "
                f"the standard deviation of {spread_of} by {spread:+.0%}. {remedy}",
                mendable,
            )


def _distances(
    fit: Fit, moments: Mapping[str, tuple[FloatArray, FloatArray]]
) -> tuple[tuple[float, str], tuple[float, str]]:
    """Return the largest error of a mean, and of a standard deviation, each with its parameter."""
    shifts, spreads = {}, {}
    for each in varying_elements(fit):
        if each.variable in moments:
            mean, sd = (float(moment[each.index]) for moment in moments[each.variable])
            shifts[each.name] = abs(float(each.draws.mean()) - mean) / sd
            spreads[each.name] = float(each.draws.std()) / sd - 1.0
    if not shifts:
        return (math.nan, "every parameter"), (math.nan, "every parameter")
    shifted = max(shifts, key=lambda name: shifts[name])
    spread_of = max(spreads, key=lambda name: abs(spreads[name]))
    return (shifts[shifted], shifted), (spreads[spread_of], spread_of)


def _rivals(optima: list[Optimum]) -> Iterator[_Reason]:
    """Yield that another optimum is as likely."""
    other = rival_of(optima)
    if other is not None:
        yield _Reason(
            "do not use",
            f"Another optimum, with a loss larger by {other.loss - optima[0].loss:.1f} nats only, "
            f"lies {other.distance:.0f} standard deviations away in {other.where}: the posterior "
            "has several modes, or ADVI got stuck on the way. Use NUTS (sample), fewer "
            "components, or priors that say more.",
        )


def _distance(fit: Fit) -> Iterator[_Reason]:
    """Yield that an approximation of which nothing is refined is far from the posterior."""
    found, limit = read_attributes(AdviFindings, fit), khat_limit(posterior_size(fit)[1])
    khat, gap = found.pareto_khat, found.elbo_gap
    if not khat <= limit:
        lost = not khat < _LARGEST_KHAT_OF_MEANS or found.reweighted
        yield _Reason(
            "do not use" if lost else "means only",
            f"Pareto k-hat is {khat:.2f}, and should be at most {limit:.2f}: the approximation is "
            f"too narrow for its draws to be reweighted. {_remedy(found)}",
        )
    if not gap <= _LARGEST_GAP_OF_MEANS:
        yield _Reason(
            "do not use",
            f"The ELBO is {gap:.1f} nats or more below the log evidence, and should be at most "
            f"{_LARGEST_GAP_OF_MEANS:.0f}: means may be off by more than a standard deviation.",
        )


def _remedy(found: AdviFindings) -> str:
    """Return what comes nearer to the posterior."""
    if found.algorithm == "fullrank":
        return "Use NUTS (sample)."
    return 'Try algorithm="fullrank", or use NUTS (sample).'


def _draws(fit: Fit) -> Iterator[_Reason]:
    """Yield what is wrong with the draws that are returned, where nothing is refined."""
    found, (_, draws) = read_attributes(AdviFindings, fit), posterior_size(fit)
    gap = found.elbo_gap
    if found.reweighted:
        least = _least_ess(draws)
        if not found.ess_importance >= least:
            yield _worth_little(found, draws=draws, least=least, of_means=_LEAST_ESS_OF_MEANS)
        elif not gap <= _LARGEST_GAP_OF_WEIGHTED:
            yield _Reason(
                "means only",
                f"Before its draws were reweighted the approximation was {gap:.2f} nats from the "
                f"posterior, and should be at most {_LARGEST_GAP_OF_WEIGHTED}: no weights bring "
                f"back a tail that its draws hardly reach. {_remedy(found)}",
            )
        return
    shift, name = _largest_shift(fit)
    if not shift <= _LARGEST_SHIFT:
        yield _Reason(
            "do not use",
            f"Reweighted, the mean of {name} would move by {shift:.2f} standard deviations, and "
            f"should by at most {_LARGEST_SHIFT}.",
        )
    if found.pareto_khat <= khat_limit(draws) and not gap <= _NEGLIGIBLE_GAP:
        yield _Reason(
            "means only",
            f"The draws are the approximation's own, {gap:.2f} nats from the posterior, though "
            "k-hat allows to reweight them. Call advi with reweight=True.",
        )


def _largest_shift(fit: Fit) -> tuple[float, str]:
    """Return by how much weights would move a mean, in standard deviations, and whose."""
    log_ratios = log_ratios_of_draws(fit)
    if log_ratios is None:
        return math.nan, "every parameter"
    weights = np.exp(pareto_smoothed(log_ratios)[0])
    shifts = {}
    for each in varying_elements(fit):
        mean = float(weights @ each.draws)
        # of the posterior as the weights see it, since the approximation's is too narrow
        sd = math.sqrt(float(weights @ (each.draws - mean) ** 2))
        shifts[each.name] = abs(mean - float(each.draws.mean())) / sd
    worst = max(shifts, key=lambda name: shifts[name], default="every parameter")
    return shifts.get(worst, math.nan), worst
