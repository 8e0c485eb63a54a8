"""The Stan programs that come with the package."""

from typing import Literal, get_args

from pystan_mix.checks import check_choice
from pystan_mix.cmdstan.program import Program
from pystan_mix.resources import resource_dir

Likelihood = Literal["fused", "stan"]


def stan_program(name: str, *, likelihood: Likelihood = "fused") -> Program:
    """Return a program of the package with the folders that it includes from.

    Parameters
    ----------
    name : str
        Its name, such as ``normal``.
    likelihood : {"fused", "stan"}, default "fused"
        Whether its likelihood is the one in C++, where there is one, or the
        one in Stan.

    Returns
    -------
    Program
        What `compiled` takes.

    Raises
    ------
    SettingsError
        If there is no such likelihood.

    Examples
    --------
    >>> stan_program("normal").header.name
    'normal.hpp'
    """
    check_choice("likelihood", likelihood, choices=get_args(Likelihood))
    stan = resource_dir("stan")
    header = stan / "fused" / f"{name}.hpp"
    fused = likelihood == "fused" and header.is_file()
    # of the same name the first stands
    folders = ("fused", "parts") if fused else ("parts", "plain")
    return Program(
        path=stan / f"{name}.stan",
        include_dirs=tuple(stan / folder for folder in folders),
        header=header if fused else None,
    )


def stan_programs() -> list[Program]:
    """Return all programs of the package, with the likelihoods that are theirs by default."""
    return [stan_program(path.stem) for path in sorted(resource_dir("stan").glob("*.stan"))]
