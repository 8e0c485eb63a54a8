"""Tests of pystan_mix.mixtures.families.student_t, and of all that follows from its declaration."""

import json
import math

import numpy as np
import pytest
from command_line import run
from lp_at_points import lp_at
from reference_density import log_scale_prior, log_simplex_jacobian, ordering_width
from scipy import integrate, stats

import pystan_mix as pmix
from pystan_mix.arviz_compat import group
from pystan_mix.cmdstan.locate import CmdStan
from pystan_mix.errors import ModelError
from pystan_mix.fits.groups import variables
from pystan_mix.fits.summary import summarize
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures.families.student_t import DF, SCALES, StudentTMixture
from pystan_mix.mixtures.model_json import model_from_json, model_to_json
from pystan_mix.mixtures.stan_data import stan_data, target_of_stan_data
from pystan_mix.mixtures.target import target_of
from pystan_mix.stats.ordering import push_apart

RNG = np.random.default_rng(11)
Y = np.concatenate([-4.0 + RNG.standard_t(3, 120), 4.0 + 0.6 * RNG.standard_t(8, 80)])
PRIORS = {"means": pmix.Normal([-3, 3], [3, 4]), "sigma": pmix.HalfCauchy([1, 2])}
MODELS = {
    "one df for all": StudentTMixture(n_components=2, **PRIORS),
    "one df each": StudentTMixture(n_components=2, df=pmix.Gamma([2, 3], 0.1), **PRIORS),
    "df known": StudentTMixture(n_components=2, df=4.0, min_weight=0.1, **PRIORS),
    "one sigma for all": StudentTMixture(
        n_components=2, sigma=pmix.LogNormal(0, 1), shared_sigma=True, df=pmix.Gamma([2, 3], 0.1)
    ),
    "dfs known": StudentTMixture(n_components=2, df=[3.0, 9.0], sigma=1.5),
}


def test_the_log_density_is_that_of_scipy():
    mu, sigma, df = np.array([[-3.0], [4.0]]), np.array([[0.5], [2.0]]), np.array([[1.5], [30.0]])
    y = np.linspace(-50.0, 50.0, 41)
    found = StudentTMixture.log_density(y, mu=mu, sigma=sigma, df=df)
    np.testing.assert_allclose(found, stats.t.logpdf(y, df, mu, sigma), rtol=1e-12)


def test_draws_follow_their_law():
    """Fails by chance twice in a thousand times."""
    rng = np.random.default_rng(4)
    mu, sigma, df = np.array([-3.0, 5.0]), np.array([0.5, 2.0]), np.array([3.0])
    draws = StudentTMixture.draw(rng, mu=np.tile(mu, (5000, 1)), sigma=sigma, df=df)
    for k in range(2):
        assert stats.kstest(draws[:, k], stats.t(3.0, mu[k], sigma[k]).cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    ("df", "size", "known"),
    [
        (4, 1, True),
        ([4, 5], 2, True),
        (pmix.Gamma(2, 0.1), 1, False),
        (pmix.Gamma([2, 2], 0.1), 2, False),
        (pmix.Gamma(2, [0.1, 0.2]), 2, False),
    ],
)
def test_all_share_one_df_unless_a_sequence_says_otherwise(df, size, known):
    model = StudentTMixture(n_components=2, df=df)
    assert (model.size(DF), model.is_known(DF)) == (size, known)
    data = stan_data(target_of(model, Y))
    assert data["n_df"] == (0 if known else size)
    assert len(data["df_known"]) == (2 if known else 0)
    assert len(data["df_shape"]) == len(data["df_rate"]) == (0 if known else size)


@pytest.mark.parametrize("df", [0.0, [3.0], pmix.HalfCauchy(1), "4"])
def test_a_df_that_is_none_is_refused(df):
    with pytest.raises(ModelError, match="df"):
        StudentTMixture(n_components=2, df=df)


