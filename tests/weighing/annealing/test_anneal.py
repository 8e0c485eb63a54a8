"""The whole posterior by annealing, against exact integrals, symmetry and importance sampling."""

import math
import signal
import threading

import numpy as np
import pytest
from known_posteriors import HeavyMixture
from scipy import stats
from two_modes import in_left_mode, mirrored_target

from pystan_mix import (
    Dirichlet,
    HalfNormal,
    Interval,
    MultivariateNormalMixture,
    Normal,
    NormalMixture,
    simulate,
)
from pystan_mix.mixtures.target import target_of
from pystan_mix.numerics import log_sum_exp
from pystan_mix.weighing.annealing.anneal import anneal
from pystan_mix.weighing.annealing.annealed import Annealed
from pystan_mix.weighing.weigh import weigh

pytestmark = pytest.mark.arviz
Y = simulate(20, theta=[0.4, 0.6], mu=[-1, 1.5], sigma=1.0, seed=3).round(1)
ALIKE = NormalMixture(n_components=2, weights=Dirichlet(2), means=Normal(0, 3), sigma=1.0)
UNLIKE = NormalMixture(
    n_components=2,
    weights=Dirichlet([1, 3]),
    means=Normal([-1, 1], [2, 1]),
    sigma=1.0,
    min_weight=0.15,
)


def on_a_grid(model):
    """Return the log integral over ordered means, and means and sds, of two known scales."""
    share = (np.arange(60) + 0.5) / 60
    mu = np.linspace(-6.0, 6.0, 161)
    theta = model.min_weight + (1.0 - 2 * model.min_weight) * share
    low, high = mu[:, None], mu[None, :]
    # of each mean, shape (161, 2)
    prior = stats.norm.logpdf(mu[:, None], model.means.location, np.full(2, model.means.scale))
    log_prior = np.where(low < high, prior[:, [0]] + prior[:, 1], -np.inf)
    # half of the diagonal's cells lies above it
    np.fill_diagonal(log_prior, prior.sum(axis=1) - math.log(2.0))
    density = stats.norm.pdf(Y, mu[:, None])
    log_p = np.empty((60, 161, 161))
    for i, weight in enumerate(theta):
        mixed = weight * density[:, None] + (1 - weight) * density[None]
        log_p[i] = np.log(mixed).sum(axis=-1) + log_prior
    log_p += stats.dirichlet.logpdf(
        [theta, 1 - theta], np.broadcast_to(model.weights.concentration, 2)
    )[:, None, None]
    cell = math.log((mu[1] - mu[0]) ** 2 / 60)
    p = np.exp(log_p - log_sum_exp(log_p.ravel()))
    found = {}
    for name, x in (("theta", theta[:, None, None]), ("low", low), ("high", high)):
        mean = (p * x).sum()
        found[name] = mean, math.sqrt((p * (x - mean) ** 2).sum())
    return float(log_sum_exp(log_p.ravel())) + cell, found


@pytest.mark.parametrize("model", [ALIKE, UNLIKE], ids=["alike", "priors that differ, a floor"])
def test_integral_and_moments_are_those_of_a_grid(model):
    log_integral, exact = on_a_grid(model)
    found = anneal(target_of(model, Y), rng=np.random.default_rng(1), parallel=2)
    assert found.is_sound
    assert found.mcse < 0.1
    assert abs(found.log_integral - log_integral) < 4.5 * found.mcse
    theta, mu = found.moments["theta"], found.moments["mu"]
    for (mean, sd), ours, k in (
        (exact["theta"], theta, 0),
        (exact["low"], mu, 0),
        (exact["high"], mu, 1),
    ):
        assert abs(ours.mean[k] - mean) < 4.5 * ours.mean_error[k] + 1e-3
        assert abs(ours.sd[k] - sd) < 4.5 * ours.sd_error[k] + 1e-3


@pytest.fixture(scope="module")
def both_modes() -> Annealed:
    return anneal(mirrored_target(), rng=np.random.default_rng(1), parallel=2)


def test_modes_have_their_shares(both_modes):
    """By symmetry one half each, from nothing but the prior."""
    assert both_modes.is_sound
    left = in_left_mode(both_modes.variables["mu"])
    of_populations = (both_modes.weights * (left - 0.5)).sum(axis=1)
    assert abs(of_populations.sum()) < 4.5 * math.sqrt((of_populations**2).sum())
    assert math.sqrt((of_populations**2).sum()) < 0.05


def test_draws_are_in_order_and_above_the_floor(both_modes):
    least = mirrored_target().model.min_sigma
    draws = both_modes.draws(4, 500, rng=np.random.default_rng(2))
    assert {n: x.shape for n, x in draws.variables.items()} == dict.fromkeys(
        ("theta", "mu", "sigma"), (4, 500, 2)
    )
    assert (np.diff(draws.variables["mu"], axis=-1) >= 0).all()
    assert (draws.variables["sigma"] > least).all()
    assert draws.variables["theta"].sum(axis=-1) == pytest.approx(1.0)
    left = in_left_mode(draws.variables["mu"])
    # both modes are in every chain
    assert left.mean(axis=1).min() > 0.2
    assert left.mean(axis=1).max() < 0.8


