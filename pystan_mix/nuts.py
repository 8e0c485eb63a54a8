"""Draws from the posterior, or from the prior, by NUTS."""

import dataclasses
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from pystan_mix.arviz_data import Fit, attributes, group, group_names, to_arviz
from pystan_mix.cmdstan_run import Call, Run, run_cmdstan, workspace
from pystan_mix.convert import Generated, nuts_to_arviz
from pystan_mix.fitting import Problem, pose, predict, predictive_draws_for
from pystan_mix.inits import initial_values
from pystan_mix.model import NormalMixture
from pystan_mix.programs import Likelihood, compiled
from pystan_mix.progress import Progress
from pystan_mix.settings import (
    check_choice,
    check_open_interval,
    check_seed,
    check_whole,
    parallel_processes,
)

Metric = Literal["dense_e", "diag_e"]

_PRIOR_CHAINS = 4


def sample(
    model: NormalMixture,
    y: object,
    *,
    chains: int = 4,
    parallel_chains: int | None = None,
    iter_warmup: int = 1000,
    iter_sampling: int = 1000,
    adapt_delta: float = 0.95,
    max_treedepth: int = 10,
    metric: Metric = "dense_e",
    seed: int | None = None,
    predictive_draws: int | None = None,
    likelihood: Likelihood = "fused",
    show_progress: bool = True,
    output_dir: str | Path | None = None,
) -> Fit:
    """Draw from the posterior of a mixture by NUTS.

    Parameters
    ----------
    model : NormalMixture
        The model.
    y : array_like, shape (N,)
        Observations, in the units of the priors.
    chains : int, default 4
        Number of chains, each from initial values of its own.
    parallel_chains : int, optional
        How many run at once; by default one for each core.
    iter_warmup, iter_sampling : int, default 1000
        Iterations of each chain for adaptation and for draws.
    adapt_delta : float, default 0.95
        Target acceptance rate. A mixture's posterior is bent, so it stands
        higher than Stan's own 0.8.
    max_treedepth : int, default 10
        Largest depth of NUTS's trees.
    metric : {"dense_e", "diag_e"}, default "dense_e"
        Form of the inverse metric that warm-up adapts: the parameters are few
        and correlated, so a full matrix is cheap and takes fewer steps.
    seed : int, optional
        From 0 to 2147483647; the same seed gives the same draws on the same
        machine. By default a random one, which the result names.
    predictive_draws : int, optional
        For how many draws over all chains, evenly spaced, the posterior
        predictive and the log likelihood are made; 0 for none. By default
        1000, or fewer where there are more than 10 000 observations.
    likelihood : {"fused", "stan", "by_hand"}, default "fused"
        The posterior is the same: "fused" is written in C++ with its gradient,
        "stan" is the loop in Stan that it is checked against, and "by_hand"
        spells the density out, for known standard deviations only.
    show_progress : bool, default True
        Whether to show progress on standard error.
    output_dir : path, optional
        A folder that CmdStan's own files are kept in.

    Returns
    -------
    arviz.InferenceData or xarray.DataTree
        Groups ``posterior`` (`theta`, `mu` and `sigma` with dims chain, draw,
        component), ``posterior_predictive`` and ``log_likelihood`` (`y` with
        dims chain, draw, obs), ``sample_stats``, ``observed_data`` and
        ``constant_data``.

    Raises
    ------
    DataError, ModelError, SettingsError
        If an argument cannot be used; CmdStan is not started then.
    CmdStanNotFoundError, CompilationError
        If there is no CmdStan, or the program does not compile.
    SamplingError
        If CmdStan fails; OutputError, one of its kind, if what it wrote is
        not whole.

    Examples
    --------
    >>> from pystan_mix import Normal, NormalMixture, sample, simulate
    >>> y = simulate(50, theta=[0.5, 0.5], mu=[-3, 3], sigma=1.0, seed=1)
    >>> model = NormalMixture(n_components=2, means=Normal(0, 10), sigma=1.0)
    >>> fit = sample(
    ...     model, y, iter_warmup=200, iter_sampling=100, seed=1, show_progress=False
    ... )
    >>> fit.posterior["mu"].shape
    (4, 100, 2)
    """
    nuts = _checked_nuts(
        chains=chains,
        parallel_chains=parallel_chains,
        iter_warmup=iter_warmup,
        iter_sampling=iter_sampling,
        adapt_delta=adapt_delta,
        max_treedepth=max_treedepth,
        metric=metric,
        seed=seed,
        show_progress=show_progress,
    )
    problem = pose(model, y, likelihood=likelihood)
    n = problem.observed.y.size
    total = predictive_draws_for(predictive_draws, n=n, draws=nuts.chains * nuts.iter_sampling)
    run, generated = _draw(problem, nuts, n_rep=n, predictive_draws=total, output_dir=output_dir)
    return nuts_to_arviz(
        run.csvs,
        stan=problem.stan,
        observed=problem.observed,
        generated=generated,
        attrs={"seconds": run.seconds},
    )


