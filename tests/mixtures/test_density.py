"""The log joint density against CmdStan, SciPy and numerical differentiation."""

import tracemalloc

import numpy as np
import pytest
import xarray as xr
from lp_at_points import lp_at
from scipy import stats
from scipy.special import logsumexp

import pystan_mix as pmix
from pystan_mix.arviz_compat import group, to_arviz
from pystan_mix.cmdstan.compile import program_for
from pystan_mix.fits.prediction import parameter_draws
from pystan_mix.mixtures import density as module
from pystan_mix.mixtures.density import (
    log_joint,
    log_likelihood,
    log_prior,
    to_constrained,
    to_unconstrained,
)
from pystan_mix.mixtures.model import NormalMixture, stan_data
from pystan_mix.mixtures.target import Joint, joint_of

Y = pmix.simulate(40, theta=[0.3, 0.3, 0.4], mu=[-3, 0, 4], sigma=1.2, seed=5)
PRIORS = {"weights": pmix.Dirichlet([1.5, 2, 4]), "means": pmix.Normal([-2, 0, 3], [3, 4, 5])}
CASES = {
    "known": (NormalMixture(n_components=3, sigma=[0.8, 1.0, 1.4], **PRIORS), Y),
    "known-repeated-floor": (
        NormalMixture(n_components=3, sigma=1.1, min_weight=0.1, **PRIORS),
        Y.round(1),
    ),
    "half-cauchy": (NormalMixture(n_components=3, sigma=pmix.HalfCauchy(2), **PRIORS), Y),
    "half-normal-floor": (
        NormalMixture(n_components=3, sigma=pmix.HalfNormal([1, 2, 3]), min_weight=0.2, **PRIORS),
        Y,
    ),
    "half-t-repeated": (
        NormalMixture(n_components=3, sigma=pmix.HalfStudentT(3, 2.5), **PRIORS),
        Y.round(1),
    ),
    "one-component": (
        NormalMixture(n_components=1, means=pmix.Normal(0, 5), sigma=pmix.HalfNormal(4)),
        Y,
    ),
    "five-components": (
        NormalMixture(
            n_components=5, means=pmix.Normal(0, 5), sigma=pmix.HalfCauchy(2), min_weight=0.02
        ),
        Y,
    ),
}


def posed(case: str) -> Joint:
    """The joint density of a case, without a fit."""
    model, y = CASES[case]
    stan = stan_data(model, y)
    vectors = {
        name: ("component", np.array(stan[name]))
        for name in ("alpha", "mu_loc", "mu_scale", "sigma", "sigma_scale")
        if name in stan
    }
    scalars = {name: stan[name] for name in ("min_weight", "sigma_df") if name in stan}
    return joint_of(
        to_arviz(
            {
                "constant_data": xr.Dataset(vectors | scalars),
                "observed_data": xr.Dataset({"y": ("obs", y)}),
            },
            attrs={},
        )
    )


def random_points(joint: Joint, n: int, *, seed: int = 1, scale: float = 1.0) -> np.ndarray:
    """Points whose means are some widths apart, now near each other and now not."""
    z = np.random.default_rng(seed).normal(scale=scale, size=(n, joint.dimensions))
    K = joint.n_components
    z[:, K - 1 : 2 * K - 1] = joint.width * (z[:, K - 1 : 2 * K - 1] + 2.0 * np.arange(K))
    return z


@pytest.mark.parametrize("case", CASES)
def test_it_is_advis_log_p_with_all_constants(cmdstan, case):
    """Not up to a constant: ADVI writes its log joint density whole."""
    if cmdstan.version >= (2, 37):
        pytest.skip("the simplex has another transform there, and another Jacobian")
    model, y = CASES[case]
    # the log densities of refined draws would be our own
    approx = pmix.advi(
        model, y, draws=500, reweight=False, seed=1, predictive_draws=0, show_progress=False
    )
    theta, mu, sigma = (values[0] for values in parameter_draws(approx))
    joint = joint_of(approx)
    z = to_unconstrained(joint, theta=theta, mu=mu, sigma=sigma)
    log_p = group(approx, "sample_stats")["log_p"].values[0]
    assert np.ptp(log_p) > 1.0
    # of two means that nearly coincide, 15 digits leave few of their distance
    least = np.diff(mu, axis=-1).min(axis=-1, initial=np.inf)
    lost = 1e-15 * np.abs(mu).max(axis=-1) / least
    assert np.median(lost) < 1e-12
    assert (np.abs(log_joint(joint, z) - log_p) < 1e-8 + 10.0 * lost).all()


@pytest.mark.parametrize("case", CASES)
def test_it_is_cmdstans_lp_but_for_a_constant(cmdstan, case):
    if cmdstan.version >= (2, 37):
        pytest.skip("the simplex has another transform there, and another Jacobian")
    model, y = CASES[case]
    joint = posed(case)
    K = joint.n_components
    z = random_points(joint, 20, scale=0.4)
    constrained = to_constrained(joint, z)
    raw = (np.exp(constrained.log_theta) - joint.min_weight) / joint.free_weight
    inits = [
        {"theta_raw": list(raw[i]), "mu_raw": list(z[i, K - 1 : 2 * K - 1])}
        | ({"sigma": list(constrained.sigma[i])} if joint.sigma is None else {})
        for i in range(len(z))
    ]
    difference = log_joint(joint, z) - lp_at(program_for(model), stan_data(model, y), inits)
    assert np.ptp(difference) < 1e-8


