"""The Stan programs against the model written out in NumPy and SciPy."""

import itertools
import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from lp_at_points import lp_at
from reference_density import (
    log_jacobian,
    log_lik,
    log_prior,
    log_scale_prior,
    log_simplex_jacobian,
    ordering_width,
)
from scipy import stats
from scipy.special import logsumexp
from wheels import unpacked

import pystan_mix as pmix
from pystan_mix.arviz_compat import group
from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.locate import CmdStan
from pystan_mix.cmdstan.run import Call, run_cmdstan, workspace
from pystan_mix.cmdstan.stan_csv import read_stan_csv
from pystan_mix.errors import SamplingError
from pystan_mix.fits.model import mixture_of_fit
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures.density import log_joint, to_constrained
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.target import target_of
from pystan_mix.resources import resource_dir
from pystan_mix.study.textbook import textbook_data

STAN = resource_dir("stan")
PLAIN, FUSED = ("parts", "plain"), ("fused", "parts")
PROGRAMS = [
    ("normal", FUSED),
    ("normal", PLAIN),
    ("student_t", PLAIN),
    ("poisson", PLAIN),
    ("negative_binomial", PLAIN),
    ("multivariate_normal", FUSED),
    ("multivariate_normal", PLAIN),
    ("textbook", ()),
]

Y = pmix.simulate(40, theta=[0.3, 0.3, 0.4], mu=[-3, 0, 4], sigma=1.2, seed=5)
PRIORS = {"weights": pmix.Dirichlet([1.5, 2, 4]), "means": pmix.Normal([-2, 0, 3], [3, 4, 5])}
KNOWN = NormalMixture(n_components=3, sigma=[0.8, 1.0, 1.4], **PRIORS)
CASES = {
    "known": (KNOWN, Y, "fused"),
    "known-repeated-floor": (
        NormalMixture(n_components=3, sigma=1.1, min_weight=0.1, **PRIORS),
        Y.round(1),
        "fused",
    ),
    "half-cauchy": (NormalMixture(n_components=3, sigma=pmix.HalfCauchy(2), **PRIORS), Y, "fused"),
    "half-normal-floor": (
        NormalMixture(n_components=3, sigma=pmix.HalfNormal([1, 2, 3]), min_weight=0.2, **PRIORS),
        Y,
        "fused",
    ),
    "half-t-repeated": (
        NormalMixture(n_components=3, sigma=pmix.HalfStudentT(3, 2.5), **PRIORS),
        Y.round(1),
        "fused",
    ),
    "free": (
        NormalMixture(
            n_components=3,
            weights=pmix.Dirichlet(1.5),
            means=pmix.Normal([-2, 0, 3], [3, 4, 5]),
            sigma=pmix.HalfNormal(2),
            min_weight=0.1,
            min_sigma=0.5,
        ),
        Y,
        "fused",
    ),
    "shared": (
        NormalMixture(n_components=3, sigma=pmix.HalfNormal(2), shared_sigma=True, **PRIORS),
        Y.round(1),
        "fused",
    ),
    "one-component": (
        NormalMixture(n_components=1, means=pmix.Normal(0, 5), sigma=pmix.HalfNormal(4)),
        Y,
        "fused",
    ),
}
CASES |= {
    f"{name}-plain": (model, y, "stan")
    for name, (model, y, likelihood) in CASES.items()
    if likelihood == "fused"
}


