"""Tests of pystan_mix.stats.elbo: ADVI's missing constants recovered from its draws."""

from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from stan_simplexes import SIMPLEXES, broken_stick

from pystan_mix.cmdstan.stan_csv import read_stan_csv
from pystan_mix.errors import OutputError
from pystan_mix.stats.elbo import estimate_elbo, unknowns
from pystan_mix.stats.transforms import log_ratios, stick_breaking

RECORDED = Path(__file__).resolve().parents[1] / "recorded"
ALL = ("theta_raw", "mu_raw", "sigma")
pytestmark = pytest.mark.arviz


def constrained(z: np.ndarray, K: int, *, simplex, with_sigma: bool) -> dict[str, np.ndarray]:
    """Parameters that Stan makes of unconstrained values."""
    raw, means, logs = z[..., : K - 1], z[..., K - 1 : 2 * K - 1], z[..., 2 * K - 1 :]
    parameters = {"theta_raw": simplex(raw), "mu_raw": means}
    return parameters | ({"sigma": np.exp(logs)} if with_sigma else {})


def unconstrained(parameters: dict[str, np.ndarray], *, simplex) -> np.ndarray:
    """What Stan makes parameters of; `simplex` is the transform of the weights' shares."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = [np.log(parameters["sigma"])] if "sigma" in parameters else []
        parts = [simplex(parameters["theta_raw"]), parameters["mu_raw"], *logs]
        return np.concatenate(parts, axis=-1)


def deviations(draws, mean, *, likeliest=stick_breaking) -> list[np.ndarray]:
    """Draws less the mean, by both transforms of the shares."""
    transforms = sorted((stick_breaking, log_ratios), key=lambda each: each is not likeliest)
    return [unconstrained(draws, simplex=t) - unconstrained(mean, simplex=t) for t in transforms]


def meanfield(K: int, *, simplex, with_sigma: bool, draws: int = 400, seed: int = 1):
    """A known normal approximation: its constrained draws, scales and standard normals."""
    rng = np.random.default_rng(seed)
    size = 2 * K - 1 + (K if with_sigma else 0)
    loc, scale = rng.normal(size=size), rng.uniform(0.05, 0.8, size=size)
    eta = rng.normal(size=(draws, size))
    kind = {"simplex": simplex, "with_sigma": with_sigma}
    return (
        constrained(loc + scale * eta, K, **kind),
        constrained(loc, K, **kind),
        loc,
        scale,
        eta,
    )


@pytest.mark.parametrize("K", [1, 2, 5])
@pytest.mark.parametrize("with_sigma", [True, False])
@pytest.mark.parametrize(("simplex", "inverse"), SIMPLEXES)
def test_a_known_approximation_is_recovered(K, with_sigma, simplex, inverse):
    draws, mean, loc, scale, eta = meanfield(K, simplex=simplex, with_sigma=with_sigma)
    z = loc + scale * eta
    log_g = scipy.stats.norm.logpdf(z, loc, scale).sum(axis=1)
    # a log joint that is no normal, with an ELBO that is known for these very draws
    log_p = scipy.stats.t.logpdf(z, 4).sum(axis=1) - 123.0
    estimate = estimate_elbo(
        deviations(draws, mean, likeliest=inverse),
        log_p=log_p,
        log_g=-0.5 * (eta**2).sum(axis=1),
    )
    np.testing.assert_allclose(estimate.log_g, log_g, rtol=0, atol=1e-7)
    assert estimate.elbo == pytest.approx((log_p - log_g).mean(), abs=1e-7)
    assert estimate.mcse == pytest.approx(scipy.stats.sem(log_p - log_g), rel=1e-6)


def fullrank(K: int, *, simplex, with_sigma: bool, draws: int, seed: int = 1):
    """A known correlated normal approximation: constrained draws, mean, law and normals."""
    rng = np.random.default_rng(seed)
    size = 2 * K - 1 + (K if with_sigma else 0)
    loc, scale = rng.normal(size=size), rng.uniform(0.02, 0.5, size=size)
    # some correlations near one, as where components overlap
    root = np.tril(rng.normal(size=(size, size)), -1) + np.diag(rng.uniform(0.2, 1.0, size=size))
    root = scale[:, None] * root / np.linalg.norm(root, axis=1, keepdims=True)
    eta = rng.normal(size=(draws, size))
    z = loc + eta @ root.T
    kind = {"simplex": simplex, "with_sigma": with_sigma}
    law = scipy.stats.multivariate_normal(loc, root @ root.T)
    return constrained(z, K, **kind), constrained(loc, K, **kind), np.atleast_1d(law.logpdf(z)), eta


@pytest.mark.parametrize("K", [1, 2, 5])
@pytest.mark.parametrize("with_sigma", [True, False])
@pytest.mark.parametrize(("simplex", "inverse"), SIMPLEXES)
def test_a_known_correlated_approximation_is_recovered(K, with_sigma, simplex, inverse):
    size = unknowns("fullrank", dimensions=2 * K - 1 + K * with_sigma)
    draws, mean, log_g, eta = fullrank(
        K, simplex=simplex, with_sigma=with_sigma, draws=max(100, 2 * size)
    )
    log_p = log_g + scipy.stats.norm.rvs(size=log_g.size, random_state=3) - 123.0
    kernel = -0.5 * (eta**2).sum(axis=1)
    estimate = estimate_elbo(
        deviations(draws, mean, likeliest=inverse), log_p=log_p, log_g=kernel, algorithm="fullrank"
    )
    np.testing.assert_allclose(estimate.log_g, log_g, rtol=0, atol=1e-6)
    assert estimate.elbo == pytest.approx((log_p - log_g).mean(), abs=1e-6)
    if eta.shape[1] > 1:
        with pytest.raises(OutputError, match="misfit"):
            estimate_elbo(deviations(draws, mean, likeliest=inverse), log_p=log_p, log_g=kernel)


def test_a_correlated_approximation_that_has_no_correlation_is_a_meanfield():
    draws, mean, _, _, eta = meanfield(3, simplex=broken_stick, with_sigma=True)
    kernel = -0.5 * (eta**2).sum(axis=1)
    given = {"deviations": deviations(draws, mean), "log_p": kernel, "log_g": kernel}
    one, other = (
        estimate_elbo(**given, algorithm=algorithm) for algorithm in ("meanfield", "fullrank")
    )
    np.testing.assert_allclose(one.log_g, other.log_g, rtol=0, atol=1e-7)


def test_too_few_draws_for_a_covariance_are_refused():
    draws, mean, log_g, eta = fullrank(3, simplex=broken_stick, with_sigma=True, draws=30)
    kernel = -0.5 * (eta**2).sum(axis=1)
    with pytest.raises(OutputError, match="misfit inf"):
        estimate_elbo(deviations(draws, mean), log_p=log_g, log_g=kernel, algorithm="fullrank")


@pytest.mark.parametrize(
    ("algorithm", "dimensions", "expected"),
    [
        ("meanfield", 1, 1),
        ("meanfield", 8, 8),
        ("fullrank", 2, 3),
        # 8 standard deviations and 28 correlations
        ("fullrank", 8, 36),
        ("fullrank", 5, 15),
    ],
)
def test_unknowns_are_the_covariances_elements(algorithm, dimensions, expected):
    assert unknowns(algorithm, dimensions=dimensions) == expected


@pytest.mark.parametrize("shift", [0.5, 1.0])
def test_the_gap_is_the_divergence_of_two_normals(shift):
    """Of N(0, 1) from N(d, 1) it is d^2 / 2, and the weights' variance exp(d^2) - 1."""
    size = 100_000
    draws, mean, _, scale, eta = meanfield(
        1, simplex=broken_stick, with_sigma=False, draws=size, seed=5
    )
    log_p = scipy.stats.norm.logpdf(eta, shift).sum(axis=1) - np.log(scale).sum() - 40.0
    estimate = estimate_elbo(
        deviations(draws, mean), log_p=log_p, log_g=-0.5 * (eta**2).sum(axis=1)
    )
    # the log ratio has variance d^2, its mean exponential exp(d^2) - 1; 4 errors of both
    error = 4 * np.sqrt((shift**2 + np.exp(shift**2) - 1) / size)
    assert abs(estimate.gap - shift**2 / 2) < error
    assert abs(estimate.elbo + estimate.gap + 40.0) < error
    # of lognormal weights the effective share is exp(-d^2); its own error is a few per cent
    assert estimate.ess == pytest.approx(size * np.exp(-(shift**2)), rel=0.1)
    assert np.exp(estimate.log_weights).sum() == pytest.approx(1.0)


