"""Mixtures of multivariate normals: what is refused, and the density against SciPy."""

import numpy as np
import pytest
from scipy import special, stats

import pystan_mix as pmix
from pystan_mix.errors import DataError, ModelError
from pystan_mix.mixtures.density import (
    Constrained,
    component_terms,
    log_joint,
    log_likelihood,
    log_prior,
    to_constrained,
    to_unconstrained,
)
from pystan_mix.mixtures.families.multivariate_normal import MultivariateNormalMixture
from pystan_mix.mixtures.model_json import model_from_json, model_to_json
from pystan_mix.mixtures.target import target_of
from pystan_mix.stats.correlations import lkj_log_constant

FORMS = {
    "correlated": {},
    "shared": {"shared": True},
    "diagonal": {"correlation": "diagonal"},
    "shared diagonal": {"correlation": "diagonal", "shared": True},
    "spherical": {"correlation": "spherical"},
    "shared spherical": {"correlation": "spherical", "shared": True},
    "gamma": {"scales": pmix.InverseGamma([3, 4, 5], 2), "min_weight": 0.05, "min_sigma": 0.1},
}


def data(N: int = 60, D: int = 3):
    rng = np.random.default_rng(5)
    root = np.tril(rng.normal(size=(D, D))) + 2 * np.eye(D)
    return rng.normal(size=(N, D)) @ root.T + rng.integers(0, 2, (N, 1)) * 5.0


def target(**fields):
    return target_of(MultivariateNormalMixture(n_components=2, **fields), data())


def points(of, n: int = 5) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(n, of.dimensions)) * 0.7


@pytest.mark.parametrize("form", FORMS)
def test_unconstrained_values_come_back(form):
    of = target(**FORMS[form])
    z = points(of)
    back = to_unconstrained(of, to_constrained(of, z).variables())
    np.testing.assert_allclose(back, z, atol=1e-8)


@pytest.mark.parametrize("form", FORMS)
def test_the_density_is_scipys(form):
    of = target(**FORMS[form])
    found = to_constrained(of, points(of))
    variables = found.variables() | {
        name: np.repeat(known[None], 5, axis=0) for name, known in of.known.items()
    }
    for s in range(5):
        terms = []
        for k in range(2):
            c = 0 if of.model.shared else k
            sigma = np.broadcast_to(variables["sigma"][s, c], 3)
            corr = variables["corr"][s, 0 if len(variables["corr"][s]) == 1 else k]
            law = stats.multivariate_normal(variables["mu"][s, k], sigma[:, None] * corr * sigma)
            terms.append(found.log_theta[s, k] + law.logpdf(of.observed.y))
        expected = special.logsumexp(terms, axis=0).sum()
        some = Constrained(
            found.log_theta[[s]],
            {name: x[[s]] for name, x in found.components.items()},
            found.log_jacobian[[s]],
        )
        assert log_likelihood(of, some)[0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_the_jacobian_is_that_of_numerical_derivatives(form):
    of = target(**FORMS[form])
    z, step = points(of, 1)[0], 1e-6

    def coordinates(at):
        variables = to_constrained(of, at[None]).variables()
        parts = [variables["theta"][0, :-1], variables["mu"].ravel(), variables["sigma"].ravel()]
        if "corr" in variables:
            rows, columns = np.tril_indices(3, -1)
            parts.append(variables["corr"][0][:, rows, columns].ravel())
        return np.concatenate(parts)

    jacobian = np.stack(
        [
            (coordinates(z + step * e) - coordinates(z - step * e)) / (2 * step)
            for e in np.eye(z.size)
        ]
    )
    _, log_det = np.linalg.slogdet(jacobian)
    assert to_constrained(of, z[None]).log_jacobian[0] == pytest.approx(
        # the map to theta of what the floor leaves free is no part of it
        log_det - np.log(of.free_weight),
        abs=1e-5,
    )


def test_the_prior_is_scipys():
    of = target(means=pmix.Normal([0, 1, 2], [1, 2, 3]), scales=pmix.HalfNormal(2))
    found = to_constrained(of, points(of, 1))
    theta, mu, sigma, corr = (x[0] for x in found.variables().values())
    expected = stats.dirichlet([2, 2]).logpdf(theta)
    expected += stats.norm.logpdf(mu, [0, 1, 2], [1, 2, 3]).sum()
    expected += stats.halfnorm.logpdf(sigma, 0, 2).sum()
    expected += np.log(np.linalg.det(corr)).sum()
    constant = log_prior(of, found)[0] - expected
    # which is held against integrals where it is defined
    assert constant == pytest.approx(2 * lkj_log_constant(2.0, 3))


def test_a_density_that_is_not_a_number_is_none():
    of = target()
    z = points(of, 1)
    z[0, 1] = 1e200
    assert log_joint(of, z)[0] == -np.inf


def test_draws_have_the_moments_of_the_component():
    rng, corr = np.random.default_rng(1), np.array([[1.0, 0.6], [0.6, 1.0]])
    n = 40_000
    drawn = MultivariateNormalMixture.draw(
        rng,
        mu=np.broadcast_to([1.0, -2.0], (n, 2)),
        sigma=np.broadcast_to([2.0, 0.5], (n, 2)),
        corr=np.broadcast_to(corr, (n, 2, 2)),
    )
    np.testing.assert_allclose(np.cov(drawn.T), [[4, 0.6], [0.6, 0.25]], rtol=0.06)
    np.testing.assert_allclose(drawn.mean(axis=0), [1, -2], atol=0.05)


def test_shares_give_weighted_moments():
    y, rng = data(40), np.random.default_rng(2)
    shares = rng.dirichlet([1, 1], size=40).T
    model = MultivariateNormalMixture(n_components=2)
    found = model.from_shares(y, shares, least_spread=1e-3)
    for k in range(2):
        covariance = np.cov(y.T, aweights=shares[k], ddof=0)
        np.testing.assert_allclose(found["mu"][k], np.average(y, axis=0, weights=shares[k]))
        np.testing.assert_allclose(found["sigma"][k] ** 2, np.diag(covariance), rtol=1e-6)
        scaled = found["corr"][k] * np.outer(found["sigma"][k], found["sigma"][k])
        # of some twenty points correlations hardly fall short
        short = (y.shape[1] / shares[k].sum()) ** 3
        np.testing.assert_allclose(scaled[0, 1], (1 - short) * covariance[0, 1], rtol=1e-6)
    few = model.from_shares(y[:6], shares[:, :6], least_spread=1e-3)
    assert (np.linalg.eigvalsh(few["corr"]) > 0.05).all()


def test_priors_and_floors_that_are_left_out_are_scaled_to_each_coordinate():
    y = data()
    y[:, 2] = y[:, 2].round(1)
    model = target_of(MultivariateNormalMixture(n_components=2), y).model
    assert model.n_dims == 3
    np.testing.assert_allclose(model.means.location, y.mean(axis=0))
    np.testing.assert_allclose(model.scales.scale, y.std(axis=0))
    np.testing.assert_allclose(model.min_sigma[:2], 1e-3 * y[:, :2].std(axis=0))
    assert model.min_sigma[2] == pytest.approx(0.05)


def test_a_model_goes_through_json():
    model = target(order_by=1, correlation="diagonal", means=pmix.Normal([3, 2, 1], 5)).model
    assert model_from_json(model_to_json(model)) == model


def test_components_at_points_are_those_of_each_form():
    of = target(correlation="spherical")
    found = to_constrained(of, points(of))
    known = {name: x[None] for name, x in of.known.items()}
    terms = component_terms(of.model, data(7), found.log_theta, found.components | known)
    assert terms.shape == (5, 2, 7)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"means": [1.0, 2.0]}, "means must be a prior such as Normal"),
        ({"scales": 1.0}, "scales must be a prior such as HalfCauchy"),
        ({"correlation": "full"}, '"diagonal" or "spherical"; it is \'full\''),
        ({"shared": 1}, "shared must be True or False"),
        ({"order_by": -1}, "order_by must be a whole number from 0"),
        ({"order_by": 3, "n_dims": 3}, "order_by is 3, and coordinates are 0 to 2"),
        ({"n_dims": 2.5}, "n_dims must be a whole number from 1"),
        ({"min_sigma": [0.1, -1]}, "min_sigma must be 0 or more"),
        ({"weights": pmix.Dirichlet([1, 2])}, "concentration of weights must be one number"),
        (
            {"means": pmix.Normal([0, 1], 1), "scales": pmix.HalfNormal([1, 2, 3])},
            "The scale of scales has 3 values for 2 coordinates",
        ),
        (
            {"scales": pmix.HalfNormal([1, 2]), "correlation": "spherical"},
            "All coordinates have one scale",
        ),
    ],
)
def test_what_is_no_model_is_refused(fields, words):
    with pytest.raises(ModelError, match=words):
        MultivariateNormalMixture(n_components=2, **fields)


