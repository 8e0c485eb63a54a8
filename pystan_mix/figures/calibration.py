"""The figure of a calibration: where ranks leave the band of uniform ones."""

from typing import Final

import numpy as np
from matplotlib.figure import Figure

from pystan_mix.calibration.sbc import Calibration
from pystan_mix.figures.style import (
    SAND,
    SMALL,
    component_colours,
    in_our_look,
    new_figure,
    plain_ticks,
)
from pystan_mix.stats.rank_ecdf import empirical_distribution

_BLUE, _VERMILION = component_colours(2)
_MOST_COLUMNS: Final = 4


@in_our_look
def plot_calibration(calibration: Calibration) -> Figure:
    """Draw how far the empirical distribution of ranks is from that of uniform numbers.

    Parameters
    ----------
    calibration : Calibration
        What `calibrate` returned.

    Returns
    -------
    matplotlib.figure.Figure
        For each quantity the difference of its ranks' distribution to the
        diagonal, and the band that it is to stay in; red where it leaves it.
        Below the diagonal on the left: the posterior lies too low, or is too
        wide where it rises on both sides.
    """
    names, band = list(calibration.ranks), calibration.band
    size = len(next(iter(calibration.ranks.values())))
    columns = min(_MOST_COLUMNS, len(names))
    rows = -(-len(names) // columns)
    figure = new_figure(
        max(2.7 * columns, 8.0),
        1.0 + 1.9 * rows,
        title=f"Calibration: ranks of the truth in {size} fits, against uniform",
        note="Band: holds all quantities at once in 99 of 100 calibrations of a right posterior.",
    )
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    points = np.concatenate([[0.0], band.points, [1.0]])
    for axis, name in zip(axes.ravel(), names, strict=False):
        difference = empirical_distribution(band, calibration.ranks[name]) - band.points
        colour = _VERMILION if name in calibration.outside else _BLUE
        lower, upper = (
            np.concatenate([[0.0], end - band.points, [0.0]]) for end in (band.lower, band.upper)
        )
        axis.fill_between(points, lower, upper, color=SAND, linewidth=0)
        axis.plot(points, np.concatenate([[0.0], difference, [0.0]]), color=colour, linewidth=1.4)
        axis.set_title(name, loc="left", fontsize=SMALL, color=colour)
        axis.set_xlim(0.0, 1.0)
        axis.yaxis.set_major_locator(plain_ticks(4))
    for axis in axes.ravel()[len(names) :]:
        axis.set_visible(False)
    return figure
