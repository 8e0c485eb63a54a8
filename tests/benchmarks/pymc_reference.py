"""Write what PyMC says of the notebook's data sets: ``python tests/benchmarks/pymc_reference.py``.

Two models, `mof3` on the close components and `mofsep` on the separated ones,
with the notebook's settings, by NUTS and by ADVI.
"""

import argparse
import datetime
import importlib.metadata
import json
import math
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from pystan_mix.arviz_compat import az, group
from pystan_mix.checks import check_seed, parallel_processes
from pystan_mix.command.exit_codes import EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE
from pystan_mix.console import say
from pystan_mix.data_files import read_observations
from pystan_mix.errors import PystanMixError
from pystan_mix.files import written_whole
from pystan_mix.fits.summary import summarize
from pystan_mix.numerics import FloatArray
from pystan_mix.study.data_sets import DATA_SETS, data_file
from pystan_mix.study.pymc_results import PymcReference, read_pymc_reference
from pystan_mix.with_pymc.build import import_pymc, to_pymc
from pystan_mix.with_pymc.sample import interrupts_raised

# the notebook's, and others to try the command with
_FULL = {"chains": 4, "tune": 2000, "draws": 10_000, "advi_iterations": 15_000}
_QUICK = {"chains": 2, "tune": 300, "draws": 300, "advi_iterations": 3000}
_TARGET_ACCEPT = 0.95
_LOSS_DRAWS = 10_000
_LAST_LOSSES = 1000  # whose mean PyMC prints
_PACKAGES = ("pymc", "pytensor", "arviz", "numpy")
_LOG_2PI = math.log(2.0 * math.pi)


def write_pymc_reference(
    out: Path,
    *,
    data_dir: Path | None = None,
    quick: bool = False,
    seed: int = 1,
) -> dict[str, Any]:
    """Run PyMC on both data sets and write what it says.

    Parameters
    ----------
    out : pathlib.Path
        The JSON file; it appears only when whole.
    data_dir : pathlib.Path, optional
        A folder with ``3gv2.dat`` and ``3g.dat``; by default the shipped data
        sets that stand for them.
    quick : bool, default False
        Short chains, to try the command.
    seed : int, default 1
        The seed of everything.

    Returns
    -------
    dict
        What the file holds: under ``about`` settings, seed, date and versions;
        under each data set's name the summaries of the parameters, seconds,
        divergences and ADVI's loss.

    Raises
    ------
    MissingPackageError
        If PyMC is not installed.
    DataError, SettingsError
        If a data file, the seed or the output folder cannot be used.
    """
    pm = import_pymc()
    settings = _QUICK if quick else _FULL
    check_seed(seed)
    files = {data_set.name: data_file(data_set, data_dir) for data_set in DATA_SETS}
    observations = {name: read_observations(path) for name, path in files.items()}
    content: dict[str, Any] = {
        "about": {
            "settings": settings | {"target_accept": _TARGET_ACCEPT, "floor": "potential"},
            "seed": seed,
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "versions": {"python": platform.python_version()}
            | {name: importlib.metadata.version(name) for name in _PACKAGES},
        }
    }
    # opened first: a folder that cannot be written to is found before an hour has passed
    with written_whole(out) as partial:
        for data_set in DATA_SETS:
            y = observations[data_set.name]
            say(f"{data_set.name}: PyMC on {files[data_set.name].name}, {y.size} observations ...")
            built = to_pymc(data_set.model, y, floor="potential", seed=seed)
            content[data_set.name] = {
                "file": files[data_set.name].name,
                "n": int(y.size),
                **_nuts(pm, built, settings, seed=seed),
                "advi": _advi(pm, built, settings, seed=seed),
            }
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return content


def _nuts(pm: Any, built: Any, settings: Mapping[str, int], *, seed: int) -> dict[str, Any]:
    """Sample, and return seconds, divergences and the summaries of the parameters."""
    with interrupts_raised():
        trace = pm.sample(
            draws=settings["draws"],
            tune=settings["tune"],
            chains=settings["chains"],
            cores=parallel_processes(None, processes=settings["chains"]),
            target_accept=_TARGET_ACCEPT,
            random_seed=seed,
            progressbar=sys.stdout.isatty(),
            model=built,
        )
    posterior = group(trace, "posterior")
    rows = summarize(trace).to_dict(orient="index")
    for name, error in _mcse_of_sds(posterior).items():
        rows[name]["mcse_sd"] = error
    return {
        "seconds": float(posterior.attrs["sampling_time"]),
        "divergences": int(group(trace, "sample_stats")["diverging"].sum()),
        "parameters": rows,
    }


