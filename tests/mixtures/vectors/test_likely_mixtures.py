"""Initial values of vectors: at likely mixtures, inside what the program admits."""

import numpy as np
import pytest

import pystan_mix as pmix
from pystan_mix.mixtures.starts import initial_values, values_of_chains
from pystan_mix.mixtures.target import prior_target, target_of
from pystan_mix.mixtures.vectors.likely_mixtures import modes_of_vectors

RNG = np.random.default_rng(2)
CENTRES = np.array([[0.0, 40.0], [10.0, -40.0], [60.0, 0.0]])
Y = CENTRES[RNG.integers(0, 3, 200)] + RNG.normal(size=(200, 2)) * [1, 5]


@pytest.mark.parametrize("form", ["correlated", "diagonal", "spherical"])
@pytest.mark.parametrize("shared", [False, True])
def test_chains_begin_near_the_truth(form, shared):
    fields = {} if form == "correlated" else {"correlation": form}
    target = target_of(pmix.MultivariateNormalMixture(n_components=3, shared=shared, **fields), Y)
    for inits in values_of_chains(target, 3, rng=np.random.default_rng(1)):
        mu = np.array(inits["mu"])
        np.testing.assert_allclose(mu[mu[:, 0].argsort()], CENTRES, atol=15)
        sigma = np.array(inits["sigma"])
        assert sigma.shape == ((1 if shared else 3), (1 if form == "spherical" else 2))
        assert sum(inits["theta_raw"]) == pytest.approx(1)
        if form == "correlated":
            root = np.array(inits["corr_root"])
            np.testing.assert_allclose((root**2).sum(axis=-1), 1)


def test_two_modes_are_two_starts():
    # four clusters in a square, of which two components take the rows or the columns
    y = np.concatenate([RNG.normal(size=(50, 2)) + at for at in ((0, 0), (0, 9), (9, 0), (9, 9))])
    y = np.concatenate([y, y[:, ::-1]])
    target = target_of(pmix.MultivariateNormalMixture(n_components=2), y)
    modes = modes_of_vectors(target, rng=np.random.default_rng(1), starts=30)
    assert len(modes) >= 2


def test_groups_are_found_across_the_direction_in_which_all_vary_most():
    """Of coordinates that are correlated by 0.999 within groups, as lengths of animals are."""
    rng = np.random.default_rng(5)
    size, group = rng.normal(size=(200, 1)), np.repeat([0, 1], 100)
    y = 5.0 * size + 0.1 * rng.normal(size=(200, 3)) + np.outer(group, [0.4, -0.4, 0.0])
    target = target_of(pmix.MultivariateNormalMixture(n_components=2), y)
    for seed in range(3):
        best, *_ = modes_of_vectors(target, rng=np.random.default_rng(seed), starts=30)
        across = best.components["mu"] @ [1.0, -1.0, 0.0]
        np.testing.assert_allclose(np.sort(across), [0.0, 0.8], atol=0.1)
        assert best.components["corr"][..., 0, 1].min() > 0.99


def test_without_observations_chains_begin_within_the_prior():
    model = pmix.MultivariateNormalMixture(
        n_components=2,
        means=pmix.Normal([100, -100], 1),
        scales=pmix.HalfNormal(1),
        min_sigma=0.5,
    )
    inits = initial_values(prior_target(model), rng=np.random.default_rng(1))
    assert (np.array(inits["sigma"]) > 0.5).all()
    np.testing.assert_allclose(inits["mu"], [[100, -100]] * 2, atol=6)


@pytest.mark.parametrize("form", ["correlated", "spherical"])
@pytest.mark.parametrize("least", [0, 1])
def test_chains_begin_near_the_truth_where_coordinates_are_missing(form, least):
    # of each row none is missing or one, or of all one: no row is complete then
    y, rng = np.column_stack([Y, Y @ [1.0, 0.5]]), np.random.default_rng(3)
    one = rng.random(200) < 0.5 if least == 0 else np.ones(200, dtype=bool)
    y[np.flatnonzero(one), rng.integers(0, 3, one.sum())] = np.nan
    fields = {} if form == "correlated" else {"correlation": form}
    model = pmix.MultivariateNormalMixture(n_components=3, **fields)
    target = target_of(model, y, missing="marginalise")
    truth = np.column_stack([CENTRES, CENTRES @ [1.0, 0.5]])
    for inits in values_of_chains(target, 3, rng=np.random.default_rng(1)):
        mu = np.array(inits["mu"])
        np.testing.assert_allclose(mu[mu[:, 0].argsort()], truth, atol=15)
        assert np.isfinite(inits["sigma"]).all()


@pytest.mark.parametrize("n_labels", [3, 60, 200])
@pytest.mark.parametrize("n", [200, 3000])
def test_chains_begin_with_the_names_of_labels(n, n_labels):
    rng = np.random.default_rng(4)
    own = rng.permutation(n) % 3
    y = CENTRES[own] + rng.normal(size=(n, 2)) * [1, 5]
    # what is first by its mean is the last by its name
    labels = np.full(n, -1)
    some = np.concatenate([np.flatnonzero(own == k)[: n_labels // 3] for k in range(3)])
    labels[some] = 2 - own[some]
    target = target_of(pmix.MultivariateNormalMixture(n_components=3), y, labels=labels)
    for inits in values_of_chains(target, 3, rng=np.random.default_rng(1)):
        np.testing.assert_allclose(inits["mu"], CENTRES[::-1], atol=15)


def test_of_one_name_its_component_has_its_place():
    labels = np.full(200, -1)
    labels[np.abs(Y - CENTRES[2]).sum(axis=1).argmin()] = 0
    target = target_of(pmix.MultivariateNormalMixture(n_components=3), Y, labels=labels)
    for inits in values_of_chains(target, 4, rng=np.random.default_rng(1)):
        np.testing.assert_allclose(inits["mu"][0], CENTRES[2], atol=15)


@pytest.mark.parametrize("beside", ["counts", "weights"])
@pytest.mark.parametrize("n", [300, 3000])
def test_chains_begin_where_the_counts_are(beside, n):
    # rows over a square, of which those about the centres stand for nearly all observations
    rng = np.random.default_rng(5)
    near = CENTRES[rng.integers(0, 3, n // 10)] + rng.normal(size=(n // 10, 2))
    y = np.concatenate([rng.uniform(-60, 80, size=(n - n // 10, 2)), near])
    times = np.repeat([1, 10_000], [n - n // 10, n // 10])
    given = {beside: times * (1 if beside == "counts" else 1e-4)}
    target = target_of(pmix.MultivariateNormalMixture(n_components=3), y, **given)
    for inits in values_of_chains(target, 2, rng=np.random.default_rng(1)):
        mu = np.array(inits["mu"])
        np.testing.assert_allclose(mu[mu[:, 0].argsort()], CENTRES, atol=8)
        assert (np.array(inits["sigma"]) < 8).all()
