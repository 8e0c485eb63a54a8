"""Draws, statistics and settings, read from CmdStan's CSV files."""

from collections.abc import Mapping, Sequence

import numpy as np

from pystan_mix.cmdstan.stan_csv import StanCsv
from pystan_mix.fits.attributes import NutsSettings, Provenance
from pystan_mix.fits.draws import Draws
from pystan_mix.fits.groups import NutsStats
from pystan_mix.mixtures.model_json import model_to_json
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.target import Target
from pystan_mix.mixtures.vectors.relabelling import relabelled
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
    drawn = [variables_of(target, csv) for csv in csvs]
    return Draws(
        {name: np.stack([each[name] for each in drawn]) for name in drawn[0]},
        log_p=None if log_g is None else csvs[0].variable("log_p__")[None],
        log_g=None if log_g is None else log_g[None],
    )


def labelled_draws(target: Target, draws: Draws) -> Draws:
    """Return draws of components without an order under the names that they have in all draws."""
    if not target.model.vectors:
        return draws
    return draws.with_flat(relabelled(target, draws.flat()))


def variables_of(target: Target, csv: StanCsv) -> dict[str, FloatArray]:
    """Return the draws of all that is estimated in a file, each of shape (draw, K, ...)."""
    return _variables(target, csv, csv.draws)


def variables_of_mean(target: Target, csv: StanCsv) -> dict[str, FloatArray]:
    """Return the mean of ADVI's approximation as one draw of one chain."""
    row = csv.mean_row[None]
    return {name: x[None] for name, x in _variables(target, csv, row).items()}


def _variables(target: Target, csv: StanCsv, rows: FloatArray) -> dict[str, FloatArray]:
    """Return all that is estimated in some rows of a file."""
    found = {"theta": rows[:, csv.columns("theta")]}
    for each in target.estimated:
        found[each.name] = shaped(target, each, rows[:, csv.columns(each.name)])
    return found


def shaped(target: Target, parameter: Parameter, columns: FloatArray) -> FloatArray:
    """Return what stands in columns, the first index the fastest, with the axes that it has."""
    shape = target.model.event_shape(parameter)
    if not shape:
        return columns
    every = (*columns.shape[:-1], target.model.size(parameter), *shape)
    return columns.reshape(every, order="F")


def sampled_columns(target: Target, csv: StanCsv) -> dict[str, str]:
    """Return the vectors of the program's parameters block, each with its name in a file.

    Where means are pushed apart all else is sampled in the order of the means,
    and version 0.1.0 had one name for both: ``sigma``, and not ``sigma_raw``.
    Of correlations it is the matrices in the place of their factors.
    """
    names = {"theta_raw": "theta_raw"}
    for each in target.estimated:
        # vectors are sampled as they are
        written = not each.event and (each.ordered or csv.columns(each.free_name).stop)
        names[each.free_name] = each.free_name if written else each.name
    return names


def sampled(target: Target, csv: StanCsv, rows: FloatArray) -> dict[str, FloatArray]:
    """Return the program's parameters block in some rows of a file, each of shape (..., K, ...)."""
    names = sampled_columns(target, csv)
    found = {"theta_raw": rows[..., csv.columns(names["theta_raw"])]}
    for each in target.estimated:
        columns = rows[..., csv.columns(names[each.free_name])]
        found[each.free_name] = shaped(target, each, columns)
    return found


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
        missing_marginalised=target.observed.incomplete,
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