@pytest.mark.parametrize("likeliest", [stick_breaking, log_ratios])
@pytest.mark.parametrize(("simplex", "inverse"), SIMPLEXES)
def test_three_components_say_themselves_from_which_transform_they_are(likeliest, simplex, inverse):
    draws, mean, loc, scale, eta = meanfield(3, simplex=simplex, with_sigma=False)
    log_g = scipy.stats.norm.logpdf(loc + scale * eta, loc, scale).sum(axis=1)
    estimate = estimate_elbo(
        deviations(draws, mean, likeliest=likeliest),
        log_p=log_g,
        log_g=-0.5 * (eta**2).sum(axis=1),
    )
    np.testing.assert_allclose(estimate.log_g, log_g, rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("likeliest", "extra"), [(stick_breaking, 0.0), (log_ratios, 0.5 * np.log(2.0))]
)
def test_of_two_components_the_likeliest_transform_is_believed(likeliest, extra):
    """Log odds and their isometric scaling by 1 / sqrt(2) fit the same draws equally well."""
    draws, mean, loc, scale, eta = meanfield(2, simplex=broken_stick, with_sigma=True)
    log_g = scipy.stats.norm.logpdf(loc + scale * eta, loc, scale).sum(axis=1)
    estimate = estimate_elbo(
        deviations(draws, mean, likeliest=likeliest),
        log_p=log_g,
        log_g=-0.5 * (eta**2).sum(axis=1),
    )
    np.testing.assert_allclose(estimate.log_g - log_g, extra, rtol=0, atol=1e-7)


