"""Moves in C++ beside those in NumPy, and beside what they are to leave as it is."""

import dataclasses

import numpy as np
import pytest
from known_posteriors import HeavyMixture
from scipy import stats

import pystan_mix as pmix
from pystan_mix.mixtures.target import target_of
from pystan_mix.weighing.annealing.moves import NumpyMoves
from pystan_mix.weighing.annealing.particles import Particles
from pystan_mix.weighing.annealing.populations import Populations
from pystan_mix.weighing.compiled.moves import CompiledMoves, is_known, moves_for

Y = np.array([-2.1, -1.4, 0.3, 0.3, 1.9, 2.4])
PRIORS = [
    pmix.HalfNormal(2.0),
    pmix.HalfCauchy(2.0),
    pmix.HalfStudentT(3.0, 2.0),
    pmix.InverseGamma(2.0, 1.5),
    pmix.LogNormal(0.2, 0.7),
]
PRIORS_OF_EACH = [
    pmix.HalfNormal([1, 2, 3]),
    pmix.HalfCauchy([1, 2, 3]),
    pmix.HalfStudentT(3.0, [1, 2, 3]),
    pmix.InverseGamma([2, 3, 2], [1, 2, 1]),
    pmix.LogNormal([0, 0.2, 0.4], [0.5, 0.7, 0.6]),
]
NORMAL = pmix.NormalMixture(
    n_components=3, means=pmix.Normal(1, 3), sigma=pmix.HalfNormal(2), min_sigma=0.3
)
VECTORS = np.stack([Y, [0.5, 1.5, -0.5, 1.0, 0.2, -1.0]], axis=1)
VECTOR = pmix.MultivariateNormalMixture(
    n_components=2,
    means=pmix.Normal([1, 0], [3, 2]),
    scales=pmix.HalfNormal([2, 1]),
    min_sigma=[0.3, 0.2],
)
MODELS = {
    **{
        f"normal, {type(each).__name__}": dataclasses.replace(NORMAL, sigma=each) for each in PRIORS
    },
    **{
        f"each its own {type(each).__name__}": dataclasses.replace(NORMAL, sigma=each)
        for each in PRIORS_OF_EACH
    },
    "each its own": dataclasses.replace(
        NORMAL,
        means=pmix.Normal([-2, 0, 1], [1, 2, 3]),
        weights=pmix.Dirichlet([1, 3, 2]),
        min_weight=0.05,
    ),
    "each its own, one sigma": dataclasses.replace(
        NORMAL, means=pmix.Normal([-2, 0, 1], [1, 2, 3]), shared_sigma=True
    ),
    "a floor of weights": dataclasses.replace(NORMAL, min_weight=0.1, weights=pmix.Dirichlet(4.0)),
    "one sigma": dataclasses.replace(NORMAL, shared_sigma=True),
    "known sigma": dataclasses.replace(NORMAL, sigma=1.3, min_sigma=None),
    "student-t": pmix.StudentTMixture(
        n_components=2, means=pmix.Normal(1, 3), sigma=pmix.HalfNormal(2), min_sigma=0.3
    ),
    "student-t, known df": pmix.StudentTMixture(
        n_components=2, means=pmix.Normal(1, 3), sigma=pmix.HalfNormal(2), df=4.0
    ),
    "student-t, each its own": pmix.StudentTMixture(
        n_components=2,
        means=pmix.Normal([-1, 1], 3),
        sigma=pmix.HalfNormal(2),
        df=pmix.Gamma([2, 3], [0.1, 0.2]),
    ),
    "vectors": VECTOR,
    "vectors, three": dataclasses.replace(VECTOR, n_components=3, correlation=pmix.LKJ(0.7)),
    "vectors, one covariance": dataclasses.replace(VECTOR, shared=True),
    "vectors, independent coordinates": dataclasses.replace(VECTOR, correlation="diagonal"),
    "vectors, one scale, a floor of weights": dataclasses.replace(
        VECTOR,
        correlation="spherical",
        scales=pmix.InverseGamma(2.0, 1.5),
        min_sigma=0.3,
        min_weight=0.1,
    ),
}


def observations(model):
    """Return what a model is of: numbers, or vectors."""
    return VECTORS if model.vectors else Y


def compiled(target) -> CompiledMoves:
    moves = moves_for(target)
    assert isinstance(moves, CompiledMoves)
    return moves


def group_of(target, *, moves=None, seed=1, y=Y) -> Populations:
    rng = np.random.default_rng(seed)
    return Populations(target, populations=4, particles=100, rng=rng, moves=moves)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_the_ratio_that_moves_leave_is_that_of_their_draws(model):
    check_ratio(target_of(model, observations(model)))