@pytest.mark.parametrize("case", CASES)
def test_lp_is_the_log_posterior_plus_the_log_jacobian(cmdstan: CmdStan, tmp_path: Path, case: str):
    model, y, likelihood = CASES[case]
    pmix.sample(
        model,
        y,
        chains=1,
        iter_warmup=200,
        iter_sampling=100,
        seed=11,
        likelihood=likelihood,
        show_progress=False,
        output_dir=tmp_path,
    )
    csv = read_stan_csv(tmp_path / "chain-1.csv")
    stan = json.loads((tmp_path / "data.json").read_text())
    assert stan["sort_components"] == target_of(model, y).free_components
    known = np.asarray(stan["sigma_known"])
    sigma_draws = np.tile(known, (100, 1)) if known.size else csv.variable("sigma")
    expected = [
        log_prior(stan, theta, mu, sigma)
        + log_lik(y, theta, mu, sigma).sum()
        + log_jacobian(stan, theta_raw, mu_raw, mu, sigma, version=cmdstan.version)
        for theta_raw, theta, mu_raw, mu, sigma in zip(
            csv.variable("theta_raw"),
            csv.variable("theta"),
            csv.variable("mu_raw"),
            csv.variable("mu"),
            sigma_draws,
            strict=True,
        )
    ]
    difference = csv.variable("lp__") - expected
    assert np.ptp(csv.variable("lp__")) > 1.0  # the draws do differ
    assert np.ptp(difference) < 1e-8


@pytest.mark.parametrize(
    ("program", "n_df"), [("normal", 0), ("student_t", 0), ("student_t", 1), ("student_t", 3)]
)
def test_all_that_a_component_has_follows_its_location(cmdstan: CmdStan, program, n_df):
    """The density of free components is that of the ordered model at the sorted values."""
    rng = np.random.default_rng(5)
    target = target_of(CASES["free"][0], Y)
    stan = stan_data(target, sort_components=True)
    stan |= {"n_df": n_df, "df_known": [] if n_df else [3, 5, 9]}
    stan |= {"df_shape": [2] * n_df, "df_rate": [0.1] * n_df}
    inits, expected = [], []
    for _ in range(20):
        theta_raw, mu, sigma = rng.dirichlet(np.ones(3)), rng.normal(0, 3, 3), rng.lognormal(size=3)
        sigma += stan["min_sigma"]
        df = 2.0 + rng.lognormal(size=n_df)
        inits.append({"theta_raw": theta_raw.tolist(), "mu_raw": mu.tolist()})
        inits[-1] |= {"sigma_raw": sigma.tolist(), "df_raw": df.tolist()}
        theta, k = 0.1 + 0.7 * theta_raw, np.argsort(mu)
        # what is known does not move: it is that of the first, the second, the third location
        nu = df[k] if n_df == 3 else df if n_df == 1 else np.array([3.0, 5.0, 9.0])
        law = stats.norm(mu[k], sigma[k]) if program == "normal" else stats.t(nu, mu[k], sigma[k])
        total = np.log(law.pdf(Y[:, None]) @ theta[k]).sum()
        total += log_prior(stan, theta[k], mu[k], sigma[k])
        total += log_jacobian(stan, theta_raw, mu, mu, sigma, version=cmdstan.version)
        total += stats.gamma(2, scale=10).logpdf(df).sum() + np.log(df).sum()
        expected.append(total)
    lp = lp_at(stan_program(program), stan, inits)
    assert np.ptp(lp) > 50.0
    assert np.ptp(lp - expected) < 1e-8


TIMES = {
    "counts": {"counts": np.arange(40) % 5 * 10},
    "weights": {"weights": 3.0 * np.random.default_rng(8).random(40)},
    "few weights": {"weights": 0.01 * np.random.default_rng(9).random(40)},
}


