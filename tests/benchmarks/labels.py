"""Free components with sorted draws, or means that are pushed apart: which samples the posterior.

Run it with `python tests/benchmarks/labels.py --out labels-results`; it takes half an hour on
two cores, most of it for the references, which it leaves there and does not make again. It prints
Markdown: for each data set a row for each way, of two fits by NUTS with the package's defaults.

The references of simulated data are two runs of parallel_tempering.py, those of real data, in
../shared/data/real where that folder exists, are others' own.
"""

import argparse
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from parallel_tempering import REAL, Posed, posed_of, temper

import pystan_mix as pmix
from pystan_mix.arviz_compat import az
from pystan_mix.inference.begins import Begin
from pystan_mix.inference.chains import checked_nuts, run_chains
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.starts import initial_values
from pystan_mix.mixtures.target import Target, target_of
from pystan_mix.numerics import FloatArray

NAMES = ("theta", "mu", "sigma")
SEEDS = (1, 2)
# name, weights, means, standard deviations, n, components too many, seed
SIMULATED = (
    ("close", [0.5, 0.5], [-1.2, 1.2], 1.0, 200, 0, 1),
    ("close", [0.3, 0.3, 0.4], [-2.0, 0.0, 2.0], 0.8, 200, 0, 2),
    ("wide and narrow", [0.5, 0.5], [0.0, 1.5], [1.0, 4.0], 200, 0, 3),
    ("separated", [0.4, 0.6], [-3.0, 3.0], 1.0, 200, 0, 4),
    ("separated", [0.3, 0.3, 0.4], [-6.0, 0.0, 6.0], 1.0, 200, 0, 5),
    ("unbalanced", [0.05, 0.95], [0.0, 4.0], 1.0, 300, 0, 6),
    ("unbalanced", [0.1, 0.2, 0.3, 0.4], [0.0, 5.0, 10.0, 15.0], 1.0, 250, 0, 7),
    ("same mean", [0.9, 0.1], [0.0, 0.0], [1.0, 5.0], 400, 0, 8),
    ("same mean", [0.9, 0.1], [0.0, 0.0], [1.0, 5.0], 400, 0, 9),
    ("one too many", [0.5, 0.5], [-2.0, 2.0], 1.0, 200, 1, 10),
    ("one too many", [0.3, 0.3, 0.4], [-5.0, 0.0, 5.0], 1.0, 200, 1, 11),
    ("separated", [0.2] * 5, [0.0, 5.0, 10.0, 15.0, 20.0], 1.0, 200, 0, 12),
    ("separated", [1 / 6] * 6, [0.0, 5.0, 10.0, 15.0, 20.0, 25.0], 1.0, 200, 0, 13),
)


@dataclasses.dataclass(frozen=True)
class Reference:
    """Means and standard deviations by parameter, and by how much two runs differ, in sds."""

    mean: dict[str, FloatArray]
    sd: dict[str, FloatArray]
    differ: float


def cases(folder: Path) -> Iterator[tuple[str, Target, Reference]]:
    """Yield data sets with their references."""
    for name, theta, mu, sigma, n, surplus, seed in SIMULATED:
        y = pmix.simulate(n, theta=theta, mu=mu, sigma=sigma, seed=seed)
        K = len(theta) + surplus
        target = target_of(NormalMixture(n_components=K), y)
        path = folder / f"{name.replace(' ', '-')}-{K}-{seed}.json"
        yield f"{name}, K = {K}, n = {n}", target, tempered(target, path)
    if not REAL.is_dir():
        return
    for name, found in json.loads((REAL / "references.json").read_text()).items():
        if found["half_width"] is not None:
            continue  # of observations that are intervals
        posed, marginals = posed_of(found), found["posterior"]
        model = NormalMixture(
            n_components=posed.K,
            weights=pmix.Dirichlet(posed.alpha),
            means=pmix.Normal(posed.loc, posed.scale),
            sigma=pmix.HalfNormal(posed.sigma_scale),
            min_sigma=posed.min_sigma,
        )
        each = {v: [marginals[f"{v}[{k + 1}]"] for k in range(posed.K)] for v in NAMES}
        reference = Reference(
            mean={v: np.array([one["mean"] for one in each[v]]) for v in NAMES},
            sd={v: np.array([one["sd"] for one in each[v]]) for v in NAMES},
            differ=max(abs(np.ptp(one["runs"])) / one["sd"] for v in NAMES for one in each[v]),
        )
        yield f"{name.split('_floor')[0]}, n = {posed.y.size}", target_of(model, posed.y), reference


