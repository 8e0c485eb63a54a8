"""Fits of observations between bounds, from sampling to what is made of a fit."""

import numpy as np
import pytest
from scipy import integrate, stats

import pystan_mix as pmix
from pystan_mix.arviz_compat import group
from pystan_mix.cmdstan.locate import CmdStan
from pystan_mix.fits.groups import bounds_of_observations
from pystan_mix.fits.model import target_of_fit

QUIET = {"seed": 1, "show_progress": False}
Y = pmix.simulate(300, theta=[0.4, 0.6], mu=[-2.5, 2.5], sigma=[1.0, 1.4], seed=4)
LIMIT = float(np.median(Y))
BELOW = pmix.Interval(np.where(Y < LIMIT, -np.inf, Y), np.maximum(Y, LIMIT))
MODEL = pmix.NormalMixture(n_components=2, means=pmix.Normal(0, 5), sigma=pmix.HalfNormal(3))


@pytest.fixture(scope="module")
def rounded(cmdstan: CmdStan):
    return pmix.sample(MODEL, 0.5 * np.round(Y / 0.5), rounded_to=0.5, **QUIET)


@pytest.fixture(scope="module")
def censored(cmdstan: CmdStan):
    return pmix.sample(MODEL, BELOW, **QUIET)


def moments(fit, name: str) -> tuple[np.ndarray, np.ndarray]:
    draws = fit.posterior[name]
    return draws.mean(("chain", "draw")).to_numpy(), draws.std(("chain", "draw")).to_numpy()


def test_rounding_takes_little_away(cmdstan: CmdStan, rounded):
    exact = pmix.sample(MODEL, Y, **QUIET)
    for name in ("theta", "mu", "sigma"):
        (mean, sd), (known, known_sd) = moments(rounded, name), moments(exact, name)
        # half a standard deviation of the data off: the means of 300 move by less than a tenth
        assert (np.abs(mean - known) < 0.5 * known_sd).all()
        np.testing.assert_allclose(sd, known_sd, rtol=0.25)
    assert pmix.diagnose(rounded).use == "fine"


def test_what_is_below_a_limit_is_found_again(censored):
    true = {"theta": [0.4, 0.6], "mu": [-2.5, 2.5], "sigma": [1.0, 1.4]}
    mean, sd = moments(censored, "mu")
    # of the lower component the limit hides nearly everything; of the upper little
    assert abs(mean[1] - 2.5) < 4 * sd[1] < 1.5
    mean, sd = moments(censored, "sigma")
    assert abs(mean[1] - 1.4) < 4 * sd[1] < 1.5
    for name, values in true.items():
        mean, sd = moments(censored, name)
        assert (np.abs(mean - values) < 5 * sd).all()


@pytest.mark.parametrize("family", [pmix.NormalMixture, pmix.StudentTMixture])
def test_evidence_of_one_component_is_an_integral(cmdstan: CmdStan, family):
    lower = np.array([-np.inf, 0.0, 1.0, 1.0, 2.0])
    upper = np.array([0.0, 1.0, 1.0, 2.5, np.inf])
    counts = np.array([4, 5, 1, 3, 2])
    more, law = ({}, stats.norm) if family is pmix.NormalMixture else ({"df": 4.0}, stats.t(4.0))
    model = family(
        n_components=1, means=pmix.Normal(0, 2), sigma=pmix.HalfNormal(2), min_sigma=0.0, **more
    )
    fit = pmix.sample(model, pmix.Interval(lower, upper), counts=counts, **QUIET)
    mu, sigma = np.linspace(-4, 5, 901)[:, None, None], np.linspace(1e-3, 9, 901)[None, :, None]
    a, b = (lower - mu) / sigma, (upper - mu) / sigma
    with np.errstate(divide="ignore"):
        terms = np.log(law.cdf(b) - law.cdf(a))
    terms[..., 2] = law.logpdf(a[..., 2]) - np.log(sigma[..., 0])
    log_joint = terms @ counts
    log_joint += stats.norm.logpdf(mu, 0, 2)[..., 0] + stats.halfnorm.logpdf(sigma, 0, 2)[..., 0]
    inner = integrate.simpson(np.exp(log_joint), x=sigma.ravel(), axis=1)
    expected = np.log(integrate.simpson(inner, x=mu.ravel()))
    found = pmix.log_evidence(fit)
    assert found.log_evidence == pytest.approx(expected, abs=max(5 * found.mcse, 1e-3))
    assert found.mcse < 0.05


