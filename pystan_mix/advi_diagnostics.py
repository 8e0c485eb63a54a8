"""Whether to believe an approximation by ADVI, and why not.

The numbers below were tried on simulated data sets against NUTS, and measured on others:
tests/benchmarks/advi_calibration.py.
"""

import dataclasses
import math
from collections.abc import Iterator
from typing import get_args

import numpy as np
import xarray as xr

from pystan_mix.arviz_data import (
    Fit,
    attributes,
    element_draws,
    group,
    group_names,
    pareto_smoothed,
)
from pystan_mix.curves import is_constant
from pystan_mix.mixture import FloatArray
from pystan_mix.reweighting import khat_limit
from pystan_mix.verdict import Use, Verdict

# from k-hat 1 on the weights have not even a mean (Vehtari et al., 2024, section 3)
_LARGEST_KHAT_OF_MEANS = 1.0
# nats; a mean that is d standard deviations off costs d^2 / 2
_LARGEST_GAP_OF_MEANS = 2.0
# standard deviations; what "usable for means" promises
_LARGEST_SHIFT = 0.5
# nats; neither a mean 0.2 standard deviations off nor a scale off by 15 % costs less
_NEGLIGIBLE_GAP = 0.02
# as `diagnose` asks of four chains of NUTS ...
_LEAST_ESS = 400
# ... and of the draws; below, standard deviations fell short of NUTS's by up to 30 %
_LEAST_SHARE = 0.2
# nats before reweighting; beyond, draws that hardly reach a tail leave a sd short by up to 60 %
_LARGEST_GAP_OF_WEIGHTED = 0.25
# a mean's error is then 0.1 standard deviations
_LEAST_ESS_OF_MEANS = 100
# nats; an optimum that is less likely by more has not one per cent of the posterior
_NEAR_IN_LOSS = 5.0
# standard deviations; ADVI's own noise moved an optimum by up to 3
_NEAR_IN_PLACE = 4.0
# nats; losses of one optimum differ by this through noise
_SAME_LOSS = 2.0

_SENTENCES: dict[Use, str] = {
    "means only": "Use it for means only: its intervals are too narrow.",
    "do not use": "Do not use it: run NUTS (sample).",
}


@dataclasses.dataclass(frozen=True)
class _Reason:
    """Something that is wrong, and what the approximation is still good for."""

    use: Use
    text: str


@dataclasses.dataclass(frozen=True)
class _Optimum:
    """Starts that ended at one optimum, and how far it is from the kept one."""

    starts: int
    loss: float
    distance: float
    where: str


