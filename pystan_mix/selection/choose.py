"""How many components: the evidence and the predictions of each number, side by side."""

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from pystan_mix.arviz_compat import Fit
from pystan_mix.checks import check_seed, check_whole
from pystan_mix.console import say
from pystan_mix.containers import Missing
from pystan_mix.diagnostics.diagnose import diagnose
from pystan_mix.errors import DataError, SettingsError
from pystan_mix.fits.draws import evenly_spaced
from pystan_mix.fits.groups import times_of_observations
from pystan_mix.fits.model import mixture_of_fit, target_of_fit
from pystan_mix.inference.nuts import sample
from pystan_mix.mixtures.annotations.intervals import rounded_values
from pystan_mix.mixtures.density import observed_terms
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.target import target_of
from pystan_mix.numerics import FloatArray, log_sum_exp
from pystan_mix.selection.evidence import log_evidence
from pystan_mix.selection.leave_one_out import log_densities_left_out, sum_with_error
from pystan_mix.stats.expectation import shares_of

# draws whose assignments are looked at: the mean of a number up to K needs no more
_DRAWS_OF_OCCUPANCY = 400
# what is said to be chosen has this probability at least ...
_CLEAR = 0.95
# ... and a difference of predictions counts from so many standard errors on: elpd differences
# below 4 are too small to tell (Sivula, Magnusson and Vehtari, 2020, "Uncertainty in Bayesian
# leave-one-out cross-validation based model comparison")
_ERRORS_THAT_COUNT = 2.0
_SMALL_DIFFERENCE = 4.0


@dataclasses.dataclass(frozen=True, eq=False)
class Choice:
    """What each number of components has for it; prints readably.

    Parameters
    ----------
    table : pandas.DataFrame
        A row for each number K: ``log_evidence`` with its error ``mcse``,
        ``probability`` of K where all numbers are equally likely before,
        ``elpd_loo`` with its standard error ``elpd_se``, the difference
        ``elpd_diff`` to the best with ``diff_se``, the mean number of
        ``occupied`` components, and ``use``, what `diagnose` says of the fit.
    sentence : str
        What they say together.
    fits : dict of int to ArviZ data
        The fits.
    """

    table: pd.DataFrame
    sentence: str
    fits: dict[int, Fit] = dataclasses.field(repr=False)

    def __str__(self) -> str:
        head = (
            f"{'K':>3}{'log evidence':>14}{'error':>8}{'probability':>13}"
            f"{'elpd (LOO)':>12}{'to best':>9}{'SE':>7}{'occupied':>10}  verdict"
        )
        lines = [head]
        for K, row in self.table.iterrows():
            probability = "-" if math.isnan(row["probability"]) else f"{row['probability']:.3f}"
            lines.append(
                f"{K:>3}{row['log_evidence']:>14.2f}{row['mcse']:>8.3f}{probability:>13}"
                f"{row['elpd_loo']:>12.2f}{row['elpd_diff']:>9.2f}{row['diff_se']:>7.2f}"
                f"{row['occupied']:>10.2f}  {row['use']}"
            )
        return "\n".join([*lines, "", self.sentence])


def choose_components(
    model: Mixture,
    y: object,
    components: Iterable[int],
    *,
    counts: object = None,
    weights: object = None,
    labels: object = None,
    rounded_to: float | None = None,
    missing: Missing = "raise",
    seed: int | None = None,
    show_progress: bool = True,
) -> Choice:
    """Fit a mixture with each of some numbers of components, and set them side by side.

    Parameters
    ----------
    model : NormalMixture or another mixture
        The model; its own ``n_components`` counts for nothing.
    y : array_like or Interval, shape (N,), or of vectors (N, D)
        Observations, in the units of the priors; vectors in rows, or a table.
    components : iterable of int
        The numbers, such as ``range(1, 7)``.
    counts, weights, labels, rounded_to, missing : optional
        As in `sample`.
    seed : int, optional
        As in `sample`; by default a random one.
    show_progress : bool, default True
        Whether to say on standard error which number is fitted.

    Returns
    -------
    Choice
        A table with a row for each number, and a sentence.

    Raises
    ------
    DataError, ModelError, SettingsError
        If an argument cannot be used; CmdStan is not started then.
    CmdStanNotFoundError, CompilationError, SamplingError
        As in `sample`.

    Notes
    -----
    The evidence asks how well a model with its priors foretold the data, and
    so depends on the priors; leave-one-out cross-validation asks how well it
    foretells one more observation (Vehtari, Gelman and Gabry, 2017, "Practical
    Bayesian model evaluation using leave-one-out cross-validation and WAIC"),
    and forgives a component too many. Neither says how many kinds there are.
    With `counts` one observation of many equal ones is left out, and they all
    count; with `weights` a row is left out with its weight, by which it counts.

    Examples
    --------
    >>> from pystan_mix import NormalMixture, choose_components, simulate
    >>> y = simulate(100, theta=[0.5, 0.5], mu=[-4, 4], sigma=1.0, seed=1)
    >>> model = NormalMixture(n_components=1)
    >>> choice = choose_components(model, y, (1, 2), seed=1, show_progress=False)
    >>> int(choice.table["probability"].idxmax())
    2
    """
    numbers = sorted({check_whole("components", K, least=1) for K in components})
    if not numbers:
        raise SettingsError("Give at least one number of components, for example range(1, 7).")
    seed = check_seed(seed)
    y = rounded_values(y, rounded_to)
    models = {K: dataclasses.replace(model, n_components=K) for K in numbers}
    for each in models.values():
        # whatever is wrong is said before an hour has passed
        target_of(each, y, counts=counts, weights=weights, labels=labels, missing=missing)
    fits, rows, pointwise = {}, {}, {}
    for K, each in models.items():
        say(f"{K} component{'s' if K > 1 else ''} ...", wanted=show_progress)
        fits[K] = sample(
            each,
            y,
            counts=counts,
            weights=weights,
            labels=labels,
            missing=missing,
            seed=seed,
            show_progress=show_progress,
        )
        rows[K], pointwise[K] = _row(fits[K], seed=seed)
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index.name = "K"
    values, errors = (table[name].to_numpy() for name in ("log_evidence", "mcse"))
    table["probability"] = _probabilities(values, errors)
    best = int(table["elpd_loo"].idxmax())
    times = times_of_observations(fits[best])
    differences = [sum_with_error(pointwise[K] - pointwise[best], times) for K in numbers]
    # + 0.0: no minus before a zero
    table["elpd_diff"] = [round(total, 9) + 0.0 for total, _ in differences]
    table["diff_se"] = [error for _, error in differences]
    return Choice(table=table, sentence=_sentence(table), fits=fits)


