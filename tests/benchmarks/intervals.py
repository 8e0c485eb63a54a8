"""Coverage of credible intervals where observations are rounded or censored.

Run it with `python tests/benchmarks/intervals.py`; it takes some ten minutes on two cores. It
prints Markdown. Parameters are drawn from the model's own prior, and observations from these, so
that of all central 90 % intervals 90 % hold the parameter, whatever the sample size, if the
posterior is right. The same data are fitted as if the point that stands for each were exact.
"""

import argparse
import dataclasses

import numpy as np

import pystan_mix as pmix
from pystan_mix.errors import DataError
from pystan_mix.numerics import FloatArray

UNIT, LIMIT, N = 2.0, 0.0, 100
MODEL = pmix.NormalMixture(
    n_components=2,
    weights=pmix.Dirichlet(2.0),
    means=pmix.Normal(0.0, 4.0),
    sigma=pmix.HalfNormal(2.0),
    min_sigma=0.0,
)
FEW = {"chains": 2, "iter_warmup": 300, "iter_sampling": 500, "predictive_draws": 0}


def drawn(rng: np.random.Generator) -> tuple[dict[str, FloatArray], FloatArray]:
    """Draw parameters from the prior, in the order of the means, and observations."""
    mu, sigma = rng.normal(0.0, 4.0, 2), np.abs(rng.normal(0.0, 2.0, 2))
    order = np.argsort(mu)
    truth = {"theta": rng.dirichlet([2.0, 2.0]), "mu": mu[order], "sigma": sigma[order]}
    component = rng.choice(2, size=N, p=truth["theta"])
    return truth, rng.normal(truth["mu"][component], truth["sigma"][component])


def rounded(y: FloatArray) -> pmix.Interval:
    """Return what is left of observations on a grid."""
    lower = UNIT * np.floor(y / UNIT)
    return pmix.Interval(lower, lower + UNIT)


def censored(y: FloatArray) -> pmix.Interval:
    """Return what is left of observations of which those below a limit are known to be so."""
    return pmix.Interval(np.where(y < LIMIT, -np.inf, y), np.maximum(y, LIMIT))


def inside(fit, truth: dict[str, FloatArray]) -> dict[str, bool]:
    """Return whether each parameter is in its central 90 % interval."""
    found = {}
    for name, values in truth.items():
        low, high = np.quantile(fit.posterior[name].to_numpy(), [0.05, 0.95], axis=(0, 1))
        # of two weights the second is one minus the first
        for k in range(1 if name == "theta" else 2):
            found[f"{name}[{k + 1}]"] = bool(low[k] <= values[k] <= high[k])
    return found


def main() -> None:
    """Fit all data sets, and print how many intervals hold what they should."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-sets", type=int, default=200)
    parser.add_argument("--of-points", type=int, default=50, help="of how many points are fitted")
    arguments = parser.parse_args()
    wanted = arguments.data_sets
    rows = {(kind, way): [] for kind in ("rounded", "censored") for way in ("bounds", "points")}
    refused = dict.fromkeys(rows, 0)
    for seed in range(wanted):
        truth, y = drawn(np.random.default_rng(seed))
        for kind, made in (("rounded", rounded), ("censored", censored)):
            bounds = made(y)
            ways = {"bounds": bounds, "points": bounds.points}
            for way, observed in ways.items():
                if way == "points" and seed >= arguments.of_points:
                    continue
                # as if exact, what repeats makes a posterior without a floor improper
                floor = 0.0 if way == "bounds" else None
                model = dataclasses.replace(MODEL, min_sigma=floor)
                try:
                    fit = pmix.sample(model, observed, **FEW, seed=seed + 1, show_progress=False)
                except DataError:
                    refused[kind, way] += 1
                    continue
                rows[kind, way].append(inside(fit, truth))
        if seed % 20 == 19:
            print(f"<!-- {seed + 1} data sets -->", flush=True)
    names = list(rows["rounded", "bounds"][0])
    print(f"| data | likelihood | data sets | {' | '.join(names)} | all |")
    print(f"|---|---|--:|{'--:|' * (len(names) + 1)}")
    for (kind, way), each in rows.items():
        held = np.array([list(one.values()) for one in each])
        shares = " | ".join(f"{100 * share:.1f}" for share in [*held.mean(axis=0), held.mean()])
        print(f"| {kind} | of {way} | {len(each)} | {shares} |")
    refusals = ", ".join(f"{n} {kind}" for (kind, way), n in refused.items() if way == "bounds")
    print(f"\nRefused, where all are in one interval or on one side: {refusals}.")


if __name__ == "__main__":
    main()
