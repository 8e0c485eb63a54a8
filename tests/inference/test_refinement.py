"""The posterior refined from CmdStan's own draws, and what comes of it."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from two_modes import a_chain_in_each, mirrored_target

from pystan_mix import HalfNormal, Normal, NormalMixture, simulate
from pystan_mix.cmdstan.stan_csv import read_stan_csv
from pystan_mix.inference.refinement import (
    Refined,
    ess_of_draws,
    refine_posterior,
    refined_from,
    refined_moments,
    weighted_draws,
)
from pystan_mix.inference.restarts import judged
from pystan_mix.mixtures.density import log_joint, to_unconstrained
from pystan_mix.mixtures.observations import indexed
from pystan_mix.mixtures.stan_data import target_of_stan_data
from pystan_mix.mixtures.target import Target, target_of
from pystan_mix.numerics import log_sum_exp
from pystan_mix.stats.transforms import stick_breaking

RECORDED = Path(__file__).resolve().parents[1] / "recorded"
TARGET = target_of_stan_data(NormalMixture, json.loads((RECORDED / "data-advi.json").read_text()))
CSV = read_stan_csv(RECORDED / "advi.csv")
ADVI = judged(TARGET, CSV)
NAMES = ("theta", "mu", "sigma")
pytestmark = pytest.mark.arviz


def refined(seed=1) -> Refined:
    found = refined_from(TARGET, ADVI, rng=np.random.default_rng(seed))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def posterior() -> Refined:
    return refined()


@pytest.fixture(scope="module")
def draws(posterior):
    return weighted_draws(posterior, 200, rng=np.random.default_rng(2))


def test_draws_are_of_the_model(draws):
    assert {name: x.shape for name, x in draws.variables.items()} == dict.fromkeys(
        NAMES, (1, 200, 2)
    )
    theta = draws.variables["theta"]
    # CmdStan refuses a simplex that is off by 1e-8
    np.testing.assert_allclose(theta.sum(axis=-1), 1.0, rtol=0, atol=1e-14)
    assert theta.min() >= TARGET.model.min_weight == 0.1
    assert (np.diff(draws.variables["mu"]) > 0).all()
    assert (draws.variables["sigma"] > 0).all()


def test_densities_belong_to_the_draws(posterior, draws):
    z = to_unconstrained(TARGET, {name: draws.variables[name][0] for name in NAMES})
    np.testing.assert_allclose(draws.log_p[0], log_joint(TARGET, z), atol=1e-8)
    found = posterior.refinement
    every = posterior.posterior.ordered_variables(found.z)
    # whole rows, not each parameter from another one
    at = [int(np.flatnonzero(every["mu"][:, 0] == mu)[0]) for mu in draws.variables["mu"][0, :, 0]]
    for name in NAMES:
        np.testing.assert_array_equal(draws.variables[name][0], every[name][at])
    ratio = found.log_p[at] - found.log_g[at]
    np.testing.assert_allclose(draws.log_p[0] - draws.log_g[0], ratio, atol=1e-8)


def test_the_density_is_that_which_cmdstan_wrote():
    """All constants in, at CmdStan's own draws."""
    z = to_unconstrained(TARGET, {name: CSV.variable(name) for name in NAMES})
    np.testing.assert_allclose(log_joint(TARGET, z), CSV.variable("log_p__"), atol=1e-8)


def test_moments_are_those_of_the_draws():
    """Above a floor: without one the posterior of data that repeat values is improper."""
    target = Target(dataclasses.replace(TARGET.model, min_sigma=0.3), TARGET.observed)
    z = to_unconstrained(target, {name: CSV.variable(name) for name in NAMES})
    z = z[np.isfinite(z).all(axis=1)]
    even = np.full(len(z), -math.log(len(z)))
    posterior = refine_posterior(target, z, even, draws=1000, rng=np.random.default_rng(1))
    assert posterior is not None
    moments = refined_moments(posterior)
    assert tuple(moments) == NAMES
    ess = min(posterior.refinement.ess, 200)
    assert ess > 100
    draws = weighted_draws(posterior, 200, rng=np.random.default_rng(2))
    for name, (mean, sd) in moments.items():
        found = draws.variables[name][0]
        assert mean.shape == sd.shape == (2,)
        assert (np.abs(found.mean(axis=0) - mean) < 4.5 * sd / ess**0.5).all()
        # the spread of a spread is more than a normal's where the tail is longer
        assert (np.abs(found.std(axis=0) / sd - 1) < 2 * 4.5 / (2 * ess) ** 0.5).all()


