"""A fit's parameters as figures show them: what they are called, and a panel for each element."""

import dataclasses
from typing import Final, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pystan_mix.arviz_compat import Fit, group
from pystan_mix.errors import DataError
from pystan_mix.figures.style import INK, SLATE, SMALL, component_colours, mathtext, new_figure
from pystan_mix.fits.constants import COMPONENT, DIMS
from pystan_mix.fits.groups import CHAIN_AND_DRAW, POSTERIOR
from pystan_mix.fits.model import family_of
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.numerics import FloatArray

WEIGHTS: Final = "theta"
WEIGHTS_SYMBOL: Final = r"\theta"
_MOST_COLUMNS: Final = 6


@dataclasses.dataclass(frozen=True)
class ShownParameter:
    """A parameter that was estimated.

    Parameters
    ----------
    meaning : str
        What it is, in the plural: "weights".
    symbol : str
        Its symbol as mathtext, without dollar signs.
    draws : ndarray, shape (chain, draw, K) or (chain, draw, 1)
        One element for each component, or one that all share.
    shared : bool
        Whether all components share it.
    """

    meaning: str
    symbol: str
    draws: FloatArray
    shared: bool

    @property
    def size(self) -> int:
        """How many elements it has."""
        return int(self.draws.shape[-1])

    @property
    def colours(self) -> list[str]:
        """A colour for each element: its component's, or that of no component."""
        return [SLATE] if self.shared else component_colours(self.size)

    @property
    def labels(self) -> list[str]:
        """What each element is called; what is shared has no index."""
        return [mathtext(self.symbol, None if self.shared else k + 1) for k in range(self.size)]


class Panel(NamedTuple):
    """One element of a parameter, and the axis that it is drawn in."""

    axis: Axes
    name: str
    element: int  # from 0
    label: str
    colour: str
    draws: FloatArray  # chain, draw
    at_left: bool
    at_bottom: bool


def symbols_of(family: type[Mixture]) -> dict[str, str]:
    """Return the symbols of a family's parameters, the weights first, by name."""
    return {WEIGHTS: WEIGHTS_SYMBOL} | {each.name: each.symbol for each in family.parameters}


def shown_parameters(fit: Fit, *, name: str = POSTERIOR) -> dict[str, ShownParameter]:
    """Return the parameters of a fit that were estimated, the weights first.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit; data without a model are taken for a mixture of normals.
    name : str, default "posterior"
        The group of the draws.

    Returns
    -------
    dict of str to ShownParameter
        Those of the fit's family by name, without the weight of a single
        component, which is one, and without what is known.

    Raises
    ------
    DataError
        If the group is missing or has none of them.
    """
    stored = group(fit, name)
    family = family_of(fit)
    meanings = {WEIGHTS: "weights"} | {each.name: each.meaning for each in family.parameters}
    shown: dict[str, ShownParameter] = {}
    events = {each.name: each.event for each in family.parameters}
    for variable, symbol in symbols_of(family).items():
        if variable in stored and events.get(variable):
            shown |= _of_coordinates(stored[variable], symbol, meanings[variable])
        elif variable in stored and stored[variable].ndim <= 3:
            values = stored[variable].transpose(*CHAIN_AND_DRAW, ...)
            draws = np.asarray(values, dtype=np.float64).reshape(*values.shape[:2], -1)
            shown[variable] = ShownParameter(meanings[variable], symbol, draws, values.ndim == 2)
    if not shown:
        raise DataError(
            f"The {name} has none of {', '.join(meanings)}; it has: "
            f"{', '.join(map(str, stored.data_vars))}. Was another model fitted?"
        )
    if len(shown) > 1 and WEIGHTS in shown and shown[WEIGHTS].size == 1:
        del shown[WEIGHTS]
    return shown


def _of_coordinates(values: xr.DataArray, symbol: str, meaning: str) -> dict[str, ShownParameter]:
    """Return a parameter of vectors as one for each coordinate, of matrices for each pair."""
    shared = COMPONENT not in values.dims
    own = [dim for dim in DIMS if dim in values.dims]
    axes = [*CHAIN_AND_DRAW, *([] if shared else [COMPONENT]), *own]
    draws = np.asarray(values.transpose(*axes), dtype=np.float64)
    draws = draws[:, :, None] if shared else draws
    found = {}
    for place in np.ndindex(draws.shape[3:]):
        # above the ones of a correlation matrix is what is below
        if len(place) < 2 or place[1] < place[0]:
            index = ",".join(str(i + 1) for i in place)
            raised = f"{symbol}^{{({index})}}" if index else symbol
            drawn = draws[(..., *place)]
            found[f"{values.name}[{index}]"] = ShownParameter(meaning, raised, drawn, shared)
    return found


def lay_out_panels(
    parameters: dict[str, ShownParameter], *, height: float, title: str, note: str
) -> tuple[Figure, list[Panel]]:
    """Lay out a panel for each element: a parameter a row, or one row if K is 1."""
    K = max(each.size for each in parameters.values())
    columns = -(-K // -(-K // _MOST_COLUMNS)) if K > 1 else len(parameters)
    cells = []
    row = 0
    for i, (name, parameter) in enumerate(parameters.items()):
        for k in range(parameter.size):
            place = (row + k // columns, k % columns) if K > 1 else (0, i)
            cells.append((*place, name, k))
        row += -(-parameter.size // columns) if K > 1 else 0
    lowest = {column: row for row, column, *_ in cells}
    rows = max(lowest.values()) + 1
    width = min(max(11.0 / columns, 2.0), 3.6) * columns
    figure = new_figure(max(width, 6.0), 0.9 + height * rows, title=title, note=note)
    grid = figure.add_gridspec(rows, columns)
    panels = []
    for row, column, name, k in cells:
        shown = parameters[name]
        axis = figure.add_subplot(grid[row, column])
        words = (name, k, shown.labels[k], shown.colours[k])
        edges = (column == 0, row == lowest[column])
        panels.append(Panel(axis, *words, shown.draws[:, :, k], *edges))
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
