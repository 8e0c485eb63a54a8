"""Bins and points over real observations, and over counts, and what these are called."""

import math
from typing import Literal

import numpy as np
from matplotlib.axes import Axes

from pystan_mix.arviz_compat import Fit
from pystan_mix.fits.groups import bounds_of_observations, times_of_observations
from pystan_mix.numerics import FloatArray

# as many as in the notebook
BINS = 30


def bin_edges(low: float, high: float, *, counts: bool) -> FloatArray:
    """Return the edges of 30 bins from one number to another; of counts of one for each, or fewer.

    Parameters
    ----------
    low, high : float
        The ends.
    counts : bool
        Whether the observations are counts: bins hold equally many of them, and
        their edges lie between.

    Returns
    -------
    ndarray
        Increasing edges.

    Examples
    --------
    >>> bin_edges(0.0, 3.0, counts=True)
    array([-0.5,  0.5,  1.5,  2.5,  3.5])
    """
    if not counts:
        return np.linspace(low, high, BINS + 1)
    first, last = math.floor(low), math.ceil(high)
    step = -(-(last - first + 1) // BINS)
    return np.arange(first - 0.5, last + step, step)


def points_over(low: float, high: float, size: int, *, counts: bool) -> FloatArray:
    """Return evenly spaced points from one number to another; of counts no others, nor any twice.

    Parameters
    ----------
    low, high : float
        The ends.
    size : int
        How many points.
    counts : bool
        Whether the observations are counts.

    Returns
    -------
    ndarray
        Increasing points.

    Examples
    --------
    >>> points_over(-0.4, 3.4, 500, counts=True)
    array([0., 1., 2., 3.])
    """
    return among(np.linspace(low, high, size), counts=counts)


def among(points: FloatArray, *, counts: bool) -> FloatArray:
    """Return points in increasing order, rounded where the observations are counts."""
    return np.unique(np.maximum(np.round(points), 0.0) if counts else points)


def draw_curve(
    axis: Axes,
    points: FloatArray,
    heights: FloatArray,
    *,
    counts: bool,
    colour: str,
    band: tuple[FloatArray, FloatArray] | None = None,
    band_alpha: float = 0.2,
    band_label: str | None = None,
    linewidth: float = 1.8,
    linestyle: str = "-",
    label: str | None = None,
) -> None:
    """Draw densities as a line, probabilities of counts as steps, and a band about them."""
    step: Literal["mid"] | None = "mid" if counts else None
    axis.plot(
        points,
        heights,
        color=colour,
        linewidth=linewidth,
        linestyle=linestyle,
        drawstyle="steps-mid" if counts else "default",
        label=label,
    )
    if band is not None:
        axis.fill_between(
            points, *band, step=step, color=colour, alpha=band_alpha, linewidth=0, label=band_label
        )


def data_label(fit: Fit) -> str:
    """Return what the legend calls the data: where bounds are given, points stand for them."""
    bounds = bounds_of_observations(fit)
    if bounds is None:
        return "data"
    censored = np.isinf(bounds.lower) | np.isinf(bounds.upper)
    if not censored.any():
        return "data, in the middle of their bounds"
    share = np.average(censored, weights=times_of_observations(fit))
    return f"data, {100 * share:.0f} % of them censored, at their bounds"
