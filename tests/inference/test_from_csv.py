"""Tests of pystan_mix.inference.from_csv: what CmdStan's recorded files say."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from known_posteriors import HeavyMixture

from pystan_mix.cmdstan.stan_csv import read_stan_csv
from pystan_mix.fits.attributes import NutsSettings
from pystan_mix.inference.from_csv import (
    csv_draws,
    csv_stats,
    nuts_settings,
    provenance,
    sampled_columns,
)
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.model_json import model_from_json
from pystan_mix.mixtures.priors import Normal
from pystan_mix.mixtures.scale_priors import HalfNormal
from pystan_mix.mixtures.stan_data import target_of_stan_data
from pystan_mix.mixtures.target import target_of

pytestmark = pytest.mark.arviz

RECORDED = Path(__file__).resolve().parents[1] / "recorded"
CHAINS = [read_stan_csv(RECORDED / f"nuts-{chain}.csv") for chain in (1, 2)]


def target_in(name):
    return target_of_stan_data(NormalMixture, json.loads((RECORDED / name).read_text()))


def column(csv, name):
    return csv.rows[:, csv.names.index(name)]


def test_draws_of_two_chains():
    found = csv_draws(target_in("data.json"), CHAINS)
    assert tuple(found.variables) == ("theta", "mu", "sigma")
    assert (found.chains, found.length) == (2, 60)
    assert found.log_p is None
    assert found.log_g is None
    for chain, csv in enumerate(CHAINS):
        for name, values in found.variables.items():
            for k in (0, 1):
                assert np.array_equal(values[chain, :, k], column(csv, f"{name}.{k + 1}"))


def test_what_is_known_is_no_draw():
    csv = read_stan_csv(RECORDED / "known-sigma.csv")
    found = csv_draws(target_in("data-known-sigma.json"), [csv])
    assert tuple(found.variables) == ("theta", "mu")


def test_draws_of_an_approximation_have_their_densities():
    csv = read_stan_csv(RECORDED / "advi.csv")
    log_g = np.arange(200.0)
    found = csv_draws(target_in("data-advi.json"), [csv], log_g=log_g)
    # the first row is no draw
    assert np.array_equal(found.variables["mu"][0, :, 1], column(csv, "mu.2")[1:])
    assert np.array_equal(found.log_p, column(csv, "log_p__")[None, 1:])
    assert np.array_equal(found.log_g, log_g[None])


def test_what_the_program_samples():
    """As it stands in the parameters block, of which version 0.1.0 wrote sigma twice."""
    old = read_stan_csv(RECORDED / "advi.csv")
    shared = {"theta_raw": "theta_raw", "mu_raw": "mu_raw"}
    assert sampled_columns(target_in("data.json"), old) == shared | {"sigma_raw": "sigma"}
    assert sampled_columns(target_in("data-known-sigma.json"), old) == shared
    heavy = HeavyMixture(n_components=2, means=Normal(0, 1), df=HalfNormal(9))
    new = dataclasses.replace(old, names=("sigma_raw.1", "sigma_raw.2", "df_raw.1", "df.1"))
    assert sampled_columns(target_of(heavy, [1.0, 2.0]), new) == shared | {
        "sigma_raw": "sigma_raw",
        "df_raw": "df_raw",
    }


def test_statistics():
    found = csv_stats(CHAINS)
    for name, stan in {
        "lp": "lp__",
        "acceptance_rate": "accept_stat__",
        "step_size": "stepsize__",
        "tree_depth": "treedepth__",
        "n_steps": "n_leapfrog__",
        "diverging": "divergent__",
        "energy": "energy__",
    }.items():
        expected = np.stack([column(csv, stan) for csv in CHAINS])
        assert np.array_equal(getattr(found, name), expected), name
    assert found.diverging.dtype == np.bool_
    assert found.tree_depth.dtype == found.n_steps.dtype == np.int64
    # no two of them are the same, so that none stands for another
    assert len({getattr(found, name).tobytes() for name in vars(found)}) == len(vars(found))


def test_where_draws_come_from():
    target = target_in("data-known-sigma.json")
    settings = read_stan_csv(RECORDED / "known-sigma.csv").settings
    found = provenance(settings, target, method="nuts", seconds=1.5)
    assert (found.method, found.program) == ("nuts", "normal_mixture_known_sigma")
    assert (found.seed, found.seconds) == (4, 1.5)
    assert (found.inference_library, found.inference_library_version) == ("CmdStan", "2.27.0")
    assert model_from_json(found.model) == target.model
    assert math.isnan(provenance(settings, target, method="nuts", seconds=math.nan).seconds)


def test_settings_of_nuts():
    assert nuts_settings(CHAINS[0].settings) == NutsSettings(
        iter_warmup=300, iter_sampling=60, adapt_delta=0.95, max_treedepth=10, metric="diag_e"
    )
