"""Tests of pystan_mix.fits.groups: the groups that every fit has, made and read."""

import numpy as np
import pytest
import xarray as xr
from known_posteriors import HeavyMixture
from targets import any_target

from pystan_mix.arviz_compat import group, group_names, to_arviz
from pystan_mix.errors import DataError
from pystan_mix.fits.draws import Draws
from pystan_mix.fits.groups import (
    NutsStats,
    Predictive,
    chain_coords,
    common_groups,
    divergences,
    element_name,
    elements,
    observations,
    posterior_size,
    replications,
    sampler_stat,
    sampler_stats,
    stats_group,
    variables,
    variables_group,
)
from pystan_mix.fits.storage import load, save
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.priors import Dirichlet, Normal
from pystan_mix.mixtures.scale_priors import HalfNormal, HalfStudentT
from pystan_mix.mixtures.target import target_of

pytestmark = pytest.mark.arviz
RNG = np.random.default_rng(7)
Y = np.array([3.0, 1.0, 3.0, -2.5, 3.0, 1.0])
SHAPE = (2, 5, 3)
THETA = RNG.dirichlet([1, 1, 1], size=(2, 5))
MU = np.sort(RNG.normal(size=SHAPE))
SIGMA = RNG.gamma(2, size=SHAPE)
DF = RNG.gamma(9, size=(2, 5, 1))
PRIORS = {"n_components": 3, "weights": Dirichlet([1, 2, 3]), "means": Normal([0, 1, 2], 5)}
FULL = NormalMixture(**PRIORS, sigma=HalfStudentT(3, [1, 2, 3]), min_weight=0.1, min_sigma=0.25)
DRAWS = Draws({"theta": THETA, "mu": MU, "sigma": SIGMA})
PREDICTIVE = Predictive(
    picks=np.array([1, 4]),
    y_rep=RNG.normal(size=(2, 2, 7)),
    log_lik=RNG.normal(size=(2, 2, 6)),
)


def fit_of(model, draws, *, y=Y, predictive=None, **groups):
    """A fit of some draws."""
    groups = common_groups(any_target(model, y), draws, predictive) | groups
    return to_arviz(groups, attrs={})


def turned(fit):
    """The same with all dimensions in the opposite order."""
    return to_arviz(
        {
            name: (found := group(fit, name)).transpose(*list(found.dims)[::-1])
            for name in group_names(fit)
        },
        attrs={},
    )


def test_the_posterior_has_a_dimension_for_components():
    posterior = group(fit_of(FULL, DRAWS), "posterior")
    assert set(posterior.data_vars) == {"theta", "mu", "sigma"}
    for name, expected in DRAWS.variables.items():
        assert posterior[name].dims == ("chain", "draw", "component")
        np.testing.assert_array_equal(posterior[name], expected)
    assert posterior["chain"].to_numpy().tolist() == [0, 1]
    assert posterior["draw"].to_numpy().tolist() == list(range(5))
    assert posterior["component"].to_numpy().tolist() == [0, 1, 2]


@pytest.mark.parametrize("by_file", [False, True])
def test_what_all_components_share_has_none(tmp_path, by_file):
    model = HeavyMixture(**PRIORS, sigma=HalfNormal(1), df=HalfNormal(10))
    fit = fit_of(model, Draws({**DRAWS.variables, "df": DF}))
    if by_file:
        fit = load(save(fit, tmp_path / "fit.nc"))
    posterior = group(fit, "posterior")
    assert posterior["df"].dims == ("chain", "draw")
    assert posterior["mu"].dims == ("chain", "draw", "component")
    np.testing.assert_array_equal(posterior["df"], DF[..., 0])
    assert group(fit, "constant_data")["df_scale"].dims == ()
    assert float(group(fit, "constant_data")["df_scale"]) == 10.0
    names = [name for name, _ in elements(fit)]
    assert names == [f"{name}[{i}]" for name in ("theta", "mu", "sigma") for i in (1, 2, 3)] + [
        "df"
    ]


def test_a_parameter_that_might_be_shared_and_is_not_has_one():
    model = HeavyMixture(**PRIORS, sigma=HalfNormal(1), df=HalfNormal([9, 10, 11]))
    found = variables_group(target_of(model, Y), Draws({**DRAWS.variables, "df": SIGMA}))
    assert found["df"].dims == ("chain", "draw", "component")


def test_one_component_keeps_its_dimension():
    model = NormalMixture(n_components=1, means=Normal(0, 1), sigma=HalfNormal(1))
    one = Draws({"theta": np.ones((2, 5, 1)), "mu": DF, "sigma": DF})
    fit = fit_of(model, one)
    for name in ("theta", "mu", "sigma"):
        assert group(fit, "posterior")[name].shape == (2, 5, 1)
    constants = group(fit, "constant_data")
    assert constants["mu_scale"].dims == ("component",)
    assert constants["min_weight"].dims == ()


def test_constants_are_the_numbers_of_the_priors():
    constants = group(fit_of(FULL, DRAWS), "constant_data")
    found = {str(name): values.to_numpy().tolist() for name, values in constants.data_vars.items()}
    assert found == {
        "alpha": [1.0, 2.0, 3.0],
        "min_weight": 0.1,
        "mu_loc": [0.0, 1.0, 2.0],
        "mu_scale": [5.0, 5.0, 5.0],
        "sigma_prior": 1.0,
        "sigma_df": 3.0,
        "sigma_scale": [1.0, 2.0, 3.0],
        "min_sigma": 0.25,
    }


