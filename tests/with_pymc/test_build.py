"""The mixture in PyMC: CmdStan's density and posterior, and predictive draws of the right law.

What needs PyMC has the marker `pymc`.
"""

import dataclasses
import math
import sys
from functools import cache

import numpy as np
import pytest
from lp_at_points import lp_at
from pymc_densities import Densities, densities_at, in_numpy
from reference_density import log_jacobian
from scipy import stats

import pystan_mix as pmix
from pystan_mix.arviz_compat import group
from pystan_mix.cmdstan.locate import CmdStan
from pystan_mix.data_files import read_observations
from pystan_mix.errors import DataError, MissingPackageError, SettingsError
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures.density import log_likelihood, log_prior, to_constrained
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.families.student_t import StudentTMixture
from pystan_mix.mixtures.priors import Gamma
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.target import target_of
from pystan_mix.numerics import FloatArray
from pystan_mix.resources import resource_dir
from pystan_mix.stats.ordering import pull_free
from pystan_mix.study.data_sets import CLOSE_MODEL, SEPARATED_MODEL
from pystan_mix.with_pymc.distributions import ordered_in_part
from pystan_mix.with_pymc.likelihood import mixture_random

pytestmark = [
    # wheels of PyTensor come without a BLAS, and a mixture multiplies no matrices
    pytest.mark.filterwarnings("ignore:PyTensor could not link to a BLAS:UserWarning"),
    # from PyMC 6 on the random function in Python is called from compiled code
    pytest.mark.filterwarnings("ignore:Numba will use object mode to run CustomDist:UserWarning"),
]

CLOSE = read_observations(resource_dir("data") / "close.dat")
SEPARATED = read_observations(resource_dir("data") / "separated.dat")
Y = pmix.simulate(40, theta=[0.3, 0.3, 0.4], mu=[-3, 0, 4], sigma=1.2, seed=5)
PRIORS = {"weights": pmix.Dirichlet([1.5, 2, 4]), "means": pmix.Normal([-2, 0, 3], [3, 4, 5])}
CASES = {
    "mof3": (CLOSE_MODEL, CLOSE),
    "mofsep": (SEPARATED_MODEL, SEPARATED),
    "known-each": (NormalMixture(n_components=3, sigma=[0.8, 1.0, 1.4], **PRIORS), Y),
    "known-floor": (NormalMixture(n_components=3, sigma=1.1, min_weight=0.1, **PRIORS), Y),
    "half-cauchy-each": (NormalMixture(n_components=3, sigma=pmix.HalfCauchy([1, 2, 3])), Y),
    "half-normal-floor": (
        NormalMixture(n_components=3, sigma=pmix.HalfNormal([1, 2, 3]), min_weight=0.2, **PRIORS),
        Y,
    ),
    "half-t": (NormalMixture(n_components=3, sigma=pmix.HalfStudentT(3, 2.5), **PRIORS), Y),
    "half-t-each-repeated": (
        NormalMixture(n_components=2, sigma=pmix.HalfStudentT(7, [1, 2]), min_weight=0.3),
        Y.round(0),
    ),
    "shared": (NormalMixture(n_components=3, shared_sigma=True, **PRIORS), Y),
    "priors-left-out": (NormalMixture(n_components=2), Y),
    "one-component": (NormalMixture(n_components=1, means=pmix.Normal(0, 5)), Y),
    "one-component-floor": (NormalMixture(n_components=1, sigma=1.0, min_weight=0.5), Y),
    "student-t": (StudentTMixture(n_components=3, min_weight=0.1, **PRIORS), Y),
    "student-t-each": (
        StudentTMixture(n_components=2, sigma=pmix.HalfCauchy(2), df=Gamma([2, 4], [0.1, 1])),
        Y.round(0),
    ),
    "student-t-shared": (StudentTMixture(n_components=3, shared_sigma=True, **PRIORS), Y),
    "student-t-known": (StudentTMixture(n_components=3, sigma=1.1, df=[3, 5, 9], **PRIORS), Y),
    "student-t-known-df": (StudentTMixture(n_components=2, df=4.0), Y),
}
FORMS = [
    (case, floor, by_hand)
    for case, (model, _) in CASES.items()
    for floor in (("transform", "potential") if model.min_weight else ("transform",))
    for by_hand in (False, True)
]
each_form = pytest.mark.parametrize(("case", "floor", "by_hand"), FORMS)


