"""Whether posteriors are the same, as far as their draws can say."""

import math
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from pystan_mix.arviz_compat import Fit
from pystan_mix.comparison.agreement import (
    Agreement,
    critical_z,
    judge,
    reasons_against,
    reasons_of_chains,
    trifles,
)
from pystan_mix.comparison.comparability import (
    Given,
    check_alike,
    different_data,
    notes_on,
    notes_on_what_is_missing,
    what_is_given,
)
from pystan_mix.comparison.invariants import invariants, mixture_draws
from pystan_mix.comparison.matching import named_by_labels, ordered_by_mean, relabelled_as
from pystan_mix.comparison.posteriors import Posterior, read_posteriors
from pystan_mix.comparison.result import Comparison
from pystan_mix.errors import SettingsError
from pystan_mix.stats.convergence import STATISTICS, Summary, summary_of


def compare(
    data: Mapping[str, Fit | str | Path], *, names: Mapping[str, str] | None = None
) -> Comparison:
    """Say whether posteriors of a mixture are the same, from whatever library.

    The first data set is the reference. Each of its parameters, the log
    likelihood and the predictive density at seven points are compared with
    those of the others by mean, sd and the 5 %, 50 % and 95 % quantiles. Two
    data sets disagree where a difference is larger than Monte Carlo error
    explains, all comparisons taken into account (at most 1 % false alarms in
    all, after Bonferroni), and larger than 0.05 sds of the reference. They are
    not said to agree where chains disagree among themselves (R-hat above 1.01,
    and above what chance explains), or where a difference of 0.3 sds between
    means could not be seen.

    Components that are not in increasing order of their means in every draw,
    as unordered models and switching labels leave them, are put in that order
    first, and a note says so. That is exact for priors that are the same for
    all components; where an unordered model has others, its posterior is not
    that of the ordered model. Components that labels of observations name stay as
    they are called.

    Components of vectors are relabelled, in each data set by what they do with the
    observations, but for those that labels name.

    Mixtures of different families are compared on the parameters that they
    share, each family's density being its own.

    Parameters
    ----------
    data : mapping of str to ArviZ data or path
        Two or more data sets by name: InferenceData, DataTree, or the path of
        a netCDF file. Each has a group ``posterior`` with dimensions chain and
        draw; a last dimension, of any name, is the component. The draws of
        different data sets must be independent of each other.
    names : mapping of str to str, optional
        What other libraries call the variables, with our name for each, such
        as ``{"p": "theta", "means": "mu", "sds": "sigma"}``.

    Returns
    -------
    Comparison
        The verdict, its reasons, and a table.

    Raises
    ------
    SettingsError
        If there are fewer than two data sets.
    DataError
        If a file cannot be read, a name is nowhere, or two data sets have no
        parameter in common or different numbers of components.

    Examples
    --------
    >>> from pystan_mix import Normal, NormalMixture, compare, sample, simulate
    >>> y = simulate(50, theta=[0.5, 0.5], mu=[-3, 3], sigma=1.0, seed=1)
    >>> model = NormalMixture(n_components=2, means=Normal(0, 10), sigma=1.0)
    >>> fused = sample(model, y, seed=1, show_progress=False)
    >>> plain = sample(model, y, seed=2, likelihood="stan", show_progress=False)
    >>> compare({"fused": fused, "plain": plain}).agree
    True
    """
    if not isinstance(data, Mapping) or len(data) < 2:
        raise SettingsError(
            'Give two data sets or more, by name: compare({"Stan": fit, "PyMC": trace}).'
        )
    read = read_posteriors(data, names=names or {})
    named = named_by_labels(read)
    if read[0].family.vectors:
        shared = what_is_given(read)
        first = relabelled_as(read[0], shared, None, named=named)
        read = [first, *(relabelled_as(each, shared, first, named=named) for each in read[1:])]
    matched = [ordered_by_mean(each, named=named) for each in read]
    posteriors = [posterior for posterior, _ in matched]
    reference, *others = posteriors
    for other in others:
        check_alike(reference, other)
    given = what_is_given(posteriors)
    summaries = {each.name: _summaries(each, given) for each in posteriors}
    pairs = {each.name: _pairs(summaries[reference.name], summaries[each.name]) for each in others}
    comparisons = len(STATISTICS) * sum(map(len, pairs.values()))
    critical = critical_z(comparisons)
    agreements = {
        name: {label: judge(*pair, critical=critical) for label, pair in each.items()}
        for name, each in pairs.items()
    }
    reasons = [
        *different_data(posteriors, given),
        *(r for n, each in agreements.items() for r in reasons_against(n, each, reference.name)),
        *(r for name, each in summaries.items() for r in reasons_of_chains(name, each)),
    ]
    judged = [each for by_label in agreements.values() for each in by_label.values()]
    visible = [each.visible for each in judged]
    notes = [
        *(note for posterior, share in matched for note in notes_on(posterior, out_of_order=share)),
        *notes_on_what_is_missing(posteriors, given),
        *(note for name, each in agreements.items() for note in trifles(name, each)),
    ]
    differ = any(each.finding == "disagree" for each in judged) or any(
        different_data(posteriors, given)
    )
    return Comparison(
        verdict="disagree" if differ else "unclear" if reasons else "agree",
        reasons=tuple(reasons),
        notes=tuple(notes),
        table=_table(summaries, agreements),
        speed=pd.DataFrame.from_dict(
            {each.name: _speed(each, summaries[each.name]) for each in posteriors}, orient="index"
        ).astype({"chains": int, "draws": int}),
        comparisons=comparisons,
        critical=critical,
        visible=max(visible, default=0.0) if not any(map(math.isnan, visible)) else math.inf,
        posteriors=tuple(posteriors),
    )


