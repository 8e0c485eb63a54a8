"""Tests of pystan_mix.arviz_compat: ArviZ data of the generation that is installed."""

import numpy as np
import pytest
import scipy.special
import scipy.stats
import xarray as xr

from pystan_mix.arviz_compat import HAS_DATATREE, attributes, az, group, group_names, to_arviz
from pystan_mix.errors import DataError, SettingsError
from pystan_mix.fits.storage import load, save
from pystan_mix.stats.importance import pareto_smoothed

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


def test_the_data_are_of_the_installed_generation():
    fit = some_fit()
    major = int(az.__version__.split(".")[0])
    assert (major >= 1) == HAS_DATATREE
    assert isinstance(fit, xr.DataTree if major >= 1 else az.InferenceData)
    # both generations let groups be asked for in these two ways
    assert fit.posterior["mu"].dims == ("chain", "draw", "component")
    assert fit["posterior"]["mu"].shape == (2, 3, 2)


def test_groups_and_attributes_come_back():
    fit = some_fit()
    assert group_names(fit) == ["posterior", "sample_stats"]
    assert isinstance(group(fit, "posterior"), xr.Dataset)
    assert group(fit, "posterior").identical(posterior())
    assert attributes(fit) == ATTRS


def test_attributes_are_a_copy():
    fit = some_fit()
    attributes(fit)["method"] = "advi"
    assert attributes(fit) == ATTRS


def test_a_group_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(DataError, match=r"'prior'.*they have: posterior, sample_stats\."):
        group(some_fit(), "prior")


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


@pytest.mark.parametrize("k", [-0.2, 0.3, 0.9])
def test_k_hat_of_known_tails(k):
    draws = 20_000
    weights = scipy.stats.genpareto.rvs(k, size=draws, random_state=1)
    smoothed, khat = pareto_smoothed(np.log(weights))
    tail = 3 * draws**0.5
    # k's posterior mean has a prior of ten observations at 0.5; its error is (1 + k) / sqrt(tail)
    assert khat == pytest.approx((tail * k + 5) / (tail + 10), abs=4 * (1 + k) / tail**0.5)
    assert np.exp(smoothed).sum() == pytest.approx(1.0, rel=1e-12)
    # all but the tail is as it was
    body = np.argsort(weights)[: -int(tail) - 2]
    np.testing.assert_allclose(
        np.diff(smoothed[body]), np.diff(np.log(weights[body])), rtol=0, atol=1e-9
    )
    # and the largest weights are in the order that they were in
    assert (np.diff(smoothed[np.argsort(weights)]) >= -1e-12).all()


def test_a_light_lower_tail_says_nothing():
    """Weights with a heavy tail only towards zero are harmless: the sign of the ratios counts."""
    weights = scipy.stats.genpareto.rvs(0.9, size=4000, random_state=2)
    assert pareto_smoothed(np.log(weights))[1] > 0.6
    assert pareto_smoothed(-np.log1p(weights))[1] < 0.3


def test_a_constant_does_not_matter_and_the_input_stays_as_it_is():
    log_weights = np.random.default_rng(3).normal(size=500)
    before = log_weights.copy()
    smoothed, khat = pareto_smoothed(log_weights)
    shifted, same = pareto_smoothed(log_weights + 1e4)
    assert np.array_equal(log_weights, before)
    assert khat == pytest.approx(same, abs=1e-6)
    np.testing.assert_allclose(smoothed, shifted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [1, 200])
def test_constant_weights(size):
    smoothed, khat = pareto_smoothed(np.full(size, -7.0))
    assert khat == 0.0
    np.testing.assert_allclose(smoothed, -np.log(size), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "log_weights",
    [np.array([-1.0, 0.0, -2.0]), np.repeat([-1.0, 0.0], [50, 150])],
    ids=["too few", "tail of equals"],
)
def test_a_tail_that_says_nothing_is_not_trusted(log_weights):
    smoothed, khat = pareto_smoothed(log_weights)
    assert khat == np.inf
    expected = log_weights - scipy.special.logsumexp(log_weights)
    np.testing.assert_allclose(smoothed, expected, rtol=0, atol=1e-12)
