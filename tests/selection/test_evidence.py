"""The log evidence of real fits, against exact integrals and averages over the prior."""

import dataclasses
import math

import numpy as np
import pytest
import xarray as xr
from known_posteriors import fit_with_model, heavy_family
from numpy.polynomial.legendre import leggauss
from scipy import stats
from scipy.special import logsumexp

import pystan_mix as pmix
from pystan_mix.arviz_compat import attributes, group, group_names, to_arviz
from pystan_mix.errors import DataError, SettingsError
from pystan_mix.fits.attributes import WeighingFindings, read_attributes
from pystan_mix.fits.summary import summarize
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.target import target_of
from pystan_mix.numerics import log_sum_exp
from pystan_mix.selection import bridge_draws
from pystan_mix.study.data_sets import CLOSE_MODEL, SEPARATED_MODEL

Y = np.array([-1.3, -0.4, 0.1, 0.9, 3.2, 4.1, 4.4])
SAME = pmix.Normal(1, 3)
APART = pmix.Normal([0, 10], 5)
# a difference of more of its standard errors is no chance: one in 150 000
LARGEST = 4.5
# a constant that is forgotten, such as K!, would show. One of the few observations may catch a
# component, whose sigma is then near zero for long: of 24 seeds the error was once 0.09, and
# otherwise at most 0.014
VISIBLE = math.log(2.0)


def fit_of(model: NormalMixture, y: np.ndarray, *, seed: int = 1, draws: int = 2500):
    return pmix.sample(
        model,
        y,
        iter_sampling=draws,
        adapt_delta=0.98,
        seed=seed,
        predictive_draws=0,
        show_progress=False,
    )


def as_not_weighed(fit, **changed: xr.Dataset):
    """The fit without what weighing says of it, and with groups changed."""
    weighing = {field.name for field in dataclasses.fields(WeighingFindings)}
    kept = {name: value for name, value in attributes(fit).items() if name not in weighing}
    return to_arviz({name: group(fit, name) for name in group_names(fit)} | changed, attrs=kept)


def two(**priors) -> NormalMixture:
    return NormalMixture(n_components=2, weights=pmix.Dirichlet([2.0, 3.0]), **priors)


def log_lik(y: np.ndarray, theta, mu, sigma) -> np.ndarray:
    """Log likelihood of parameters of shape (..., K)."""
    z = (y[:, None] - mu[..., None, :]) / sigma[..., None, :]
    terms = np.log(theta[..., None, :] / sigma[..., None, :]) - 0.5 * z**2
    return log_sum_exp(terms).sum(axis=-1) - 0.5 * y.size * math.log(2.0 * math.pi)


# exact


def test_one_component_with_known_sigma_is_a_normal_integral(cmdstan):
    model = NormalMixture(n_components=1, means=pmix.Normal(2, 5), sigma=1.5)
    expected = stats.multivariate_normal(np.full(7, 2.0), 1.5**2 * np.eye(7) + 25.0).logpdf(Y)
    found = pmix.log_evidence(fit_of(model, Y))
    assert abs(found.log_evidence - expected) < LARGEST * found.mcse < 0.05
    assert found.log_evidence == found.log_bound


