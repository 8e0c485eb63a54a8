"""Whether `sample` with its defaults gives the whole posterior, and its verdict is to be believed.

    python tests/benchmarks/whole_posterior.py --out whole-posterior galaxies.dat:3 faithful.dat:4

fits each file of numbers with so many components three times, and sets means and standard
deviations beside two runs of parallel_tempering.py, which are left in the folder and not made
again. It prints Markdown, a row a file. R's packages have the data that mixtures are tried on:
MASS galaxies, abbey, geyser, GAGurine; datasets faithful, quakes, iris.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
from labels import NAMES, Reference, tempered

import pystan_mix as pmix
from pystan_mix.arviz_compat import Fit
from pystan_mix.fits.attributes import WeighingFindings, read_attributes
from pystan_mix.fits.groups import variables
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.target import target_of

SEEDS = (1, 2, 3)


def errors(fit: Fit, reference: Reference) -> tuple[float, float]:
    """Return by how many sds a mean is off at most, and by what part a sd."""
    found, mean, sd = variables(fit), 0.0, 0.0
    for name in NAMES:
        off = np.abs(found[name].mean((0, 1)) - reference.mean[name]) / reference.sd[name]
        mean = max(mean, float(off.max()))
        parts = found[name].std((0, 1)) / reference.sd[name] - 1.0
        sd = max(sd, *(float(part) for part in parts), key=abs)
    return mean, sd


def row(path: Path, K: int, folder: Path) -> str:
    """Return the row of one file."""
    y = np.loadtxt(path)
    model = NormalMixture(n_components=K)
    target = target_of(model, y)
    reference = tempered(target, folder / f"{path.stem}-{K}.json")
    seconds, fine, ways, means, sds = [], 0, [], [], []
    for seed in SEEDS:
        began = time.perf_counter()
        fit = pmix.sample(model, y, seed=seed, predictive_draws=0, show_progress=False)
        seconds.append(time.perf_counter() - began)
        weighing = read_attributes(WeighingFindings, fit)
        way = "annealed" if weighing.annealed else "weighed"
        ways.append(way if weighing.weighed else f"{way}: chains confirmed")
        if pmix.diagnose(fit).use != "fine":
            ways[-1] = "do not use"
            continue
        fine += 1
        mean, sd = errors(fit, reference)
        means.append(mean)
        sds.append(sd)
    return (
        f"| {path.stem}, K = {K}, n = {y.size} | {reference.differ:.2f} | {fine} of {len(SEEDS)} "
        f"| {', '.join(dict.fromkeys(ways))} | {max(means, default=float('nan')):.2f} "
        f"| {100 * max(sds, key=abs, default=float('nan')):+.0f} % "
        f"| {statistics.median(seconds):.1f}, {max(seconds):.1f} |"
    )


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="where the references are left")
    parser.add_argument("data", nargs="+", metavar="FILE:K", help="a file, and how many components")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    print(
        "| data | tempering runs differ by, sds | called fine | the draws are | a mean is off by, "
        "sds | a sd is off by | seconds: median, largest |\n|---|--:|--:|---|--:|--:|--:|"
    )
    for word in arguments.data:
        path, _, K = word.rpartition(":")
        print(row(Path(path), int(K), arguments.out), flush=True)


if __name__ == "__main__":
    main()
