"""PyMC and CmdStan on the same posterior of data of which half are censored.

``python tests/benchmarks/pymc_intervals.py`` takes some two minutes, most of them a compiler;
it needs PyMC. It prints what `compare` says, and the largest z.
"""

import numpy as np

import pystan_mix as pmix
from pystan_mix.with_pymc.sample import sample_pymc

N, DRAWS = 150, 1500
MODEL = pmix.NormalMixture(n_components=2, means=pmix.Normal(0.0, 5.0), sigma=pmix.HalfNormal(3.0))


def censored() -> pmix.Interval:
    """Return observations of which every other is known to be below a limit only."""
    y = pmix.simulate(N, theta=[0.4, 0.6], mu=[-2.5, 2.5], sigma=[1.0, 1.4], seed=4)
    below = np.arange(N) % 2 == 0
    limits = y + np.random.default_rng(2).uniform(0.0, 2.0, N)
    return pmix.Interval(np.where(below, -np.inf, y), np.where(below, limits, y))


def main() -> None:
    """Draw by both, and compare."""
    y = censored()
    trace = sample_pymc(MODEL, y, iter_sampling=DRAWS, seed=1, show_progress=True)
    fit = pmix.sample(MODEL, y, iter_sampling=DRAWS, seed=1)
    found = pmix.compare({"Stan": fit, "PyMC": trace})
    print(found.verdict)
    print(f"largest z: {found.table.filter(like='z_').abs().max(axis=None):.1f}")


if __name__ == "__main__":
    main()