@pytest.mark.parametrize(
    ("prior", "law", "floor"),
    [
        (pmix.HalfCauchy(2), stats.halfcauchy(0, 2), 0.0),
        (pmix.HalfNormal(3), stats.halfnorm(0, 3), 0.0),
        # of the posterior without a floor three quarters are below this one, and all below the next
        (pmix.HalfCauchy(2), stats.halfcauchy(0, 2), 2.5),
        (pmix.HalfNormal(3), stats.halfnorm(0, 3), 10.0),
    ],
)
def test_one_component_with_unknown_sigma_is_a_quadrature(cmdstan, prior, law, floor):
    model = NormalMixture(n_components=1, means=pmix.Normal(2, 5), sigma=prior, min_sigma=floor)
    # on the scale of log sigma, at the middles of cells; the mean is integrated exactly
    ends = np.linspace(math.log(floor) if floor else -6.0, 12.0, 4001)
    u = 0.5 * (ends[1:] + ends[:-1])
    logs = [
        stats.multivariate_normal(np.full(7, 2.0), s**2 * np.eye(7) + 25.0).logpdf(Y)
        for s in np.exp(u)
    ]
    expected = logsumexp(np.array(logs) + law.logpdf(np.exp(u)) + u) + math.log(u[1] - u[0])
    # the prior is that of what is above the floor
    expected -= law.logsf(floor)
    found = pmix.log_evidence(fit_of(model, Y))
    assert abs(found.log_evidence - expected) < LARGEST * found.mcse < 0.05
    assert found.log_scales == pytest.approx(law.logsf(floor), abs=1e-12)


