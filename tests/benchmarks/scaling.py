"""Time one gradient of the Stan program, fused and plain, from 100 to a million observations.

CmdStan runs one static trajectory of L leapfrog steps with a step size too small to move, at two
values of L. A step is one gradient, so the difference in processor time over the difference in L
is the time of a gradient: starting, reading the data and writing cancel. That a step is one
gradient is checked first, with a program that prints at each. Fused and plain take turns.
Interrupt it when you like: what is finished is written after each size.
"""

import argparse
import contextlib
import csv
import dataclasses
import datetime
import json
import math
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.locate import find_cmdstan
from pystan_mix.errors import PystanMixError
from pystan_mix.files import write_json, write_text, written_whole
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.priors import Dirichlet, Normal
from pystan_mix.mixtures.scale_priors import HalfNormal
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.starts import initial_values
from pystan_mix.mixtures.target import target_of
from pystan_mix.study.simulation import simulate

# what is given for the standard deviations
SIGMAS = {"estimated": HalfNormal(5.0), "known": 1.0}
LIKELIHOODS = ("fused", "stan")
STEP_SIZE = 1e-9
# a difference shorter than this is not yet good to extrapolate from
PILOT_SECONDS = 0.1
MOST_STEPS = 10_000_000

COLUMNS = (
    "N",
    "K",
    "plain, s",
    "fused, s",
    "plain / fused",
    "plain, ns",
    "fused, ns",
    "plain, MiB",
    "fused, MiB",
)

COUNTING_PROGRAM = """
parameters {
  vector[2] x;
}
model {
  print("gradient");
  x ~ std_normal();
}
"""


@dataclasses.dataclass(frozen=True)
class Trajectory:
    """One run of CmdStan: processor seconds, peak memory in bytes, log density at its start."""

    seconds: float
    memory: int
    lp: float


@dataclasses.dataclass(frozen=True)
class Program:
    """An executable with its data, ready to run in a folder."""

    executable: Path
    folder: Path

    def run(self, steps: int) -> Trajectory:
        """Run one trajectory of so many leapfrog steps."""
        argv = [
            str(self.executable),
            *arguments_of(steps, draws=1),
            "data",
            "file=data.json",
            "init=init.json",
            "random",
            "seed=1",
            "output",
            "file=draws.csv",
            "sig_figs=17",
        ]
        with (self.folder / "log").open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                argv, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            memory, pid = 0, 0
            try:
                while not pid:
                    memory = max(memory, high_water(process.pid))
                    time.sleep(0.005)
                    pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            except BaseException:
                process.kill()
                process.wait()
                raise
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log_text = (self.folder / "log").read_text("utf-8", "replace")
            raise RuntimeError(f"{argv[0]} failed ({process.returncode}):\n{log_text[-800:]}")
        with (self.folder / "draws.csv").open(encoding="utf-8") as lines:
            (row,) = csv.DictReader(line for line in lines if not line.startswith("#"))
        taken = int(float(row["int_time__"]) / float(row["stepsize__"]))
        if taken != steps:
            raise RuntimeError(f"CmdStan took {taken} steps where {steps} were asked for")
        return Trajectory(
            seconds=usage.ru_utime + usage.ru_stime,
            memory=memory or usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
            lp=float(row["lp__"]),
        )


def main() -> int:
    """Run the command line; return its exit code."""
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    rows: list[dict[str, Any]] = []
    code = 0
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
            check_counts(Path(folder))
            executables = {
                likelihood: compiled(stan_program("normal", likelihood=likelihood))[0]
                for likelihood in LIKELIHOODS
            }
            for name in arguments.sigma:
                for N in arguments.n:
                    for K in arguments.k:
                        rows.append(measure(name, N, K, executables, Path(folder), arguments))
                        say(line_of(rows[-1]))
                        write_results(rows, arguments)
    except KeyboardInterrupt:
        say("Interrupted.")
        code = 130
    except (PystanMixError, OSError, RuntimeError) as error:
        say(str(error))
        code = 1
    if rows:
        print(markdown(rows))
        say(
            f"Results: {', '.join(path.name for path in sorted(arguments.out.glob('scaling*')))} "
            f"in {arguments.out}"
        )
    return code


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example, under a minute once the programs are compiled:\n"
        "  python scaling.py --n 100 1000 --k 2 3 --seconds 0.3 --repeats 2 --out trial",
    )
    add = parser.add_argument
    add("--sigma", nargs="+", choices=SIGMAS, default=list(SIGMAS), help="default: both")
    sizes = [10**power for power in range(2, 7)]
    add("--n", nargs="+", type=positive, default=sizes, help="observations; default: 100 to 1e6")
    add("--k", nargs="+", type=positive, default=[2, 3, 5, 10], help="default: 2 3 5 10")
    add(
        "--seconds",
        type=seconds_of_work,
        default=2.0,
        help="of gradients in each run, but one gradient at least; default: %(default)s",
    )
    add("--repeats", type=positive, default=3, help="the fastest counts; default: %(default)s")
    add("--out", type=Path, default=Path("scaling-results"), help="folder; default: %(default)s")
    return parser.parse_args()