@pytest.mark.parametrize("sort", [False, True])
@pytest.mark.parametrize("program", ["normal, fused", "normal, plain", "student_t"])
@pytest.mark.parametrize("case", TIMES)
def test_counts_and_weights_are_powers_of_densities(cmdstan, program, case, sort):
    """The density in CmdStan against SciPy's, where rows stand for many observations."""
    rng = np.random.default_rng(7)
    family = pmix.StudentTMixture if program == "student_t" else NormalMixture
    likelihood = "stan" if program == "normal, plain" else "fused"
    model = family(
        n_components=3,
        weights=pmix.Dirichlet(1.5),
        means=pmix.Normal([-2, 0, 3], [3, 4, 5]),
        sigma=pmix.HalfNormal(2),
        **({"df": 4.0} if program == "student_t" else {}),
    )
    # rounded: equal observations in rows of their own
    y, ((_, times),) = Y.round(0), TIMES[case].items()
    target = target_of(model, y, **TIMES[case])
    stan = stan_data(target, sort_components=sort)
    width = np.sqrt(np.cov(y, aweights=times, ddof=0)) / 6
    inits, expected = [], []
    for _ in range(8):
        theta_raw, mu_raw = rng.dirichlet(np.ones(3)), np.sort(rng.normal(0, 3, 3))
        sigma = stan["min_sigma"] + rng.lognormal(size=3)
        inits.append({"theta_raw": theta_raw.tolist(), "mu_raw": mu_raw.tolist()})
        inits[-1]["sigma_raw"] = sigma.tolist()
        mu, jacobian = mu_raw.copy(), 0.0
        for k in (1, 2) if not sort else ():
            above = mu_raw[k] - mu[k - 1]
            mu[k] = mu[k - 1] + above * stats.norm.cdf(above / width)
            mu[k] += width**2 * stats.norm.pdf(above, 0, width)
            jacobian += stats.norm.logcdf(above / width)
        jacobian += np.log(sigma - stan["min_sigma"]).sum()
        jacobian += log_simplex_jacobian(theta_raw, version=cmdstan.version)
        law = stats.t(4.0, mu, sigma) if program == "student_t" else stats.norm(mu, sigma)
        log_densities = np.log(law.pdf(y[:, None]) @ theta_raw)
        expected.append(log_prior(stan, theta_raw, mu, sigma) + times @ log_densities + jacobian)
    name = program.partition(",")[0]
    lp = lp_at(stan_program(name, likelihood=likelihood), stan, inits)
    assert np.ptp(expected) > 1.0
    assert np.ptp(lp - expected) < 1e-8


@pytest.mark.parametrize("sort", [False, True])
@pytest.mark.parametrize("program", ["normal, fused", "normal, plain", "student_t"])
@pytest.mark.parametrize("named", [[0], [1], [2, 0], [0, 1, 2]], ids=repr)
def test_a_labelled_observation_has_the_term_of_its_component(cmdstan, program, named, sort):
    """The density in CmdStan, in this package's NumPy, and from SciPy."""
    rng = np.random.default_rng(7)
    family = pmix.StudentTMixture if program == "student_t" else NormalMixture
    likelihood = "stan" if program == "normal, plain" else "fused"
    model = family(
        n_components=3,
        weights=pmix.Dirichlet([1.5, 2, 4]),
        means=pmix.Normal([-2, 0, 3], [3, 4, 5]),
        sigma=pmix.HalfNormal([1, 2, 3]),
        **({"df": 4.0} if program == "student_t" else {}),
    )
    y, counts = Y.round(0), np.arange(40) % 3 + 1
    labels = np.where(np.arange(40) % 4 == 0, rng.choice(named, 40), -1)
    target = target_of(model, y, counts=counts, labels=labels)
    stan = stan_data(target, sort_components=sort)
    z = rng.normal(scale=2.0, size=(8, target.dimensions))
    found = to_constrained(target, z)
    inits, expected = [], []
    for i, log_theta in enumerate(found.log_theta):
        theta, mu, sigma = (
            np.exp(log_theta),
            found.components["mu"][i],
            found.components["sigma"][i],
        )
        # sorted, or pushed, these are the means above
        mu_raw = mu if sort else z[i, 2:5]
        inits.append({"theta_raw": theta.tolist(), "mu_raw": mu_raw.tolist()})
        inits[-1]["sigma_raw"] = sigma.tolist()
        law = stats.t(4.0, mu, sigma) if program == "student_t" else stats.norm(mu, sigma)
        terms = np.log(theta) + law.logpdf(y[:, None])
        each = np.where(labels < 0, logsumexp(terms, axis=1), terms[np.arange(40), labels])
        total = log_prior(stan, theta, mu, sigma) + counts @ each
        total += log_simplex_jacobian(theta, version=cmdstan.version)
        total += np.log(sigma - stan["min_sigma"]).sum()
        some = [k for k in range(3) if k not in labels]
        if not sort and len(some) > 1:
            width = np.repeat(y, counts).std() / 6
            total += stats.norm.logcdf((mu_raw[some[1]] - mu[some[0]]) / width)
        expected.append(total)
    name = program.partition(",")[0]
    lp = lp_at(stan_program(name, likelihood=likelihood), stan, inits)
    assert np.ptp(expected) > 1.0
    assert np.ptp(lp - expected) < 1e-8
    if not sort and cmdstan.version < (2, 37):
        assert np.ptp(lp - log_joint(target, z)) < 1e-8


