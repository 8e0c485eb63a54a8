"""Tests of pystan_mix.mixtures.families.poisson, and of all that is particular to counts."""

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
from pystan_mix.errors import DataError, ModelError
from pystan_mix.figures import plot_comparison, plot_density, plot_predictive
from pystan_mix.fits.groups import observations, replications, variables
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures.density import log_joint, to_constrained, to_unconstrained
from pystan_mix.mixtures.families.poisson import PoissonMixture
from pystan_mix.mixtures.model_json import model_from_json, model_to_json
from pystan_mix.mixtures.stan_data import stan_data, target_of_stan_data
from pystan_mix.mixtures.target import target_of
from pystan_mix.stats.ordering import push_apart

# Hasselblad (1969, "Estimation of finite mixtures of distributions from the exponential
# family"): how many deaths of women of 80 years and more The Times of London told of, by
# day, 1910 to 1912; maximum likelihood's estimates are weights 0.360 and 0.640, and means
# 1.256 and 2.663
TIMES = np.repeat(np.arange(10), [162, 267, 271, 185, 111, 61, 27, 8, 3, 1])
RNG = np.random.default_rng(11)
Y = np.concatenate([np.zeros(30), RNG.poisson(2.0, 60), RNG.poisson(9.0, 60)])
MODELS = {
    "plain": PoissonMixture(n_components=3),
    "priors differ": PoissonMixture(n_components=2, means=pmix.Gamma([2, 5], [1, 0.5])),
    "floor": PoissonMixture(n_components=2, min_weight=0.2),
    "zero": PoissonMixture(n_components=3, zero_inflated=True),
    "zero, priors differ": PoissonMixture(
        n_components=3, means=pmix.Gamma([1, 2, 5], 0.5), zero_inflated=True
    ),
    "known": PoissonMixture(n_components=3, means=[0, 2, 9]),
}


def test_the_log_density_is_that_of_scipy_also_at_mean_zero():
    y, mu = np.arange(60.0), np.array([[0.0], [0.3], [20.0]])
    found = PoissonMixture.log_density(y, mu=mu)
    np.testing.assert_allclose(found, stats.poisson.logpmf(y, mu), rtol=1e-11, atol=1e-12)
    assert found[0, 0] == 0.0
    assert (found[0, 1:] == -np.inf).all()


def test_draws_follow_their_law():
    """Means within five standard errors; a component of mean zero is always zero."""
    mu = np.array([0.0, 0.5, 40.0])
    draws = PoissonMixture.draw(np.random.default_rng(4), mu=np.tile(mu, (5000, 1)))
    assert (draws == np.floor(draws)).all()
    assert (draws[:, 0] == 0.0).all()
    assert (np.abs(draws.mean(axis=0) - mu) <= 5.0 * np.sqrt(mu / 5000)).all()


@pytest.mark.parametrize("name", MODELS)
def test_model_json_and_data_block_give_the_model_back(name):
    target = target_of(MODELS[name], Y)
    assert model_from_json(model_to_json(target.model)) == target.model
    data = stan_data(target)
    assert all(isinstance(value, int) for value in data["y"])
    assert stan_data(target_of_stan_data(PoissonMixture, data)) == data


@pytest.mark.parametrize("y", [[0.5, 1, 2], [-1, 1, 2], [1, 2, 3e9]])
def test_what_is_no_count_is_refused_by_its_value(y):
    value = next(x for x in y if x not in (1, 2))
    with pytest.raises(DataError, match="whole numbers from 0 to 2147483647") as caught:
        target_of(PoissonMixture(n_components=2), y)
    assert f"the first is {value:g} at position {y.index(value)}. C" in str(caught.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"n_components": 1, "zero_inflated": True}, "n_components is 1"),
        ({"means": [0, 2], "zero_inflated": True}, "of known means the first may be 0"),
        ({"means": [-1, 2]}, "must be 0 or more"),
        ({"means": [0, 0]}, "nothing tells the components apart"),
        ({"means": pmix.Normal(0, 1)}, r"Give a prior such as Gamma"),
        ({"zero_inflated": 1}, "True or False"),
    ],
)
def test_a_model_that_cannot_be_is_refused(given, words):
    with pytest.raises(ModelError, match=words):
        PoissonMixture(**{"n_components": 2} | given)


@pytest.mark.parametrize("y", [Y, 100 + np.arange(20), np.repeat([0, 1], 50)])
def test_the_default_prior_is_as_wide_as_the_data_and_has_no_peak_at_zero(y):
    prior = target_of(PoissonMixture(n_components=2), y).model.means
    assert prior.shape >= 1.0
    sd = math.sqrt(prior.shape) / prior.rate
    assert sd == pytest.approx(2.5 * y.std())
    assert prior.shape / prior.rate == pytest.approx(max(y.mean(), sd))