def test_observations_of_other_coordinates_are_refused():
    model = MultivariateNormalMixture(n_components=2, means=pmix.Normal([0, 1], 1))
    with pytest.raises(ModelError, match="one of 2 coordinates, and the observations have 3"):
        target_of(model, data())
    with pytest.raises(DataError, match="Its shape is"):
        target_of(model, [1.0, 2.0, 3.0])


def test_lkj_takes_one_positive_number():
    assert pmix.LKJ(2) == pmix.LKJ(2.0)
    for eta in (0, -1, [1, 2], "a"):
        with pytest.raises(ModelError, match="LKJ: eta must"):
            pmix.LKJ(eta)


@pytest.mark.parametrize("missing", [False, True])
def test_counts_are_rows_written_out(missing):
    y, rng = data().round(1), np.random.default_rng(3)
    if missing:
        y[rng.random(len(y)) < 0.3, 1] = np.nan
    counts, labels = rng.integers(0, 4, len(y)), rng.integers(-1, 2, len(y))
    # priors and floors are left out: they are the same too
    model = MultivariateNormalMixture(n_components=2)
    counted = target_of(model, y, counts=counts, labels=labels, missing="marginalise")
    written, own = np.repeat(y, counts, axis=0), np.repeat(labels, counts)
    repeated = target_of(model, written, labels=own, missing="marginalise")
    z = points(counted)
    np.testing.assert_allclose(log_joint(counted, z), log_joint(repeated, z), rtol=1e-11)
    assert counted.model.means.scale == pytest.approx(repeated.model.means.scale, rel=1e-12)
    assert counted.model.min_sigma == repeated.model.min_sigma
    # labels say something
    without = target_of(repeated.model, written, missing="marginalise")
    assert (log_joint(without, z) > log_joint(repeated, z) + 1).all()


def test_weights_are_powers_of_densities():
    y, weights = data(), np.random.default_rng(3).exponential(size=60)
    model = target().model
    of, once = target_of(model, y, weights=weights), target_of(model, y, weights=weights + 1)
    z = points(of)
    added = log_joint(once, z) - log_joint(of, z)
    unweighted = log_likelihood(target_of(model, y), to_constrained(of, z))
    np.testing.assert_allclose(added, unweighted, rtol=1e-11)