GIVEN = {
    "means known": {"means": [-3, 0, 4], "sigma": pmix.HalfNormal([1, 2, 3])},
    "means known, sigma shared": {"means": [-3, 0, 4], "shared_sigma": True},
    "all known": {"means": [-3, 0, 0], "sigma": [0.8, 1.0, 1.4], "min_weight": 0.1},
    "one sigma known": {"sigma": pmix.HalfNormal([1, 2, 3]), "known_sigma": [None, 0.01, None]},
    "means known, one sigma not": {
        "means": [-3, 0, 0],
        "sigma": pmix.InverseGamma(2, [1, 2, 3]),
        "known_sigma": [0.7, 1.0, None],
    },
    "sigma shared": {"sigma": pmix.LogNormal(0, 1), "shared_sigma": True},
}


@pytest.mark.parametrize("program", ["normal, fused", "normal, plain", "student_t"])
@pytest.mark.parametrize("case", GIVEN)
def test_what_is_known_or_shared_enters_as_such(cmdstan: CmdStan, program: str, case: str):
    """The density in CmdStan, in this package's NumPy, and from the priors of SciPy."""
    family, rng = NormalMixture, np.random.default_rng(6)
    likelihood = "stan" if program == "normal, plain" else "fused"
    if program == "student_t":
        family = pmix.StudentTMixture
    target = target_of(
        family(n_components=3, weights=pmix.Dirichlet([1.5, 2, 4]), **GIVEN[case]), Y
    )
    model, stan = target.model, stan_data(target)
    z = rng.normal(size=(20, target.dimensions))
    found = to_constrained(target, z)
    inits, expected = [], []
    for i, log_theta in enumerate(found.log_theta):
        at = {name: values[i] for name, values in found.components.items()}
        theta_raw = (np.exp(log_theta) - model.min_weight) / target.free_weight
        init = {"theta_raw": theta_raw} | {f"{name}_raw": x for name, x in at.items()}
        total = (np.array(stan["alpha"]) - 1) @ log_theta
        total += log_simplex_jacobian(theta_raw, version=cmdstan.version)
        if "mu" in at:
            init["mu_raw"] = z[i, 2:5]
            total += stats.norm.logpdf(at["mu"], stan["mu_loc"], stan["mu_scale"]).sum()
            total += stats.norm.logcdf(z[i, 3:5], at["mu"][:-1], ordering_width(stan)).sum()
        if "sigma" in at:
            own = at["sigma"]
            if model.known_sigma is not None:
                there = [known is None for known in model.known_sigma]
                own = init["sigma_raw"] = own[there]
            total += log_scale_prior(stan, own).sum() + np.log(own - stan["min_sigma"]).sum()
        mu, sigma = at.get("mu", stan["mu_known"]), at.get("sigma", stan["sigma_known"])
        law = stats.norm(mu, sigma)
        if "df" in at:
            law = stats.t(at["df"], mu, sigma)
            total += (stats.gamma(2, scale=10).logpdf(at["df"]) + np.log(at["df"])).sum()
        total += np.log(law.pdf(Y[:, None]) @ np.exp(log_theta)).sum()
        inits.append({name: np.asarray(x).tolist() for name, x in init.items()})
        expected.append(total)
    lp = lp_at(stan_program(model.program, likelihood=likelihood), stan, inits)
    assert np.ptp(lp) > 10.0
    assert np.ptp(lp - expected) < 1e-8
    if cmdstan.version < (2, 37):
        assert np.ptp(lp - log_joint(target, z)) < 1e-8


