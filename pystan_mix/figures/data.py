"""Figures of a fit beside its data."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pystan_mix.arviz_compat import Fit
from pystan_mix.errors import DataError
from pystan_mix.figures.style import (
    INK,
    SAND,
    component_colours,
    frame_densities,
    in_our_look,
    method_name,
    needed,
    new_figure,
    thinned,
)
from pystan_mix.figures.support import among, bin_edges, data_label, draw_curve, unit_of
from pystan_mix.fits.groups import (
    OBSERVED_DATA,
    POSTERIOR_PREDICTIVE,
    observations,
    replications,
    times_of_observations,
)
from pystan_mix.fits.model import coordinate_names, family_of, mixture_of_fit
from pystan_mix.mixtures.annotations.times import Times
from pystan_mix.mixtures.density import component_terms
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.numerics import FloatArray

_VERMILION: Final = component_colours(2)[1]


@in_our_look
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
        For each fit histograms of the data and of all replicated data, in the same 30 bins,
        and a band that holds 90 % of the heights that single replicated data sets have in
        each bin: data that leave it in more than a few bins do not fit. Of counts each has
        a bin of its own, up to 30. Where observations have counts or weights a replicated
        data set has one observation for each row, and the legend says so. Of vectors, of
        the first fit alone, a panel for each coordinate.

    Raises
    ------
    DataError
        If a fit has no observed data or no posterior predictive.
    """
    fits = (fit, *others)
    y = _observed(fit)
    replicated = [_replicated(each) for each in fits]
    if y.ndim > 1:
        return _predictive_of_vectors(fit, y, replicated[0])
    counts = family_of(fit).counts
    edges = _shared_edges(fit, y, np.concatenate([each.ravel() for each in replicated]))
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
        times = times_of_observations(each)
        _draw_predictive(
            *(axis, _observed(each), rows, edges),
            times=times,
            counts=counts,
            called=data_label(each),
        )
        if axis is not axes[0]:
            axis.set_ylabel("")
    return figure


def _predictive_of_vectors(fit: Fit, y: FloatArray, replicated: FloatArray) -> Figure:
    """Draw a panel for each coordinate of vectors."""
    parts, times = ("Posterior predictive check", method_name(fit)), times_of_observations(fit)
    title, D = ", ".join(filter(None, parts)), y.shape[1]
    figure = new_figure(8.0, 0.6 + 3.2 * D, title=title)
    axes = figure.subplots(D, 1, squeeze=False)[:, 0]
    names = coordinate_names(fit) or tuple(f"coordinate {d + 1}" for d in range(D))
    for d, axis in enumerate(axes):
        rows, there = replicated[..., d], ~np.isnan(y[:, d])
        own, stand_for = y[there, d], None if times is None else times[there]
        edges = _shared_edges(fit, own, rows.ravel())
        _draw_predictive(axis, own, rows, edges, times=stand_for, counts=False)
        axis.set_xlabel(names[d])
    return figure


def _replicated(fit: Fit) -> FloatArray:
    """Return a fit's replicated data sets, one a row."""
    replicated = needed(
        replications(fit),
        fit,
        POSTERIOR_PREDICTIVE,
        hint="Fit again with posterior predictive draws.",
    )
    # 2000 histograms settle the band; 40000 would only take longer
    return thinned(replicated, at_most=2000)


def _draw_predictive(
    axis: Axes,
    y: FloatArray,
    replicated: FloatArray,
    edges: FloatArray,
    *,
    times: Times | None,
    counts: bool,
    called: str = "data",
) -> None:
    """Draw the histograms of data and replicated data."""
    heights = _histograms(replicated, edges)
    low, high = np.quantile(heights, [0.05, 0.95], axis=0)
    outside = 1.0 - float(heights.mean(axis=0).sum()) * (edges[1] - edges[0])
    label = "posterior predictive"
    if outside > 0.0025:  # more than the far quantiles that the bins leave out
        label += f" ({100 * outside:.1f} % beyond the axis)"
    data = _histograms(y[None, :], edges)[0]
    if times is not None:
        data = np.histogram(y, bins=edges, weights=times, density=True)[0]
    axis.stairs(data, edges, color=INK, linewidth=1.8, label=called)
    axis.stairs(heights.mean(axis=0), edges, color=_VERMILION, linewidth=1.8, label=label)
    size = "" if times is None else f" of {replicated.shape[1]}"
    axis.stairs(
        high,
        edges,
        baseline=low,
        fill=True,
        color=_VERMILION,
        alpha=0.2,
        linewidth=0,
        label=f"90 % of replicated data sets{size}",
    )
    frame_densities(axis, (edges[0], edges[-1]), columns=3, counts=counts)


