"""Tests of pystan_mix.diagnostics.diagnose: planted faults are found, and nothing else is."""

import math
import re

import numpy as np
import pytest
import xarray as xr
from advi_fits import advi_fit
from known_posteriors import fit_with_model

from pystan_mix.arviz_compat import attributes, az, group, group_names, to_arviz
from pystan_mix.diagnostics.diagnose import diagnose
from pystan_mix.diagnostics.verdict import Verdict
from pystan_mix.errors import DataError
from pystan_mix.fits.storage import load, save
from pystan_mix.fits.summary import summarize
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.scale_priors import HalfNormal

pytestmark = pytest.mark.arviz

CHAINS, DRAWS = 4, 1000
SAMPLE = ("chain", "draw")


def nuts_fit(*, mu=None, shape=(CHAINS, DRAWS), K=2, attrs=None, **stats):
    """Return what NUTS would of independent draws, but for what is given."""
    rng = np.random.default_rng(20)
    mu = 10 * np.arange(K) + rng.normal(size=(*shape, K)) if mu is None else mu
    *sizes, K = mu.shape
    theta = rng.dirichlet(np.full(K, 5.0), size=sizes) if K > 1 else np.ones_like(mu)
    sampler = {
        "diverging": np.zeros(sizes, dtype=bool),
        "tree_depth": np.full(sizes, 3),
        "energy": rng.normal(50, 3, size=sizes),
    }
    coords = {"chain": np.arange(sizes[0]), "draw": np.arange(sizes[1])}
    vectors = {"theta": theta, "mu": mu}
    return to_arviz(
        {
            "posterior": xr.Dataset(
                {name: ((*SAMPLE, "component"), value) for name, value in vectors.items()}, coords
            ),
            "sample_stats": xr.Dataset(
                {name: (SAMPLE, value) for name, value in (sampler | stats).items()}, coords
            ),
        },
        attrs={"method": "nuts", "max_treedepth": 10} | (attrs or {}),
    )


def planted(rate):
    """Return as many trues as a share of the draws, spread over the chains."""
    return np.random.default_rng(3).permuted(np.arange(CHAINS * DRAWS) < rate).reshape(4, -1)


def autoregression(rho, *, shape, seed):
    """Return chains of a stationary autoregression of order one with variance one."""
    noise = np.random.default_rng(seed).normal(size=shape)
    x = noise.copy()
    for t in range(1, shape[1]):
        x[:, t] = rho * x[:, t - 1] + math.sqrt(1 - rho**2) * noise[:, t]
    return x


def shifted_chain():
    mu = np.random.default_rng(5).normal([0, 10], 1, size=(CHAINS, DRAWS, 2))
    mu[2, :, 1] += 1.0
    return nuts_fit(mu=mu)