@pytest.mark.parametrize("program", ["normal", "student_t"])
@pytest.mark.parametrize(
    ("given", "change", "words"),
    [
        ({"means": [0, 1]}, {"sort_components": 1}, "n_mu must be K = 2, or 0 if unsorted"),
        ({"known_sigma": [1, None]}, {"sort_components": 1}, "sorted where some of their scales"),
        ({"known_sigma": [1, None]}, {"sigma_known": [1, 2]}, "n_sigma must be how many scales"),
        ({"shared_sigma": True}, {"n_sigma": 0, "sigma_scale": []}, None),
    ],
)
def test_data_that_do_not_go_together(cmdstan: CmdStan, program: str, given, change, words):
    target = target_of(pmix.StudentTMixture(n_components=2, df=4.0, **given), Y)
    (executable,) = compiled(stan_program(program), show_progress=False)
    with workspace(executable, keep_in=None) as space:
        data = space.write_data("data", stan_data(target) | change)
        call = Call(method=("sample", "num_samples=2", "num_warmup=2"), data=data, seed=1)
        with pytest.raises(SamplingError, match=words):
            run_cmdstan(space, "chain", [call], parallel=1)


# components without parameters beside the mean, and those beside one at 0, are not sorted
@pytest.mark.parametrize(
    ("family", "sort", "zero"),
    [
        (pmix.PoissonMixture, False, False),
        (pmix.PoissonMixture, False, True),
        (pmix.NegativeBinomialMixture, False, False),
        (pmix.NegativeBinomialMixture, False, True),
        (pmix.NegativeBinomialMixture, True, False),
    ],
)
@pytest.mark.parametrize("named", [[], [0], [2, 0], [0, 1, 2]], ids=repr)
def test_counts_with_weights_and_labels(cmdstan, family, named, sort, zero):
    """The density in CmdStan, in this package's NumPy, and from SciPy."""
    negative = family is pmix.NegativeBinomialMixture
    rng = np.random.default_rng(7)
    model = family(
        n_components=3,
        weights=pmix.Dirichlet([1.5, 2, 4]),
        means=pmix.Gamma([1, 2, 3], [0.5, 0.4, 0.3]),
        zero_inflated=zero,
        **({"phi": pmix.Gamma(2, [0.1, 0.2, 0.3])} if negative else {}),
    )
    y, weights = np.abs(Y).round(0), 2.0 * rng.random(40)
    labels = np.where(np.arange(40) % 4 == 0, rng.choice(named or [-1], 40), -1)
    if zero:
        labels[(y > 0) & (labels == 0)] = -1
    target = target_of(model, y, weights=weights, labels=labels)
    stan = stan_data(target, sort_components=sort)
    z = rng.normal(size=(8, target.dimensions))
    found, own = to_constrained(target, z), np.arange(3) >= zero
    inits, expected = [], []
    for i, log_theta in enumerate(found.log_theta):
        theta, mu = np.exp(log_theta), found.components["mu"][i]
        mu_raw = mu if sort else np.exp(z[i, 2 : 5 - zero])
        inits.append({"theta_raw": theta.tolist(), "mu_raw": mu_raw.tolist()})
        law = stats.poisson(mu)
        total = stats.dirichlet([1.5, 2, 4]).logpdf(theta / theta.sum())
        total += log_simplex_jacobian(theta, version=cmdstan.version)
        prior = stats.gamma(np.array([1, 2, 3]), scale=1 / np.array([0.5, 0.4, 0.3]))
        # the Jacobian of the logarithm with it
        total += (prior.logpdf(mu) + np.log(mu + ~own))[own].sum()
        if negative:
            phi = found.components["phi"][i]
            inits[-1]["phi_raw"] = phi[own].tolist()
            law = stats.nbinom(phi, phi / (phi + mu))
            prior = stats.gamma(2, scale=1 / np.array([0.1, 0.2, 0.3]))
            total += (prior.logpdf(phi) + np.log(phi))[own].sum()
        terms = log_theta + law.logpmf(y[:, None])
        each = np.where(labels < 0, logsumexp(terms, axis=1), terms[np.arange(40), labels])
        total += weights @ each
        some = [k for k in range(int(zero), 3) if k not in labels]
        mean = np.average(y, weights=weights)
        spread = np.sqrt(np.log1p(np.average((y - mean) ** 2, weights=weights) / mean**2))
        width = spread / (2 * (3 - zero))
        for before, k in itertools.pairwise(some) if not sort else ():
            above = np.log(mu_raw[k - zero]) - np.log(mu[before])
            total += stats.norm.logcdf(above / width)
        expected.append(total)
    lp = lp_at(stan_program(family.program, likelihood="stan"), stan, inits)
    assert np.ptp(expected) > 1.0
    assert np.ptp(lp - expected) < 1e-8
    if not sort and cmdstan.version < (2, 37):
        assert np.ptp(lp - log_joint(target, z)) < 1e-8


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"zero_inflated": 1}, "n_mu must be 1"),
        ({"zero_inflated": 1, "sort_components": 1}, "n_mu must be 1"),
        (
            {"n_mu": 1, "mu_shape": [1], "mu_rate": [1], "zero_inflated": 1, "sort_components": 1},
            "sorted where one of them is always 0",
        ),
        ({"n_phi": 1, "phi_shape": [1], "phi_rate": [1]}, "n_phi must be 0, 2, or 1 if shared"),
        ({"y": [-1, 2]}, None),
    ],
)
def test_data_of_counts_that_do_not_go_together(cmdstan: CmdStan, change, words):
    target = target_of(pmix.NegativeBinomialMixture(n_components=2), [1, 2])
    (executable,) = compiled(stan_program("negative_binomial"), show_progress=False)
    with workspace(executable, keep_in=None) as space:
        data = space.write_data("data", stan_data(target) | change)
        call = Call(method=("sample", "num_samples=2", "num_warmup=2"), data=data, seed=1)
        with pytest.raises(SamplingError, match=words):
            run_cmdstan(space, "chain", [call], parallel=1)