def _summaries(posterior: Posterior, given: Given) -> dict[str, Summary]:
    """Summarize each element of each parameter, and what no relabelling changes."""
    quantities = posterior.elements()
    mixture = mixture_draws(posterior, known=given.known)
    if mixture is not None and given.y is not None:
        observed = given.y if given.bounds is None else given.bounds
        quantities |= invariants(mixture, observed, given.times)
    return {label: summary_of(draws) for label, draws in quantities.items()}


def _pairs(
    reference: Mapping[str, Summary], other: Mapping[str, Summary]
) -> dict[str, tuple[Summary, Summary]]:
    """Return what both have; without what is one constant, as the only weight of K = 1 is."""
    return {
        label: (reference[label], other[label])
        for label in reference
        if label in other
        and not (
            reference[label].values["sd"] == other[label].values["sd"] == 0.0
            and reference[label].values["mean"] == other[label].values["mean"]
        )
    }


def _table(
    summaries: Mapping[str, Mapping[str, Summary]],
    agreements: Mapping[str, Mapping[str, Agreement]],
) -> pd.DataFrame:
    """Lay out a row for each quantity and data set."""
    reference, *_ = summaries
    rows = {}
    for label, first in summaries[reference].items():
        found = {name: each[label] for name, each in agreements.items() if label in each}
        if found:
            rows[label, reference] = _numbers(first) | {"verdict": "reference"}
        for name, agreement in found.items():
            rows[label, name] = (
                _numbers(summaries[name][label])
                | {f"apart_{statistic}": value for statistic, value in agreement.apart.items()}
                | {f"z_{statistic}": value for statistic, value in agreement.z.items()}
                | {"verdict": agreement.finding}
            )
    table = pd.DataFrame.from_records(
        list(rows.values()),
        index=pd.MultiIndex.from_tuples(list(rows), names=["quantity", "data"]),
    )
    return table[[*(column for column in table if column != "verdict"), "verdict"]]


def _numbers(summary: Summary) -> dict[str, float | str]:
    """Return what a row says of its own data set."""
    errors = ("mcse_mean", "mcse_sd", "ess_bulk", "ess_tail", "r_hat")
    return {**summary.values, **{name: getattr(summary, name) for name in errors}}


def _speed(posterior: Posterior, summaries: Mapping[str, Summary]) -> dict[str, float]:
    """Return how many effective draws a second there were."""
    chains, draws = posterior.size
    parameters = [summaries[label] for label in posterior.elements()]
    least = min((s.ess_bulk for s in parameters if s.values["sd"] > 0.0), default=math.nan)
    seconds = math.nan if posterior.seconds is None else posterior.seconds
    return {
        "chains": chains,
        "draws": draws,
        "seconds": seconds,
        "least_ess": least,
        "ess_per_second": least / seconds,
    }
