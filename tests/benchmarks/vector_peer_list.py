"""The peers on vectors, the posteriors that they sample, and the tasks that each peer gets."""

import argparse
import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from peer_list import Peer
from vector_measurement import VectorTask

import pystan_mix
from pystan_mix.mixtures.families.multivariate_normal import MultivariateNormalMixture
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.target import Target, target_of
from pystan_mix.mixtures.vectors.likely_mixtures import modes_of_vectors
from pystan_mix.numerics import FloatArray

_PACKAGE = str(Path(pystan_mix.__file__).resolve().parents[1])
_TO_PYMC = {"package": _PACKAGE, "by_hand": False}
_BY_HAND = {"package": _PACKAGE, "by_hand": True}
_STARTS = 30

PEERS = (
    Peer("ours", "pystan_mix", "defaults", "peer_vectors_pystan_mix.py", None, {}),
    Peer(
        "stan",
        "Stan (CmdStan)",
        "likelihood in Stan, diag_e",
        "peer_vectors_pystan_mix.py",
        None,
        {"likelihood": "stan", "metric": "diag_e"},
    ),
    Peer("pymc", "PyMC", "to_pymc's model", "peer_vectors_pymc.py", "pymc", _TO_PYMC),
    Peer("pymc-by-hand", "PyMC", "model by hand", "peer_vectors_pymc.py", "pymc", _BY_HAND),
    Peer("nutpie", "nutpie", "to_pymc's model", "peer_vectors_nutpie.py", "nutpie", _TO_PYMC),
    Peer("nutpie-by-hand", "nutpie", "model by hand", "peer_vectors_nutpie.py", "nutpie", _BY_HAND),
    Peer("numpyro", "NumPyro", "CPU, 64 bits", "peer_vectors_numpyro.py", "numpyro", {}),
    Peer(
        "numpyro-dense",
        "NumPyro",
        "CPU, 64 bits, dense_mass",
        "peer_vectors_numpyro.py",
        "numpyro",
        {"dense_mass": True},
    ),
)


@dataclasses.dataclass(frozen=True)
class VectorData:
    """Vectors that are simulated from three normals.

    Parameters
    ----------
    name : str
        What `--posteriors` calls them.
    size, dims : int
        How many vectors of how many coordinates.
    seed : int
        Seed of the simulation.
    patient : tuple of str
        Peers that draw fewer iterations, as theirs take long.
    """

    name: str
    size: int
    dims: int
    seed: int
    patient: tuple[str, ...] = ()

    def simulated(self) -> FloatArray:
        """Return them: centres are some four standard deviations apart, so that some mix."""
        rng, D = np.random.default_rng(self.seed), self.dims
        labels = rng.choice(3, self.size, p=_WEIGHTS)
        y = rng.normal(size=(self.size, D))
        for k, (centre, scales, correlation) in enumerate(_COMPONENTS):
            apart = np.abs(np.subtract.outer(np.arange(D), np.arange(D)))
            root = np.linalg.cholesky(correlation**apart)
            y[labels == k] = centre[:D] + (y[labels == k] @ root.T) * np.array(scales[:D])
        return y


_WEIGHTS = (0.45, 0.33, 0.22)
# centre, standard deviations, and the correlation of neighbouring coordinates
_COMPONENTS = (
    (np.array([0.0, 0.0, 0.0, 0.0]), (1.0, 1.0, 1.0, 1.0), 0.6),
    (np.array([4.0, 1.0, 1.0, -1.0]), (1.2, 0.8, 1.0, 1.3), -0.5),
    (np.array([1.0, 4.5, -1.0, 1.0]), (0.9, 1.1, 0.8, 1.0), 0.3),
)

_PATIENT = ("stan", "pymc", "pymc-by-hand", "nutpie", "nutpie-by-hand")

DATA = (
    VectorData("small-2d", 1000, 2, 1),
    VectorData("small-4d", 1000, 4, 2),
    VectorData("large-2d", 100_000, 2, 3, _PATIENT),
)


def saved(y: NDArray[Any], path: Path) -> str:
    """Write observations where every peer reads them; return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, y)
    return str(path.resolve())


def block_of(target: Target) -> dict[str, Any]:
    """Return priors, floors and sizes as Stan gets them, told once for all peers."""
    return {name: x for name, x in stan_data(target).items() if name not in ("y", "count")}


def task_of(data: VectorData, arguments: argparse.Namespace) -> VectorTask:
    """Return what is to be done for a posterior, but for what the peer and the repeat change."""
    y = data.simulated()
    target = target_of(MultivariateNormalMixture(n_components=3), y)
    (likeliest, *_) = modes_of_vectors(target, rng=np.random.default_rng(1), starts=_STARTS)
    components = {name: x.tolist() for name, x in likeliest.components.items()}
    return VectorTask(
        posterior=data.name,
        options={},
        data=saved(y, arguments.out / "data" / f"{data.name}.npy"),
        block=block_of(target),
        starts=[{"theta": likeliest.theta.tolist()} | components],
        jitter=1.0,
        chains=arguments.chains,
        iter_warmup=arguments.iter_warmup,
        iter_sampling=arguments.iter_sampling,
        target=arguments.target,
        seed=arguments.seed,
        cores=min(arguments.chains, os.cpu_count() or 1),
    )


def task_for(
    task: VectorTask, data: VectorData, peer: Peer, repeat: int, *, iter_patient: int
) -> VectorTask:
    """Return a peer's task in a repeat."""
    found = dataclasses.replace(task, options=peer.options, seed=task.seed + repeat - 1)
    if peer.name in data.patient:
        few = min(iter_patient, task.iter_warmup), min(iter_patient, task.iter_sampling)
        found = dataclasses.replace(found, iter_warmup=few[0], iter_sampling=few[1])
    return found
