"""Where the Stan programs, compiled ones too, and the data sets of the package are."""

from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).resolve().parent


def resource_dir(name: Literal["stan", "data", "prebuilt"]) -> Path:
    """Return the folder of the Stan programs, of their executables or of the shipped data sets.

    An installed wheel holds both inside the package; a source tree, and so an
    editable install, holds them beside it.

    Parameters
    ----------
    name : {"stan", "data", "prebuilt"}
        Which folder.

    Returns
    -------
    pathlib.Path
        The folder. That of executables exists only where a wheel brought them.

    Examples
    --------
    >>> (resource_dir("stan") / "normal.stan").is_file()
    True
    """
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name
