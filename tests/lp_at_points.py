"""CmdStan's ``lp__``, and its gradient, at parameters of one's own choice."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np

from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.program import Program
from pystan_mix.cmdstan.run import Call, run_cmdstan, workspace
from pystan_mix.inference.programs import Likelihood, stan_program
from pystan_mix.numerics import FloatArray

# one step, too short to move anything
_STILL = (
    *("sample", "num_samples=1", "num_warmup=0", "adapt", "engaged=0"),
    *("algorithm=hmc", "engine=static", "int_time=1e-100", "stepsize=1e-100"),
)


def lp_at(
    program: Program, stan: Mapping[str, Any], inits: Sequence[Mapping[str, Any]]
) -> FloatArray:
    """Return ``lp__`` of a program at each of some points of the parameters."""
    (executable,) = compiled(program, show_progress=False)
    with workspace(executable, keep_in=None) as space:
        data = space.write_data("data", stan)
        calls = [
            Call(method=_STILL, data=data, seed=1, init=space.write_data(f"init-{i}", init))
            for i, init in enumerate(inits)
        ]
        run = run_cmdstan(space, "still", calls, parallel=2)
    return np.array([csv.variable("lp__")[0] for csv in run.csvs])


def gradient_at(program: Program, stan: Mapping[str, Any], init: Mapping[str, Any]) -> FloatArray:
    """Return the gradient that CmdStan writes of a step that is too short to move anything."""
    (executable,) = compiled(program, show_progress=False)
    with workspace(executable, keep_in=None) as space:
        call = Call(
            method=_STILL,
            data=space.write_data("data", stan),
            seed=1,
            init=space.write_data("init", init),
            output=("diagnostic_file=diagnostic.csv",),
        )
        run_cmdstan(space, "still", [call], parallel=1)
        lines = (space.folder / "diagnostic.csv").read_text().splitlines()
    names, values = [line.split(",") for line in lines if line and not line.startswith("#")]
    return np.array([float(v) for n, v in zip(names, values, strict=True) if n.startswith("g_")])


def gradients_of_both(
    program: str, stan: Mapping[str, Any], init: Mapping[str, Any]
) -> tuple[FloatArray, FloatArray]:
    """Return the gradient of a program with the likelihood in C++, and with that in Stan."""
    fused, plain = (
        gradient_at(stan_program(program, likelihood=likelihood), stan, init)
        for likelihood in get_args(Likelihood)
    )
    return fused, plain


def gradient_and_differences(
    program: Program, stan: Mapping[str, Any], init: Mapping[str, Any]
) -> FloatArray:
    """Return the gradient of a program and its finite differences, shape (2, dimensions)."""
    (executable,) = compiled(program, show_progress=False)
    with workspace(executable, keep_in=None) as space:
        data, at = space.write_data("data", stan), space.write_data("init", init)
        result = subprocess.run(
            (executable, "diagnose", "test=gradient", "data", f"file={data}", f"init={at}"),
            capture_output=True,
            text=True,
            check=True,
            cwd=space.folder,
        )
    rows = re.findall(r"^ +\d+ +(\S+) +(\S+) +(\S+) +(\S+)$", result.stdout, re.M)
    return np.array(rows, dtype=float)[:, 1:3].T