def test_draws_do_not_depend_on_the_number_of_threads():
    target = target_of(ALIKE, Y)
    one, two = (anneal(target, rng=np.random.default_rng(5), parallel=n) for n in (1, 2))
    np.testing.assert_array_equal(one.log_weights, two.log_weights)
    np.testing.assert_array_equal(one.variables["mu"], two.variables["mu"])


def test_what_components_share_moves_too():
    """Beside importance sampling, from draws about the place."""
    y = simulate(40, theta=[0.5, 0.5], mu=[-2, 2], sigma=1.0, seed=2).round(1)
    target = target_of(
        HeavyMixture(n_components=2, means=Normal(0, 5), sigma=HalfNormal(3), df=HalfNormal(10.0)),
        y,
    )
    found = anneal(target, rng=np.random.default_rng(1), parallel=2)
    assert found.variables["df"].shape[-1] == 1
    weighed = weigh(
        target, found.draws(4, 500, rng=np.random.default_rng(2)), rng=np.random.default_rng(3)
    )
    assert weighed.is_sound
    difference = found.log_integral - weighed.log_integral
    assert abs(difference) < 4.5 * math.hypot(found.mcse, weighed.sample.mcse)
    for name, ours in found.moments.items():
        theirs = weighed.moments[name]
        error = np.hypot(ours.mean_error, theirs.mean_error)
        assert (np.abs(ours.mean - theirs.mean) < 4.5 * error).all(), name


def test_vectors_of_one_coordinate_are_numbers():
    """Named by it they have the same posterior, on a way of their own."""
    means, sigma = Normal(0, 3), HalfNormal(2.0)
    numbers = NormalMixture(n_components=2, means=means, sigma=sigma, min_sigma=0.1)
    vectors = MultivariateNormalMixture(
        n_components=2, means=means, scales=sigma, min_sigma=0.1, order_by=0
    )
    theirs = anneal(target_of(numbers, Y), rng=np.random.default_rng(1), parallel=2)
    ours = anneal(target_of(vectors, Y[:, None]), rng=np.random.default_rng(2), parallel=2)
    assert ours.is_sound
    error = math.hypot(ours.mcse, theirs.mcse)
    assert error < 0.2
    assert abs(ours.log_integral - theirs.log_integral) < 5 * error
    for name, expected in theirs.moments.items():
        found = ours.moments[name]
        error = np.hypot(found.mean_error, expected.mean_error)
        assert (np.abs(found.mean - expected.mean) < 5 * error).all(), name
        error = np.hypot(found.sd_error, expected.sd_error)
        assert (np.abs(found.sd - expected.sd) < 5 * error).all(), name
    draws = ours.draws(2, 100, rng=np.random.default_rng(3)).variables
    assert draws["corr"].shape == (2, 100, 2, 1, 1)
    assert (np.diff(draws["mu"][..., 0], axis=-1) >= 0).all()


def test_components_of_vectors_are_called_the_same_in_all_draws():
    """Those of two groups that are far apart, of populations that call them as they like."""
    rng = np.random.default_rng(1)
    y = rng.normal(size=(40, 2)) + np.where(np.arange(40) < 15, 0.0, 6.0)[:, None]
    target = target_of(MultivariateNormalMixture(n_components=2), y)
    found = anneal(target, rng=rng, parallel=2, rounds=1)
    free = found.variables["mu"][..., 0]
    called = (found.weights[..., None] * (free > 3.0)).sum(axis=(0, 1))
    assert 0.1 < called[0] < 0.9
    named = found.draws(2, 500, rng=rng).variables["mu"][..., 0]
    assert named[..., 0].max() < 3.0 < named[..., 1].min()


def test_a_prior_with_nothing_above_the_floor_is_refused():
    model = NormalMixture(n_components=2, means=Normal(0, 3), sigma=HalfNormal(1), min_sigma=20.0)
    with pytest.raises(np.linalg.LinAlgError, match="no sigma above its floor"):
        anneal(target_of(model, Y), rng=np.random.default_rng(1), parallel=2)


def test_ctrl_c_ends_all_threads():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threads = threading.active_count()
    pressed = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    try:
        pressed.start()
        y = simulate(1000, theta=[0.5, 0.5], mu=[-1, 1], sigma=1.0, seed=1)
        with pytest.raises(KeyboardInterrupt):
            anneal(
                target_of(NormalMixture(n_components=3), y),
                rng=np.random.default_rng(1),
                parallel=2,
            )
        pressed.join()
        assert threading.active_count() == threads
    finally:
        signal.signal(signal.SIGINT, before)


def test_intervals_are_annealed_as_they_are():
    """Of intervals that cut a fine grid the posterior is that of the values on it, all but."""
    fine = NormalMixture(n_components=2, means=Normal(0, 3), sigma=HalfNormal(2.0), min_sigma=0.1)
    width = 1e-5
    exact = anneal(target_of(fine, Y), rng=np.random.default_rng(1), parallel=2)
    cut = Interval(Y - width / 2, Y + width / 2)
    between = anneal(target_of(fine, cut), rng=np.random.default_rng(2), parallel=2)
    error = math.hypot(exact.mcse, between.mcse)
    # the probability of each is its density times its width
    assert error < 0.2
    difference = between.log_integral - exact.log_integral - Y.size * math.log(width)
    assert abs(difference) < 5 * error