def positive(text: str) -> int:
    """Read a whole number above zero, also as 1e6."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value >= 1 or value != int(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return int(value)


def seconds_of_work(text: str) -> float:
    """Read a time that is long enough to be measured."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0.05 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.05 on")
    return seconds


def say(text: str) -> None:
    """Write to standard error."""
    print(text, file=sys.stderr, flush=True)


def high_water(pid: int) -> int:
    """Return the most memory that a process has had, in bytes; 0 where the system does not say.

    On Linux `ru_maxrss` also counts what the parent had when it forked.
    """
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text("utf-8", "replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def arguments_of(steps: int, *, draws: int) -> list[str]:
    """Return CmdStan's arguments for static trajectories of so many steps."""
    return [
        "sample",
        "num_warmup=0",
        f"num_samples={draws}",
        "adapt",
        "engaged=0",
        "algorithm=hmc",
        "engine=static",
        # CmdStan rounds the quotient down
        f"int_time={(steps + 0.5) * STEP_SIZE:.17g}",
        f"stepsize={STEP_SIZE}",
    ]


def check_counts(folder: Path) -> None:
    """Check on a program that prints at each gradient that a leapfrog step is one of them."""
    say("Checking that a leapfrog step is one gradient ...")
    program = folder / "count.stan"
    program.write_text(COUNTING_PROGRAM, encoding="utf-8")
    make = [os.environ.get("MAKE", "make"), str(program.with_suffix(""))]
    made = subprocess.run(make, cwd=find_cmdstan().path, capture_output=True, text=True)
    if made.returncode:
        raise RuntimeError(f"the program that counts did not compile:\n{made.stderr[-800:]}")
    counts = {}
    for draws, steps in ((1, 1), (1, 1001), (3, 1), (3, 11)):
        argv = [program.with_suffix(""), *arguments_of(steps, draws=draws)]
        output = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=True).stdout
        counts[draws, steps] = output.splitlines().count("gradient")
    if counts[1, 1001] - counts[1, 1] != 1000 or counts[3, 11] - counts[3, 1] != 30:
        raise RuntimeError(f"a leapfrog step of this CmdStan is not one gradient: {counts}")


