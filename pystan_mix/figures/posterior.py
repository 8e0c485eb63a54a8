"""Figures of each parameter by itself: autocorrelation and posterior."""

from typing import Final, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pystan_mix.arviz_compat import Fit, group
from pystan_mix.errors import DataError, SettingsError
from pystan_mix.figures.style import (
    GREY,
    INK,
    LOOK,
    SMALL,
    component_colours,
    finished,
    hide_heights,
    method_name,
    new_figure,
    plain_ticks,
    symbol,
    written,
)
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.curves import autocorrelation, density_curve, is_constant

_MEANINGS: Final = {"theta": "weights", "mu": "means", "sigma": "standard deviations"}
_MOST_COLUMNS: Final = 6


class Panel(NamedTuple):
    """One element of a parameter, and the axis that it is drawn in."""

    axis: Axes
    name: str
    component: int  # from 0
    label: str
    colour: str
    draws: FloatArray  # chain, draw
    at_left: bool
    at_bottom: bool


def varying_parameters(fit: Fit, *, name: str = "posterior") -> dict[str, FloatArray]:
    """Return the draws of theta, mu and sigma, those that were estimated.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit.
    name : str, default "posterior"
        The group of the draws.

    Returns
    -------
    dict of str to ndarray, shape (chains, draws, K)
        Without the weight of a single component, which is one, and without
        known standard deviations.

    Raises
    ------
    DataError
        If the posterior has none of them.
    """
    posterior = group(fit, name)
    draws = {
        variable: np.asarray(
            posterior[variable].transpose("chain", "draw", "component"), dtype=np.float64
        )
        for variable in _MEANINGS
        if variable in posterior
    }
    if not draws:
        raise DataError(
            f"The posterior has none of {', '.join(_MEANINGS)}; it has: "
            f"{', '.join(map(str, posterior.data_vars))}. Was another model fitted?"
        )
    if len(draws) > 1 and "theta" in draws and draws["theta"].shape[-1] == 1:
        del draws["theta"]
    return draws


@mpl.rc_context(LOOK)
def plot_autocorr(fit: Fit, *, max_lag: int = 100) -> Figure:
    """Draw the autocorrelation of each parameter, averaged over the chains.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit by NUTS or ADVI.
    max_lag : int, default 100
        The largest lag.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for each element of a parameter. The grey band, 1.96 divided
        by the root of the number of draws, holds 95 % of what independent
        draws show.

    Raises
    ------
    DataError
        If the fit has no posterior of a mixture.
    SettingsError
        If `max_lag` is not a whole number, 1 or more.
    """
    if isinstance(max_lag, bool) or not isinstance(max_lag, int | np.integer) or max_lag < 1:
        raise SettingsError(f"max_lag must be a whole number, 1 or more; it is {max_lag!r}.")
    figure, panels = lay_out_panels(
        varying_parameters(fit),
        height=1.75,
        title=figure_title("Autocorrelation", fit),
        note="Grey: 95 % of what independent draws show, ±1.96 / √draws.",
    )
    lowest = 0.0
    for panel in panels:
        correlation = autocorrelation(panel.draws, max_lag=max_lag)
        bound = 1.96 / np.sqrt(panel.draws.size)
        panel.axis.axhspan(-bound, bound, color=GREY, alpha=0.4, linewidth=0)
        panel.axis.axhline(0.0, color=INK, linewidth=0.6)
        panel.axis.set_title(panel.label, loc="left", fontsize=12)
        if np.isnan(correlation).any():
            say_constant(panel)
        else:
            lags = np.arange(correlation.size)
            panel.axis.vlines(lags, 0.0, correlation, color=panel.colour, linewidth=1.1)
            lowest = min(lowest, correlation.min(), -bound)
        last = max(correlation.size - 1, 1)
        panel.axis.set_xlim(-0.03 * last, 1.01 * last)
        panel.axis.xaxis.set_major_locator(plain_ticks(5))
        if panel.at_bottom:
            panel.axis.set_xlabel("lag")
    for panel in panels:
        panel.axis.set_ylim(max(lowest - 0.05, -1.05), 1.05)
        panel.axis.yaxis.set_major_locator(plain_ticks(3))
        if not panel.at_left:
            panel.axis.tick_params(labelleft=False)
    return finished(figure)