def test_a_perfect_approximation_has_the_evidence_as_its_elbo():
    draws, mean, loc, scale, eta = meanfield(2, simplex=broken_stick, with_sigma=True)
    log_joint = scipy.stats.norm.logpdf(loc + scale * eta, loc, scale).sum(axis=1) - 7.5
    estimate = estimate_elbo(
        deviations(draws, mean), log_p=log_joint, log_g=-0.5 * (eta**2).sum(axis=1)
    )
    assert estimate.elbo == pytest.approx(-7.5, abs=1e-8)
    assert estimate.mcse == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("target_scale", [1.0, 3.0])
def test_k_hat_tells_a_good_approximation_from_one_that_is_too_narrow(target_scale):
    draws, mean, loc, scale, eta = meanfield(
        2, simplex=broken_stick, with_sigma=True, draws=4000, seed=3
    )
    heavy = scipy.stats.norm.logpdf(loc + scale * eta, loc, scale * target_scale).sum(axis=1)
    noise = 0.01 * np.random.default_rng(4).normal(size=4000)
    estimate = estimate_elbo(
        deviations(draws, mean), log_p=heavy + noise, log_g=-0.5 * (eta**2).sum(axis=1)
    )
    # of a ratio of normals whose scales differ by r the tail index is 1 - 1 / r^2
    assert (estimate.pareto_khat > 0.5) == (target_scale == 3.0)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda log_g: log_g[::-1].copy(), id="another order"),
        pytest.param(lambda log_g: log_g - 3.0, id="constants that are in already"),
        pytest.param(lambda log_g: -log_g, id="another sign"),
        pytest.param(lambda log_g: log_g * 1.0 + np.linspace(0, 1.0, log_g.size), id="a drift"),
    ],
)
def test_a_log_g_of_other_draws_is_refused(spoil):
    draws, mean, _, _, eta = meanfield(2, simplex=broken_stick, with_sigma=True)
    log_g = spoil(-0.5 * (eta**2).sum(axis=1))
    with pytest.raises(OutputError, match=r"log_g__ does not belong to its draws.*misfit"):
        estimate_elbo(deviations(draws, mean), log_p=log_g, log_g=log_g)


@pytest.mark.parametrize("log_odds", [45.0, 800.0])
def test_a_weight_that_underflowed_is_no_crash(log_odds):
    """A weight that rounding swallows, or that underflows, has no logarithm."""
    draws, mean, loc, scale, eta = meanfield(2, simplex=broken_stick, with_sigma=True)
    eta[7, 0] = (log_odds - loc[0]) / scale[0]
    z = loc + scale * eta
    draws = constrained(z, 2, simplex=broken_stick, with_sigma=True)
    assert draws["theta_raw"][7, 1] == 0.0
    log_g = scipy.stats.norm.logpdf(z, loc, scale).sum(axis=1)
    estimate = estimate_elbo(
        deviations(draws, mean), log_p=log_g + 2.0, log_g=-0.5 * (eta**2).sum(axis=1)
    )
    np.testing.assert_allclose(estimate.log_g, log_g, rtol=1e-9, atol=1e-7)
    assert estimate.elbo == pytest.approx(2.0, abs=1e-6)