def tempered(target: Target, path: Path) -> Reference:
    """Return the reference of two runs of parallel tempering, made once."""
    if not path.exists():
        data = stan_data(target)
        posed = Posed(
            y=target.observed.y,
            K=target.n_components,
            alpha=data["alpha"][0],
            loc=data["mu_loc"][0],
            scale=data["mu_scale"][0],
            sigma_scale=data["sigma_scale"][0],
            min_sigma=data["min_sigma"],
        )
        runs = [temper(posed, seed=seed).draws for seed in SEEDS]
        found = {
            v: [[run[v].mean((0, 1)).tolist(), run[v].std((0, 1)).tolist()] for run in runs]
            for v in NAMES
        }
        path.write_text(json.dumps(found), encoding="utf-8")
    found = {v: np.array(x) for v, x in json.loads(path.read_text(encoding="utf-8")).items()}
    # (run, mean or sd, component); of two halves the variance is that within and that between
    mean = {v: x[:, 0].mean(axis=0) for v, x in found.items()}
    sd = {v: np.sqrt((x[:, 1] ** 2 + (x[:, 0] - mean[v]) ** 2).mean(0)) for v, x in found.items()}
    differ = max(float((np.abs(np.diff(found[v][:, 0], axis=0)) / sd[v]).max()) for v in NAMES)
    return Reference(mean, sd, differ)


def measure(target: Target, reference: Reference, *, sort_components: bool) -> str:
    """Fit with two seeds; return the cells of a row."""
    ess, gradients, divergences, r_hat = 0.0, 0.0, 0, 1.0
    off_mean, off_sd = 0.0, 0.0
    for seed in SEEDS:
        nuts = checked_nuts(
            chains=4,
            parallel_chains=None,
            iter_warmup=1000,
            iter_sampling=1000,
            adapt_delta=0.9,
            max_treedepth=10,
            metric="dense_e",
            seed=seed,
            show_progress=False,
        )
        rng = np.random.default_rng(seed)
        inits = [
            Begin(initial_values(target, rng=rng, sort_components=sort_components))
            for _ in range(4)
        ]
        data = stan_data(target, sort_components=sort_components)
        csvs = run_chains(stan_program("normal"), nuts, data=data, begins=inits).csvs
        draws = {v: np.stack([csv.variable(v) for csv in csvs]) for v in NAMES}
        each = [draws[v][..., k] for v in NAMES for k in range(target.n_components)]
        ess += min(float(az.ess(x, method="bulk")) for x in each)
        r_hat = max(r_hat, *(float(az.rhat(x)) for x in each))
        gradients += float(sum(csv.variable("n_leapfrog__").sum() for csv in csvs))
        divergences += int(sum((csv.variable("divergent__") != 0).sum() for csv in csvs))
        for v in NAMES:
            error = np.abs(draws[v].mean((0, 1)) - reference.mean[v]) / reference.sd[v]
            off_mean = max(off_mean, float(error.max()))
            worst = (draws[v].std((0, 1)) / reference.sd[v] - 1.0).tolist()
            off_sd = max(off_sd, *worst, key=abs)
    return (
        f"{1000 * ess / gradients:.1f} | {r_hat:.3f} | {divergences} | {off_mean:.2f} "
        f"| {100 * off_sd:+.0f} %"
    )


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="where the references are left")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    print(
        "| data | runs differ by | components | ESS for 1000 gradients | largest R-hat "
        "| divergences | a mean is off by, sds | a sd is off by |\n"
        "|---|--:|---|--:|--:|--:|--:|--:|"
    )
    for name, target, reference in cases(folder):
        for way, sort_components in (("pushed apart", False), ("free", True)):
            cells = measure(target, reference, sort_components=sort_components)
            print(f"| {name} | {reference.differ:.2f} | {way} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