def test_means_in_unconstrained_space_and_back():
    target = target_of(MODELS["zero"], Y)
    theta, mu = np.array([[0.2, 0.5, 0.3]]), np.array([[0.0, 1.5, 7.0]])
    z = to_unconstrained(target, {"theta": theta, "mu": mu})
    assert z.shape == (1, target.dimensions) == (1, 4)
    found = to_constrained(target, z).variables()
    np.testing.assert_allclose(found["theta"], theta, rtol=1e-12)
    np.testing.assert_allclose(found["mu"], mu, rtol=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_lp_is_the_log_posterior_plus_the_log_jacobian(cmdstan: CmdStan, name):
    model, rng = target_of(MODELS[name], Y).model, np.random.default_rng(5)
    target = target_of(model, Y)
    stan, zero = stan_data(target), int(model.zero_inflated)
    free, K = stan["n_mu"], model.n_components
    spread = math.sqrt(math.log1p(Y.var() / Y.mean() ** 2))
    inits, expected, ours = [], [], []
    for _ in range(20):
        theta_raw = rng.dirichlet([2] * K)
        theta = model.min_weight + (1 - K * model.min_weight) * theta_raw
        init = {"theta_raw": theta_raw}
        total = ((np.array(stan["alpha"]) - 1) * np.log(theta)).sum()
        total += log_simplex_jacobian(theta_raw, version=cmdstan.version)
        mu = np.array(stan["mu_known"], dtype=float)
        if free:
            log_raw = np.sort(rng.normal(1.0, 1.0, free))
            init["mu_raw"] = np.exp(log_raw)
            width = spread / (2 * free)
            log_mu = push_apart(log_raw, width)
            mu = np.append(np.zeros(zero), np.exp(log_mu))
            law = stats.gamma(stan["mu_shape"], scale=1 / np.array(stan["mu_rate"]))
            total += law.logpdf(np.exp(log_mu)).sum() + log_mu.sum()
            total += stats.norm.logcdf(log_raw[1:], log_mu[:-1], width).sum()
        total += np.log(stats.poisson.pmf(Y[:, None], mu) @ theta).sum()
        inits.append({key: value.tolist() for key, value in init.items()})
        expected.append(total)
        given = {"theta": theta[None]} | ({"mu": mu[None]} if free else {})
        ours.append(log_joint(target, to_unconstrained(target, given))[0])
    lp = lp_at(stan_program("poisson"), stan, inits)
    assert np.ptp(lp) > 10.0
    assert np.ptp(lp - expected) < 1e-8
    if cmdstan.version < (2, 37):
        assert np.ptp(np.array(ours) - expected) < 1e-8


def test_a_posterior_with_a_zero_component_is_that_of_a_grid(cmdstan: CmdStan):
    """Means within five Monte Carlo errors of sums over a grid of weight and mean."""
    y = Y[:60]
    model = PoissonMixture(n_components=2, means=pmix.Gamma(2, 0.5), zero_inflated=True)
    fit = pmix.sample(model, y, seed=3, show_progress=False)
    assert pmix.diagnose(fit).ok
    share, mu = np.linspace(0.0005, 0.9995, 1000), np.linspace(0.005, 8.0, 1600)[:, None]
    zeros, total, rest = (y == 0).sum(), y.sum(), (y > 0).sum()
    log_p = np.log(share * (1 - share)) + stats.gamma.logpdf(mu, 2, scale=2)
    log_p += zeros * np.log(share + (1 - share) * np.exp(-mu))
    log_p += rest * (np.log1p(-share) - mu) + total * np.log(mu)
    p = np.exp(log_p - log_p.max())
    found = variables(fit)
    assert (found["mu"][..., 0] == 0.0).all()
    for draws, values in ((found["theta"][..., 0], share), (found["mu"][..., 1], mu)):
        mean = (p * values).sum() / p.sum()
        sd = math.sqrt((p * (values - mean) ** 2).sum() / p.sum())
        # effective draws were above 2000
        assert abs(draws.mean() - mean) < 5.0 * sd / math.sqrt(1000)
        assert draws.std() == pytest.approx(sd, rel=0.12)


def test_the_evidence_of_one_component_is_the_integral(cmdstan: CmdStan):
    y = Y[40:70]
    model = PoissonMixture(n_components=1, means=pmix.Gamma(2.0, 0.5))
    found = pmix.log_evidence(pmix.sample(model, y, seed=1, show_progress=False))

    def density(mu: float) -> float:
        total = stats.gamma.logpdf(mu, 2, scale=2) + stats.poisson.logpmf(y, mu).sum()
        return math.exp(total + 60.0)

    integral, _ = integrate.quad(density, 0.0, 20.0, points=[y.mean()])
    assert found.log_evidence == pytest.approx(math.log(integral) - 60.0, abs=0.01)


@pytest.fixture(scope="module")
def times(cmdstan: CmdStan):
    return pmix.sample(PoissonMixture(n_components=2), TIMES, seed=2, show_progress=False)


def test_the_deaths_of_the_times_come_from_two_components(times):
    """Maximum likelihood's estimates are within the posterior; NUTS and ADVI agree."""
    assert pmix.diagnose(times).use == "fine"
    found = variables(times)
    for draws, estimate in (
        (found["theta"][..., 0], 0.360),
        (found["mu"][..., 0], 1.256),
        (found["mu"][..., 1], 2.663),
    ):
        assert np.quantile(draws, 0.05) < estimate < np.quantile(draws, 0.95)
    approx = pmix.advi(
        PoissonMixture(n_components=2), TIMES, seed=2, reweight=True, show_progress=False
    )
    comparison = pmix.compare({"NUTS": times, "ADVI": approx})
    assert comparison.verdict != "disagree"
    assert plot_comparison(comparison).axes


def test_figures_and_predictions_are_of_counts(times, tmp_path):
    y = observations(times)
    y_rep = replications(times)
    assert (y_rep == np.floor(y_rep)).all()
    (axis,) = plot_predictive(times).axes
    # a bin for each count, about it
    values, edges, _ = axis.patches[0].get_data()
    np.testing.assert_array_equal(edges[:11], np.arange(11) - 0.5)
    np.testing.assert_allclose(values[:10], np.bincount(y.astype(int)) / y.size)
    (axis,) = plot_density(times).axes
    points, heights = axis.lines[0].get_data()
    np.testing.assert_array_equal(points, np.arange(points.size))
    assert axis.get_ylabel() == "probability"
    assert heights.sum() == pytest.approx(1.0, abs=0.01)
    law = np.exp(pmix.log_density(times, np.arange(points.size)))
    np.testing.assert_allclose(heights, law.mean(axis=(0, 1)), rtol=0.02)
    shares = pmix.responsibilities(times, [0, 9]).mean(axis=(0, 1))
    assert shares[0, 0] > shares[1, 0]
    with pytest.raises(DataError, match=r"the first is 0\.5"):
        pmix.log_density(times, [0.5])
    pmix.save(times, tmp_path / "fit.nc")
    assert pmix.model_of(pmix.load(tmp_path / "fit.nc")) == pmix.model_of(times)


def test_the_prior_is_drawn_in_order(cmdstan: CmdStan):
    """The larger of two exponential means: its mean is 1.5 times theirs."""
    model = PoissonMixture(n_components=2, means=pmix.Gamma(1.0, 0.25))
    mu = variables(pmix.sample_prior(model, seed=1, show_progress=False), "prior")["mu"]
    # of some thousand effective draws, with standard deviations 2 and 4.5
    assert mu[..., 0].mean() == pytest.approx(2.0, abs=0.3)
    assert mu[..., 1].mean() == pytest.approx(6.0, abs=0.7)


def test_the_command_line_knows_it(cmdstan: CmdStan, tmp_path):
    data = tmp_path / "y.dat"
    data.write_text("".join(f"{value:.0f}\n" for value in Y))
    words = ("fit", str(data), "--components", "2", "--family", "poisson", "--means", "1,0.2")
    result = run(*words, "--zero-inflated", "--seed", "1", "--json", "--out", str(tmp_path / "out"))
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["model"].startswith("PoissonMixture(")
    assert "zero_inflated=True" in found["model"]
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"density.png", "trace.png"}
    refused = run(*words, "--min-sigma", "1")
    assert refused.returncode == 2
    assert "--min-sigma is not for --family poisson" in refused.stderr
    data.write_text("1\n2.5\n3\n")
    refused = run(*words)
    assert refused.returncode == 2
    assert "the first is 2.5" in refused.stderr


