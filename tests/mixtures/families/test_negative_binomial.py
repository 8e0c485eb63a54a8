"""Tests of pystan_mix.mixtures.families.negative_binomial."""

import json
import math

import numpy as np
import pytest
from command_line import run
from lp_at_points import lp_at
from reference_density import log_simplex_jacobian
from scipy import integrate, stats

import pystan_mix as pmix
from pystan_mix.cmdstan.locate import CmdStan
from pystan_mix.errors import ModelError
from pystan_mix.fits.groups import variables
from pystan_mix.fits.summary import summarize
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures.density import log_joint, to_unconstrained
from pystan_mix.mixtures.families.negative_binomial import PRECISIONS, NegativeBinomialMixture
from pystan_mix.mixtures.model_json import model_from_json, model_to_json
from pystan_mix.mixtures.stan_data import stan_data, target_of_stan_data
from pystan_mix.mixtures.target import target_of
from pystan_mix.stats.ordering import push_apart

RNG = np.random.default_rng(11)
Y = np.concatenate(
    [
        np.zeros(20),
        RNG.poisson(3.0 * RNG.gamma(5, 0.2, 80)),
        RNG.poisson(30 * RNG.gamma(8, 0.125, 99)),
    ]
)
MODELS = {
    "own phi": NegativeBinomialMixture(n_components=3),
    "one phi for all": NegativeBinomialMixture(n_components=2, shared_phi=True, min_weight=0.1),
    "priors differ": NegativeBinomialMixture(
        n_components=2, means=pmix.Gamma([1, 3], 0.1), phi=pmix.Gamma(2, [0.1, 0.2])
    ),
    "phi known": NegativeBinomialMixture(n_components=2, phi=[2.0, 5.0]),
    "means known": NegativeBinomialMixture(n_components=3, means=[0, 3, 30]),
    "zero": NegativeBinomialMixture(n_components=3, zero_inflated=True),
    "zero, one phi for all": NegativeBinomialMixture(
        n_components=3, zero_inflated=True, shared_phi=True
    ),
}


def pmf(y, mu, phi):
    """Probabilities by SciPy, whose first number is phi and second phi / (phi + mu)."""
    return stats.nbinom.pmf(y, phi, phi / (phi + mu))


def test_the_log_density_is_that_of_scipy_also_at_mean_zero():
    y, mu = np.arange(60.0), np.array([[0.0], [0.3], [20.0]])
    phi = np.array([[2.0], [0.5], [30.0]])
    found = NegativeBinomialMixture.log_density(y, mu=mu, phi=phi)
    expected = stats.nbinom.logpmf(y, phi[1:], phi[1:] / (phi[1:] + mu[1:]))
    np.testing.assert_allclose(found[1:], expected, rtol=1e-10)
    assert found[0, 0] == pytest.approx(0.0, abs=1e-14)
    assert (found[0, 1:] == -np.inf).all()


def test_with_a_large_precision_it_is_poisson():
    """Also where two gamma functions are equal to all their digits."""
    y, mu = np.arange(30.0), np.array([7.0])
    found = NegativeBinomialMixture.log_density(y, mu=mu, phi=np.array([1e13]))
    np.testing.assert_allclose(found, stats.poisson.logpmf(y, mu), rtol=1e-9)


def test_draws_have_the_moments_of_their_law():
    """Within five standard errors."""
    mu, phi, n = np.array([0.0, 4.0, 40.0]), np.array([1.0, 2.0, 8.0]), 20_000
    draws = NegativeBinomialMixture.draw(
        np.random.default_rng(4), mu=np.tile(mu, (n, 1)), phi=np.tile(phi, (n, 1))
    )
    law = stats.nbinom(phi[1:], phi[1:] / (phi[1:] + mu[1:]))
    assert (draws[:, 0] == 0.0).all()
    error = draws[:, 1:].mean(axis=0) - mu[1:]
    assert (np.abs(error) < 5.0 * law.std() / math.sqrt(n)).all()
    spread = np.sqrt((law.stats("k") + 2.0) / n) * law.var()
    assert (np.abs(draws[:, 1:].var(axis=0) - law.var()) < 5.0 * spread).all()


@pytest.mark.parametrize("name", MODELS)
def test_model_json_and_data_block_give_the_model_back(name):
    target = target_of(MODELS[name], Y)
    assert model_from_json(model_to_json(target.model)) == target.model
    data = stan_data(target)
    assert stan_data(target_of_stan_data(NegativeBinomialMixture, data)) == data


@pytest.mark.parametrize("phi", [0.0, [3.0], pmix.HalfCauchy(1), "4"])
def test_a_phi_that_is_none_is_refused(phi):
    with pytest.raises(ModelError, match="phi"):
        NegativeBinomialMixture(n_components=2, phi=phi)


