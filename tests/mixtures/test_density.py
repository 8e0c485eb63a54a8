"""The log joint density against CmdStan, SciPy and numerical differentiation."""

import tracemalloc

import numpy as np
import pytest
from known_posteriors import HeavyMixture
from lp_at_points import lp_at
from reference_density import log_scale_prior, log_simplex_jacobian
from scipy import stats
from scipy.special import logsumexp

import pystan_mix as pmix
from pystan_mix.arviz_compat import group
from pystan_mix.fits.model import draws_of_fit, target_of_fit
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures import density as module
from pystan_mix.mixtures.density import (
    component_terms,
    free_shares,
    log_joint,
    log_likelihood,
    log_prior,
    mixture_log_density,
    sampled_unconstrained,
    to_constrained,
    to_unconstrained,
)
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.target import Target, prior_target, target_of
from pystan_mix.stats.transforms import stick_breaking

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
    "inverse-gamma": (
        NormalMixture(n_components=3, sigma=pmix.InverseGamma(2, [1, 2, 3]), min_sigma=0, **PRIORS),
        Y,
    ),
    "lognormal-min-sigma": (
        NormalMixture(n_components=3, sigma=pmix.LogNormal(0, 1), min_sigma=0.5, **PRIORS),
        Y,
    ),
    "shared": (NormalMixture(n_components=3, shared_sigma=True, min_sigma=0.5, **PRIORS), Y),
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


def posed(case: str) -> Target:
    """The model and the observations of a case."""
    return target_of(*CASES[case])


def random_points(target: Target, n: int, *, seed: int = 1, scale: float = 1.0) -> np.ndarray:
    """Points whose means are some widths apart, now near each other and now not."""
    z = np.random.default_rng(seed).normal(scale=scale, size=(n, target.dimensions))
    K = target.n_components
    z[:, K - 1 : 2 * K - 1] = target.width * (z[:, K - 1 : 2 * K - 1] + 2.0 * np.arange(K))
    return z


def log_joint_in_cmdstan(target: Target, z, version: tuple[int, ...]):
    """Our log joint density in the coordinates of a version's simplex: ours are broken sticks."""
    shares = free_shares(target, np.exp(to_constrained(target, z).log_theta))
    ours, theirs = (
        np.array([log_simplex_jacobian(share, version=each) for share in shares])
        for each in ((2, 27), version)
    )
    return log_joint(target, z) - ours + theirs


@pytest.mark.parametrize("case", CASES)
def test_it_is_advis_log_p_with_all_constants(cmdstan, case):
    """Not up to a constant: ADVI writes its log joint density whole."""
    model, y = CASES[case]
    # the log densities of refined draws would be our own
    approx = pmix.advi(
        model, y, draws=500, reweight=False, seed=1, predictive_draws=0, show_progress=False
    )
    variables = {name: values[0] for name, values in draws_of_fit(approx).variables.items()}
    mu = variables["mu"]
    target = target_of_fit(approx)
    z = to_unconstrained(target, variables)
    log_p = group(approx, "sample_stats")["log_p"].values[0]
    assert np.ptp(log_p) > 1.0
    # of two means that nearly coincide, 15 digits leave few of their distance
    least = np.diff(mu, axis=-1).min(axis=-1, initial=np.inf)
    lost = 1e-15 * np.abs(mu).max(axis=-1) / least
    assert np.median(lost) < 1e-12
    assert (
        np.abs(log_joint_in_cmdstan(target, z, cmdstan.version) - log_p) < 1e-8 + 10.0 * lost
    ).all()


@pytest.mark.parametrize("case", CASES)
def test_it_is_cmdstans_lp_but_for_a_constant(cmdstan, case):
    target = posed(case)
    K = target.n_components
    z = random_points(target, 20, scale=0.4)
    constrained = to_constrained(target, z)
    raw = free_shares(target, np.exp(constrained.log_theta))
    inits = [
        {"theta_raw": list(raw[i]), "mu_raw": list(z[i, K - 1 : 2 * K - 1])}
        | {"sigma_raw": list(constrained.components["sigma"][i]) if target.estimated[1:] else []}
        for i in range(len(z))
    ]
    lp = lp_at(stan_program("normal"), stan_data(target), inits)
    difference = log_joint_in_cmdstan(target, z, cmdstan.version) - lp
    assert np.ptp(difference) < 1e-8


