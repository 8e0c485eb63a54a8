"""A glimpse of the whole posterior: a short annealing, to judge by what others have found."""

import contextlib

import numpy as np

from pystan_mix.fits.draws import Draws
from pystan_mix.mixtures.target import Target
from pystan_mix.weighing.annealing.anneal import group_of
from pystan_mix.weighing.annealing.annealed import weighed_stations
from pystan_mix.weighing.compiled.moves import CompiledMoves, moves_for
from pystan_mix.weighing.labelled import exchangeable

# observations times components; beyond, annealing takes a minute
_LARGEST_TERMS = 10_000
# of vectors, which take several times as long
_LARGEST_TERMS_OF_VECTORS = 2000
MOST_DIMENSIONS = 20
# a glimpse is to show regions of a hundredth, not how much they hold
_TERMS = 100_000
_PARTICLES = (15, 100)
_WORTH = 0.6
_SWEEPS = 8


def can_be_annealed(target: Target) -> bool:
    """Return whether components change nothing but names, and annealing ends in a minute.

    Of vectors of many dimensions populations end in a mode that is wide, not in the one that
    has most: of iris in one whose third component is empty, which has e^-5 of the posterior.
    """
    most = _LARGEST_TERMS
    if target.model.vectors:
        # NumPy would take minutes
        if target.dimensions > MOST_DIMENSIONS or not isinstance(moves_for(target), CompiledMoves):
            return False
        most = _LARGEST_TERMS_OF_VECTORS
    return target.terms <= most and exchangeable(target)


def glimpsed(target: Target, *, rng: np.random.Generator) -> Draws | None:
    """Glimpse the whole posterior, as `glimpse`; None where that cannot be."""
    if can_be_annealed(target):
        with contextlib.suppress(np.linalg.LinAlgError):
            return glimpse(target, rng=rng)
    return None


def glimpse(target: Target, *, rng: np.random.Generator) -> Draws:
    """Draw some hundred times from about the whole posterior: a short annealing.

    Parameters
    ----------
    target : Target
        As in `anneal`.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    Draws
        One chain.

    Raises
    ------
    numpy.linalg.LinAlgError
        As in `anneal`.
    """
    group = group_of(target, terms=_TERMS, limits=_PARTICLES, rng=rng)
    while group.power < 1.0:
        group.advance(_WORTH)
        group.sweep(_SWEEPS)
    found = weighed_stations(target, [group.station()])
    return found.draws(1, found.log_weights.size, rng=rng)
