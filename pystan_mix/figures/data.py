"""Figures of a fit beside its data; every function that draws a figure stands here by name."""

from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pystan_mix.arviz_compat import Fit, group
from pystan_mix.figures.approximation import plot_approximation, plot_elbo
from pystan_mix.figures.comparison import plot_comparison
from pystan_mix.figures.posterior import plot_autocorr, plot_posterior
from pystan_mix.figures.prior import plot_dirichlet_prior
from pystan_mix.figures.style import (
    INK,
    LOOK,
    SAND,
    component_colours,
    finished,
    legend_above,
    method_name,
    needed_group,
    new_figure,
    plain_ticks,
    save_figure,
    thinned,
)
from pystan_mix.figures.trace import plot_trace
from pystan_mix.mixtures.simulation import component_log_densities
from pystan_mix.numerics import FloatArray

__all__ = [
    "plot_approximation",
    "plot_autocorr",
    "plot_comparison",
    "plot_density",
    "plot_dirichlet_prior",
    "plot_elbo",
    "plot_posterior",
    "plot_predictive",
    "plot_trace",
    "save_figure",
]

_BINS: Final = 30  # as many as in the notebook
_VERMILION: Final = component_colours(2)[1]


@mpl.rc_context(LOOK)
def plot_predictive(fit: Fit, *others: Fit) -> Figure:
    """Draw the data against the posterior predictive.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit by NUTS or ADVI, with posterior predictive draws.
    *others : arviz.InferenceData or xarray.DataTree
        Further fits of the same data, drawn beside it.

    Returns
    -------
    matplotlib.figure.Figure
        For each fit histograms of the data and of all replicated data, in the
        same 30 bins, and a band that holds 90 % of the heights that single
        replicated data sets have in each bin: data that leave it in more
        than a few bins do not fit.

    Raises
    ------
    DataError
        If a fit has no observed data or no posterior predictive.
    """
    fits = (fit, *others)
    y = _observed(fit)
    replicated = [_replicated(each) for each in fits]
    edges = _shared_edges(y, np.concatenate([each.ravel() for each in replicated]))
    names = [method_name(each) for each in fits]
    title = "Posterior predictive check"
    if not others and names[0]:
        title = f"{title}, {names[0]}"
    figure = new_figure(8.0 if not others else 6.0 * len(fits), 4.6, title=title)
    axes = figure.subplots(1, len(fits), squeeze=False, sharey=True)[0]
    for axis, each, rows, name in zip(axes, fits, replicated, names, strict=True):
        if others:
            # a line higher: the legend takes the lower one
            axis.set_title(f"{name}\n", loc="left")
        _draw_predictive(axis, _observed(each), rows, edges)
        if axis is not axes[0]:
            axis.set_ylabel("")
    return finished(figure)


def _replicated(fit: Fit) -> FloatArray:
    """Return a fit's replicated data sets, one a row."""
    predictive = needed_group(
        fit, "posterior_predictive", hint="Fit again with posterior predictive draws."
    )["y"]
    replicated = np.asarray(predictive.transpose("chain", "draw", ...), dtype=np.float64)
    # 2000 histograms settle the band; 40000 would only take longer
    return thinned(replicated.reshape(-1, replicated.shape[-1]), at_most=2000)


def _draw_predictive(axis: Axes, y: FloatArray, replicated: FloatArray, edges: FloatArray) -> None:
    """Draw the histograms of data and replicated data."""
    heights = _histograms(replicated, edges)
    low, high = np.quantile(heights, [0.05, 0.95], axis=0)
    outside = 1.0 - float(heights.mean(axis=0).sum()) * (edges[1] - edges[0])
    label = "posterior predictive"
    if outside > 0.0025:  # more than the far quantiles that the bins leave out
        label += f" ({100 * outside:.1f} % beyond the axis)"
    axis.stairs(_histograms(y[None, :], edges)[0], edges, color=INK, linewidth=1.8, label="data")
    axis.stairs(heights.mean(axis=0), edges, color=_VERMILION, linewidth=1.8, label=label)
    axis.stairs(
        high,
        edges,
        baseline=low,
        fill=True,
        color=_VERMILION,
        alpha=0.2,
        linewidth=0,
        label="90 % of replicated data sets",
    )
    axis.set(xlabel="$y$", ylabel="density", xlim=(edges[0], edges[-1]))
    axis.set_ylim(bottom=0.0)
    axis.yaxis.set_major_locator(plain_ticks(6))
    legend_above(axis, columns=3)


