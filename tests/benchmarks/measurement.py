"""What every peer's script shares: the task it reads and the result it writes.

Runs in the environments of all peers, so it needs NumPy and nothing else.
"""

import dataclasses
import importlib.metadata
import json
import platform
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Task:
    """One posterior to sample from, and how.

    Parameters
    ----------
    posterior : str
        Name of the posterior.
    options : dict
        The peer's own settings.
    y : list of float
        Observations.
    alpha : list of float
        Dirichlet concentrations of the weights.
    min_weight : float
        Floor under each weight.
    mu_loc, mu_scale : list of float
        Normal prior of the ordered means.
    sigma : list of float or None
        Standard deviations if they are known.
    sigma_scale : list of float or None
        Scales of their half-Cauchy priors if they are not.
    start_mu : list of float
        Means around which the chains start.
    chains, iter_warmup, iter_sampling, seed, cores : int
        Settings of the sampler; `cores` chains run at once.
    target : float
        Target acceptance rate.
    """

    posterior: str
    options: dict[str, Any]
    y: list[float]
    alpha: list[float]
    min_weight: float
    mu_loc: list[float]
    mu_scale: list[float]
    sigma: list[float] | None
    sigma_scale: list[float] | None
    start_mu: list[float]
    chains: int
    iter_warmup: int
    iter_sampling: int
    target: float
    seed: int
    cores: int

    @property
    def n_components(self) -> int:
        """Number of components."""
        return len(self.alpha)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that are compared."""
        return ("theta", "mu") if self.sigma_scale is None else ("theta", "mu", "sigma")


def read_task() -> Task:
    """Read the task from the file that the first argument names."""
    return Task(**task_content())


def task_content() -> dict[str, Any]:
    """Return what stands in the file that the first argument names."""
    if len(sys.argv) != 4:
        sys.exit("peers.py runs this script, with a task, a place for its result and the time.")
    return json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))


def since_start() -> float:
    """Return the seconds since this process was started, by the clock of the third argument."""
    return time.time() - float(sys.argv[3])


def write_result(
    task: Task,
    draws: Mapping[str, Any],
    *,
    seconds: float,
    cold_seconds: float,
    packages: tuple[str, ...],
    **versions: str,
) -> None:
    """Check and write the draws, then the result, to the file of the second argument.

    Parameters
    ----------
    task : Task
        What was to be done.
    draws : mapping of str to array_like, shape (chains, draws, K)
        The parameters, by the names of `task.names`.
    seconds : float
        Seconds of sampling, without compiling.
    cold_seconds : float
        Seconds from the start of the process to the end of the first call.
    packages : tuple of str
        Distributions whose versions are to be told.
    **versions : str
        Further versions.
    """
    shape = (task.chains, task.iter_sampling, task.n_components)
    leave(
        {name: draws[name] for name in task.names},
        dict.fromkeys(task.names, shape),
        {"seconds": seconds, "cold_seconds": cold_seconds},
        packages=packages,
        **versions,
    )


def leave(
    draws: Mapping[str, Any],
    shapes: Mapping[str, tuple[int, ...]],
    content: Mapping[str, Any],
    *,
    packages: tuple[str, ...],
    **versions: str,
) -> None:
    """Check and write draws of these shapes, then the content of the result with versions."""
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in draws.items()}
    for name, values in arrays.items():
        if values.shape != shapes[name] or not np.isfinite(values).all():
            sys.exit(f"{name} has shape {values.shape} for {shapes[name]}, or is not finite.")
    result = Path(sys.argv[2])
    np.savez(result.with_suffix(".npz"), **arrays)
    own = {name: importlib.metadata.version(name) for name in packages}
    whole = {**content, "versions": {"Python": platform.python_version(), **own, **versions}}
    partial = result.with_suffix(".partial")
    partial.write_text(json.dumps(whole), encoding="utf-8")
    partial.replace(result)