@in_our_look
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
        each component's weight times its density. Of counts, probabilities as steps.

    Raises
    ------
    DataError
        If the fit has no observed data, or no mixture's posterior.
    """
    y = _observed(fit)
    family, theta, components = mixture_of_fit(fit)
    if family.vectors:
        raise DataError("The fit is one of vectors, whose density is no line. There is plot_pairs.")
    margin = 0.08 * np.ptp(y)
    bounds = (y.min() - margin, y.max() + margin)
    # points about each component too: one may be narrower than an even grid's step
    grid = np.append(points_about_components(family, components), np.linspace(*bounds, 500))
    grid = among(np.clip(grid, *bounds), counts=family.counts)
    parts = component_parts(grid, family, theta, components, at_most=500)
    whole = parts.sum(axis=1)
    low, high = np.quantile(whole, [0.05, 0.95], axis=0)
    title = ", ".join(part for part in ("Density of the mixture", method_name(fit)) if part)
    figure = new_figure(8.0, 4.6, title=title)
    axis = figure.subplots()
    unit, origin = unit_of(fit)
    edges = bin_edges(y.min(), y.max(), unit=unit, origin=origin)
    heights, _ = np.histogram(y, bins=edges, weights=times_of_observations(fit), density=True)
    axis.stairs(heights, edges, fill=True, color=SAND, label=data_label(fit))
    draw_curve(
        axis,
        grid,
        whole.mean(axis=0),
        counts=family.counts,
        colour=INK,
        label="mixture",
        band=(low, high),
        band_label="its central 90 %",
    )
    colours = component_colours(parts.shape[1])
    for k, (part, colour) in enumerate(zip(parts.mean(axis=0), colours, strict=True)):
        label = "component 1" if k == 0 else str(k + 1)
        draw_curve(
            axis,
            grid,
            part,
            counts=family.counts,
            colour=colour,
            linewidth=1.4,
            linestyle="--",
            label=label,
        )
    entries = 3 + len(colours)
    columns = entries if entries < 9 else -(-entries // 2)
    bounds = (min(bounds[0], edges[0]), max(bounds[1], edges[-1]))
    frame_densities(axis, bounds, columns=columns, counts=family.counts)
    return figure


def component_parts(
    y: FloatArray,
    family: type[Mixture],
    theta: FloatArray,
    components: Mapping[str, FloatArray],
    *,
    at_most: int,
) -> FloatArray:
    """Return each component's weight times its density at points.

    Parameters
    ----------
    y : ndarray, shape (N,)
        The points.
    family : type
        Which kind the components are of.
    theta : ndarray, shape (chain, draw, K)
        The weights.
    components : mapping of str to ndarray, shape (chain, draw, K) or (chain, draw, 1)
        The components' parameters by name, all of them.
    at_most : int
        Of how many draws, evenly spaced.

    Returns
    -------
    ndarray, shape (draws, K, N)
        The chains one after the other.
    """
    theta, *values = (
        thinned(x.reshape(-1, x.shape[-1]), at_most=at_most) for x in (theta, *components.values())
    )
    with np.errstate(divide="ignore"):
        log_theta = np.log(theta)
    rows = dict(zip(components, values, strict=True))
    return np.exp(component_terms(family, y, log_theta, rows))


def points_about_components(
    family: type[Mixture], components: Mapping[str, FloatArray]
) -> FloatArray:
    """Return points over each component, out to four times half its central 68 %."""
    each = dict(zip(components, np.broadcast_arrays(*components.values()), strict=True))
    drawn = family.draw(np.random.default_rng(1), **each)
    low, centre, high = np.quantile(drawn, [0.16, 0.5, 0.84], axis=(0, 1))
    return np.asarray(centre + 0.5 * (high - low) * np.linspace(-4.0, 4.0, 81)[:, None])


def _observed(fit: Fit) -> FloatArray:
    """Return the observations that the fit keeps."""
    return needed(observations(fit), fit, OBSERVED_DATA, hint="This figure needs the observations.")


def _shared_edges(fit: Fit, y: FloatArray, replicated: FloatArray) -> FloatArray:
    """Return bins over the data, and over the replicated data but for far tails."""
    margin = 0.25 * np.ptp(y)
    tails = np.quantile(replicated, [0.001, 0.999])
    start = min(y.min(), max(tails[0], y.min() - margin))
    stop = max(y.max(), min(tails[1], y.max() + margin))
    unit, origin = unit_of(fit)
    return bin_edges(start, stop, unit=unit, origin=origin)


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
