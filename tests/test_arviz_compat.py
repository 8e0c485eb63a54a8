"""Tests of pystan_mix.arviz_compat: ArviZ data of the generation that is installed."""

import numpy as np
import pytest
import xarray as xr

from pystan_mix.arviz_compat import HAS_DATATREE, attributes, az, group, group_names, to_arviz
from pystan_mix.errors import DataError

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