@pytest.mark.pymc
@pytest.mark.filterwarnings("ignore:PyTensor could not link to a BLAS:UserWarning")
@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("zero", [False, True])
def test_pymc_has_the_same_density(pm, by_hand, zero):
    model, rng = PoissonMixture(n_components=3, zero_inflated=zero), np.random.default_rng(6)
    model = target_of(model, Y).model
    built = pmix.to_pymc(model, Y, by_hand=by_hand)
    log_density, gradient = built.compile_logp(jacobian=False), built.compile_dlogp()
    differences = []
    for _ in range(5):
        theta, mu = rng.dirichlet([9, 9, 9]), np.sort(rng.gamma(2, 3, 3 - zero))
        each = np.append(np.zeros(int(zero)), mu)
        expected = np.log(stats.poisson.pmf(Y[:, None], each) @ theta).sum()
        expected += np.log(theta).sum() + model.means.log_density(mu).sum()
        point = {}
        for variable, value in zip(built.free_RVs, (theta, mu), strict=True):
            transform = built.rvs_to_transforms[variable]
            mapped = transform.forward(value, *variable.owner.inputs)
            point[built.rvs_to_values[variable].name] = np.asarray(mapped.eval())
        differences.append(float(log_density(point)) - expected)
        assert np.isfinite(gradient(point)).all()
    assert np.ptp(differences) < 1e-8
