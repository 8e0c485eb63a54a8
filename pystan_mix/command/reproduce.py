"""What `pystan-mix reproduce` does."""

import argparse
from typing import Any

from pystan_mix.cmdstan.install import install_cmdstan
from pystan_mix.command.exit_codes import EXIT_OK
from pystan_mix.console import say
from pystan_mix.errors import CmdStanNotFoundError
from pystan_mix.study.run import run_study, study_programs
from pystan_mix.study.table import study_table


def reproduce_command(arguments: argparse.Namespace) -> int:
    """Run the study; print its table and where the results are."""
    try:
        summary = _run(arguments)
    except CmdStanNotFoundError as error:
        # it is missed before anything is drawn
        say(f"{error}\nInstalling it first; this takes some minutes, once.")
        install_cmdstan(programs=study_programs())
        summary = _run(arguments)
    print(study_table(summary))
    print(f"\nResults: {arguments.out.resolve()} ({summary['seconds']:.0f} s)")
    return EXIT_OK


def _run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the study as it is asked for."""
    return run_study(
        arguments.out,
        data_dir=arguments.data_dir,
        pymc_reference=arguments.pymc_reference,
        quick=arguments.quick,
        seed=arguments.seed,
        say=say,
    )
