"""Draws from the posterior, or from the prior, by NUTS."""

from pathlib import Path

from pystan_mix.arviz_compat import Fit, attributes, group, group_names, to_arviz
from pystan_mix.checks import check_whole
from pystan_mix.containers import Missing
from pystan_mix.fits.groups import PRIOR_NAMES
from pystan_mix.inference.chains import Metric, Nuts, checked_nuts
from pystan_mix.inference.predictive import predictive_draws_for
from pystan_mix.inference.programs import Likelihood, stan_program
from pystan_mix.inference.whole_fit import drawn
from pystan_mix.mixtures.annotations.intervals import rounded_values
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.target import prior_target, target_of

_PRIOR_CHAINS = 4


def sample(
    model: Mixture,
    y: object,
    *,
    counts: object = None,
    weights: object = None,
    labels: object = None,
    rounded_to: float | None = None,
    missing: Missing = "raise",
    chains: int = 4,
    parallel_chains: int | None = None,
    iter_warmup: int = 1000,
    iter_sampling: int = 1000,
    adapt_delta: float = 0.9,
    max_treedepth: int = 10,
    metric: Metric = "dense_e",
    seed: int | None = None,
    predictive_draws: int | None = None,
    likelihood: Likelihood = "fused",
    show_progress: bool = True,
    output_dir: str | Path | None = None,
) -> Fit:
    """Draw from the posterior of a mixture by NUTS, and weigh what the chains may have missed.

    The chains begin at different modes. Where components carry their own scale,
    or the chains disagree, the whole posterior is weighed by importance sampling
    from their draws; where the weights cannot be trusted it is annealed from the
    prior, without the chains. Where the chains fall short of it, the draws that are
    returned are its own.

    Parameters
    ----------
    model : NormalMixture or another mixture
        The model.
    y : array_like or Interval, shape (N,), or of vectors (N, D)
        Observations, in the units of the priors; vectors in rows, or a table. Numbers of
        which bounds are known are an `Interval`.
    counts : array_like of int, shape (N,), optional
        How often each observation of `y` occurs, whole numbers, 0 or more: the
        posterior is that of the data in which it stands so often, and takes the
        time of `y` as it is.
    weights : array_like, shape (N,), optional
        Real weights in place of counts, 0 or more: the likelihood of each
        observation is raised to the power of its weight. That is a posterior
        proper of data in which weights are counts; of any other weights, such
        as those of a survey, its means are weighted ones, and how wide it is
        depends on what the weights sum to.
    labels : array_like of int, shape (N,), optional
        The component that each observation is known to be of, from 0 to K - 1, and
        -1 where it is not known. Labels name components: see Notes.
    rounded_to : float, optional
        The unit that the numbers `y` were rounded to: each is known to lie within half
        a unit of what it says.
    missing : {"raise", "drop", "marginalise"}, default "raise"
        Whether missing values of `y`, NaN or None, are refused or left out, or of vectors
        integrated out: attributes ``missing_dropped``, ``missing_marginalised`` of the fit.
    chains : int, default 4
        Number of chains, each from initial values of its own.
    parallel_chains : int, optional
        How many run at once; by default one for each core.
    iter_warmup, iter_sampling : int, default 1000
        Iterations of each chain for adaptation and for draws.
    adapt_delta : float, default 0.9
        Target acceptance rate. With Stan's own 0.8 a mixture with a component
        too many has divergences; above 0.9 a draw takes twice the steps.
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
    likelihood : {"fused", "stan"}, default "fused"
        The posterior is the same: "fused" is written in C++ with its gradient,
        where there is one, and "stan" is the loop in Stan that it is checked
        against.
    show_progress : bool, default True
        Whether to show progress on standard error.
    output_dir : path, optional
        A folder that CmdStan's own files are kept in.

    Returns
    -------
    arviz.InferenceData or xarray.DataTree
        Groups ``posterior`` (`theta`, `mu` and `sigma` with dims chain, draw,
        component, and of vectors dim; `corr` with dim and dim_bis),
        ``posterior_predictive`` and ``log_likelihood`` (`y` with dims chain, draw,
        obs), ``sample_stats``, ``observed_data`` and ``constant_data``, in which
        ``counts`` or ``weights`` stand beside the observations. Where the draws are
        weighed ones, ``chains`` has the chains and their statistics in place of
        ``sample_stats``. Attributes ``weighed``, ``trusted``, ``annealed``,
        ``bridged``, ``pareto_khat_weights``, ``ess_importance``, ``modes`` and
        ``mode_shares`` say what came of the weighing.

    Raises
    ------
    DataError, ModelError, SettingsError
        If an argument cannot be used; CmdStan is not started then.
    CmdStanNotFoundError, CompilationError
        If there is no CmdStan, or the program does not compile.
    SamplingError
        If CmdStan fails; OutputError, one of its kind, if what it wrote is
        not whole.

    Notes
    -----
    With `counts` or `weights` nothing is as long as what they sum to. ``obs`` are
    the rows of `y`, those of count or weight 0 left out: ``observed_data`` has them
    as they came, ``log_likelihood`` the log density of one observation in each,
    which counts as often as `counts` say, and ``posterior_predictive`` one new
    observation for each row, whatever its count. ArviZ knows nothing of either:
    its own ``loo`` and ``plot_ppc`` take every row for one observation;
    `choose_components` and this package's figures do not.

    An observation of label k has ``theta[k] p(y | component k)`` in the likelihood,
    and in ``log_likelihood``, where another has the sum over all components. A
    component that an observation is labelled by has its name from that: it is
    component k whatever its mean, its priors are those of place k, and no order
    holds between it and others, so that its mean may be above the next one's. The
    components that no label names have the remaining names in increasing order of
    their means. Nothing is annealed with labels, and what is weighed are the modes
    that chains have found.

    An observation between bounds has the probability of its interval in the
    likelihood and in ``log_likelihood``. ``constant_data`` has the bounds as ``lower``
    and ``upper``, ``observed_data`` a point of each, the middle or the finite bound, and
    ``posterior_predictive`` new numbers that are neither rounded nor censored.

    Where components have standard deviations of their own to be estimated,
    they are sampled in any order, and each draw is sorted by its means, weights
    and standard deviations with them: the posterior is that of ordered means,
    and chains cross where two means change places. Where the standard
    deviations are known, or some, or one for all, and where those priors of components
    that are not of their means differ from each other, so that the density
    would jump there, the means are kept in order by the sampler. There a mode
    on the other side of equal means may be missed. Known means stay where they
    are.

    Components of vectors are sampled in any order and relabelled: each draw by what
    its components do with the observations (ECR; Papastamoulis and Iliopoulos,
    2010), or by the order of the coordinate that the model names. What they are
    called then is by the mean of their first coordinate. Those that labels name keep
    their names, and the others are relabelled among themselves. Beyond 20 dimensions nothing
    is annealed: where chains stay in modes of their own each mode is weighed by its
    integral, found by bridge sampling, and a note says that there may be others.

    A vector that lacks coordinates has the density of those that it has: exact where
    what is missing is so at random (Little and Rubin, 2019, section 6.2). One that has
    none is left out, and ``posterior_predictive`` lacks nothing.

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
    nuts = checked_nuts(
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
    return draw(
        model,
        rounded_values(y, rounded_to),
        nuts,
        counts=counts,
        weights=weights,
        labels=labels,
        missing=missing,
        predictive_draws=predictive_draws,
        likelihood=likelihood,
        output_dir=output_dir,
    )


def draw(
    model: Mixture,
    y: object,
    nuts: Nuts,
    *,
    counts: object = None,
    weights: object = None,
    labels: object = None,
    missing: Missing = "raise",
    predictive_draws: int | None = None,
    likelihood: Likelihood = "fused",
    output_dir: str | Path | None = None,
) -> Fit:
    """Draw from the posterior with settings that are checked: what `sample` does with them."""
    program = stan_program(model.program, likelihood=likelihood)
    target = target_of(model, y, counts=counts, weights=weights, labels=labels, missing=missing)
    n = len(target.observed.y)
    total = predictive_draws_for(predictive_draws, n=n, draws=nuts.chains * nuts.iter_sampling)
    return drawn(
        target, nuts, n_rep=n, predictive_draws=total, program=program, output_dir=output_dir
    )


def sample_prior(
    model: Mixture,
    *,
    draws: int = 4000,
    n_obs: int = 100,
    seed: int | None = None,
    show_progress: bool = True,
) -> Fit:
    """Draw from the prior of a mixture: the same Stan program, without observations.

    Parameters
    ----------
    model : NormalMixture or another mixture
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
    nuts = checked_nuts(
        chains=_PRIOR_CHAINS,
        parallel_chains=None,
        iter_warmup=1000,
        iter_sampling=-(-check_whole("draws", draws, least=1) // _PRIOR_CHAINS),
        adapt_delta=0.9,
        max_treedepth=10,
        metric="dense_e",
        seed=seed,
        show_progress=show_progress,
    )
    n_rep = check_whole("n_obs", n_obs, least=1)
    target = prior_target(model)
    fit = drawn(
        target,
        nuts,
        n_rep=n_rep,
        predictive_draws=predictive_draws_for(None, n=n_rep, draws=draws),
        program=stan_program(target.model.program),
    )
    groups = {PRIOR_NAMES.get(name, name): group(fit, name) for name in group_names(fit)}
    return to_arviz(groups, attrs=attributes(fit))
