"""R-hat, effective draws, Monte Carlo errors, and how far apart two sets of draws are in them."""

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from pystan_mix.arviz_compat import az
from pystan_mix.numerics import FloatArray

QUANTILES: Final[Mapping[str, float]] = {"q05": 0.05, "q50": 0.5, "q95": 0.95}
STATISTICS: Final = ("mean", "sd", *QUANTILES)
# Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021), "Rank-normalization, folding, and
# localization: an improved R-hat"
R_HAT_THRESHOLD: Final = 1.01

# An error that S effective draws give is itself uncertain, as that of a t distribution with S / 20
# degrees of freedom: measured on autoregressive chains, it is S / 5 for means, S / 16 for quantiles
_DRAWS_PER_DEGREE: Final = 20.0


@dataclasses.dataclass(frozen=True)
class Summary:
    """What draws of one quantity say.

    Parameters
    ----------
    values : dict of str to float
        Mean, sd and quantiles, by the names of `STATISTICS`.
    ess : dict of str to float
        The effective draws behind each of them; NaN where too few draws say.
    mcse_mean, mcse_sd : float
        Monte Carlo errors.
    ess_bulk, ess_tail, r_hat : float
        As in `summarize`; R-hat of one chain is NaN.
    chains : ndarray, shape (chain, draw)
        The draws.
    draws : ndarray, shape (draws,)
        All draws in increasing order.
    """

    values: dict[str, float]
    ess: dict[str, float]
    mcse_mean: float
    mcse_sd: float
    ess_bulk: float
    ess_tail: float
    r_hat: float
    chains: FloatArray
    draws: FloatArray

    @functools.cached_property
    def largest_r_hat(self) -> float:
        """What R-hat may be if all chains draw from one distribution; NaN of what stands still."""
        if not self.values["sd"] > 0.0:
            return math.nan
        with np.errstate(invalid="ignore", divide="ignore"):
            within = sum(float(az.ess(chain[None], method="bulk")) for chain in self.chains)
        return max(R_HAT_THRESHOLD, 1.0 + _r_hat_noise(len(self.chains), within))


def summary_of(draws: FloatArray) -> Summary:
    """Summarize the draws of one quantity.

    Parameters
    ----------
    draws : ndarray, shape (chain, draw)
        Finite draws.

    Returns
    -------
    Summary
        The error of the sd is that of the mean squared deviation, by the delta
        method, and takes no distribution to be normal (Vehtari, Gelman,
        Simpson, Carpenter and Bürkner, 2021, section 4).

    Examples
    --------
    >>> draws = np.random.default_rng(1).standard_normal((4, 1000))
    >>> round(summary_of(draws).mcse_mean, 3)
    0.016
    """
    centre = float(draws.mean())
    sd = float(draws.std(ddof=1)) if draws.size > 1 else math.nan
    ordered = np.sort(draws, axis=None)
    if draws.size > 1 and ordered[0] == ordered[-1]:
        # to rounding their mean is another
        centre, sd = float(ordered[0]), 0.0
    quantiles = np.quantile(ordered, list(QUANTILES.values()))
    values = dict(zip(STATISTICS, [centre, sd, *map(float, quantiles)], strict=True))
    if not sd > 0.0:  # what stands still has no Monte Carlo error
        ess = dict.fromkeys(STATISTICS, math.nan)
        nan = math.nan
        return Summary(values, ess, 0.0, 0.0, nan, nan, nan, draws, ordered)
    squares = np.square(draws - centre)
    # ArviZ divides by a variance of zero where a chain stands still
    with np.errstate(invalid="ignore", divide="ignore"):
        ess = {
            "mean": float(az.ess(draws, method="mean")),
            "sd": float(az.ess(squares, method="mean")),
        } | {
            name: float(az.ess(draws, method="quantile", prob=prob))
            for name, prob in QUANTILES.items()
        }
        bulk = float(az.ess(draws, method="bulk"))
        r_hat = float(az.rhat(draws)) if len(draws) > 1 else math.nan
    return Summary(
        values=values,
        ess=ess,
        mcse_mean=sd / math.sqrt(ess["mean"]),
        mcse_sd=float(squares.std()) / (2.0 * sd * math.sqrt(ess["sd"])),
        ess_bulk=bulk,
        ess_tail=min(ess["q05"], ess["q95"]),
        r_hat=r_hat,
        chains=draws,
        draws=ordered,
    )