def test_constants_of_cmdstans_own_correlated_draws():
    """The covariance by a route of its own: all unknowns from the raw deviations."""
    csv = read_stan_csv(RECORDED / "advi-fullrank.csv")
    draws = {variable: csv.variable(variable) for variable in ALL}
    mean = {variable: csv.mean_row[csv.columns(variable)] for variable in ALL}
    log_p, log_g = csv.variable("log_p__"), csv.variable("log_g__")
    estimate = estimate_elbo(
        deviations(draws, mean), log_p=log_p, log_g=log_g, algorithm="fullrank"
    )
    loc = unconstrained(mean, simplex=stick_breaking)
    z = unconstrained(draws, simplex=stick_breaking)
    terms = np.einsum("si,sj->sij", z - loc, z - loc).reshape(len(z), -1)
    inverse = scipy.linalg.lstsq(terms, -2.0 * log_g)[0].reshape(5, 5)
    law = scipy.stats.multivariate_normal(loc, np.linalg.inv(inverse))
    np.testing.assert_allclose(estimate.log_g, law.logpdf(z), rtol=0, atol=1e-6)
    assert estimate.elbo == pytest.approx((log_p - law.logpdf(z)).mean(), abs=1e-6)
    with pytest.raises(OutputError, match="misfit"):
        estimate_elbo(deviations(draws, mean), log_p=log_p, log_g=log_g)


@pytest.mark.parametrize("name", ["advi.csv", "advi-unadapted.csv"])
def test_constants_of_cmdstans_own_draws(name):
    csv = read_stan_csv(RECORDED / name)
    draws = {variable: csv.variable(variable) for variable in ALL}
    mean = {variable: csv.mean_row[csv.columns(variable)] for variable in ALL}
    log_p, log_g = csv.variable("log_p__"), csv.variable("log_g__")
    estimate = estimate_elbo(deviations(draws, mean), log_p=log_p, log_g=log_g)

    z = unconstrained(draws, simplex=stick_breaking)
    loc = unconstrained(mean, simplex=stick_breaking)
    constant = estimate.log_g - log_g
    np.testing.assert_allclose(constant, constant[0], rtol=0, atol=1e-10)
    # the scales by a route of their own: least squares on all draws, in no units but the draws'
    inverse = scipy.linalg.lstsq((z - loc) ** 2, -2.0 * log_g)[0]
    scale = inverse**-0.5
    expected = scipy.stats.norm.logpdf(z, loc, scale).sum(axis=1)
    np.testing.assert_allclose(estimate.log_g, expected, rtol=0, atol=1e-6)
    # an empirical standard deviation of S normals is off by a factor 1 +- 1 / sqrt(2 S)
    ratio = np.sqrt(((z - loc) ** 2).mean(axis=0)) / scale
    assert (np.abs(ratio - 1.0) < 4.0 / np.sqrt(2.0 * len(z))).all()
    assert estimate.elbo == pytest.approx((log_p - expected).mean(), abs=1e-6)
    assert estimate.mcse == pytest.approx((log_p - expected).std(ddof=1) / len(z) ** 0.5, rel=1e-4)


def test_the_elbo_agrees_with_cmdstans_history():
    """CmdStan's own ELBO, of 100 draws with all constants, is the same number but for noise."""
    csv = read_stan_csv(RECORDED / "advi.csv")
    estimate = estimate_elbo(
        deviations(
            {variable: csv.variable(variable) for variable in ALL},
            {variable: csv.mean_row[csv.columns(variable)] for variable in ALL},
        ),
        log_p=csv.variable("log_p__"),
        log_g=csv.variable("log_g__"),
    )
    history = np.loadtxt(RECORDED / "advi-history.csv", delimiter=",")[-20:, 2]
    error = np.hypot(estimate.mcse, history.std(ddof=1) / len(history) ** 0.5)
    assert abs(estimate.elbo - history.mean()) < 5.0 * error