@dataclasses.dataclass(frozen=True)
class Points:
    """Twenty-five points of the parameters, and CmdStan's log posterior there, without Jacobian."""

    theta_raw: FloatArray
    parameters: dict[str, FloatArray]
    log_posterior: FloatArray


def estimated_scales(case: str) -> list[str]:
    """Return the positive parameters that are estimated."""
    return [each.name for each in CASES[case][0].estimated if not each.ordered]


@cache
def points_of(case: str, version: tuple[int, ...]) -> Points:
    """Choose random points of the unconstrained space and have CmdStan judge them.

    They spread by one around those of an even mixture of the data.
    """
    target = target_of(*CASES[case])
    model, y = target.model, target.observed.y
    stan = stan_data(target)
    K = model.n_components
    z = np.random.default_rng(list(case.encode())).normal(size=(4, 25, K))
    theta_raw = np.exp(z[0]) / np.exp(z[0]).sum(axis=1, keepdims=True)
    centre = np.quantile(y, (np.arange(K) + 0.5) / K)
    first, gaps = centre[0] + z[1, :, :1], np.diff(centre) * np.exp(z[1, :, 1:])
    mu = np.cumsum(np.concatenate([first, gaps], axis=1), axis=1)
    parameters = {"theta": model.min_weight + (1 - K * model.min_weight) * theta_raw, "mu": mu}
    for each in target.estimated:
        if each.name == "sigma":
            parameters["sigma"] = model.min_sigma + y.std() * np.exp(z[2, :, : model.size(each)])
        if each.name == "df":
            parameters["df"] = 8.0 * np.exp(z[3, :, : model.size(each)])
    mu_raw = pull_free(mu, target.width)
    free = {"theta_raw": theta_raw, "mu_raw": mu_raw}
    free |= {f"{name}_raw": parameters[name] for name in estimated_scales(case)}
    inits = [{name: x[i].tolist() for name, x in free.items()} for i in range(25)]
    sigma = parameters.get("sigma", np.ones((25, K)))
    jacobian = [
        log_jacobian(stan, *at, version=version)
        for at in zip(theta_raw, mu_raw, mu, sigma, strict=True)
    ]
    jacobian += np.log(parameters.get("df", np.ones((25, 1)))).sum(axis=1)
    lp = lp_at(stan_program(model.program), stan, inits)
    return Points(theta_raw, parameters, lp - jacobian)


@cache
def densities_of(case: str, floor: str, by_hand: bool, version: tuple[int, ...]) -> Densities:
    """Evaluate a form of a case at the points of that case."""
    points = points_of(case, version)
    built = pmix.to_pymc(*CASES[case], floor=floor, by_hand=by_hand)
    return densities_at(built, points.parameters)


@pytest.mark.pymc
@each_form
def test_the_log_posterior_is_cmdstans_up_to_one_constant(
    pm, cmdstan: CmdStan, case: str, floor: str, by_hand: bool
):
    ours = points_of(case, cmdstan.version).log_posterior
    theirs = densities_of(case, floor, by_hand, cmdstan.version)
    assert np.ptp(ours) > 10.0  # the points do differ
    assert np.ptp(ours - theirs.without_jacobian) < 1e-8
    assert np.isfinite(theirs.at_start)


@pytest.mark.pymc
@each_form
def test_the_jacobian_is_that_of_the_transforms(
    pm, cmdstan: CmdStan, case: str, floor: str, by_hand: bool
):
    points = points_of(case, cmdstan.version)
    model = target_of(*CASES[case]).model
    K = model.n_components
    theirs = densities_of(case, floor, by_hand, cmdstan.version)
    by_potentials = model.min_weight > 0 and floor == "potential"
    # PyMC's simplex is the softmax of K - 1 values and of minus their sum
    theta = points.parameters["theta"] if by_potentials else points.theta_raw
    expected = math.log(K) + np.log(theta).sum(axis=1)
    if not by_potentials:
        expected += (K - 1) * math.log(1 - K * model.min_weight)
        expected += np.log(np.diff(points.parameters["mu"], axis=1)).sum(axis=1)
    for name in estimated_scales(case):
        least = model.min_sigma if name == "sigma" else 0.0
        expected += np.log(points.parameters[name] - least).sum(axis=1)
    jacobian = theirs.with_jacobian - theirs.without_jacobian
    np.testing.assert_allclose(jacobian, expected, rtol=0, atol=1e-8)


