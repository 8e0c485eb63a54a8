"""Tests of pystan_mix.selection.choose: evidence, predictions and occupancy, side by side."""

import itertools

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import pystan_mix as pmix
from pystan_mix.arviz_compat import attributes, to_arviz
from pystan_mix.cmdstan.locate import CmdStan
from pystan_mix.errors import DataError, ModelError, SettingsError
from pystan_mix.selection import choose
from pystan_mix.selection.choose import occupied_components

# of a number of components that is too large some k-hat of leave-one-out are, by the seed
pytestmark = pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto:UserWarning")

Y = pmix.simulate(120, theta=[0.4, 0.6], mu=[-4, 4], sigma=1.0, seed=3)


@pytest.fixture(scope="module")
def choice(cmdstan: CmdStan):
    model = pmix.NormalMixture(n_components=7)
    return pmix.choose_components(model, Y, [3, 1, 2], seed=1, show_progress=False)


def test_there_is_a_row_for_each_number(choice):
    assert list(choice.table.index) == [1, 2, 3]
    assert list(choice.fits) == [1, 2, 3]
    assert {
        "log_evidence",
        "mcse",
        "probability",
        "elpd_loo",
        "elpd_se",
        "elpd_diff",
        "diff_se",
    } <= set(choice.table)


def test_two_separated_groups_are_two_components(choice):
    table = choice.table
    # one normal for two groups eight standard deviations apart is hopeless
    assert table.loc[1, "probability"] < 1e-6
    assert table.loc[1, "elpd_diff"] < -50
    assert table["probability"].sum() == pytest.approx(1.0)
    assert table.loc[2, "occupied"] == pytest.approx(2.0, abs=1e-6)
    assert table["elpd_diff"].max() == 0.0
    assert "with 2 are as good as with 3" in choice.sentence or "best with" in choice.sentence
    assert str(choice).count("\n") == 5


def test_the_evidence_of_one_component_is_the_integral(choice):
    model = pmix.model_of(choice.fits[1])
    mu = np.linspace(-3, 5, 400)[:, None]
    sigma = np.linspace(2.5, 8, 400)
    log_p = stats.norm.logpdf(Y[:, None, None], mu, sigma).sum(axis=0)
    log_p += stats.norm.logpdf(mu, model.means.location, model.means.scale)
    log_p += stats.halfnorm.logpdf(sigma, 0, model.sigma.scale)
    peak = log_p.max()
    inner = np.trapezoid(np.exp(log_p - peak), sigma, axis=1)
    expected = peak + np.log(np.trapezoid(inner, mu[:, 0]))
    row = choice.table.loc[1]
    assert row["log_evidence"] == pytest.approx(expected, abs=5 * row["mcse"] + 1e-3)


def test_loo_is_the_one_of_the_whole_log_likelihood(choice):
    """By brute force: the harmonic mean of densities, which smoothing changes little here."""
    fit = choice.fits[2]
    log_lik = pmix.log_density(fit, Y).reshape(-1, Y.size)
    brute = -np.log(np.mean(np.exp(-log_lik), axis=0)).sum()
    assert choice.table.loc[2, "elpd_loo"] == pytest.approx(brute, abs=0.3)


def fit_at(theta, mu, sigma, y):
    """A fit of one draw."""
    draw = {n: np.array(x)[None, None] for n, x in (("theta", theta), ("mu", mu), ("sigma", sigma))}
    K = len(theta)
    constant = {
        "alpha": ("component", np.ones(K)),
        "mu_loc": ("component", np.zeros(K)),
        "mu_scale": ("component", np.full(K, 10.0)),
        "sigma_scale": ("component", np.ones(K)),
        "sigma_df": np.inf,
        "min_weight": 0.0,
    }
    dims = ("chain", "draw", "component")
    groups = {
        "posterior": xr.Dataset({n: (dims, x) for n, x in draw.items()}),
        "constant_data": xr.Dataset(constant),
        "observed_data": xr.Dataset({"y": ("obs", y)}),
    }
    return to_arviz(groups, attrs={"method": "nuts"})


