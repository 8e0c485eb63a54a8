"""Draws, statistics and settings, read from CmdStan's CSV files."""

from collections.abc import Mapping, Sequence

import numpy as np

from pystan_mix.cmdstan.stan_csv import StanCsv
from pystan_mix.fits.attributes import NutsSettings, Provenance
from pystan_mix.fits.draws import Draws
from pystan_mix.fits.groups import NutsStats
from pystan_mix.mixtures.model_json import model_to_json
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray


def csv_draws(target: Target, csvs: Sequence[StanCsv], *, log_g: FloatArray | None = None) -> Draws:
    """Return the draws of some chains.

    Parameters
    ----------
    target : Target
        The model and its observations.
    csvs : sequence of StanCsv
        A file for each chain.
    log_g : ndarray, shape (draws,), optional
        For the one file of ADVI, the log density of each draw under the
        approximation, all constants in; ``log_p__`` is then read too.

    Returns
    -------
    Draws
        The draws.
    """
    names = ["theta", *(each.name for each in target.estimated)]
    return Draws(
        {name: np.stack([csv.variable(name) for csv in csvs]) for name in names},
        log_p=None if log_g is None else csvs[0].variable("log_p__")[None],
        log_g=None if log_g is None else log_g[None],
    )


def sampled_columns(target: Target, csv: StanCsv) -> dict[str, str]:
    """Return the vectors of the program's parameters block, each with its name in a file.

    Where means are pushed apart all else is sampled in the order of the means,
    and version 0.1.0 had one name for both: ``sigma``, and not ``sigma_raw``.
    """
    names = {"theta_raw": "theta_raw"}
    for each in target.estimated:
        written = each.ordered or csv.columns(each.free_name).stop
        names[each.free_name] = each.free_name if written else each.name
    return names


def csv_stats(csvs: Sequence[StanCsv]) -> NutsStats:
    """Return what NUTS says of the draws of some chains."""

    def stacked(column: str) -> FloatArray:
        return np.stack([csv.variable(column) for csv in csvs])

    return NutsStats(
        lp=stacked("lp__"),
        acceptance_rate=stacked("accept_stat__"),
        step_size=stacked("stepsize__"),
        tree_depth=stacked("treedepth__").astype(np.int64),
        n_steps=stacked("n_leapfrog__").astype(np.int64),
        diverging=stacked("divergent__") != 0,
        energy=stacked("energy__"),
    )


def provenance(
    settings: Mapping[str, str], target: Target, *, method: str, seconds: float
) -> Provenance:
    """Return what made the draws, from a file's settings."""
    version = ".".join(settings[f"stan_version_{part}"] for part in ("major", "minor", "patch"))
    return Provenance(
        method=method,
        program=settings["model"].removesuffix("_model"),
        model=model_to_json(target.model),
        seed=int(settings["seed"]),
        seconds=seconds,
        missing_dropped=target.observed.dropped,
        inference_library="CmdStan",
        inference_library_version=version,
    )


def nuts_settings(settings: Mapping[str, str]) -> NutsSettings:
    """Return what NUTS was set to, from a file's settings."""
    return NutsSettings(
        iter_warmup=int(settings["num_warmup"]),
        iter_sampling=int(settings["num_samples"]),
        adapt_delta=float(settings["delta"]),
        max_treedepth=int(settings["max_depth"]),
        metric=settings["metric"],
    )
