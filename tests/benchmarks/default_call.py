"""What a default call of `sample` takes beside its four CmdStan processes, and what for.

    python tests/benchmarks/default_call.py
    git worktree add --detach before COMMIT
    python tests/benchmarks/default_call.py --before before

prints two tables in Markdown, of K = 3 and each number of observations: the whole call, with and
without posterior predictive and log likelihood; and its parts one by one, of which the four
processes are one. With `--before` the same call is measured in turn in another version of the
package, of which `sample` is all that is used. Medians; it takes some ten minutes on two cores.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

import pystan_mix as pmix
from pystan_mix.cmdstan.stan_csv import read_stan_csv
from pystan_mix.inference.assemble import nuts_fit
from pystan_mix.inference.begins import begins
from pystan_mix.inference.chains import checked_nuts, run_chains
from pystan_mix.inference.from_csv import csv_draws
from pystan_mix.inference.predictive import predictive_draws_for, predictive_of
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.starts import values_of_chains
from pystan_mix.mixtures.target import target_of
from pystan_mix.weighing.chains import weigh_chains

SIZES = (100, 1000, 9000, 100_000)
TIMING = Path(__file__).with_name("default_call_timing.py")
PROCESSES, PREDICTIVE = "four processes", "predictive, log_lik"
BUILT, BUILT_OF_IT = "ArviZ data", "ArviZ data of predictive"

Result = TypeVar("Result")


def observations(n: int) -> list[float]:
    """Return observations of three components, two of which overlap."""
    y = pmix.simulate(n, theta=[0.3, 0.4, 0.3], mu=[-4, 0, 8], sigma=[1.0, 2.0, 1.0], seed=1)
    return list(map(float, y))


def parts(y: list[float]) -> dict[str, float]:
    """Do step by step what `sample` does with its defaults; return the seconds of each step."""
    seconds: dict[str, float] = {}

    def timed(part: str, step: Callable[[], Result]) -> Result:
        began = time.perf_counter()
        result = step()
        seconds[part] = time.perf_counter() - began
        return result

    nuts = checked_nuts(
        chains=4,
        parallel_chains=None,
        iter_warmup=1000,
        iter_sampling=1000,
        adapt_delta=0.9,
        max_treedepth=10,
        metric="dense_e",
        seed=1,
        show_progress=False,
    )
    target = timed("observations", lambda: target_of(pmix.NormalMixture(n_components=3), y))
    rng, sort = np.random.default_rng(nuts.seed), target.free_components
    inits = timed(
        "initial values",
        lambda: values_of_chains(target, nuts.chains, rng=rng, sort_components=sort),
    )
    with tempfile.TemporaryDirectory() as folder:
        run = run_chains(
            stan_program(target.model.program),
            nuts,
            data=stan_data(target, sort_components=sort),
            begins=begins(target, inits, sort_components=sort, rng=rng),
            output_dir=folder,
        )
        seconds[PROCESSES] = run.seconds
        files = sorted(Path(folder).glob("chain-*.csv"))
        csvs = timed("reading CSV", lambda: [read_stan_csv(path) for path in files])
    chains = csv_draws(target, csvs)
    weighed = timed(
        "weighing", lambda: weigh_chains(target, chains, parallel=nuts.parallel, rng=rng)
    )
    draws = chains if weighed is None or weighed.draws is None else weighed.draws
    total = predictive_draws_for(None, n=len(y), draws=nuts.chains * nuts.iter_sampling)
    predictive = timed(
        PREDICTIVE,
        lambda: predictive_of(
            target, draws, n_rep=len(y), total=total, seed=nuts.seed, parallel=nuts.parallel
        ),
    )
    timed(BUILT, lambda: nuts_fit(target, csvs, predictive=predictive, weighed=weighed))
    timed("without", lambda: nuts_fit(target, csvs, predictive=None, weighed=weighed))
    seconds[BUILT_OF_IT] = max(0.0, seconds[BUILT] - seconds.pop("without"))
    return seconds


def timings(tree: Path | None, y: Path) -> dict[str, list[float]]:
    """Return wall and processor seconds of calls, with the package in a folder or this one."""
    environment = dict(os.environ)
    if tree is not None:
        environment["PYTHONPATH"] = str(tree)
    argv = [sys.executable, str(TIMING), str(y)]
    done = subprocess.run(argv, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))


def main() -> None:
    """Measure each size, and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--before", type=Path, help="a folder with another version of the package")
    parser.add_argument("--repeats", type=int, default=5, help="rounds, all in turn")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    arguments = parser.parse_args()
    trees = {"now": None} | ({} if arguments.before is None else {"before": arguments.before})
    whole = [
        "| n | | call, s | without, s | its processor, s | without, s | share | of processor |"
    ]
    whole.append("|--:|---" + "|--:" * 6 + "|")
    steps: list[str] = []
    for n in arguments.sizes:
        y = observations(n)
        taken: dict[str, list[dict[str, list[float]]]] = {tree: [] for tree in trees}
        rounds: list[dict[str, float]] = []
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "y.json"
            file.write_text(json.dumps(y), encoding="utf-8")
            for _ in range(arguments.repeats):
                for tree, path in trees.items():
                    taken[tree].append(timings(path, file))
                rounds.append(parts(y))
        for tree, calls in taken.items():
            wall, processor = (
                [
                    statistics.median(each[name][which] for each in calls)
                    for name in ("defaults", "without predictive")
                ]
                for which in (0, 1)
            )
            seconds = " | ".join(f"{x:.2f}" for x in (*wall, *processor))
            shares = " | ".join(f"{1 - without / call:.0%}" for call, without in (wall, processor))
            whole.append(f"| {n} | {tree} | {seconds} | {shares} |")
            print(whole[-1], file=sys.stderr)
        each = {part: statistics.median(one[part] for one in rounds) for part in rounds[0]}
        if not steps:
            steps += [f"| n | {' | '.join(each)} | share |", "|--:" * (len(each) + 2) + "|"]
        # of what is done step by step, so that both were made at the same time
        share = (each[PREDICTIVE] + each[BUILT_OF_IT]) / (sum(each.values()) - each[BUILT_OF_IT])
        steps.append(f"| {n} | {' | '.join(f'{x:.3f}' for x in each.values())} | {share:.1%} |")
        print(steps[-1], file=sys.stderr)
    print("\n".join([*whole, "", *steps]))


if __name__ == "__main__":
    main()
