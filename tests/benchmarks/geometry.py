"""Which metric and target acceptance rate pay: a table over data sets of several kinds.

Run it with `python tests/benchmarks/geometry.py`; it takes some minutes and prints Markdown.
Effective draws for each gradient do not depend on how busy the machine is; those for each
second of the processor nearly do not.
"""

import argparse
import dataclasses
import itertools
import resource

import numpy as np

import pystan_mix as pmix
from pystan_mix.arviz_data import group
from pystan_mix.datasets import CLOSE_MODEL, SEPARATED_MODEL
from pystan_mix.diagnostics import summarize
from pystan_mix.mixture import FloatArray
from pystan_mix.model import NormalMixture
from pystan_mix.observations import read_observations
from pystan_mix.resources import resource_dir


@dataclasses.dataclass(frozen=True)
class Case:
    """A data set of some kind, and the model that is fitted to it."""

    name: str
    model: NormalMixture
    y: FloatArray


def cases() -> list[Case]:
    """Return data sets that are close, separated and unbalanced, with K from 2 to 5."""
    data = resource_dir("data")

    def simulated(name: str, n: int, theta: list[float], mu: list[float], sigma: float) -> Case:
        model = NormalMixture(
            n_components=len(mu), means=pmix.Normal(mu, 5.0), sigma=pmix.HalfNormal(3.0)
        )
        y = pmix.simulate(n, theta=theta, mu=mu, sigma=sigma, seed=3)
        return Case(f"{name}, K = {len(mu)}, n = {n}", model, y)

    return [
        Case("close.dat, K = 3, n = 100", CLOSE_MODEL, read_observations(data / "close.dat")),
        Case(
            "separated.dat, K = 3, n = 1000",
            SEPARATED_MODEL,
            read_observations(data / "separated.dat"),
        ),
        simulated("close", 300, [0.5, 0.5], [-1.5, 1.5], 1.0),
        simulated("unbalanced", 500, [0.05, 0.95], [0.0, 4.0], 1.0),
        simulated("unbalanced", 800, [0.1, 0.2, 0.3, 0.4], [0.0, 5.0, 10.0, 15.0], 1.0),
        simulated("separated", 1000, [0.2] * 5, [0.0, 5.0, 10.0, 15.0, 20.0], 1.0),
    ]


def row(case: Case, metric: str, adapt_delta: float) -> str:
    """Fit once; return a line of the table."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    fit = pmix.sample(
        case.model,
        case.y,
        iter_warmup=1000,
        iter_sampling=2500,
        metric=metric,
        adapt_delta=adapt_delta,
        seed=1,
        predictive_draws=0,
        show_progress=False,
    )
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    stats, table = group(fit, "sample_stats"), summarize(fit)
    ess = table["ess_bulk"].min()
    gradients = float(stats["n_steps"].sum())
    return (
        f"| {case.name} | {metric} | {adapt_delta} | {gradients / stats['n_steps'].size:.1f} "
        f"| {ess:.0f} | {1000 * ess / gradients:.1f} | {ess / seconds:.0f} "
        f"| {int(stats['diverging'].sum())} | {table['r_hat'].max():.3f} |"
    )


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    heads = (
        "data",
        "metric",
        "target",
        "gradients a draw",
        "smallest bulk ESS",
        "ESS for 1000 gradients",
        "ESS for a second of processor",
        "divergences",
        "R-hat",
    )
    print(f"| {' | '.join(heads)} |")
    print("|---" * len(heads) + "|")
    small = np.arange(20.0)
    for model in (CLOSE_MODEL, SEPARATED_MODEL):  # compiled before anything is timed
        pmix.sample(model, small, iter_warmup=10, iter_sampling=10, show_progress=False)
    for case, metric, adapt_delta in itertools.product(cases(), ("dense_e", "diag_e"), (0.8, 0.95)):
        print(row(case, metric, adapt_delta), flush=True)


if __name__ == "__main__":
    main()
