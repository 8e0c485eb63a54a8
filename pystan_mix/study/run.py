"""The notebook "Marginalizing over discrete variables", start to end.

Three models on two data sets, each by NUTS and by ADVI, with every figure.
"""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.program import Program
from pystan_mix.data_files import read_observations
from pystan_mix.figures import (
    plot_approximation,
    plot_autocorr,
    plot_density,
    plot_dirichlet_prior,
    plot_elbo,
    plot_posterior,
    plot_predictive,
    plot_trace,
    save_figure,
)
from pystan_mix.files import write_json
from pystan_mix.fits.attributes import Provenance, read_attributes
from pystan_mix.fits.storage import save
from pystan_mix.inference.advi import advi
from pystan_mix.inference.chains import checked_nuts
from pystan_mix.inference.nuts import draw, sample_prior
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures.density import mixture_log_density
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.numerics import FloatArray
from pystan_mix.report.fit import fit_summary
from pystan_mix.study.against_pymc import against_pymc
from pystan_mix.study.data_sets import DATA_SETS, data_file
from pystan_mix.study.pymc_results import PymcReference, read_pymc_reference
from pystan_mix.study.textbook import PROGRAM, sample_textbook

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class StudyModel:
    """One of the notebook's models.

    Parameters
    ----------
    name : str
        The notebook's name of the model.
    what : str
        What it is, in words.
    data_set : str
        The name of the data set, and so the model, of `data_sets.DATA_SETS`.
    by_hand : bool, default False
        Whether it is drawn by ``stan/textbook.stan``, and by NUTS only, as in
        the notebook.
    """

    name: str
    what: str
    data_set: str
    by_hand: bool = False


STUDY_MODELS = (
    StudyModel("mof3", "close components, sigma known", "close"),
    StudyModel("mof2", "the same, by hand", "close", by_hand=True),
    StudyModel("mofsep", "separated components, sigma unknown, weights at least 0.1", "separated"),
)


def study_programs() -> list[Program]:
    """Return the programs of the study."""
    return [*(stan_program(each.model.program) for each in DATA_SETS), stan_program(PROGRAM)]


def run_study(
    out: Path,
    *,
    data_dir: Path | None = None,
    pymc_reference: Path | None = None,
    quick: bool = False,
    seed: int = 1,
    show_progress: bool = True,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Run the whole study and leave its results in a folder.

    Parameters
    ----------
    out : pathlib.Path
        The folder; made if missing. Files appear in it only when whole.
    data_dir : pathlib.Path, optional
        A folder with ``3gv2.dat`` and ``3g.dat``; by default the shipped data
        sets that stand for them.
    pymc_reference : pathlib.Path, optional
        PyMC's results on the same data, to be set beside Stan's; by default
        the shipped ones, where the data are the shipped ones.
    quick : bool, default False
        4 x (500 + 500) iterations, of the model by hand 4 x (1000 + 2000), in
        place of 4 x (2000 + 10000).
    seed : int, default 1
        The seed of everything.
    show_progress : bool, default True
        Whether to show progress on standard error.
    say : callable, optional
        Takes a line on what is done next.

    Returns
    -------
    dict
        What ``summary.json`` holds: for each model and method the summaries of
        the parameters, seconds, divergences, ADVI's loss and the verdict, and
        the comparison with PyMC where there is one.

    Raises
    ------
    DataError
        If a data file or PyMC's results are missing or cannot be used.
    PystanMixError
        Whatever `sample` and `advi` raise.
    """
    data_sets = {data_set.name: data_set for data_set in DATA_SETS}
    observations = {
        name: read_observations(data_file(data_set, data_dir))
        for name, data_set in data_sets.items()
    }
    references = (
        {} if data_dir and not pymc_reference else dict(read_pymc_reference(pymc_reference))
    )
    started = time.perf_counter()
    compiled(*study_programs(), show_progress=show_progress)
    say("The choice of a prior: Dirichlet weights ...")
    save_figure(plot_dirichlet_prior(seed=seed), out / "dirichlet-prior.png")
    models: dict[str, Any] = {}
    for number, study_model in enumerate(STUDY_MODELS):
        y = observations[study_model.data_set]
        say(f"{study_model.name}: {study_model.what}, {y.size} observations ...")
        models[study_model.name] = _run_model(
            study_model,
            data_sets[study_model.data_set].model,
            y,
            out / study_model.name,
            reference=references.get(study_model.data_set),
            quick=quick,
            seed=seed + number,  # the same seed would make twins of mof3 and mof2
            show_progress=show_progress,
        )
    summary = {
        "seed": seed,
        "quick": quick,
        "log_sum_exp_example": _log_sum_exp_example(),
        "models": models,
        "seconds": time.perf_counter() - started,
    }
    write_json(out / "summary.json", summary)
    return summary


def _run_model(
    study_model: StudyModel,
    model: NormalMixture,
    y: FloatArray,
    out: Path,
    *,
    reference: PymcReference | None,
    quick: bool,
    seed: int,
    show_progress: bool,
) -> dict[str, Any]:
    """Fit one model; leave its data and figures."""
    prior = sample_prior(model, draws=4000, seed=seed, show_progress=False)
    save(prior, out / "prior.nc")
    iter_warmup, iter_sampling = (500, 500) if quick else (2000, 10_000)
    if quick and study_model.by_hand:
        # Stan's own order of the means leaves a third of the effective draws
        iter_warmup, iter_sampling = 1000, 2000
    nuts = checked_nuts(
        chains=4,
        parallel_chains=None,
        iter_warmup=iter_warmup,
        iter_sampling=iter_sampling,
        adapt_delta=0.95,
        max_treedepth=10,
        metric="dense_e",
        seed=seed,
        show_progress=show_progress,
    )
    fit = sample_textbook(model, y, nuts) if study_model.by_hand else draw(model, y, nuts)
    save(fit, out / "nuts.nc")
    save_figure(plot_trace(fit), out / "trace.png")
    save_figure(plot_autocorr(fit), out / "autocorr.png")
    save_figure(plot_posterior(fit), out / "posterior.png")
    save_figure(plot_density(fit), out / "density.png")
    approximations = []
    if not study_model.by_hand:
        approx = advi(model, y, seed=seed, show_progress=show_progress)
        save(approx, out / "advi.nc")
        save_figure(plot_elbo(approx), out / "elbo.png")
        save_figure(plot_approximation(approx, fit), out / "approximation.png")
        approximations.append(approx)
    save_figure(plot_predictive(fit, *approximations), out / "predictive.png")
    return {
        "what": study_model.what,
        "n": y.size,
        "program": read_attributes(Provenance, fit).program,
        "nuts": fit_summary(fit),
        "advi": fit_summary(approximations[0]) if approximations else None,
        "pymc": None if reference is None else against_pymc(fit, reference),
    }


def _log_sum_exp_example() -> dict[str, Any]:
    """Return the notebook's worked example: N(-1, 2) and N(3, 1) mixed 0.3 and 0.7."""
    theta, components = np.array([0.3, 0.7]), {"mu": [-1.0, 3.0], "sigma": [2.0, 1.0]}
    y = np.arange(-1.0, 4.0)
    arrays = {name: np.array(values) for name, values in components.items()}
    log_density = mixture_log_density(NormalMixture, y, np.log(theta), arrays)
    return {
        "theta": theta.tolist(),
        **components,
        "y": y.tolist(),
        "log_density": log_density.tolist(),
    }