def test_the_textbook_program_has_the_density_of_the_model(cmdstan: CmdStan):
    rng = np.random.default_rng(2)
    target = target_of(KNOWN, Y)
    stan = textbook_data(target)
    sigma = np.asarray(stan["sigma"])
    points = [(rng.dirichlet(np.ones(3)), np.sort(rng.normal(0, 3, 3))) for _ in range(50)]
    inits = [{"theta": theta.tolist(), "mu": mu.tolist()} for theta, mu in points]
    expected = []
    for theta, mu in points:
        total = log_prior(stan, theta, mu, sigma) + log_lik(Y, theta, mu, sigma).sum()
        # Stan's own ordered vector: the logarithms of the gaps
        gaps = np.log(np.diff(mu)).sum()
        expected.append(total + log_simplex_jacobian(theta, version=cmdstan.version) + gaps)
    lp = lp_at(stan_program("textbook"), stan, inits)
    assert np.ptp(lp) > 100.0
    assert np.ptp(lp - expected) < 1e-8


@pytest.mark.parametrize("case", ["known-repeated-floor", "half-t-repeated"])
def test_log_lik_is_that_of_scipy(cmdstan: CmdStan, case: str):
    model, y, likelihood = CASES[case]
    fit = pmix.sample(
        model,
        y,
        chains=1,
        iter_sampling=50,
        seed=2,
        likelihood=likelihood,
        show_progress=False,
    )
    _, theta, components = mixture_of_fit(fit)
    theta, mu, sigma = (x[0] for x in (theta, components["mu"], components["sigma"]))
    expected = [log_lik(y, *parameters) for parameters in zip(theta, mu, sigma, strict=True)]
    np.testing.assert_allclose(group(fit, "log_likelihood")["y"].values[0], expected, rtol=1e-10)


