"""What `pystan-mix reproduce` does."""

import argparse

from pystan_mix.cmdstan.install import install_cmdstan
from pystan_mix.cmdstan.locate import find_cmdstan
from pystan_mix.command.exit_codes import EXIT_OK
from pystan_mix.console import say
from pystan_mix.errors import CmdStanNotFoundError
from pystan_mix.study.run import run_study
from pystan_mix.study.table import study_table


def reproduce_command(arguments: argparse.Namespace) -> int:
    """Run the study; print its table and where the results are."""
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
