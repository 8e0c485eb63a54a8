"""The data sets that come with the package: what they are, and how they were made."""

import dataclasses
import json
from pathlib import Path

import numpy as np

from pystan_mix.files import write_text
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.priors import Dirichlet, Normal
from pystan_mix.mixtures.scale_priors import HalfCauchy
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.target import target_of
from pystan_mix.numerics import FloatArray
from pystan_mix.resources import resource_dir
from pystan_mix.study.simulation import simulate

CLOSE_MODEL = NormalMixture(
    n_components=3, weights=Dirichlet(10.0), means=Normal(0.0, 10.0), sigma=1.0
)
SEPARATED_MODEL = NormalMixture(
    n_components=3,
    weights=Dirichlet(2.0),
    means=Normal([0.0, 10.0, 20.0], 5.0),
    sigma=HalfCauchy(5.0),
    min_weight=0.1,
)


@dataclasses.dataclass(frozen=True)
class DataSet:
    """A simulated data set and the model that the notebook fits to its like.

    Parameters
    ----------
    name : str
        The files' name.
    n : int
        Number of observations.
    mu : tuple of float
        True means; the weights are equal.
    sigma : float
        True standard deviation of every component.
    seed : int
        Seed of `simulate`.
    model : NormalMixture
        The model whose priors stand in the JSON file.
    course_file : str
        The notebook's file that it stands for.
    """

    name: str
    n: int
    mu: tuple[float, ...]
    sigma: float
    seed: int
    model: NormalMixture
    course_file: str


DATA_SETS = (
    DataSet("close", 100, (-2.0, 0.0, 2.0), 1.0, 2, CLOSE_MODEL, "3gv2.dat"),
    DataSet("separated", 1000, (0.0, 10.0, 20.0), 3.0, 4, SEPARATED_MODEL, "3g.dat"),
)


def data_file(data_set: DataSet, data_dir: Path | None) -> Path:
    """Return the file of a data set: the shipped one, or the notebook's own in a folder."""
    if data_dir is None:
        return resource_dir("data") / f"{data_set.name}.dat"
    return data_dir / data_set.course_file


def write_data_sets(folder: Path) -> list[Path]:
    """Write the data sets again: as text, and as JSON for CmdStan.

    Parameters
    ----------
    folder : pathlib.Path
        Where to; made if missing.

    Returns
    -------
    list of pathlib.Path
        The files: ``.dat`` with six decimals, ``.json`` with the same numbers
        and the model's priors.
    """
    written = []
    for data_set in DATA_SETS:
        K = len(data_set.mu)
        y = simulate(
            data_set.n,
            theta=np.full(K, 1.0 / K),
            mu=data_set.mu,
            sigma=data_set.sigma,
            seed=data_set.seed,
        )
        # six decimals hide how the machine's own cosine and logarithm round
        text = format_observations(y)
        rounded = np.array([float(line) for line in text.splitlines()])
        target = target_of(data_set.model, rounded)
        block = stan_data(target, sort_components=target.free_components)
        stan = json.dumps(block, indent=1)
        for suffix, content in ((".dat", text), (".json", stan + "\n")):
            written.append(folder / f"{data_set.name}{suffix}")
            write_text(written[-1], content)
    return written


def format_observations(y: FloatArray) -> str:
    """Return observations as text, one to a line, with six decimals."""
    return "".join(f"{value:.6f}\n" for value in y)
