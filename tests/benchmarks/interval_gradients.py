"""What a gradient costs where observations are known to lie between bounds.

``python tests/benchmarks/interval_gradients.py`` prints Markdown: microseconds of processor time
for three components with everything estimated and 1000 observations, of normal components in C++
and in Stan, and of Student-t ones, which have intervals in Stan alone.
"""

import argparse
import resource
from collections.abc import Sequence

import numpy as np

import pystan_mix as pmix
from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.run import Call, run_cmdstan, workspace
from pystan_mix.inference.programs import Likelihood, stan_program
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.starts import initial_values
from pystan_mix.mixtures.target import Target, target_of

# of one trajectory
_LEAPFROGS = 10
_SIZE = 1000


def seconds_of_gradient(
    target: Target, program: str, likelihood: Likelihood, *, seconds: float
) -> float:
    """Processor seconds of one gradient: of two runs, the difference, by leapfrog steps."""
    (executable,) = compiled(stan_program(program, likelihood=likelihood))
    init = initial_values(target, rng=np.random.default_rng(1))
    with workspace(executable, keep_in=None) as space:
        data, start = space.write_data("data", stan_data(target)), space.write_data("init", init)

        def spent(iterations: int) -> float:
            method = (
                *("sample", f"num_samples={iterations}", "num_warmup=0", "adapt", "engaged=0"),
                *("algorithm=hmc", "engine=static", f"int_time={1e-9 * _LEAPFROGS}"),
                "stepsize=1e-9",
            )
            call = Call(method=method, data=data, seed=1, init=start)
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            run_cmdstan(space, f"run-{iterations}", [call], parallel=1)
            return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before

        few, some = spent(1), spent(101)
        # so many that a run takes the time that is asked for
        iterations = 101 + int(100 * seconds / max(some - few, 1e-3))
        return (spent(iterations) - few) / ((iterations - 1) * _LEAPFROGS)


def observations() -> dict[str, pmix.Interval]:
    """Return what is known of the same thousand numbers, in several ways."""
    rng = np.random.default_rng(1)
    y = rng.normal(size=_SIZE) + 4.0 * rng.integers(0, 3, _SIZE)
    width, limit = rng.uniform(0.2, 0.6, _SIZE), y + rng.uniform(0.0, 2.0, _SIZE)
    below = rng.random(_SIZE) < 0.5
    grid = 0.5 * np.round(y / 0.5)
    return {
        "exact": pmix.Interval(y, y),
        "each in an interval of its own, 0.2 to 0.6 wide": pmix.Interval(
            y - 0.5 * width, y + 0.5 * width
        ),
        "half of them below limits of their own": pmix.Interval(
            np.where(below, -np.inf, y), np.where(below, limit, y)
        ),
        "rounded to 0.5": pmix.Interval(grid - 0.25, grid + 0.25),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a run")
    seconds = parser.parse_args(arguments).seconds
    columns: tuple[tuple[str, Likelihood], ...]
    columns = (("normal", "fused"), ("normal", "stan"), ("student_t", "stan"))
    print("| observations | distinct | normal, C++ | normal, Stan | Student-t, Stan |")
    print("|---|--:|--:|--:|--:|")
    for name, bounds in observations().items():
        cells = []
        for program, likelihood in columns:
            family = pmix.NormalMixture if program == "normal" else pmix.StudentTMixture
            target = target_of(family(n_components=3), bounds)
            took = seconds_of_gradient(target, program, likelihood, seconds=seconds)
            cells.append(f"{1e6 * took:.3g}")
        distinct = len(np.unique(np.stack([bounds.lower, bounds.upper]), axis=1).T)
        print(f"| {name} | {distinct} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