@pytest.mark.parametrize("case", ["known-repeated-floor", "half-cauchy"])
def test_y_rep_follows_the_mixture_of_its_draw(cmdstan: CmdStan, case: str):
    model, y, likelihood = CASES[case]
    fit = pmix.sample(
        model, y, chains=2, iter_sampling=250, seed=2, likelihood=likelihood, show_progress=False
    )
    y_rep = group(fit, "posterior_predictive")["y"].values
    _, theta, components = mixture_of_fit(fit)
    mu, sigma = components["mu"], components["sigma"]
    cdf = stats.norm.cdf(y_rep[..., None], mu[:, :, None], sigma[:, :, None])
    uniform = (theta[:, :, None] * cdf).sum(-1)
    # given its draw each replication is independent, so the transforms are uniform and so are all
    assert stats.kstest(uniform.ravel(), "uniform").pvalue > 1e-4


def thinned_prior(model: NormalMixture, name: str) -> np.ndarray:
    """Return prior draws of a parameter, far enough apart to be nearly independent."""
    prior = pmix.sample_prior(model, draws=40_000, n_obs=1, seed=4, show_progress=False)
    return group(prior, "prior")[name].values[:, ::20].reshape(-1, model.n_components)


def assert_follows(draws: np.ndarray, cdf) -> None:
    assert stats.kstest(draws, cdf).pvalue > 1e-4


def test_without_data_the_weights_follow_the_dirichlet(cmdstan: CmdStan):
    alpha = np.array([1.0, 2.0, 5.0])
    model = NormalMixture(
        n_components=3, weights=pmix.Dirichlet(alpha), means=pmix.Normal(0, 1), sigma=1.0
    )
    for k, draws in enumerate(thinned_prior(model, "theta").T):
        assert_follows(draws, stats.beta(alpha[k], alpha.sum() - alpha[k]).cdf)


def test_without_data_a_floor_cuts_the_dirichlet_off(cmdstan: CmdStan):
    model = NormalMixture(
        n_components=2,
        weights=pmix.Dirichlet([2.0, 3.0]),
        means=pmix.Normal(0, 1),
        sigma=1.0,
        min_weight=0.2,
    )
    theta = thinned_prior(model, "theta")
    law = stats.beta(2.0, 3.0)
    low, high = law.cdf([0.2, 0.8])
    assert theta.min() >= 0.2
    assert_follows(theta[:, 0], lambda x: (law.cdf(x) - low) / (high - low))


def test_without_data_the_means_are_order_statistics(cmdstan: CmdStan):
    model = NormalMixture(n_components=3, means=pmix.Normal(2, 10), sigma=1.0)
    mu = thinned_prior(model, "mu")
    assert (np.diff(mu) > 0).all()
    for k in range(3):
        order = stats.beta(k + 1, 3 - k)
        assert_follows(mu[:, k], lambda x, order=order: order.cdf(stats.norm(2, 10).cdf(x)))


@pytest.mark.parametrize(
    ("prior", "law"),
    [
        (pmix.HalfCauchy(5), stats.halfcauchy(0, 5)),
        (pmix.HalfNormal(2), stats.halfnorm(0, 2)),
        (pmix.HalfStudentT(3, 2.5), stats.foldnorm),
    ],
    ids=["half-cauchy", "half-normal", "half-t"],
)
def test_without_data_the_scales_follow_their_prior(cmdstan: CmdStan, prior, law):
    model = NormalMixture(n_components=2, means=pmix.Normal(0, 1), sigma=prior)
    if isinstance(prior, pmix.HalfStudentT):
        cdf = lambda x: 2.0 * stats.t(prior.df, 0, prior.scale).cdf(x) - 1.0  # noqa: E731
    else:
        cdf = law.cdf
    for draws in thinned_prior(model, "sigma").T:
        assert_follows(draws, cdf)


@pytest.mark.parametrize(
    "prior",
    [pmix.HalfCauchy(5), pmix.HalfNormal(2), pmix.InverseGamma(2, 3), pmix.LogNormal(0, 1)],
    ids=repr,
)
def test_without_data_a_floor_cuts_the_prior_of_the_scales_off(cmdstan: CmdStan, prior):
    model = NormalMixture(n_components=2, means=pmix.Normal(0, 1), sigma=prior, min_sigma=1.5)
    sigma = thinned_prior(model, "sigma")
    assert sigma.min() >= 1.5
    for draws in sigma.T:
        assert_follows(
            draws,
            lambda x: 1.0 - np.exp([prior.log_survival(s) - prior.log_survival(1.5) for s in x]),
        )


