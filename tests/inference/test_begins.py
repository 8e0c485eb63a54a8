"""Where chains of narrow posteriors begin, and that CmdStan keeps the metric that it is given."""

import numpy as np
import pytest
from scipy import stats

import pystan_mix as pmix
from pystan_mix.cmdstan.locate import CmdStan
from pystan_mix.fits.groups import SAMPLE_STATS, variables
from pystan_mix.inference.begins import Begin, begins
from pystan_mix.mixtures.starts import values_of_chains
from pystan_mix.mixtures.target import target_of

MU, SIGMA, THETA = np.array([-1.5, 2.5]), np.array([1.5, 1.0]), np.array([0.3, 0.7])


def table(size: int) -> dict:
    """Return the middles of 400 cells, and how many of so many observations are in each."""
    edges = np.linspace(-8.0, 8.0, 401)
    shares = np.diff(stats.norm.cdf(edges[:, None], MU, SIGMA) @ THETA)
    counts = np.round(size * shares / shares.sum()).astype(int)
    some = counts > 0
    return {"y": (0.5 * (edges[1:] + edges[:-1]))[some], "counts": counts[some]}


def begun(model, *, chains=3, sort=None, **data) -> tuple[list[dict], list[Begin]]:
    target, rng = target_of(model, **data), np.random.default_rng(1)
    sort = target.free_components if sort is None else sort
    inits = values_of_chains(target, chains, rng=rng, sort_components=sort)
    return inits, begins(target, inits, sort_components=sort, rng=rng)


def test_other_chains_begin_where_they_did():
    y = pmix.simulate(200, theta=THETA, mu=MU, sigma=SIGMA, seed=1)
    few, many = pmix.NormalMixture(n_components=2), pmix.NormalMixture(n_components=4)
    # of four components two have hardly anything: that posterior is not narrow
    for model, data in ((few, {"y": y}), (many, table(10**9))):
        inits, found = begun(model, **data)
        assert found == [Begin(each) for each in inits]


def test_of_one_component_mean_and_metric_are_known():
    """The mean has the standard deviation sigma / sqrt(n), and log sigma 1 / sqrt(2 n)."""
    data = table(10**9)
    y, counts = data["y"], data["counts"]
    n = counts.sum()
    mean = (y * counts).sum() / n
    sd = np.sqrt((counts * (y - mean) ** 2).sum() / n)
    inits, found = begun(pmix.NormalMixture(n_components=1, min_sigma=0.0), **data)
    for init, each in zip(inits, found, strict=True):
        expected = np.diag([sd**2 / n, 0.5 / n])
        np.testing.assert_allclose(each.inverse_metric, expected, rtol=0.01, atol=1e-12)
        # it began far off, and begins within 2 x 5 standard deviations
        assert abs(init["mu_raw"][0] - mean) > 100 * sd / np.sqrt(n)
        assert abs(each.init["mu_raw"][0] - mean) < 10 * sd / np.sqrt(n)


@pytest.mark.parametrize("shared_sigma", [False, True])
def test_chains_keep_the_metric_and_find_the_posterior(cmdstan: CmdStan, shared_sigma, tmp_path):
    """Components in any order, or pushed apart; the sds of the metric are those of the draws."""
    model = pmix.NormalMixture(n_components=2, shared_sigma=shared_sigma)
    data = table(10**8)
    fit = pmix.sample(model, seed=1, show_progress=False, chains=2, output_dir=tmp_path, **data)
    assert pmix.diagnose(fit).use == "fine"
    mu = variables(fit)["mu"]
    if not shared_sigma:
        np.testing.assert_allclose(mu.mean(axis=(0, 1)), MU, atol=2e-3)
    assert fit[SAMPLE_STATS]["n_steps"].mean() < 8
    lines = (tmp_path / "chain-1.csv").read_text().splitlines()
    place = next(i for i, line in enumerate(lines) if "Elements of inverse mass matrix" in line)
    kept = np.array([[float(x) for x in line[1:].split(",")] for line in lines[place + 1 :][:3]])
    sort = not shared_sigma
    metric = begun(model, sort=sort, **data)[1][0].inverse_metric
    assert metric is not None
    np.testing.assert_allclose(kept, metric[:3], rtol=0.02, atol=1e-11)
    theta = variables(fit)["theta"][..., 0]
    # the standard deviation of 2000 draws is within some hundredths
    assert np.log(theta / (1 - theta)).std() == pytest.approx(np.sqrt(metric[0, 0]), rel=0.15)


def test_a_diagonal_metric_is_kept_too(cmdstan: CmdStan, tmp_path):
    fit = pmix.sample(
        pmix.NormalMixture(n_components=2),
        seed=1,
        show_progress=False,
        chains=2,
        metric="diag_e",
        output_dir=tmp_path,
        **table(10**8),
    )
    assert pmix.diagnose(fit).use == "fine"
    lines = (tmp_path / "chain-1.csv").read_text().splitlines()
    place = next(i for i, line in enumerate(lines) if "inverse mass matrix" in line)
    kept = [float(x) for x in lines[place + 1][1:].split(",")]
    assert max(kept) < 1e-6
