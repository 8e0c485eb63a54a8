"""Figures of each parameter by itself: autocorrelation and posterior."""

import numpy as np
from matplotlib.figure import Figure

from pystan_mix.arviz_compat import Fit
from pystan_mix.errors import SettingsError
from pystan_mix.figures.parameters import lay_out_panels, say_constant, shown_parameters
from pystan_mix.figures.style import (
    GREY,
    INK,
    SMALL,
    figure_title,
    hide_heights,
    in_our_look,
    plain_ticks,
    written,
)
from pystan_mix.stats.curves import autocorrelation, density_curve, is_constant


@in_our_look
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
        shown_parameters(fit),
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
    return figure


@in_our_look
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
        shown_parameters(fit),
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
    return figure
