"""Whether the verdict on ADVI is to be believed: against NUTS, over simulated data sets.

Each data set is fitted by `advi`, with defaults and with reweight=True, and by NUTS; where
`diagnose` does not believe NUTS itself, the data set is left out, and how many these are is said.
The numbers in `pystan_mix.stats.importance.adaptive` and the rule's in
`pystan_mix.diagnostics.advi` were chosen on seeds 1 to 100; the table is from seeds from 10001
on, on which nothing was chosen.

    python tests/benchmarks/advi_calibration.py --out calibration.json

takes an hour on two cores; with --others and --count 70 it takes ten of each of seven other kinds,
in a file of their own. Results are kept after each data set, and a second call goes on
where the first one ended.
"""

import argparse
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any, get_args

import numpy as np
from advi_data_sets import Kinds, others, simulated

import pystan_mix as pmix
from pystan_mix.arviz_compat import Fit, attributes, group
from pystan_mix.data_files import read_observations
from pystan_mix.diagnostics.verdict import Use
from pystan_mix.errors import SamplingError
from pystan_mix.files import write_json
from pystan_mix.fits.summary import summarize
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.numerics import FloatArray
from pystan_mix.study.data_sets import CLOSE_MODEL, SEPARATED_MODEL

ALGORITHMS = ("meanfield", "fullrank")
QUIET: dict[str, Any] = {"predictive_draws": 0, "show_progress": False}


def moments(draws: dict[str, FloatArray]) -> dict[str, list[float]]:
    """Return the mean and standard deviation of every parameter."""
    values = np.concatenate([draws[name] for name in sorted(draws)], axis=-1)
    return {"mean": values.mean(axis=0).tolist(), "sd": values.std(axis=0).tolist()}


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
    """Fit by ADVI with defaults, and with reweight=True; return what to judge the verdicts by."""
    given = QUIET | {"algorithm": algorithm, "seed": seed}
    fit = pmix.advi(model, y, **given)
    top, verdict = attributes(fit), pmix.diagnose(fit)
    # the same seed gives the same draws, so what is reweighted already is not fitted again
    weighted = fit if top["reweighted"] else pmix.advi(model, y, reweight=True, **given)
    starts = group(fit, "vi_restarts")
    returned, plain = draws_of(fit, "posterior"), draws_of(weighted, "approximation")
    return {
        "use": verdict.use,
        "problems": list(verdict.problems),
        "returned": moments(returned),
        "plain": moments(plain),
        "weighted": moments(draws_of(weighted, "posterior")),
        "weighted_use": pmix.diagnose(weighted).use,
        "weighted_problems": list(pmix.diagnose(weighted).problems),
        "loss": np.asarray(starts["loss"]).tolist(),
        "khats": np.asarray(starts["pareto_khat"]).tolist(),
        "starts_converged": np.asarray(starts["converged"]).astype(int).tolist(),
        "optima": np.concatenate([starts[name] for name in sorted(returned)], axis=-1).tolist(),
    } | {
        name: float(top[name])
        for name in (
            "pareto_khat",
            "pareto_khat_weights",
            "elbo",
            "elbo_mcse",
            "elbo_gap",
            "log_bound",
            "log_bound_mcse",
            "ess_importance",
            "converged",
            "reweighted",
            "seconds",
        )
    }


