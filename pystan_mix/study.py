"""The notebook "Marginalizing over discrete variables", start to end.

Three models on two data sets, each by NUTS and by ADVI, with every figure.
"""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pystan_mix import mixture
from pystan_mix.arviz_data import Fit, attributes, group, save
from pystan_mix.diagnostics import diagnose, summarize
from pystan_mix.figures import save_figure
from pystan_mix.files import write_json
from pystan_mix.mixture import FloatArray
from pystan_mix.model import NormalMixture
from pystan_mix.nuts import sample, sample_prior
from pystan_mix.observations import read_observations
from pystan_mix.plots import plot_density, plot_dirichlet_prior, plot_elbo, plot_predictive
from pystan_mix.posterior_plots import plot_autocorr, plot_posterior, plot_trace
from pystan_mix.priors import Dirichlet, HalfCauchy, Normal
from pystan_mix.programs import Likelihood, compiled
from pystan_mix.resources import resource_dir
from pystan_mix.variational import advi

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class StudyModel:
    """One of the notebook's models and its data.

    Parameters
    ----------
    name : str
        The notebook's name of the model.
    what : str
        What it is, in words.
    model : NormalMixture
        The model.
    course_file, shipped_file : str
        The notebook's data file, and the shipped one that stands for it.
    likelihood : {"stan", "by_hand"}
        Which way of writing the likelihood.
    """

    name: str
    what: str
    model: NormalMixture
    course_file: str
    shipped_file: str
    likelihood: Likelihood


_CLOSE = NormalMixture(n_components=3, weights=Dirichlet(10.0), means=Normal(0.0, 10.0), sigma=1.0)
_SEPARATED = NormalMixture(
    n_components=3,
    weights=Dirichlet(2.0),
    means=Normal([0.0, 10.0, 20.0], 5.0),
    sigma=HalfCauchy(5.0),
    min_weight=0.1,
)

STUDY_MODELS = (
    StudyModel("mof3", "close components, sigma known", _CLOSE, "3gv2.dat", "close.dat", "stan"),
    StudyModel("mof2", "the same, by hand", _CLOSE, "3gv2.dat", "close.dat", "by_hand"),
    StudyModel(
        "mofsep",
        "separated components, sigma unknown, weights at least 0.1",
        _SEPARATED,
        "3g.dat",
        "separated.dat",
        "stan",
    ),
)


