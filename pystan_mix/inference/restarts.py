"""Several approximations of one posterior: each judged by its own draws, the best kept."""

import dataclasses
import re
from collections.abc import Mapping
from typing import get_args

import numpy as np

from pystan_mix.cmdstan.stan_csv import StanCsv
from pystan_mix.errors import OutputError
from pystan_mix.fits.approximation import Starts
from pystan_mix.fits.draws import Draws
from pystan_mix.inference.from_csv import (
    csv_draws,
    labelled_draws,
    sampled,
    variables_of_mean,
)
from pystan_mix.mixtures.density import sampled_unconstrained, to_unconstrained
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.elbo import Algorithm, ElboEstimate, estimate_elbo
from pystan_mix.stats.transforms import log_ratios, stick_breaking

# the version of Stan from which on the simplex has another transform
_LOG_RATIOS_FROM = (2, 37)


@dataclasses.dataclass(frozen=True)
class Approximation:
    """One approximation by ADVI, and what its draws say of it.

    Parameters
    ----------
    draws : Draws
        The draws, one chain, with their log densities.
    z : ndarray, shape (draws, dimensions)
        The same in the unconstrained space of `to_unconstrained`.
    optimum : dict of str to ndarray, shape (K, ...) or (1, ...)
        The variational mean mapped to the constrained space, by parameter.
    estimate : ElboEstimate
        The ELBO, afresh from the draws.
    history : ndarray, shape (evaluations, 3), or None
        Iteration, seconds and ELBO of each evaluation.
    converged : bool or None
        Whether CmdStan says that it converged; None where its words are lost.
    settings : mapping of str to str
        CmdStan's settings.
    """

    draws: Draws
    z: FloatArray
    optimum: dict[str, FloatArray]
    estimate: ElboEstimate
    history: FloatArray | None
    converged: bool | None
    settings: Mapping[str, str]


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
    target: Target, csv: StanCsv, *, history: FloatArray | None = None, log: str | None = None
) -> Approximation:
    """Judge one approximation by its own draws and by what CmdStan said.

    Parameters
    ----------
    target : Target
        The model and its observations.
    csv : StanCsv
        The draws.
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
    drawn, mean = (sampled(target, csv, rows) for rows in (csv.draws, csv.mean_row))
    version = (int(csv.settings["stan_version_major"]), int(csv.settings["stan_version_minor"]))
    transforms = (stick_breaking, log_ratios)
    z = [sampled_unconstrained(target, drawn, simplex=simplex) for simplex in transforms]
    deviations = [
        points - sampled_unconstrained(target, mean, simplex=simplex)
        for points, simplex in zip(z, transforms, strict=True)
    ]
    estimate = estimate_elbo(
        deviations[::-1] if version >= _LOG_RATIOS_FROM else deviations,
        log_p=csv.variable("log_p__"),
        log_g=csv.variable("log_g__"),
        algorithm=_algorithm(csv),
    )
    draws = csv_draws(target, [csv], log_g=estimate.log_g)
    named = labelled_draws(target, draws)
    optimum = labelled_draws(target, Draws(variables_of_mean(target, csv)))
    return Approximation(
        draws=named,
        z=z[0] if named is draws else to_unconstrained(target, named.flat()),
        optimum={name: values[0, 0] for name, values in optimum.variables.items()},
        estimate=estimate,
        history=history,
        converged=None if log is None else _says_converged(log),
        settings=csv.settings,
    )


def _algorithm(csv: StanCsv) -> Algorithm:
    """Return the algorithm that a file is of."""
    match csv.settings.get("algorithm"):
        case "meanfield":
            return "meanfield"
        case "fullrank":
            return "fullrank"
        case other:
            raise OutputError(
                f"{csv.path} is of the algorithm {other!r}; give one of "
                f"{' or '.join(get_args(Algorithm))}."
            )


def _says_converged(log: str) -> bool:
    """Whether CmdStan says that it converged, and nothing against it."""
    return "ELBO CONVERGED" in log and not re.search("MAY BE DIVERGING|may not have converged", log)


def starts_of_restarts(restarts: Restarts) -> Starts:
    """Return what there is to keep of every start."""
    tried, best = restarts.tried, restarts.best

    def numbers(name: str) -> FloatArray:
        return np.array([np.nan if one is None else getattr(one.estimate, name) for one in tried])

    converged = np.array([one is not None and bool(one.converged) for one in tried])
    return Starts(
        loss=-numbers("elbo"),
        loss_mcse=numbers("mcse"),
        pareto_khat=numbers("pareto_khat"),
        kept=np.arange(len(tried)) == restarts.kept,
        failed=np.array([one is None for one in tried]),
        converged=None if best.converged is None else converged,
        optima={
            name: np.stack([none * np.nan if one is None else one.optimum[name] for one in tried])
            for name, none in best.optimum.items()
        },
    )
