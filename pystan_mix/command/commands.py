"""What each command does: results to standard output, all else to standard error.

Each returns the exit code.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from pystan_mix.arviz_compat import Fit
from pystan_mix.cmdstan.install import install_cmdstan
from pystan_mix.cmdstan.locate import find_cmdstan
from pystan_mix.command.compare import compare_command as compare_command
from pystan_mix.command.doctor import fit_can_run, format_checks, run_checks
from pystan_mix.command.exit_codes import EXIT_CODE_OF, EXIT_NOT_BELIEVED, EXIT_OK
from pystan_mix.command.spelling import parse_means, parse_numbers, parse_sigma, parse_weights
from pystan_mix.console import say
from pystan_mix.errors import CmdStanNotFoundError
from pystan_mix.files import write_json, write_text
from pystan_mix.fits.storage import save
from pystan_mix.inference.advi import advi
from pystan_mix.inference.nuts import sample
from pystan_mix.mixtures.model import NormalMixture
from pystan_mix.mixtures.observations import read_observations
from pystan_mix.mixtures.simulation import simulate
from pystan_mix.report.fit import fit_summary, fit_table, study_table
from pystan_mix.study.data_sets import format_observations, write_data_sets


def reproduce_command(arguments: argparse.Namespace) -> int:
    """Run the study; print its table and where the results are."""
    # only this command and `fit --out` draw, and Matplotlib is slow to import
    from pystan_mix.study.run import run_study

    try:
        find_cmdstan()
    except CmdStanNotFoundError as error:
        say(f"{error}\nInstalling it first; this takes some minutes, once.")
        install_cmdstan()
    summary = run_study(
        arguments.out,
        data_dir=arguments.data_dir,
        pymc_reference=arguments.pymc_reference,
        quick=arguments.quick,
        seed=arguments.seed,
        say=say,
    )
    print(study_table(summary))
    print(f"\nResults: {arguments.out.resolve()} ({summary['seconds']:.0f} s)")
    return EXIT_OK


def fit_command(arguments: argparse.Namespace) -> int:
    """Fit one mixture; print its summary, or one JSON object."""
    model = NormalMixture(
        n_components=arguments.components,
        weights=parse_weights(arguments.weights),
        means=None if arguments.means is None else parse_means(arguments.means),
        sigma=None if arguments.sigma is None else parse_sigma(arguments.sigma),
        min_weight=arguments.min_weight,
    )
    y = read_observations(arguments.data, column=arguments.column)
    if arguments.method == "nuts":
        fit = sample(
            model,
            y,
            chains=arguments.chains,
            iter_warmup=arguments.iter_warmup,
            iter_sampling=arguments.iter_sampling,
            adapt_delta=arguments.adapt_delta,
            seed=arguments.seed,
        )
    else:
        fit = advi(
            model,
            y,
            algorithm=arguments.algorithm,
            restarts=arguments.restarts,
            reweight=arguments.reweight,
            seed=arguments.seed,
        )
    summary = {"data": str(arguments.data), "n": y.size, "model": repr(model)} | fit_summary(fit)
    if arguments.out is not None:
        _leave_results(fit, summary, arguments.out)
        say(f"Results: {arguments.out.resolve()}")
    print(json.dumps(summary, indent=1) if arguments.json else fit_table(summary))
    return EXIT_CODE_OF[str(summary["use"])]


def _leave_results(fit: Fit, summary: dict[str, Any], out: Path) -> None:
    """Write a fit's data, summary and figures."""
    from pystan_mix.figures.data import (
        plot_autocorr,
        plot_density,
        plot_elbo,
        plot_posterior,
        plot_predictive,
        plot_trace,
        save_figure,
    )

    save(fit, out / "fit.nc")
    write_json(out / "summary.json", summary)
    save_figure(plot_density(fit), out / "density.png")
    save_figure(plot_posterior(fit), out / "posterior.png")
    if summary["predictive"]:
        save_figure(plot_predictive(fit), out / "predictive.png")
    if summary["method"] == "nuts":
        save_figure(plot_trace(fit), out / "trace.png")
        save_figure(plot_autocorr(fit), out / "autocorr.png")
    else:
        save_figure(plot_elbo(fit), out / "elbo.png")


def simulate_command(arguments: argparse.Namespace) -> int:
    """Print or write simulated observations."""
    if arguments.shipped is not None:
        for path in write_data_sets(arguments.shipped):
            print(path)
        return EXIT_OK
    mu = parse_numbers(arguments.mu, what="--mu")
    sigma = parse_numbers(arguments.sigma, what="--sigma")
    y = simulate(
        arguments.n,
        theta=(
            np.full(len(mu), 1.0 / len(mu))
            if arguments.theta is None
            else parse_numbers(arguments.theta, what="--theta")
        ),
        mu=mu,
        sigma=sigma if len(sigma) > 1 else sigma[0],
        seed=arguments.seed,
    )
    if arguments.out is None:
        print(format_observations(y), end="")
    else:
        write_text(arguments.out, format_observations(y))
        say(f"Wrote {y.size} observations to {arguments.out.resolve()}")
    return EXIT_OK


def install_command(arguments: argparse.Namespace) -> int:
    """Install CmdStan; print its folder."""
    print(install_cmdstan(source=arguments.source, directory=arguments.dir).path)
    return EXIT_OK


def doctor_command(arguments: argparse.Namespace) -> int:  # noqa: ARG001
    """Print what a fit needs and whether it is there."""
    checks = run_checks()
    print(format_checks(checks))
    return EXIT_OK if fit_can_run(checks) else EXIT_NOT_BELIEVED
