"""Which ordering of the means, metric and target pay: a table over data sets of several kinds.

Run it with `python tests/benchmarks/geometry.py`; it takes a quarter of an hour and prints
Markdown. Effective draws for each gradient do not depend on how busy the machine is.

"free" is the program as it is, which pushes free means apart; "gaps" is the same program with
Stan's own ordered vector, whose free values are the logarithms of the gaps.
"""

import argparse
import dataclasses
import itertools
import re
import tempfile
from pathlib import Path

import numpy as np

import pystan_mix as pmix
from pystan_mix.arviz_compat import az
from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.run import Call, run_cmdstan, workspace
from pystan_mix.data_files import read_observations
from pystan_mix.inference.chains import checked_nuts
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.starts import initial_parameters, initial_values
from pystan_mix.mixtures.target import target_of
from pystan_mix.numerics import FloatArray
from pystan_mix.resources import resource_dir
from pystan_mix.study.data_sets import CLOSE_MODEL, SEPARATED_MODEL

CHAINS = 4
# of the program: its line, and what Stan's own ordered vector has in its place
GAPS = (
    (r" *vector\[K\] mu_raw;.*\n", "  ordered[K] mu;\n"),
    (r" *ordered\[K\] mu = push_apart.*\n", ""),
    (r" *target \+= push_apart_log_det.*\n", ""),
)


@dataclasses.dataclass(frozen=True)
class Case:
    """A data set of some kind, and the model that is fitted to it."""

    name: str
    model: NormalMixture
    y: FloatArray


def cases() -> list[Case]:
    """Return data sets that are close, separated and unbalanced, with K from 2 to 5."""
    data = resource_dir("data")

    def simulated(
        name: str, n: int, theta: list[float], mu: list[float], *, surplus: int = 0
    ) -> Case:
        K = len(mu) + surplus
        means = pmix.Normal(mu, 5.0) if surplus == 0 else pmix.Normal(float(np.mean(mu)), 10.0)
        model = NormalMixture(n_components=K, means=means, sigma=pmix.HalfNormal(3.0))
        y = pmix.simulate(n, theta=theta, mu=mu, sigma=1.0, seed=3)
        return Case(f"{name}, K = {K}, n = {n}", model, y)

    return [
        Case("close.dat, K = 3, n = 100", CLOSE_MODEL, read_observations(data / "close.dat")),
        Case(
            "separated.dat, K = 3, n = 1000",
            SEPARATED_MODEL,
            read_observations(data / "separated.dat"),
        ),
        simulated("close", 300, [0.5, 0.5], [-1.5, 1.5]),
        simulated("unbalanced", 500, [0.05, 0.95], [0.0, 4.0]),
        simulated("unbalanced", 800, [0.1, 0.2, 0.3, 0.4], [0.0, 5.0, 10.0, 15.0]),
        simulated("separated", 1000, [0.2] * 5, [0.0, 5.0, 10.0, 15.0, 20.0]),
        simulated("one too many", 300, [0.5, 0.5], [-2.0, 2.0], surplus=1),
    ]


@dataclasses.dataclass(frozen=True)
class Efficiency:
    """What one fit gave for its work."""

    ess: float
    gradients: float
    divergences: int
    r_hat: float


def with_gaps(folder: Path) -> Path:
    """Compile the program with Stan's own ordered vector."""
    program = stan_program("normal")
    text = program.path.read_text(encoding="utf-8")
    for line, instead in GAPS:
        text, changes = re.subn(line, instead, text)
        if changes != 1:
            raise SystemExit(f"{program.path} has {changes} lines {line!r}, not one.")
    path = folder / program.path.name
    path.write_text(text, encoding="utf-8")
    return compiled(dataclasses.replace(program, path=path), show_progress=False)[0]


def measure(
    case: Case, executable: Path, *, gaps: bool, metric: str, adapt_delta: float, seed: int
) -> Efficiency:
    """Fit once."""
    target = target_of(case.model, case.y)
    nuts = checked_nuts(
        chains=CHAINS,
        parallel_chains=None,
        iter_warmup=1000,
        iter_sampling=2500,
        adapt_delta=adapt_delta,
        max_treedepth=10,
        metric=metric,
        seed=seed,
        show_progress=False,
    )
    rng = np.random.default_rng(seed)
    with workspace(executable, keep_in=None) as space:
        data = space.write_data("data", stan_data(target))
        calls = []
        for chain in range(CHAINS):
            start = initial_parameters if gaps else initial_values
            init = start(target, rng=rng)
            init_file = space.write_data(f"init-{chain}", init)
            calls.append(Call(method=nuts.method, data=data, seed=seed, init=init_file))
        csvs = run_cmdstan(space, "chain", calls, parallel=nuts.parallel).csvs
    names = ["theta", *(each.name for each in target.estimated)]
    draws = np.concatenate(
        [np.stack([csv.variable(name) for csv in csvs]) for name in names], axis=-1
    )
    parameters = np.moveaxis(draws, -1, 0)
    return Efficiency(
        ess=min(float(az.ess(x, method="bulk")) for x in parameters),
        gradients=float(sum(csv.variable("n_leapfrog__").sum() for csv in csvs)),
        divergences=int(sum(csv.variable("divergent__").sum() for csv in csvs)),
        r_hat=max(float(az.rhat(x)) for x in parameters),
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=2, help="fits of each (default: %(default)s)")
    seeds = range(1, parser.parse_args().seeds + 1)
    print(
        "| data | means | metric | target | gradients a draw | ESS for 1000 gradients "
        "| divergences | largest R-hat |\n|---|---|---|--:|--:|--:|--:|--:|"
    )
    with tempfile.TemporaryDirectory(prefix="pystan_mix-") as folder:
        executables = {
            "free": compiled(stan_program("normal"), show_progress=False)[0],
            "gaps": with_gaps(Path(folder)),
        }
        ways = itertools.product(cases(), executables, ("dense_e", "diag_e"), (0.8, 0.9, 0.95))
        for case, means, metric, adapt_delta in ways:
            fits = [
                measure(
                    case,
                    executables[means],
                    gaps=means == "gaps",
                    metric=metric,
                    adapt_delta=adapt_delta,
                    seed=seed,
                )
                for seed in seeds
            ]
            gradients = sum(fit.gradients for fit in fits)
            print(
                f"| {case.name} | {means} | {metric} | {adapt_delta} "
                f"| {gradients / (CHAINS * 2500 * len(fits)):.1f} "
                f"| {1000 * sum(fit.ess for fit in fits) / gradients:.1f} "
                f"| {sum(fit.divergences for fit in fits)} "
                f"| {max(fit.r_hat for fit in fits):.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