def sample_prior(
    model: NormalMixture,
    *,
    draws: int = 4000,
    n_obs: int = 100,
    seed: int | None = None,
    show_progress: bool = True,
) -> Fit:
    """Draw from the prior of a mixture: the same Stan program, without observations.

    Parameters
    ----------
    model : NormalMixture
        A model that leaves no prior out.
    draws : int, default 4000
        Number of draws, in four chains.
    n_obs : int, default 100
        Number of observations that are simulated for each of up to 1000 draws.
    seed : int, optional
        As in `sample`.
    show_progress : bool, default True
        Whether to show progress on standard error.

    Returns
    -------
    arviz.InferenceData or xarray.DataTree
        Groups ``prior`` (`theta`, `mu` and `sigma` with dims chain, draw,
        component), ``prior_predictive`` (`y` with dims chain, draw, obs),
        ``sample_stats_prior`` and ``constant_data``.

    Raises
    ------
    ModelError
        If the model leaves a prior out.
    SettingsError, CmdStanNotFoundError, CompilationError, SamplingError
        As in `sample`.

    Examples
    --------
    >>> from pystan_mix import HalfNormal, Normal, NormalMixture, sample_prior
    >>> model = NormalMixture(n_components=2, means=Normal(0, 10), sigma=HalfNormal(5))
    >>> prior = sample_prior(model, draws=400, seed=1, show_progress=False)
    >>> prior.prior["mu"].shape
    (4, 100, 2)
    """
    nuts = _checked_nuts(
        chains=_PRIOR_CHAINS,
        parallel_chains=None,
        iter_warmup=1000,
        iter_sampling=-(-check_whole("draws", draws, least=1) // _PRIOR_CHAINS),
        adapt_delta=0.95,
        max_treedepth=10,
        metric="dense_e",
        seed=seed,
        show_progress=show_progress,
    )
    n_rep = check_whole("n_obs", n_obs, least=1)
    problem = pose(model, None)
    total = predictive_draws_for(None, n=n_rep, draws=draws)
    run, generated = _draw(problem, nuts, n_rep=n_rep, predictive_draws=total, output_dir=None)
    fit = nuts_to_arviz(
        run.csvs,
        stan=problem.stan,
        observed=problem.observed,
        generated=generated,
        attrs={"seconds": run.seconds},
    )
    renamed = {
        "posterior": "prior",
        "posterior_predictive": "prior_predictive",
        "sample_stats": "sample_stats_prior",
    }
    groups = {renamed.get(name, name): group(fit, name) for name in group_names(fit)}
    return to_arviz(groups, attrs=attributes(fit))


@dataclasses.dataclass(frozen=True)
class _Nuts:
    """NUTS's settings, checked."""

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


def _checked_nuts(
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
) -> _Nuts:
    """Check NUTS's settings."""
    chains = check_whole("chains", chains, least=1)
    return _Nuts(
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


def _draw(
    problem: Problem,
    nuts: _Nuts,
    *,
    n_rep: int,
    predictive_draws: int,
    output_dir: str | Path | None,
) -> tuple[Run, Generated | None]:
    """Run the chains, then the generated quantities of some of their draws."""
    (executable,) = compiled(
        problem.program, likelihood=problem.likelihood, show_progress=nuts.show_progress
    )
    with workspace(executable, keep_in=None if output_dir is None else Path(output_dir)) as space:
        data = space.write_data("data", problem.stan)
        rng = np.random.default_rng(nuts.seed)
        calls = [
            Call(
                method=nuts.method,
                data=data,
                seed=nuts.seed,
                init=space.write_data(
                    f"init-{chain}",
                    initial_values(problem.model, problem.observed.y, rng=rng),
                ),
                output=(f"refresh={max(1, (nuts.iter_warmup + nuts.iter_sampling) // 50)}",),
            )
            for chain in range(1, nuts.chains + 1)
        ]
        progress = Progress(
            description=f"NUTS, {nuts.chains} chain{'s' if nuts.chains > 1 else ''}",
            pattern=r"^Iteration:\s+(\d+) /",
            total=nuts.chains * (nuts.iter_warmup + nuts.iter_sampling),
        )
        run = run_cmdstan(
            space,
            "chain",
            calls,
            parallel=nuts.parallel,
            progress=progress if nuts.show_progress else None,
        )
        generated = predict(
            space,
            problem,
            run.csvs,
            n_rep=n_rep,
            total=predictive_draws,
            seed=nuts.seed,
            parallel=nuts.parallel,
        )
    return run, generated
