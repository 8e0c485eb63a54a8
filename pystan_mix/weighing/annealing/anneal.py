"""The whole posterior by annealing: from the prior, where all modes are one, down to it."""

import math
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor

import numpy as np

from pystan_mix.mixtures.target import Target
from pystan_mix.weighing.annealing.annealed import Annealed, together, weighed_stations
from pystan_mix.weighing.annealing.births import births
from pystan_mix.weighing.annealing.populations import Populations, Station
from pystan_mix.weighing.births import without_one
from pystan_mix.weighing.compiled.moves import moves_for

# two groups a round, each with powers and steps of its own, on a processor of its own
_GROUPS = 2
_POPULATIONS_OF_GROUP = 4
# densities of an observation under a component, some 10 ns each, that a sweep computes at most
_TERMS = 500_000
_PARTICLES = (60, 200)
# what the draws of a power are worth at the next one, of their number
_WORTH = 0.8
# few draws and many steps tell more than many draws and few steps
_SWEEPS = 16
# where all is at its end: so many times draws are kept, after so many sweeps
_KEPT = 8
_SWEEPS_BETWEEN = 8
# of each population
_BIRTHS = 1000
# rounds of all groups, while populations differ by more than is good
_ROUNDS = 16
# of vectors, of which a round takes several times as long
_ROUNDS_OF_VECTORS = 6


def anneal(
    target: Target,
    *,
    rng: np.random.Generator,
    parallel: int,
    good_mcse: float = math.inf,
    rounds: int | None = None,
    begun: Annealed | None = None,
) -> Annealed:
    """Draw from the whole posterior by annealing, whatever its modes.

    Sequential Monte Carlo from the prior (Del Moral, Doucet and Jasra, 2006),
    by independent populations whose estimates of the integral weigh them
    (Whiteley, Lee and Heine, 2016, "On the role of interaction in sequential
    Monte Carlo algorithms"). To each come draws of which one component is
    nearly empty: births of the posterior with a component less, annealed likewise.

    Parameters
    ----------
    target : Target
        A model of two and more components that change nothing but names when they
        change places, and its observations.
    rng : numpy.random.Generator
        Source of random numbers.
    parallel : int
        Number of threads; the draws do not depend on it.
    good_mcse : float, optional
        An error of `log_integral` above which further populations are sent out as well.
    rounds : int, optional
        The most rounds of further populations; by default 16, and 6 of vectors.
    begun : Annealed, optional
        Populations that there are already, to go on with.

    Returns
    -------
    Annealed
        The draws; `is_sound` says whether to trust them.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the prior has next to no scale above its floor, or no draw a density.
    """
    if rounds is None:
        rounds = _ROUNDS_OF_VECTORS if target.model.vectors else _ROUNDS
    stop = threading.Event()
    smaller = without_one(target)

    def one(rng: np.random.Generator) -> Annealed:
        of_all, of_others, of_births = rng.spawn(3)
        stations = _travelled(target, stop, rng=of_all)
        others = weighed_stations(smaller, _travelled(smaller, stop, rng=of_others))
        born = births(
            target,
            others.of_each_population(_BIRTHS, rng=of_births),
            # over components in any order
            others.log_integrals + math.lgamma(target.n_components),
            rng=of_births,
        )
        return weighed_stations(target, stations, born)

    groups: list[Annealed] = [] if begun is None else [begun]
    with ThreadPoolExecutor(parallel) as threads:
        try:
            for _ in range(rounds):
                groups += threads.map(one, rng.spawn(_GROUPS))
                whole = together(groups)
                if whole.excess <= 1.0 and whole.mcse <= good_mcse:
                    break
        finally:
            # after Ctrl-C the threads end at once
            stop.set()
    return whole


def _travelled(target: Target, stop: threading.Event, *, rng: np.random.Generator) -> list[Station]:
    """Return the stations of a group of populations on its way from the prior."""
    group = group_of(target, terms=_TERMS // _GROUPS, limits=_PARTICLES, rng=rng)
    stations = []
    while group.power < 1.0:
        group.advance(_WORTH)
        _end_if(stop)
        group.sweep(_SWEEPS)
        stations.append(group.station())
    for _ in range(_KEPT):
        _end_if(stop)
        group.sweep(_SWEEPS_BETWEEN)
        stations.append(group.station())
    return stations


def group_of(
    target: Target, *, terms: int, limits: tuple[int, int], rng: np.random.Generator
) -> Populations:
    """Return a group of populations at the prior.

    Parameters
    ----------
    target, rng
        As in `anneal`.
    terms : int
        Densities of an observation under a component that a sweep computes at most ...
    limits : tuple of two int
        ... as far as a population then has at least so many draws, and at most.
    """
    each = terms // (target.terms * _POPULATIONS_OF_GROUP)
    return Populations(
        target,
        populations=_POPULATIONS_OF_GROUP,
        particles=min(limits[1], max(limits[0], each)),
        rng=rng,
        moves=moves_for(target),
    )


def _end_if(stop: threading.Event) -> None:
    """End a thread after Ctrl-C in another."""
    if stop.is_set():
        raise CancelledError
