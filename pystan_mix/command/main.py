"""The command line, `pystan-mix`."""

import argparse
import importlib.metadata
import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NoReturn

from pystan_mix.command.exit_codes import (
    EXIT_CODES,
    EXIT_COMPILATION,
    EXIT_INTERRUPTED,
    EXIT_NO_CMDSTAN,
    EXIT_OK,
    EXIT_SAMPLING,
    EXIT_USAGE,
)
from pystan_mix.command.words.options import (
    add_compare_options,
    add_install_options,
    add_reproduce_options,
    add_simulate_options,
)
from pystan_mix.errors import (
    CmdStanInstallError,
    CmdStanNotFoundError,
    CompilationError,
    PystanMixError,
    SamplingError,
)

_FIT_EXAMPLES = """\
examples:
  pystan-mix fit heights.dat --components 2
  pystan-mix fit data.csv --column length --components 3 --sigma half-cauchy:5 \\
      --means 0:10:20,5 --min-weight 0.1 --out results
  pystan-mix fit heights.dat --components 2 --means=-5,10 --json > fit.json
  zcat data.csv.gz | pystan-mix fit - --column 2 --decimal , --missing drop --components 2

Without --means and --sigma the priors are scaled to the data: means normal around
the data's mean with 2.5 times their standard deviation, component standard deviations
half-normal with the data's as scale.

"""

_DATA_FILES = """\
Lines that begin with # are passed over, as are blank ones. Cells are separated by tabs,
semicolons, commas or white space: the first of these that the first line has. Words on
one line with white space between them are one sample; on several lines they are columns.
What was read is said on standard error; what may be read in two ways is refused.

"""

_COMPARE_EXAMPLES = """\
examples:
  pystan-mix compare results/fit.nc trace.nc --names p=theta,means=mu,sds=sigma
  pystan-mix compare Stan=fit.nc PyMC=trace.nc NumPyro=samples.nc --out compared
  pystan-mix compare --live --model close

The first file is the reference; each file is ArviZ data as netCDF. They agree if no mean, sd
or quantile of a parameter, of the log likelihood or of the predictive density differs by more
than Monte Carlo error, all comparisons taken into account, and by more than 0.05 sd. Components
that come in another order are put into that of their means first.

"""
_EXAMPLES = {
    "fit": _FIT_EXAMPLES + _DATA_FILES,
    "choose": _DATA_FILES,
    "compare": _COMPARE_EXAMPLES,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; by default the process's own.

    Returns
    -------
    int
        The exit code; the help of every command lists them.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    arguments = _parser(words).parse_args(words)
    signal.signal(signal.SIGTERM, _raise_interrupt)
    # nohup lets it be ignored
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _raise_interrupt)
    try:
        code = int(arguments.run(arguments))
        sys.stdout.flush()
        return code
    except PystanMixError as error:
        print(f"pystan-mix: error: {error}", file=sys.stderr)
        return _exit_code(error)
    except KeyboardInterrupt:
        print("pystan-mix: interrupted; what was running is stopped.", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # the reader of standard output has left, for example `| head`
        sys.stderr.close()
        return EXIT_OK
    except OSError:
        fault = _output_fault()
        if not fault:
            raise
        print(
            f"pystan-mix: error: standard output cannot be written: {fault}. Free space there, or "
            "send it elsewhere.",
            file=sys.stderr,
        )
        return EXIT_USAGE


def _output_fault() -> str:
    """Say why what was printed cannot be written, for example to a disk that is full."""
    try:
        # what failed once may have been thrown away: another line tells
        print(flush=True)
    except OSError as error:
        # Python would try it again at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return error.strerror or str(error)
    return ""


def _raise_interrupt(signum: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    """Let a request to end stop CmdStan's processes too."""
    raise KeyboardInterrupt


def _exit_code(error: PystanMixError) -> int:
    """Return the exit code of a kind of error."""
    if isinstance(error, CmdStanNotFoundError | CmdStanInstallError):
        return EXIT_NO_CMDSTAN
    if isinstance(error, CompilationError):
        return EXIT_COMPILATION
    if isinstance(error, SamplingError):
        return EXIT_SAMPLING
    return EXIT_USAGE


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of all commands; `fit` has its options only where it is asked for."""
    parser = argparse.ArgumentParser(
        prog="pystan-mix",
        description="Bayesian finite mixtures on CmdStan.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = importlib.metadata.version("pystan_mix")
    parser.add_argument("--version", action="version", version=f"pystan_mix {version}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, (what, run, add_options) in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=what[0].lower() + what[1:],
            description=f"{what}.",
            epilog=_EXAMPLES.get(name, "") + EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=run)
        if name in words and add_options is not None:
            add_options(command)
    return parser


# each command imports what it needs when it runs, so that --help and a wrong option answer at once
def _reproduce(arguments: argparse.Namespace) -> int:
    from pystan_mix.command.reproduce import reproduce_command

    return reproduce_command(arguments)


def _fit(arguments: argparse.Namespace) -> int:
    from pystan_mix.command.fit import fit_command

    return fit_command(arguments)


def _add_fit_options(command: argparse.ArgumentParser) -> None:
    from pystan_mix.command.words.fit_options import add_fit_options

    add_fit_options(command)


def _choose(arguments: argparse.Namespace) -> int:
    from pystan_mix.command.choose import choose_command

    return choose_command(arguments)


def _add_choose_options(command: argparse.ArgumentParser) -> None:
    from pystan_mix.command.choose import add_choose_options

    add_choose_options(command)


def _compare(arguments: argparse.Namespace) -> int:
    from pystan_mix.command.compare import compare_command

    return compare_command(arguments)


def _verify(arguments: argparse.Namespace) -> int:
    from pystan_mix.command.verify import verify_command

    return verify_command(arguments)


def _add_verify_options(command: argparse.ArgumentParser) -> None:
    from pystan_mix.command.verify import add_verify_options

    add_verify_options(command)


def _simulate(arguments: argparse.Namespace) -> int:
    from pystan_mix.command.simulate import simulate_command

    return simulate_command(arguments)


def _install(arguments: argparse.Namespace) -> int:
    from pystan_mix.command.doctor import install_command

    return install_command(arguments)


def _doctor(arguments: argparse.Namespace) -> int:
    from pystan_mix.command.doctor import doctor_command

    return doctor_command(arguments)


_Run = Callable[[argparse.Namespace], int]
_AddOptions = Callable[[argparse.ArgumentParser], None]
_COMMANDS: dict[str, tuple[str, _Run, _AddOptions | None]] = {
    "reproduce": (
        "Run the whole study: three models by NUTS and ADVI, with figures and a table",
        _reproduce,
        add_reproduce_options,
    ),
    "fit": (
        "Fit a mixture to a column of numbers and print the posterior",
        _fit,
        _add_fit_options,
    ),
    "choose": (
        "Set numbers of components side by side: evidence, predictions, verdicts",
        _choose,
        _add_choose_options,
    ),
    "compare": ("Say whether posteriors are the same", _compare, add_compare_options),
    "simulate": (
        "Print observations drawn from a mixture, one to a line",
        _simulate,
        add_simulate_options,
    ),
    "verify": (
        "Check on this machine that posteriors are calibrated: fits of data from the priors",
        _verify,
        _add_verify_options,
    ),
    "install": ("Install CmdStan, unless a usable one is there", _install, add_install_options),
    "doctor": ("Check what a fit needs, with a remedy for what is wrong", _doctor, None),
}
