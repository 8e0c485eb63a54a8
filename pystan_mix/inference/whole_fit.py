"""A fit by NUTS from beginning to end: chains, what weighing says of them, predictions."""

import time
from pathlib import Path

import numpy as np

from pystan_mix.arviz_compat import Fit
from pystan_mix.cmdstan.program import Program
from pystan_mix.inference.assemble import nuts_fit
from pystan_mix.inference.begins import begins
from pystan_mix.inference.chains import Nuts, run_chains
from pystan_mix.inference.from_csv import csv_draws, labelled_draws
from pystan_mix.inference.predictive import predictive_of
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.starts import values_of_chains
from pystan_mix.mixtures.target import Target
from pystan_mix.weighing.chains import weigh_chains
from pystan_mix.weighing.compiled.library import compile_if_missing


def drawn(
    target: Target,
    nuts: Nuts,
    *,
    n_rep: int,
    predictive_draws: int,
    program: Program,
    output_dir: str | Path | None = None,
) -> Fit:
    """Run the chains, and put them together with what they predict.

    Parameters
    ----------
    target : Target
        The model and its observations.
    nuts : Nuts
        The settings.
    n_rep : int
        Number of replicated observations for each draw.
    predictive_draws : int
        For how many draws there are predictions.
    program : Program
        The Stan program.
    output_dir : path, optional
        A folder that CmdStan's own files are kept in.

    Returns
    -------
    arviz.InferenceData or xarray.DataTree
        The groups that `sample` names.
    """
    rng, sort = np.random.default_rng(nuts.seed), target.free_components
    if target.n_components > 1:
        compile_if_missing(show_progress=nuts.show_progress)
    inits = values_of_chains(target, nuts.chains, rng=rng, sort_components=sort)
    run = run_chains(
        program,
        nuts,
        data=stan_data(target, sort_components=sort),
        begins=begins(target, inits, sort_components=sort, rng=rng),
        output_dir=output_dir,
    )
    began = time.perf_counter()
    chains = labelled_draws(target, csv_draws(target, run.csvs))
    weighed = weigh_chains(
        target, chains, parallel=nuts.parallel, rng=rng, show_progress=nuts.show_progress
    )
    predictive = predictive_of(
        target,
        chains if weighed is None or weighed.draws is None else weighed.draws,
        n_rep=n_rep,
        total=predictive_draws,
        seed=nuts.seed,
        parallel=nuts.parallel,
    )
    seconds = run.seconds + time.perf_counter() - began
    return nuts_fit(
        target,
        run.csvs,
        predictive=predictive,
        chains=chains,
        weighed=weighed,
        seconds=seconds,
    )
