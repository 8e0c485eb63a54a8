"""Intervals in the Stan programs: values and gradients against NumPy."""

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from lp_at_points import lp_at

import pystan_mix as pmix
from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.locate import CmdStan
from pystan_mix.cmdstan.run import Call, run_cmdstan, workspace
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures.density import log_joint, observed_log_density, to_constrained
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.target import target_of
from pystan_mix.stats.intervals.between import log_normal_between, log_student_t_between

RNG = np.random.default_rng(5)
POINTS = np.sort(RNG.normal(scale=4.0, size=40)).round(1)
# known, rounded, below a limit and above one, very narrow, very wide
LOWER = POINTS - np.tile([0.0, 0.5, np.inf, 0.25, 5e-7, 30.0, 0.0, 0.5], 5)
UPPER = POINTS + np.tile([0.0, 0.5, 0.0, np.inf, 5e-7, 20.0, 0.0, 2.0], 5)
BOUNDS = pmix.Interval(LOWER, UPPER)
COUNTS = np.arange(40) % 3 + 1


def model_of(program: str, **changed) -> pmix.NormalMixture:
    family = pmix.StudentTMixture if program == "student_t" else pmix.NormalMixture
    priors = {"means": pmix.Normal(0.0, 5.0), "sigma": pmix.HalfNormal(3.0)}
    return family(**{"n_components": 2, **priors, **changed})


@pytest.mark.parametrize("beside", ["counts", "weights", "labels"])
@pytest.mark.parametrize("program", ["normal", "student_t"])
def test_lp_is_that_of_numpy(cmdstan: CmdStan, program: str, beside: str):
    given = {"counts": COUNTS, "weights": 0.3 * COUNTS, "labels": np.arange(40) % 5 % 3 - 1}
    target = target_of(model_of(program), BOUNDS, **{beside: given[beside]})
    z = np.random.default_rng(7).normal(scale=1.5, size=(8, target.dimensions))
    found = to_constrained(target, z)
    inits = []
    for i, log_theta in enumerate(found.log_theta):
        inits.append({"theta_raw": np.exp(log_theta).tolist()})
        for name, values in found.components.items():
            raw = z[i, 1:3] if name == "mu" else values[i]
            inits[-1][f"{name}_raw"] = raw.tolist()
    lp = lp_at(stan_program(program), stan_data(target), inits)
    if cmdstan.version < (2, 37):
        assert np.ptp(lp - log_joint(target, z)) < 1e-8


DFS = [0.5, 4.0, 30.0, 300.0]
TAILS = [
    (offset + side, offset + side + width)
    for width in (1e-6, 0.5, 3.0)
    for offset in (0.0, 1.5, -9.0, 38.0)
    for side in (-0.1,)
] + [(-np.inf, -38.0), (38.0, np.inf), (-np.inf, 0.3), (-7.9, np.inf), (-np.inf, -8.1)]


@pytest.mark.parametrize("program", ["normal", "student_t"])
def test_log_lik_is_that_of_numpy_in_tails(cmdstan: CmdStan, program: str):
    model = model_of(program, sigma=[1.0, 1.2], **({"df": 40.0} if program != "normal" else {}))
    target = target_of(model, pmix.Interval(*np.array([*TAILS, (0.5, 0.5), (-2.5, -2.5)]).T))
    (executable,) = compiled(stan_program(program), show_progress=False)
    with workspace(executable, keep_in=None) as space:
        data = space.write_data("data", stan_data(target, save_log_lik=True))
        call = Call(method=("sample", "num_samples=4", "num_warmup=20"), data=data, seed=1)
        (csv,) = run_cmdstan(space, "chain", [call], parallel=1).csvs
    ours = observed_log_density(
        target,
        np.log(csv.variable("theta")),
        {"mu": csv.variable("mu"), **{name: x[None] for name, x in target.known.items()}},
    )
    wide = target.observed.bounds.wide
    rows = np.concatenate([np.flatnonzero(~wide), np.flatnonzero(wide)])
    assert ours.min() < -50.0
    np.testing.assert_allclose(csv.variable("log_lik"), ours[:, rows], rtol=1e-9)


def gradient_at(program: str, stan: dict, init: dict, folder: Path) -> np.ndarray:
    """Return CmdStan's gradient at one point of the parameters."""
    (executable,) = compiled(stan_program(program), show_progress=False)
    data, start = folder / "data.json", folder / "init.json"
    data.write_text(json.dumps(stan))
    start.write_text(json.dumps(init))
    result = subprocess.run(
        (executable, "diagnose", "test=gradient", "data", f"file={data}", f"init={start}"),
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    rows = re.findall(r"^ +\d+ +(\S+) +(\S+) +(\S+) +(\S+)$", result.stdout, re.M)
    return np.array(rows, dtype=np.float64)[:, 1]


def log_prob(program: str, a: float, b: float, x: np.ndarray) -> float:
    """Return the log probability at a location, log scale and log degrees of freedom."""
    a, b = (np.array([(each - x[0]) / np.exp(x[1])]) for each in (a, b))
    if program == "normal":
        return log_normal_between(a, b)[0]
    return log_student_t_between(a, b, np.exp(x[2:]))[0]


@pytest.mark.parametrize(("program", "df"), [("normal", 0.0), *(("student_t", df) for df in DFS)])
def test_gradients_are_right_in_tails_and_of_narrow_intervals(
    cmdstan: CmdStan, tmp_path: Path, program: str, df: float
):
    more = {"df": pmix.Gamma(2.0, 0.01)} if df else {}
    model = model_of(program, n_components=1, sigma=pmix.LogNormal(0.0, 1.0), **more)
    stan = stan_data(target_of(model, pmix.Interval([-1.0, -1.0], [1.0, 2.0]))) | {"min_sigma": 0}
    init = {"theta_raw": [1.0], "mu_raw": [0.1], "sigma_raw": [1.0], "df_raw": [df]}
    none = {
        "N_interval": 0,
        "y_lower": [],
        "y_upper": [],
        "times_interval": [],
        "label_interval": [],
    }
    prior = gradient_at(program, {**stan, **none}, init, tmp_path)
    at = np.array([0.1, 0.0, *([np.log(df)] if df else [])])
    for a, b in TAILS:
        one = {"y_lower": [a], "y_upper": [b], "times_interval": [1], "label_interval": [0]}
        found = gradient_at(program, {**stan, **one, "N_interval": 1}, init, tmp_path) - prior
        steps = 1e-4 * np.eye(at.size)
        expected = [
            (log_prob(program, a, b, at + h) - log_prob(program, a, b, at - h)) / 2e-4
            for h in steps
        ]
        # six digits are printed, of sums with the prior's gradient
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5, err_msg=f"{a}, {b}")