def _mcse_of_sds(posterior: xr.Dataset) -> dict[str, float]:
    """Return the Monte Carlo error of each standard deviation.

    By the delta method, from the variance of the squared deviations and their
    effective draws, as in ArviZ.
    """
    errors = {}
    for name, variable in posterior.data_vars.items():
        draws = variable.transpose("component", "chain", "draw").values
        for k, squares in enumerate(np.square(draws - draws.mean(axis=(1, 2), keepdims=True))):
            effective = float(az.ess(squares, method="mean"))
            error = math.sqrt(squares.var() / effective / squares.mean() / 4.0)
            errors[f"{name}[{k + 1}]"] = error
    return errors


def _advi(pm: Any, built: Any, settings: Mapping[str, int], *, seed: int) -> dict[str, Any]:
    """Approximate, and return the loss: estimated anew, and as PyMC prints it."""
    iterations = settings["advi_iterations"]
    started = time.perf_counter()
    with interrupts_raised():
        approx = pm.fit(
            iterations,
            method="advi",
            random_seed=seed,
            progressbar=sys.stdout.isatty(),
            model=built,
        )
    seconds = time.perf_counter() - started
    losses = _fresh_losses(built, approx, seed=seed)
    last = approx.hist[-_LAST_LOSSES:]
    # a draw beyond a potential has no density: the mean is infinite, and PyMC prints that of others
    inside = bool(np.isfinite(losses).all())
    return {
        "loss": float(losses.mean()) if inside else None,
        "loss_mcse": float(losses.std(ddof=1) / math.sqrt(losses.size)) if inside else None,
        "printed_loss": float(last[np.isfinite(last)].mean()),
        "seconds": seconds,
    }


def _fresh_losses(built: Any, approx: Any, *, seed: int) -> FloatArray:
    """Return ``log q - log p`` at new draws of an approximation; their mean is minus the ELBO."""
    mean, sd = approx.mean.eval(), approx.std.eval()
    eta = np.random.default_rng(seed).normal(size=(_LOSS_DRAWS, mean.size))
    log_q = -0.5 * np.square(eta).sum(axis=1) - np.log(sd).sum() - 0.5 * mean.size * _LOG_2PI
    parts = approx.groups[0].ordering.values()
    log_p = built.compile_logp()
    return np.array(
        [
            q - log_p({name: z[where].reshape(shape) for name, where, shape, _ in parts})
            for q, z in zip(log_q, mean + sd * eta, strict=True)
        ],
        dtype=np.float64,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; by default the process's own.

    Returns
    -------
    int
        Those of `pystan-mix`.
    """
    parser = argparse.ArgumentParser(
        prog="python tests/benchmarks/pymc_reference.py",
        description="Write what PyMC says of the notebook's data sets, by NUTS and by ADVI; "
        "some five minutes on two cores.",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the JSON file")
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="a folder with the notebook's 3gv2.dat and 3g.dat (default: the shipped data sets)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="2 x (300 + 300) iterations, not 4 x (2000 + 10000)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="default: %(default)s")
    arguments = parser.parse_args(argv)
    try:
        write_pymc_reference(
            arguments.out,
            data_dir=arguments.data_dir,
            quick=arguments.quick,
            seed=arguments.seed,
        )
        for name, reference in read_pymc_reference(arguments.out).items():
            print(f"{name}: {reference.seconds:.1f} s, {_loss_in_words(reference)}")
            print(reference.table.round(3).to_string())
    except PystanMixError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        print("interrupted; nothing is written.", file=sys.stderr)
        return EXIT_INTERRUPTED
    return EXIT_OK


def _loss_in_words(reference: PymcReference) -> str:
    """Return what the approximation says."""
    if reference.loss is None:
        return "loss infinite: some of ADVI's draws are beyond a potential"
    return f"loss {reference.loss:.2f} (error {reference.loss_mcse:.2f})"


if __name__ == "__main__":
    sys.exit(main())
