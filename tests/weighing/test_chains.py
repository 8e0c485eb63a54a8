"""Tests of pystan_mix.weighing.chains: chains confirmed, or replaced by what is right."""

import dataclasses
import json
import re

import numpy as np
import pytest
from two_modes import a_chain_in_each, in_left_mode, mirrored_target

import pystan_mix as pmix
from pystan_mix.arviz_compat import group_names
from pystan_mix.cmdstan.locate import CmdStan
from pystan_mix.fits.attributes import WeighingFindings, read_attributes
from pystan_mix.fits.draws import Draws
from pystan_mix.fits.groups import CHAINS, POSTERIOR, SAMPLE_STATS, divergences, variables
from pystan_mix.fits.summary import summarize
from pystan_mix.mixtures.target import target_of
from pystan_mix.stats.convergence import summary_of
from pystan_mix.weighing.annealing.anneal import anneal
from pystan_mix.weighing.chains import _is_missed, weigh_chains
from pystan_mix.weighing.weigh import weigh

Y = pmix.simulate(200, theta=[0.4, 0.6], mu=[-3, 3], sigma=1.0, seed=2)
MODEL = pmix.NormalMixture(n_components=2)


def mirrored(seed: int) -> np.ndarray:
    """Data of one mean and two spreads, the same upside down: so is the posterior."""
    rng = np.random.default_rng(seed)
    half = np.where(rng.random(200) < 0.1, rng.normal(0, 5, 200), rng.normal(0, 1, 200))
    return np.concatenate([half, -half])


@pytest.mark.parametrize("seed", [1, 2])
def test_of_equal_means_each_component_is_below_as_often(cmdstan: CmdStan, seed):
    """By symmetry one half; the draws are worth some 1500 and more, so 0.05 is four errors."""
    model = pmix.NormalMixture(n_components=2, means=pmix.Normal(0, 5), sigma=pmix.HalfNormal(4))
    fit = pmix.sample(model, mirrored(seed), seed=seed, show_progress=False)
    assert pmix.diagnose(fit).use == "fine"
    sigma = variables(fit)["sigma"]
    assert (sigma[..., 0] > sigma[..., 1]).mean() == pytest.approx(0.5, abs=0.05)


def test_chains_that_are_right_are_returned(cmdstan: CmdStan):
    fit = pmix.sample(MODEL, Y, seed=1, show_progress=False)
    found = read_attributes(WeighingFindings, fit)
    assert found.trusted
    assert not found.weighed
    assert CHAINS not in group_names(fit)
    assert pmix.diagnose(fit).ok


def test_of_vectors_annealing_is_no_authority_over_what_chains_have_reached():
    """Populations that lack most of the posterior agree among themselves: their integral tells."""
    rng = np.random.default_rng(1)
    y = rng.normal(size=(60, 2)) + np.where(np.arange(60) < 20, 0.0, 6.0)[:, None]
    target = target_of(pmix.MultivariateNormalMixture(n_components=2), y)
    annealed = anneal(target, rng=rng, parallel=2, rounds=1)
    weighed = weigh(target, annealed.draws(4, 500, rng=rng), rng=rng)
    assert weighed.is_precise
    assert not _is_missed(weighed, annealed)
    poor = dataclasses.replace(annealed, log_weights=annealed.log_weights - 5.0)
    assert poor.is_sound
    assert _is_missed(weighed, poor)


def stuck_chains() -> tuple:
    """A posterior of two modes, and chains of which each has seen one only."""
    target = target_of(
        pmix.NormalMixture(n_components=2, means=pmix.Normal(0, 5), sigma=pmix.HalfNormal(4)),
        mirrored(5),
    )
    rng = np.random.default_rng(1)
    narrow_first = np.array([True, True, True, False])[:, None, None]
    shape = (4, 500, 1)
    weight = 0.85 + 0.02 * rng.normal(size=shape)
    near, far = 0.08 * rng.normal(size=shape), 0.7 * np.abs(rng.normal(size=shape)) + 0.1
    sigma = np.exp(0.05 * rng.normal(size=shape)), 5.0 * np.exp(0.1 * rng.normal(size=shape))
    first = {"theta": weight, "mu": near - 0.1, "sigma": sigma[0]}
    second = {"theta": 1 - weight, "mu": near - 0.1 + far, "sigma": sigma[1]}
    below = {name: np.concatenate([first[name], second[name]], axis=-1) for name in first}
    above = {name: x[..., ::-1] * (-1 if name == "mu" else 1) for name, x in below.items()}
    return target, Draws({n: np.where(narrow_first, below[n], above[n]) for n in below})


def test_chains_that_stay_in_one_mode_each_are_replaced():
    target, draws = stuck_chains()
    found = weigh_chains(target, draws, parallel=2, rng=np.random.default_rng(2))
    assert found.findings.weighed
    assert found.findings.pareto_khat_weights < 0.7
    sigma = found.draws.variables["sigma"]
    assert sigma.shape == (4, 500, 2)
    assert (np.diff(found.draws.variables["mu"], axis=-1) >= 0).all()
    # three of four chains were in one mode, and the modes weigh the same by symmetry
    assert (sigma[..., 0] > sigma[..., 1]).mean() == pytest.approx(0.5, abs=0.07)


