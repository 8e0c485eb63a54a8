"""The figure of a comparison: parameters one over the other, and predictive densities."""

from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pystan_mix.comparison.comparability import what_is_given
from pystan_mix.comparison.compare import Comparison
from pystan_mix.comparison.invariants import mixture_draws
from pystan_mix.comparison.posteriors import MIXTURE
from pystan_mix.figures.style import (
    INK,
    LOOK,
    SAND,
    component_colours,
    finished,
    legend_above,
    new_figure,
    plain_ticks,
    symbol,
    thinned,
)
from pystan_mix.mixtures.simulation import component_log_densities
from pystan_mix.numerics import FloatArray

_MOST_COLUMNS: Final = 6
_STYLES: Final = ("-", "--", ":", "-.")
_VERDICTS: Final = {
    "agree": "they agree",
    "disagree": "they do not agree",
    "unclear": "not shown whether they agree",
}


@mpl.rc_context(LOOK)
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
        data.
    """
    names = [posterior.name for posterior in comparison.posteriors]
    colours = dict(zip(names, component_colours(len(names)), strict=True))
    families = _families(comparison)
    columns = min(max(map(len, families.values())), _MOST_COLUMNS)
    rows = [
        labels[start : start + columns]
        for labels in families.values()
        for start in range(0, len(labels), columns)
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
    for i, labels in enumerate(rows):
        for j, label in enumerate(labels):
            axis = figure.add_subplot(grid[i, j])
            _draw_forest(axis, comparison, label, colours, named=j == 0)
    if mixtures:
        _draw_densities(figure.add_subplot(grid[-1, :]), comparison, mixtures, colours)
    return finished(figure)


def _note(comparison: Comparison) -> str:
    """Return what the marks mean."""
    red = " Red: they disagree." if "disagree" in set(comparison.table["verdict"]) else ""
    return (
        "Dot: mean. Thick: central 50 %. Thin, and bands: central 90 %. Upright dashes: mean of "
        f"{comparison.posteriors[0].name}.{red}"
    )


def _families(comparison: Comparison) -> dict[str, list[str]]:
    """Return the parameters that were compared, each with the labels of its elements."""
    families: dict[str, list[str]] = {}
    for label in comparison.table.index.unique("quantity"):
        name = label.split("[")[0]
        if name in comparison.posteriors[0].draws:
            families.setdefault(name, []).append(label)
    return families


def _element(draws: FloatArray, label: str) -> FloatArray:
    """Return the draws that a label names, as one vector."""
    return (draws if draws.ndim == 2 else draws[..., int(label.split("[")[1][:-1]) - 1]).ravel()


def _written(label: str) -> str:
    """Return a label as mathtext, if it is a parameter of the mixture."""
    name, _, index = label.partition("[")
    return symbol(name, int(index[:-1]) if index else None) if name in MIXTURE else label


def _draw_forest(
    axis: Axes, comparison: Comparison, label: str, colours: dict[str, str], *, named: bool
) -> None:
    """Draw one parameter's intervals, the reference above."""
    name = label.split("[")[0]
    findings = comparison.table.loc[label, "verdict"]
    axis.set_title(
        _written(label),
        loc="left",
        color="#B00020" if "disagree" in set(findings) else INK,
        fontsize=11,
    )
    for row, posterior in enumerate(comparison.posteriors):
        if name not in posterior.draws:
            continue
        draws = _element(posterior.draws[name], label)
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


def _mixtures(comparison: Comparison) -> dict[str, tuple[FloatArray, FloatArray, FloatArray]]:
    """Return theta, mu and sigma, a row a draw, of the data sets that have them: some 2000."""
    given = what_is_given(comparison.posteriors)
    found = {}
    for posterior in comparison.posteriors:
        mixture = mixture_draws(posterior, known_sigma=given.sigma)
        if mixture is not None:
            theta, mu, sigma = (
                thinned(part.reshape(-1, part.shape[-1]), at_most=2000) for part in mixture
            )
            found[posterior.name] = (theta, mu, sigma)
    return found


def _draw_densities(
    axis: Axes,
    comparison: Comparison,
    mixtures: dict[str, tuple[FloatArray, FloatArray, FloatArray]],
    colours: dict[str, str],
) -> None:
    """Draw each data set's predictive density over the data."""
    y = what_is_given(comparison.posteriors).y
    grid = _grid(mixtures, y)
    if y is not None:
        heights, edges = np.histogram(y, bins=30, density=True)
        axis.stairs(heights, edges, fill=True, color=SAND, label="data")
    for (name, mixture), style in zip(mixtures.items(), _styles(len(mixtures)), strict=True):
        density = np.exp(component_log_densities(grid, *mixture)).sum(axis=-1)
        low, high = np.quantile(density, [0.05, 0.95], axis=0)
        axis.fill_between(grid, low, high, color=colours[name], alpha=0.18, linewidth=0)
        axis.plot(
            grid,
            density.mean(axis=0),
            color=colours[name],
            linewidth=1.8,
            linestyle=style,
            label=name,
        )
    axis.set(xlabel="$y$", ylabel="predictive density", xlim=(grid[0], grid[-1]))
    axis.set_ylim(bottom=0.0)
    axis.yaxis.set_major_locator(plain_ticks(5))
    legend_above(axis, columns=len(mixtures) + 1)


def _styles(count: int) -> list[str]:
    """Return a line style for each, so that a curve shows the one that it covers."""
    return [_STYLES[i % len(_STYLES)] for i in range(count)]


def _grid(
    mixtures: dict[str, tuple[FloatArray, FloatArray, FloatArray]], y: FloatArray | None
) -> FloatArray:
    """Return points over the data, or else over the components."""
    if y is None:
        ends = [(mu - 3.0 * sigma, mu + 3.0 * sigma) for _, mu, sigma in mixtures.values()]
        low = min(float(np.quantile(start, 0.01)) for start, _ in ends)
        high = max(float(np.quantile(stop, 0.99)) for _, stop in ends)
        return np.linspace(low, high, 400)
    margin = 0.08 * np.ptp(y)
    return np.linspace(y.min() - margin, y.max() + margin, 400)