def test_occupied_components_are_those_that_have_an_observation():
    """Against all assignments of three observations to two components, one by one."""
    y, theta, mu, sigma = np.array([-1.0, 0.2, 2.0]), [0.3, 0.7], [-1.0, 1.0], [0.8, 1.5]
    density = np.array(theta) * stats.norm.pdf(y[:, None], mu, sigma)
    shares = density / density.sum(axis=1, keepdims=True)
    expected = sum(
        len(set(z)) * np.prod([shares[n, k] for n, k in enumerate(z)])
        for z in itertools.product(range(2), repeat=3)
    )
    assert occupied_components(fit_at(theta, mu, sigma, y)) == pytest.approx(expected, rel=1e-10)


def table_of(**columns) -> pd.DataFrame:
    """A table with what a sentence is made of."""
    size = len(next(iter(columns.values())))
    plain = {
        "log_evidence": np.zeros(size),
        "mcse": np.full(size, 0.01),
        "probability": np.full(size, 1 / size),
        "elpd_loo": np.zeros(size),
        "elpd_diff": np.zeros(size),
        "diff_se": np.ones(size),
        "use": ["fine"] * size,
    }
    return pd.DataFrame(plain | columns, index=range(1, size + 1))


def of_predictions(*differences):
    """Columns in which predictions differ from the best by so much."""
    return {"elpd_diff": list(differences), "elpd_loo": list(differences)}


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"probability": [0.01, 0.98, 0.01]}, "The evidence is for 2 (probability 0.98)"),
        ({"probability": [0.5, 0.46, 0.04]}, "does not decide: between them have 95 %"),
        (
            {"probability": [0.01, 0.98, np.nan], "mcse": [0.1, 0.1, np.inf]},
            "The evidence of K = 3 is not known",
        ),
        (
            {"elpd_diff": [-30.0, 0.0, -1.0], "elpd_loo": [-30.0, 0.0, -1.0]},
            "with 2 are as good as with 3",
        ),
        (
            {"elpd_diff": [-30.0, 0.0, -20.0], "elpd_loo": [-30.0, 0.0, -20.0]},
            "best with 2, beyond",
        ),
        ({"use": ["fine", "fine", "do not use"]}, "Of K = 3 the fit itself is not believed"),
        ({"probability": [0.0, 0.01, 0.99]}, "3 is the largest number that was tried"),
    ],
)
def test_the_sentence_says_no_more_than_the_table(columns, words):
    assert words in choose._sentence(table_of(**columns))


def test_missing_values_are_left_out_where_it_is_asked_for(choice):
    model, y = pmix.NormalMixture(n_components=1), [np.nan, *Y]
    found = pmix.choose_components(model, y, [1], missing="drop", seed=1, show_progress=False)
    assert attributes(found.fits[1])["missing_dropped"] == 1
    assert found.table.loc[1, "log_evidence"] == choice.table.loc[1, "log_evidence"]


@pytest.mark.parametrize(
    ("model", "y", "components", "error"),
    [
        (pmix.NormalMixture(n_components=2), Y, [], SettingsError),
        (pmix.NormalMixture(n_components=2), Y, [0, 1], SettingsError),
        (pmix.NormalMixture(n_components=2), [1.0, 2.0, 3.0], [1, 4], DataError),
        (pmix.NormalMixture(n_components=2), [1.0, 2.0, np.nan], [1], DataError),
        (pmix.NormalMixture(n_components=2, sigma=[1, 2]), Y, [2, 3], ModelError),
        (pmix.NormalMixture(n_components=2, min_weight=0.3), Y, [2, 4], ModelError),
    ],
)
def test_what_cannot_be_is_refused_before_cmdstan_is_looked_for(
    monkeypatch, model, y, components, error
):
    monkeypatch.setenv("CMDSTAN", "/nowhere")
    with pytest.raises(error):
        pmix.choose_components(model, y, components, show_progress=False)
