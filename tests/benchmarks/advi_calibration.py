"""Whether the verdict on ADVI is to be believed: against NUTS, over simulated data sets.

Each data set is fitted by `advi`, as its users call it, and by NUTS; where `diagnose` does not
believe NUTS itself, the data set is left out, and how many these are is said. The rule's numbers
in `pystan_mix.advi_diagnostics` were chosen on seeds 1 to 81; the table is from seeds from 10001
on, on which nothing was chosen.

    python tests/benchmarks/advi_calibration.py --out calibration.json

takes an hour on two cores. Results are kept after each data set, and a second call goes on where
the first one ended.
"""

import argparse
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any, get_args

import numpy as np

import pystan_mix as pmix
from pystan_mix.arviz_data import Fit, attributes, group, group_names, pareto_smoothed
from pystan_mix.datasets import CLOSE_MODEL, SEPARATED_MODEL
from pystan_mix.diagnostics import summarize
from pystan_mix.errors import SamplingError
from pystan_mix.files import write_json
from pystan_mix.mixture import FloatArray
from pystan_mix.model import NormalMixture
from pystan_mix.observations import read_observations
from pystan_mix.verdict import Use

ALGORITHMS = ("meanfield", "fullrank")
KINDS = ("close", "separated", "unbalanced")


def simulated(seed: int) -> tuple[str, NormalMixture, FloatArray]:
    """Return a data set of some kind, and the model that is fitted to it."""
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % 3]
    K = int(rng.integers(2, 5))
    n = int(np.exp(rng.uniform(np.log(50), np.log(2000))))
    gap = {"close": 2.5, "separated": 6.0, "unbalanced": 4.0}[kind]
    mu = np.cumsum(gap * rng.uniform(0.8, 1.2, size=K))
    sigma = rng.uniform(0.7, 1.4, size=K)
    theta = rng.dirichlet(np.full(K, 10.0))
    if kind == "unbalanced":
        theta = np.append(0.05, 0.95 * rng.dirichlet(np.full(K - 1, 10.0)))
        theta = rng.permutation(theta)
    y = pmix.simulate(n, theta=theta, mu=mu, sigma=sigma, seed=seed)
    known = bool(rng.integers(2))
    model = NormalMixture(n_components=K, sigma=sigma.tolist() if known else None)
    return f"{kind}, K = {K}, n = {n}, sigma {'known' if known else 'unknown'}", model, y


def moments(draws: dict[str, FloatArray], weights: FloatArray) -> dict[str, list[float]]:
    """Return the weighted mean and standard deviation of every parameter."""
    values = np.concatenate([draws[name] for name in sorted(draws)], axis=-1)
    mean = weights @ values
    return {"mean": mean.tolist(), "sd": np.sqrt(weights @ (values - mean) ** 2).tolist()}


def draws_of(fit: Fit, name: str) -> dict[str, FloatArray]:
    """Return the parameters' draws in a group, one row a draw."""
    found = group(fit, name)
    K = found.sizes["component"]
    return {
        str(variable): np.asarray(found[variable]).reshape(-1, K)
        for variable in ("theta", "mu", "sigma")
        if variable in found
    }


def approximated(model: NormalMixture, y: FloatArray, algorithm: str, seed: int) -> dict[str, Any]:
    """Fit by ADVI with defaults; return what there is to judge its verdict by."""
    fit = pmix.advi(
        model, y, algorithm=algorithm, seed=seed, predictive_draws=0, show_progress=False
    )
    top, verdict = attributes(fit), pmix.diagnose(fit)
    plain = "approximation" if "approximation" in group_names(fit) else "posterior"
    densities = group(fit, plain if plain == "approximation" else "sample_stats")
    smoothed, _ = pareto_smoothed(np.asarray(densities["log_p"] - densities["log_g"]).ravel())
    starts = group(fit, "vi_restarts")
    returned, every = draws_of(fit, "posterior"), draws_of(fit, plain)
    even = np.full(smoothed.size, 1.0 / smoothed.size)
    return {
        "use": verdict.use,
        "problems": list(verdict.problems),
        "returned": moments(returned, even),
        "plain": moments(every, even),
        "weighted": moments(every, np.exp(smoothed)),
        "loss": np.asarray(starts["loss"]).tolist(),
        "khats": np.asarray(starts["pareto_khat"]).tolist(),
        "starts_converged": np.asarray(starts["converged"]).astype(int).tolist(),
        "optima": np.concatenate([starts[name] for name in sorted(returned)], axis=-1).tolist(),
    } | {
        name: float(top[name])
        for name in (
            "pareto_khat",
            "elbo",
            "elbo_mcse",
            "elbo_gap",
            "ess_importance",
            "converged",
            "reweighted",
            "seconds",
        )
    }


def record(seed: int) -> dict[str, Any]:
    """Fit one data set every way."""
    what, model, y = simulated(seed)
    fit = pmix.sample(model, y, seed=seed, predictive_draws=0, show_progress=False)
    verdict, draws = pmix.diagnose(fit), draws_of(fit, "posterior")
    size = len(draws["mu"])
    found: dict[str, Any] = {
        "what": what,
        "nuts": {
            "ok": verdict.ok,
            "problems": list(verdict.problems),
            "ess": float(summarize(fit)["ess_bulk"].min()),
            "seconds": float(attributes(fit)["seconds"]),
        }
        | moments(draws, np.full(size, 1.0 / size)),
    }
    for algorithm in ALGORITHMS:
        try:
            found[algorithm] = approximated(model, y, algorithm, seed)
        except SamplingError as error:
            found[algorithm] = {"error": str(error)}
    return found


