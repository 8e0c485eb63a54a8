"""The log evidence of a mixture, for comparing numbers of components, from draws of NUTS."""

import contextlib
import dataclasses
import functools
import math
import os
from collections.abc import Callable

import numpy as np

from pystan_mix.arviz_compat import Fit
from pystan_mix.checks import check_seed
from pystan_mix.errors import DataError
from pystan_mix.fits.attributes import WeighingFindings, read_attributes
from pystan_mix.fits.model import draws_of_fit
from pystan_mix.mixtures.density import log_joint
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray
from pystan_mix.selection.bridge_draws import target_with_evidence, thinned, unconstrained_draws
from pystan_mix.selection.restrictions import log_floor_probability, log_ordering_of, log_scales_of
from pystan_mix.stats.bridge import bridge_sample, least_ess
from pystan_mix.weighing.annealing.anneal import anneal
from pystan_mix.weighing.labelled import labelled

# of a larger error, repeated runs show, the error itself is a guess, and mostly too low
_LARGEST_MCSE = 0.2
# of what is annealed; larger ones it is worth some seconds to make smaller
_LARGEST_MCSE_OF_ANNEALING = 0.05
# where the chains are worth less, the proposals must do alone ...
_LEAST_ESS = 100.0
# ... which they do up to this k-hat (Vehtari et al., 2024, "Pareto smoothed importance sampling")
_LARGEST_KHAT = 0.7


@dataclasses.dataclass(frozen=True)
class Evidence:
    """The log evidence of a fit, its error, and the constants that are in it.

    ``log_evidence = log_bound + log_free_weight - log_ordering - log_floor -
    log_scales``.

    Parameters
    ----------
    log_evidence : float
        Log marginal likelihood in nats, the prior normalised within its
        restrictions.
    mcse : float
        Monte Carlo standard error of it, and of `log_bound`; infinite where an
        error that can be believed cannot be given.
    log_bound : float
        What an ELBO of the same model, such as that of `advi`, is a lower
        bound of: the log integral of Stan's density, which is not normalised; of
        vectors over components in one order.
    log_ordering : float
        Log probability that the means, were they independent, came in order:
        ``-log(K!)`` where all have the same prior, and of vectors; K without the
        components that labels name.
    log_floor : float
        Log probability that no weight is below `min_weight`, were the Dirichlet
        not restricted.
    log_free_weight : float
        ``(K - 1) * log(1 - K * min_weight)``: the volume of the weights above
        the floor, which Stan's density leaves out.
    log_scales : float
        Log probability that no scale is below its floor, such as `min_sigma`,
        were its prior not restricted.
    halves : tuple of two float
        `log_bound` as each half of the draws has it, by bridge sampling.
    ess : float
        Effective number of draws of the parameter that moves slowest.
    pareto_khat : float
        Pareto k-hat of importance sampling from the proposals alone.
    draws : int
        Number of draws that were used.
    """

    log_evidence: float
    mcse: float
    log_bound: float
    log_ordering: float
    log_floor: float
    log_free_weight: float
    log_scales: float
    halves: tuple[float, float]
    ess: float
    pareto_khat: float
    draws: int

    def __str__(self) -> str:
        weights = self.log_free_weight - self.log_floor
        known = math.isfinite(self.mcse)
        error = f"Monte Carlo error {self.mcse:.3f}" if known else "its error not known"
        floors = f"floor of weights {weights:+.4f}, floor of scales {0.0 - self.log_scales:+.4f}"
        lines = [
            f"Log evidence {self.log_evidence:.3f}, {error}.",
            f"In it: order of means {0.0 - self.log_ordering:+.4f}, {floors}.",
            f"Without them {self.log_bound:.3f}, of which an ELBO is a lower bound.",
        ]
        if not known:
            lines.append(
                f"Do not use it: the halves of the draws say {self.halves[0]:.2f} and "
                f"{self.halves[1]:.2f}, and {self.ess:.0f} of {self.draws} draws are effective. "
                "Look at diagnose(fit), raise iter_sampling, or try fewer components."
            )
        return "\n".join(lines)


