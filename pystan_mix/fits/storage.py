"""Fits on disk, as netCDF."""

import io
from pathlib import Path

import xarray as xr

from pystan_mix.arviz_compat import HAS_DATATREE, Fit, attributes, az, group, group_names
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
        If its folder cannot be made or written to, or the disk is full.

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
    content = _netcdf(fit)
    with written_whole(path) as partial:
        partial.write_bytes(content)
    return path


def _netcdf(fit: Fit) -> bytes:
    """Return ArviZ data as netCDF, made in memory: HDF5 crashes Python where a disk is full."""
    import h5netcdf

    if isinstance(fit, xr.DataTree):
        datasets = [(node.path, node.to_dataset(inherit=False)) for node in fit.subtree]
    else:
        datasets = [("/", xr.Dataset(attrs=attributes(fit)))]
        datasets += [(f"/{name}", group(fit, name)) for name in group_names(fit)]
    content = io.BytesIO()
    with h5netcdf.File(content, "w") as file:
        for name, dataset in datasets:
            store = xr.backends.H5NetCDFStore(file, group=name, mode="a")
            # numbers are compressed where the generation of ArviZ does so
            encoding = {
                variable: {"zlib": True}
                for variable, values in dataset.variables.items()
                if not HAS_DATATREE and values.dtype.kind in "biufc"
            }
            # what is read on use is read now: nothing else would write it
            dataset.compute().dump_to_store(store, encoding=encoding)
    return content.getvalue()


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