def worst(found: dict[str, Any], nuts: dict[str, Any]) -> tuple[float, float]:
    """Return the largest error of a mean in standard deviations, and of one of these, relative."""
    mean, sd = np.array(nuts["mean"]), np.array(nuts["sd"])
    varying = sd > 0
    off = np.abs(np.array(found["mean"]) - mean)[varying] / sd[varying]
    return float(off.max()), float(np.abs(np.array(found["sd"])[varying] / sd[varying] - 1).max())


def share(found: list[bool]) -> str:
    """Return how many are true, and their share."""
    return f"{sum(found)} ({sum(found) / len(found):.0%})" if found else "-"


def heads(*names: str) -> list[str]:
    """Return the first two lines of a table in Markdown."""
    return [f"| {' | '.join(names)} |", "|---" * 2 + "|--:" * (len(names) - 2) + "|"]


def table(records: dict[str, dict[str, Any]]) -> str:
    """Lay the verdicts out as Markdown, beside what NUTS says of them."""
    believed = [each for each in records.values() if each["nuts"]["ok"]]
    left_out = len(records) - len(believed)
    lines = [
        f"{len(records)} data sets; on {left_out} of them, left out, NUTS itself is not believed.",
        "",
        *heads(
            "algorithm",
            "verdict",
            "fits",
            "a mean is off by more than 0.5 sd",
            "every mean within 0.5 sd",
            "every mean within 0.15 sd, every sd within 15 %",
        ),
    ]
    for algorithm in ALGORITHMS:
        whole = [each for each in believed if "error" not in each[algorithm]]
        for use in get_args(Use):
            called = [each for each in whole if each[algorithm]["use"] == use]
            errors = [worst(each[algorithm]["returned"], each["nuts"]) for each in called]
            off = [mean > 0.5 for mean, _ in errors]
            near = [mean <= 0.15 and sd <= 0.15 for mean, sd in errors]
            lines.append(
                f"| {algorithm} | {use} | {len(called)} | {share(off)} "
                f"| {share([not each for each in off])} | {share(near)} |"
            )
        if len(whole) < len(believed):
            lines.append(f"| {algorithm} | an error | {len(believed) - len(whole)} | - | - | - |")
    return "\n".join(lines)


def course(folder: Path, *, seeds: int) -> str:
    """Fit the notebook's two data sets with many seeds; return losses, verdicts and seconds."""
    lines = heads(
        "data",
        "algorithm",
        "kept loss",
        "largest difference of it",
        "fine / means only / do not use",
        "reweighted",
        "seconds",
        "of the processor",
    )
    for file, model in (("3gv2.dat", CLOSE_MODEL), ("3g.dat", SEPARATED_MODEL)):
        y = read_observations(folder / file)
        pmix.advi(model, y, iter=100, seed=1, show_progress=False)  # compiled before it is timed
        for algorithm in ALGORITHMS:
            loss, uses, weighted, wall, cpu = [], [], [], [], []
            for seed in range(1, seeds + 1):
                clock, before = time.perf_counter(), processor_seconds()
                fit = pmix.advi(model, y, algorithm=algorithm, seed=seed, show_progress=False)
                wall.append(time.perf_counter() - clock)
                cpu.append(processor_seconds() - before)
                loss.append(-attributes(fit)["elbo"])
                uses.append(pmix.diagnose(fit).use)
                weighted.append(bool(attributes(fit)["reweighted"]))
            counts = " / ".join(str(uses.count(use)) for use in get_args(Use))
            lines.append(
                f"| {file} | {algorithm} | {min(loss):.2f} to {max(loss):.2f} "
                f"| {max(loss) - min(loss):.2f} | {counts} | {sum(weighted)} "
                f"| {np.median(wall):.1f} (at most {max(wall):.1f}) | {np.median(cpu):.1f} |"
            )
            print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines)


def processor_seconds() -> float:
    """Return the seconds that this process and its children have computed."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def main() -> None:
    """Fit what is not fitted yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="the file of the results, kept and gone on with")
    parser.add_argument("--first-seed", type=int, default=10_001, help="default: %(default)s")
    parser.add_argument("--count", type=int, default=200, help="default: %(default)s")
    parser.add_argument(
        "--data-dir", type=Path, help="only this: 20 seeds on the 3gv2.dat and 3g.dat in a folder"
    )
    arguments = parser.parse_args()
    if arguments.data_dir is not None:
        print(course(arguments.data_dir, seeds=20))
        return
    if arguments.out is None:
        parser.error("say by --out where the results are kept")
    known = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.count)
    for seed in seeds:
        if str(seed) not in known:
            known[str(seed)] = record(seed)
            write_json(arguments.out, known)
            print(seed, known[str(seed)]["what"], file=sys.stderr, flush=True)
    print(table({str(seed): known[str(seed)] for seed in seeds}))


if __name__ == "__main__":
    main()
