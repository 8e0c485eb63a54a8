"""The chains of NUTS: their settings, and CmdStan's processes that draw them."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from pystan_mix.checks import (
    check_choice,
    check_open_interval,
    check_seed,
    check_whole,
    parallel_processes,
)
from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.program import Program
from pystan_mix.cmdstan.run import Call, Run, run_cmdstan, workspace
from pystan_mix.console import Progress

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

    @property
    def method(self) -> tuple[str, ...]:
        """The settings as on CmdStan's command line."""
        return (
            "sample",
            f"num_samples={self.iter_sampling}",
            f"num_warmup={self.iter_warmup}",
            "adapt",
            f"engaged={int(self.iter_warmup > 0)}",
            f"delta={self.adapt_delta}",
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
    inits: Sequence[Mapping[str, Any]],
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
    inits : sequence of mapping
        Initial values, for each chain its own.
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
                method=nuts.method,
                data=data_file,
                seed=nuts.seed,
                init=space.write_data(f"init-{chain}", init),
                output=(f"refresh={max(1, (nuts.iter_warmup + nuts.iter_sampling) // 50)}",),
            )
            for chain, init in enumerate(inits, start=1)
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
