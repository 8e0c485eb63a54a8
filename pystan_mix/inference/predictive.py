"""What NUTS and ADVI share: a model and data made ready, and the predictive pass."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pystan_mix.checks import check_whole
from pystan_mix.cmdstan.compile import Likelihood, ProgramName, program_for
from pystan_mix.cmdstan.run import Workspace, generate_quantities
from pystan_mix.cmdstan.stan_csv import StanCsv
from pystan_mix.inference.convert import Generated, Observed
from pystan_mix.mixtures.model import NormalMixture, stan_data, with_default_priors
from pystan_mix.mixtures.observations import check_observations

DEFAULT_PREDICTIVE_DRAWS = 1000
# y_rep and log_lik of more than this would outweigh the fit: 160 MB in memory, twice that as text
_LARGEST_PREDICTIVE_SIZE = 10_000_000
_FEWEST_PREDICTIVE_DRAWS = 100


@dataclasses.dataclass(frozen=True)
class Problem:
    """A model and observations, checked and in Stan's form.

    Parameters
    ----------
    model : NormalMixture
        The model, no prior left out.
    observed : Observed
        The observations; empty for the prior.
    stan : dict
        Stan's data block, with nothing generated.
    program : str
        The program that fits it.
    likelihood : {"fused", "stan", "by_hand"}
        Which likelihood the program includes.
    """

    model: NormalMixture
    observed: Observed
    stan: dict[str, Any]
    program: ProgramName
    likelihood: Likelihood

    @property
    def parameters(self) -> list[str]:
        """The vectors of the program's parameters block, in its order."""
        return ["theta_raw", "mu_raw"] + ([] if self.model.sigma_is_known else ["sigma"])


def pose(model: NormalMixture, y: object | None, *, likelihood: Likelihood = "fused") -> Problem:
    """Check a model and observations and bring them into Stan's form.

    Parameters
    ----------
    model : NormalMixture
        The model.
    y : array_like, shape (N,), or None
        The observations; None for the prior alone.
    likelihood : {"fused", "stan", "by_hand"}, default "fused"
        Which way of writing the likelihood.

    Returns
    -------
    Problem
        What Stan is to be told.

    Raises
    ------
    DataError
        If the observations cannot be used.
    ModelError
        If a prior is left out and there are no observations.
    SettingsError
        If there is no such likelihood for the model.
    """
    values = np.empty(0) if y is None else check_observations(y, n_components=model.n_components)
    complete = with_default_priors(model, values)
    _, index = np.unique(values, return_inverse=True)
    return Problem(
        model=complete,
        observed=Observed(y=values, index=index),
        stan=stan_data(complete, values),
        program=program_for(complete, likelihood=likelihood),
        likelihood=likelihood,
    )


def predictive_draws_for(wanted: int | None, *, n: int, draws: int) -> int:
    """Return for how many draws ``y_rep`` and ``log_lik`` are made.

    Parameters
    ----------
    wanted : int or None
        What the caller asked for; None for what is affordable: 1000, fewer for
        many observations, none where that would be less than 100.
    n : int
        Number of observations.
    draws : int
        Number of draws there are.

    Returns
    -------
    int
        Number of draws.

    Raises
    ------
    SettingsError
        If `wanted` is negative or not whole.

    Examples
    --------
    >>> predictive_draws_for(None, n=100, draws=40_000)
    1000
    >>> predictive_draws_for(None, n=1_000_000, draws=40_000)
    0
    """
    if wanted is not None:
        return min(draws, check_whole("predictive_draws", wanted, least=0))
    affordable = min(DEFAULT_PREDICTIVE_DRAWS, _LARGEST_PREDICTIVE_SIZE // max(1, n))
    return min(draws, affordable) if affordable >= _FEWEST_PREDICTIVE_DRAWS else 0


def predict(
    space: Workspace,
    problem: Problem,
    csvs: Sequence[StanCsv],
    *,
    n_rep: int,
    total: int,
    seed: int,
    parallel: int,
) -> Generated | None:
    """Make ``y_rep`` and ``log_lik`` for evenly spaced draws.

    Parameters
    ----------
    space : Workspace
        Where the fit was made.
    problem : Problem
        What was fitted.
    csvs : sequence of StanCsv
        The chains.
    n_rep : int
        Number of replicated observations for each draw.
    total : int
        Number of draws over all chains; 0 for none.
    seed : int
        The seed of the replications.
    parallel : int
        How many chains are done at once.

    Returns
    -------
    Generated or None
        The generated quantities; None where `total` is 0.
    """
    if total == 0:
        return None
    picks = [_evenly_spaced(len(csv.draws), -(-total // len(csvs))) for csv in csvs]
    stan = problem.stan | {"N_rep": n_rep, "save_log_lik": int(problem.stan["N"] > 0)}
    generated = generate_quantities(
        space,
        csvs,
        picks,
        parameters=problem.parameters,
        data=space.write_data("generate", stan),
        seed=seed,
        parallel=parallel,
    )
    return Generated(csvs=generated, picks=picks)


def _evenly_spaced(draws: int, wanted: int) -> NDArray[np.intp]:
    """Return which of some draws to keep so that they are equally far apart."""
    return np.unique(np.linspace(0, draws - 1, min(draws, wanted)).round().astype(np.intp))