def panels(low: float, high: float, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss-Legendre quadrature on equal panels."""
    nodes, weights = leggauss(12)
    half = 0.5 * (high - low) / count
    middles = low + half * (2 * np.arange(count) + 1)
    return (middles[:, None] + half * nodes).ravel(), np.tile(half * weights, count)


def on_grid(model: NormalMixture, y: np.ndarray) -> tuple[float, float]:
    """Log evidence of two components with known sigma, and the log integral of Stan's density.

    Quadrature in the first weight, the first mean and the gap between the means.
    """
    stan = stan_data(target_of(model, y))
    loc, scale, sigma = (np.array(stan[name]) for name in ("mu_loc", "mu_scale", "sigma_known"))
    low, high = float((loc - 9 * scale).min()), float((loc + 9 * scale).max())
    m, by_m = panels(low, high, 20)
    gap, by_gap = panels(0.0, high - low, 20)
    floor = stan["min_weight"]
    t, by_t = panels(floor, 1.0 - floor, 2)
    law = stats.beta(*stan["alpha"])

    second = m[:, None] + gap
    prior = stats.norm.pdf(m, loc[0], scale[0])[:, None] * stats.norm.pdf(second, loc[1], scale[1])
    prior *= by_m[:, None] * by_gap
    one = stats.norm.pdf(y[:, None, None], m[:, None], sigma[0])
    other = stats.norm.pdf(y[:, None, None], second, sigma[1])
    likelihood = sum(
        share * (weight * one + (1.0 - weight) * other).prod(axis=0)
        for weight, share in zip(t, law.pdf(t) * by_t, strict=True)
    )
    integral = math.log((likelihood * prior).sum())
    ordered, floored = prior.sum(), law.cdf(1.0 - floor) - law.cdf(floor)
    return integral - math.log(ordered * floored), integral - math.log(1.0 - 2.0 * floor)


GRID = {
    "same": two(means=SAME, sigma=[0.8, 1.2]),
    "same-floor": two(means=SAME, sigma=1.0, min_weight=0.2),
    "apart": two(means=APART, sigma=1.0),
    "apart-floor": two(means=APART, sigma=[0.8, 1.2], min_weight=0.3),
}


@pytest.mark.parametrize("case", GRID)
def test_two_components_with_known_sigma_are_a_quadrature(cmdstan, case):
    expected, bound = on_grid(GRID[case], Y)
    found = pmix.log_evidence(fit_of(GRID[case], Y))
    assert found.mcse < 0.01
    assert abs(found.log_evidence - expected) < LARGEST * found.mcse
    assert abs(found.log_bound - bound) < LARGEST * found.mcse


@pytest.mark.parametrize(
    ("name", "given"),
    [("sigma", {"shared_sigma": True}), ("sigma[2]", {"known_sigma": [0.9, None]})],
)
def test_known_means_leave_weights_and_sigma_to_a_quadrature(cmdstan, name, given):
    """The posterior too, in its means and standard deviations."""
    model = two(means=[0, 4], sigma=pmix.HalfNormal(2), min_sigma=0.0, **given)
    t, by_t = panels(0.0, 1.0, 8)
    u, by_u = panels(-6.0, 3.0, 12)
    s = np.exp(u)[:, None]
    sigma = np.stack([s if name == "sigma" else np.full_like(s, 0.9), s], axis=-1)
    theta, mu = np.stack([t, 1.0 - t], axis=-1), np.array([0.0, 4.0])
    with np.errstate(divide="ignore"):
        logs = log_lik(Y, theta, mu, sigma)
    logs = logs + stats.beta(2.0, 3.0).logpdf(t) + stats.halfnorm(0, 2).logpdf(s) + u[:, None]
    logs += np.log(by_t) + np.log(by_u)[:, None]
    fit = fit_of(model, Y)
    found = pmix.log_evidence(fit)
    assert found.mcse < 0.02
    assert abs(found.log_evidence - logsumexp(logs)) < LARGEST * found.mcse
    weights, table = np.exp(logs - logsumexp(logs)), summarize(fit)
    for each, values in (("theta[1]", t), (name, s)):
        mean = (weights * values).sum()
        sd = np.sqrt((weights * (values - mean) ** 2).sum())
        assert abs(table.loc[each, "mean"] - mean) < LARGEST * table.loc[each, "mcse_mean"], each
        assert table.loc[each, "sd"] == pytest.approx(sd, rel=0.1), each


def test_two_components_with_one_sigma_are_a_quadrature(cmdstan):
    prior, law = pmix.HalfNormal(2), stats.halfnorm(0, 2)
    u, by_u = panels(-1.5, 2.2, 1)
    logs = [on_grid(two(means=SAME, sigma=float(np.exp(s))), Y)[0] for s in u]
    expected = logsumexp(logs + law.logpdf(np.exp(u)) + u + np.log(by_u))
    model = two(means=SAME, sigma=prior, shared_sigma=True, min_sigma=0.0)
    found = pmix.log_evidence(fit_of(model, Y))
    assert found.mcse < 0.02
    assert abs(found.log_evidence - expected) < LARGEST * found.mcse


# averages over the prior


def prior_average(
    model: NormalMixture, y: np.ndarray, *, ordered: bool, blocks: int = 3
) -> tuple[float, float]:
    """Log of the mean likelihood of draws from the prior, and its Monte Carlo error.

    Draws that the floor or the order forbids are thrown away, which normalises the prior.
    """
    stan = stan_data(target_of(model, y))
    rng = np.random.default_rng(11)
    kept = []
    for _ in range(blocks):
        shape = (200_000, 2)
        theta = rng.dirichlet(stan["alpha"], size=shape[0])
        mu = rng.normal(stan["mu_loc"], stan["mu_scale"], size=shape)
        if stan["sigma_known"]:
            sigma = np.broadcast_to(stan["sigma_known"], shape)
        elif np.isinf(stan["sigma_df"]):
            sigma = np.abs(rng.normal(0.0, stan["sigma_scale"], size=shape))
        else:
            sigma = np.abs(rng.standard_t(stan["sigma_df"], size=shape)) * stan["sigma_scale"]
        allowed = (theta >= stan["min_weight"]).all(axis=1)
        allowed &= (sigma >= stan["min_sigma"]).all(axis=1)
        if ordered:
            allowed &= mu[:, 0] < mu[:, 1]
        kept.append(log_lik(y, theta[allowed], mu[allowed], sigma[allowed]))
    logs = np.concatenate(kept)
    likelihood = np.exp(logs - logs.max())
    error = likelihood.std() / likelihood.mean() / math.sqrt(logs.size)
    return math.log(likelihood.mean()) + logs.max(), float(error)


AVERAGED = {
    f"{name}-{scale}-{floor}": two(means=means, sigma=sigma, min_weight=floor)
    for name, means in (("same", SAME), ("apart", APART))
    for scale, sigma in (
        ("known", 1.0),
        ("half-normal", pmix.HalfNormal(2)),
        ("half-cauchy", pmix.HalfCauchy([1, 2])),
    )
    for floor in (0.0, 0.2)
} | {"same-half-normal-min_sigma": two(means=SAME, sigma=pmix.HalfNormal([1, 2]), min_sigma=0.8)}


@pytest.mark.parametrize("case", AVERAGED)
def test_it_is_the_average_of_the_likelihood_over_the_prior(cmdstan, case):
    expected, error = prior_average(AVERAGED[case], Y, ordered=True)
    found = pmix.log_evidence(fit_of(AVERAGED[case], Y))
    assert abs(found.log_evidence - expected) < LARGEST * math.hypot(error, found.mcse)
    assert LARGEST * math.hypot(error, found.mcse) < VISIBLE


@pytest.mark.parametrize("floor", [0.0, 0.2])
def test_where_components_are_alike_their_order_is_no_matter(cmdstan, floor):
    """The mixture whose components have no order has the same evidence: K! is in the figure."""
    model = NormalMixture(n_components=2, means=SAME, sigma=pmix.HalfNormal(2), min_weight=floor)
    expected, error = prior_average(model, Y, ordered=False)
    found = pmix.log_evidence(fit_of(model, Y))
    assert abs(found.log_evidence - expected) < LARGEST * math.hypot(error, found.mcse)
    assert found.log_ordering == pytest.approx(-math.log(2.0), abs=1e-15)
    assert LARGEST * math.hypot(error, found.mcse) < VISIBLE


# other families


def test_another_family_has_the_average_of_its_likelihood_over_the_prior(monkeypatch):
    """Draws of the prior, picked by their likelihood, are draws of the posterior."""
    y = np.array([-1.0, 0.5, 2.0, 6.0])
    heavy = heavy_family(monkeypatch)
    model = heavy(
        n_components=2,
        weights=pmix.Dirichlet([2.0, 3.0]),
        means=pmix.Normal([0, 2], 2),
        sigma=[0.8, 1.2],
        df=pmix.HalfNormal(5),
        min_weight=0.2,
    )
    rng = np.random.default_rng(12)
    theta = rng.dirichlet([2.0, 3.0], size=1_000_000)
    mu = rng.normal([0.0, 2.0], 2.0, size=theta.shape)
    allowed = (theta >= 0.2).all(axis=1) & (mu[:, 0] < mu[:, 1])
    theta, mu = theta[allowed], mu[allowed]
    df = np.abs(rng.normal(0.0, 5.0, size=(len(mu), 1)))
    parts = [theta * stats.t.pdf(point, df, mu, [0.8, 1.2]) for point in y]
    likelihood = np.prod([part.sum(axis=1) for part in parts], axis=0)
    expected = math.log(likelihood.mean())
    error = likelihood.std() / likelihood.mean() / math.sqrt(likelihood.size)
    picks = rng.choice(likelihood.size, size=(4, 2500), p=likelihood / likelihood.sum())
    draws = {"theta": theta[picks], "mu": mu[picks], "df": df[picks]}
    found = pmix.log_evidence(fit_with_model(model, draws, y=y))
    assert abs(found.log_evidence - expected) < LARGEST * math.hypot(error, found.mcse)
    assert LARGEST * math.hypot(error, found.mcse) < 0.1
    assert found.log_ordering == pytest.approx(stats.norm.logcdf(2 / math.hypot(2, 2)), abs=1e-12)


# the error


def test_the_stated_error_is_the_error(cmdstan):
    runs = 24
    expected, _ = on_grid(GRID["same"], Y)
    found = [
        pmix.log_evidence(fit_of(GRID["same"], Y, seed=seed, draws=500), seed=seed)
        for seed in range(runs)
    ]
    standardised = np.array([(one.log_evidence - expected) / one.mcse for one in found])
    # squares of standard normals, a little widened since the stated error has an error
    low, high = stats.chi2.ppf([0.001, 0.999], runs)
    assert low < (standardised**2).sum() < 1.2 * high


def test_the_constants_add_up(cmdstan):
    found = pmix.log_evidence(fit_of(GRID["apart-floor"], Y))
    constants = found.log_free_weight - found.log_ordering - found.log_floor - found.log_scales
    assert found.log_evidence == found.log_bound + constants
    assert found.log_scales == 0.0
    assert found.log_free_weight == pytest.approx(math.log(0.4), abs=1e-12)
    ordering = stats.norm.logcdf(10 / math.hypot(5, 5))
    assert found.log_ordering == pytest.approx(ordering, abs=1e-12)
    law = stats.beta(2, 3)
    assert found.log_floor == pytest.approx(math.log(law.cdf(0.7) - law.cdf(0.3)), abs=1e-12)
    assert found.draws == 10_000
    assert str(found).startswith(f"Log evidence {found.log_evidence:.3f}, Monte Carlo error")
    assert f"Without them {found.log_bound:.3f}, of which an ELBO is a lower bound" in str(found)


def test_an_elbo_is_below_the_bound(cmdstan):
    y = pmix.simulate(100, theta=[0.4, 0.6], mu=[-2, 3], sigma=1.0, seed=2)
    for model in (
        two(means=pmix.Normal(0, 10), sigma=1.0, min_weight=0.2),
        two(means=pmix.Normal(0, 10), sigma=pmix.HalfNormal(3)),
    ):
        found = pmix.log_evidence(fit_of(model, y))
        top = attributes(pmix.advi(model, y, seed=1, predictive_draws=0, show_progress=False))
        error = math.hypot(found.mcse, top["elbo_mcse"])
        assert found.log_bound > top["elbo"] - LARGEST * error
        # and near it, since these posteriors are nearly normal
        assert found.log_bound < top["elbo"] + 1.0


def test_the_number_of_components_is_found(cmdstan):
    y = pmix.simulate(100, theta=[0.3, 0.4, 0.3], mu=[-6, 0, 6], sigma=1.0, seed=3)
    found = {}
    for K in (2, 3, 4):
        model = NormalMixture(n_components=K, means=pmix.Normal(0, 8), sigma=pmix.HalfNormal(3))
        found[K] = pmix.log_evidence(fit_of(model, y, draws=1500))
    assert all(one.mcse < 0.2 for one in found.values())
    assert max(found, key=lambda K: found[K].log_evidence) == 3


def test_chains_that_are_stuck_in_two_modes_have_the_evidence_of_both(cmdstan):
    """Two components for three groups: the one in the middle goes to the left or to the right.

    The data are their own mirror image, so a chain in the one mode is one in the other when it is
    mirrored, and both hold half of the evidence, in whatever proportion the chains found them.
    """
    half = pmix.simulate(50, theta=[0.3, 0.4, 0.3], mu=[-6, 0, 6], sigma=1.0, seed=3)
    y = np.concatenate([half, -half])
    model = NormalMixture(n_components=2, means=pmix.Normal(0, 8), sigma=pmix.HalfNormal(3))
    fit = fit_of(model, y, draws=1000)
    # the posterior is weighed; the chains are stuck
    posterior = group(fit, "chains").transpose("chain", "draw", "component")
    theta, mu, sigma = (posterior[name].values.copy() for name in ("theta", "mu", "sigma"))

    def mirror(chains: np.ndarray) -> None:
        for values, sign in ((theta, 1.0), (mu, -1.0), (sigma, 1.0)):
            values[chains] = sign * values[chains][..., ::-1]

    mirror(theta[..., 0].mean(axis=1) < 0.5)
    assert (theta[..., 0] > 0.5).mean() > 0.99
    found = []
    for chains in (np.zeros(4, bool), np.arange(4) == 3):
        mirror(chains)
        dims = ("chain", "draw", "component")
        changed = {"theta": (dims, theta), "mu": (dims, mu), "sigma": (dims, sigma)}
        found.append(pmix.log_evidence(as_not_weighed(fit, posterior=posterior.assign(changed))))
    one, both = found
    assert both.ess < 20 < 500 < one.ess
    error = math.hypot(one.mcse, both.mcse)
    assert error < 0.1
    assert abs(both.log_evidence - one.log_evidence - math.log(2.0)) < LARGEST * error


def test_more_components_than_the_draws_can_tell_have_no_error_that_could_lie(cmdstan):
    y = pmix.simulate(60, theta=[0.3, 0.4, 0.3], mu=[-6, 0, 6], sigma=1.0, seed=3)
    model = NormalMixture(n_components=6, means=pmix.Normal(0, 8), sigma=pmix.HalfNormal(3))
    fit = fit_of(model, y, draws=180)
    found = pmix.log_evidence(as_not_weighed(fit))
    assert found.mcse == math.inf
    assert "its error not known" in str(found)
    assert f"Do not use it: the halves of the draws say {found.halves[0]:.2f} and" in str(found)
    # the posterior that is weighed as a whole has one
    weighing = read_attributes(WeighingFindings, fit)
    assert weighing.trusted
    found = pmix.log_evidence(fit)
    error = math.hypot(found.mcse, weighing.log_bound_mcse)
    assert abs(found.log_bound - weighing.log_bound) < LARGEST * error
    # annealed on where the weighing's own error is large
    assert found.mcse < 0.1


@pytest.mark.parametrize(
    ("model", "name"), [(CLOSE_MODEL, "3gv2.dat"), (SEPARATED_MODEL, "3g.dat")]
)
def test_the_courses_data(cmdstan, course_data, model, name):
    y = np.loadtxt(course_data / "am207" / name)
    runs = [pmix.log_evidence(fit_of(model, y, seed=seed), seed=seed) for seed in (1, 2)]
    error = math.hypot(runs[0].mcse, runs[1].mcse)
    assert error < 0.05
    assert abs(runs[0].log_evidence - runs[1].log_evidence) < LARGEST * error


# what is given


@pytest.fixture(scope="module")
def small(cmdstan):
    return fit_of(GRID["apart-floor"], Y, draws=500)


def without(fit, *, groups: tuple[str, ...] = (), **changed: xr.Dataset):
    """The data without some groups, and with others changed."""
    kept = {name: group(fit, name) for name in group_names(fit) if name not in groups}
    return to_arviz(kept | changed, attrs=attributes(fit))


def test_the_seed_decides(small):
    assert pmix.log_evidence(small) == pmix.log_evidence(small, seed=1)
    other = pmix.log_evidence(small, seed=2)
    assert other != pmix.log_evidence(small)
    assert abs(other.log_evidence - pmix.log_evidence(small).log_evidence) < LARGEST * other.mcse
    with pytest.raises(SettingsError, match="seed must be"):
        pmix.log_evidence(small, seed=-1)


def test_a_fit_that_was_saved_has_the_same_evidence(small, tmp_path):
    again = pmix.load(pmix.save(small, tmp_path / "fit.nc"))
    assert pmix.log_evidence(again) == pmix.log_evidence(small)


def test_a_fit_of_version_0_1_0_has_the_same_evidence(small):
    before = without(small)
    del before.attrs["model"]
    assert pmix.log_evidence(before) == pmix.log_evidence(small)


def test_a_parameter_that_is_neither_drawn_nor_known_is_named(small):
    model = NormalMixture(n_components=2, means=APART, sigma=pmix.HalfNormal(2))
    posterior = group(small, "posterior").transpose("chain", "draw", "component")
    draws = {name: posterior[name].values for name in ("theta", "mu")}
    fit = fit_with_model(model, draws | {"sigma": np.ones_like(draws["mu"])}, y=Y)
    lacking = without(fit, posterior=group(fit, "posterior")[["theta", "mu"]])
    with pytest.raises(DataError, match="Neither the posterior nor constant_data has sigma"):
        pmix.log_evidence(lacking)


def test_draws_are_thinned_where_they_cost_too_much(monkeypatch, small):
    monkeypatch.setattr(bridge_draws, "_FEWEST_AFTER_THINNING", 600)
    monkeypatch.setattr(bridge_draws, "_MOST_TERMS", 2 * 1000 * Y.size * 2)
    thinned = pmix.log_evidence(small)
    assert thinned.draws == 1000
    assert abs(thinned.log_evidence - on_grid(GRID["apart-floor"], Y)[0]) < LARGEST * thinned.mcse


def test_an_approximation_is_refused(cmdstan):
    approx = pmix.advi(GRID["same"], Y, seed=1, predictive_draws=0, show_progress=False)
    with pytest.raises(DataError, match=r"approximation by ADVI.*Give what sample\(\) returned"):
        pmix.log_evidence(approx)


def test_the_prior_alone_is_refused(cmdstan):
    prior = pmix.sample_prior(GRID["same"], draws=400, seed=1, show_progress=False)
    with pytest.raises(DataError, match="draws from the prior, which has no evidence"):
        pmix.log_evidence(prior)


def test_a_fit_without_observations_is_refused(small):
    with pytest.raises(DataError, match="without observations there is no evidence"):
        pmix.log_evidence(without(small, groups=("observed_data",)))


def test_too_few_draws_are_refused(small):
    posterior = group(small, "posterior")
    few = without(small, posterior=posterior.isel(draw=slice(0, 99)))
    with pytest.raises(DataError, match=r"396 draws of 3 parameters; .* 400\. Raise iter_sampling"):
        pmix.log_evidence(few)
    many_chains = np.arange(40)
    short = without(small, posterior=posterior.isel(chain=many_chains % 4, draw=slice(0, 15)))
    with pytest.raises(DataError, match="Each chain has 15 draws; the evidence needs 20"):
        pmix.log_evidence(short)


def test_chains_that_hardly_move_have_no_error(small):
    posterior = group(small, "posterior")
    stuck = posterior.isel(draw=np.zeros(500, dtype=int)).assign_coords(draw=posterior["draw"])
    rng = np.random.default_rng(1)
    noise = {name: rng.normal(scale=1e-3, size=stuck["mu"].shape) for name in ("theta", "mu")}
    noise["theta"][..., 1] = -noise["theta"][..., 0]
    moved = stuck.assign({name: stuck[name] + noise[name] for name in noise})
    assert pmix.log_evidence(without(small, posterior=moved)).mcse == math.inf


def test_a_parameter_that_stands_still_is_refused(small):
    posterior = group(small, "posterior")
    still = posterior.assign(theta=posterior["theta"] * 0.0 + 0.5)
    with pytest.raises(DataError, match="A parameter stands still in all draws"):
        pmix.log_evidence(without(small, posterior=still))


def test_equal_means_are_refused_where_they_are_many(small):
    posterior = group(small, "posterior")
    mu = posterior["mu"].copy()
    mu[0, :10, 1] = mu[0, :10, 0]
    with pytest.raises(DataError, match=r"10 of 2000 draws have .* two equal means, to rounding"):
        pmix.log_evidence(without(small, posterior=posterior.assign(mu=mu)))
    mu = posterior["mu"].copy()
    mu[0, 7, 1] = mu[0, 7, 0]
    found = pmix.log_evidence(without(small, posterior=posterior.assign(mu=mu)))
    assert abs(found.log_evidence - pmix.log_evidence(small).log_evidence) < 0.01


def test_parts_of_two_fits_are_refused(small):
    constant = group(small, "constant_data").isel(component=[0])
    parts = without(small, constant_data=constant)
    # as of version 0.1.0, whose fits carried no model
    del parts.attrs["model"]
    with pytest.raises(DataError, match="posterior has 2 components and constant_data 1"):
        pmix.log_evidence(parts)
