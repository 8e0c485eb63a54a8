"""Figures of ADVI: how its starts came down, and how its marginals lie over NUTS's."""

from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pystan_mix.arviz_compat import Fit
from pystan_mix.errors import DataError
from pystan_mix.figures.parameters import lay_out_panels, say_constant, shown_parameters
from pystan_mix.figures.style import (
    GREY,
    INK,
    component_colours,
    hide_heights,
    in_our_look,
    legend_above,
    needed,
    new_figure,
    plain_ticks,
    written,
)
from pystan_mix.fits.approximation import (
    APPROXIMATION,
    HISTORY,
    history_of,
    is_reweighted,
    starts_of,
)
from pystan_mix.fits.attributes import AdviFindings, read_attributes
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.curves import density_curve, is_constant

_BLUE, _VERMILION = component_colours(2)
_SAND: Final = "#d9c7a0"  # of areas under a curve; SAND is too light for one of these


@in_our_look
def plot_elbo(approx: Fit) -> Figure:
    """Draw the loss of every start of ADVI, minus its ELBO, against the iteration.

    Parameters
    ----------
    approx : arviz.InferenceData or xarray.DataTree
        A fit by ADVI.

    Returns
    -------
    matplotlib.figure.Figure
        The losses from where the kept start's has come down to the size of its
        last ones; the earlier losses are too large for the same axis. A start
        that ended above the axis is named.

    Raises
    ------
    DataError
        If the fit has no ELBO history.
    """
    history = needed(
        history_of(approx),
        approx,
        HISTORY,
        hint="Only a fit by ADVI has an ELBO history to be drawn.",
    )
    iteration, elbo = history.iteration, history.elbo
    if not np.isfinite(elbo).any():
        raise DataError("No ELBO in the history is finite. Run ADVI again with another seed.")
    kept = _kept(approx, elbo)
    loss = -elbo[kept][np.isfinite(elbo[kept])]
    first, ceiling = _readable_part(loss)
    start = iteration[np.isfinite(elbo[kept])][first]
    figure = new_figure(8.0, 4.2, title="ADVI: loss (minus the ELBO)")
    axis = figure.subplots()
    beyond = _draw_starts(axis, iteration, -elbo, kept, start=start, ceiling=ceiling)
    final = read_attributes(AdviFindings, approx)
    if np.isnan(final.elbo):
        axis.plot([], [], " ", label=f"last {loss[-1]:.2f}")
    else:
        text = f"final loss {written(-final.elbo, final.elbo_mcse)}"
        if not np.isnan(final.elbo_mcse):
            text += f" ± {written(final.elbo_mcse, final.elbo_mcse)}"
        axis.axhline(-final.elbo, color=_VERMILION, linewidth=1.2, linestyle="--", label=text)
    if axis.get_ylim()[1] > ceiling:
        axis.set_ylim(top=ceiling)
    label = "iteration"
    if first > 0:
        label += f" (before {start}, not drawn, the loss was up to {_rounded(loss[:first].max())})"
    if beyond:
        label += f"\nabove the axis: {', '.join(beyond)}"
    axis.set(xlabel=label, ylabel="loss", xlim=(start if first > 0 else 0, iteration[-1]))
    legend_above(axis, columns=3)
    return figure


def _kept(approx: Fit, elbo: FloatArray) -> int:
    """Return which start is kept; where that is not said, the one that ended best."""
    starts = starts_of(approx)
    if starts is not None:
        return int(np.argmax(starts.kept))
    last = [values[np.isfinite(values)][-1:] for values in elbo]
    return int(np.argmax([value[0] if value.size else -np.inf for value in last]))


def _draw_starts(
    axis: Axes,
    iteration: NDArray[np.int64],
    loss: FloatArray,
    kept: int,
    *,
    start: int,
    ceiling: float,
) -> list[str]:
    """Draw the losses, the kept start's on top; return what there is to say of those above."""
    beyond = []
    others = "other starts" if len(loss) > 2 else "other start"
    for i, values in enumerate(loss):
        drawn = np.isfinite(values) & (iteration >= start)
        if i == kept or not drawn.any():
            continue
        if values[drawn][-1] > ceiling:
            beyond.append(f"start {i + 1}, which ended at {values[drawn][-1]:.1f}")
            continue
        axis.plot(iteration[drawn], values[drawn], color=GREY, linewidth=0.9, label=others)
        others = ""
    drawn = np.isfinite(loss[kept]) & (iteration >= start)
    label = f"start {kept + 1}, kept" if len(loss) > 1 else "loss while optimising"
    axis.plot(iteration[drawn], loss[kept][drawn], color=_BLUE, linewidth=1.3, label=label)
    return beyond


def _readable_part(loss: FloatArray) -> tuple[int, float]:
    """Return where the loss is down to the size of its last half, and an axis for it."""
    settled = loss[len(loss) // 2 :]
    low, level, high = np.quantile(settled, [0.05, 0.5, 0.95])
    ceiling = float(level + max(10.0 * (high - low), 0.05 * abs(level)))
    return int(np.argmax(loss <= ceiling)), ceiling


def _rounded(value: float) -> str:
    """Return a number without decimals; a large one as mathtext, with a power of ten."""
    if abs(value) < 1e5:
        return written(value, 10.0)
    mantissa, exponent = f"{value:.1e}".split("e")
    return rf"${mantissa} \times 10^{{{int(exponent)}}}$"


@in_our_look
def plot_approximation(approx: Fit, fit: Fit) -> Figure:
    """Draw the marginals of an approximation over those of NUTS.

    Parameters
    ----------
    approx : arviz.InferenceData or xarray.DataTree
        A fit by ADVI.
    fit : arviz.InferenceData or xarray.DataTree
        A fit of the same model to the same data by NUTS.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for each element of a parameter: NUTS as an area, ADVI as a
        line and, where its draws are reweighted, these as a dashed line. The
        title has the algorithm and Pareto k-hat.

    Raises
    ------
    DataError
        If the two have different parameters, or no posterior of a mixture.
    """
    exact, returned = shown_parameters(fit), shown_parameters(approx)
    sizes = [{name: shown.size for name, shown in each.items()} for each in (exact, returned)]
    if sizes[0] != sizes[1]:
        raise DataError(
            "The two fits are of different models: their parameters and how many values each has "
            f"are {sizes[0]} and {sizes[1]}."
        )
    weighted = is_reweighted(approx)
    plain = shown_parameters(approx, name=APPROXIMATION) if weighted else returned
    findings = read_attributes(AdviFindings, approx)
    figure, panels = lay_out_panels(
        exact,
        height=2.0,
        title=f"ADVI ({findings.algorithm or 'meanfield'}) over NUTS, "
        f"Pareto k-hat {findings.pareto_khat:.2f}",
        note="Areas: NUTS. Lines: ADVI. "
        + ("Dashed: ADVI, reweighted." if weighted else "Not reweighted."),
    )
    for panel in panels:
        panel.axis.set_title(panel.label, loc="left", fontsize=12)
        panel.axis.xaxis.set_major_locator(plain_ticks(4))
        if is_constant(panel.draws):
            say_constant(panel)
        else:
            points, heights = density_curve(panel.draws)
            panel.axis.fill_between(points, heights, color=_SAND, linewidth=0)
        name, k = panel.name, panel.element
        curves = [(plain[name].draws[..., k], "-", _BLUE)]
        if weighted:
            curves.append((returned[name].draws[..., k], "--", INK))
        for draws, style, colour in curves:
            if not is_constant(draws):
                panel.axis.plot(*density_curve(draws), style, color=colour, linewidth=1.4)
        hide_heights(panel.axis)
    return figure
