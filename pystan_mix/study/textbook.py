"""The notebook's `mof2`: the mixture by hand, as the Stan User's Guide writes it."""

from typing import Any

import numpy as np

from pystan_mix.arviz_compat import Fit
from pystan_mix.errors import ModelError
from pystan_mix.fits.draws import evenly_spaced
from pystan_mix.fits.groups import Predictive
from pystan_mix.inference.assemble import nuts_fit
from pystan_mix.inference.begins import Begin
from pystan_mix.inference.chains import Nuts, run_chains
from pystan_mix.inference.predictive import DEFAULT_PREDICTIVE_DRAWS
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.starts import initial_parameters
from pystan_mix.mixtures.target import Target, target_of

PROGRAM = "textbook"


def sample_textbook(model: NormalMixture, y: object, nuts: Nuts) -> Fit:
    """Draw from the posterior by ``stan/textbook.stan``, its own predictions with it.

    Parameters
    ----------
    model : NormalMixture
        A model with known standard deviations and no floor under its weights.
    y : array_like, shape (N,)
        Observations, in the units of the priors.
    nuts : Nuts
        The settings.

    Returns
    -------
    arviz.InferenceData or xarray.DataTree
        The groups of `sample`; ``y`` of some 1000 draws is the program's own
        ``y_rep`` and ``log_lik``.

    Raises
    ------
    DataError, ModelError
        If the observations or the model cannot be used.
    CmdStanNotFoundError, CompilationError, SamplingError
        As in `sample`.
    """
    target = target_of(model, y)
    rng = np.random.default_rng(nuts.seed)
    begins = []
    for _ in range(nuts.chains):
        init = initial_parameters(target, rng=rng)
        begins.append(Begin({"theta": init["theta_raw"], "mu": init["mu"]}))
    run = run_chains(stan_program(PROGRAM), nuts, data=textbook_data(target), begins=begins)
    picks = evenly_spaced(nuts.iter_sampling, -(-DEFAULT_PREDICTIVE_DRAWS // nuts.chains))
    y_rep, log_lik = (
        np.stack([csv.variable(name)[picks] for csv in run.csvs]) for name in ("y_rep", "log_lik")
    )
    return nuts_fit(
        target, run.csvs, predictive=Predictive(picks, y_rep, log_lik), seconds=run.seconds
    )


def textbook_data(target: Target) -> dict[str, Any]:
    """Return the data block of ``stan/textbook.stan``.

    Parameters
    ----------
    target : Target
        The model, its standard deviations known, and its observations.

    Returns
    -------
    dict
        Numbers and lists.

    Raises
    ------
    ModelError
        If standard deviations are estimated, means known, or weights have a floor.
    """
    model, K = target.model, target.n_components
    means = model.ordered_parameter()
    if target.known.keys() != {"sigma"} or model.min_weight > 0.0:
        raise ModelError(
            "textbook.stan is for known standard deviations, means with a prior and min_weight=0."
        )
    return {
        "K": K,
        "N": target.observed.y.size,
        "y": target.observed.y.tolist(),
        "alpha": target.concentration.tolist(),
        **model.prior(means).stan_data(means.name, K),
        "sigma": np.broadcast_to(target.known["sigma"], K).tolist(),
    }