@pytest.mark.parametrize(("size", "ess"), [(5000, 1200.0), (10_000, 4000.0), (1000, 600.0)])
def test_what_resampled_draws_are_worth(posterior, size, ess):
    """Of even weights all that are left are worth one each; resampling all loses nothing."""
    found = dataclasses.replace(posterior.refinement, z=np.zeros((size, 1)), ess=ess)
    worth = ess_of_draws(Refined(posterior.posterior, found), 5000)
    assert worth <= ess
    assert (worth == pytest.approx(ess)) == (size <= 5000)
    even = dataclasses.replace(found, ess=float(size))
    assert ess_of_draws(Refined(posterior.posterior, even), 5000) == pytest.approx(min(size, 5000))


def test_the_seed_decides(posterior):
    again, other = refined(), refined(seed=3)
    np.testing.assert_array_equal(again.refinement.z, posterior.refinement.z)
    assert (other.refinement.z != posterior.refinement.z).all()


def test_what_would_take_too_long_is_not_refined():
    many = Target(TARGET.model, indexed(np.arange(80_000.0)))
    assert refined_from(many, ADVI, rng=np.random.default_rng(1)) is None
    # it is the distinct ones that count
    tied = Target(TARGET.model, indexed(np.tile(TARGET.observed.y, 4_000)))
    assert tied.observed.y.size == 80_000
    assert refined_from(tied, ADVI, rng=np.random.default_rng(1)) is not None


def test_draws_without_a_covariance_are_not_refined():
    same = dataclasses.replace(ADVI, z=np.tile(ADVI.z[:1], (200, 1)))
    assert refined_from(TARGET, same, rng=np.random.default_rng(1)) is None


@pytest.mark.parametrize("draws", [100, 5000])
def test_one_component_with_known_scale_is_exact(draws):
    """One parameter, and a posterior and an evidence that are normal integrals."""
    y = simulate(20, theta=[1.0], mu=[1.0], sigma=1.0, seed=3)
    model = NormalMixture(n_components=1, means=Normal(0, 5), sigma=1.0)
    target = target_of(model, y)
    precision = y.size + 5.0**-2
    mean, sd = y.sum() / precision, precision**-0.5
    z = mean + 0.5 * sd * np.random.default_rng(1).normal(size=(draws, 1))
    even = np.full(draws, -math.log(draws))
    refined = refine_posterior(target, z, even, draws=draws, rng=np.random.default_rng(2))
    assert refined is not None
    found = refined.refinement
    assert len(found.z) == max(2 * draws, 2000)
    covariance = np.eye(20) + 25.0
    log_det = np.linalg.slogdet(covariance)[1]
    expected = -0.5 * (20 * np.log(2 * np.pi) + log_det + y @ np.linalg.solve(covariance, y))
    assert abs(found.log_integral - expected) < 4.5 * found.mcse
    weights = np.exp(found.log_weights)
    assert weights @ found.z[:, 0] == pytest.approx(mean, abs=4.5 * sd / found.ess**0.5)
    moments = refined_moments(refined)
    assert set(moments) == {"theta", "mu"}
    assert moments["theta"][0].tolist() == pytest.approx([1.0])
    found_mean, found_sd = moments["mu"]
    assert found_mean[0] == pytest.approx(weights @ found.z[:, 0], rel=1e-12)
    assert found_sd[0] == pytest.approx(sd, rel=4.5 / (2 * found.ess) ** 0.5)


