"""What draws predict, beside the generated quantities of the Stan program itself."""

import numpy as np
import pytest
from by_scipy import cdf, log_density
from scipy import stats

from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.run import Call, run_cmdstan, workspace
from pystan_mix.errors import SettingsError
from pystan_mix.fits.draws import Draws, evenly_spaced
from pystan_mix.inference import predictive
from pystan_mix.inference.from_csv import csv_draws
from pystan_mix.inference.predictive import predictive_draws_for, predictive_of, replicated
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.families.student_t import StudentTMixture
from pystan_mix.mixtures.priors import Normal
from pystan_mix.mixtures.scale_priors import HalfNormal
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.target import prior_target, target_of

pytestmark = pytest.mark.arviz

Y = [3.0, -1.0, 3.0, 0.5, -1.0, 3.0]
ESTIMATED = NormalMixture(n_components=2, means=Normal(0, 10), sigma=HalfNormal(5), min_weight=0.1)
KNOWN = NormalMixture(n_components=2, means=Normal(0, 10), sigma=(1.0, 2.0))
HEAVY = StudentTMixture(n_components=2, means=Normal(0, 10), sigma=HalfNormal(5))
HEAVY_EACH = StudentTMixture(n_components=2, means=Normal(0, 10), sigma=1.5, df=(3.0, 7.0))


@pytest.mark.parametrize(
    ("wanted", "n", "draws", "expected"),
    [
        (None, 100, 40_000, 1000),
        (None, 100, 400, 400),
        (None, 0, 4000, 1000),
        (None, 10_000, 40_000, 1000),
        (None, 20_000, 40_000, 500),
        (None, 100_000, 40_000, 100),
        # 99 draws would be too few to be of use
        (None, 101_000, 40_000, 0),
        (None, 20_000, 300, 300),
        (0, 100, 4000, 0),
        (7, 100, 4000, 7),
        (5000, 100, 4000, 4000),
        # who asks for them gets them
        (500, 1_000_000, 4000, 500),
    ],
)
def test_predictive_draws(wanted, n, draws, expected):
    assert predictive_draws_for(wanted, n=n, draws=draws) == expected


@pytest.mark.parametrize("wanted", [-1, 2.5, True, "all"])
def test_predictive_draws_that_are_no_number_of_draws(wanted):
    with pytest.raises(SettingsError, match="predictive_draws must be a whole number, 0 or more"):
        predictive_draws_for(wanted, n=10, draws=100)


def draws_of(*, chains=2, draws=40, sigma=True, seed=1) -> Draws:
    """Draws of two components that differ much from one to the next."""
    rng = np.random.default_rng(seed)
    shape = (chains, draws, 2)
    variables = {
        "theta": rng.dirichlet([2.0, 2.0], size=shape[:2]),
        "mu": np.sort(rng.normal(0.0, 3.0, size=shape)),
        "sigma": np.exp(rng.normal(size=shape)),
    }
    return Draws(variables if sigma else {n: x for n, x in variables.items() if n != "sigma"})


@pytest.mark.parametrize(("total", "each"), [(10, 5), (11, 6), (1000, 40)])
@pytest.mark.parametrize("model", [ESTIMATED, KNOWN])
def test_it_is_that_of_the_draws_that_it_says(model, total, each):
    target, draws = target_of(model, Y), draws_of(sigma=model is ESTIMATED)
    found = predictive_of(target, draws, n_rep=3, total=total, seed=2)
    np.testing.assert_array_equal(found.picks, evenly_spaced(40, each))
    assert found.y_rep.shape == (2, each, 3)
    theta, mu = (draws.variables[name][:, found.picks] for name in ("theta", "mu"))
    sigma = draws.variables["sigma"][:, found.picks] if model is ESTIMATED else [1.0, 2.0]
    expected = log_density(Y, theta, mu, sigma)
    np.testing.assert_allclose(found.log_lik, expected, rtol=0, atol=1e-10)


def test_nothing_is_made_of_no_draws():
    assert predictive_of(target_of(KNOWN, Y), draws_of(), n_rep=3, total=0, seed=1) is None


def test_without_observations_there_are_replications_only():
    found = predictive_of(prior_target(KNOWN), draws_of(sigma=False), n_rep=3, total=8, seed=1)
    assert (found.y_rep.shape, found.log_lik.shape) == ((2, 4, 3), (2, 4, 0))


