"""A table of 1e9 observations in 1000 cells against 1000 observations: time, room, posterior.

``python tests/benchmarks/counts.py`` takes some two minutes; the two take turns.
"""

import argparse
import resource
import time

import numpy as np
from scipy import stats

import pystan_mix as pmix
from pystan_mix.numerics import FloatArray

THETA, MU, SIGMA = np.array([0.3, 0.7]), np.array([-1.5, 2.5]), np.array([1.5, 1.0])
MODEL = pmix.NormalMixture(n_components=2)


def table(cells: int, size: int) -> tuple[FloatArray, FloatArray]:
    """Return the middles of cells, and how many of so many observations are in each."""
    edges = np.linspace(-8.0, 8.0, cells + 1)
    shares = np.diff(stats.norm.cdf(edges[:, None], MU, SIGMA) @ THETA)
    counts = np.random.default_rng(1).multinomial(size, shares / shares.sum())
    return 0.5 * (edges[1:] + edges[:-1]), counts


def seconds() -> tuple[float, float]:
    """Return wall time, and the processors' time of this process and of CmdStan's."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(each.ru_utime + each.ru_stime for each in used)


def main() -> None:
    """Fit the two in turns, and print what each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    y = pmix.simulate(1000, theta=THETA, mu=MU, sigma=SIGMA, seed=1)
    cells, counts = table(1000, 10**9)
    print(f"{np.count_nonzero(counts)} cells are not empty; the fullest has {counts.max()}")
    took = {"1000 observations": [], "1e9 in 1000 cells": []}
    pmix.sample(MODEL, y, seed=1, show_progress=False)
    for seed in range(1, rounds + 1):
        for (name, times), data in zip(
            took.items(), ({"y": y}, {"y": cells, "counts": counts}), strict=True
        ):
            began = seconds()
            fit = pmix.sample(MODEL, seed=seed, show_progress=False, **data)
            times.append(np.subtract(seconds(), began))
            use = pmix.diagnose(fit).use
            mu = fit.posterior["mu"]
            means, sds = (
                np.asarray(each) for each in (mu.mean(("chain", "draw")), mu.std(("chain", "draw")))
            )
            print(f"{name}: {times[-1].round(2)} s, {use}; mu {means} +- {sds}")
    first, second = (np.median(times, axis=0) for times in took.values())
    print(f"medians, wall and processor: {first} s and {second} s; ratios {second / first}")
    print(f"largest room: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