@pytest.mark.parametrize(("sigma", "expected"), [(2.0, [2, 2, 2]), ([1, 2, 3], [1, 2, 3])])
def test_what_is_known_is_a_constant(sigma, expected):
    fit = fit_of(NormalMixture(**PRIORS, sigma=sigma), Draws({"theta": THETA, "mu": MU}))
    constants = group(fit, "constant_data")
    assert constants["sigma"].to_numpy().tolist() == expected
    assert not {"sigma_df", "sigma_scale", "sigma_known"} & set(constants.data_vars)


def test_predictions_have_the_coordinates_of_their_draws():
    fit = fit_of(FULL, DRAWS, predictive=PREDICTIVE)
    for name, values in (
        ("posterior_predictive", PREDICTIVE.y_rep),
        ("log_likelihood", PREDICTIVE.log_lik),
    ):
        found = group(fit, name)["y"]
        assert found.dims == ("chain", "draw", "obs")
        assert found["draw"].to_numpy().tolist() == [1, 4]
        np.testing.assert_array_equal(found, values)
    assert group(fit, "observed_data")["y"].to_numpy().tolist() == Y.tolist()
    np.testing.assert_array_equal(replications(fit), PREDICTIVE.y_rep.reshape(4, 7))
    np.testing.assert_array_equal(replications(turned(fit)), PREDICTIVE.y_rep.reshape(4, 7))


def test_nothing_predicted_and_nothing_observed():
    fit = fit_of(FULL, DRAWS, y=None)
    assert sorted(group_names(fit)) == ["constant_data", "posterior"]
    assert observations(fit) is None
    assert replications(fit) is None
    nothing = Predictive(np.array([0]), y_rep=np.empty((2, 1, 0)), log_lik=np.empty((2, 1, 0)))
    assert sorted(group_names(fit_of(FULL, DRAWS, predictive=nothing))) == [
        "constant_data",
        "observed_data",
        "posterior",
    ]
    odd = {"observed_data": xr.Dataset({"weight": ("obs", Y)})}
    assert observations(to_arviz(odd, attrs={})) is None


def stats_of():
    """Statistics with two draws that diverged."""
    floats = {
        name: RNG.normal(size=(2, 5)) for name in ("lp", "acceptance_rate", "step_size", "energy")
    }
    return NutsStats(
        **floats,
        tree_depth=np.arange(10).reshape(2, 5),
        n_steps=2 * np.arange(10).reshape(2, 5),
        diverging=np.isin(np.arange(10), [2, 9]).reshape(2, 5),
    )


@pytest.mark.parametrize("turn", [False, True])
def test_statistics_come_back(turn):
    stats = stats_of()
    fit = fit_of(FULL, DRAWS, sample_stats=stats_group(stats))
    if turn:
        fit = turned(fit)
    for name in ("lp", "energy", "tree_depth", "n_steps", "diverging", "step_size"):
        np.testing.assert_array_equal(sampler_stat(fit, name), getattr(stats, name))
    depth, energy = sampler_stats(fit, "tree_depth", "energy")
    np.testing.assert_array_equal(depth, stats.tree_depth)
    np.testing.assert_array_equal(energy, stats.energy)
    found = divergences(fit)
    assert found.dtype == np.bool_
    assert np.argwhere(found).tolist() == [[0, 2], [1, 4]]


def test_statistics_that_are_missing_are_named():
    fit = fit_of(FULL, DRAWS, sample_stats=xr.Dataset({"lp": (("chain", "draw"), MU[..., 0])}))
    with pytest.raises(DataError, match="no energy and no tree_depth; it has: lp"):
        sampler_stats(fit, "energy", "lp", "tree_depth")
    assert divergences(fit).size == 0
    with pytest.raises(DataError, match="no group 'sample_stats'"):
        sampler_stat(fit_of(FULL, DRAWS), "lp")
    assert divergences(fit_of(FULL, DRAWS)).size == 0


def test_elements_are_named_as_in_stan_and_have_chains_and_draws():
    fit = turned(fit_of(FULL, DRAWS))
    found = dict(elements(fit))
    assert list(found) == [f"{name}[{i}]" for name in ("theta", "mu", "sigma") for i in (1, 2, 3)]
    np.testing.assert_array_equal(found["mu[2]"], MU[..., 1])
    np.testing.assert_array_equal(variables(fit)["sigma"], SIGMA)
    other = {"prior": xr.Dataset({"L": (("chain", "draw", "i", "j"), np.ones((1, 2, 2, 3)))})}
    names = [name for name, _ in elements(to_arviz(other, attrs={}), "prior")]
    assert names == ["L[1,1]", "L[1,2]", "L[1,3]", "L[2,1]", "L[2,2]", "L[2,3]"]
    assert element_name("L", (1, 2)) == names[-1]


def test_the_posteriors_size():
    assert posterior_size(fit_of(FULL, DRAWS)) == (2, 5)
    assert posterior_size(turned(fit_of(FULL, DRAWS))) == (2, 5)
    coords = chain_coords(DRAWS)
    assert {name: values.tolist() for name, values in coords.items()} == {
        "chain": [0, 1],
        "draw": [0, 1, 2, 3, 4],
    }
