"""Fits on disk, as netCDF."""

from pathlib import Path

import xarray as xr

from pystan_mix.arviz_compat import HAS_DATATREE, Fit, az
from pystan_mix.errors import DataError
from pystan_mix.files import written_whole


def save(fit: Fit, path: str | Path) -> Path:
    """Write ArviZ data as netCDF, whole or not at all.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        ArviZ data.
    path : str or pathlib.Path
        The file, replaced if it exists.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    SettingsError
        If its folder cannot be made or written to.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from pystan_mix.arviz_compat import to_arviz
    >>> posterior = xr.Dataset({"mu": (("chain", "draw"), np.zeros((4, 100)))})
    >>> fit = to_arviz({"posterior": posterior}, attrs={"method": "nuts"})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(save(fit, Path(folder) / "fit.nc").name)
    fit.nc
    """
    path = Path(path)
    with written_whole(path) as partial:
        if isinstance(fit, xr.DataTree):
            fit.to_netcdf(partial, engine="h5netcdf")
        else:
            fit.to_netcdf(str(partial), engine="h5netcdf")
    return path


def load(path: str | Path) -> Fit:
    """Read ArviZ data from netCDF into memory.

    Parameters
    ----------
    path : str or pathlib.Path
        A file that `save` or ArviZ wrote.

    Returns
    -------
    arviz.InferenceData or xarray.DataTree
        The data; the file is closed.

    Raises
    ------
    DataError
        If the file is missing or not netCDF.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from pystan_mix.arviz_compat import to_arviz
    >>> posterior = xr.Dataset({"mu": (("chain", "draw"), np.zeros((4, 100)))})
    >>> fit = to_arviz({"posterior": posterior}, attrs={"method": "nuts"})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = load(save(fit, Path(folder) / "fit.nc"))
    >>> again.posterior["mu"].shape
    (4, 100)
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"There is no file {path}. Check its name and folder.")
    try:
        if HAS_DATATREE:
            with xr.open_datatree(path, engine="h5netcdf") as tree:
                return tree.load()
        with az.rc_context({"data.load": "eager"}):  # its default reads on use
            return az.from_netcdf(str(path), engine="h5netcdf")
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} is not readable as netCDF: {error}") from error
