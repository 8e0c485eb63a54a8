"""The figure of the trace: what the chains drew, and where they were."""

from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pystan_mix.arviz_compat import Fit, group, group_names
from pystan_mix.figures.posterior import figure_title, varying_parameters
from pystan_mix.figures.style import (
    GREY,
    INK,
    LOOK,
    component_colours,
    finished,
    hide_heights,
    new_figure,
    plain_ticks,
    stride,
    symbol,
)
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.curves import density_curve, is_constant

_MEANINGS: Final = {"theta": "weights", "mu": "means", "sigma": "standard deviations"}
_POINTS_PER_CHAIN: Final = 2000


@mpl.rc_context(LOOK)
def plot_trace(fit: Fit) -> Figure:
    """Draw the density of each parameter, chains combined, and its trace.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit by NUTS or ADVI.

    Returns
    -------
    matplotlib.figure.Figure
        One row a parameter; a colour for each component. On the right the
        chains stand one after the other, and marks at the bottom are draws
        whose transition diverged.

    Raises
    ------
    DataError
        If the fit has no posterior of a mixture.
    """
    parameters = varying_parameters(fit)
    colours = component_colours(next(iter(parameters.values())).shape[-1])
    figure = new_figure(11.0, 0.7 + 2.25 * len(parameters), title=figure_title("Trace", fit))
    axes = figure.subplots(len(parameters), 2, squeeze=False, width_ratios=[2, 3])
    diverging = _divergences(fit)
    for (name, draws), (left, right) in zip(parameters.items(), axes, strict=True):
        for k, colour in enumerate(colours):
            _draw_density(left, draws[:, :, k], colour)
            _draw_chains(right, draws[:, :, k], colour)
        left.set_title(f"{_MEANINGS[name]} {symbol(name)}", loc="left")
        left.xaxis.set_major_locator(plain_ticks(6))
        hide_heights(left)
        right.yaxis.set_major_locator(plain_ticks(5))
        right.plot(
            diverging,
            np.full(diverging.size, 0.015),
            "|",
            color=INK,
            markersize=7,
            transform=right.get_xaxis_transform(),
        )
        _mark_chains(right, chains=draws.shape[0], length=draws.shape[1])
        right.tick_params(labelbottom=right is axes[-1, 1])
    if next(iter(parameters.values())).shape[0] == 1:
        axes[-1, 1].set_xlabel("draw")
    handles = [Line2D([], [], color=colour, linewidth=2.0) for colour in colours]
    labels = ["component 1", *(str(k) for k in range(2, len(colours) + 1))]
    if diverging.size:
        handles.append(Line2D([], [], color=INK, marker="|", linestyle="none", markersize=8))
        labels.append(f"divergence{'s' if diverging.size > 1 else ''} ({diverging.size})")
    if len(handles) > 1:
        axes[0, 1].legend(
            handles,
            labels,
            loc="lower right",
            bbox_to_anchor=(1.0, 1.02),
            ncols=len(handles) if len(handles) < 10 else -(-len(handles) // 2),
            borderaxespad=0.0,
            handlelength=1.2,
            columnspacing=1.2,
        )
    return finished(figure)


def _divergences(fit: Fit) -> FloatArray:
    """Return where divergent draws stand when the chains follow each other."""
    if "sample_stats" not in group_names(fit) or "diverging" not in group(fit, "sample_stats"):
        return np.array([])
    diverging = group(fit, "sample_stats")["diverging"].transpose("chain", "draw")
    return np.flatnonzero(np.asarray(diverging)).astype(np.float64)


def _draw_density(axis: Axes, draws: FloatArray, colour: str) -> None:
    """Draw a density, or a line where all draws are equal."""
    if is_constant(draws):
        axis.axvline(draws.flat[0], color=colour, linewidth=1.5)
        return
    points, heights = density_curve(draws)
    axis.plot(points, heights, color=colour, linewidth=1.4)
    axis.fill_between(points, heights, color=colour, alpha=0.12, linewidth=0)


def _draw_chains(axis: Axes, draws: FloatArray, colour: str) -> None:
    """Draw the chains one after the other, thinned to what an eye can see."""
    length = draws.shape[1]
    shown = np.arange(0, length, stride(length, at_most=_POINTS_PER_CHAIN))
    for chain, values in enumerate(draws):
        axis.plot(
            chain * length + shown,
            values[shown],
            color=colour,
            linewidth=0.4,
            alpha=0.8,
            rasterized=True,
        )


def _mark_chains(axis: Axes, *, chains: int, length: int) -> None:
    """Name the chains below the axis, or count the draws of a single one."""
    axis.set_xlim(0, chains * length)
    if chains == 1:
        return
    for chain in range(1, chains):
        axis.axvline(chain * length, color=GREY, linewidth=0.6)
    named = range(0, chains, -(-chains // 8))
    axis.set_xticks(
        [(chain + 0.5) * length for chain in named], [f"chain {chain + 1}" for chain in named]
    )
    axis.tick_params(axis="x", length=0)