def sticky_chains():
    """Return chains that stay 20 draws where they are: some 50 effective draws a chain."""
    mu = np.random.default_rng(6).normal([0, 10], 1, size=(CHAINS, DRAWS // 20, 2))
    return nuts_fit(mu=np.repeat(mu, 20, axis=1))


def low_energy():
    energy = np.random.default_rng(8).normal(size=(CHAINS, DRAWS))
    energy[2] = autoregression(0.95, shape=(1, DRAWS), seed=9)
    return nuts_fit(energy=energy)


GOOD = nuts_fit()


@pytest.mark.parametrize(
    "fit",
    [GOOD, nuts_fit(K=1), nuts_fit(K=5), advi_fit(), advi_fit(draws=1000)],
    ids=["nuts", "K=1", "K=5", "advi", "advi, 1000 draws"],
)
def test_a_good_fit_has_no_problems(fit):
    verdict = diagnose(fit)
    assert verdict == Verdict(ok=True, problems=(), use="fine")
    assert str(verdict) == "No problems found."


def test_divergences_are_counted():
    verdict = diagnose(nuts_fit(diverging=planted(7)))
    assert (verdict.ok, verdict.use) == (False, "do not use")
    assert len(verdict.problems) == 1
    assert verdict.problems[0].startswith("7 of 4000 draws diverged")
    assert "Raise adapt_delta" in verdict.problems[0]


def test_a_chain_of_its_own_is_found():
    """One of four chains a standard deviation off: R-hat near sqrt(1 + 1/4) of its mean alone."""
    fit = shifted_chain()
    r_hat = summarize(fit)["r_hat"]
    verdict = diagnose(fit)
    assert 1.05 < r_hat["mu[2]"] < 1.2
    assert verdict.problems[0].startswith(
        f"The chains disagree on mu[2]: R-hat is {r_hat['mu[2]']:.3f} for mu[2], "
        "and should be at most 1.01."
    )
    assert not any(other in str(verdict) for other in ("mu[1]", "theta"))


def test_every_parameter_that_disagrees_is_named():
    mu = np.random.default_rng(5).normal(size=(CHAINS, DRAWS, 2))
    mu[0, :, 0] += 1.0
    mu[1, :, 1] += 3.0
    problem = diagnose(nuts_fit(mu=mu)).problems[0]
    assert re.match(
        r"The chains disagree on mu\[1\], mu\[2\]: R-hat is [\d.]+ for mu\[2\]", problem
    )


def test_sticky_chains_are_found():
    fit = sticky_chains()
    table = summarize(fit)
    problems = "\n".join(diagnose(fit).problems)
    for column, what in (("ess_bulk", "means"), ("ess_tail", "the ends of intervals")):
        worst = table[column].idxmin()
        assert table[column][worst] < 400
        assert (
            f"{column} is {table[column][worst]:.0f} for {worst}, below 400 (100 a chain), "
            f"too few to trust {what}. Raise iter_sampling."
        ) in problems


@pytest.mark.parametrize("where", [[1.0, 2.3], np.arange(4.0)[:, None, None] + [0.0, 10.0]])
def test_chains_that_never_move_are_found(where):
    mu = np.broadcast_to(where, (CHAINS, DRAWS, 2))
    assert re.search(r"ess_bulk is [04] for mu\[1\]", str(diagnose(nuts_fit(mu=mu))))


@pytest.mark.parametrize("draws", [1, 2, 3, 4])
@pytest.mark.parametrize("chains", [1, 4])
def test_a_handful_of_draws_is_not_enough(chains, draws):
    fit = nuts_fit(shape=(chains, draws))
    assert f"below {100 * chains} (100 a chain)" in str(diagnose(fit))
    assert np.isfinite(summarize(fit)["mean"]).all()


def test_one_chain_is_not_enough():
    verdict = diagnose(nuts_fit(shape=(1, 1000)))
    assert len(verdict.problems) == 1
    assert re.match("There is one chain, .* Run four.", verdict.problems[0])


@pytest.mark.parametrize(
    ("share", "depth", "attrs", "found"),
    [
        (200, 10, {}, "5% of the trees reached max_treedepth=10"),
        (200, 12, {"max_treedepth": 12}, "5% of the trees reached max_treedepth=12"),
        (200, 10, {"max_treedepth": 12}, None),
        (40, 10, {}, None),
    ],
)
def test_saturated_trees_are_found(share, depth, attrs, found):
    fit = nuts_fit(tree_depth=np.where(planted(share), depth, 3), attrs=attrs)
    verdict = diagnose(fit)
    assert len(verdict.problems) == (found is not None)
    if found:
        assert found in verdict.problems[0]
        assert "Raise max_treedepth" in verdict.problems[0]


def test_a_low_energy_fraction_is_found():
    """Of an autoregression of 0.95 the fraction is 2 (1 - 0.95), give or take 0.01."""
    fit = low_energy()
    energy = group(fit, "sample_stats")["energy"].values[2]
    steps = sum((energy[t] - energy[t - 1]) ** 2 for t in range(1, DRAWS)) / (DRAWS - 1)
    fraction = steps / np.var(energy, ddof=1)
    verdict = diagnose(fit)
    assert 0.05 < fraction < 0.2
    assert len(verdict.problems) == 1
    assert f"(E-BFMI) is {fraction:.2f} in chain 3, below 0.3" in verdict.problems[0]


def test_every_fault_is_told_the_most_serious_first():
    mu = np.random.default_rng(6).normal(size=(CHAINS, DRAWS // 20, 2))
    mu[0] += 4.0
    fit = nuts_fit(
        mu=np.repeat(mu, 20, axis=1),
        diverging=planted(300),
        tree_depth=np.where(planted(400), 10, 3),
        energy=autoregression(0.95, shape=(CHAINS, DRAWS), seed=2),
    )
    lines = str(diagnose(fit)).splitlines()
    words = ["disagree", "300 of 4000 draws diverged", "ess_bulk", "ess_tail", "10%", "E-BFMI"]
    assert len(lines) == len(words)
    for line, word in zip(lines, words, strict=True):
        assert line.startswith("- ")
        assert word in line


@pytest.mark.parametrize(
    "fit",
    [
        GOOD,
        nuts_fit(K=1),
        shifted_chain(),
        low_energy(),
        nuts_fit(tree_depth=np.full((4, 1000), 8), attrs={"max_treedepth": 8}),
        advi_fit(),
        advi_fit(pareto_khat=math.nan),
        advi_fit(pareto_khat=0.9, converged=0, reweighted=0),
        advi_fit(loss=(240.0, math.nan, 241.0, 300.0), moved={2: 20.0, 3: -5.0}, tilt=0.7),
    ],
)
def test_a_fit_read_back_has_the_same_verdict(tmp_path, fit):
    again = load(save(fit, tmp_path / "fit.nc"))
    assert diagnose(again) == diagnose(fit)
    assert summarize(again).equals(summarize(fit))


def test_the_order_of_dimensions_does_not_matter():
    fit = low_energy()
    turned = {
        name: group(fit, name).transpose("draw", ..., "chain")
        for name in ("posterior", "sample_stats")
    }
    turned["sample_stats"]["diverging"][0, 0] = True
    verdict = diagnose(to_arviz(turned, attrs={"method": "nuts"}))
    assert "1 of 4000 draws" in verdict.problems[0]
    assert "in chain 3" in verdict.problems[1]
    assert len(verdict.problems) == 2


@pytest.mark.parametrize(
    ("drop", "words"),
    [
        (["posterior"], "no group 'posterior'; they have: sample_stats"),
        (["sample_stats"], "no group 'sample_stats'; they have: posterior"),
        (["diverging"], "no diverging; it has: tree_depth, energy. Give"),
        (["tree_depth", "energy"], "no tree_depth and no energy; it has: diverging. Give"),
    ],
)
def test_what_is_no_fit_is_refused(drop, words):
    groups = {name: group(GOOD, name) for name in ("posterior", "sample_stats") if name not in drop}
    if "sample_stats" in groups:
        groups["sample_stats"] = groups["sample_stats"].drop_vars(drop, errors="ignore")
    with pytest.raises(DataError, match=words):
        diagnose(to_arviz(groups, attrs={}))


@pytest.mark.parametrize("fit", [GOOD, sticky_chains(), advi_fit()], ids=["nuts", "sticky", "advi"])
def test_summaries_are_those_of_numpy_and_arviz(fit):
    table = summarize(fit)
    posterior = group(fit, "posterior")
    assert list(table.index) == ["theta[1]", "theta[2]", "mu[1]", "mu[2]"]
    columns = ["mean", "sd", "q05", "q50", "q95", "mcse_mean", "ess_bulk", "ess_tail", "r_hat"]
    assert list(table.columns) == columns
    for name in ("theta", "mu"):
        rows = table.loc[[f"{name}[1]", f"{name}[2]"]]
        pooled = posterior[name].values.reshape(-1, 2)
        ordered = np.sort(pooled, axis=0)
        np.testing.assert_allclose(rows["mean"], pooled.sum(axis=0) / len(pooled), rtol=1e-12)
        np.testing.assert_allclose(rows["sd"], np.std(pooled, axis=0, ddof=1), rtol=1e-12)
        for column, share in (("q05", 0.05), ("q50", 0.5), ("q95", 0.95)):
            # between the two draws that the share falls between
            at = share * (len(pooled) - 1)
            assert (ordered[math.floor(at)] <= rows[column]).all()
            assert (rows[column] <= ordered[math.ceil(at)]).all()
        for column, value in (
            ("mcse_mean", az.mcse(posterior, method="mean")),
            ("ess_bulk", az.ess(posterior, method="bulk")),
            ("ess_tail", az.ess(posterior, method="tail", prob=(0.05, 0.95))),
            ("r_hat", az.rhat(posterior) if posterior.sizes["chain"] > 1 else None),
        ):
            expected = np.nan if value is None else value[name].values
            np.testing.assert_allclose(rows[column], expected, rtol=1e-10)


def test_elements_are_counted_from_one_as_in_stan():
    posterior = xr.Dataset(
        {"lp": (SAMPLE, GOOD.posterior["mu"].values[..., 0]), "mu": GOOD.posterior["mu"]}
    )
    table = summarize(to_arviz({"posterior": posterior}, attrs={}))
    assert list(table.index) == ["lp", "mu[1]", "mu[2]"]
    assert table.loc["lp"].equals(table.loc["mu[1]"])


def test_rounding_of_the_one_weight_of_one_component_is_no_fault():
    theta = 1 - 2.0**-53 * (np.random.default_rng(1).random((CHAINS, DRAWS, 1)) < 0.01)
    fit = nuts_fit(K=1)
    posterior = group(fit, "posterior").assign(theta=((*SAMPLE, "component"), theta))
    groups = {"posterior": posterior, "sample_stats": group(fit, "sample_stats")}
    assert diagnose(to_arviz(groups, attrs={"method": "nuts"})).ok


def test_the_one_weight_of_one_component_is_summarized():
    row = summarize(nuts_fit(K=1)).loc["theta[1]"]
    assert (row["mean"], row["sd"], row["q05"], row["q95"]) == (1.0, 0.0, 1.0, 1.0)
    assert math.isnan(row["r_hat"])


def test_what_is_known_has_neither_effective_draws_nor_shrunk():
    rng = np.random.default_rng(1)
    ones = np.ones((4, 1000))
    y = np.array([0.0, 1.0, 1.0, 50.0])
    sampler = group(nuts_fit(), "sample_stats")

    def problems(known_sigma):
        model = NormalMixture(
            n_components=2, means=[0, 1], sigma=HalfNormal(1), known_sigma=known_sigma
        )
        theta = rng.dirichlet([5, 5], size=(4, 1000))
        # means of a thousand of these are off by rounding
        sigma = np.stack([1e-9 * ones, np.exp(rng.normal(size=(4, 1000)))], axis=-1)
        fit = fit_with_model(model, {"theta": theta, "sigma": sigma}, y=y)
        groups = {name: group(fit, name) for name in group_names(fit)} | {"sample_stats": sampler}
        return diagnose(to_arviz(groups, attrs=attributes(fit))).problems

    assert problems([1e-9, None]) == ()
    estimated = " ".join(problems([None, 1.0]))
    assert "sigma[1] falls to 1e-09" in estimated
    assert "ess_bulk is 0 for sigma[1]" in estimated


@pytest.mark.parametrize(("narrowest", "found"), [(1e-3, False), (1e-9, True)])
def test_a_component_that_shrank_onto_a_value_is_found(narrowest, found):
    fit = nuts_fit()
    posterior = group(fit, "posterior")
    sigma = posterior["mu"].copy(data=np.exp(posterior["mu"] - posterior["mu"].mean()))
    sigma[2, 100, 1] = narrowest
    groups = {name: group(fit, name) for name in group_names(fit)}
    groups["posterior"] = posterior.assign(sigma=sigma)
    groups["observed_data"] = xr.Dataset({"y": ("obs", np.array([0.0, 1.0, 1.0, 50.0]))})
    problems = [p for p in diagnose(to_arviz(groups, attrs={})).problems if "shrunk" in p]
    assert len(problems) == found
    if found:
        assert "sigma[2] falls to 1e-09 where the data span 50" in problems[0]
        assert "Give min_sigma" in problems[0]


def test_scales_that_components_share_have_no_number():
    fit = nuts_fit()
    groups = {name: group(fit, name) for name in group_names(fit)}
    sigma = np.random.default_rng(1).uniform(1.0, 2.0, size=(CHAINS, DRAWS))
    df = autoregression(0.999, shape=(CHAINS, DRAWS), seed=4)
    groups["observed_data"] = xr.Dataset({"y": ("obs", np.array([0.0, 1e7]))})
    groups["posterior"] = groups["posterior"].assign(sigma=(SAMPLE, sigma), df=(SAMPLE, df))
    problems = diagnose(to_arviz(groups, attrs={})).problems
    assert problems[0].startswith("The chains disagree on df: R-hat is ")
    assert problems[1].startswith(f"sigma falls to {sigma.min():.2g} where the data span 1e+07")
    # other parameters are in other units than the data
    assert not any("df falls to" in problem for problem in problems)
