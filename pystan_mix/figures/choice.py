"""The figure of a choice: evidence and predictions over the number of components."""

from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pystan_mix.arviz_compat import Fit
from pystan_mix.comparison.invariants import MixtureDraws, marginal
from pystan_mix.figures.style import (
    GREY,
    INK,
    SAND,
    SMALL,
    component_colours,
    in_our_look,
    new_figure,
    plain_ticks,
    thinned,
)
from pystan_mix.figures.support import bin_edges, draw_curve, points_over, unit_of
from pystan_mix.fits.groups import observations, times_of_observations
from pystan_mix.fits.model import mixture_of_fit
from pystan_mix.mixtures.density import mixture_log_density
from pystan_mix.mixtures.vectors.incomplete import first_coordinate
from pystan_mix.numerics import FloatArray
from pystan_mix.selection.choose import Choice

_BLUE, _VERMILION = component_colours(2)
_MOST_DRAWS: Final = 300


@in_our_look
def plot_choice(choice: Choice) -> Figure:
    """Draw the evidence and the predictions of each number of components.

    Parameters
    ----------
    choice : Choice
        What `choose_components` returned.

    Returns
    -------
    matplotlib.figure.Figure
        Log evidence with its error, and the expected log predictive density
        with the standard error of its difference to the best, over the number
        of components; beneath, the density of each fit over the data, of vectors that of the
        first coordinate. Hollow
        marks: `diagnose` does not call the fit fine.
    """
    table, numbers = choice.table, list(choice.table.index)
    figure = new_figure(
        max(1.9 * len(numbers), 8.0),
        5.6,
        title=f"How many components: {numbers[0]} to {numbers[-1]}",
        note="Hollow: the fit itself is not believed. Bars: two Monte Carlo errors; two standard "
        "errors of the difference to the best.",
    )
    grid = figure.add_gridspec(2, 2 * len(numbers), height_ratios=[3, 2])
    half = len(numbers)
    _draw_scores(
        figure.add_subplot(grid[0, :half]),
        "log evidence",
        numbers,
        table["log_evidence"].to_numpy(),
        2.0 * table["mcse"].to_numpy(),
        believed=table["use"].to_numpy() == "fine",
        colour=_BLUE,
    )
    _draw_scores(
        figure.add_subplot(grid[0, half:]),
        "elpd (LOO), difference to the best",
        numbers,
        table["elpd_diff"].to_numpy(),
        2.0 * table["diff_se"].to_numpy(),
        believed=table["use"].to_numpy() == "fine",
        colour=_VERMILION,
    )
    for i, K in enumerate(numbers):
        axis = figure.add_subplot(grid[1, 2 * i : 2 * i + 2])
        _draw_density(axis, choice.fits[K])
        probability = table.loc[K, "probability"]
        says = "" if np.isnan(probability) else f", probability {probability:.2f}"
        axis.set_title(f"K = {K}{says}", loc="left", fontsize=SMALL)
    return figure


def _draw_scores(
    axis: Axes,
    label: str,
    numbers: list[int],
    values: FloatArray,
    errors: FloatArray,
    *,
    believed: np.ndarray,
    colour: str,
) -> None:
    """Draw a score of each number with its error."""
    known = np.isfinite(values)
    errors = np.where(np.isfinite(errors), errors, 0.0)
    axis.plot(np.array(numbers)[known], values[known], color=GREY, linewidth=0.8, zorder=1)
    for K, value, error, fine in zip(numbers, values, errors, believed, strict=True):
        axis.errorbar(
            K,
            value,
            yerr=error,
            fmt="o",
            color=colour,
            markerfacecolor=colour if fine else "white",
            linewidth=1.2,
            markersize=6,
        )
    axis.set_title(label, loc="left")
    axis.set_xticks(numbers)
    axis.set_xlabel("number of components")
    axis.yaxis.set_major_locator(plain_ticks(5))


def _draw_density(axis: Axes, fit: Fit) -> None:
    """Draw the density of a fit over the data, without scales."""
    y = observations(fit)
    found = marginal(MixtureDraws(*mixture_of_fit(fit)))
    family, theta, components = found.family, found.theta, found.components
    if y is not None:
        y, times = first_coordinate(y, times_of_observations(fit))
        margin = 0.08 * np.ptp(y)
        grid = points_over(y.min() - margin, y.max() + margin, 200, counts=family.counts)
        unit, origin = unit_of(fit)
        edges = bin_edges(y.min(), y.max(), unit=unit, origin=origin)
        axis.hist(y, bins=edges.tolist(), weights=times, density=True, color=SAND)
        flat = {
            name: thinned(values.reshape(-1, values.shape[-1]), at_most=_MOST_DRAWS)
            for name, values in ({"theta": theta} | components).items()
        }
        weights = np.log(flat.pop("theta"))
        density = np.exp(mixture_log_density(family, grid, weights, flat))
        low, high = np.quantile(density, [0.05, 0.95], axis=0)
        draw_curve(
            axis,
            grid,
            density.mean(axis=0),
            counts=family.counts,
            colour=INK,
            linewidth=1.2,
            band=(low, high),
        )
    axis.set_yticks([])
    axis.spines["left"].set_visible(False)
    axis.xaxis.set_major_locator(plain_ticks(3))
