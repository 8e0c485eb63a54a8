"""Draws of which one component is nearly empty: of the posterior without it, and of its prior.

Where all components are needed such draws are rare, and as wide as the prior: they may make
the most of a standard deviation, and populations on their way hold few of them.
"""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np
from scipy import stats

from pystan_mix.mixtures.density import Constrained, free_shares
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray, log_sum_exp
from pystan_mix.weighing.annealing.particles import own
from pystan_mix.weighing.births import ordered, without_one
from pystan_mix.weighing.compiled.likelihood import log_likelihood
from pystan_mix.weighing.exchangeable_prior import ExchangeablePrior
from pystan_mix.weighing.small_weights import log_density_of_small, small_weights

Variables = Mapping[str, FloatArray]


@dataclasses.dataclass(frozen=True)
class Born:
    """Draws of populations, in each of which one component was born of its prior.

    Parameters
    ----------
    target : Target
        The model and its observations.
    log_integrals : ndarray, shape (P,)
        Log of the integral of prior and likelihood with a component less, over
        components in any order, as each population has it.
    variables : dict of str to ndarray, shape (P, S, K) or (P, S, 1)
        Draws by name, the means in increasing order.
    log_ratio : ndarray, shape (P, S)
        Log of the posterior's density over that at annealing's start, not normalised.
    """

    target: Target
    log_integrals: FloatArray
    variables: dict[str, FloatArray]
    log_ratio: FloatArray

    def log_density(self, variables: Variables) -> FloatArray:
        """Return the log density of such draws over that at annealing's start.

        It is the mean over which component was born.

        Parameters
        ----------
        variables : mapping of str to ndarray, shape (P, S, K) or (P, S, 1)
            Draws of any source by name.

        Returns
        -------
        ndarray, shape (P, S)
        """
        target, smaller, K = self.target, without_one(self.target), self.target.n_components
        a, (P, S) = float(target.concentration.mean()), variables["theta"].shape[:2]
        flat = _flat(variables)
        with np.errstate(all="ignore"):
            free = free_shares(target, flat["theta"])
            # given its weight, the others' shares of the rest are as at the start
            born = log_density_of_small(target, free) - stats.beta.logpdf(free, a, (K - 1) * a)
            for k in range(K):
                left = {n: np.delete(x, k, axis=1) for n, x in flat.items() if x.shape[1] == K}
                shares = np.delete(free, k, axis=1) / (1.0 - free[:, [k]])
                left["theta"] = smaller.model.min_weight + smaller.free_weight * shares
                born[:, k] += _log_ratio(smaller, flat | left)
                for each in own(target):
                    if ExchangeablePrior(target).differs(each):
                        born[:, k] += _log_start(smaller, each, left[each.name])
                        born[:, k] -= _log_start(target, each, left[each.name])
            total = log_sum_exp(born) - math.log(K)
        total = np.where(np.isnan(total), -np.inf, total)
        return np.asarray(total.reshape(P, S) - self.log_integrals[:, None])


def births(
    target: Target, others: Variables, log_integrals: FloatArray, *, rng: np.random.Generator
) -> Born:
    """Give a component to draws that have one less.

    Parameters
    ----------
    target : Target
        The model of K components, and its observations.
    others : mapping of str to ndarray, shape (P, S, K - 1) or (P, S, 1)
        Draws of the posterior with a component less, of each population.
    log_integrals : ndarray, shape (P,)
        As of `Born`.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    Born
        The draws.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the prior has next to no scale above its floor.
    """
    K, (P, S) = target.n_components, others["theta"].shape[:2]
    prior, smaller, flat = ExchangeablePrior(target), without_one(target), _flat(others)
    share = small_weights(target, P * S, rng=rng)[:, None]
    left = free_shares(smaller, flat["theta"]) * (1.0 - share)
    found = flat | {
        "theta": target.model.min_weight
        + target.free_weight * np.concatenate([left, share], axis=1)
    }
    for each in own(target):
        free = prior.draw(each, -(-P * S // K), rng=rng)
        free = free.reshape(len(free) * K, 1, *free.shape[2:])[: P * S]
        new = target.model.space(each).from_free(free)
        found[each.name] = np.concatenate([flat[each.name], new], axis=1)
    found = ordered(target, found)
    log_ratio = _log_ratio(target, found).reshape(P, S)
    variables = {name: x.reshape(P, S, *x.shape[1:]) for name, x in found.items()}
    return Born(target, log_integrals, variables, log_ratio)


def _flat(variables: Variables) -> dict[str, FloatArray]:
    """Return the draws of all populations as one."""
    return {n: x.reshape(math.prod(x.shape[:2]), *x.shape[2:]) for n, x in variables.items()}


def _log_ratio(target: Target, variables: Variables) -> FloatArray:
    """Return the log of the posterior's density over that at annealing's start, shape (R,)."""
    prior, theta = ExchangeablePrior(target), variables["theta"]
    values = {name: x for name, x in variables.items() if name != "theta"}
    with np.errstate(all="ignore"):
        log_theta = np.log(theta)
        log_lik = log_likelihood(target, Constrained(log_theta, values, np.zeros(len(theta))))
        if prior.log_ratio is not None:
            total = log_lik + prior.log_ratio
        else:
            known = {name: x[None, :1] for name, x in target.known.items()}
            log_share = np.log(free_shares(target, theta))
            total = log_lik + prior.log_ratio_at(values | known, log_theta, log_share)
    return np.where(np.isnan(total), -np.inf, total)


def _log_start(target: Target, parameter: Parameter, values: FloatArray) -> FloatArray:
    """Return the log density of a parameter of all components at annealing's start, shape (R,)."""
    free = target.model.space(parameter).to_free(values)
    return np.asarray(ExchangeablePrior(target).log_density(parameter, free).sum(axis=1))
