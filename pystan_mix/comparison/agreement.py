"""Whether two sets of draws of one quantity agree, and why not, in words."""

import dataclasses
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal

from pystan_mix.stats.convergence import STATISTICS, Summary, least_visible, z_scores

# In sds. A run with the recommended least of 400 effective draws (Vehtari, Gelman, Simpson,
# Carpenter and Bürkner, 2021) has a mean that is off by 1 / sqrt(400): what is smaller matters to
# nobody who is content with such a run. Two of them show a difference of 0.3 among 100 comparisons
MATTERS: Final = 0.05
MUST_BE_VISIBLE: Final = 0.3

# the share of pairs of runs from one posterior that may be called different
_FALSE_ALARMS: Final = 0.01
_MOST_LISTED: Final = 6
_WORDS: Final = {
    "mean": "mean",
    "sd": "sd",
    "q05": "5 % quantile",
    "q50": "median",
    "q95": "95 % quantile",
}

Finding = Literal["agree", "negligible", "disagree", "chains disagree", "too few draws"]


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How two sets of draws of one quantity compare.

    Parameters
    ----------
    finding : {"agree", "negligible", "disagree", "chains disagree", "too few draws"}
        In a word.
    apart : dict of str to float
        The difference of each statistic, in sds of the reference.
    z : dict of str to float
        The same in combined Monte Carlo errors.
    visible : float
        The least difference between means that would have been seen, in sds of
        the reference.
    """

    finding: Finding
    apart: dict[str, float]
    z: dict[str, float]
    visible: float

    @property
    def furthest(self) -> str:
        """The statistic with the largest difference of those that could be tested."""
        return max(STATISTICS, key=lambda name: -1.0 if math.isnan(z := self.z[name]) else abs(z))


def critical_z(comparisons: int) -> float:
    """Return the absolute z that counts in so many comparisons: at most 1 % false alarms in all.

    Examples
    --------
    >>> round(critical_z(1), 3), round(critical_z(100), 3)
    (2.576, 3.891)
    """
    # Bonferroni
    return statistics.NormalDist().inv_cdf(1.0 - _FALSE_ALARMS / (2.0 * max(comparisons, 1)))


def judge(reference: Summary, other: Summary, *, critical: float) -> Agreement:
    """Compare two sets of draws of one quantity.

    Parameters
    ----------
    reference, other : Summary
        What independent draws say.
    critical : float
        The absolute z that counts.

    Returns
    -------
    Agreement
        "chains disagree" where those of one side do among themselves;
        "disagree" where a statistic differs by more than `critical` errors and
        0.05 sds; "too few draws" where a difference of 0.3 sds between means
        could not be seen; "negligible" where more than Monte Carlo error parts
        them, but less than 0.05 sds; otherwise "agree".
    """
    scale = reference.values["sd"]
    apart = {
        name: _in_units(other.values[name] - reference.values[name], scale) for name in STATISTICS
    }
    z = z_scores(reference, other)
    visible = _in_units(least_visible(reference, other, critical), scale)
    beyond = [name for name in STATISTICS if abs(z[name]) > critical]
    finding: Finding = "negligible" if beyond else "agree"
    # first, as the Monte Carlo errors of such chains are not to be relied on
    if _chains_disagree(reference) or _chains_disagree(other):
        finding = "chains disagree"
    elif any(abs(apart[name]) > MATTERS for name in beyond):
        finding = "disagree"
    elif not visible <= MUST_BE_VISIBLE or any(map(math.isnan, z.values())):
        finding = "too few draws"
    return Agreement(finding, apart, z, visible)


def reasons_against(
    name: str, agreements: Mapping[str, Agreement], reference: str
) -> Iterator[str]:
    """Yield why a data set is not said to agree with the reference.

    Parameters
    ----------
    name : str
        The data set.
    agreements : mapping of str to Agreement
        What was found of each quantity.
    reference : str
        The name of the reference.

    Yields
    ------
    str
        A sentence or two.
    """
    differing = _with(agreements, "disagree")
    if differing:
        worst = max(differing, key=lambda label: abs(differing[label].z[differing[label].furthest]))
        statistic = differing[worst].furthest
        yield (
            f"{name} is not {reference}: they differ in {_listed(differing)}. Most of "
            f"all in {worst}: its "
            f"{_WORDS[statistic]} is {_size(statistic, differing[worst].apart[statistic])}, "
            f"{abs(differing[worst].z[statistic]):.1f} Monte Carlo errors."
        )
    unseen = _with(agreements, "too few draws")
    if unseen:
        worst = max(unseen, key=lambda label: _nan_last(unseen[label].visible))
        size = unseen[worst].visible
        yield (
            f"{name} and {reference} have too few effective draws to tell for {_listed(unseen)}: "
            + (
                f"a difference of {size:.2g} sd between means of {worst} would not be seen. "
                if size < 10.0
                else f"those of {worst} show nothing. "
            )
            + "Draw more."
        )


def reasons_of_chains(name: str, summaries: Mapping[str, Summary]) -> Iterator[str]:
    """Yield that the chains of one data set disagree among themselves.

    Parameters
    ----------
    name : str
        The data set.
    summaries : mapping of str to Summary
        What its draws say of each quantity.

    Yields
    ------
    str
        Which quantities, and what to do.
    """
    high = {label: each.r_hat for label, each in summaries.items() if _chains_disagree(each)}
    if high:
        worst = max(high, key=lambda label: high[label])
        yield (
            f"The chains of {name} disagree among themselves on {_listed(high)}: R-hat is "
            f"{high[worst]:.3f} for {worst}, and should be at most "
            f"{summaries[worst].largest_r_hat:.3f}. Draw more; if it stays, they found several "
            "modes."
        )


def trifles(name: str, agreements: Mapping[str, Agreement]) -> Iterator[str]:
    """Yield that some of one data set's differences are real, and too small to matter."""
    small = _with(agreements, "negligible")
    if small:
        largest = max(abs(each.apart[each.furthest]) for each in small.values())
        yield (
            f"{name}: {_listed(small)} differ by up to {largest:.2g} sd, which is more than "
            f"Monte Carlo error and less than matters ({MATTERS} sd)."
        )


def _chains_disagree(summary: Summary) -> bool:
    """Return whether R-hat is larger than chance explains; of one chain nobody knows."""
    return summary.r_hat > summary.largest_r_hat


def _with(agreements: Mapping[str, Agreement], finding: Finding) -> dict[str, Agreement]:
    """Return those with one finding."""
    return {label: each for label, each in agreements.items() if each.finding == finding}


def _listed(labels: Iterable[str]) -> str:
    """Return labels as text, the first six and the number of the others."""
    first, others = list(labels)[:_MOST_LISTED], list(labels)[_MOST_LISTED:]
    return ", ".join(first) + (f" and {len(others)} more" if others else "")


def _size(statistic: str, apart: float) -> str:
    """Return a difference in words."""
    if not math.isfinite(apart):
        return "another constant"
    if statistic == "sd":
        return f"{100 * abs(apart):.0f} % {'larger' if apart > 0 else 'smaller'}"
    return f"{abs(apart):.2g} sd {'higher' if apart > 0 else 'lower'}"


def _in_units(value: float, unit: float) -> float:
    """Return a value in units; infinite where the unit is zero and the value is not."""
    if unit == 0.0:
        return math.copysign(math.inf, value) if value else 0.0
    return value / unit


def _nan_last(value: float) -> float:
    """Return a number that is the largest where it is none."""
    return math.inf if math.isnan(value) else value
