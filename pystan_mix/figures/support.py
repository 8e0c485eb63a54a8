"""Bins and points over real observations, and over counts, and what these are called."""

import math
from typing import Literal

import numpy as np
from matplotlib.axes import Axes

from pystan_mix.arviz_compat import Fit
from pystan_mix.fits.groups import bounds_of_observations, times_of_observations
from pystan_mix.fits.model import family_of
from pystan_mix.numerics import FloatArray

# as many as in the notebook
BINS = 30
# of a unit: values that are so near are the same
_ROUNDING = 1e-6


def bin_edges(
    low: float, high: float, *, unit: float | None = None, origin: float = 0.0
) -> FloatArray:
    """Return the edges of 30 bins from one number to another; of rounded ones of one for each.

    Parameters
    ----------
    low, high : float
        The ends.
    unit : float, optional
        What the observations were rounded to, 1 of counts: bins hold equally many
        values, if there are more than 30 of them, and their edges lie between.
    origin : float, default 0
        One of the rounded values.

    Returns
    -------
    ndarray
        Increasing edges.

    Examples
    --------
    >>> bin_edges(0.0, 3.0, unit=1.0)
    array([-0.5,  0.5,  1.5,  2.5,  3.5])
    """
    if unit is None:
        return np.linspace(low, high, BINS + 1)
    first = math.floor((low - origin) / unit + _ROUNDING)
    last = math.ceil((high - origin) / unit - _ROUNDING)
    step = -(-(last - first + 1) // BINS)
    return np.asarray(origin + unit * np.arange(first - 0.5, last + step, step))


def unit_of(fit: Fit) -> tuple[float | None, float]:
    """Return what a fit's observations were rounded to, None if to nothing, and one of them."""
    if family_of(fit).counts:
        return 1.0, 0.0
    bounds = bounds_of_observations(fit)
    if bounds is None:
        return None, 0.0
    width = bounds.upper - bounds.lower
    same = np.isfinite(width).all() and np.ptp(width) <= _ROUNDING * width.min()
    return (float(width[0]), float(bounds.points.min())) if same else (None, 0.0)


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
        return "data, middles of bounds"
    share = np.average(censored, weights=times_of_observations(fit))
    return f"data, {100 * share:.0f} % at bounds"