GIVEN = {
    "one sigma": NormalMixture(
        n_components=3, sigma=pmix.HalfNormal([1, 2, 3]), known_sigma=[None, 0.7, None]
    ),
    "one sigma, inverse gamma": StudentTMixture(
        n_components=2, sigma=pmix.InverseGamma(2, [1, 2]), known_sigma=[0.7, None]
    ),
    "means": NormalMixture(n_components=2, means=[-2, 3]),
    "means, one sigma": StudentTMixture(n_components=2, means=[-2, 3], shared_sigma=True),
    "all": NormalMixture(n_components=2, means=0.0, sigma=[1, 4], min_weight=0.1),
}


@pytest.mark.pymc
@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("case", GIVEN)
def test_what_is_known_enters_as_such(pm, case, by_hand):
    """The density of `log_prior` and `log_likelihood`, which are CmdStan's."""
    target = target_of(GIVEN[case], Y)
    found = to_constrained(target, np.random.default_rng(3).normal(size=(6, target.dimensions)))
    drawn = found.variables()
    built = pmix.to_pymc(GIVEN[case], Y, by_hand=by_hand)
    if target.partly_known:
        assert built.named_vars_to_dims["sigma"] == ("component",)
        places = target.model.places(target.model.parameters[1])
        drawn["sigma_raw"] = drawn.pop("sigma")[:, places]
    assert {each.name for each in built.free_RVs} == set(drawn)
    theirs = densities_at(built, drawn).without_jacobian
    ours = log_prior(target, found) + log_likelihood(target, found)
    assert np.ptp(ours) > 1.0
    assert np.ptp(ours - theirs) < 1e-8


@pytest.mark.pymc
@pytest.mark.parametrize("family", [NormalMixture, StudentTMixture])
@pytest.mark.parametrize("times", ["counts", "weights"])
def test_counts_and_weights_are_powers_of_densities(pm, family, times):
    model = family(n_components=3, shared_sigma=True, **PRIORS)
    given = {"counts": np.arange(40) % 3, "weights": np.linspace(0, 2, 40)}
    target = target_of(model, Y, **{times: given[times]})
    found = to_constrained(target, np.random.default_rng(3).normal(size=(6, target.dimensions)))
    built = pmix.to_pymc(model, Y, **{times: given[times]})
    theirs = densities_at(built, found.variables()).without_jacobian
    ours = log_prior(target, found) + log_likelihood(target, found)
    assert np.ptp(ours) > 1.0
    assert np.ptp(ours - theirs) < 1e-8


Z = np.arange(40) // 4
LABELLED = {
    "one name": (NormalMixture(n_components=3, **PRIORS), Y, [1]),
    "two names, one sigma": (
        NormalMixture(n_components=3, shared_sigma=True, min_weight=0.1, **PRIORS),
        Y.round(0),
        [2, 0],
    ),
    "known means": (StudentTMixture(n_components=2, means=[-2, 3]), Y, [0, 1]),
    "counts": (pmix.PoissonMixture(n_components=3, means=Gamma([1, 2, 3], 0.5)), Z, [0]),
    "zeros": (pmix.NegativeBinomialMixture(n_components=3, zero_inflated=True), Z, [2, 1]),
}


@pytest.mark.pymc
@pytest.mark.parametrize("times", [None, "weights"])
@pytest.mark.parametrize("floor", ["transform", "potential"])
@pytest.mark.parametrize("case", LABELLED)
def test_labelled_observations_are_of_their_components(pm, case, floor, times):
    model, y, names = LABELLED[case]
    labels = np.full(y.size, -1)
    labels[: 2 * len(names)] = np.repeat(names, 2)
    labels[np.flatnonzero(labels == 0)[y[labels == 0] > 5]] = -1
    given = {"labels": labels} | ({times: np.linspace(0.5, 2, 40)} if times else {})
    target = target_of(model, y, **given)
    found = to_constrained(target, np.random.default_rng(3).normal(size=(6, target.dimensions)))
    drawn, built = found.variables(), pmix.to_pymc(model, y, floor=floor, **given)
    assert built.observed_RVs == []
    for each in target.estimated:
        if target.model.count(each) < target.model.size(each):
            drawn[each.free_name] = drawn.pop(each.name)[:, target.model.places(each)]
    theirs = densities_at(built, drawn)
    ours = log_prior(target, found) + log_likelihood(target, found)
    assert np.ptp(ours) > 1.0
    assert np.ptp(ours - theirs.without_jacobian) < 1e-8
    assert np.isfinite(theirs.at_start)


