"""What all figures share: their look, colours and words, and how they are saved."""

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from pystan_mix.arviz_compat import Fit, group_names
from pystan_mix.errors import DataError, SettingsError
from pystan_mix.files import written_whole
from pystan_mix.fits.attributes import Provenance, WeighingFindings, read_attributes
from pystan_mix.fits.groups import posterior_size
from pystan_mix.numerics import FloatArray

FoundT = TypeVar("FoundT")
PlotP = ParamSpec("PlotP")

INK: Final = "#222222"
GREY: Final = "#8c8c8c"
SLATE: Final = "#5b6470"  # of what belongs to no component
SAND: Final = "#eee3cd"
SMALL: Final = 8.5
DOTS_PER_INCH: Final = 150

_LOOK: Final[dict[Any, Any]] = {
    "axes.edgecolor": INK,
    "axes.facecolor": "white",
    "axes.formatter.useoffset": False,
    "axes.grid": False,
    "axes.labelcolor": INK,
    "axes.labelsize": 9.5,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlesize": 10,
    "figure.facecolor": "white",
    "font.family": ["DejaVu Sans"],
    "font.size": 9.5,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "mathtext.fontset": "dejavusans",
    "savefig.bbox": None,
    "savefig.facecolor": "white",
    "text.color": INK,
    "text.usetex": False,
    "xtick.color": INK,
    "ytick.color": INK,
}

# Okabe and Ito's, which colour-blind readers can tell apart, without the pale yellow
_COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def in_our_look(plot: Callable[PlotP, Figure]) -> Callable[PlotP, Figure]:
    """Let a function draw its figure in the look of all, and leave the caller's settings alone."""

    @functools.wraps(plot)
    def drawn(*args: PlotP.args, **kwargs: PlotP.kwargs) -> Figure:
        with mpl.rc_context(_LOOK):
            figure = plot(*args, **kwargs)
            for axis in figure.axes:
                axis.tick_params(labelsize=SMALL)  # also of ticks that are made later
            return figure

    return drawn


def component_colours(n_components: int) -> list[str]:
    """Return a colour for each component, told apart by colour-blind readers too."""
    if n_components <= len(_COLOURS):
        return list(_COLOURS[:n_components])
    steps = np.linspace(0.0, 0.92, n_components)
    return [to_hex(colour) for colour in mpl.colormaps["viridis"](steps)]


def mathtext(symbol: str, component: int | None = None) -> str:
    r"""Return a symbol such as ``\mu``, to be drawn; components count from 1, as in Stan."""
    index = "" if component is None else f"_{{{component}}}"
    return f"${symbol}{index}$"


def written(value: float, spread: float) -> str:
    """Return a number with two digits of its spread, and a true minus sign.

    Examples
    --------
    >>> written(10.6849, 0.0432)
    '10.685'
    """
    exponent = math.floor(math.log10(spread)) if 0 < spread < math.inf else -2
    if exponent < -7 or exponent > 6:
        text = f"{value:.5g}"
    else:
        decimals = max(1 - exponent, 0)
        text = f"{round(value, decimals) + 0.0:.{decimals}f}"  # + 0.0: no minus before a zero
    return text.replace("-", "\N{MINUS SIGN}")


def method_name(fit: Fit) -> str:
    """Return the method that made the fit, as it is written, or an empty string."""
    return read_attributes(Provenance, fit).method.upper()


def figure_title(what: str, fit: Fit) -> str:
    """Return a title that names the method and the number of draws."""
    chains, length = posterior_size(fit)
    weighing = read_attributes(WeighingFindings, fit)
    if weighing.weighed:
        count = f"{chains * length} {'annealed' if weighing.annealed else 'weighed'} draws"
    else:
        count = f"{chains} chains of {length} draws" if chains > 1 else f"{length} draws"
    return ", ".join(part for part in (what, method_name(fit), count) if part)


def thinned(draws: FloatArray, *, at_most: int) -> FloatArray:
    """Return evenly spaced rows of draws, up to `at_most` of them."""
    return draws[:: stride(len(draws), at_most=at_most)]


def stride(length: int, *, at_most: int) -> int:
    """Return the least step that leaves up to `at_most` of so many."""
    return max(-(-length // at_most), 1)


def needed(found: FoundT | None, fit: Fit, name: str, *, hint: str) -> FoundT:
    """Return what was found in a group, or raise DataError with a hint at how to get it."""
    if found is None:
        names = group_names(fit)
        lacking = (
            f"What the group {name!r} holds is not named as in a fit by sample() or advi()."
            if name in names
            else f"The data have no group {name!r}; they have: {', '.join(names)}."
        )
        raise DataError(f"{lacking} {hint}")
    return found


def new_figure(width: float, height: float, *, title: str, note: str = "") -> Figure:
    """Return a figure, in inches, with a title above and a note below; pyplot knows nothing."""
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08, wspace=0.02, hspace=0.02)
    figure = Figure(figsize=(width, height), layout=layout)
    left = 0.12 / width
    figure.suptitle(title, x=left, horizontalalignment="left", fontsize=11.5)
    if note:
        figure.supxlabel(note, x=left, horizontalalignment="left", fontsize=SMALL)
    return figure


def plain_ticks(intervals: int) -> MaxNLocator:
    """Return a locator of at most so many intervals, at round numbers."""
    return MaxNLocator(intervals, steps=[1, 2, 2.5, 5, 10], min_n_ticks=3)


def hide_heights(axis: Axes) -> None:
    """Leave out the scale of a density: its area is one, its heights tell nothing."""
    axis.set_yticks([])
    axis.spines["left"].set_visible(False)
    axis.set_ylim(bottom=0.0)


def legend_above(axis: Axes, *, columns: int) -> None:
    """Put the legend between the axis and the title, where no data are."""
    axis.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.01),
        ncols=columns,
        borderaxespad=0.0,
        handlelength=1.6,
        columnspacing=1.4,
    )


def frame_densities(
    axis: Axes, bounds: tuple[float, float], *, columns: int, counts: bool = False
) -> None:
    """Set the axes of densities of the observations, and their legend."""
    axis.set(xlabel="$y$", ylabel="probability" if counts else "density", xlim=bounds)
    axis.set_ylim(bottom=0.0)
    axis.yaxis.set_major_locator(plain_ticks(6))
    legend_above(axis, columns=columns)


@mpl.rc_context(_LOOK)
def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure, whole or not at all, at 150 dots per inch.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    path : str or pathlib.Path
        The file, replaced if it exists; its ending, ``.png``, ``.pdf`` or
        ``.svg``, says the format.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    SettingsError
        If the ending is another, or the folder cannot be made or written to.
    """
    path = Path(path)
    if path.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise SettingsError(
            f"A figure cannot be saved as {path.name}: end its name in .png, .pdf or .svg."
        )
    with written_whole(path) as partial:
        figure.savefig(partial, dpi=DOTS_PER_INCH)
    return path
