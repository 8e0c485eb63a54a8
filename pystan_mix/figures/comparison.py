"""The figure of a comparison: parameters one over the other, and predictive densities."""

import itertools
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pystan_mix.comparison.comparability import what_is_given
from pystan_mix.comparison.invariants import MixtureDraws, marginal, mixture_draws
from pystan_mix.comparison.result import Comparison
from pystan_mix.figures.data import component_parts, points_about_components
from pystan_mix.figures.parameters import symbols_of
from pystan_mix.figures.style import (
    INK,
    SAND,
    component_colours,
    frame_densities,
    in_our_look,
    mathtext,
    new_figure,
    plain_ticks,
)
from pystan_mix.figures.support import bin_edges, draw_curve, points_over
from pystan_mix.mixtures.vectors.incomplete import first_coordinate
from pystan_mix.numerics import FloatArray

_MOST_COLUMNS: Final = 6
_STYLES: Final = ("-", "--", ":", "-.")
_VERDICTS: Final = {
    "agree": "they agree",
    "disagree": "they do not agree",
    "unclear": "not shown whether they agree",
}


@in_our_look
def plot_comparison(comparison: Comparison) -> Figure:
    """Draw the posteriors of all data sets one over the other, and what they predict.

    Parameters
    ----------
    comparison : Comparison
        What `compare` found.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each parameter, with a row for each data set: a dot at the
        mean, a thick line over the central half, a thin one over the central
        90 %; the dashed line stands at the mean of the reference, and a title
        in red marks a parameter on which a data set disagrees. Below, where
        the data sets have what it needs, the posterior mean of the mixture's
        density with its central 90 % at each point, over a histogram of the
        data; of vectors those of the first coordinate.
    """
    names = [posterior.name for posterior in comparison.posteriors]
    colours = dict(zip(names, component_colours(len(names)), strict=True))
    parameters = _parameters(comparison)
    columns = min(max(map(len, parameters.values())), _MOST_COLUMNS)
    rows = [
        elements[start : start + columns]
        for elements in parameters.values()
        for start in range(0, len(elements), columns)
    ]
    mixtures = _mixtures(comparison)
    height_each = 0.62 + 0.2 * len(names)
    figure = new_figure(
        max(3.1 * columns, 8.0),
        1.0 + height_each * len(rows) + (3.6 if mixtures else 0.0),
        title=f"{', '.join(names)}: {_VERDICTS[comparison.verdict]}",
        note=_note(comparison),
    )
    heights = [height_each] * len(rows) + ([3.6] if mixtures else [])
    grid = figure.add_gridspec(len(heights), columns, height_ratios=heights)
    for i, elements in enumerate(rows):
        for j, element in enumerate(elements):
            axis = figure.add_subplot(grid[i, j])
            _draw_forest(axis, comparison, element, colours, named=j == 0)
    if mixtures:
        _draw_densities(figure.add_subplot(grid[-1, :]), comparison, mixtures, colours)
    return figure


def _note(comparison: Comparison) -> str:
    """Return what the marks mean."""
    red = " Red: they disagree." if "disagree" in set(comparison.table["verdict"]) else ""
    return (
        "Dot: mean. Thick: central 50 %. Thin, and bands: central 90 %. Upright dashes: mean of "
        f"{comparison.posteriors[0].name}.{red}"
    )


def _parameters(comparison: Comparison) -> dict[str, list[str]]:
    """Return the parameters that were compared, each with the names of its elements."""
    parameters: dict[str, list[str]] = {}
    reference = comparison.posteriors[0].elements()
    for element in comparison.table.index.unique("quantity"):
        if element in reference:
            parameters.setdefault(element.partition("[")[0], []).append(element)
    return parameters