def _r_hat_noise(chains: int, within: float) -> float:
    """Return by how much R-hat may be above one by chance, once in ten thousand times.

    Split chains of one distribution, each of S effective draws, have R-hat near
    ``1 + C / (2 S)``, where C is chi-square over its degrees of freedom; its
    quantile is Wilson and Hilferty's (1931).

    Parameters
    ----------
    chains : int
        Number of chains before they are split.
    within : float
        Effective draws, those that each chain shows by itself added up: chains
        that disagree do not lower them.
    """
    spread = 2.0 / (9.0 * (2 * chains - 1))
    return chains * (1.0 - spread + 3.72 * math.sqrt(spread)) ** 3 / within


def z_scores(reference: Summary, other: Summary) -> dict[str, float]:
    """Return how far two sets of draws are apart, in Monte Carlo errors.

    Parameters
    ----------
    reference, other : Summary
        Two summaries of one quantity, of independent draws.

    Returns
    -------
    dict of str to float
        For each of `STATISTICS` a number that is standard normal if both sets
        come from the same distribution, positive where the other is larger.
        Quantiles are compared by the shares of draws below the point halfway
        between them, whose error needs no estimate of a density. That the
        errors are estimates too is allowed for, see `normal_score`.
    """
    degrees = {name: _degrees(reference, other, name) for name in STATISTICS}
    differences = {name: other.values[name] - reference.values[name] for name in ("mean", "sd")}
    errors = {
        "mean": math.hypot(reference.mcse_mean, other.mcse_mean),
        "sd": math.hypot(reference.mcse_sd, other.mcse_sd),
    }
    for name, prob in QUANTILES.items():
        halfway = 0.5 * (reference.values[name] + other.values[name])
        differences[name] = _share_below(reference, halfway) - _share_below(other, halfway)
        variance = prob * (1.0 - prob)
        errors[name] = math.sqrt(
            sum(variance / each.ess[name] for each in (reference, other) if _moves(each))
        )
    return {
        name: normal_score(_ratio(differences[name], errors[name]), degrees[name])
        for name in STATISTICS
    }


def normal_score(t: float, degrees: float) -> float:
    """Turn a value of Student's t into the standard normal value of the same probability.

    Wallace (1959), "Bounds on normal approximations to Student's and the
    chi-square distributions", eq. 1.3.

    Parameters
    ----------
    t : float
        A difference in units of its estimated error.
    degrees : float
        The degrees of freedom of that estimate.

    Returns
    -------
    float
        The normal value.

    Examples
    --------
    >>> round(normal_score(6.869, 5), 2), round(normal_score(3.29, 1e6), 2)
    (3.27, 3.29)
    """
    if not math.isfinite(t) or math.isinf(degrees):
        return t
    root = math.sqrt(degrees * math.log1p(t * t / degrees))
    return math.copysign((8.0 * degrees + 1.0) / (8.0 * degrees + 3.0) * root, t)


def least_visible(reference: Summary, other: Summary, critical: float) -> float:
    """Return the difference of means whose `z_scores` is just critical.

    Parameters
    ----------
    reference, other : Summary
        Two summaries of one quantity.
    critical : float
        The normal value that counts.

    Returns
    -------
    float
        In the quantity's units; NaN or infinite where the draws are too few to
        say.
    """
    degrees = _degrees(reference, other, "mean")
    error = math.hypot(reference.mcse_mean, other.mcse_mean)
    if math.isinf(degrees):
        return critical * error
    root = critical * (8.0 * degrees + 3.0) / (8.0 * degrees + 1.0)
    exponent = root * root / degrees
    # the exponential of more leaves the range of a double
    return error * math.sqrt(degrees * math.expm1(exponent)) if exponent < 700 else math.inf


def _degrees(reference: Summary, other: Summary, name: str) -> float:
    """Return the degrees of freedom of a combined error: Welch and Satterthwaite's."""
    total, weighted = 0.0, 0.0
    for each in (reference, other):
        if _moves(each):
            # antithetic chains have more effective draws than draws, but no surer errors
            degrees = min(each.ess[name], each.draws.size) / _DRAWS_PER_DEGREE
            variance = (each.values["sd"] ** 2 if name == "mean" else 1.0) / each.ess[name]
            total += variance
            weighted += variance * variance / degrees
    return total * total / weighted if weighted > 0.0 or math.isnan(weighted) else math.inf


def _moves(summary: Summary) -> bool:
    """Return whether the draws differ."""
    return summary.values["sd"] != 0.0


def _share_below(summary: Summary, point: float) -> float:
    """Return the share of the draws below a point; those on it count half."""
    places = [np.searchsorted(summary.draws, point, side=side) for side in ("left", "right")]
    return float(np.mean(places)) / summary.draws.size


def _ratio(difference: float, error: float) -> float:
    """Return a difference in errors; infinite where it has no error."""
    if error > 0.0 or math.isnan(error):
        return difference / error
    return math.copysign(math.inf, difference) if difference else 0.0
