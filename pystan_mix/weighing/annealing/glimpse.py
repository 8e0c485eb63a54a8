"""A glimpse of the whole posterior: a short annealing, to judge by what others have found."""

import contextlib

import numpy as np

from pystan_mix.fits.draws import Draws
from pystan_mix.mixtures.target import Target
from pystan_mix.weighing.annealing.annealed import (
    POPULATIONS_OF_GROUP,
    particles_of,
    weighed_stations,
)
from pystan_mix.weighing.annealing.populations import Populations
from pystan_mix.weighing.compiled.moves import moves_for
from pystan_mix.weighing.labelled import exchangeable

# observations times components; beyond, annealing takes a minute
_LARGEST_SIZE = 10_000
# a glimpse is to show regions of a hundredth, not how much they hold
_TERMS = 100_000
_PARTICLES = (15, 100)
_WORTH = 0.6
_SWEEPS = 8


def can_be_annealed(target: Target) -> bool:
    """Return whether components change nothing but names, and annealing ends in a minute."""
    size = target.observed.distinct.size * target.n_components
    # the moves of annealing are those of numbers
    return size <= _LARGEST_SIZE and exchangeable(target) and not target.model.vectors


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
    particles = particles_of(target, _TERMS, _PARTICLES)
    group = Populations(
        target,
        populations=POPULATIONS_OF_GROUP,
        particles=particles,
        rng=rng,
        moves=moves_for(target),
    )
    while group.power < 1.0:
        group.advance(_WORTH)
        group.sweep(_SWEEPS)
    found = weighed_stations(target, [group.station()])
    return found.draws(1, POPULATIONS_OF_GROUP * particles, rng=rng)
