"""The chains of NUTS: their settings, and CmdStan's processes that draw them."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from pystan_mix.checks import (
    check_choice,
    check_open_interval,
    check_seed,
    check_whole,
    parallel_processes,
)
from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.program import Program
from pystan_mix.cmdstan.run import Call, Run, Workspace, run_cmdstan, workspace
from pystan_mix.console import Progress
from pystan_mix.inference.begins import Begin

Metric = Literal["dense_e", "diag_e"]


@dataclasses.dataclass(frozen=True)
class Nuts:
    """NUTS's settings, checked; what each means stands with `sample`."""

    chains: int
    parallel: int
    iter_warmup: int
    iter_sampling: int
    adapt_delta: float
    max_treedepth: int
    metric: Metric
    seed: int
    show_progress: bool

    def method(self, *, adapt_metric: bool = True) -> tuple[str, ...]:
        """Return the settings as on CmdStan's command line."""
        # where no window begins none ends, and the metric stays what it is
        windows = () if adapt_metric else ("init_buffer=0", "window=0", "term_buffer=0")
        return (
            "sample",
            f"num_samples={self.iter_sampling}",
            f"num_warmup={self.iter_warmup}",
            "adapt",
            f"engaged={int(self.iter_warmup > 0)}",
            f"delta={self.adapt_delta}",
            *windows,
            "algorithm=hmc",
            "engine=nuts",
            f"max_depth={self.max_treedepth}",
            f"metric={self.metric}",
        )


def checked_nuts(
    *,
    chains: int,
    parallel_chains: int | None,
    iter_warmup: int,
    iter_sampling: int,
    adapt_delta: float,
    max_treedepth: int,
    metric: Metric,
    seed: int | None,
    show_progress: bool,
) -> Nuts:
    """Check NUTS's settings.

    Returns
    -------
    Nuts
        The settings, with the seed that was given or a random one.

    Raises
    ------
    SettingsError
        If one is out of its range; the message names it.
    """
    chains = check_whole("chains", chains, least=1)
    return Nuts(
        chains=chains,
        parallel=parallel_processes(parallel_chains, processes=chains),
        iter_warmup=check_whole("iter_warmup", iter_warmup, least=0),
        iter_sampling=check_whole("iter_sampling", iter_sampling, least=1),
        adapt_delta=check_open_interval("adapt_delta", adapt_delta, low=0.0, high=1.0),
        max_treedepth=check_whole("max_treedepth", max_treedepth, least=1),
        metric=check_choice("metric", metric, choices=get_args(Metric)),
        seed=check_seed(seed),
        show_progress=show_progress,
    )


def run_chains(
    program: Program,
    nuts: Nuts,
    *,
    data: Mapping[str, Any],
    begins: Sequence[Begin],
    output_dir: str | Path | None = None,
) -> Run:
    """Run the chains.

    Parameters
    ----------
    program : Program
        The Stan program.
    nuts : Nuts
        The settings.
    data : mapping
        The program's data block.
    begins : sequence of Begin
        Where each chain begins.
    output_dir : path, optional
        A folder that CmdStan's own files are kept in.

    Returns
    -------
    Run
        The chains.
    """
    (executable,) = compiled(program, show_progress=nuts.show_progress)
    with workspace(executable, keep_in=None if output_dir is None else Path(output_dir)) as space:
        data_file = space.write_data("data", data)
        calls = [
            Call(
                method=_method(space, chain, nuts, begin),
                data=data_file,
                seed=nuts.seed,
                init=space.write_data(f"init-{chain}", begin.init),
                output=(f"refresh={max(1, (nuts.iter_warmup + nuts.iter_sampling) // 50)}",),
            )
            for chain, begin in enumerate(begins, start=1)
        ]
        progress = Progress(
            description=f"NUTS, {nuts.chains} chain{'s' if nuts.chains > 1 else ''}",
            pattern=r"^Iteration:\s+(\d+) /",
            total=nuts.chains * (nuts.iter_warmup + nuts.iter_sampling),
        )
        return run_cmdstan(
            space,
            "chain",
            calls,
            parallel=nuts.parallel,
            progress=progress if nuts.show_progress else None,
        )


def _method(space: Workspace, chain: int, nuts: Nuts, begin: Begin) -> tuple[str, ...]:
    """Return the settings of a chain, whose metric, if it is known, stands in a file."""
    if begin.inverse_metric is None:
        return nuts.method()
    known = begin.inverse_metric if nuts.metric == "dense_e" else np.diag(begin.inverse_metric)
    file = space.write_data(f"inverse-metric-{chain}", {"inv_metric": known.tolist()})
    return (*nuts.method(adapt_metric=False), f"metric_file={file.name}")
