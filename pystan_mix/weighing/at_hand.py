"""Draws of chains as weighing takes them: some to begin with, others to judge by."""

import numpy as np

from pystan_mix.fits.draws import Draws, evenly_spaced
from pystan_mix.numerics import FloatArray
from pystan_mix.weighing.labelled import Labelled

# draws of chains that proposals begin with, and those that the blend is judged by
_AT_HAND = 2000
_JUDGING = 800


def halves(draws: Draws) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Return some draws of the first half of each chain, and of the second if there is one."""
    middle = (draws.length + 1) // 2
    first, second = _part(draws, slice(0, middle)), _part(draws, slice(middle, None))
    judging = second if second.length else first
    return _thinned(first, _AT_HAND).flat(), _thinned(judging, _JUDGING).flat()


def coordinates(
    posterior: Labelled, judging: dict[str, FloatArray], glimpsed: Draws | None
) -> list[FloatArray]:
    """Return the coordinates of each set of draws that judges."""
    sets = [judging] if glimpsed is None else [judging, glimpsed.flat()]
    return [posterior.to_coordinates(posterior.relabelled(each)) for each in sets]


def within(number: int, limits: tuple[int, int]) -> int:
    """Return a number, or the limit that it is beyond."""
    return min(limits[1], max(limits[0], number))


def _part(draws: Draws, part: slice) -> Draws:
    """Return a part of each chain."""
    return draws.picked(np.arange(draws.length)[part])


def _thinned(draws: Draws, wanted: int) -> Draws:
    """Return so many draws of all chains together, evenly spaced."""
    return draws.picked(evenly_spaced(draws.length, max(1, wanted // draws.chains)))
