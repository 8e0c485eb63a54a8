"""What `pystan-mix simulate` does."""

import argparse

import numpy as np

from pystan_mix.command.exit_codes import EXIT_OK
from pystan_mix.command.words.spelling import parse_numbers
from pystan_mix.console import say
from pystan_mix.files import write_text
from pystan_mix.study.data_sets import format_observations, write_data_sets
from pystan_mix.study.simulation import simulate


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