@mpl.rc_context(LOOK)
def plot_posterior(fit: Fit) -> Figure:
    """Draw the posterior of each parameter, with its mean, median and interval.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit by NUTS or ADVI.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for each element of a parameter: the density, the central
        90 % shaded, a line at the median and a dot at the mean.

    Raises
    ------
    DataError
        If the fit has no posterior of a mixture.
    """
    figure, panels = lay_out_panels(
        varying_parameters(fit),
        height=2.0,
        title=figure_title("Posterior", fit),
        note="Shaded: central 90 %. Line: median. Dot: mean.",
    )
    for panel in panels:
        # a line higher: the interval takes the whole of the lowest one
        panel.axis.set_title(f"{panel.label}\n", loc="left", fontsize=12)
        panel.axis.xaxis.set_major_locator(plain_ticks(4))
        hide_heights(panel.axis)
        if is_constant(panel.draws):
            say_constant(panel)
            continue
        points, heights = density_curve(panel.draws)
        low, median, high = np.quantile(panel.draws, [0.05, 0.5, 0.95])
        mean = panel.draws.mean()
        inside = (points >= low) & (points <= high)
        panel.axis.fill_between(
            points, heights, where=inside, color=panel.colour, alpha=0.3, linewidth=0
        )
        panel.axis.plot(points, heights, color=panel.colour, linewidth=1.4)
        panel.axis.vlines(
            median, 0.0, np.interp(median, points, heights), color=panel.colour, linewidth=1.2
        )
        if points[0] <= mean <= points[-1]:
            panel.axis.plot(mean, 0.0, "o", color=INK, markersize=4, clip_on=False, zorder=3)
        panel.axis.set_ylim(0.0, 1.05 * heights.max())
        spread = (high - low) / 3.29 or panel.draws.std()  # that of a normal, where tails are heavy
        panel.axis.set_title(
            f"mean {written(mean, spread)}\nmedian {written(median, spread)}\n"
            f"90 %: {written(low, spread)} to {written(high, spread)}",
            loc="right",
            fontsize=SMALL,
        )
    return finished(figure)


def figure_title(what: str, fit: Fit) -> str:
    """Return a title that names the method and the number of draws."""
    sizes = group(fit, "posterior").sizes
    chains, length = sizes.get("chain", 1), sizes.get("draw", 0)
    count = f"{chains} chains of {length} draws" if chains > 1 else f"{length} draws"
    return ", ".join(part for part in (what, method_name(fit), count) if part)


def lay_out_panels(
    parameters: dict[str, FloatArray], *, height: float, title: str, note: str
) -> tuple[Figure, list[Panel]]:
    """Lay out a panel for each element: a parameter a row, or one row if K is 1."""
    K = next(iter(parameters.values())).shape[-1]
    colours = component_colours(K)
    rows_each = -(-K // _MOST_COLUMNS)
    columns = -(-K // rows_each) if K > 1 else len(parameters)
    rows = rows_each * len(parameters) if K > 1 else 1
    width = min(max(11.0 / columns, 2.0), 3.6) * columns
    figure = new_figure(max(width, 6.0), 0.9 + height * rows, title=title, note=note)
    grid = figure.add_gridspec(rows, columns)
    panels = []
    for i, (name, draws) in enumerate(parameters.items()):
        for k in range(K):
            row, column = (i * rows_each + k // columns, k % columns) if K > 1 else (0, i)
            axis = figure.add_subplot(grid[row, column])
            label = symbol(name, k + 1)
            edges = (column == 0, row == rows - 1)
            panels.append(Panel(axis, name, k, label, colours[k], draws[:, :, k], *edges))
    return figure, panels


def say_constant(panel: Panel) -> None:
    """Write that a parameter never moved, where nothing can be drawn."""
    panel.axis.text(
        0.5,
        0.6,
        f"every chain is constant\n(the first at {panel.draws.flat[0]:g})",
        transform=panel.axis.transAxes,
        horizontalalignment="center",
        fontsize=SMALL,
        color=INK,
    )
