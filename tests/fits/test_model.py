"""Tests of pystan_mix.fits.model: the model that a fit carries, its observations and its draws."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from known_posteriors import HeavyMixture, fit_with_model, heavy_family

import pystan_mix as pmix
from pystan_mix.arviz_compat import group, group_names, to_arviz
from pystan_mix.errors import DataError
from pystan_mix.fits.groups import observations
from pystan_mix.fits.model import (
    draws_of_fit,
    family_of,
    mixture_of_fit,
    model_of,
    target_of_fit,
)
from pystan_mix.fits.storage import load, save
from pystan_mix.mixtures.density import log_joint, to_unconstrained
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.priors import Dirichlet, Normal
from pystan_mix.mixtures.scale_priors import HalfCauchy, HalfNormal, HalfStudentT

pytestmark = pytest.mark.arviz
RECORDED = Path(__file__).resolve().parents[1] / "recorded"
# what the recorded fits are of; see version_0_1_0.py there
OLD_Y = pmix.simulate(30, theta=[0.4, 0.6], mu=[-3, 3], sigma=1.0, seed=1).round(1)
OLD_MODEL = NormalMixture(
    n_components=2,
    weights=Dirichlet([2, 3]),
    means=Normal([-2, 2], 5),
    sigma=HalfStudentT(3, 2.5),
    min_weight=0.05,
    min_sigma=0.0,
)
OLD_ADVI_MODEL = NormalMixture(
    n_components=2, means=Normal(OLD_Y.mean(), 2.5 * OLD_Y.std()), sigma=[1.0, 1.5]
)
RNG = np.random.default_rng(4)
Y = np.array([3.0, 1.0, 3.0, -2.5, 3.0, 1.0])
SHAPE = (2, 5, 3)
THETA = RNG.dirichlet([2, 2, 2], size=(2, 5))
MU = np.sort(RNG.normal(size=SHAPE))
SIGMA = RNG.gamma(2, size=SHAPE)
DF = RNG.gamma(9, size=(2, 5, 1))
VARIABLES = {"theta": THETA, "mu": MU, "sigma": SIGMA}
VARIABLES_OF_TWO = {name: values[..., :2] for name, values in VARIABLES.items()}
MEANS = Normal([0, 1, 2], 5)
DIMS = ("chain", "draw", "anything")


def without_json(fit):
    """The same as version 0.1.0 made it: with constants only."""
    return to_arviz({name: group(fit, name) for name in group_names(fit)}, attrs={})


@pytest.mark.parametrize(
    "model",
    [
        NormalMixture(n_components=3, means=MEANS, sigma=HalfCauchy(2), min_sigma=0.5),
        NormalMixture(n_components=3, means=MEANS, sigma=HalfNormal([1, 2, 3]), min_sigma=0),
        NormalMixture(n_components=3, weights=Dirichlet([1, 2, 3]), means=MEANS, sigma=[1, 2, 3]),
        NormalMixture(
            n_components=3, means=MEANS, sigma=HalfStudentT(3, 2), min_sigma=0.5, min_weight=0.1
        ),
    ],
    ids=repr,
)
def test_a_fit_has_its_model_and_its_observations_back(tmp_path, model):
    variables = VARIABLES if not model.known_values() else {"theta": THETA, "mu": MU}
    fit = load(save(fit_with_model(model, variables, y=Y), tmp_path / "fit.nc"))
    for each in (fit, without_json(fit)):
        assert model_of(each) == model
        target = target_of_fit(each)
        assert target.model == model
        np.testing.assert_array_equal(target.observed.y, Y)
        assert target.observed.count.tolist() == [1, 2, 3]


def test_priors_that_were_left_out_are_written_out():
    fit = fit_with_model(NormalMixture(n_components=3), VARIABLES, y=Y)
    assert model_of(fit) == NormalMixture(
        n_components=3,
        means=Normal(Y.mean(), 2.5 * Y.std()),
        sigma=HalfNormal(Y.std()),
        min_sigma=0.25,
    )
    # to the last digit
    assert model_of(without_json(fit)) == model_of(fit)


def test_what_carries_no_model_is_refused():
    posterior = {"posterior": group(fit_with_model(OLD_MODEL, VARIABLES_OF_TWO, y=Y), "posterior")}
    with pytest.raises(DataError, match="neither the attribute 'model' nor a group constant_data"):
        model_of(to_arviz(posterior, attrs={"method": "nuts"}))
    lost = xr.Dataset({"alpha": ("component", np.ones(2)), "mu_loc": ("component", np.ones(2))})
    with pytest.raises(DataError, match="There is no mu_scale: the model is not known"):
        model_of(to_arviz(posterior | {"constant_data": lost}, attrs={}))
    with pytest.raises(DataError, match="model that the data carry cannot be read"):
        model_of(to_arviz(posterior, attrs={"model": '{"family": "beta"}'}))


def test_a_fit_without_observations_is_no_target():
    fit = fit_with_model(OLD_MODEL, VARIABLES_OF_TWO, y=Y)
    bare = {name: group(fit, name) for name in ("posterior", "constant_data")}
    with pytest.raises(DataError, match="The fit has no observations"):
        target_of_fit(to_arviz(bare, attrs={}))


@pytest.mark.parametrize(
    ("name", "model", "chains"),
    [("fit-0.1.0.nc", OLD_MODEL, 2), ("fit-0.1.0-advi.nc", OLD_ADVI_MODEL, 1)],
)
def test_fits_by_version_0_1_0(name, model, chains):
    """Read, weighed and predicted from: the densities that CmdStan wrote are found again."""
    fit = load(RECORDED / name)
    assert "model" not in fit.attrs
    assert model_of(fit) == model
    assert family_of(fit) is NormalMixture
    np.testing.assert_array_equal(observations(fit), OLD_Y)
    target, draws = target_of_fit(fit), draws_of_fit(fit)
    assert draws.chains == chains
    assert list(draws.variables) == ["theta", "mu", "sigma"][: 1 + len(target.estimated)]
    flat = {key: x.reshape(-1, x.shape[-1]) for key, x in draws.variables.items()}
    found = log_joint(target, to_unconstrained(target, flat))
    stats = group(fit, "sample_stats")
    if "log_p" in stats:
        np.testing.assert_allclose(found, stats["log_p"].to_numpy().ravel(), rtol=0, atol=1e-8)
    else:  # NUTS writes it up to a constant
        assert np.ptp(found) > 1.0
        assert np.ptp(found - stats["lp"].to_numpy().ravel()) < 1e-8


@pytest.mark.parametrize("name", ["fit-0.1.0.nc", "fit-0.1.0-advi.nc"])
def test_fits_by_version_0_1_0_are_predicted_from(name):
    fit = load(RECORDED / name)
    density = pmix.log_density(fit, [-3.0, 0.0])
    shares = pmix.responsibilities(fit, [-3.0, 3.0]).mean(axis=(0, 1))
    assert density.shape == (*group(fit, "posterior")["mu"].shape[:2], 2)
    # 12 and 18 of the 30 observations are about -3 and 3
    assert (density[..., 0] > density[..., 1]).mean() > 0.9
    np.testing.assert_allclose(shares, np.eye(2), rtol=0, atol=0.05)


@pytest.mark.parametrize("size", [1, 3])
def test_what_all_components_share_is_one_draw(monkeypatch, tmp_path, size):
    heavy = heavy_family(monkeypatch)
    df = HalfNormal(10) if size == 1 else HalfNormal([9, 10, 11])
    values = DF if size == 1 else SIGMA
    model = heavy(n_components=3, means=MEANS, sigma=HalfNormal(1), df=df, min_sigma=0.1)
    fit = fit_with_model(model, VARIABLES | {"df": values}, y=Y)
    fit = load(save(fit, tmp_path / "fit.nc"))
    assert model_of(fit) == model
    assert family_of(fit) is HeavyMixture
    draws = draws_of_fit(fit)
    assert list(draws.variables) == ["theta", "mu", "sigma", "df"]
    np.testing.assert_array_equal(draws.variables["df"], values)
    assert draws.variables["df"].shape == (2, 5, size)
    family, theta, components = mixture_of_fit(fit)
    assert family is HeavyMixture
    np.testing.assert_array_equal(theta, THETA)
    np.testing.assert_array_equal(components["df"], values)


@pytest.mark.parametrize(("df", "size"), [(4.0, 1), ([4, 5, 6], 3)])
def test_what_is_known_is_part_of_the_mixture_and_no_draw(monkeypatch, df, size):
    model = heavy_family(monkeypatch)(n_components=3, means=MEANS, sigma=[1, 2, 3], df=df)
    fit = fit_with_model(model, {"theta": THETA, "mu": MU}, y=Y)
    assert model_of(fit) == model
    assert list(draws_of_fit(fit).variables) == ["theta", "mu"]
    _, _, components = mixture_of_fit(fit)
    assert components["df"].shape == (2, 5, size)
    assert (components["df"] == df).all()
    assert (components["sigma"] == [1, 2, 3]).all()


def test_dims_in_another_order_are_understood():
    fit = fit_with_model(NormalMixture(n_components=3), VARIABLES, y=Y)
    posterior = group(fit, "posterior").transpose("component", "draw", "chain")
    turned = to_arviz({"posterior": posterior}, attrs={})
    for name, expected in VARIABLES.items():
        np.testing.assert_array_equal(draws_of_fit(turned).variables[name], expected)


def test_fits_of_other_libraries_are_normal_mixtures():
    """Where the names are Stan's; the known scale is one of the constants, or is not said."""
    other = to_arviz(
        {"posterior": xr.Dataset({n: (DIMS, VARIABLES[n]) for n in VARIABLES})}, attrs={}
    )
    family, theta, components = mixture_of_fit(other)
    assert family is NormalMixture
    np.testing.assert_array_equal(theta, THETA)
    np.testing.assert_array_equal(components["sigma"], SIGMA)
    bare = {"posterior": group(other, "posterior").drop_vars("sigma")}
    with pytest.raises(DataError, match="Neither the posterior nor constant_data has sigma"):
        mixture_of_fit(to_arviz(bare, attrs={}))
    one = bare | {"constant_data": xr.Dataset({"sigma": 2.0})}
    _, _, components = mixture_of_fit(to_arviz(one, attrs={}))
    assert (components["sigma"] == 2.0).all()
    with pytest.raises(DataError, match="no theta and no mu; it has: p, means"):
        draws_of_fit(load(RECORDED / "pymc-close.nc"))


def test_what_is_no_fit_of_a_mixture_is_refused():
    beta = xr.Dataset({"beta": (("chain", "draw"), THETA[..., 0])})
    with pytest.raises(DataError, match="no theta and no mu; it has: beta"):
        draws_of_fit(to_arviz({"posterior": beta}, attrs={}))
    with pytest.raises(DataError, match="no group 'posterior'"):
        draws_of_fit(to_arviz({"prior": beta}, attrs={}))