def _written(element: str, symbols: dict[str, str]) -> str:
    """Return an element's name as mathtext, if it is a parameter of the mixture."""
    name, _, index = element.partition("[")
    if name not in symbols:
        return element
    place = [int(part) for part in index.removesuffix("]").split(",") if part]
    # behind the component are coordinates
    symbol = symbols[name] + (f"^{{({','.join(map(str, place[1:]))})}}" if place[1:] else "")
    return mathtext(symbol, place[0] if place else None)


def _draw_forest(
    axis: Axes, comparison: Comparison, element: str, colours: dict[str, str], *, named: bool
) -> None:
    """Draw one element's intervals, the reference above."""
    findings = comparison.table.loc[element, "verdict"]
    axis.set_title(
        _written(element, symbols_of(comparison.posteriors[0].family)),
        loc="left",
        color="#B00020" if "disagree" in set(findings) else INK,
        fontsize=11,
    )
    for row, posterior in enumerate(comparison.posteriors):
        draws = posterior.elements().get(element)
        if draws is None:
            continue
        ends = np.quantile(draws, [0.05, 0.25, 0.75, 0.95])
        colour = colours[posterior.name]
        axis.hlines(row, ends[0], ends[3], color=colour, linewidth=1.2)
        axis.hlines(row, ends[1], ends[2], color=colour, linewidth=4.0)
        axis.plot(draws.mean(), row, "o", color=INK, markersize=3.5, zorder=3)
        if row == 0:
            axis.axvline(draws.mean(), color=INK, linewidth=0.7, linestyle="--", zorder=0)
    labels = [posterior.name for posterior in comparison.posteriors]
    axis.set_ylim(len(labels) - 0.5, -0.5)
    axis.set_yticks(range(len(labels)), labels if named else [""] * len(labels))
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    axis.xaxis.set_major_locator(plain_ticks(4))


def _mixtures(comparison: Comparison) -> dict[str, MixtureDraws]:
    """Return the mixtures of the data sets that have all of one."""
    known = what_is_given(comparison.posteriors).known
    found = {each.name: mixture_draws(each, known=known) for each in comparison.posteriors}
    return {name: marginal(mixture) for name, mixture in found.items() if mixture is not None}


def _draw_densities(
    axis: Axes,
    comparison: Comparison,
    mixtures: dict[str, MixtureDraws],
    colours: dict[str, str],
) -> None:
    """Draw each data set's predictive density over the data."""
    given = what_is_given(comparison.posteriors)
    y, times = (None, None) if given.y is None else first_coordinate(given.y, given.times)
    counts = any(each.family.counts for each in mixtures.values())
    grid = _grid(mixtures, y, counts=counts)
    if y is not None:
        edges = bin_edges(y.min(), y.max(), unit=1.0 if counts else None)
        heights, _ = np.histogram(y, bins=edges, weights=times, density=True)
        axis.stairs(heights, edges, fill=True, color=SAND, label="data")
    # other line styles, so that a curve shows the one that it covers
    for (name, mixture), style in zip(mixtures.items(), itertools.cycle(_STYLES)):
        parts = component_parts(
            grid, mixture.family, mixture.theta, mixture.components, at_most=2000
        )
        density = parts.sum(axis=1)
        low, high = np.quantile(density, [0.05, 0.95], axis=0)
        draw_curve(
            axis,
            grid,
            density.mean(axis=0),
            counts=counts,
            colour=colours[name],
            linestyle=style,
            label=name,
            band=(low, high),
            band_alpha=0.18,
        )
    frame_densities(axis, (grid[0], grid[-1]), columns=len(mixtures) + 1)
    axis.set_ylabel(f"predictive {'probability' if counts else 'density'}")


def _grid(mixtures: dict[str, MixtureDraws], y: FloatArray | None, *, counts: bool) -> FloatArray:
    """Return points over the data, or else over the components."""
    if y is None:
        points = np.concatenate(
            [points_about_components(each.family, each.components) for each in mixtures.values()]
        )
        return points_over(points.min(), points.max(), 400, counts=counts)
    margin = 0.08 * np.ptp(y)
    return points_over(y.min() - margin, y.max() + margin, 400, counts=counts)
