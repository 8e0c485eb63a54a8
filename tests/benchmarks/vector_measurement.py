"""What scripts share that sample mixtures of vectors: the task, the result, and how far it is.

Runs in the environments of all peers, so it needs NumPy and nothing else.
"""

import dataclasses
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from measurement import leave, task_content

NAMES = ("theta", "mu", "sigma", "corr")
# between two words on how far a run is
_SECONDS = 10.0


@dataclasses.dataclass(frozen=True)
class VectorTask:
    """One posterior of vectors to sample from, and how.

    Parameters
    ----------
    posterior : str
        Name of the posterior.
    options : dict
        The peer's own settings.
    data : str
        Path of the observations, a NumPy file of shape (N, D).
    block : dict
        Priors, floors and sizes, as Stan gets them.
    starts : list of dict
        `theta`, `mu`, `sigma` and `corr` where chains start, taken in turn.
    jitter : float
        By how much chains start elsewhere in each unconstrained coordinate, at most.
    chains, iter_warmup, iter_sampling, seed, cores : int
        Settings of the sampler; `cores` chains run at once.
    target : float
        Target acceptance rate.
    """

    posterior: str
    options: dict[str, Any]
    data: str
    block: dict[str, Any]
    starts: list[dict[str, Any]]
    jitter: float
    chains: int
    iter_warmup: int
    iter_sampling: int
    target: float
    seed: int
    cores: int

    @property
    def y(self) -> np.ndarray:
        """The observations."""
        return np.load(self.data)

    @property
    def start(self) -> dict[str, np.ndarray]:
        """The place where the first chain starts."""
        return {name: np.array(value) for name, value in self.starts[0].items()}

    def refuse_other_priors(self) -> None:
        """End the script where the posterior is one that it does not write."""
        block = self.block
        half_normal = block["sigma_prior"] == 1 and np.isinf(block["sigma_df"])
        own_scales = block["S"] == block["D"] and not block["shared"]
        if block["min_weight"] > 0 or not (half_normal and own_scales and block["correlated"]):
            sys.exit("Half-normal scales and correlations for each component are all it writes.")


def read_vector_task() -> VectorTask:
    """Read the task from the file that the first argument names."""
    return VectorTask(**task_content())


def write_vectors(
    task: VectorTask,
    draws: Mapping[str, Any],
    *,
    seconds: float,
    gradients: float,
    packages: tuple[str, ...],
    worth: float | None = None,
    **versions: str,
) -> None:
    """Check and write the draws, then the result, to the file of the second argument.

    Parameters
    ----------
    task : VectorTask
        What was to be done.
    draws : mapping of str to array_like, shape (chains, draws, K, ...)
        `theta`, `mu`, `sigma` and `corr`.
    seconds : float
        Seconds of sampling with warm-up, without compiling.
    gradients : float
        Gradients of all chains after warm-up.
    packages : tuple of str
        Distributions whose versions are to be told.
    worth : float, optional
        How many independent draws these are worth, where they are weighed.
    **versions : str
        Further versions.
    """
    first = (task.chains, task.iter_sampling, task.block["K"])
    D = task.block["D"]
    shapes = {"theta": first, "mu": (*first, D), "sigma": (*first, D), "corr": (*first, D, D)}
    content = {"seconds": seconds, "gradients": float(gradients), "worth": worth}
    leave({name: draws[name] for name in NAMES}, shapes, content, packages=packages, **versions)


class Progress:
    """How many iterations are done, in a file beside the result, for who stops the run."""

    def __init__(self, task: VectorTask) -> None:
        self.total = task.chains * (task.iter_warmup + task.iter_sampling)
        self.done = 0
        self.told = time.monotonic()
        self.path = Path(sys.argv[2]).with_suffix(".progress")

    def add(self, iterations: int = 1) -> None:
        """Count iterations."""
        self.set(self.done + iterations)

    def set(self, done: int) -> None:
        """Say how many there are, now and then."""
        self.done = done
        if time.monotonic() - self.told > _SECONDS:
            self.told = time.monotonic()
            self.path.write_text(json.dumps({"done": self.done, "of": self.total}), "utf-8")
