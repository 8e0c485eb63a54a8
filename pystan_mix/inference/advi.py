"""Automatic differentiation variational inference (ADVI) by CmdStan."""

import time
from pathlib import Path
from typing import get_args

import numpy as np

from pystan_mix.arviz_compat import Fit
from pystan_mix.checks import (
    check_choice,
    check_open_interval,
    check_seed,
    check_whole,
    parallel_processes,
)
from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.run import Call, Run, Workspace, run_cmdstan, workspace
from pystan_mix.cmdstan.stan_csv import read_elbo_history
from pystan_mix.console import Progress
from pystan_mix.containers import Missing
from pystan_mix.errors import OutputError, SettingsError
from pystan_mix.fits.draws import Draws
from pystan_mix.inference.assemble import advi_fit
from pystan_mix.inference.predictive import predictive_draws_for, predictive_of
from pystan_mix.inference.programs import Likelihood, stan_program
from pystan_mix.inference.refinement import Refined, refined_from, weighted_draws
from pystan_mix.inference.restarts import Approximation, Restarts, judged
from pystan_mix.mixtures.annotations.intervals import rounded_values
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.starts import DEFAULT_STARTS, initial_values
from pystan_mix.mixtures.target import Target, target_of
from pystan_mix.stats.elbo import Algorithm, unknowns
from pystan_mix.stats.importance.weights import khat_limit, resampled

# k-hat is that of a tail, which these few draws hardly have
_FEWEST_DRAWS = 100
# adapted steps are large at first: on one of fifty data sets they carried every start to an
# optimum 440 nats worse; but where the data's unit is small, only they get anywhere
_SMALL_STEPS = ("eta=0.1", "adapt", "engaged=0")


