"""The files of a CmdStan that was run by hand, checked against each other, into ArviZ data."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pystan_mix.arviz_compat import Fit
from pystan_mix.cmdstan.stan_csv import StanCsv, read_elbo_history, read_stan_csv
from pystan_mix.errors import DataError, ModelError, OutputError
from pystan_mix.fits.draws import evenly_spaced
from pystan_mix.fits.groups import Predictive
from pystan_mix.inference.assemble import advi_fit, nuts_fit
from pystan_mix.inference.from_csv import csv_draws, sampled_columns
from pystan_mix.inference.refinement import refined_from
from pystan_mix.inference.restarts import Restarts, judged
from pystan_mix.mixtures.annotations.data_block import (
    chosen,
    in_order,
    labelled_alone,
    written,
)
from pystan_mix.mixtures.density import observed_log_density
from pystan_mix.mixtures.families import FAMILIES, VECTOR_FAMILIES
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.observations import Observations
from pystan_mix.mixtures.stan_data import target_of_stan_data
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray

# each draw is asked whether its log likelihood is that of the data; a few of them tell
_DRAWS_THAT_TELL = 20
# of a double and of what a file's digits leave uncertain: Stan's sums are not ours
_ROUNDING, _SAFETY = 1e-9, 10.0
_WANTED = "give the chains of one `sample`, or the one file of `variational`."


def from_cmdstan_csv(
    paths: str | Path | Sequence[str | Path],
    *,
    data: str | Path,
    history: str | Path | None = None,
) -> Fit:
    """Turn the CSV files of a CmdStan that was run by hand into ArviZ data.

    Parameters
    ----------
    paths : path or sequence of paths
        The files of `sample`, one for each chain, or the one file of
        `variational`.
    data : path
        The JSON file that CmdStan was given.
    history : path, optional
        The file that ``output diagnostic_file=`` named, for ADVI.

    Returns
    -------
    arviz.InferenceData or xarray.DataTree
        What `sample` and `advi` return; of ADVI the plain draws.

    Raises
    ------
    DataError
        If the JSON file is missing or is none.
    OutputError
        If a CSV file is not whole, or the files do not belong together.

    Examples
    --------
    >>> import tempfile
    >>> from pystan_mix import NormalMixture, from_cmdstan_csv, sample
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = sample(
    ...         NormalMixture(n_components=1),
    ...         [1.0, 2.0, 4.0],
    ...         chains=2,
    ...         show_progress=False,
    ...         output_dir=folder,
    ...     )
    ...     chains = [Path(folder) / f"chain-{chain}.csv" for chain in (1, 2)]
    ...     fit = from_cmdstan_csv(chains, data=Path(folder) / "data.json")
    >>> fit.posterior["mu"].shape
    (2, 1000, 1)
    """
    paths = [paths] if isinstance(paths, str | Path) else list(paths)
    if not paths:
        raise OutputError(f"The files are {paths}; {_WANTED}")
    csvs = [read_stan_csv(Path(path)) for path in paths]
    stan, family = _read_stan_data(Path(data)), _family(csvs[0])
    try:
        target = target_of_stan_data(family, stan)
    except (DataError, ModelError) as error:
        raise DataError(f"{data}: {error}") from error
    observed = target.observed
    # where equal observations are put together, each has the log density of its value
    rows = observed.index if "count" in stan else np.arange(len(observed.y))
    if observed.label is not None:
        rows = rows[written(observed)[rows]]
    for csv in csvs:
        _check_belongs(csv, target, n=_densities(stan), data=data)

    def generated() -> Predictive:
        for csv in csvs:
            _check_y_rep(csv, target, stan, data=data)
            _check_log_lik(csv, target, _written(target, stan), data=data)
        return _generated(csvs, target, rows, save_log_lik=bool(stan.get("save_log_lik")))

    methods = {csv.method for csv in csvs}
    if methods == {"sample"}:
        if len({(csv.settings["model"], csv.names, len(csv.draws)) for csv in csvs}) > 1:
            raise OutputError(
                f"The files {', '.join(map(str, paths))} differ in their program, in their columns "
                "or in their number of draws; give the chains of one run."
            )
        return nuts_fit(target, csvs, predictive=generated())
    if methods == {"variational"} and len(csvs) == 1:
        if stan.get("sort_components"):
            raise OutputError(
                f"{csvs[0].path} approximates components in any order, K! times the posterior: no "
                "density of ours belongs to it. Give ADVI data with sort_components 0."
            )
        trace = None if history is None else read_elbo_history(Path(history))
        one = judged(target, csvs[0], history=trace)
        rng = np.random.default_rng(int(csvs[0].settings["seed"]))
        return advi_fit(
            target,
            Restarts((one,)),
            refined=refined_from(target, one, rng=rng),
            predictive=generated(),
        )
    raise OutputError(f"The files are of the methods {sorted(methods)}; {_WANTED}")


def _family(csv: StanCsv) -> type[Mixture]:
    """Return the family of a program's components; that of another program is normal."""
    name = csv.settings.get("model", "").removesuffix("_model")
    every = (*FAMILIES, *VECTOR_FAMILIES)
    return next((family for family in every if family.program == name), NormalMixture)