@pytest.mark.pymc
def test_a_transform_orders_what_no_label_names(pm):
    """Its Jacobian is that of differences, and what is named stands anywhere."""
    import pytensor
    import pytensor.tensor as pt

    transform, z = ordered_in_part(pm, np.array([0, 2, 3])), pt.vector()
    read = pytensor.function(
        [z],
        [transform.backward(z), transform.log_jac_det(z), transform.forward(transform.backward(z))],
        mode=in_numpy(),
    )
    at = np.array([1.0, -5.0, 0.3, -0.7])
    value, log_det, again = read(at)
    np.testing.assert_allclose(value, [1.0, -5.0, 1.0 + np.exp(0.3), value[2] + np.exp(-0.7)])
    np.testing.assert_allclose(again, at)
    steps = 1e-6 * np.eye(4)
    jacobian = [(read(at + step)[0] - read(at - step)[0]) / 2e-6 for step in steps]
    assert log_det == pytest.approx(np.linalg.slogdet(jacobian)[1], abs=1e-8)


@pytest.mark.pymc
def test_the_floors_transform_fills_exactly_the_interval_that_the_floor_leaves(pm):
    """The integral of the Jacobian of a transform is the length of what it maps onto."""
    import pytensor
    import pytensor.tensor as pt

    model = NormalMixture(n_components=2, min_weight=0.3)
    built = pmix.to_pymc(model, Y)
    transform = built.rvs_to_transforms[built["theta"]]
    z = pt.vector()
    function = pytensor.function(
        [z], [transform.backward(z), transform.log_jac_det(z)], mode=in_numpy()
    )
    grid = np.linspace(-25.0, 25.0, 5001)
    theta, log_jacobian_det = map(np.array, zip(*(function([x]) for x in grid), strict=True))
    assert np.trapezoid(np.exp(log_jacobian_det), grid) == pytest.approx(0.4, rel=1e-6)
    assert theta.min() == pytest.approx(0.3, abs=1e-12)
    assert theta.max() == pytest.approx(0.7, abs=1e-12)


@pytest.mark.pymc
def test_potentials_are_minus_infinity_outside_the_constraints(pm):
    built = pmix.to_pymc(SEPARATED_MODEL, SEPARATED, floor="potential")
    inside, low = [0.2, 0.3, 0.5], [0.09, 0.41, 0.5]
    ordered, first_switched, last_switched = [0, 10, 20], [10, 0, 20], [0, 20, 10]
    parameters = {
        "theta": np.array([inside, low, inside, inside]),
        "mu": np.array([ordered, ordered, first_switched, last_switched], dtype=np.float64),
        "sigma": np.full((4, 3), 3.0),
    }
    log_density = densities_at(built, parameters).without_jacobian
    assert np.isfinite(log_density[0])
    assert (log_density[1:] == -np.inf).all()


@pytest.mark.pymc
@each_form
def test_variables_have_the_names_and_dims_of_a_fit(pm, case, floor, by_hand):
    model, y = CASES[case]
    built = pmix.to_pymc(model, y, floor=floor, by_hand=by_hand)
    names = ["theta", *(parameter.name for parameter in model.estimated)]
    assert [variable.name for variable in built.free_RVs] == names
    assert [variable.name for variable in built.observed_RVs] == ["y"]
    dims = dict.fromkeys(names, ("component",)) | {"y": ("obs",)}
    for each in model.estimated:
        if model.is_shared(each):
            # one for all components
            del dims[each.name]
            assert built[each.name].ndim == 0
    assert built.named_vars_to_dims == dims
    assert {name: len(values) for name, values in built.coords.items()} == {
        "component": model.n_components,
        "obs": y.size,
    }


@pytest.mark.pymc
def test_the_same_seed_begins_at_the_same_point(pm):
    first, again, other = (
        pmix.to_pymc(CLOSE_MODEL, CLOSE, seed=seed).initial_point() for seed in (1, 1, 2)
    )
    for name, value in first.items():
        np.testing.assert_array_equal(value, again[name])
        assert not np.isclose(value, other[name]).any()