def run_study(
    out: Path,
    *,
    data_dir: Path | None = None,
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
    quick : bool, default False
        4 x (500 + 500) iterations in place of 4 x (2000 + 10000).
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
        the parameters, seconds, divergences, ADVI's loss and the verdict.

    Raises
    ------
    DataError
        If a data file is missing or cannot be used.
    PystanMixError
        Whatever `sample` and `advi` raise.
    """
    data = {model.name: _observations(model, data_dir) for model in STUDY_MODELS}
    started = time.perf_counter()
    compiled(
        "normal_mixture_known_sigma",
        "normal_mixture_by_hand",
        "normal_mixture",
        show_progress=show_progress,
    )
    say("The choice of a prior: Dirichlet weights ...")
    save_figure(plot_dirichlet_prior(seed=seed), out / "dirichlet-prior.png")
    models: dict[str, Any] = {}
    for model in STUDY_MODELS:
        say(f"{model.name}: {model.what}, {data[model.name].size} observations ...")
        models[model.name] = _run_model(
            model,
            data[model.name],
            out / model.name,
            quick=quick,
            seed=seed,
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


def _observations(model: StudyModel, data_dir: Path | None) -> FloatArray:
    """Read a model's data."""
    if data_dir is None:
        return read_observations(resource_dir("data") / model.shipped_file)
    return read_observations(data_dir / model.course_file)


def _run_model(
    study_model: StudyModel,
    y: FloatArray,
    out: Path,
    *,
    quick: bool,
    seed: int,
    show_progress: bool,
) -> dict[str, Any]:
    """Fit one model both ways; leave its data and figures."""
    prior = sample_prior(study_model.model, draws=4000, seed=seed, show_progress=False)
    save(prior, out / "prior.nc")
    fit = sample(
        study_model.model,
        y,
        chains=4,
        iter_warmup=500 if quick else 2000,
        iter_sampling=500 if quick else 10_000,
        adapt_delta=0.95,
        seed=seed,
        likelihood=study_model.likelihood,
        show_progress=show_progress,
    )
    save(fit, out / "nuts.nc")
    save_figure(plot_trace(fit), out / "trace.png")
    save_figure(plot_autocorr(fit), out / "autocorr.png")
    save_figure(plot_posterior(fit), out / "posterior.png")
    save_figure(plot_predictive(fit), out / "predictive-nuts.png")
    save_figure(plot_density(fit), out / "density.png")
    approx = advi(
        study_model.model,
        y,
        seed=seed,
        likelihood=study_model.likelihood,
        show_progress=show_progress,
    )
    save(approx, out / "advi.nc")
    save_figure(plot_elbo(approx), out / "elbo.png")
    save_figure(plot_predictive(approx), out / "predictive-advi.png")
    return {
        "what": study_model.what,
        "n": y.size,
        "program": attributes(fit)["program"],
        "nuts": fit_summary(fit),
        "advi": fit_summary(approx),
    }


def fit_summary(fit: Fit) -> dict[str, Any]:
    """Return what there is to say of a fit, as JSON takes it.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        What `sample` or `advi` returned.

    Returns
    -------
    dict
        Summaries of each parameter (R-hat is None for one chain), seconds,
        the verdict; divergences of NUTS, loss and k-hat of ADVI.
    """
    top = attributes(fit)
    verdict = diagnose(fit)
    table = summarize(fit)
    summary: dict[str, Any] = {
        "method": top["method"],
        "seed": top["seed"],
        "seconds": top["seconds"],
        "ok": verdict.ok,
        "problems": list(verdict.problems),
    }
    if top["method"] == "nuts":
        summary["divergences"] = int(group(fit, "sample_stats")["diverging"].sum())
    else:
        summary["loss"] = -top["elbo"]
        summary["loss_mcse"] = top["elbo_mcse"]
        summary["pareto_khat"] = top["pareto_khat"]
    summary["parameters"] = {
        name: {key: float(value) if np.isfinite(value) else None for key, value in row.items()}
        for name, row in table.to_dict(orient="index").items()
    }
    return summary


def _log_sum_exp_example() -> dict[str, Any]:
    """Return the notebook's worked example: N(-1, 2) and N(3, 1) mixed 0.3 and 0.7."""
    theta, mu, sigma = [0.3, 0.7], [-1.0, 3.0], [2.0, 1.0]
    y = [-1.0, 0.0, 1.0, 2.0, 3.0]
    return {
        "theta": theta,
        "mu": mu,
        "sigma": sigma,
        "y": y,
        "log_density": mixture.log_density(y, theta, mu, sigma).tolist(),
    }


def study_table(summary: dict[str, Any]) -> str:
    """Lay the study's summaries out as text.

    Parameters
    ----------
    summary : dict
        What `run_study` returned.

    Returns
    -------
    str
        A block for each model: its parameters by NUTS and by ADVI.
    """
    blocks = []
    for name, model in summary["models"].items():
        nuts, approx = model["nuts"], model["advi"]
        lines = [
            f"{name}: {model['what']} (n = {model['n']})",
            f"{'':10}{'NUTS':^62}  {'ADVI':^18}",
            f"{'':10}"
            + "".join(f"{head:>9}" for head in ("mean", "sd", "5%", "50%", "95%"))
            + f"{'ESS':>9}{'R-hat':>8}  "
            + f"{'mean':>9}{'sd':>9}",
        ]
        for parameter, row in nuts["parameters"].items():
            other = approx["parameters"][parameter]
            r_hat = "-" if row["r_hat"] is None else f"{row['r_hat']:.4f}"
            lines.append(
                f"{parameter:<10}"
                + "".join(f"{row[key]:9.3f}" for key in ("mean", "sd", "q05", "q50", "q95"))
                + f"{row['ess_bulk']:9.0f}{r_hat:>8}  {other['mean']:9.3f}{other['sd']:9.3f}"
            )
        lines += [
            f"NUTS: {nuts['seconds']:.1f} s, {nuts['divergences']} divergences. {_verdict(nuts)}",
            f"ADVI: {approx['seconds']:.1f} s, loss {approx['loss']:.2f} "
            f"(error {approx['loss_mcse']:.2f}), k-hat {approx['pareto_khat']:.2f}. "
            f"{_verdict(approx)}",
        ]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _verdict(summary: dict[str, Any]) -> str:
    """Return a fit's verdict as text."""
    return "No problems found." if summary["ok"] else " ".join(summary["problems"])
