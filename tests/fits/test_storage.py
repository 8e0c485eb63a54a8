"""Tests of pystan_mix.fits.storage: fits written as netCDF, and read."""

import numpy as np
import pytest
import xarray as xr
from full_disk import largest_file

from pystan_mix.arviz_compat import attributes, group, group_names, to_arviz
from pystan_mix.errors import DataError, SettingsError
from pystan_mix.fits.storage import load, save

pytestmark = pytest.mark.arviz
ATTRS = {"method": "nuts", "seed": 3, "elbo": -1.5}


def posterior(value: float = 0.0) -> xr.Dataset:
    return xr.Dataset(
        {"mu": (("chain", "draw", "component"), np.arange(12.0).reshape(2, 3, 2) + value)},
        coords={"chain": [0, 1], "draw": [4, 5, 9], "component": [0, 1]},
    )


def some_fit(value: float = 0.0, **attrs):
    stats = xr.Dataset(
        {
            "diverging": (("chain", "draw"), np.array([[True, False, False]] * 2)),
            "n_steps": (("chain", "draw"), np.arange(6).reshape(2, 3)),
        },
        coords={"chain": [0, 1], "draw": [4, 5, 9]},
    )
    groups = {"posterior": posterior(value), "sample_stats": stats}
    return to_arviz(groups, attrs=ATTRS | attrs)


def test_netcdf_brings_everything_back(tmp_path):
    fit = some_fit()
    path = save(fit, tmp_path / "new folder" / "fit.nc")
    assert path == tmp_path / "new folder" / "fit.nc"
    back = load(str(path))
    assert sorted(group_names(back)) == sorted(group_names(fit))
    for name in group_names(fit):
        assert group(back, name).identical(group(fit, name))
        for variable in group(fit, name).variables:
            assert group(back, name)[variable].dtype == group(fit, name)[variable].dtype
    assert attributes(back) == ATTRS


def test_loaded_data_need_their_file_no_more(tmp_path):
    path = save(some_fit(), tmp_path / "fit.nc")
    back = load(path)
    path.write_bytes(b"")
    assert np.array_equal(group(back, "posterior")["mu"], posterior()["mu"])


def test_saving_replaces_an_old_file(tmp_path):
    path = save(some_fit(1.0), tmp_path / "fit.nc")
    save(some_fit(2.0), path)
    assert group(load(path), "posterior").identical(posterior(2.0))


@pytest.mark.parametrize("value", [object(), {"a": {"b": 1}}])
def test_an_old_file_survives_a_save_that_fails(tmp_path, value):
    path = save(some_fit(1.0), tmp_path / "fit.nc")
    before = path.read_bytes()
    # netCDF has no such type; which exception says so is xarray's affair
    with pytest.raises((TypeError, ValueError)):
        save(some_fit(2.0, odd=value), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_an_error_wherever_it_gets_full(tmp_path):
    """Of many places in HDF5's file some crashed Python."""
    path = tmp_path / "fit.nc"
    whole = save(some_fit(2.0), path).stat().st_size
    before = save(some_fit(1.0), path).read_bytes()
    for size in (*range(0, whole, 1000), whole - 1):
        with (
            largest_file(size),
            pytest.raises(SettingsError, match=r"fit\.nc cannot be written: File too large. Free"),
        ):
            save(some_fit(2.0), path)
        assert list(tmp_path.iterdir()) == [path]
        assert path.read_bytes() == before
    with largest_file(whole):
        save(some_fit(2.0), path)
    assert group(load(path), "posterior").identical(posterior(2.0))


def test_what_is_read_on_use_is_saved(tmp_path):
    other = save(some_fit(1.0), tmp_path / "first.nc")
    with xr.open_dataset(other, group="posterior", engine="h5netcdf") as lazy:
        fit = to_arviz({"posterior": lazy}, attrs=ATTRS)
        save(fit, tmp_path / "fit.nc")
    assert group(load(tmp_path / "fit.nc"), "posterior").identical(posterior(1.0))


def test_a_save_that_fails_leaves_no_file(tmp_path):
    with pytest.raises((TypeError, ValueError)):
        save(some_fit(odd=object()), tmp_path / "fit.nc")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="file cannot be made"):
        save(some_fit(), tmp_path / "file" / "fit.nc")


def test_loading_a_missing_file_or_a_folder(tmp_path):
    with pytest.raises(DataError, match=r"no file .*none\.nc"):
        load(tmp_path / "none.nc")
    with pytest.raises(DataError, match="no file"):
        load(tmp_path)


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda content: b"", id="empty"),
        pytest.param(lambda content: b"a,b\n1,2\n", id="text"),
        pytest.param(lambda content: b"\x89HDF\r\n\x1a\n", id="the magic number only"),
        pytest.param(cut, id="cut"),
    ],
)
def test_loading_what_is_not_netcdf(tmp_path, change):
    path = save(some_fit(), tmp_path / "fit.nc")
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match=r"fit\.nc is not readable as netCDF: "):
        load(path)