MODELS = {
    "mofsep": (SEPARATED_MODEL, SEPARATED),
    "student-t": (
        StudentTMixture(n_components=2, means=pmix.Normal(0, 10), sigma=pmix.HalfNormal(3)),
        pmix.simulate(150, theta=[0.4, 0.6], mu=[-5, 5], sigma=1.0, seed=3),
    ),
}


@pytest.mark.pymc
@pytest.mark.parametrize("name", MODELS)
def test_predictive_draws_follow_the_mixture_of_their_draw(pm, cmdstan: CmdStan, name: str):
    model, y = MODELS[name]
    fit = pmix.sample(model, y, iter_sampling=100, seed=9, predictive_draws=0, show_progress=False)
    posterior = group(fit, "posterior").isel(draw=slice(None, None, 2))
    built = pmix.to_pymc(model, y, by_hand=name == "student-t")
    predictive = pm.sample_posterior_predictive(
        posterior, model=built, random_seed=4, progressbar=False
    )
    y_rep = group(predictive, "posterior_predictive")["y"].values
    assert y_rep.shape == (4, 50, y.size)
    theta, mu = (posterior[variable].values[:, :, None] for variable in ("theta", "mu"))
    sigma = posterior["sigma"].values[:, :, None] if "sigma" in posterior else 1.0
    law = stats.norm if "df" not in posterior else stats.t(posterior["df"].values[..., None, None])
    uniform = (theta * law.cdf((y_rep[..., None] - mu) / sigma)).sum(axis=-1)
    # given its draw each replication is independent, so the transforms are uniform and so are all
    assert stats.kstest(uniform.ravel(), "uniform").pvalue > 1e-4


def test_random_draws_follow_the_mixture():
    theta, mu, sigma = np.array([0.2, 0.5, 0.3]), np.array([-3, 0, 4]), np.array([0.5, 1, 2])
    y = mixture_random(theta, mu, sigma, rng=np.random.default_rng(1), size=(200, 100))
    assert y.shape == (200, 100)
    uniform = (theta * stats.norm.cdf(y[..., None], mu, sigma)).sum(axis=-1)
    assert stats.kstest(uniform.ravel(), "uniform").pvalue > 1e-4


def test_random_draws_of_another_family_that_shares_a_parameter():
    theta, mu, sigma, df = np.array([0.3, 0.7]), np.array([-9, 9]), np.array([1, 2]), np.array([3])
    rng = np.random.default_rng(1)
    y = mixture_random(theta, mu, sigma, df, rng=rng, size=(20_000,), family=StudentTMixture)
    uniform = (theta * stats.t.cdf(y[..., None], df, mu, sigma)).sum(axis=-1)
    assert stats.kstest(uniform, "uniform").pvalue > 1e-4


def test_random_draws_are_broadcast():
    theta = np.array([[1.0, 0.0], [0.0, 1.0]])
    mu, sigma = np.array([-100.0, 100.0]), np.array([1.0, 1.0])
    rng = np.random.default_rng(1)
    for size in (None, (2,), (7, 2)):
        y = mixture_random(theta, mu, sigma, rng=rng, size=size)
        assert y.shape == (size or (2,))
        assert (np.sign(y) == [-1, 1]).all()


def test_without_pymc_the_remedy_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "pymc", None)  # as if it were not installed
    with pytest.raises(MissingPackageError, match=r"pip install 'pystan_mix\[pymc\]'"):
        pmix.to_pymc(CLOSE_MODEL, CLOSE)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"y": [1.0, np.nan]}, DataError, "NaN, the first at position 1"),
        ({"y": [1.0, None], "missing": "drop"}, DataError, "1 beside 1 missing"),
        ({"model": NormalMixture(n_components=9)}, DataError, "components"),
        ({"floor": "wall"}, SettingsError, "floor must be one of"),
        ({"seed": -1}, SettingsError, "seed"),
    ],
)
def test_bad_arguments_are_refused_before_pymc_is_looked_for(monkeypatch, changes, error, words):
    monkeypatch.setitem(sys.modules, "pymc", None)
    arguments = {"model": CLOSE_MODEL, "y": [1.0, 2.0, 4.0]} | changes
    with pytest.raises(error, match=words):
        pmix.to_pymc(arguments.pop("model"), arguments.pop("y"), **arguments)