def test_the_seed_decides():
    given = {"target": target_of(ESTIMATED, Y), "draws": draws_of(), "n_rep": 50, "total": 80}
    first, again, other = (predictive_of(**given, seed=seed).y_rep for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()


def test_the_number_of_threads_decides_nothing(monkeypatch):
    # a draw at a time
    monkeypatch.setattr(predictive, "_BLOCK", 1)
    given = {"target": target_of(ESTIMATED, Y), "draws": draws_of(), "n_rep": 50, "total": 80}
    one, four = (predictive_of(**given, seed=1, parallel=threads) for threads in (1, 4))
    np.testing.assert_array_equal(one.y_rep, four.y_rep)
    np.testing.assert_array_equal(one.log_lik, four.log_lik)


def test_equal_draws_have_noise_of_their_own():
    """Also in different chains, and beside the noise that others make of the same seed."""
    one = draws_of(chains=1, draws=1)
    same = Draws({name: np.tile(x, (2, 30, 1)) for name, x in one.variables.items()})
    y_rep = predictive_of(target_of(ESTIMATED, Y), same, n_rep=200, total=60, seed=3).y_rep
    assert np.unique(y_rep).size == y_rep.size
    rows = y_rep.reshape(60, 200)
    correlation = np.corrcoef(rows)[np.triu_indices(60, 1)]
    # of 1770 correlations of 200 pairs the largest is some 3.6 errors
    assert np.abs(correlation).max() < 5 / np.sqrt(200)
    own = np.random.default_rng(3).normal(size=200)
    assert np.abs(np.corrcoef(own, rows)[0, 1:]).max() < 5 / np.sqrt(200)


@pytest.mark.parametrize("model", [ESTIMATED, KNOWN])
def test_replications_follow_the_mixture_of_their_draw(monkeypatch, model):
    # a few rows at a time
    monkeypatch.setattr(predictive, "_BLOCK", 3 * 2 * 500)
    draws = draws_of(sigma=model is ESTIMATED)
    found = predictive_of(target_of(model, Y), draws, n_rep=500, total=80, seed=4)
    sigma = draws.variables.get("sigma", np.array([1.0, 2.0]))
    uniform = cdf(found.y_rep, draws.variables["theta"], draws.variables["mu"], sigma)
    assert stats.kstest(uniform.ravel(), "uniform").pvalue > 1e-4
    # each draw by itself too: one that had its neighbour's parameters would show
    pvalues = [stats.kstest(row, "uniform").pvalue for row in uniform.reshape(80, 500)]
    assert min(pvalues) > 1e-4 / 80


def test_the_log_density_does_not_depend_on_how_much_is_done_at_once(monkeypatch):
    given = {"target": target_of(ESTIMATED, Y), "draws": draws_of(), "n_rep": 6, "total": 80}
    whole = predictive_of(**given, seed=1).log_lik
    monkeypatch.setattr(predictive, "_BLOCK", 1)
    np.testing.assert_array_equal(predictive_of(**given, seed=1).log_lik, whole)


def test_a_component_without_weight_makes_nothing():
    variables = {
        "theta": np.array([[[1.0, 0.0], [0.0, 1.0]]]),
        "mu": np.array([[[-50.0, 50.0]] * 2]),
    }
    found = predictive_of(target_of(KNOWN, Y), Draws(variables), n_rep=1000, total=2, seed=1)
    assert (found.y_rep[0, 0] < 0).all()
    assert (found.y_rep[0, 1] > 0).all()
    expected = [stats.norm.logpdf(Y, -50, 1), stats.norm.logpdf(Y, 50, 2)]
    np.testing.assert_allclose(found.log_lik[0], expected, rtol=1e-12)


def test_components_of_another_family_that_share_a_parameter():
    theta = np.array([[0.3, 0.7], [0.8, 0.2]])
    mu, sigma, df = np.array([[-9.0, 9.0]] * 2), np.array([[1.0, 2.0]] * 2), np.array([[3.0], [30]])
    rng = np.random.default_rng(1)
    y = replicated(StudentTMixture, theta, {"mu": mu, "sigma": sigma, "df": df}, n=20_000, rng=rng)
    assert y.shape == (2, 20_000)
    terms = stats.t.cdf(y[..., None], df[:, None], mu[:, None], sigma[:, None])
    for row in (theta[:, None] * terms).sum(axis=-1):
        assert stats.kstest(row, "uniform").pvalue > 1e-4


def test_one_component_makes_observations_that_differ():
    theta, mu, sigma = np.ones((2, 1)), np.array([[-5.0], [5.0]]), np.array([[1.0], [2.0]])
    rng = np.random.default_rng(1)
    y = replicated(NormalMixture, theta, {"mu": mu, "sigma": sigma}, n=1000, rng=rng)
    assert y.shape == (2, 1000)
    for row in stats.norm.cdf(y, mu, sigma):
        assert stats.kstest(row, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("model", [ESTIMATED, KNOWN, HEAVY, HEAVY_EACH])
def test_it_is_what_the_stan_program_generates(cmdstan, model):
    """The same draws, with Stan's own ``log_lik`` and ``y_rep`` beside them in the file."""
    y = np.repeat([-3.25, -2.5, 0.5, 2.0, 3.5], [2, 1, 4, 1, 3])[::-1]
    target = target_of(model, y)
    (executable,) = compiled(stan_program(model.program), show_progress=False)
    with workspace(executable, keep_in=None) as space:
        call = Call(
            method=("sample", "num_samples=200", "num_warmup=300"),
            data=space.write_data("data", stan_data(target, n_rep=100, save_log_lik=True)),
            seed=1,
        )
        csvs = run_cmdstan(space, "chain", [call, call], parallel=2).csvs
    draws = csv_draws(target, csvs)
    found = predictive_of(target, draws, n_rep=100, total=400, seed=2)
    by_stan = np.stack([csv.variable("log_lik") for csv in csvs])
    assert by_stan.shape == (2, 200, 5)
    by_stan = by_stan[..., np.searchsorted(np.unique(y), y)]
    np.testing.assert_allclose(found.log_lik, by_stan, rtol=1e-10)
    theta, mu = (draws.variables[name][:, :, None] for name in ("theta", "mu"))
    sigma, df = (
        draws.variables[name][:, :, None] if name in draws.variables else target.known.get(name)
        for name in ("sigma", "df")
    )
    law = stats.norm if df is None else stats.t(df)
    for y_rep in (found.y_rep, np.stack([csv.variable("y_rep") for csv in csvs])):
        uniform = (theta * law.cdf((y_rep[..., None] - mu) / sigma)).sum(axis=-1)
        assert uniform.shape == (2, 200, 100)
        assert stats.kstest(uniform.ravel(), "uniform").pvalue > 1e-4