def test_separate_modes_are_counted_and_who_stayed_in_one():
    draws = a_chain_in_each()
    found = weigh_chains(mirrored_target(), draws, parallel=2, rng=np.random.default_rng(1))
    assert found.findings.weighed
    assert not found.findings.annealed
    assert found.findings.modes == 2
    shares = [int(x) for x in re.findall(r"\d+", found.findings.mode_shares)[1:]]
    # of 1000 draws resampled from as many
    assert shares == pytest.approx([50, 50], abs=100 * 4.5 * 0.5 * (2 / 1000) ** 0.5 + 1)
    assert found.findings.chains_stayed
    both = Draws({n: np.concatenate(list(x))[None] for n, x in draws.variables.items()})
    found = weigh_chains(mirrored_target(), both, parallel=2, rng=np.random.default_rng(1))
    assert not found.findings.chains_stayed


def test_what_chains_have_not_led_to_is_annealed():
    """One chain in one mode; the weights of what it has seen are as good as can be."""
    one = Draws({n: x[:1] for n, x in a_chain_in_each().variables.items()})
    found = weigh_chains(mirrored_target(), one, parallel=2, rng=np.random.default_rng(1))
    assert found.findings.annealed
    assert found.findings.trusted
    assert found.findings.weighed
    assert found.findings.pareto_khat_weights < 0.7
    assert found.findings.mean_error < 0.1
    assert found.findings.modes == 2
    left = in_left_mode(found.draws.variables["mu"]).mean()
    assert abs(left - 0.5) < 4.5 * 0.5 * found.findings.mean_error + 0.01


def test_what_cannot_be_annealed_is_weighed_all_the_same():
    """So far above the scale of its prior is the floor that no draw of the prior reaches it."""
    y = np.random.default_rng(1).normal(0, 10, 40)
    model = pmix.NormalMixture(
        n_components=2, means=pmix.Normal(0, 10), sigma=pmix.HalfNormal(1), min_sigma=10.0
    )
    target, rng = target_of(model, y), np.random.default_rng(2)
    # at the floor there is little else than the prior's slope
    draws = {
        "theta": rng.dirichlet([4, 4], size=(4, 1000)),
        "mu": np.sort(rng.normal(0, 2, size=(4, 1000, 2)), axis=-1),
        "sigma": 10.0 + rng.exponential(0.1, size=(4, 1000, 2)),
    }
    found = weigh_chains(target, Draws(draws), parallel=2, rng=rng).findings
    assert not found.annealed
    assert np.isfinite(found.pareto_khat_weights)
    assert found.ess_importance > 400


def test_weighed_draws_are_chains_of_one_law(cmdstan: CmdStan, course_data):
    """In the order of the sources they came from, R-hat was 1.04 and 75 draws were effective."""
    y = np.loadtxt(course_data / "real" / "iris_petal_width.dat")
    target = target_of(pmix.NormalMixture(n_components=3), y)
    fit = pmix.sample(target.model, y, seed=1, predictive_draws=0, show_progress=False)
    name = CHAINS if CHAINS in group_names(fit) else POSTERIOR
    chains = Draws({each: variables(fit, name)[each] for each in ("theta", "mu", "sigma")})
    found = weigh_chains(target, chains, parallel=2, rng=np.random.default_rng(1))
    assert found.findings.weighed
    for values in found.draws.variables.values():
        for k in range(values.shape[-1]):
            summary = summary_of(values[..., k])
            assert summary.r_hat <= summary.largest_r_hat
            # some of the 4000 are equal
            assert summary.ess_bulk > found.findings.ess_importance / 4


@pytest.mark.parametrize(
    ("model", "y"),
    [
        (pmix.NormalMixture(n_components=1), Y),
        (pmix.NormalMixture(n_components=2, means=pmix.Normal(0, 5), sigma=1.0), Y),
    ],
    ids=["one component", "known sigma, chains that agree"],
)
def test_what_needs_no_weighing_is_not_weighed(model, y):
    target, rng = target_of(model, y), np.random.default_rng(1)
    K = target.n_components
    draws = {"theta": rng.dirichlet([40] * K, size=(4, 1000))}
    draws["mu"] = np.sort(rng.normal(size=(4, 1000, K)), axis=-1)
    if K == 1:
        draws["sigma"] = np.exp(0.1 * rng.normal(size=(4, 1000, 1)))
    assert weigh_chains(target, Draws(draws), parallel=2, rng=rng) is None


@pytest.fixture(scope="module", params=["acidity_3_floor0.005", "chemical_shifts_2_floor0.05"])
def real(request, course_data):
    found = json.loads((course_data / "real" / "references.json").read_text())[request.param]
    return found, np.loadtxt(course_data / "real" / found["data"])


def test_real_data_have_their_reference_posterior(cmdstan: CmdStan, real):
    """References by parallel tempering; these differ by up to 0.05 sd themselves."""
    reference, y = real
    priors = reference["priors"]
    model = pmix.NormalMixture(
        n_components=reference["K"],
        weights=pmix.Dirichlet(priors["weights"]),
        means=pmix.Normal(*priors["means"]),
        sigma=pmix.HalfNormal(priors["sigma_half_normal"]),
        min_sigma=reference["min_sigma"],
    )
    fit = pmix.sample(model, y, seed=4, show_progress=False)
    assert pmix.diagnose(fit).use == "fine"
    table = summarize(fit)
    for name, known in reference["posterior"].items():
        assert abs(table.loc[name, "mean"] - known["mean"]) < 0.15 * known["sd"], name
    if read_attributes(WeighingFindings, fit).weighed:
        assert SAMPLE_STATS not in group_names(fit)
        assert set(variables(fit)) < set(variables(fit, CHAINS))
        assert divergences(fit).shape == (4, 1000)
        assert "weighed" in str(pmix.diagnose(fit))
    low, high = sorted(reference["log_evidence"])
    evidence = pmix.log_evidence(fit)
    assert low - 0.1 < evidence.log_evidence < high + 0.1