def test_many_observations_have_fewer_draws_but_enough():
    y = simulate(20_000, theta=[0.5, 0.5], mu=[-3, 3], sigma=1.0, seed=4)
    model = NormalMixture(n_components=2, means=Normal(0, 10), sigma=1.0)
    target = target_of(model, y)
    rng = np.random.default_rng(5)
    theta = np.column_stack([0.5 + 0.003 * rng.normal(size=300)] * 2)
    theta[:, 1] = 1 - theta[:, 0]
    mu = np.array([-3.0, 3.0]) + 0.008 * rng.normal(size=(300, 2))
    z = to_unconstrained(target, {"theta": theta, "mu": mu})
    log_w = log_joint(target, z)
    refined = refine_posterior(target, z, log_w - log_sum_exp(log_w), draws=5000, rng=rng)
    assert refined is not None
    found = refined.refinement
    assert len(found.z) == 1000
    assert found.pareto_khat < 0.6
    assert found.ess > 400


def test_draws_out_of_range_are_left_out():
    """A weight that underflowed has no place in the unconstrained space."""
    y = simulate(60, theta=[0.4, 0.6], mu=[-2, 3], sigma=1.0, seed=2)
    model = NormalMixture(n_components=2, means=Normal(0, 10), sigma=1.0)
    target = target_of(model, y)
    rng = np.random.default_rng(1)
    z = np.array([-0.4, -2.0, 3.0]) + 0.1 * rng.normal(size=(500, 3))
    with np.errstate(divide="ignore"):
        z[5, 0] = stick_breaking(np.array([[1.0, 0.0]]))[0, 0]
    assert np.isinf(z[5, 0])
    refined = refine_posterior(target, z, np.full(500, -math.log(500)), draws=1000, rng=rng)
    assert refined is not None
    found = refined.refinement
    assert np.isfinite(found.z).all()
    assert found.pareto_khat < 0.7
    assert found.ess > 1000


def test_a_component_that_shrinks_onto_one_value_is_no_posterior_that_weights_find():
    """Equal values and unknown standard deviations: the integral is infinite there."""
    found = posterior_at_a_pole().refinement
    assert found.pareto_khat > 0.7
    assert found.ess < 0.1 * len(found.z)


def posterior_at_a_pole() -> Refined:
    """Of the recorded whole numbers, from draws around a value that occurs often."""
    target = Target(dataclasses.replace(TARGET.model, min_weight=0.0), TARGET.observed)
    rng = np.random.default_rng(1)
    z = np.array([-2.0, -2.0, 2.0, -9.0, 1.0]) + 0.1 * rng.normal(size=(500, 5))
    log_w = log_joint(target, z)
    found = refine_posterior(target, z, log_w - log_sum_exp(log_w), draws=1000, rng=rng)
    assert found is not None
    return found


def test_what_lies_beyond_equal_means_is_found():
    """Two components of one mean and two spreads: from draws that have the wide one above."""
    rng = np.random.default_rng(4)
    half = np.where(rng.random(150) < 0.2, rng.normal(0, 5, 150), rng.normal(0, 1, 150))
    y = np.concatenate([half, -half])
    model = NormalMixture(n_components=2, means=Normal(0, 5), sigma=HalfNormal(4))
    target = target_of(model, y)
    weight = 0.8 + 0.03 * rng.normal(size=400)
    variables = {
        "theta": np.stack([weight, 1.0 - weight], axis=1),
        "mu": np.sort(np.array([-0.2, 0.5]) + 0.1 * rng.normal(size=(400, 2)), axis=1),
        "sigma": np.array([1.0, 5.0]) * np.exp(0.05 * rng.normal(size=(400, 2))),
    }
    z = to_unconstrained(target, variables)
    found = refine_posterior(target, z, np.full(400, -math.log(400)), draws=3000, rng=rng)
    assert found is not None
    assert found.refinement.pareto_khat < 0.7
    sigma = weighted_draws(found, 3000, rng=rng).variables["sigma"][0]
    # by symmetry one half
    error = 0.5 / found.refinement.ess**0.5
    assert (sigma[:, 0] > sigma[:, 1]).mean() == pytest.approx(0.5, abs=5 * error)


def test_a_glimpse_judges_what_draws_have_not_led_to():
    """Two modes far from each other, and draws near one of them."""
    target = mirrored_target()
    left = {name: x[0] for name, x in a_chain_in_each().variables.items()}
    z = to_unconstrained(target, left)
    rng, even = np.random.default_rng(1), np.full(len(z), -math.log(len(z)))
    found = refine_posterior(target, z, even, draws=1000, rng=rng)
    assert found is not None
    assert found.refinement.ess < 100
