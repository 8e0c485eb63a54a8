"""The figure of the trace: what the chains drew, and where they were."""

from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pystan_mix.arviz_compat import Fit, group_names
from pystan_mix.figures.parameters import shown_parameters
from pystan_mix.figures.style import (
    GREY,
    INK,
    component_colours,
    figure_title,
    hide_heights,
    in_our_look,
    mathtext,
    new_figure,
    plain_ticks,
    stride,
)
from pystan_mix.fits.groups import CHAINS, divergences, posterior_size
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.curves import density_curve, is_constant

_POINTS_PER_CHAIN: Final = 2000


@in_our_look
def plot_trace(fit: Fit) -> Figure:
    """Draw the density of each parameter, chains combined, and its trace.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit by NUTS or ADVI.

    Returns
    -------
    matplotlib.figure.Figure
        One row a parameter; a colour for each component, and slate for what
        all share. On the right the chains stand one after the other, and marks
        at the bottom are draws whose transition diverged, unless the draws are
        weighed ones.

    Raises
    ------
    DataError
        If the fit has no posterior of a mixture.
    """
    parameters = shown_parameters(fit)
    chains, length = posterior_size(fit)
    colours = component_colours(max(each.size for each in parameters.values()))
    figure = new_figure(11.0, 0.7 + 2.25 * len(parameters), title=figure_title("Trace", fit))
    axes = figure.subplots(len(parameters), 2, squeeze=False, width_ratios=[2, 3])
    # those of chains are no draws of what was weighed in their place
    diverging = np.flatnonzero(divergences(fit) if CHAINS not in group_names(fit) else [])
    for parameter, (left, right) in zip(parameters.values(), axes, strict=True):
        for k, colour in enumerate(parameter.colours):
            _draw_density(left, parameter.draws[:, :, k], colour)
            _draw_chains(right, parameter.draws[:, :, k], colour)
        left.set_title(f"{parameter.meaning} {mathtext(parameter.symbol)}", loc="left")
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
        _mark_chains(right, chains=chains, length=length)
        right.tick_params(labelbottom=right is axes[-1, 1])
    if chains == 1:
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
    return figure


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
