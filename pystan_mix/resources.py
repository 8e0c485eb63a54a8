"""Where the Stan programs and the data sets that come with the package are."""

from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).resolve().parent


def resource_dir(name: Literal["stan", "data"]) -> Path:
    """Return the folder of the Stan programs or of the shipped data sets.

    An installed wheel holds both inside the package; a source tree, and so an
    editable install, holds them beside it.

    Parameters
    ----------
    name : {"stan", "data"}
        Which folder.

    Returns
    -------
    pathlib.Path
        An existing folder.

    Examples
    --------
    >>> (resource_dir("stan") / "normal.stan").is_file()
    True
    """
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name
