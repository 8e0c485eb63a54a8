"""Figures of a fit of vectors beside its data: coordinates in pairs, and one by one."""

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
    figure_title,
    hide_heights,
    in_our_look,
    needed,
    new_figure,
    plain_ticks,
    thinned,
)
from pystan_mix.fits.groups import OBSERVED_DATA, observations, times_of_observations
from pystan_mix.fits.model import coordinate_names, mixture_of_fit
from pystan_mix.mixtures.annotations.times import Times
from pystan_mix.mixtures.density import component_terms
from pystan_mix.mixtures.vectors.incomplete import incomplete_rows
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.correlations import cholesky

_BINS: Final = 30
# more would hide each other
_POINTS: Final = 2000
_ELLIPSES: Final = 20
_DRAWS: Final = 400
# of a standard normal vector of two coordinates, the radius that holds 90 %
_RADIUS: Final = float(np.sqrt(-2.0 * np.log(0.1)))


@in_our_look
def plot_pairs(fit: Fit) -> Figure:
    """Draw each pair of coordinates with the components as ellipses, and each coordinate.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit of vectors by NUTS or ADVI.

    Returns
    -------
    matplotlib.figure.Figure
        Below the diagonal, for each pair the observations, in the colour of the
        component that most probably made them, and the ellipse that holds 90 % of
        each component: by its mean parameters, and thin by those of 20 draws. On the
        diagonal, the histogram of each coordinate with the mean density of the
        mixture and, dashed, its components'. An observation is in the panels of which it
        has the coordinates.

    Raises
    ------
    DataError
        If the fit has no observed data, or is none of vectors.
    """
    y = needed(observations(fit), fit, OBSERVED_DATA, hint="This figure needs the observations.")
    family, theta, components = mixture_of_fit(fit)
    if not family.vectors:
        raise DataError("The fit is one of numbers, which have no pairs. There is plot_density.")
    flat = {
        name: thinned(x.reshape(-1, *x.shape[2:]), at_most=_DRAWS)
        for name, x in ({"theta": theta} | components).items()
    }
    weights = flat.pop("theta")
    K, D = weights.shape[1], y.shape[1]
    wide = np.broadcast_to(flat["sigma"], (len(weights), K, D))
    corr = np.broadcast_to(flat["corr"], (len(weights), K, D, D))
    covariance = wide[..., :, None] * wide[..., None, :] * corr
    times = times_of_observations(fit)
    shown = y[np.linspace(0, len(y) - 1, min(len(y), _POINTS)).round().astype(np.intp)]
    with np.errstate(divide="ignore"):
        terms = component_terms(family, shown, np.log(weights), flat)
    owner = np.exp(terms - terms.max(axis=1, keepdims=True))
    owner = (owner / owner.sum(axis=1, keepdims=True)).mean(axis=0).argmax(axis=0)
    names = coordinate_names(fit) or tuple(f"coordinate {d + 1}" for d in range(D))
    figure = new_figure(
        max(2.4 * D, 4.0),
        0.6 + max(2.2 * D, 3.0),
        title=figure_title("Pairs of coordinates", fit),
        note="Ellipses hold 90 % of a component.",
    )
    axes = figure.subplots(D, D, squeeze=False)
    for i in range(D):
        for j in range(D):
            axis = axes[i, j]
            if j > i:
                axis.set_axis_off()
                continue
            if j == i:
                _draw_marginal(axis, y[:, i], times, weights, flat["mu"][..., i], wide[..., i])
            else:
                pair = [j, i]
                _draw_pair(axis, shown[:, pair], owner, flat["mu"][..., pair], covariance, pair)
            axis.xaxis.set_major_locator(plain_ticks(3))
            axis.tick_params(labelbottom=i == D - 1, labelleft=j == 0 and i > 0)
            if i == D - 1:
                axis.set_xlabel(names[j])
            if j == 0 and i > 0:
                axis.set_ylabel(names[i])
    return figure


def _draw_marginal(
    axis: Axes,
    y: FloatArray,
    times: Times | None,
    theta: FloatArray,
    mu: FloatArray,
    sigma: FloatArray,
) -> None:
    """Draw a coordinate's histogram, and its density under the mixture."""
    there = ~np.isnan(y)
    own = None if times is None else times[there]
    counts, edges = np.histogram(y[there], bins=_BINS, weights=own, density=True)
    axis.stairs(counts, edges, fill=True, color=SAND)
    at = np.linspace(edges[0], edges[-1], 300)
    z = (at[:, None, None] - mu) / sigma
    parts = (theta * np.exp(-0.5 * z * z) / (sigma * np.sqrt(2.0 * np.pi))).mean(axis=1)
    axis.plot(at, parts.sum(axis=1), color=INK, linewidth=1.4)
    for part, colour in zip(parts.T, component_colours(theta.shape[1]), strict=True):
        axis.plot(at, part, color=colour, linewidth=1.1, linestyle="--")
    axis.set_ylim(0.0, 1.05 * max(float(counts.max()), float(parts.sum(axis=1).max())))
    hide_heights(axis)


def _draw_pair(
    axis: Axes,
    points: FloatArray,
    owner: FloatArray,
    mu: FloatArray,
    covariance: FloatArray,
    pair: list[int],
) -> None:
    """Draw two coordinates of the observations, and the components' ellipses."""
    angle = np.linspace(0.0, 2.0 * np.pi, 100)
    circle = _RADIUS * np.stack([np.cos(angle), np.sin(angle)])
    root = cholesky(covariance[..., pair, :][..., pair])
    ellipses = mu[..., None] + root @ circle
    mean = covariance[..., pair, :][..., pair].mean(axis=0)
    middle = mu.mean(axis=0)[..., None] + cholesky(mean) @ circle
    colours = component_colours(mu.shape[1])
    for k, colour in enumerate(colours):
        own = (owner == k) & ~incomplete_rows(points)
        axis.plot(*points[own].T, ".", color=colour, markersize=2.5, alpha=0.5)
        for each in thinned(ellipses[:, k], at_most=_ELLIPSES):
            axis.plot(*each, color=colour, linewidth=0.4, alpha=0.4)
        axis.plot(*middle[k], color=colour, linewidth=1.6)