def test_generated_quantities_can_be_switched_off(cmdstan: CmdStan, tmp_path: Path):
    (executable,) = compiled(stan_program("normal"), show_progress=False)
    target = target_of(NormalMixture(n_components=2), Y)
    for n_rep, save in ((0, False), (7, False), (0, True)):
        with workspace(executable, keep_in=None) as space:
            data = space.write_data("data", stan_data(target, n_rep=n_rep, save_log_lik=save))
            call = Call(method=("sample", "num_samples=5", "num_warmup=20"), data=data, seed=1)
            csv = run_cmdstan(space, "chain", [call], parallel=1).csvs[0]
        assert csv.variable("y_rep").shape[1] == n_rep
        assert csv.variable("log_lik").shape[1] == (Y.size if save else 0)


def assert_without_a_word(stanc: Path, program: str, folders: tuple[str, ...]) -> None:
    """Let stanc translate a program; it must have nothing to say."""
    result = subprocess.run(
        (
            stanc,
            *(("--allow-undefined",) if folders == FUSED else ()),
            f"--include-paths={','.join(str(STAN / folder) for folder in folders)}",
            "--o=/dev/null",
            STAN / f"{program}.stan",
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize(("program", "folders"), PROGRAMS)
def test_stanc_has_nothing_to_warn_of(cmdstan: CmdStan, program: str, folders: tuple[str, ...]):
    assert_without_a_word(cmdstan.path / "bin" / "stanc", program, folders)


@pytest.mark.parametrize(
    "path", sorted(resource_dir("stan").rglob("*.stan*")), ids=lambda path: path.name
)
def test_stan_code_keeps_to_the_style_guide(path: Path):
    lines = path.read_text().splitlines()
    assert max(map(len, lines)) < 80
    assert not [line for line in lines if "\t" in line or line != line.rstrip()]
    blocks = re.findall(r"^(?:data|parameters) \{\n(.*?)^\}", "\n".join(lines), re.M | re.S)
    declarations = [line for block in blocks for line in block.splitlines()]
    assert [line for line in declarations if ";" in line and "//" not in line] == []
    # defined with a body, or declared with a semicolon
    functions = re.findall(r"^ *(?:real|vector|int) \w+\([^;]*?(?:\{|\);)", "\n".join(lines), re.M)
    documented = re.findall(r"\*/\n *(?:real|vector|int) \w+\(", "\n".join(lines))
    assert len(functions) == len(documented)


def test_shipped_json_runs_in_its_programs(cmdstan: CmdStan):
    for name, program in (
        ("close", "normal"),
        ("separated", "normal"),
    ):
        stan = json.loads((resource_dir("data") / f"{name}.json").read_text())
        (executable,) = compiled(stan_program(program), show_progress=False)
        with workspace(executable, keep_in=None) as space:
            data = space.write_data("data", stan)
            call = Call(method=("sample", "num_samples=2", "num_warmup=2"), data=data, seed=1)
            assert len(run_cmdstan(space, "chain", [call], parallel=1).csvs[0].draws) == 2


@pytest.fixture(scope="module")
def newer_stanc(tmp_path_factory) -> Path:
    """The compiler of Stan 2.37, which prophet's wheel carries."""
    found = unpacked(
        tmp_path_factory.mktemp("prophet"),
        "prophet==1.5.0",
        "--platform=manylinux_2_28_x86_64",
        needed=("prophet/stan_model/cmdstan-2.37.0/bin/stanc",),
    )
    stanc = found / "prophet" / "stan_model" / "cmdstan-2.37.0" / "bin" / "stanc"
    stanc.chmod(0o755)
    return stanc


@pytest.mark.parametrize(("program", "folders"), PROGRAMS)
def test_newer_compilers_take_them_without_a_word(
    newer_stanc: Path, program: str, folders: tuple[str, ...]
):
    """A warning of one version is an error of a later one."""
    assert_without_a_word(newer_stanc, program, folders)