@pytest.mark.parametrize(("name", "sort"), [*((name, False) for name in MODELS), ("own phi", True)])
def test_lp_is_the_log_posterior_plus_the_log_jacobian(cmdstan: CmdStan, name, sort):
    model, rng = target_of(MODELS[name], Y).model, np.random.default_rng(5)
    target = target_of(model, Y)
    stan, zero = stan_data(target, sort_components=sort), int(model.zero_inflated)
    free, K = stan["n_mu"], model.n_components
    spread = math.sqrt(math.log1p(Y.var() / Y.mean() ** 2))
    inits, expected, ours = [], [], []
    for _ in range(15):
        theta_raw = rng.dirichlet([2] * K)
        theta = model.min_weight + (1 - K * model.min_weight) * theta_raw
        init = {"theta_raw": theta_raw}
        total = ((np.array(stan["alpha"]) - 1) * np.log(theta)).sum()
        total += log_simplex_jacobian(theta_raw, version=cmdstan.version)
        mu, phi = np.array(stan["mu_known"], float), np.array(stan["phi_known"], float)
        if free:
            raw = rng.lognormal(2.0, 1.0, free)
            if not sort:
                # far below the one before, rounding would tell
                raw = np.sort(raw)
            init["mu_raw"] = raw
            width = spread / (2 * free)
            log_mu = np.log(raw) if sort else push_apart(np.log(raw), width)
            if not sort:
                total += stats.norm.logcdf(np.log(raw[1:]), log_mu[:-1], width).sum()
            mu = np.append(np.zeros(zero), np.exp(log_mu))
            law = stats.gamma(stan["mu_shape"], scale=1 / np.array(stan["mu_rate"]))
            total += law.logpdf(np.exp(log_mu)).sum() + log_mu.sum()
        if stan["n_phi"]:
            init["phi_raw"] = phi = rng.gamma(2.0, 5.0, stan["n_phi"])
            law = stats.gamma(stan["phi_shape"], scale=1 / np.array(stan["phi_rate"]))
            total += law.logpdf(phi).sum() + np.log(phi).sum()
            if zero and not stan["shared_phi"]:
                phi = np.append(1.0, phi)
        total += np.log(pmf(Y[:, None], mu, phi) @ theta).sum()
        inits.append({key: value.tolist() for key, value in init.items()})
        expected.append(total)
        given = {"theta": theta, "mu": mu, "phi": phi}
        given = {key: x[None] for key, x in given.items() if key not in target.known}
        if not sort:
            ours.append(log_joint(target, to_unconstrained(target, given))[0])
    lp = lp_at(stan_program("negative_binomial"), stan, inits)
    assert np.ptp(lp) > 10.0
    assert np.ptp(lp - expected) < 1e-8
    if ours and cmdstan.version < (2, 37):
        assert np.ptp(np.array(ours) - expected) < 1e-8


def test_the_evidence_of_one_component_is_the_integral(cmdstan: CmdStan):
    y = Y[40:70]
    model = NegativeBinomialMixture(
        n_components=1, means=pmix.Gamma(2.0, 0.5), phi=pmix.Gamma(2.0, 0.2)
    )
    found = pmix.log_evidence(pmix.sample(model, y, seed=1, show_progress=False))

    def density(log_phi: float, log_mu: float) -> float:
        mu, phi = math.exp(log_mu), math.exp(log_phi)
        total = stats.gamma.logpdf(mu, 2, scale=2) + stats.gamma.logpdf(phi, 2, scale=5)
        total += np.log(pmf(y, mu, phi)).sum() + log_mu + log_phi
        return math.exp(total + 75.0)

    integral, _ = integrate.dblquad(density, -0.5, 2.5, -2.0, 5.0, epsrel=1e-5)
    assert found.log_evidence == pytest.approx(math.log(integral) - 75.0, abs=0.03)


@pytest.mark.parametrize("zero", [True, False])
def test_the_posterior_is_that_of_a_grid(cmdstan: CmdStan, zero):
    """One mean with phi known, or two phi with means known, within five Monte Carlo errors."""
    shape = 2.0 if zero else 3.0
    y = Y[:60] if zero else Y[20:90]
    means = pmix.Gamma(shape, 0.3)
    given = {"zero_inflated": True} if zero else {}
    model = NegativeBinomialMixture(n_components=2, means=means, phi=4.0, **given)
    if not zero:
        model = NegativeBinomialMixture(n_components=2, means=[1.0, 5.0], phi=means)
    found = variables(pmix.sample(model, y, seed=3, show_progress=False))
    points = np.geomspace(0.02, 60.0, 400)
    share = np.linspace(0.0025, 0.9975, 200)
    prior = stats.gamma(shape, scale=1 / 0.3).logpdf(points) + np.log(points)
    if zero:
        each = pmf(y[:, None], points, 4.0)
        mixed = share[:, None, None] * (y == 0)[:, None] + (1 - share[:, None, None]) * each
        log_p = np.log(mixed).sum(axis=1) + prior + np.log(share * (1 - share))[:, None]
        p = np.exp(log_p - log_p.max())
        checks = [(found["theta"][..., 0], share[:, None]), (found["mu"][..., 1], points)]
    else:
        points, prior = points[::4], prior[::4]
        low, high = (pmf(y[:, None], m, points) for m in (1.0, 5.0))
        log_p = np.empty((share.size, points.size, points.size))
        for i, w in enumerate(share):
            mixed = w * low[:, :, None] + (1 - w) * high[:, None, :]
            log_p[i] = np.log(mixed).sum(axis=0) + prior[:, None] + prior
            log_p[i] += math.log(w * (1 - w))
        p = np.exp(log_p - log_p.max())
        checks = [
            (found["theta"][..., 0], share[:, None, None]),
            (found["phi"][..., 0], points[:, None]),
            (found["phi"][..., 1], points),
        ]
    for draws, values in checks:
        mean = (p * values).sum() / p.sum()
        sd = math.sqrt((p * (values - mean) ** 2).sum() / p.sum())
        # of 1000 effective draws or more
        assert abs(draws.mean() - mean) < 5.0 * sd / math.sqrt(1000)