@pytest.mark.parametrize("case", CASES)
def test_prior_and_likelihood_are_those_of_scipy(case):
    model, y = CASES[case]
    joint, stan = posed(case), stan_data(model, y)
    c = to_constrained(joint, random_points(joint, 30))
    theta = np.exp(c.log_theta)
    if model.n_components > 1:
        prior = np.array([stats.dirichlet.logpdf(t / t.sum(), stan["alpha"]) for t in theta])
    else:
        prior = np.zeros(len(theta))
    prior += stats.norm.logpdf(c.mu, stan["mu_loc"], stan["mu_scale"]).sum(axis=1)
    if joint.sigma is None:
        law = stats.halfnorm if np.isinf(joint.sigma_df) else stats.t(joint.sigma_df)
        fold = 0.0 if np.isinf(joint.sigma_df) else np.log(2.0)
        scale = np.array(stan["sigma_scale"])
        prior += (law.logpdf(c.sigma / scale) + fold - np.log(scale)).sum(axis=1)
    np.testing.assert_allclose(log_prior(joint, c), prior, rtol=1e-12)
    terms = stats.norm.logpdf(y[:, None], c.mu[:, None], c.sigma[:, None])
    likelihood = logsumexp(terms + c.log_theta[:, None], axis=-1).sum(axis=1)
    np.testing.assert_allclose(log_likelihood(joint, c), likelihood, rtol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_the_map_goes_back(case):
    joint = posed(case)
    # not so wide that two means fall together to rounding
    z = random_points(joint, 200, scale=1.5)
    c = to_constrained(joint, z)
    theta = np.exp(c.log_theta)
    np.testing.assert_allclose(theta.sum(axis=1), 1.0, rtol=1e-14)
    assert (theta >= joint.min_weight).all()
    assert (np.diff(c.mu, axis=1) >= 0).all()
    again = to_unconstrained(joint, theta=theta, mu=c.mu, sigma=c.sigma)
    # the weights above a floor of 0.1 keep 10 digits; a free mean far below the one before it has
    # hardly moved the mean, and keeps fewer
    means = slice(joint.n_components - 1, 2 * joint.n_components - 1)
    np.testing.assert_allclose(
        np.delete(again, means, axis=1), np.delete(z, means, axis=1), rtol=0, atol=1e-9
    )
    np.testing.assert_allclose(to_constrained(joint, again).mu, c.mu, rtol=0, atol=1e-13)


@pytest.mark.parametrize("case", ["known", "half-normal-floor", "five-components"])
def test_the_jacobian_is_that_of_differences(case):
    joint = posed(case)
    K, d = joint.n_components, joint.dimensions

    def flat(points: np.ndarray) -> np.ndarray:
        c = to_constrained(joint, points)
        raw = (np.exp(c.log_theta) - joint.min_weight) / joint.free_weight
        sigma = [c.sigma] if joint.sigma is None else []
        return np.concatenate([raw[:, : K - 1], c.mu, *sigma], axis=1)

    for z in random_points(joint, 5):
        step = 1e-6 * np.eye(d)
        matrix = (flat(z + step) - flat(z - step)) / 2e-6
        expected = np.linalg.slogdet(matrix)[1]
        # differences of numbers of size 10 over 1e-6 keep 8 digits
        assert to_constrained(joint, z[None]).log_jacobian[0] == pytest.approx(expected, abs=1e-6)


def test_blocks_do_not_change_the_likelihood(monkeypatch):
    joint = posed("half-cauchy")
    c = to_constrained(joint, random_points(joint, 37))
    whole = log_likelihood(joint, c)
    monkeypatch.setattr(module, "_BLOCK", 3 * 40 * 5)
    np.testing.assert_allclose(log_likelihood(joint, c), whole, rtol=1e-14)


def test_memory_does_not_grow_with_draws_times_observations():
    y = np.random.default_rng(3).normal(size=5000)
    fit = to_arviz(
        {
            "constant_data": group_of(posed("half-cauchy")),
            "observed_data": xr.Dataset({"y": ("obs", y)}),
        },
        attrs={},
    )
    joint = joint_of(fit)
    z = random_points(joint, 2000)
    tracemalloc.start()
    try:
        log_joint(joint, z)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # all terms at once are 2000 x 3 x 5000 doubles, 240 MB
    assert peak < 40e6


def group_of(joint: Joint) -> xr.Dataset:
    """The constant data of a joint density with unknown standard deviations."""
    names = ("alpha", "mu_loc", "mu_scale", "sigma_scale")
    vectors = {name: ("component", getattr(joint, name)) for name in names}
    return xr.Dataset(vectors | {"min_weight": joint.min_weight, "sigma_df": joint.sigma_df})


@pytest.mark.parametrize("case", ["known", "half-cauchy", "half-normal-floor"])
@pytest.mark.parametrize("far", [-1e4, -800.0, 800.0, 1e4])
def test_what_is_far_out_has_no_density_and_gives_no_warning(case, far):
    joint = posed(case)
    points = random_points(joint, 1).repeat(joint.dimensions, axis=0)
    points[np.diag_indices(joint.dimensions)] = far
    found = log_joint(joint, points)
    assert not np.isnan(found).any()
    assert (found < log_joint(joint, points[:1] * 0.0)).all()