def _generated(
    csvs: Sequence[StanCsv], target: Target, rows: NDArray[np.intp], *, save_log_lik: bool
) -> Predictive:
    """Return the generated quantities that stand in the files, if there are any.

    The programs write no log density of observations whose components are known, but for
    intervals and vectors that lack coordinates.
    """
    y_rep, log_lik = (
        np.stack([csv.variable(name) for csv in csvs]) for name in ("y_rep", "log_lik")
    )
    # of vectors the first index, that of replications, is the fastest
    axes = (*y_rep.shape[:2], -1, *target.model.point_shape)
    y_rep = y_rep.reshape(axes, order="F") if y_rep.size else y_rep
    log_lik = log_lik[..., rows] if log_lik.size else log_lik
    if target.observed.label is not None and save_log_lik:
        labelled = labelled_alone(target.observed)
        known = {name: x[None, None] for name, x in target.known.items()}
        components = {**csv_draws(target, csvs).variables, **known}
        with np.errstate(divide="ignore"):
            log_theta = np.log(components.pop("theta"))
        own = observed_log_density(Target(target.model, labelled), log_theta, components)
        log_lik = np.concatenate([log_lik, own[..., labelled.index]], axis=-1)
    return Predictive(picks=np.arange(len(csvs[0].draws)), y_rep=y_rep, log_lik=log_lik)


def _read_stan_data(path: Path) -> dict[str, Any]:
    """Return the data block that a JSON file holds."""
    try:
        stan = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is not readable as JSON: {error}") from error
    missing = [name for name in ("K", "N", "y") if not isinstance(stan, dict) or name not in stan]
    if missing:
        raise DataError(
            f"{path} has no {', '.join(missing)}: it is no data block of these Stan programs. "
            "Give the JSON file that CmdStan was given."
        )
    return dict(stan)


def _densities(stan: Mapping[str, Any]) -> int:
    """Return how many distinct observations have a log likelihood in the files."""
    return sum(int(stan.get(name, 0)) for name in ("N", "N_interval", "N_incomplete"))


def _written(target: Target, stan: Mapping[str, Any]) -> Observations:
    """Return the distinct observations that have a log likelihood in the files, in their order."""
    if target.observed.bounds is not None or target.model.vectors:
        return chosen(target.observed, written(target.observed))
    y = np.asarray(stan["y"], dtype=np.float64)
    return in_order(y, np.ones(y.size, dtype=np.intp))


def _check_belongs(csv: StanCsv, target: Target, *, n: int, data: str | Path) -> None:
    """Refuse a CSV file whose columns are not those that the data block makes."""
    model = target.model
    missing = [name for name in sampled_columns(target, csv).values() if not csv.columns(name).stop]
    if csv.method == "variational" and missing:
        raise OutputError(
            f"{csv.path} has no {' and no '.join(missing)}: it is known of the families' programs "
            "alone what ADVI's densities belong to. Give what one of these wrote, or use NUTS."
        )
    fits = {"theta": {target.n_components}, "log_lik": {0, n}}
    for parameter in model.parameters:
        size = model.size(parameter) * math.prod(model.event_shape(parameter))
        fits[parameter.name] = {0 if model.is_known(parameter) else size}
    for name, sizes in fits.items():
        _check_size(csv, name, sizes, data=data)


def _check_size(csv: StanCsv, name: str, sizes: set[int], *, data: str | Path) -> None:
    """Refuse a CSV file that has another number of columns of something than the data make."""
    size = csv.variable(name).shape[-1]
    if size not in sizes:
        raise OutputError(
            f"{csv.path} does not belong to {data}: it has {size} columns of {name}, where "
            f"that needs {max(sizes)}. Give the JSON file that CmdStan was given."
        )


def _check_y_rep(
    csv: StanCsv, target: Target, stan: Mapping[str, Any], *, data: str | Path
) -> None:
    """Refuse a CSV file that has another number of replicated observations than was asked for."""
    if "N_rep" in stan:
        each = math.prod(target.model.point_shape)
        _check_size(csv, "y_rep", {0, stan["N_rep"] * each}, data=data)


def _check_log_lik(
    csv: StanCsv, target: Target, observed: Observations, *, data: str | Path
) -> None:
    """Refuse a CSV file whose log likelihood is that of other observations than the data's."""
    picks = evenly_spaced(len(csv.draws), _DRAWS_THAT_TELL)
    found = csv.variable("log_lik")[picks]
    if not found.size:
        return
    drawn = csv_draws(target, [csv]).picked(picks).variables

    def log_lik(**changed: FloatArray) -> FloatArray:
        components = {name: values[0] for name, values in {**drawn, **changed}.items()}
        components.update({name: known[None] for name, known in target.known.items()})
        with np.errstate(divide="ignore"):
            log_theta = np.log(components.pop("theta"))
        return observed_log_density(Target(target.model, observed), log_theta, components)

    expected = log_lik()
    digits = int(csv.settings.get("sig_figs", -1))
    # without a number of digits CmdStan writes six
    unit = 10.0 ** (1 - (digits if digits > 0 else 6))
    uncertain = (_ROUNDING + unit) * (1.0 + np.abs(found))
    for name, values in drawn.items():
        uncertain += np.abs(log_lik(**{name: values * (1.0 + unit)}) - expected)
    with np.errstate(invalid="ignore"):
        differs = ~(np.abs(found - expected) <= _SAFETY * uncertain)
    position = int(np.argmax(differs.mean(axis=0)))
    if differs[:, position].mean() > 0.5:
        point = ", ".join(f"{value:g}" for value in np.atleast_1d(observed.distinct[position]))
        raise OutputError(
            f"{csv.path} does not belong to {data}: its log_lik[{position + 1}] is "
            f"{found[0, position]:g} in the first draw, and that of {point} is "
            f"{expected[0, position]:g}. Give the JSON file that CmdStan was given."
        )