@pytest.mark.parametrize("case", CASES)
def test_prior_and_likelihood_are_those_of_scipy(case):
    model, y = CASES[case]
    target, stan = posed(case), stan_data(posed(case))
    c = to_constrained(target, random_points(target, 30))
    theta, mu = np.exp(c.log_theta), c.components["mu"]
    if model.n_components > 1:
        prior = np.array([stats.dirichlet.logpdf(t / t.sum(), stan["alpha"]) for t in theta])
    else:
        prior = np.zeros(len(theta))
    prior += stats.norm.logpdf(mu, stan["mu_loc"], stan["mu_scale"]).sum(axis=1)
    sigma = c.components.get("sigma")
    if sigma is not None:
        prior += log_scale_prior(stan, sigma).sum(axis=1)
    else:
        sigma = np.broadcast_to(stan["sigma_known"], mu.shape)
    np.testing.assert_allclose(log_prior(target, c), prior, rtol=1e-12)
    terms = stats.norm.logpdf(y[:, None], mu[:, None], sigma[:, None])
    likelihood = logsumexp(terms + c.log_theta[:, None], axis=-1).sum(axis=1)
    np.testing.assert_allclose(log_likelihood(target, c), likelihood, rtol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_the_map_goes_back(case):
    target = posed(case)
    # not so wide that two means fall together to rounding
    z = random_points(target, 200, scale=1.5)
    c = to_constrained(target, z)
    theta = np.exp(c.log_theta)
    np.testing.assert_allclose(theta.sum(axis=1), 1.0, rtol=1e-14)
    assert (theta >= target.model.min_weight).all()
    assert (np.diff(c.components["mu"], axis=1) >= 0).all()
    again = to_unconstrained(target, c.variables())
    # the weights above a floor of 0.1 keep 10 digits; a free mean far below the one before it has
    # hardly moved the mean, and keeps fewer
    means = slice(target.n_components - 1, 2 * target.n_components - 1)
    np.testing.assert_allclose(
        np.delete(again, means, axis=1), np.delete(z, means, axis=1), rtol=0, atol=1e-9
    )
    returned = to_constrained(target, again).components["mu"]
    np.testing.assert_allclose(returned, c.components["mu"], rtol=0, atol=1e-13)


@pytest.mark.parametrize("case", ["known", "half-normal-floor", "five-components"])
def test_the_jacobian_is_that_of_differences(case):
    target = posed(case)
    K, d = target.n_components, target.dimensions

    def flat(points: np.ndarray) -> np.ndarray:
        c = to_constrained(target, points)
        raw = free_shares(target, np.exp(c.log_theta))
        return np.concatenate([raw[:, : K - 1], *c.components.values()], axis=1)

    for z in random_points(target, 5):
        step = 1e-6 * np.eye(d)
        matrix = (flat(z + step) - flat(z - step)) / 2e-6
        expected = np.linalg.slogdet(matrix)[1]
        # differences of numbers of size 10 over 1e-6 keep 8 digits
        assert to_constrained(target, z[None]).log_jacobian[0] == pytest.approx(expected, abs=1e-6)


def test_blocks_do_not_change_the_likelihood(monkeypatch):
    target = posed("half-cauchy")
    c = to_constrained(target, random_points(target, 37))
    whole = log_likelihood(target, c)
    monkeypatch.setattr(module, "_BLOCK", 3 * 40 * 5)
    np.testing.assert_allclose(log_likelihood(target, c), whole, rtol=1e-14)


def test_without_observations_the_prior_is_left():
    target = prior_target(CASES["half-cauchy"][0])
    c = to_constrained(target, random_points(target, 7))
    assert log_likelihood(target, c).tolist() == 7 * [0.0]


def test_memory_does_not_grow_with_draws_times_observations():
    y = np.random.default_rng(3).normal(size=5000)
    target = target_of(CASES["half-cauchy"][0], y)
    z = random_points(target, 2000)
    tracemalloc.start()
    try:
        log_joint(target, z)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # all terms at once are 2000 x 3 x 5000 doubles, 240 MB
    assert peak < 40e6


@pytest.mark.parametrize("case", ["known", "half-cauchy", "half-normal-floor"])
@pytest.mark.parametrize("far", [-1e4, -800.0, 800.0, 1e4])
def test_what_is_far_out_has_no_density_and_gives_no_warning(case, far):
    target = posed(case)
    points = random_points(target, 1).repeat(target.dimensions, axis=0)
    points[np.diag_indices(target.dimensions)] = far
    found = log_joint(target, points)
    assert not np.isnan(found).any()
    assert (found < log_joint(target, points[:1] * 0.0)).all()


@pytest.mark.parametrize("case", ["known", "half-normal-floor"])
def test_what_a_program_samples_is_where_it_comes_from(case):
    """The parameters block of a draw, mapped to the unconstrained space."""
    target = posed(case)
    K = target.n_components
    z = random_points(target, 50)
    c = to_constrained(target, z)
    sampled = {
        "theta_raw": free_shares(target, np.exp(c.log_theta)),
        "mu_raw": z[:, K - 1 : 2 * K - 1],
    }
    if case != "known":
        sampled["sigma_raw"] = c.components["sigma"]
    found = sampled_unconstrained(target, sampled, simplex=stick_breaking)
    np.testing.assert_allclose(found, z, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("df", "size"), [(pmix.HalfNormal(10), 1), (pmix.HalfNormal([5, 10, 20]), 3), (4.0, 0)]
)
def test_a_third_parameter_has_its_prior_its_jacobian_and_its_place(df, size):
    """Student-t components, written out in SciPy; one df may serve all of them."""
    model = HeavyMixture(n_components=3, sigma=pmix.HalfNormal(2), df=df, **PRIORS)
    target = target_of(model, Y)
    assert target.dimensions == 8 + size
    z = random_points(target, 25)
    c = to_constrained(target, z)
    mu, sigma = c.components["mu"], c.components["sigma"]
    normal = target_of(NormalMixture(n_components=3, sigma=pmix.HalfNormal(2), **PRIORS), Y)
    plain = to_constrained(normal, z[:, :8])
    np.testing.assert_array_equal(mu, plain.components["mu"])
    nu = np.exp(z[:, 8:]) if size else np.full((25, 1), 4.0)
    scale = np.asarray(df.scale if size else 1.0)
    terms = stats.t.logpdf(Y[:, None], nu[:, None], mu[:, None], sigma[:, None])
    expected = logsumexp(terms + c.log_theta[:, None], axis=-1).sum(axis=1)
    expected += log_prior(normal, plain) + plain.log_jacobian
    if size:
        np.testing.assert_allclose(c.components["df"], nu, rtol=1e-14)
        expected += (stats.halfnorm.logpdf(nu, 0.0, scale) + z[:, 8:]).sum(axis=1)
    np.testing.assert_allclose(log_joint(target, z), expected, rtol=1e-12)
    np.testing.assert_allclose(to_unconstrained(target, c.variables())[:, 8:], z[:, 8:], atol=1e-12)


def scipy_terms(y, theta, mu, sigma):
    normal = stats.norm.logpdf(np.asarray(y)[:, None], mu[..., None, :], sigma[..., None, :])
    return np.log(theta)[..., None, :] + normal


def densities(y, theta, mu, sigma):
    """Each component's term and the mixture's log density, of normal components."""
    with np.errstate(divide="ignore"):
        log_theta = np.log(np.asarray(theta, dtype=float))
    components = {"mu": np.asarray(mu, dtype=float), "sigma": np.asarray(sigma, dtype=float)}
    points = np.asarray(y, dtype=float)
    return (
        component_terms(NormalMixture, points, log_theta, components),
        mixture_log_density(NormalMixture, points, log_theta, components),
    )


@pytest.mark.parametrize("shape", [(1,), (2,), (5,), (3, 2), (4, 7, 3)])
def test_terms_and_density_are_those_of_scipy(shape):
    rng = np.random.default_rng(len(shape))
    theta = rng.dirichlet(np.ones(shape[-1]), size=shape[:-1])
    mu, sigma = rng.normal(0, 3, size=shape), rng.uniform(0.5, 2, size=shape)
    y = np.linspace(-12.0, 12.0, 9)
    expected = scipy_terms(y, theta, mu, sigma)
    terms, total = densities(y, theta, mu, sigma)
    assert terms.shape == (*shape, 9)
    assert total.shape == (*shape[:-1], 9)
    np.testing.assert_allclose(np.moveaxis(terms, -1, -2), expected, rtol=1e-10)
    np.testing.assert_allclose(total, logsumexp(expected, axis=-1), rtol=1e-10)


def test_the_notebooks_example():
    """N(-1, 2) and N(3, 1), mixed 0.3 and 0.7."""
    y = np.array([-1.0, 0.0, 1.0, 2.0, 3.0])
    expected = np.log(0.3 * stats.norm.pdf(y, -1, 2) + 0.7 * stats.norm.pdf(y, 3, 1))
    found = densities(y, theta=[0.3, 0.7], mu=[-1, 3], sigma=[2, 1])[1]
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("y", [-1e4, 3e4, 1e8])
def test_points_far_from_every_component_keep_their_density(y):
    """The density itself underflows to zero beyond 39 standard deviations."""
    theta, mu, sigma = np.array([0.3, 0.7]), np.array([-1.0, 2.0]), np.array([1.0, 1.5])
    expected = logsumexp(scipy_terms([y], theta, mu, sigma), axis=-1)
    np.testing.assert_allclose(densities([y], theta, mu, sigma)[1], expected, rtol=1e-10)


def test_a_component_of_weight_zero_adds_nothing():
    y = np.array([-3.0, 0.0, 1e4])
    terms, total = densities(y, theta=[0.0, 1.0], mu=[-3.0, 2.0], sigma=[1.0, 0.5])
    np.testing.assert_allclose(total, stats.norm.logpdf(y, 2.0, 0.5), rtol=1e-10)
    assert (terms[0] == -np.inf).all()


def test_one_sigma_serves_all_components():
    y, theta, mu = [0.5, 2.0], [0.4, 0.6], [-1.0, 1.0]
    expected = densities(y, theta, mu, [0.7, 0.7])[1]
    np.testing.assert_array_equal(densities(y, theta, mu, [0.7])[1], expected)