def measure(
    name: str,
    N: int,
    K: int,
    executables: Mapping[str, Path],
    folder: Path,
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    """Return one row: both likelihoods at one size."""
    model = NormalMixture(
        n_components=K,
        weights=Dirichlet(2.0),
        means=Normal(0.0, 5.0 * K),
        sigma=SIGMAS[name],
    )
    mu = 4.0 * (np.arange(K) - (K - 1) / 2)
    y = simulate(N, theta=np.full(K, 1 / K), mu=mu, sigma=1.0, seed=1)
    target = target_of(model, y)
    data = stan_data(target)
    start = initial_values(target, rng=np.random.default_rng(1))
    (folder / "data.json").write_text(json.dumps(data), encoding="utf-8")
    (folder / "init.json").write_text(json.dumps(start), encoding="utf-8")
    programs = {kind: Program(executable, folder) for kind, executable in executables.items()}
    steps = {
        kind: steps_for(program, N * K, arguments.seconds) for kind, program in programs.items()
    }
    short: dict[str, list[Trajectory]] = {kind: [] for kind in programs}
    long: dict[str, list[Trajectory]] = {kind: [] for kind in programs}
    for _ in range(arguments.repeats):
        for kind, program in programs.items():
            short[kind].append(program.run(1))
            long[kind].append(program.run(1 + steps[kind]))
    lps = [run.lp for kind in programs for run in short[kind]]
    if max(lps) - min(lps) > 1e-9 * abs(lps[0]):
        raise RuntimeError(f"sigma {name}, N = {N}, K = {K}: the log densities differ: {lps}")
    row: dict[str, Any] = {"sigma": name, "N": N, "distinct": data["N"], "K": K}
    for kind in programs:
        fastest = min(run.seconds for run in long[kind]) - min(run.seconds for run in short[kind])
        each = sorted(
            (a.seconds - b.seconds) / steps[kind]
            for a, b in zip(long[kind], short[kind], strict=True)
        )
        seconds = fastest / steps[kind]
        row[kind] = {
            "seconds": seconds,
            "spread": [each[0], each[-1]],
            "gradients": steps[kind],
            "ns_per_term": 1e9 * seconds / (data["N"] * K),
            "peak_memory": max(run.memory for run in (*short[kind], *long[kind])),
        }
    return row | {"ratio": row["stan"]["seconds"] / row["fused"]["seconds"]}


def steps_for(program: Program, terms: int, seconds: float) -> int:
    """Return how many gradients take about so many seconds."""
    shortest = program.run(1).seconds
    steps = max(1, 1_000_000 // terms)
    while True:
        taken = program.run(1 + steps).seconds - shortest
        if taken >= min(PILOT_SECONDS, seconds / 2) or steps >= MOST_STEPS:
            return max(1, min(MOST_STEPS, round(steps * seconds / max(taken, 1e-6))))
        steps *= 8


def line_of(row: Mapping[str, Any]) -> str:
    """Return a row in words, to show progress."""
    return (
        f"sigma {row['sigma']}, N = {row['N']}, K = {row['K']}: "
        f"fused {row['fused']['seconds']:.3g} s, plain {row['stan']['seconds']:.3g} s a gradient, "
        f"{row['ratio']:.1f} times"
    )


def write_results(rows: Sequence[Mapping[str, Any]], arguments: argparse.Namespace) -> None:
    """Write the table as Markdown and JSON, and a figure of each kind."""
    write_json(arguments.out / "scaling.json", {"machine": machine(), "rows": list(rows)})
    write_text(arguments.out / "scaling.md", markdown(rows))
    for name in dict.fromkeys(row["sigma"] for row in rows):
        with written_whole(arguments.out / f"scaling-{name}.png") as partial:
            draw(name, [row for row in rows if row["sigma"] == name]).savefig(partial, dpi=150)


def machine() -> dict[str, str]:
    """Return what the numbers depend on."""
    cpu = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                cpu = line.partition(":")[2].strip()
                break
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="minutes"),
        "cpu": cpu,
        "cores": str(os.cpu_count()),
        "system": platform.platform(),
        "CmdStan": ".".join(map(str, find_cmdstan().version)),
        "load average": f"{os.getloadavg()[0]:.1f}",
    }


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the table as Markdown."""
    lines = ["# One gradient", "", "; ".join(f"{k} {v}" for k, v in machine().items()), ""]
    lines.append("Processor time of a gradient; nanoseconds for each observation and component.")
    for name in dict.fromkeys(row["sigma"] for row in rows):
        lines += [
            "",
            f"## sigma {name}",
            "",
            f"| {' | '.join(COLUMNS)} |",
            "|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
        ]
        for row in (row for row in rows if row["sigma"] == name):
            plain, fused = row["stan"], row["fused"]
            lines.append(
                f"| {row['N']} | {row['K']} | {plain['seconds']:.3g} | {fused['seconds']:.3g} "
                f"| {row['ratio']:.1f} | {plain['ns_per_term']:.2f} | {fused['ns_per_term']:.2f} "
                f"| {plain['peak_memory'] / 2**20:.0f} | {fused['peak_memory'] / 2**20:.0f} |"
            )
    return "\n".join(lines) + "\n"


def draw(name: str, rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw seconds and peak memory against the number of observations, both on log scales."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    numbers = sorted({row["K"] for row in rows})
    colours = mpl.colormaps["viridis"](np.linspace(0, 0.85, len(numbers)))
    for K, colour in zip(numbers, colours, strict=True):
        of_k = [row for row in rows if row["K"] == K]
        n = [row["N"] for row in of_k]
        for kind, style, label in (("stan", "o--", "plain"), ("fused", "o-", "fused")):
            values = [row[kind] for row in of_k]
            look = {"color": colour, "markersize": 4}
            seconds = [value["seconds"] for value in values]
            memory = [value["peak_memory"] / 2**20 for value in values]
            left.loglog(n, seconds, style, label=f"K = {K}, {label}", **look)
            right.loglog(n, memory, style, **look)
    left.set(xlabel="observations", ylabel="seconds for each gradient", title=f"sigma {name}")
    right.set(xlabel="observations", ylabel="peak memory, MiB")
    for axes in (left, right):
        axes.grid(visible=True, which="major", alpha=0.3)
    left.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    sys.exit(main())
