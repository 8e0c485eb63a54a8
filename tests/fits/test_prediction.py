"""Log density and responsibilities of points under a fit."""

import numpy as np
import pytest
import xarray as xr
from known_posteriors import fit_with_model, heavy_family
from scipy import stats
from scipy.special import logsumexp

import pystan_mix as pmix
from pystan_mix.arviz_compat import to_arviz
from pystan_mix.errors import DataError
from pystan_mix.mixtures.priors import Normal
from pystan_mix.mixtures.scale_priors import HalfNormal

pytestmark = pytest.mark.arviz

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


@pytest.mark.parametrize("df", [HalfNormal(10), HalfNormal([9, 10, 11]), 4.0, [4, 5, 6]], ids=repr)
def test_components_of_another_family(monkeypatch, df):
    """Student-t's, with one number of degrees of freedom for all, or one for each."""
    model = heavy_family(monkeypatch)(
        n_components=3, means=Normal(0, 1), sigma=HalfNormal(1), df=df
    )
    variables = {"theta": THETA, "mu": MU, "sigma": SIGMA}
    if isinstance(df, HalfNormal):
        size = 1 if isinstance(df.scale, float) else 3
        nu = variables["df"] = RNG.gamma(9, size=(2, 5, size))
    else:
        nu = np.atleast_1d(df)
    fit = fit_with_model(model, variables)
    t = stats.t.logpdf(POINTS[:, None], nu[..., None, :], MU[..., None, :], SIGMA[..., None, :])
    expected = t + np.log(THETA)[..., None, :]
    total = logsumexp(expected, axis=-1)
    np.testing.assert_allclose(pmix.log_density(fit, POINTS), total, rtol=1e-10)
    shares = np.exp(expected - total[..., None])
    np.testing.assert_allclose(pmix.responsibilities(fit, POINTS), shares, rtol=1e-10)


def one_draw(theta, mu, sigma):
    """A fit with one draw of two components."""
    dims = ("chain", "draw", "component")
    posterior = {"theta": theta, "mu": mu, "sigma": sigma}
    variables = {name: (dims, np.array([[values]])) for name, values in posterior.items()}
    return to_arviz({"posterior": xr.Dataset(variables)}, attrs={})


@pytest.mark.parametrize("y", [-1e4, 3e4, 1e8])
def test_points_far_from_every_component_have_one_that_made_them(y):
    """The density itself underflows to zero beyond 39 standard deviations."""
    fit = one_draw([0.3, 0.7], [-1.0, 2.0], [1.0, 1.5])
    expected = np.log(0.7) + stats.norm.logpdf(y, 2.0, 1.5)
    assert pmix.log_density(fit, [y]) == pytest.approx(expected, rel=1e-12)
    assert pmix.responsibilities(fit, [y]).tolist() == [[[[0.0, 1.0]]]]


def test_a_component_of_weight_zero_makes_nothing():
    y = np.array([-3.0, 0.0, 1e4])
    fit = one_draw([0.0, 1.0], [-3.0, 2.0], [1.0, 0.5])
    expected = stats.norm.logpdf(y, 2.0, 0.5)
    np.testing.assert_allclose(pmix.log_density(fit, y)[0, 0], expected, rtol=1e-10)
    np.testing.assert_array_equal(pmix.responsibilities(fit, y)[0, 0], [[0.0, 1.0]] * 3)


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