def judge_approximation(fit: Fit) -> Verdict:
    """Say how far to use an approximation.

    Fine is what is reweighted with a k-hat below its limit, enough effective
    draws, and little to correct. Usable for means is what is too narrow for
    that, but not far from the posterior: the distance to the log evidence is
    small, and the weights, as far as they can be trusted, would not move a
    mean by much.

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
    optima = _optima(fit)
    reasons = sorted(
        [*_distance(fit), *_draws(fit), *_rivals(optima)],
        key=lambda reason: get_args(Use).index(reason.use),
        reverse=True,
    )
    notes = tuple(_notes(fit, optima))
    if not reasons:
        return Verdict(ok=True, problems=(), use="fine", notes=notes)
    use = reasons[0].use
    problems = (_SENTENCES[use], *(reason.text for reason in reasons))
    return Verdict(ok=False, problems=problems, use=use, notes=notes)


def _distance(fit: Fit) -> Iterator[_Reason]:
    """Yield that the approximation is far from the posterior."""
    top = attributes(fit)
    limit = khat_limit(group(fit, "posterior").sizes["draw"])
    khat, gap = (float(top.get(name, math.nan)) for name in ("pareto_khat", "elbo_gap"))
    if not khat <= limit:
        lost = not khat < _LARGEST_KHAT_OF_MEANS or bool(top.get("reweighted", 0))
        yield _Reason(
            "do not use" if lost else "means only",
            f"Pareto k-hat is {khat:.2f}, and should be at most {limit:.2f}: the approximation is "
            f"too narrow for its draws to be reweighted. {_remedy(fit)}",
        )
    if not gap <= _LARGEST_GAP_OF_MEANS:
        yield _Reason(
            "do not use",
            f"The ELBO is {gap:.1f} nats or more below the log evidence, and should be at most "
            f"{_LARGEST_GAP_OF_MEANS:.0f}: means may be off by more than a standard deviation.",
        )


def _remedy(fit: Fit) -> str:
    """Return what comes nearer to the posterior."""
    if attributes(fit).get("algorithm") == "fullrank":
        return "Use NUTS (sample)."
    return 'Try algorithm="fullrank", or use NUTS (sample).'


def _draws(fit: Fit) -> Iterator[_Reason]:
    """Yield what is wrong with the draws that are returned."""
    top = attributes(fit)
    draws = group(fit, "posterior").sizes["draw"]
    khat, gap, ess = (
        float(top.get(name, math.nan)) for name in ("pareto_khat", "elbo_gap", "ess_importance")
    )
    if top.get("reweighted", 0):
        least = max(_LEAST_ESS, _LEAST_SHARE * draws)
        if not ess >= least:
            yield _Reason(
                "means only" if ess >= _LEAST_ESS_OF_MEANS else "do not use",
                f"The {draws} reweighted draws are worth {ess:.0f} independent ones, and should be "
                f"worth {least:.0f}: few of them make up the tails. {_remedy(fit)}",
            )
        elif not gap <= _LARGEST_GAP_OF_WEIGHTED:
            yield _Reason(
                "means only",
                f"Before its draws were reweighted the approximation was {gap:.2f} nats from the "
                f"posterior, and should be at most {_LARGEST_GAP_OF_WEIGHTED}: no weights bring "
                f"back a tail that its draws hardly reach. {_remedy(fit)}",
            )
        return
    shift, name = _largest_shift(fit)
    if not shift <= _LARGEST_SHIFT:
        yield _Reason(
            "do not use",
            f"Reweighted, the mean of {name} would move by {shift:.2f} standard deviations, and "
            f"should by at most {_LARGEST_SHIFT}.",
        )
    if khat <= khat_limit(draws) and not gap <= _NEGLIGIBLE_GAP:
        yield _Reason(
            "means only",
            f"The draws are the approximation's own, {gap:.2f} nats from the posterior, though "
            "k-hat allows to reweight them. Call advi with reweight=True.",
        )


def _largest_shift(fit: Fit) -> tuple[float, str]:
    """Return by how much weights would move a mean, in standard deviations, and whose."""
    stats = group(fit, "sample_stats") if "sample_stats" in group_names(fit) else xr.Dataset()
    if "log_p" not in stats or "log_g" not in stats:
        return math.nan, "every parameter"
    log_ratio = np.asarray((stats["log_p"] - stats["log_g"]).transpose("chain", "draw"))
    weights = np.exp(pareto_smoothed(log_ratio.ravel())[0])
    shifts = {}
    for name, values in _elements(fit):
        mean = float(weights @ values)
        # of the posterior as the weights see it, since the approximation's is too narrow
        sd = math.sqrt(float(weights @ (values - mean) ** 2))
        shifts[name] = abs(mean - float(values.mean())) / sd
    worst = max(shifts, key=lambda name: shifts[name], default="every parameter")
    return shifts.get(worst, math.nan), worst


def _optima(fit: Fit) -> list[_Optimum]:
    """Return the optima that the starts ended at, the kept one's first."""
    if "vi_restarts" not in group_names(fit):
        return []
    starts = group(fit, "vi_restarts")
    loss = np.asarray(starts["loss"])
    whole = np.flatnonzero(np.isfinite(loss))
    if not whole.size:
        return []
    names, columns, scales = [], [], []
    for name, values in _elements(fit):
        variable, k = name.rstrip("]").split("[")
        if variable in starts:
            names.append(name)
            columns.append(np.asarray(starts[variable].isel(component=int(k) - 1)))
            scales.append(values.std())
    places = np.column_stack(columns) / np.array(scales) if columns else np.zeros((loss.size, 1))
    order = whole[np.argsort(loss[whole], kind="stable")]
    found: list[list[int]] = []
    for i in order:
        for members in found:
            away = np.abs(places[i] - places[members[0]]).max()
            if loss[i] - loss[members[0]] <= _SAME_LOSS and away <= _NEAR_IN_PLACE:
                members.append(int(i))
                break
        else:
            found.append([int(i)])
    kept = places[order[0]]
    optima = []
    for members in found:
        steps = np.abs(places[members[0]] - kept)
        where = names[int(steps.argmax())] if names else ""
        optima.append(_Optimum(len(members), float(loss[members[0]]), float(steps.max()), where))
    return optima


def _rivals(optima: list[_Optimum]) -> Iterator[_Reason]:
    """Yield that another optimum is as likely."""
    for other in optima[1:]:
        worse = other.loss - optima[0].loss
        if worse <= _NEAR_IN_LOSS and other.distance > _NEAR_IN_PLACE:
            yield _Reason(
                "do not use",
                f"Another optimum, with a loss larger by {worse:.1f} nats only, lies "
                f"{other.distance:.0f} standard deviations away in {other.where}: the posterior "
                "has several modes, or ADVI got stuck on the way. Use NUTS (sample), fewer "
                "components, or priors that say more.",
            )
            return


def _notes(fit: Fit, optima: list[_Optimum]) -> Iterator[str]:
    """Yield what is worth knowing of the starts."""
    top = attributes(fit)
    total = sum(optimum.starts for optimum in optima)
    if len(optima) > 1:
        first, *others = optima
        rest = ", ".join(f"{other.starts} at {other.loss:.1f}" for other in others)
        yield (
            f"{first.starts} of {total} starts ended at a loss of {first.loss:.1f}, which is kept; "
            f"{rest}."
        )
    if "vi_restarts" in group_names(fit):
        failed = np.asarray(group(fit, "vi_restarts")["failed"])
        if failed.any():
            yield f"{int(failed.sum())} of {failed.size} starts failed in CmdStan."
        elif failed.size == 1:
            yield "There was one start, so nothing shows that it found the best optimum."
    if not top.get("converged", 1):
        yield (
            "CmdStan does not say that ADVI converged. It seldom does, since its ELBO is noisy: "
            "k-hat says more."
        )


def _elements(fit: Fit) -> Iterator[tuple[str, FloatArray]]:
    """Yield each scalar of the posterior that varies by its name in Stan, with its draws."""
    for name, draws in element_draws(fit):
        # the one weight of one component is rounding
        if not is_constant(draws):
            yield name, draws.ravel()