@pytest.mark.parametrize("name", MODELS)
def test_model_json_and_data_block_give_the_model_back(name):
    target = target_of(MODELS[name], Y)
    assert model_from_json(model_to_json(target.model)) == target.model
    data = stan_data(target)
    again = stan_data(target_of_stan_data(StudentTMixture, data))
    assert again == data


@pytest.mark.parametrize("name", MODELS)
def test_lp_is_the_log_posterior_plus_the_log_jacobian(cmdstan: CmdStan, name):
    model, rng = target_of(MODELS[name], Y).model, np.random.default_rng(5)
    stan = stan_data(target_of(model, Y)) | {"min_sigma": 0.0}
    inits, expected = [], []
    for _ in range(20):
        theta_raw, mu_raw = rng.dirichlet([2, 2]), rng.normal([-3, 3], 2)
        sigma, df = rng.lognormal(0, 0.5, model.size(SCALES)), rng.gamma(2, 5, model.size(DF))
        init = {"theta_raw": theta_raw, "mu_raw": mu_raw}
        theta = model.min_weight + (1 - 2 * model.min_weight) * theta_raw
        width = ordering_width(stan)
        mu = push_apart(mu_raw, width)
        total = ((np.array(stan["alpha"]) - 1) * np.log(theta)).sum()
        total += stats.norm.logpdf(mu, stan["mu_loc"], stan["mu_scale"]).sum()
        total += log_simplex_jacobian(theta_raw, version=cmdstan.version)
        total += stats.norm.logcdf(mu_raw[1:], mu[:-1], width).sum()
        if stan["n_sigma"]:
            init["sigma_raw"] = sigma
            total += log_scale_prior(stan, sigma).sum()
            total += np.log(sigma).sum()
        else:
            sigma = np.array(stan["sigma_known"])
        if stan["n_df"]:
            init["df_raw"] = df
            law = stats.gamma(stan["df_shape"], scale=1 / np.array(stan["df_rate"]))
            total += law.logpdf(df).sum() + np.log(df).sum()
        else:
            df = np.array(stan["df_known"])
        total += np.log(stats.t.pdf(Y[:, None], df, mu, sigma) @ theta).sum()
        inits.append({key: value.tolist() for key, value in init.items()})
        expected.append(total)
    lp = lp_at(stan_program("student_t"), stan, inits)
    assert np.ptp(lp) > 10.0
    assert np.ptp(lp - expected) < 1e-8


@pytest.fixture(scope="module")
def fit(cmdstan: CmdStan):
    return pmix.sample(MODELS["one df for all"], Y, seed=2, show_progress=False)


def test_nuts_and_advi_agree_and_are_believed(fit):
    approx = pmix.advi(MODELS["one df for all"], Y, seed=2, reweight=True, show_progress=False)
    assert pmix.diagnose(fit).ok
    assert pmix.diagnose(approx).use == "fine"
    assert variables(fit)["df"].shape == (4, 1000)
    nuts, advi = summarize(fit), summarize(approx)
    each = [f"{name}[{k}]" for name in ("theta", "mu", "sigma") for k in (1, 2)]
    assert list(nuts.index) == [*each, "df"]
    # of some 2000 effective draws each; df has a long tail
    assert (np.abs(nuts["mean"] - advi["mean"]) < 0.2 * nuts["sd"]).all()
    comparison = pmix.compare({"NUTS": fit, "ADVI": approx})
    assert comparison.verdict != "disagree"
    assert "df" in comparison.table.index.get_level_values("quantity")


def test_log_likelihood_and_predictions_are_the_familys(fit):
    rows = group(fit, "posterior").isel(chain=1, draw=7)
    theta, mu, sigma = (rows[name].values for name in ("theta", "mu", "sigma"))
    law = stats.t.pdf(np.array([[-4.0], [0.0], [4.0]]), float(rows["df"]), mu, sigma) * theta
    np.testing.assert_allclose(
        pmix.log_density(fit, [-4.0, 0.0, 4.0])[1, 7], np.log(law.sum(axis=1)), rtol=1e-10
    )
    shares = pmix.responsibilities(fit, [-4.0, 0.0, 4.0])[1, 7]
    np.testing.assert_allclose(shares, law / law.sum(axis=1, keepdims=True), rtol=1e-10)
    assert pmix.model_of(fit).df == pmix.Gamma(2, 0.1)


