"""The files of a CmdStan that was run by hand, checked against each other, into ArviZ data."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pystan_mix.arviz_compat import Fit
from pystan_mix.cmdstan.stan_csv import StanCsv, read_elbo_history, read_stan_csv
from pystan_mix.errors import DataError, OutputError
from pystan_mix.inference.convert import Generated, Observed, advi_to_arviz, nuts_to_arviz
from pystan_mix.inference.refinement import refined_from
from pystan_mix.inference.restarts import Restarts, judged


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
    csvs = [read_stan_csv(Path(path)) for path in paths]
    stan = _read_stan_data(Path(data))
    for csv in csvs:
        _check_belongs(csv, stan, data=data)
    count = np.asarray(stan["count"], dtype=np.intp)
    index = np.repeat(np.arange(stan["N"]), count)
    observed = Observed(y=np.asarray(stan["y"], dtype=np.float64)[index], index=index)
    generated = Generated(csvs, [np.arange(len(csv.draws)) for csv in csvs])
    methods = {csv.method for csv in csvs}
    if methods == {"sample"}:
        if len({(csv.settings["model"], csv.names, len(csv.draws)) for csv in csvs}) > 1:
            raise OutputError(
                f"The files {', '.join(map(str, paths))} differ in their program, in their columns "
                "or in their number of draws; give the chains of one run."
            )
        return nuts_to_arviz(csvs, stan=stan, observed=observed, generated=generated, attrs={})
    if methods == {"variational"} and len(csvs) == 1:
        trace = None if history is None else read_elbo_history(Path(history))
        one = judged(csvs[0], stan=stan, history=trace)
        rng = np.random.default_rng(int(csvs[0].settings["seed"]))
        return advi_to_arviz(
            Restarts((one,)),
            refined=refined_from(one, stan=stan, rng=rng),
            stan=stan,
            observed=observed,
            generated=generated,
            attrs={},
        )
    raise OutputError(
        f"The files are of the methods {sorted(methods)}; give the chains of one `sample`, or the "
        "one file of `variational`."
    )


def _read_stan_data(path: Path) -> dict[str, Any]:
    """Return the data block that a JSON file holds."""
    try:
        stan = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is not readable as JSON: {error}") from error
    missing = [
        name for name in ("K", "N", "y", "count") if not isinstance(stan, dict) or name not in stan
    ]
    if missing:
        raise DataError(
            f"{path} has no {', '.join(missing)}: it is no data block of these Stan programs. "
            "Give the JSON file that CmdStan was given."
        )
    return dict(stan)


def _check_belongs(csv: StanCsv, stan: Mapping[str, Any], *, data: str | Path) -> None:
    """Refuse a CSV file whose columns are not those that the data block makes."""
    sizes = {name: csv.variable(name).shape[-1] for name in ("theta", "mu", "sigma", "log_lik")}
    K, N = stan["K"], stan["N"]
    fits = {"theta": {K}, "mu": {K}, "sigma": {0 if "sigma" in stan else K}, "log_lik": {0, N}}
    for name, size in sizes.items():
        if size not in fits[name]:
            raise OutputError(
                f"{csv.path} does not belong to {data}: it has {size} columns of {name}, where "
                f"that needs {max(fits[name])}. Give the JSON file that CmdStan was given."
            )
