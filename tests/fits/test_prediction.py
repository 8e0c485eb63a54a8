"""Log density and responsibilities of points under a fit."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from scipy.special import logsumexp

import pystan_mix as pmix
from pystan_mix.arviz_compat import group, to_arviz
from pystan_mix.errors import DataError
from pystan_mix.fits.prediction import parameter_draws

RNG = np.random.default_rng(4)
THETA = RNG.dirichlet([2, 2, 2], size=(2, 5))
MU = np.sort(RNG.normal(size=(2, 5, 3)))
SIGMA = RNG.gamma(2, size=(2, 5, 3))
POINTS = np.array([-3.0, 0.0, 2.5, 40.0])


def make_fit(*, known: bool):
    dims = ("chain", "draw", "component")
    posterior = {"theta": (dims, THETA), "mu": (dims, MU)}
    if not known:
        posterior["sigma"] = (dims, SIGMA)
    constant = {"sigma": ("component", SIGMA[0, 0])} if known else {"sigma_df": 1.0}
    groups = {"posterior": xr.Dataset(posterior), "constant_data": xr.Dataset(constant)}
    return to_arviz(groups, attrs={})


def terms(sigma: np.ndarray) -> np.ndarray:
    normal = stats.norm.logpdf(POINTS[:, None], MU[..., None, :], sigma[..., None, :])
    return normal + np.log(THETA)[..., None, :]


@pytest.mark.parametrize("known", [False, True])
def test_log_density_and_responsibilities_are_those_of_scipy(known):
    sigma = np.broadcast_to(SIGMA[0, 0], MU.shape) if known else SIGMA
    expected = terms(sigma)
    fit = make_fit(known=known)
    total = logsumexp(expected, axis=-1)
    np.testing.assert_allclose(pmix.log_density(fit, POINTS), total, rtol=1e-10)
    found = pmix.responsibilities(fit, POINTS)
    assert found.shape == (2, 5, 4, 3)
    np.testing.assert_allclose(found, np.exp(expected - total[..., None]), rtol=1e-10, atol=1e-300)
    np.testing.assert_allclose(found.sum(-1), 1.0, rtol=1e-12)


def test_dims_in_another_order_are_understood():
    posterior = group(make_fit(known=False), "posterior").transpose("component", "draw", "chain")
    turned = to_arviz({"posterior": posterior}, attrs={})
    np.testing.assert_array_equal(parameter_draws(turned)[1], MU)


@pytest.mark.parametrize("points", [[[1.0, 2.0]], ["a"], [np.nan]])
def test_bad_points_are_refused(points):
    with pytest.raises(DataError):
        pmix.log_density(make_fit(known=False), points)


def test_what_is_no_fit_of_a_mixture_is_refused():
    fit = to_arviz(
        {"posterior": xr.Dataset({"beta": (("chain", "draw"), THETA[..., 0])})}, attrs={}
    )
    with pytest.raises(DataError, match="no theta and no mu; it has: beta"):
        pmix.log_density(fit, POINTS)
