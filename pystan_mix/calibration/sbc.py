"""Simulation-based calibration: data from the model's own prior, fitted, and the truth's ranks."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from pystan_mix.arviz_compat import Fit
from pystan_mix.checks import check_seed, check_whole
from pystan_mix.diagnostics.diagnose import diagnose
from pystan_mix.errors import ModelError
from pystan_mix.fits.draws import Draws, evenly_spaced
from pystan_mix.fits.groups import element_name
from pystan_mix.fits.model import draws_of_fit, known_elements_of
from pystan_mix.inference.nuts import sample
from pystan_mix.inference.predictive import replicated
from pystan_mix.mixtures.density import mixture_log_density
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.observations import indexed
from pystan_mix.mixtures.target import Target, prior_target
from pystan_mix.mixtures.vectors.relabelling import picked
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.rank_ecdf import Band, is_inside, randomised_rank, simultaneous_band

LOG_LIK = "log_lik"
# of a fit; so few are nearly independent
_DRAWS = 100
# of drawing what the prior's restrictions allow
_MOST_TRIES = 100_000
_LEVEL = 0.99

FitOne = Callable[[Mixture, FloatArray, int], Fit]


@dataclasses.dataclass(frozen=True)
class Calibration:
    """The ranks of the truth among the draws of each of many fits.

    Parameters
    ----------
    ranks : dict of str to ndarray, shape (simulations,)
        For each parameter and ``log_lik``, uniform between 0 and 1 if the
        posterior is right.
    band : Band
        Holds each of them with so large a probability that all are inside in
        99 of 100 calibrations.
    believed : float
        Share of the fits that `diagnose` calls fine; the others count too.
    """

    ranks: dict[str, FloatArray]
    band: Band
    believed: float

    @property
    def outside(self) -> tuple[str, ...]:
        """What leaves the band."""
        return tuple(name for name, ranks in self.ranks.items() if not is_inside(self.band, ranks))

    @property
    def ok(self) -> bool:
        """Whether all is inside."""
        return not self.outside


def calibrate(
    model: Mixture,
    *,
    n: int,
    simulations: int,
    seed: int | None = None,
    fit: FitOne | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Calibration:
    """Fit data sets from a model's own prior, and rank the truth among each fit's draws.

    If the posterior is right the ranks are uniform (Talts, Betancourt, Simpson,
    Vehtari and Gelman, 2018, "Validating Bayesian inference algorithms with
    simulation-based calibration", theorem 1), those of the log likelihood too,
    which sees what parameters alone do not (Modrák et al., 2023,
    "Simulation-based calibration checking for Bayesian computation: the choice
    of test quantities shapes sensitivity"). No fit is left out.

    Parameters
    ----------
    model : NormalMixture or another mixture
        A model that leaves no prior out.
    n : int
        Number of observations of each data set.
    simulations : int
        Number of data sets.
    seed : int, optional
        Seed of all; by default a random one.
    fit : callable, optional
        Makes a fit of the model, observations and a seed; by default `sample`
        with its defaults.
    on_progress : callable, optional
        Is given the number of data sets that are done.

    Returns
    -------
    Calibration
        The ranks.

    Raises
    ------
    ModelError
        If the model leaves a prior out, or its restrictions leave next to nothing of it.
    """
    fit = _by_default if fit is None else fit
    # without data a floor that is left open is zero; it is not to depend on each data set
    model = prior_target(model).model
    n, simulations = check_whole("n", n, least=2), check_whole("simulations", simulations, least=10)
    rng = np.random.default_rng(check_seed(seed))
    ranks: dict[str, list[float]] = {}
    believed = 0
    for i in range(simulations):
        truth = draw_from_prior(model, rng=rng)
        theta = truth.variables["theta"][0]
        components = {
            name: values[0] for name, values in truth.variables.items() if name != "theta"
        } | {name: known[None] for name, known in model.known_values().items()}
        y = replicated(model, theta, components, n=n, rng=rng)[0]
        found = fit(model, y, int(rng.integers(2**31)))
        believed += diagnose(found).use == "fine"
        for name, rank in _ranks(model, y, truth, draws_of_fit(found), rng=rng).items():
            ranks.setdefault(name, []).append(rank)
        on_progress(i + 1)
    level = 1.0 - (1.0 - _LEVEL) / len(ranks)
    return Calibration(
        ranks={name: np.array(values) for name, values in ranks.items()},
        band=simultaneous_band(simulations, level=level),
        believed=believed / simulations,
    )


def _by_default(model: Mixture, y: FloatArray, seed: int) -> Fit:
    """Fit with the defaults of `sample`."""
    return sample(model, y, seed=seed, predictive_draws=0, show_progress=False)


def draw_from_prior(model: Mixture, *, rng: np.random.Generator) -> Draws:
    """Draw once from a model's prior, its restrictions in it.

    Parameters
    ----------
    model : NormalMixture or another mixture
        A model that leaves no prior out.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    Draws
        One chain of one draw: weights above their floor, means in order, those of
        vectors by one coordinate.

    Raises
    ------
    ModelError
        If the restrictions leave next to nothing of the prior.
    """
    K, first = model.n_components, model.parameters[0]
    concentration = np.broadcast_to(np.asarray(model.weights.concentration, dtype=float), K)
    for _ in range(_MOST_TRIES):
        values = {"theta": rng.dirichlet(concentration)}
        for parameter in model.estimated:
            drawn = model.drawn_from_prior(parameter, model.size(parameter), rng=rng)
            values[parameter.name] = model.filled(parameter, drawn)
        allowed = values["theta"].min() >= model.min_weight
        if first.ordered and first.name in values:
            allowed &= (np.diff(values[first.name]) >= 0).all()
        if allowed and all(
            (values[p.name][model.places(p)] >= model.least(p)).all()
            for p in model.estimated
            if p.floor
        ):
            named = _named(model, {name: value[None] for name, value in values.items()})
            return Draws({name: value[None] for name, value in named.items()})
    raise ModelError(
        f"Of {_MOST_TRIES} draws from the prior none has its means in order and its weights above "
        "their floor. Give priors that leave room."
    )


def _named(model: Mixture, variables: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return draws of shape (S, K, ...) with vectors' components in the order of one coordinate.

    By what they do with the observations they cannot be named here: the truth has its own.
    """
    if not model.vectors:
        return dict(variables)
    by = variables[model.parameters[0].name][..., model.naming_coordinate() or 0]
    return picked(variables, np.argsort(by, axis=1))


def _ranks(
    model: Mixture, y: FloatArray, truth: Draws, draws: Draws, *, rng: np.random.Generator
) -> dict[str, float]:
    """Return where the truth stands among a fit's draws."""
    some = draws.picked(evenly_spaced(draws.length, -(-_DRAWS // draws.chains)))
    target = Target(model, indexed(y))
    ranks, known = {}, known_elements_of(model)
    matrices = {each.name for each in model.parameters if each.event == 2}
    named = _named(model, some.flat())
    for name, values in truth.variables.items():
        if name == "theta" and values.shape[-1] == 1:
            continue
        for place in np.ndindex(values.shape[2:]):
            label = element_name(name, place)
            # above the ones of a correlation matrix is what is below
            if label in known or (name in matrices and place[-1] >= place[-2]):
                continue
            drawn = named[name][(slice(None), *place)]
            ranks[label] = randomised_rank(float(values[(0, 0, *place)]), drawn, rng=rng)
    log_lik = _log_lik(target, some)
    ranks[LOG_LIK] = randomised_rank(float(_log_lik(target, truth)[0]), log_lik, rng=rng)
    return ranks


def _log_lik(target: Target, draws: Draws) -> FloatArray:
    """Return the log likelihood of each draw."""
    flat = draws.flat()
    with np.errstate(divide="ignore"):
        log_theta = np.log(flat.pop("theta"))
    observed = target.observed
    components = flat | target.known
    densities = mixture_log_density(target.model, observed.distinct, log_theta, components)
    return np.asarray(densities @ observed.count)
