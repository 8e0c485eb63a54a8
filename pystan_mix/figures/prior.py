"""Figures of a prior."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pystan_mix.errors import SettingsError
from pystan_mix.figures.parameters import WEIGHTS_SYMBOL
from pystan_mix.figures.style import (
    GREY,
    INK,
    component_colours,
    hide_heights,
    in_our_look,
    mathtext,
    new_figure,
)
from pystan_mix.mixtures.priors import Dirichlet
from pystan_mix.numerics import FloatArray

_BLUE: Final = component_colours(1)[0]


@in_our_look
def plot_dirichlet_prior(
    concentrations: Sequence[float] = (0.5, 1, 2, 10, 50), *, n_components: int = 3, seed: int
) -> Figure:
    """Draw what the Dirichlet prior says of the weights.

    Higher concentrations force the weights to be more central.

    Parameters
    ----------
    concentrations : sequence of float, default (0.5, 1, 2, 10, 50)
        Positive; each is that of all components.
    n_components : int, default 3
        Number of weights, 2 or more.
    seed : int
        Seed of NumPy's generator.

    Returns
    -------
    matplotlib.figure.Figure
        For three components, draws on the simplex above the density of the
        first weight; for others, the density alone.

    Raises
    ------
    ModelError
        If a concentration is not a positive number.
    SettingsError
        If there is no concentration, or `n_components` is not a whole number,
        2 or more.

    Examples
    --------
    >>> len(plot_dirichlet_prior([1, 10], seed=1).axes)
    4
    """
    K = n_components
    if isinstance(K, bool) or not isinstance(K, int | np.integer) or K < 2:
        raise SettingsError(f"n_components must be a whole number, 2 or more; it is {K!r}.")
    alphas = [_one_number(Dirichlet(value)) for value in concentrations]
    if not alphas:
        raise SettingsError("Give at least one concentration to draw the prior for.")
    random = np.random.default_rng(seed)
    rows = 2 if K == 3 else 1
    figure = new_figure(
        max(2.2 * len(alphas), 7.2),
        0.8 + 2.05 * rows,
        title=f"Dirichlet prior of {K} weights: higher concentrations hold them nearer to 1/{K}",
    )
    axes = figure.subplots(
        rows, len(alphas), squeeze=False, sharey="row", height_ratios=[5, 4][-rows:]
    )
    highest = 0.0
    for column, alpha in zip(axes.T, alphas, strict=True):
        draws = random.dirichlet(np.full(K, alpha), size=2000)
        if K == 3:
            _draw_simplex(column[0], draws)
        top = _draw_first_weight(column[-1], draws[:, 0], alpha, K)
        highest = max(highest, top)
        column[0].set_title(f"concentration {alpha:g}", fontsize=10)
    axes[-1, 0].set_ylim(0.0, 1.12 * highest)
    return figure


def _one_number(prior: Dirichlet) -> float:
    """Return the concentration that serves all components."""
    if not isinstance(prior.concentration, float):
        raise SettingsError(
            f"Each concentration must be one number; one is {list(prior.concentration)}."
        )
    return prior.concentration


def _draw_simplex(axis: Axes, weights: FloatArray) -> None:
    """Draw weights of three components as points in a triangle, a corner for each."""
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, math.sqrt(0.75)]])
    axis.plot(
        *(weights @ corners).T, ".", color=_BLUE, markersize=2.0, alpha=0.35, markeredgewidth=0
    )
    axis.plot(*np.vstack([corners, corners[:1]]).T, color=INK, linewidth=0.8)
    for k, (x, y) in enumerate(corners.mean(axis=0) + 1.14 * (corners - corners.mean(axis=0))):
        axis.text(x, y, mathtext(WEIGHTS_SYMBOL, k + 1), ha="center", va="center", fontsize=10)
    axis.set(xlim=(-0.1, 1.1), ylim=(-0.1, 0.98), aspect="equal")
    axis.set_axis_off()


def _draw_first_weight(axis: Axes, draws: FloatArray, alpha: float, K: int) -> float:
    """Draw a weight's histogram and Beta density; return the former's height."""
    rest = (K - 1) * alpha
    log_beta = math.lgamma(alpha) + math.lgamma(rest) - math.lgamma(alpha + rest)
    # away from 0 and 1, where it may be infinite
    points = np.linspace(0.0, 1.0, 401)[1:-1]
    log_heights = (alpha - 1.0) * np.log(points) + (rest - 1.0) * np.log1p(-points) - log_beta
    counts, edges = np.histogram(draws, bins=40, range=(0.0, 1.0), density=True)
    axis.stairs(counts, edges, fill=True, color=_BLUE, alpha=0.25)
    axis.plot(points, np.exp(log_heights), color=_BLUE, linewidth=1.4)
    axis.axvline(1.0 / K, color=GREY, linewidth=0.8, linestyle="--")
    axis.set(xlim=(0.0, 1.0), xticks=[0.0, 0.5, 1.0], xlabel=mathtext(WEIGHTS_SYMBOL, 1))
    hide_heights(axis)
    return float(counts.max())
