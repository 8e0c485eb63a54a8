"""Figures of a fit beside its data; every function that draws a figure stands here by name."""

import math
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from pystan_mix.arviz_data import Fit, attributes, group
from pystan_mix.comparison_plots import plot_comparison
from pystan_mix.errors import DataError
from pystan_mix.figures import (
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
    written,
)
from pystan_mix.mixture import FloatArray, component_log_densities
from pystan_mix.posterior_plots import plot_autocorr, plot_posterior
from pystan_mix.prior_plots import plot_dirichlet_prior
from pystan_mix.trace_plots import plot_trace

__all__ = [
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
_BLUE, _VERMILION = component_colours(2)


@mpl.rc_context(LOOK)
def plot_predictive(fit: Fit) -> Figure:
    """Draw the data against the posterior predictive.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit by NUTS or ADVI, with posterior predictive draws.

    Returns
    -------
    matplotlib.figure.Figure
        Histograms of the data and of all replicated data, in the same 30
        bins, and a band that holds 90 % of the heights that single
        replicated data sets have in each bin: data that leave it in more
        than a few bins do not fit.

    Raises
    ------
    DataError
        If the fit has no observed data or no posterior predictive.
    """
    y = _observed(fit)
    predictive = needed_group(
        fit, "posterior_predictive", hint="Fit again with posterior predictive draws."
    )["y"]
    replicated = np.asarray(predictive.transpose("chain", "draw", ...), dtype=np.float64)
    # 2000 histograms settle the band; 40000 would only take longer
    replicated = thinned(replicated.reshape(-1, replicated.shape[-1]), at_most=2000)
    edges = _shared_edges(y, replicated)
    heights = _histograms(replicated, edges)
    low, high = np.quantile(heights, [0.05, 0.95], axis=0)
    outside = 1.0 - float(heights.mean(axis=0).sum()) * (edges[1] - edges[0])
    label = "posterior predictive"
    if outside > 0.0025:  # more than the far quantiles that the bins leave out
        label += f" ({100 * outside:.1f} % beyond the axis)"
    title = ", ".join(part for part in ("Posterior predictive check", method_name(fit)) if part)
    figure = new_figure(8.0, 4.6, title=title)
    axis = figure.subplots()
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
    return finished(figure)


@mpl.rc_context(LOOK)
def plot_elbo(approx: Fit) -> Figure:
    """Draw the loss of ADVI, minus its ELBO, against the iteration.

    Parameters
    ----------
    approx : arviz.InferenceData or xarray.DataTree
        A fit by ADVI.

    Returns
    -------
    matplotlib.figure.Figure
        The loss from where it has come down to the size of the last ones; the
        earlier losses are too large for the same axis.

    Raises
    ------
    DataError
        If the fit has no ELBO history.
    """
    elbo = needed_group(
        approx, "vi_trace", hint="Only a fit by ADVI has an ELBO history to be drawn."
    )["elbo"]
    finite = np.isfinite(elbo.values)
    if not finite.any():
        raise DataError("No ELBO in the history is finite. Run ADVI again with another seed.")
    iteration = np.asarray(elbo["iteration"])[finite]
    loss = -np.asarray(elbo.values, dtype=np.float64)[finite]
    start, ceiling = _readable_part(loss)
    figure = new_figure(8.0, 4.2, title="ADVI: loss (minus the ELBO)")
    axis = figure.subplots()
    axis.plot(
        iteration[start:], loss[start:], color=_BLUE, linewidth=1.2, label="loss while optimising"
    )
    final = _final_loss(approx)
    if final is None:
        axis.plot([], [], " ", label=f"last {loss[-1]:.2f} at iteration {iteration[-1]}")
    else:
        value, error = final
        text = f"final loss {written(value, error or 0.01)}"
        if error is not None:
            text += f" ± {written(error, error)}"
        axis.axhline(value, color=_VERMILION, linewidth=1.2, linestyle="--", label=text)
    if loss[start:].max() > ceiling:
        axis.set_ylim(top=ceiling)
    axis.set(xlabel="iteration", ylabel="loss", xlim=(0, iteration[-1]))
    if start > 0:
        axis.set_xlabel(
            f"iteration (before {iteration[start]}, not drawn, the loss was up to "
            f"{_power_of_ten(loss[:start].max())})"
        )
    legend_above(axis, columns=2)
    return finished(figure)


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


def _readable_part(loss: FloatArray) -> tuple[int, float]:
    """Return where the loss is down to the size of its last half, and an axis for it."""
    settled = loss[len(loss) // 2 :]
    low, level, high = np.quantile(settled, [0.05, 0.5, 0.95])
    ceiling = float(level + max(10.0 * (high - low), 0.05 * abs(level)))
    return int(np.argmax(loss <= ceiling)), ceiling


def _power_of_ten(value: float) -> str:
    """Return a large number with two digits and a power of ten, as mathtext."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return rf"${mantissa} \times 10^{{{int(exponent)}}}$"


def _final_loss(approx: Fit) -> tuple[float, float | None] | None:
    """Return minus the ELBO that the draws gave, with its error, where there is one."""
    given = attributes(approx)
    if "elbo" not in given:
        return None
    error = float(given.get("elbo_mcse", math.nan))
    return -float(given["elbo"]), error if math.isfinite(error) else None


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