@pytest.fixture(scope="module")
def fit(cmdstan: CmdStan):
    model = NegativeBinomialMixture(n_components=2, shared_phi=True)
    return pmix.sample(model, Y[20:], seed=2, show_progress=False)


def test_nuts_and_advi_agree_and_are_believed(fit):
    model = NegativeBinomialMixture(n_components=2, shared_phi=True)
    approx = pmix.advi(model, Y[20:], seed=2, reweight=True, show_progress=False)
    assert pmix.diagnose(fit).ok
    assert pmix.diagnose(approx).use == "fine"
    each = [f"{name}[{k}]" for name in ("theta", "mu") for k in (1, 2)]
    assert list(summarize(fit).index) == [*each, "phi"]
    assert pmix.compare({"NUTS": fit, "ADVI": approx}).verdict != "disagree"
    choice = pmix.choose_components(model, Y[20:], [1, 2], seed=1, show_progress=False)
    assert choice.table["log_evidence"].idxmax() == 2


def test_predictions_are_of_counts(fit):
    theta, mu, phi = (variables(fit)[name][1, 7] for name in ("theta", "mu", "phi"))
    points = np.array([0.0, 3.0, 40.0])
    law = pmf(points[:, None], mu, phi) * theta
    np.testing.assert_allclose(
        pmix.log_density(fit, points)[1, 7], np.log(law.sum(axis=1)), rtol=1e-9
    )
    shares = pmix.responsibilities(fit, points)[1, 7]
    np.testing.assert_allclose(shares, law / law.sum(axis=1, keepdims=True), rtol=1e-9)


def test_nothing_is_estimated_of_a_component_at_zero(cmdstan: CmdStan):
    model = NegativeBinomialMixture(n_components=2, zero_inflated=True)
    target = target_of(model, Y[:100])
    assert (target.dimensions, model.count(PRECISIONS)) == (3, 1)
    found = variables(pmix.sample(model, Y[:100], seed=1, show_progress=False))
    assert (found["mu"][..., 0] == 0.0).all()
    assert (found["phi"][..., 0] == 1.0).all()


def test_the_command_line_knows_it(cmdstan: CmdStan, tmp_path):
    data = tmp_path / "y.dat"
    data.write_text("".join(f"{value:.0f}\n" for value in Y[20:]))
    words = ("fit", str(data), "--components", "2", "--family", "negative-binomial", "--seed", "1")
    result = run(*words, "--phi", "gamma:2,0.2", "--shared-phi", "--json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert "phi=Gamma(shape=2.0, rate=0.2), shared_phi=True" in found["model"]
    assert found["parameters"]["phi"]["mean"] > 0.5
    refused = run(*words, "--sigma", "1")
    assert refused.returncode == 2
    assert "--sigma is not for --family negative-binomial" in refused.stderr


@pytest.mark.pymc
@pytest.mark.filterwarnings("ignore:PyTensor could not link to a BLAS:UserWarning")
@pytest.mark.parametrize("name", ["own phi", "one phi for all", "zero"])
def test_pymc_has_the_same_density(pm, name):
    model, rng = target_of(MODELS[name], Y).model, np.random.default_rng(6)
    built = pmix.to_pymc(model, Y)
    log_density = built.compile_logp(jacobian=False)
    differences, zero, K = [], int(model.zero_inflated), model.n_components
    for _ in range(5):
        theta, mu = rng.dirichlet([9] * K), np.sort(rng.gamma(2, 9, K - zero))
        phi = rng.gamma(2, 5, model.count(PRECISIONS))
        own = np.append(np.ones(zero), phi) if model.size(PRECISIONS) == K else phi
        expected = np.log(pmf(Y[:, None], np.append(np.zeros(zero), mu), own) @ theta).sum()
        expected += np.log(theta).sum() + model.means.log_density(mu).sum()
        expected += model.phi.log_density(phi).sum()
        point = {}
        for variable, value in zip(built.free_RVs, (theta, mu, phi), strict=True):
            if variable.ndim == 0:
                value = value[0]
            transform = built.rvs_to_transforms[variable]
            mapped = transform.forward(value, *variable.owner.inputs)
            point[built.rvs_to_values[variable].name] = np.asarray(mapped.eval())
        differences.append(float(log_density(point)) - expected)
    assert np.ptp(differences) < 1e-7