def record(seed: int, kinds: Kinds) -> dict[str, Any]:
    """Fit one data set every way."""
    what, model, y = kinds(seed)
    # four times the default: where tails are heavy, standard deviations are known no better
    fit = pmix.sample(model, y, iter_sampling=4000, seed=seed, **QUIET)
    verdict, draws = pmix.diagnose(fit), draws_of(fit, "posterior")
    found: dict[str, Any] = {
        "what": what,
        "nuts": {
            "ok": verdict.ok,
            "problems": list(verdict.problems),
            "ess": float(summarize(fit)["ess_bulk"].min()),
            "seconds": float(attributes(fit)["seconds"]),
        }
        | moments(draws),
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
            "every mean within 0.15 sd, every sd within 15 %",
        ),
    ]
    for algorithm in ALGORITHMS:
        whole = [
            (each[algorithm], each["nuts"]) for each in believed if "error" not in each[algorithm]
        ]
        for use in get_args(Use):
            called = [
                worst(found["returned"], nuts) for found, nuts in whole if found["use"] == use
            ]
            lines.append(line(f"{algorithm}, defaults", use, called))
        chosen = [worst(found["returned"], nuts) for found, nuts in whole if found["reweighted"]]
        lines.append(line(f"{algorithm}, defaults", "reweighted, of all", chosen))
        for use in get_args(Use):
            called = [
                worst(found["weighted"], nuts)
                for found, nuts in whole
                if found["weighted_use"] == use
            ]
            lines.append(line(f"{algorithm}, reweight=True", use, called))
        if len(whole) < len(believed):
            lines.append(f"| {algorithm} | an error | {len(believed) - len(whole)} | - | - |")
    return "\n".join(lines)


def line(way: str, use: str, errors: list[tuple[float, float]]) -> str:
    """Return a line of the table: some fits, and how many of them are how far from NUTS."""
    off = [mean > 0.5 for mean, _ in errors]
    near = [mean <= 0.15 and sd <= 0.15 for mean, sd in errors]
    return f"| {way} | {use} | {len(errors)} | {share(off)} | {share(near)} |"


def course(folder: Path, *, seeds: int) -> str:
    """Fit the notebook's two data sets with many seeds; return losses, verdicts and seconds."""
    lines = heads(
        "data",
        "algorithm",
        "kept loss",
        "fine / means only / do not use",
        "reweighted",
        "with reweight=True",
        "largest error of a mean, sd",
        "largest error of a sd",
        "seconds",
        "of the processor",
    )
    for file, model in (("3gv2.dat", CLOSE_MODEL), ("3g.dat", SEPARATED_MODEL)):
        y = read_observations(folder / file)
        nuts = moments(
            draws_of(pmix.sample(model, y, iter_sampling=20_000, seed=1, **QUIET), "posterior")
        )
        for algorithm in ALGORITHMS:
            loss, uses, weighted, wall, cpu = [], [], [], [], []
            other, means, sds = [], [], []
            for seed in range(1, seeds + 1):
                clock, before = time.perf_counter(), processor_seconds()
                fit = pmix.advi(model, y, algorithm=algorithm, seed=seed, show_progress=False)
                wall.append(time.perf_counter() - clock)
                cpu.append(processor_seconds() - before)
                loss.append(-attributes(fit)["elbo"])
                uses.append(pmix.diagnose(fit).use)
                weighted.append(bool(attributes(fit)["reweighted"]))
                if not weighted[-1]:
                    fit = pmix.advi(
                        model, y, algorithm=algorithm, seed=seed, reweight=True, **QUIET
                    )
                other.append(pmix.diagnose(fit).use)
                mean, sd = worst(moments(draws_of(fit, "posterior")), nuts)
                means.append(mean)
                sds.append(sd)
            lines.append(
                f"| {file} | {algorithm} | {min(loss):.2f} to {max(loss):.2f} "
                f"| {counts(uses)} | {sum(weighted)} | {counts(other)} "
                f"| {max(means):.3f} | {max(sds):.1%} "
                f"| {np.median(wall):.1f} (at most {max(wall):.1f}) | {np.median(cpu):.1f} |"
            )
            print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines)


def counts(uses: list[str]) -> str:
    """Return how often each verdict is given."""
    return " / ".join(str(uses.count(use)) for use in get_args(Use))


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
    parser.add_argument(
        "--others", action="store_true", help="data of seven kinds that nothing was chosen on"
    )
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
            known[str(seed)] = record(seed, others if arguments.others else simulated)
            write_json(arguments.out, known)
            print(seed, known[str(seed)]["what"], file=sys.stderr, flush=True)
    print(table({str(seed): known[str(seed)] for seed in seeds}))


if __name__ == "__main__":
    main()
