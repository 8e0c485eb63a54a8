"""The model and observations that a joint density is of."""

import numpy as np
import pytest
import xarray as xr

import pystan_mix as pmix
from pystan_mix.arviz_compat import to_arviz
from pystan_mix.errors import DataError
from pystan_mix.mixtures.model import NormalMixture, stan_data
from pystan_mix.mixtures.ordering import ordering_width
from pystan_mix.mixtures.target import joint_of, joint_of_data

Y = pmix.simulate(40, theta=[0.3, 0.3, 0.4], mu=[-3, 0, 4], sigma=1.2, seed=5).round(1)
MODELS = [
    NormalMixture(n_components=3, sigma=[0.8, 1.0, 1.4], means=pmix.Normal([-2, 0, 3], 4)),
    NormalMixture(
        n_components=3, sigma=pmix.HalfStudentT(3, 2.5), means=pmix.Normal(0, 4), min_weight=0.1
    ),
    NormalMixture(n_components=1, sigma=pmix.HalfNormal(3), means=pmix.Normal(0, 4)),
]


@pytest.mark.parametrize("model", MODELS)
def test_stans_data_and_the_fits_say_the_same(model):
    stan = stan_data(model, Y)
    vectors = {
        name: ("component", np.array(stan[name]))
        for name in ("alpha", "mu_loc", "mu_scale", "sigma", "sigma_scale")
        if name in stan
    }
    scalars = {name: stan[name] for name in ("min_weight", "sigma_df") if name in stan}
    fit = to_arviz(
        {
            "constant_data": xr.Dataset(vectors | scalars),
            "observed_data": xr.Dataset({"y": ("obs", Y)}),
        },
        attrs={},
    )
    one, other = joint_of(fit), joint_of_data(stan)
    for name in ("y", "count", "alpha", "min_weight", "mu_loc", "mu_scale", "sigma_scale"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (one.sigma is None) == (other.sigma is None) == ("sigma" not in stan)
    np.testing.assert_equal(one.sigma_df, other.sigma_df)
    assert one.count.sum() == 40 > one.y.size
    assert one.dimensions == {1: 2, 3: 5 if one.sigma is not None else 8}[one.n_components]
    assert one.width == pytest.approx(ordering_width(model, Y), rel=1e-12)


def test_a_fit_without_its_priors_is_refused():
    with pytest.raises(DataError, match="no group 'constant_data'"):
        joint_of(to_arviz({"observed_data": xr.Dataset({"y": ("obs", Y)})}, attrs={}))
    bare = {"observed_data": xr.Dataset({"y": ("obs", Y)})}
    bare["constant_data"] = xr.Dataset({"alpha": ("component", np.ones(3)), "sigma_df": 1.0})
    with pytest.raises(DataError, match="no min_weight, mu_loc, mu_scale, sigma_scale: the model"):
        joint_of(to_arviz(bare, attrs={}))


def test_data_without_priors_are_refused():
    stan = {name: value for name, value in stan_data(MODELS[0], Y).items() if name != "alpha"}
    with pytest.raises(DataError, match="no alpha: the model"):
        joint_of_data(stan)