def advi(
    model: Mixture,
    y: object,
    *,
    counts: object = None,
    weights: object = None,
    labels: object = None,
    rounded_to: float | None = None,
    missing: Missing = "raise",
    algorithm: Algorithm = "meanfield",
    iter: int = 15_000,  # noqa: A002 (CmdStan's name)
    draws: int = 5000,
    restarts: int = 4,
    parallel_restarts: int | None = None,
    tol_rel_obj: float = 1e-4,
    reweight: bool | None = None,
    seed: int | None = None,
    predictive_draws: int | None = None,
    likelihood: Likelihood = "fused",
    show_progress: bool = True,
    output_dir: str | Path | None = None,
) -> Fit:
    """Approximate the posterior of a mixture by ADVI.

    From several starts a normal distribution in the unconstrained space is
    fitted, and the one with the largest ELBO is kept. From its draws the
    posterior is refined by adaptive importance sampling: that tells how far
    the approximation is from it. Where it is near enough, the draws that are
    returned are those of the refinement, resampled with importance weights:
    draws from the posterior, and no longer from the approximation. `diagnose`
    says whether to believe it.

    Parameters
    ----------
    model : NormalMixture or another mixture
        The model.
    y : array_like or Interval, shape (N,), or of vectors (N, D)
        Observations, in the units of the priors; vectors in rows, or a table.
    counts, weights, labels, rounded_to, missing : optional
        As in `sample`.
    algorithm : {"meanfield", "fullrank"}, default "meanfield"
        Whether the normal's elements are independent, or correlated. Where the
        posterior is correlated the intervals of the former are too narrow.
    iter : int, default 15000
        Largest number of iterations of each start.
    draws : int, default 5000
        Number of draws from the approximation.
    restarts : int, default 4
        Number of starts, each from initial values of its own. Of four, two
        begin at a likely place and two at a random one; of either two, one
        takes CmdStan's adapted steps, which may carry it far away, and one
        small steps, which do not. So other optima are found and reported.
    parallel_restarts : int, optional
        How many run at once; by default one for each core.
    tol_rel_obj : float, default 1e-4
        Relative change of the ELBO at which ADVI stops. CmdStan's own 0.01
        stops far from the optimum.
    reweight : bool, optional
        Whether the draws are refined ones, resampled with weights by Pareto
        smoothed importance sampling. By default where k-hat of the
        approximation and that of the refined weights are both at most
        ``min(1 - 1 / log10(draws), 0.7)``. Where only the former is larger,
        True gives good draws nevertheless; `diagnose` says so, and warns of
        weights beyond.
    seed : int, optional
        From 0 to 2147483647; the same seed gives the same draws on the same
        machine. By default a random one, which the result names.
    predictive_draws, likelihood : optional
        As in `sample`.
    show_progress : bool, default True
        Whether to show progress on standard error.
    output_dir : path, optional
        A folder that CmdStan's own files are kept in.

    Returns
    -------
    arviz.InferenceData or xarray.DataTree
        The groups of `sample`, with one chain; where the draws are reweighted,
        ``approximation`` with the plain ones. ``vi_restarts``: loss (minus the
        ELBO, in nats) with its error, k-hat and optimum of every start;
        ``vi_trace``: the history of its ELBO; ``vi_refined``: refined mean and
        standard deviation of every parameter, whether reweighted or not.
        Attributes of the kept one: ``elbo`` and ``elbo_mcse``,
        ``pareto_khat``, ``converged`` and ``reweighted``; of the refined
        weights ``pareto_khat_weights``, ``refined_draws`` and
        ``ess_importance`` (how many there are, and how many independent draws
        the reweighted ones are worth), ``log_bound`` with
        its error ``log_bound_mcse`` (the log integral of Stan's density, as in
        `log_evidence`) and ``elbo_gap``, the distance of ``elbo`` to it, which
        is the divergence from the posterior, in nats.

    Raises
    ------
    DataError, ModelError, SettingsError
        If an argument cannot be used; CmdStan is not started then.
    CmdStanNotFoundError, CompilationError
        If there is no CmdStan, or the program does not compile.
    SamplingError
        If CmdStan fails at every start; OutputError, one of its kind, if what
        it wrote is not whole.

    Notes
    -----
    The refinement takes a second for a thousand distinct observations. Beyond
    a few thousand it has fewer draws, and beyond 150 000, divided by the
    components, there is none: weights are then those of the approximation's
    own draws, which hardly reach a tail that it is too narrow for.

    Examples
    --------
    >>> from pystan_mix import Normal, NormalMixture, advi, simulate
    >>> y = simulate(50, theta=[0.5, 0.5], mu=[-3, 3], sigma=1.0, seed=1)
    >>> model = NormalMixture(n_components=2, means=Normal(0, 10), sigma=1.0)
    >>> approx = advi(model, y, draws=1000, seed=1, show_progress=False)
    >>> approx.posterior["mu"].shape
    (1, 1000, 2)
    """
    algorithm = check_choice("algorithm", algorithm, choices=get_args(Algorithm))
    iterations = check_whole("iter", iter, least=100)
    draws = check_whole("draws", draws, least=_FEWEST_DRAWS)
    restarts = check_whole("restarts", restarts, least=1)
    parallel = parallel_processes(parallel_restarts, processes=restarts, name="parallel_restarts")
    tolerance = check_open_interval("tol_rel_obj", tol_rel_obj, low=0.0, high=1.0)
    if not isinstance(reweight, bool | None):
        raise SettingsError(f"reweight must be True, False or None; it is {reweight!r}.")
    seed = check_seed(seed)
    program = stan_program(model.program, likelihood=likelihood)
    y = rounded_values(y, rounded_to)
    target = target_of(model, y, counts=counts, weights=weights, labels=labels, missing=missing)
    _check_draws(draws, algorithm, target)
    n = len(target.observed.y)
    total = predictive_draws_for(predictive_draws, n=n, draws=draws)
    (executable,) = compiled(program, show_progress=show_progress)
    method = (
        "variational",
        f"algorithm={algorithm}",
        f"iter={iterations}",
        f"tol_rel_obj={tolerance!r}",
        f"output_samples={draws}",
    )
    progress = Progress(
        description=f"ADVI, {restarts} start{'s' if restarts > 1 else ''}",
        pattern=r"^ +(\d+) +-?\d",
        total=restarts * iterations,
    )
    with workspace(executable, keep_in=None if output_dir is None else Path(output_dir)) as space:
        rng = np.random.default_rng(seed)
        run = run_cmdstan(
            space,
            "advi",
            _calls(space, target, method, restarts=restarts, seed=seed, rng=rng),
            parallel=parallel,
            progress=progress if show_progress else None,
            some_may_fail=True,
        )
        found = _judged(space, target, run, restarts=restarts)
    began = time.perf_counter()
    refined = refined_from(target, found.best, rng=rng)
    weighted = None
    if reweight or (reweight is None and _allows_weights(found.best, refined, draws=draws)):
        weighted = _weighted(found.best, refined, rng=rng)
    seconds = run.seconds + time.perf_counter() - began
    returned = found.best.draws if weighted is None else weighted
    return advi_fit(
        target,
        found,
        refined=refined,
        weighted=weighted,
        predictive=predictive_of(
            target, returned, n_rep=n, total=total, seed=seed, parallel=parallel
        ),
        seconds=seconds,
    )