def test_the_evidence_of_one_component_is_the_integral(cmdstan: CmdStan):
    y = Y[:30]
    model = StudentTMixture(
        n_components=1, means=pmix.Normal(-4, 2), sigma=pmix.HalfNormal(2.0), df=5.0
    )
    found = pmix.log_evidence(pmix.sample(model, y, seed=1, show_progress=False))

    def density(sigma: float, mu: float) -> float:
        total = stats.norm.logpdf(mu, -4, 2) + stats.halfnorm.logpdf(sigma, 0, 2)
        return math.exp(total + stats.t.logpdf(y, 5.0, mu, sigma).sum() + 60.0)

    integral, _ = integrate.dblquad(density, -7, -1, 0.05, 8.0)
    assert found.log_evidence == pytest.approx(math.log(integral) - 60.0, abs=0.02)


def test_the_command_line_knows_it(cmdstan: CmdStan, tmp_path):
    data = tmp_path / "y.dat"
    data.write_text("".join(f"{value:.6f}\n" for value in Y))
    result = run(
        *("fit", str(data), "--components", "2", "--family", "student-t", "--df", "gamma:2,0.1"),
        *("--seed", "1", "--json", "--out", str(tmp_path / "out")),
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["model"].startswith("StudentTMixture(")
    assert found["parameters"]["df"]["mean"] > 1.0
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"density.png", "trace.png"}
    refused = run("fit", str(data), "--components", "2", "--df", "4")
    assert refused.returncode == 2
    assert "--df is not for --family normal" in refused.stderr


@pytest.mark.pymc
@pytest.mark.filterwarnings("ignore:PyTensor could not link to a BLAS:UserWarning")
@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_pymc_has_the_same_density(pm, name, by_hand):
    model, rng = target_of(MODELS[name], Y).model, np.random.default_rng(6)
    built = pmix.to_pymc(model, Y, by_hand=by_hand)
    log_density = built.compile_logp(jacobian=False)
    differences = []
    for _ in range(5):
        free = {"theta": rng.dirichlet([9, 9]), "mu": np.sort(rng.normal([-3, 3], 1))}
        if not model.is_known(model.parameters[1]):
            sigma = rng.lognormal(0, 0.3, 2)
            free["sigma"] = sigma[0] if model.is_shared(SCALES) else sigma
        if not model.is_known(DF):
            free["df"] = rng.gamma(2, 5, 2) if model.size(DF) == 2 else np.array(rng.gamma(2, 5))
        known = model.known_values()
        sigma = free.get("sigma", known.get("sigma"))
        df = free.get("df", known.get("df"))
        expected = np.log(stats.t.pdf(Y[:, None], df, free["mu"], sigma) @ free["theta"]).sum()
        expected += ((2.0 - 1.0) * np.log(free["theta"])).sum()
        prior = model.means
        expected += stats.norm.logpdf(free["mu"], prior.location, prior.scale).sum()
        if "sigma" in free:
            expected += model.sigma.log_density(free["sigma"]).sum()
        if "df" in free:
            expected += model.df.log_density(np.atleast_1d(free["df"])).sum()
        point = {}
        for variable in built.free_RVs:
            value = free[variable.name]
            transform = built.rvs_to_transforms[variable]
            inputs = variable.owner.inputs
            mapped = value if transform is None else transform.forward(value, *inputs)
            name_there = built.rvs_to_values[variable].name
            point[name_there] = np.asarray(mapped.eval() if hasattr(mapped, "eval") else mapped)
        differences.append(float(log_density(point)) - expected)
    assert np.ptp(differences) < 1e-8