def test_log_lik_is_that_of_the_interval(rounded, censored):
    for fit in (rounded, censored):
        bounds = bounds_of_observations(fit)
        log_lik = group(fit, "log_likelihood")["y"]
        chosen = log_lik.draw.to_numpy()
        expected = pmix.log_density(fit, bounds)[:, chosen]
        np.testing.assert_allclose(log_lik.to_numpy(), expected, rtol=1e-9)
    # new numbers are neither rounded nor cut off
    y_rep = group(censored, "posterior_predictive")["y"].to_numpy()
    assert y_rep.min() < LIMIT - 1.0
    shares = pmix.responsibilities(censored, BELOW.chosen(np.arange(20)))
    assert shares.shape[2:] == (20, 2)
    np.testing.assert_allclose(shares.sum(axis=-1), 1.0, rtol=1e-12)
    together = pmix.co_clustering(censored, range(30))
    below = np.flatnonzero(Y[:30] < LIMIT)
    # nothing tells two of them from each other
    pairs = together.to_numpy()[np.ix_(below, below)]
    off = pairs[~np.eye(below.size, dtype=bool)]
    np.testing.assert_allclose(off, off[0], rtol=1e-5)


def test_a_loaded_fit_has_its_bounds_and_can_be_fitted_again(censored, tmp_path):
    pmix.save(censored, tmp_path / "fit.nc")
    loaded = pmix.load(tmp_path / "fit.nc")
    bounds = bounds_of_observations(loaded)
    np.testing.assert_array_equal(bounds.lower, BELOW.lower)
    np.testing.assert_array_equal(bounds.upper, BELOW.upper)
    target = target_of_fit(loaded)
    assert target.observed.bounds is not None
    again = pmix.sample(pmix.model_of(loaded), bounds, **QUIET)
    np.testing.assert_array_equal(again.posterior["mu"], censored.posterior["mu"])
    one, other = pmix.log_evidence(loaded), pmix.log_evidence(censored)
    assert one.log_evidence == other.log_evidence


def test_files_of_cmdstan_are_read_back(cmdstan: CmdStan, tmp_path):
    y = pmix.Interval([*BELOW.lower[:40], 7.0], [*BELOW.upper[:40], np.inf])
    for beside in ({}, {"weights": 0.5 + np.arange(41) % 2}):
        folder = tmp_path / str(len(beside))
        few = {"iter_warmup": 200, "iter_sampling": 50, "chains": 2}
        fit = pmix.sample(MODEL, y, **beside, **few, **QUIET, output_dir=folder)
        found = pmix.from_cmdstan_csv(
            [folder / "chain-1.csv", folder / "chain-2.csv"], data=folder / "data.json"
        )
        draws = fit.chains if "chains" in fit.groups() else fit.posterior
        np.testing.assert_allclose(found.posterior["mu"], draws["mu"], rtol=1e-9)
        assert bounds_of_observations(found).wide.sum() == 1 + (len(set(BELOW.lower[:40])) < 40)


def test_advi_approximates_what_nuts_draws(cmdstan: CmdStan, rounded):
    y = 0.5 * np.round(Y / 0.5)
    fit = pmix.advi(MODEL, y, rounded_to=0.5, **QUIET)
    for name in ("theta", "mu", "sigma"):
        (mean, _), (known, sd) = moments(fit, name), moments(rounded, name)
        assert (np.abs(mean - known) < 0.3 * sd).all()


def test_numbers_of_components_are_weighed_by_intervals(cmdstan: CmdStan):
    y = 0.5 * np.round(Y / 0.5)
    choice = pmix.choose_components(MODEL, y, (1, 2), rounded_to=0.5, **QUIET)
    assert choice.table["probability"][2] > 0.99
    by_hand = pmix.Interval(y - 0.25, y + 0.25)
    fit = choice.fits[1]
    np.testing.assert_array_equal(bounds_of_observations(fit).upper, by_hand.upper)


def test_comparison_tells_bounds_from_values(cmdstan: CmdStan, rounded, censored):
    y = 0.5 * np.round(Y / 0.5)
    few = {"iter_warmup": 300, "iter_sampling": 300}
    exact = pmix.sample(MODEL, y, **few, **QUIET)
    wider = pmix.sample(MODEL, y, rounded_to=0.6, **few, **QUIET)
    again = pmix.sample(MODEL, y, rounded_to=0.5, **few, seed=2, show_progress=False)
    words = str(pmix.compare({"one": rounded, "other": exact}))
    assert "other was fitted to exact observations, and one to bounds" in words
    for other in (wider, censored):
        words = str(pmix.compare({"one": rounded, "other": other}))
        assert "fitted to other observations" in words
    words = str(pmix.compare({"one": rounded, "again": again}))
    assert "fitted to" not in words
