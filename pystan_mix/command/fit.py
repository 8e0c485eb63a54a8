"""What `pystan-mix fit` does."""

import argparse
import json
from pathlib import Path
from typing import Any

from pystan_mix.arviz_compat import Fit
from pystan_mix.command.exit_codes import EXIT_CODE_OF
from pystan_mix.command.words.data_options import data_from_words
from pystan_mix.command.words.fit_options import model_from_words
from pystan_mix.console import say
from pystan_mix.files import write_json
from pystan_mix.fits.model import family_of
from pystan_mix.fits.storage import save
from pystan_mix.inference.advi import advi
from pystan_mix.inference.nuts import sample
from pystan_mix.report.fit import fit_summary, fit_table


def fit_command(arguments: argparse.Namespace) -> int:
    """Fit one mixture; print its summary, or one JSON object."""
    model = model_from_words(arguments, n_components=arguments.components)
    data = data_from_words(arguments)
    if arguments.method == "nuts":
        fit = sample(
            model,
            data.observations,
            counts=data.counts,
            weights=data.weights,
            labels=data.labels,
            rounded_to=arguments.rounded_to,
            missing=arguments.missing,
            chains=arguments.chains,
            iter_warmup=arguments.iter_warmup,
            iter_sampling=arguments.iter_sampling,
            adapt_delta=arguments.adapt_delta,
            seed=arguments.seed,
        )
    else:
        fit = advi(
            model,
            data.observations,
            counts=data.counts,
            weights=data.weights,
            labels=data.labels,
            rounded_to=arguments.rounded_to,
            missing=arguments.missing,
            algorithm=arguments.algorithm,
            restarts=arguments.restarts,
            reweight=arguments.reweight,
            seed=arguments.seed,
        )
    summary = data.said_of(arguments) | {"model": repr(model)} | fit_summary(fit)
    if arguments.out is not None:
        _leave_results(fit, summary, arguments.out)
        say(f"Results: {arguments.out.resolve()}")
    print(json.dumps(summary, indent=1) if arguments.json else fit_table(summary))
    return EXIT_CODE_OF[str(summary["use"])]


def _leave_results(fit: Fit, summary: dict[str, Any], out: Path) -> None:
    """Write a fit's data, summary and figures."""
    from pystan_mix.figures import (
        plot_autocorr,
        plot_density,
        plot_elbo,
        plot_pairs,
        plot_posterior,
        plot_predictive,
        plot_trace,
        save_figure,
    )

    save(fit, out / "fit.nc")
    write_json(out / "summary.json", summary)
    if family_of(fit).vectors:
        save_figure(plot_pairs(fit), out / "pairs.png")
    else:
        save_figure(plot_density(fit), out / "density.png")
    save_figure(plot_posterior(fit), out / "posterior.png")
    if summary["predictive"]:
        save_figure(plot_predictive(fit), out / "predictive.png")
    if summary["method"] == "nuts":
        save_figure(plot_trace(fit), out / "trace.png")
        save_figure(plot_autocorr(fit), out / "autocorr.png")
    else:
        save_figure(plot_elbo(fit), out / "elbo.png")
