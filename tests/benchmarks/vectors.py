"""What a gradient of a mixture of vectors costs, in C++ and in Stan; and the partition of iris.

``python tests/benchmarks/vectors.py`` prints both; scikit-learn, for the data, is needed for the
second alone. Times are processor time, so that other work on the machine does not count.
"""

import importlib.util
import resource
import sys

import numpy as np
import pandas as pd
from scipy.special import comb

import pystan_mix as pmix
from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.run import Call, run_cmdstan, workspace
from pystan_mix.inference.programs import Likelihood, stan_program
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.starts import initial_values
from pystan_mix.mixtures.target import Target, target_of
from pystan_mix.numerics import FloatArray

# of one trajectory; iterations are so many that a run takes a second
_LEAPFROGS = 10
_SIZES = ((1000, 2), (1000, 4), (10_000, 2))


def seconds_of_gradient(target: Target, likelihood: Likelihood, *, iterations: int) -> float:
    """Processor seconds of one gradient: of two runs, the difference, by leapfrog steps."""
    (executable,) = compiled(stan_program("multivariate_normal", likelihood=likelihood))
    stan, init = stan_data(target), initial_values(target, rng=np.random.default_rng(1))
    spent = []
    with workspace(executable, keep_in=None) as space:
        data, start = space.write_data("data", stan), space.write_data("init", init)
        for n in (1, iterations):
            method = (
                *("sample", f"num_samples={n}", "num_warmup=0", "adapt", "engaged=0"),
                *("algorithm=hmc", "engine=static", f"int_time={1e-9 * _LEAPFROGS}"),
                "stepsize=1e-9",
            )
            before = _children()
            run_cmdstan(
                space, f"run-{n}", [Call(method=method, data=data, seed=1, init=start)], parallel=1
            )
            spent.append(_children() - before)
    return (spent[1] - spent[0]) / ((iterations - 1) * _LEAPFROGS)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime


def adjusted_rand_index(one: FloatArray, other: FloatArray) -> float:
    """How well two partitions agree, 1 where they are the same (Hubert and Arabie, 1985)."""
    table = pd.crosstab(one, other).to_numpy()
    pairs = comb(table, 2).sum()
    rows, columns = (comb(table.sum(axis=axis), 2).sum() for axis in (1, 0))
    chance = rows * columns / comb(table.sum(), 2)
    return float((pairs - chance) / ((rows + columns) / 2 - chance))


def main() -> None:
    """Print both."""
    rng = np.random.default_rng(1)
    for N, D in _SIZES:
        y = rng.normal(size=(N, D)) + 4 * rng.integers(0, 3, (N, 1))
        target = target_of(pmix.MultivariateNormalMixture(n_components=3), y)
        each = {
            likelihood: seconds_of_gradient(target, likelihood, iterations=iterations)
            for likelihood, iterations in (("fused", 2_000_000 // N), ("stan", 60_000 // N + 2))
        }
        ratio = each["stan"] / each["fused"]
        print(
            f"N = {N}, D = {D}, K = 3: fused {1e6 * each['fused']:.1f} us, "
            f"Stan {1e6 * each['stan']:.0f} us, {ratio:.0f} times"
        )
    if importlib.util.find_spec("sklearn") is None:
        sys.exit("iris needs scikit-learn")
    from sklearn.datasets import load_iris

    iris = load_iris()
    model = pmix.MultivariateNormalMixture(n_components=3)
    fit = pmix.sample(model, iris.data, seed=1, show_progress=False)
    for loss in ("variation_of_information", "binder"):
        labels = pmix.partition(fit, loss=loss).values
        print(f"iris, {loss}: adjusted Rand index {adjusted_rand_index(labels, iris.target):.3f}")
    print(pmix.diagnose(fit))


if __name__ == "__main__":
    main()
