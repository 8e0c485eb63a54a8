"""Approximations judged by their own draws, the best kept."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from pystan_mix.cmdstan.stan_csv import read_elbo_history, read_stan_csv
from pystan_mix.errors import OutputError
from pystan_mix.fits.approximation import history_group, starts_group
from pystan_mix.inference.restarts import Restarts, judged, starts_of_restarts
from pystan_mix.mixtures.density import log_joint, to_constrained
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.stan_data import target_of_stan_data

pytestmark = pytest.mark.arviz

RECORDED = Path(__file__).resolve().parents[1] / "recorded"
TARGET = target_of_stan_data(NormalMixture, json.loads((RECORDED / "data-bare.json").read_text()))
PARAMETERS = ("theta", "mu", "sigma")
CSV = read_stan_csv(RECORDED / "advi.csv")
ADVI = judged(
    TARGET,
    CSV,
    history=read_elbo_history(RECORDED / "advi-history.csv"),
    log="   MEAN ELBO CONVERGED   MEDIAN ELBO CONVERGED",
)


def shifted(nats: float, **changes):
    """The recorded approximation with another ELBO."""
    estimate = dataclasses.replace(ADVI.estimate, elbo=ADVI.estimate.elbo + nats)
    return dataclasses.replace(ADVI, estimate=estimate, **changes)


@pytest.mark.parametrize(
    ("log", "converged"),
    [
        (None, None),
        ("", False),
        ("  1500  -212.9  0.0  0.0   MEDIAN ELBO CONVERGED", True),
        ("  1500  -212.9  0.0  0.0   MEAN ELBO CONVERGED   MEDIAN ELBO CONVERGED", True),
        ("  1500  -212.9  9.0  9.0   MAY BE DIVERGING... INSPECT ELBO", False),
        ("MAY BE DIVERGING... INSPECT ELBO\n 2000 -213 0 0 MEDIAN ELBO CONVERGED", False),
        ("MEDIAN ELBO CONVERGED\nThis variational approximation may not have converged", False),
    ],
)
def test_what_cmdstan_says_of_convergence(log, converged):
    one = judged(TARGET, CSV, log=log)
    assert one.converged is converged


def test_the_judgement_is_the_same_whatever_the_draws_order():
    # the first row is no draw
    turned = dataclasses.replace(CSV, rows=np.concatenate([CSV.rows[:1], CSV.rows[:0:-1]]))
    again = judged(TARGET, turned)
    np.testing.assert_array_equal(again.draws.variables["mu"], ADVI.draws.variables["mu"][:, ::-1])
    assert again.estimate.elbo == pytest.approx(ADVI.estimate.elbo, abs=1e-9)
    assert again.estimate.pareto_khat == pytest.approx(ADVI.estimate.pareto_khat, abs=1e-9)


def test_chains_of_nuts_are_refused():
    with pytest.raises(OutputError, match=r"nuts-1\.csv is of the algorithm 'hmc'"):
        judged(TARGET, read_stan_csv(RECORDED / "nuts-1.csv"))


def test_the_largest_elbo_is_kept():
    restarts = Restarts((shifted(-3.0), None, shifted(2.0), ADVI))
    assert restarts.kept == 2
    assert restarts.best is restarts.tried[2]


def test_without_an_approximation_there_is_no_best_one():
    with pytest.raises(ValueError, match="every start failed"):
        _ = Restarts((None, None)).best


def test_groups_have_every_start():
    unknown = shifted(-3.0, converged=False)
    found = starts_group(starts_of_restarts(Restarts((unknown, None, ADVI))))
    assert dict(found.sizes) == {"restart": 3, "component": 2}
    loss = -ADVI.estimate.elbo
    np.testing.assert_array_equal(found["loss"], [loss + 3.0, np.nan, loss])
    np.testing.assert_array_equal(found["loss_mcse"], ADVI.estimate.mcse * np.array([1, np.nan, 1]))
    assert found["kept"].to_numpy().tolist() == [False, False, True]
    assert found["failed"].to_numpy().tolist() == [False, True, False]
    assert found["converged"].to_numpy().tolist() == [False, False, True]
    for name in PARAMETERS:
        at = [CSV.names.index(f"{name}.{k}") for k in (1, 2)]
        mean = CSV.rows[0, at]
        np.testing.assert_array_equal(found[name], [mean, [np.nan] * 2, mean])


def test_histories_of_different_lengths_are_laid_side_by_side():
    history = ADVI.history
    trace = history_group([history[:30], None, history])
    assert dict(trace.sizes) == {"restart": 3, "iteration": 100}
    np.testing.assert_array_equal(trace["iteration"], history[:, 0])
    np.testing.assert_array_equal(trace["elbo"][0, :30], history[:30, 2])
    assert np.isnan(trace["elbo"][0, 30:]).all()
    assert np.isnan(trace["elbo"][1]).all()
    np.testing.assert_array_equal(trace["seconds"][2], history[:, 1])


def test_a_history_without_evaluations_is_no_crash():
    trace = history_group([np.empty((0, 3))])
    assert dict(trace.sizes) == {"restart": 1, "iteration": 0}


def test_without_a_history_there_is_no_trace():
    one = judged(TARGET, CSV)
    assert one.history is None
    assert history_group([None, one.history]) is None
    assert "converged" not in starts_group(starts_of_restarts(Restarts((one,))))


def test_draws_and_their_densities_in_the_unconstrained_space():
    """As `log_joint` has them, whose volume is CmdStan's."""
    assert {name: x.shape for name, x in ADVI.draws.variables.items()} == dict.fromkeys(
        PARAMETERS, (1, 200, 2)
    )
    np.testing.assert_array_equal(ADVI.draws.log_p[0], CSV.variable("log_p__"))
    np.testing.assert_allclose(log_joint(TARGET, ADVI.z), ADVI.draws.log_p[0], rtol=0, atol=1e-8)
    np.testing.assert_array_equal(ADVI.draws.log_g[0], ADVI.estimate.log_g)
    ratios = ADVI.draws.log_p - ADVI.draws.log_g
    assert ADVI.estimate.elbo == pytest.approx(ratios.mean(), rel=1e-12)
    back = to_constrained(TARGET, ADVI.z).variables()
    for name in PARAMETERS:
        np.testing.assert_allclose(back[name], ADVI.draws.variables[name][0], rtol=1e-9)
