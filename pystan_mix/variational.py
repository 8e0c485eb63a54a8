"""Automatic differentiation variational inference (ADVI) by CmdStan."""

import re
from pathlib import Path

import numpy as np

from pystan_mix.arviz_data import Fit
from pystan_mix.cmdstan_run import Call, run_cmdstan, workspace
from pystan_mix.convert import advi_to_arviz
from pystan_mix.fitting import pose, predict, predictive_draws_for
from pystan_mix.inits import initial_values
from pystan_mix.model import NormalMixture
from pystan_mix.programs import Likelihood, compiled
from pystan_mix.progress import Progress
from pystan_mix.settings import check_open_interval, check_seed, check_whole
from pystan_mix.stan_csv import read_elbo_history


def advi(
    model: NormalMixture,
    y: object,
    *,
    iter: int = 15_000,  # noqa: A002 (CmdStan's name)
    draws: int = 5000,
    tol_rel_obj: float = 1e-4,
    seed: int | None = None,
    predictive_draws: int | None = None,
    likelihood: Likelihood = "fused",
    show_progress: bool = True,
    output_dir: str | Path | None = None,
) -> Fit:
    """Approximate the posterior of a mixture by meanfield ADVI.

    The approximation has independent normals in the unconstrained space; where
    the posterior is correlated its intervals are too narrow. `diagnose` says
    whether to believe it.

    Parameters
    ----------
    model : NormalMixture
        The model.
    y : array_like, shape (N,)
        Observations, in the units of the priors.
    iter : int, default 15000
        Largest number of iterations.
    draws : int, default 5000
        Number of draws from the approximation.
    tol_rel_obj : float, default 1e-4
        Relative change of the ELBO at which ADVI stops. CmdStan's own 0.01
        stops far from the optimum.
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
        The groups of `sample`, with one chain; ``vi_trace`` with the history
        of the ELBO; attributes ``elbo``, ``elbo_mcse``, ``pareto_khat`` and
        ``converged``.

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
    >>> from pystan_mix import Normal, NormalMixture, advi, simulate
    >>> y = simulate(50, theta=[0.5, 0.5], mu=[-3, 3], sigma=1.0, seed=1)
    >>> model = NormalMixture(n_components=2, means=Normal(0, 10), sigma=1.0)
    >>> approx = advi(model, y, draws=1000, seed=1, show_progress=False)
    >>> approx.posterior["mu"].shape
    (1, 1000, 2)
    """
    iterations = check_whole("iter", iter, least=100)
    # k-hat's tail and the ELBO's linear system need some draws
    draws = check_whole("draws", draws, least=100)
    tolerance = check_open_interval("tol_rel_obj", tol_rel_obj, low=0.0, high=1.0)
    seed = check_seed(seed)
    problem = pose(model, y, likelihood=likelihood)
    n = problem.observed.y.size
    total = predictive_draws_for(predictive_draws, n=n, draws=draws)
    (executable,) = compiled(
        problem.program, likelihood=problem.likelihood, show_progress=show_progress
    )
    with workspace(executable, keep_in=None if output_dir is None else Path(output_dir)) as space:
        rng = np.random.default_rng(seed)
        call = Call(
            method=(
                "variational",
                "algorithm=meanfield",
                f"iter={iterations}",
                f"tol_rel_obj={tolerance!r}",
                f"output_samples={draws}",
            ),
            data=space.write_data("data", problem.stan),
            seed=seed,
            init=space.write_data(
                "init-1", initial_values(problem.model, problem.observed.y, rng=rng)
            ),
            output=("diagnostic_file=history-1.csv",),
        )
        progress = Progress(description="ADVI", pattern=r"^ +(\d+) +-?\d", total=iterations)
        run = run_cmdstan(
            space, "advi", [call], parallel=1, progress=progress if show_progress else None
        )
        history = read_elbo_history(space.folder / "history-1.csv")
        generated = predict(space, problem, run.csvs, n_rep=n, total=total, seed=seed, parallel=1)
    return advi_to_arviz(
        run.csvs[0],
        history=history,
        stan=problem.stan,
        observed=problem.observed,
        generated=generated,
        attrs={"seconds": run.seconds, "converged": int(_converged(run.logs[0]))},
    )


def _converged(log: str) -> bool:
    """Whether CmdStan says that it converged, and nothing against it."""
    return "ELBO CONVERGED" in log and not re.search("MAY BE DIVERGING|may not have converged", log)