def log_evidence(fit: Fit, *, seed: int = 1) -> Evidence:
    """Estimate the log evidence of a fit by NUTS: the log marginal likelihood.

    Bridge sampling (Meng and Wong, 1996; Gronau et al., 2017, "A tutorial on
    bridge sampling") in the unconstrained space, between the posterior and a
    mixture of normals fitted to the other half of its draws. Where `sample`
    has weighed the posterior as a whole and its draws are not those of the
    chains, the integral is that of the weighing; of an annealed posterior it takes
    some seconds. `diagnose` the fit first.

    It is the evidence of the model proper: the prior integrates to one over
    ordered means and over weights and scales above their floors. Where the priors of all
    components are the same, it is that of the mixture whose components have no
    order: each of the ``K!`` orders holds the same share of that integral, and
    the ``K!`` is in the figure; do not add it. An ELBO does not have it:
    compare that with `log_bound`.

    Two fits of the same observations, such as of 2 and of 3 components, are
    compared by the difference of their log evidences, the log of the Bayes
    factor; its error is the root of the sum of the squared errors. The
    evidence depends on the priors, wide ones cost, however many the
    observations; so state priors that are meant.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        What `sample` or `from_cmdstan_csv` returned, or `load` read.
    seed : int, default 1
        Seed of the proposals. The estimate varies with it by less than
        `mcse`, which is of the chains' draws too.

    Returns
    -------
    Evidence
        `log_evidence`, `mcse`, and the constants; prints readably. At most
        10 000 draws are used, evenly spaced; down to 2000 where observations
        times components exceed 15 000.

    Raises
    ------
    DataError
        If the fit is an approximation, is of the prior alone, lacks its
        observations or priors, or has too few draws.
    SettingsError
        If the seed is none.

    Notes
    -----
    With ``min_sigma=0``, unknown standard deviations, two components or more
    and equal observations, the integral is infinite: a component can shrink
    onto them. The figure is then that of the part that the chains saw.

    The error is Frühwirth-Schnatter's (2004, "Estimating marginal likelihoods
    for mixture and Markov switching models using bridge sampling techniques").
    It is infinite where it would exceed 0.2, since repeated runs show that it
    is too low from there on, and where the chains have fewer than 100
    effective draws, unless Pareto k-hat says that the proposals do without.
    Of 24 repeated runs the spread was that of the stated errors, and up to 1.4
    times as wide where `diagnose` found the effective draws too few.

    Examples
    --------
    >>> from pystan_mix import HalfNormal, Normal, NormalMixture, log_evidence, sample, simulate
    >>> y = simulate(60, theta=[0.5, 0.5], mu=[-3, 3], sigma=1.0, seed=1)
    >>> evidence = [
    ...     log_evidence(
    ...         sample(
    ...             NormalMixture(n_components=K, means=Normal(0, 5), sigma=HalfNormal(5)),
    ...             y,
    ...             seed=1,
    ...             show_progress=False,
    ...         )
    ...     )
    ...     for K in (1, 2)
    ... ]
    >>> evidence[1].log_evidence - evidence[0].log_evidence > 10
    True
    """
    rng = np.random.default_rng(check_seed(seed))
    target = target_with_evidence(fit)
    draws = draws_of_fit(fit)
    density: Callable[[FloatArray], FloatArray] = functools.partial(log_joint, target)
    if target.model.vectors:
        # of components without an order or a name each is at its label, in one of K! orders
        posterior = labelled(target, draws.flat())
        draws, density = posterior.relabelled_draws(draws), posterior.log_density
    z = thinned(unconstrained_draws(target, draws.variables), target)
    try:
        bridge = bridge_sample(density, z, rng=rng)
    except np.linalg.LinAlgError:
        raise DataError(
            "A parameter stands still in all draws, or follows from the others. Look at "
            "diagnose(fit), and run longer."
        ) from None
    ess = least_ess(z)
    known = bridge.mcse <= _LARGEST_MCSE and (
        ess >= _LEAST_ESS or bridge.pareto_khat <= _LARGEST_KHAT
    )
    log_bound, mcse = bridge.log_integral, bridge.mcse if known else math.inf
    weighing = read_attributes(WeighingFindings, fit)
    # what annealing was needed for the weights miss, but the bridge goes there; other resampled
    # draws are no chains, whose correlation tells the bridge its error
    if weighing.trusted and not (known and (weighing.annealed or not weighing.weighed)):
        log_bound, mcse = _weighed(target, weighing, rng=rng)
    log_ordering = log_ordering_of(target)
    log_floor = log_floor_probability(target.concentration, target.model.min_weight)
    log_free_weight = (target.n_components - 1) * math.log(target.free_weight)
    log_scales = log_scales_of(target)
    return Evidence(
        log_evidence=log_bound + (log_free_weight - log_ordering - log_floor - log_scales),
        mcse=mcse,
        log_bound=log_bound,
        log_ordering=log_ordering,
        log_floor=log_floor,
        log_free_weight=log_free_weight,
        log_scales=log_scales,
        halves=bridge.halves,
        ess=ess,
        pareto_khat=bridge.pareto_khat,
        draws=z.shape[0] * z.shape[1],
    )


def _weighed(
    target: Target, weighing: WeighingFindings, *, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the log integral that weighing has found, and its error; anneal on if that is large.

    For the draws annealing ends sooner than for the integral.
    """
    if weighing.annealed and weighing.log_bound_mcse > _LARGEST_MCSE_OF_ANNEALING:
        with contextlib.suppress(np.linalg.LinAlgError):
            annealed = anneal(
                target,
                rng=rng,
                parallel=os.cpu_count() or 1,
                good_mcse=_LARGEST_MCSE_OF_ANNEALING,
            )
            return annealed.log_integral, annealed.mcse
    return weighing.log_bound, weighing.log_bound_mcse