def _allows_weights(best: Approximation, refined: Refined | None, *, draws: int) -> bool:
    """Whether k-hat of the approximation, and of the weights that there are, allows to reweight."""
    khats = [best.estimate.pareto_khat]
    if refined is not None:
        khats.append(refined.refinement.pareto_khat)
    return max(khats) <= khat_limit(draws)


def _weighted(best: Approximation, refined: Refined | None, *, rng: np.random.Generator) -> Draws:
    """Return draws from the posterior: the refined ones, or where there are none, its own."""
    if refined is not None:
        return weighted_draws(refined, best.draws.length, rng=rng)
    return best.draws.picked(resampled(best.estimate.log_weights, rng=rng))


def _check_draws(draws: int, algorithm: Algorithm, target: Target) -> None:
    """Refuse fewer draws than tell the approximation's covariance."""
    # twice as many equations as unknowns: what is left over shows a misfit
    least = 2 * unknowns(algorithm, dimensions=target.dimensions)
    if draws < least:
        raise SettingsError(
            f"draws must be {least} or more for algorithm={algorithm!r} with "
            f"{target.n_components} components: the ELBO's constants come from them. It is {draws}."
        )


def _calls(
    space: Workspace,
    target: Target,
    method: tuple[str, ...],
    *,
    restarts: int,
    seed: int,
    rng: np.random.Generator,
) -> list[Call]:
    """Return a process for each start; CmdStan makes each one's noise from the seed and its id."""
    data = space.write_data("data", stan_data(target))
    calls = []
    for i in range(restarts):
        init = initial_values(
            target,
            rng=rng,
            # two of four are not chosen as likely, so that minor modes are seen too
            starts=DEFAULT_STARTS if i % 4 < 2 else 1,
        )
        call = Call(
            method=method if i % 2 == 0 else (*method, *_SMALL_STEPS),
            data=data,
            seed=seed,
            init=space.write_data(f"init-{i + 1}", init),
            output=(f"diagnostic_file=history-{i + 1}.csv",),
        )
        calls.append(call)
    return calls


def _judged(space: Workspace, target: Target, run: Run, *, restarts: int) -> Restarts:
    """Judge every start's approximation by its own draws."""
    tried: list[Approximation | None] = [None] * restarts
    errors = []
    for position, csv, log in zip(run.positions, run.csvs, run.logs, strict=True):
        history = read_elbo_history(space.folder / f"history-{position + 1}.csv")
        try:
            tried[position] = judged(target, csv, history=history, log=log)
        except OutputError as error:  # of draws that fell together, while other starts' are sound
            errors.append(error)
    if not any(tried):
        raise errors[0]
    return Restarts(tuple(tried))
