"""Several approximations of one posterior: each judged by its own draws, the best kept."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
import xarray as xr

from pystan_mix.cmdstan.stan_csv import StanCsv
from pystan_mix.errors import OutputError
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.elbo import Algorithm, ElboEstimate, estimate_elbo


@dataclasses.dataclass(frozen=True)
class Approximation:
    """One approximation by ADVI, and what its draws say of it.

    Parameters
    ----------
    csv : StanCsv
        The draws.
    estimate : ElboEstimate
        The ELBO, afresh from the draws.
    history : ndarray, shape (evaluations, 3), or None
        Iteration, seconds and ELBO of each evaluation.
    converged : bool or None
        Whether CmdStan says that it converged; None where its words are lost.
    """

    csv: StanCsv
    estimate: ElboEstimate
    history: FloatArray | None
    converged: bool | None


@dataclasses.dataclass(frozen=True)
class Restarts:
    """Approximations from several starts.

    Parameters
    ----------
    tried : tuple of Approximation or None
        One for each start, in order; None where CmdStan failed.
    """

    tried: tuple[Approximation | None, ...]

    @property
    def kept(self) -> int:
        """The position of the one with the largest ELBO."""
        elbos = [-np.inf if one is None else one.estimate.elbo for one in self.tried]
        return int(np.argmax(elbos))

    @property
    def best(self) -> Approximation:
        """The one with the largest ELBO."""
        best = self.tried[self.kept]
        if best is None:
            raise ValueError("There is no approximation: every start failed.")
        return best


def judged(
    csv: StanCsv,
    *,
    stan: Mapping[str, Any],
    history: FloatArray | None = None,
    log: str | None = None,
) -> Approximation:
    """Judge one approximation by its own draws and by what CmdStan said.

    Parameters
    ----------
    csv : StanCsv
        The draws.
    stan : mapping
        The data block that Stan was given.
    history : ndarray, shape (evaluations, 3), optional
        Iteration, seconds and ELBO of each evaluation.
    log : str, optional
        What CmdStan printed.

    Returns
    -------
    Approximation
        The draws with their ELBO, all constants in.

    Raises
    ------
    OutputError
        If the file is of another algorithm, or ``log_g__`` does not belong to
        the draws.
    """
    algorithm: Algorithm
    match csv.settings.get("algorithm"):
        case "meanfield":
            algorithm = "meanfield"
        case "fullrank":
            algorithm = "fullrank"
        case other:
            raise OutputError(
                f"{csv.path} is of the algorithm {other!r}; give one of "
                f"{' or '.join(get_args(Algorithm))}."
            )
    names = ["theta_raw", "mu_raw"] + ([] if "sigma" in stan else ["sigma"])
    estimate = estimate_elbo(
        draws={name: csv.variable(name) for name in names},
        mean={name: csv.mean_row[csv.columns(name)] for name in names},
        log_p=csv.variable("log_p__"),
        log_g=csv.variable("log_g__"),
        version=(
            int(csv.settings["stan_version_major"]),
            int(csv.settings["stan_version_minor"]),
        ),
        algorithm=algorithm,
    )
    return Approximation(
        csv=csv,
        estimate=estimate,
        history=history,
        converged=None if log is None else _says_converged(log),
    )


def _says_converged(log: str) -> bool:
    """Whether CmdStan says that it converged, and nothing against it."""
    return "ELBO CONVERGED" in log and not re.search("MAY BE DIVERGING|may not have converged", log)


def restart_groups(restarts: Restarts, *, parameters: Sequence[str]) -> dict[str, xr.Dataset]:
    """Return what there is to keep of every start.

    Parameters
    ----------
    restarts : Restarts
        The approximations.
    parameters : sequence of str
        The parameters whose optimum is kept.

    Returns
    -------
    dict of str to xarray.Dataset
        ``vi_restarts``, with dim ``restart``: `loss`, `loss_mcse` and
        `pareto_khat`, NaN where CmdStan failed; `kept`, `failed` and, where it
        is known, `converged`; and the variational mean of each parameter, with
        dims restart, component. ``vi_trace``, where there are histories:
        `elbo` and `seconds`, with dims restart, iteration, NaN where a start
        has no such iteration.
    """
    tried = restarts.tried
    size = len(tried)
    failed = np.array([one is None for one in tried])
    numbers = {name: np.full(size, np.nan) for name in ("loss", "loss_mcse", "pareto_khat")}
    K = {
        name: restarts.best.csv.mean_row[restarts.best.csv.columns(name)].size
        for name in parameters
    }
    optima = {name: np.full((size, K[name]), np.nan) for name in parameters}
    for i, one in enumerate(tried):
        if one is None:
            continue
        numbers["loss"][i] = -one.estimate.elbo
        numbers["loss_mcse"][i] = one.estimate.mcse
        numbers["pareto_khat"][i] = one.estimate.pareto_khat
        for name, values in optima.items():
            values[i] = one.csv.mean_row[one.csv.columns(name)]
    flags = {"kept": np.arange(size) == restarts.kept, "failed": failed}
    if restarts.best.converged is not None:
        flags["converged"] = np.array([one is not None and bool(one.converged) for one in tried])
    groups = {
        "vi_restarts": xr.Dataset(
            {name: ("restart", values) for name, values in (numbers | flags).items()}
            | {name: (("restart", "component"), values) for name, values in optima.items()},
            coords={
                "restart": np.arange(size),
                "component": np.arange(next(iter(K.values()))),
            },
        )
    }
    histories = [None if one is None else one.history for one in tried]
    if any(history is not None for history in histories):
        groups["vi_trace"] = _trace(histories)
    return groups


def _trace(histories: Sequence[FloatArray | None]) -> xr.Dataset:
    """Lay histories side by side over all iterations that any of them has."""
    known = {i: history for i, history in enumerate(histories) if history is not None}
    iterations = np.unique(np.concatenate([history[:, 0] for history in known.values()]))
    values = np.full((2, len(histories), iterations.size), np.nan)
    for i, history in known.items():
        values[:, i, np.searchsorted(iterations, history[:, 0])] = history[:, [2, 1]].T
    return xr.Dataset(
        {name: (("restart", "iteration"), values[j]) for j, name in enumerate(("elbo", "seconds"))},
        coords={"restart": np.arange(len(histories)), "iteration": iterations.astype(np.int64)},
    )
