"""What `pystan-mix install` does."""

import argparse

from pystan_mix.cmdstan.install import install_cmdstan
from pystan_mix.command.exit_codes import EXIT_OK


def install_command(arguments: argparse.Namespace) -> int:
    """Install CmdStan; print its folder."""
    print(install_cmdstan(source=arguments.source, directory=arguments.dir).path)
    return EXIT_OK