@mpl.rc_context(LOOK)
def plot_density(fit: Fit) -> Figure:
    """Draw the data and the mixture's density, whole and by components.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit by NUTS or ADVI.

    Returns
    -------
    matplotlib.figure.Figure
        A histogram of the data; the posterior mean of the mixture's density
        with its central 90 % at each point; and, dashed, the posterior mean of
        each component's weight times its density.

    Raises
    ------
    DataError
        If the fit has no observed data, or no mixture's posterior.
    """
    y = _observed(fit)
    theta, mu, sigma = _mixture_draws(fit)
    margin = 0.08 * np.ptp(y)
    bounds = (y.min() - margin, y.max() + margin)
    # points about each component too: one may be narrower than an even grid's step
    near = mu.mean(axis=0) + sigma.mean(axis=0) * np.linspace(-4.0, 4.0, 81)[:, None]
    grid = np.unique(np.clip(np.append(near, np.linspace(*bounds, 500)), *bounds))
    parts = np.exp(component_log_densities(grid, theta, mu, sigma))
    whole = parts.sum(axis=-1)
    low, high = np.quantile(whole, [0.05, 0.95], axis=0)
    title = ", ".join(part for part in ("Density of the mixture", method_name(fit)) if part)
    figure = new_figure(8.0, 4.6, title=title)
    axis = figure.subplots()
    counts, edges = np.histogram(y, bins=_BINS, density=True)
    axis.stairs(counts, edges, fill=True, color=SAND, label="data")
    axis.plot(grid, whole.mean(axis=0), color=INK, linewidth=1.8, label="mixture")
    axis.fill_between(grid, low, high, color=INK, alpha=0.2, linewidth=0, label="its central 90 %")
    colours = component_colours(theta.shape[-1])
    for k, (part, colour) in enumerate(zip(parts.mean(axis=0).T, colours, strict=True)):
        label = "component 1" if k == 0 else str(k + 1)
        axis.plot(grid, part, color=colour, linewidth=1.4, linestyle="--", label=label)
    axis.set(xlabel="$y$", ylabel="density", xlim=bounds)
    axis.set_ylim(bottom=0.0)
    axis.yaxis.set_major_locator(plain_ticks(6))
    entries = 3 + len(colours)
    legend_above(axis, columns=entries if entries < 9 else -(-entries // 2))
    return finished(figure)


def _observed(fit: Fit) -> FloatArray:
    """Return the observations that the fit keeps."""
    observed = needed_group(fit, "observed_data", hint="This figure needs the observations.")
    return np.asarray(observed["y"], dtype=np.float64)


def _shared_edges(y: FloatArray, replicated: FloatArray) -> FloatArray:
    """Return bins over the data, and over the replicated data but for far tails."""
    margin = 0.25 * np.ptp(y)
    tails = np.quantile(replicated, [0.001, 0.999])
    start = min(y.min(), max(tails[0], y.min() - margin))
    stop = max(y.max(), min(tails[1], y.max() + margin))
    return np.linspace(start, stop, _BINS + 1)


def _histograms(samples: FloatArray, edges: FloatArray) -> FloatArray:
    """Return one histogram for each row, as densities; what is outside counts as well."""
    bins = len(edges) - 1
    # as in numpy.histogram, the last bin has its right edge too
    places = np.searchsorted(edges[:-1], samples, side="right") - 1
    inside = (samples >= edges[0]) & (samples <= edges[-1])
    rows = np.broadcast_to(np.arange(len(samples))[:, None], samples.shape)
    cells = rows[inside] * bins + places[inside]
    counts = np.bincount(cells, minlength=len(samples) * bins).reshape(len(samples), bins)
    return np.asarray(counts / (samples.shape[1] * np.diff(edges)))


def _mixture_draws(fit: Fit) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return theta, mu and sigma with one row a draw, for some 500 draws."""
    posterior = group(fit, "posterior")
    known = "sigma" not in posterior
    theta, mu, sigma = (
        needed_group(fit, "constant_data", hint="Known standard deviations stand there.")[name]
        if name == "sigma" and known
        else posterior[name].transpose("chain", "draw", "component")
        for name in ("theta", "mu", "sigma")
    )
    K = theta.sizes["component"]
    drawn = [thinned(np.asarray(each).reshape(-1, K), at_most=500) for each in (theta, mu)]
    scale = np.asarray(sigma, dtype=np.float64).reshape(-1, K)
    return drawn[0], drawn[1], thinned(scale, at_most=500)