def _row(fit: Fit, *, seed: int) -> tuple[dict[str, Any], FloatArray]:
    """Return what one fit says, and its expected log density of each observation."""
    try:
        evidence = log_evidence(fit, seed=seed)
        value, mcse = evidence.log_evidence, evidence.mcse
    except DataError:
        value, mcse = math.nan, math.inf
    each = log_densities_left_out(fit)
    elpd, elpd_se = sum_with_error(each, times_of_observations(fit))
    return {
        "log_evidence": value,
        "mcse": mcse,
        "elpd_loo": elpd,
        "elpd_se": elpd_se,
        "occupied": occupied_components(fit),
        "use": diagnose(fit).use,
    }, each


def occupied_components(fit: Fit) -> float:
    """Return how many components have an observation, on average over the posterior.

    Given a draw, component k has none with probability
    ``prod_n (1 - P(n is of k))``, so the mean number of those that have one is
    ``sum_k (1 - prod_n (1 - P(n is of k)))``.
    """
    target = target_of_fit(fit)
    _, theta, components = mixture_of_fit(fit)
    picks = evenly_spaced(theta.shape[1], -(-_DRAWS_OF_OCCUPANCY // theta.shape[0]))
    some = {name: values[:, picks] for name, values in components.items()}
    with np.errstate(divide="ignore"):
        terms = observed_terms(target, np.log(theta[:, picks]), some)
        _, shares = shares_of(terms)
        log_empty = np.log1p(-np.minimum(shares, 1.0)) @ target.observed.count
    return float((1.0 - np.exp(log_empty)).sum(axis=-1).mean())


def _probabilities(log_evidence: FloatArray, mcse: FloatArray) -> FloatArray:
    """Return the probability of each number, all equally likely before; NaN if one is not known."""
    known = np.isfinite(log_evidence) & np.isfinite(mcse)
    if not known.all():
        return np.full(log_evidence.size, np.nan)
    return np.asarray(np.exp(log_evidence - log_sum_exp(log_evidence)))


def _sentence(table: pd.DataFrame) -> str:
    """Say what evidence and cross-validation say together, and where they differ."""
    parts = [_of_evidence(table), _of_predictions(table)]
    doubtful = [str(K) for K, row in table.iterrows() if row["use"] != "fine"]
    if doubtful:
        parts.append(f"Of K = {', '.join(doubtful)} the fit itself is not believed: see diagnose.")
    edge = table["probability"].idxmax() if table["probability"].notna().all() else None
    if edge is not None and edge == table.index.max() and len(table) > 1:
        parts.append(f"{edge} is the largest number that was tried: try more.")
    return " ".join(parts)


def _of_evidence(table: pd.DataFrame) -> str:
    """Say which number the evidence prefers."""
    probability = table["probability"]
    if probability.isna().any():
        unknown = table.index[~np.isfinite(table["mcse"]) | table["log_evidence"].isna()]
        return f"The evidence of K = {', '.join(map(str, unknown))} is not known."
    best = probability.idxmax()
    if probability[best] >= _CLEAR:
        return f"The evidence is for {best} (probability {probability[best]:.2f})."
    likely = probability.sort_values(ascending=False)
    enough = likely.index[: int((likely.cumsum() < _CLEAR).sum()) + 1]
    named = ", ".join(f"{K} ({probability[K]:.2f})" for K in sorted(enough))
    return f"The evidence does not decide: between them have 95 % of the probability {named}."


def _of_predictions(table: pd.DataFrame) -> str:
    """Say which numbers foretell an observation as well as the best."""
    best = table["elpd_loo"].idxmax()
    as_good = [
        K
        for K, row in table.iterrows()
        if -row["elpd_diff"] <= max(_SMALL_DIFFERENCE, _ERRORS_THAT_COUNT * row["diff_se"])
    ]
    least = min(as_good)
    if as_good == [best]:
        return f"Predictions (LOO) are best with {best}, beyond their error."
    others = ", ".join(str(K) for K in as_good if least != K)
    return f"Predictions (LOO) with {least} are as good as with {others}, within their error."