@pytest.mark.parametrize("dims", [1, 5, 8])
def test_the_ratio_of_vectors_of_so_many_coordinates(dims):
    y = np.random.default_rng(1).normal(size=(300, dims))
    check_ratio(target_of(pmix.MultivariateNormalMixture(n_components=2), y))


def test_the_ratio_of_intervals():
    check_ratio(target_of(NORMAL, pmix.Interval(Y - 0.2, np.append(Y[:5] + 0.3, np.inf))))


def check_ratio(target):
    group = group_of(target, moves=compiled(target))
    group.advance(0.5)
    before = group.station().log_ratio
    group.sweep(5)
    particles = group._particles
    assert (group.station().log_ratio != before).mean() > 0.9
    expected = NumpyMoves(target).log_ratio(particles.free, particles.log_gamma)
    np.testing.assert_allclose(particles.log_ratio, expected, rtol=1e-11)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_they_have_the_law_of_numpys(model):
    """Means of populations that know nothing of each other, within five of their errors."""
    target = target_of(model, observations(model))

    def means(moves, seed):
        group = Populations(
            target, populations=12, particles=200, rng=np.random.default_rng(seed), moves=moves
        )
        while group.power < 1.0:
            group.advance(0.8)
            group.sweep(6)
        found = group.station()
        rows = [
            (np.log(x).mean(1) if n == "sigma" else x.mean(1)).reshape(12, -1)
            for n, x in found.variables.items()
        ]
        return np.concatenate([*rows, found.log_integrals[:, None]], axis=1)

    ours, theirs = means(compiled(target), 1), means(NumpyMoves(target), 2)
    error = np.hypot(ours.std(0, ddof=1), theirs.std(0, ddof=1)) / np.sqrt(12)
    # of Student-t with 11 degrees of freedom beyond 6.5 once in twenty thousand
    assert (np.abs(ours.mean(0) - theirs.mean(0)) <= 6.5 * error).all()


def test_one_observation_far_from_all_components_counts():
    """Some 50 standard deviations away, where a density is no number but its logarithm is."""
    y = np.append(Y, 60.0)
    model = pmix.NormalMixture(n_components=2, means=pmix.Normal(0, 3), sigma=1.0)
    target = target_of(model, y)
    group = Populations(
        target,
        populations=2,
        particles=50,
        rng=np.random.default_rng(1),
        moves=compiled(target),
    )
    group.sweep(2)
    found = group.station()
    theta, mu = found.variables["theta"], found.variables["mu"]
    terms = np.log(theta)[..., None] + stats.norm.logpdf(y, mu[..., None], 1.0)
    expected = np.logaddexp(terms[..., 0, :], terms[..., 1, :]).sum(-1)
    assert expected.min() < -1000
    np.testing.assert_allclose(found.log_ratio, expected, rtol=1e-10)
    numpy = group_of(target, seed=1)
    numpy.sweep(1)
    found = numpy.station()
    theta, mu = found.variables["theta"], found.variables["mu"]
    terms = np.log(theta)[..., None] + stats.norm.logpdf(y, mu[..., None], 1.0)
    np.testing.assert_allclose(
        found.log_ratio, np.logaddexp(terms[..., 0, :], terms[..., 1, :]).sum(-1), rtol=1e-10
    )


def test_what_it_does_not_know_numpy_moves():
    heavy = HeavyMixture(n_components=2, means=pmix.Normal(0, 5), sigma=pmix.HalfNormal(3))
    target = target_of(heavy, Y)
    assert not is_known(target)
    assert isinstance(moves_for(target), NumpyMoves)


def test_the_same_seed_gives_the_same_moves():
    target = target_of(NORMAL, Y)

    def moved(seed) -> Particles:
        group = group_of(target, moves=compiled(target))
        group.rng = np.random.default_rng(seed)
        group.sweep(3)
        return group._particles

    assert (moved(1).log_gamma == moved(1).log_gamma).all()
    assert (moved(1).log_gamma != moved(2).log_gamma).any()


def test_moves_know_no_vectors_of_many_coordinates_and_none_that_lack_some():
    y = np.random.default_rng(1).normal(size=(20, 9))
    model = pmix.MultivariateNormalMixture(n_components=2)
    assert is_known(target_of(model, y[:, :8]))
    assert not is_known(target_of(model, y))
    y[3, 1] = np.nan
    assert not is_known(target_of(model, y[:, :2], missing="marginalise"))


def test_moves_know_no_labels():
    model, y = pmix.NormalMixture(n_components=2), np.arange(9.0)
    assert is_known(target_of(model, y))
    assert is_known(target_of(model, y, weights=y))
    assert not is_known(target_of(model, y, labels=[0] + [-1] * 8))
