"""The log joint density of a model and its data with all constants, in Stan's unconstrained space.

The unconstrained values are those of the Stan programs up to CmdStan 2.36: the weights'
shares by stick-breaking, the means (their logarithms, where they are positive) before they
are pushed apart, then every other parameter that is not known, in the model's order.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
from scipy import special

from pystan_mix.mixtures.annotations.intervals import Interval, log_density_given
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray, sum_of_each
from pystan_mix.stats.ordering import push_some_apart
from pystan_mix.stats.transforms import SimplexTransform, stick_breaking, sticks_joined

# terms of the likelihood that are held at once: 800 kB, so that they stay in the cache
_BLOCK = 100_000


@dataclasses.dataclass(frozen=True)
class Constrained:
    """Parameters of a mixture, a row a draw, and what the map to them does to volumes.

    Parameters
    ----------
    log_theta : ndarray, shape (S, K)
        Logarithms of the weights.
    components : dict of str to ndarray, shape (S, K) or (S, 1)
        The components' parameters that are estimated, by name; of vectors with the
        axes of coordinates behind.
    log_jacobian : ndarray, shape (S,)
        Log absolute Jacobian determinant of the map from the unconstrained space.
    """

    log_theta: FloatArray
    components: dict[str, FloatArray]
    log_jacobian: FloatArray

    def variables(self) -> dict[str, FloatArray]:
        """Return all that a posterior has, by name: `theta`, then the components' parameters."""
        return {"theta": np.exp(self.log_theta)} | self.components


def free_shares(target: Target, theta: FloatArray) -> FloatArray:
    """Return the shares of the weight that the floor leaves free: Stan's ``theta_raw``."""
    return np.asarray((theta - target.model.min_weight) / target.free_weight)


def to_unconstrained(target: Target, variables: Mapping[str, FloatArray]) -> FloatArray:
    """Map parameters to the unconstrained space in which Stan works up to 2.36.

    Parameters
    ----------
    target : Target
        The model and its observations.
    variables : mapping of str to ndarray, shape (..., K) or (..., 1)
        `theta` and the components' parameters that are not known.

    Returns
    -------
    ndarray, shape (..., dimensions)
        Unconstrained values; not finite where a weight or a scale is on its
        floor or two means are equal, to rounding.
    """
    raw = {"theta_raw": free_shares(target, variables["theta"])}
    with np.errstate(divide="ignore", invalid="ignore"):
        for parameter in target.estimated:
            values = variables[parameter.name][..., target.model.places(parameter)]
            if parameter.ordered:
                values = target.unordered(values)
            raw[parameter.free_name] = values
    return sampled_unconstrained(target, raw, simplex=stick_breaking)


def sampled_unconstrained(
    target: Target, sampled: Mapping[str, FloatArray], *, simplex: SimplexTransform
) -> FloatArray:
    """Map what a Stan program samples to the unconstrained space in which Stan works.

    Parameters
    ----------
    target : Target
        The model and its observations.
    sampled : mapping of str to ndarray, shape (..., K) or (..., 1)
        The program's parameters block: ``theta_raw``, ``mu_raw`` and all others.
    simplex : callable
        Stan's transform of a simplex.

    Returns
    -------
    ndarray, shape (..., dimensions)
        Unconstrained values.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [simplex(sampled["theta_raw"])]
        for each in target.estimated:
            free = target.model.space(each).to_free(sampled[each.free_name])
            parts.append(each.in_a_row(free))
        return np.concatenate(parts, axis=-1)


def to_constrained(target: Target, z: FloatArray) -> Constrained:
    """Map unconstrained values to parameters: the inverse of `to_unconstrained`.

    Parameters
    ----------
    target : Target
        The model and its observations.
    z : ndarray, shape (S, dimensions)
        Unconstrained values.

    Returns
    -------
    Constrained
        The parameters and the Jacobian.
    """
    K, floor = target.n_components, target.model.min_weight
    # what comes from far out may leave the range of a double; its density is then zero
    with np.errstate(over="ignore", under="ignore"):
        log_theta, log_jacobian = sticks_joined(z[:, : K - 1])
        if floor > 0.0:
            log_theta = np.log(floor + target.free_weight * np.exp(log_theta))
        components = {}
        start = K - 1
        for parameter in target.estimated:
            part = z[:, start : start + target.model.free_count(parameter)]
            start += part.shape[1]
            space = target.model.space(parameter)
            if parameter.event:
                shape = (target.model.count(parameter), *target.model.free_shape(parameter))
                part = part.reshape(len(z), *shape)
            if parameter.ordered:
                part, log_det = push_some_apart(part, target.pushed, target.width)
                log_jacobian = log_jacobian + log_det
            log_jacobian = log_jacobian + sum_of_each(space.log_det(part))
            components[parameter.name] = target.model.filled(parameter, space.from_free(part))
    return Constrained(log_theta, components, log_jacobian)


def log_prior(target: Target, parameters: Constrained) -> FloatArray:
    """Log density of the prior as the Stan programs write it.

    Parameters
    ----------
    target : Target
        The model and its observations.
    parameters : Constrained
        Parameters.

    Returns
    -------
    ndarray, shape (S,)
        ``log p(theta, mu, ...)``, every density normalised as if means had no
        order, and weights and scales no floor.
    """
    alpha = target.concentration
    constant = special.gammaln(alpha.sum()) - special.gammaln(alpha).sum()
    total = constant + parameters.log_theta @ (alpha - 1.0)
    for parameter in target.estimated:
        values = parameters.components[parameter.name]
        log_densities = target.model.prior(parameter).log_density(values)
        total += sum_of_each(log_densities[:, target.model.places(parameter)])
    return np.asarray(total)


def log_likelihood(target: Target, parameters: Constrained) -> FloatArray:
    """Log likelihood of all observations, the assignments summed out.

    Parameters
    ----------
    target : Target
        The model and its observations.
    parameters : Constrained
        Parameters.

    Returns
    -------
    ndarray, shape (S,)
        ``log p(y | theta, mu, ...)``.
    """
    draws, observed = len(parameters.log_theta), target.observed
    components = target.known | parameters.components
    total = np.empty(draws)
    size = max(1, _BLOCK // target.terms)
    for start in range(0, draws, size):
        rows = slice(start, start + size)
        part = {n: x[None] if n in target.known else x[rows] for n, x in components.items()}
        log_densities = observed_log_density(target, parameters.log_theta[rows], part)
        total[rows] = log_densities @ observed.count
    return total


def log_joint(target: Target, z: FloatArray) -> FloatArray:
    """Log joint density in the unconstrained space: what Stan calls ``log_p__``.

    Parameters
    ----------
    target : Target
        The model and its observations.
    z : ndarray, shape (S, dimensions)
        Unconstrained values.

    Returns
    -------
    ndarray, shape (S,)
        Log prior plus log likelihood plus log Jacobian; ``-inf`` where it is
        not a number.
    """
    parameters = to_constrained(target, z)
    with np.errstate(all="ignore"):
        total = log_prior(target, parameters) + log_likelihood(target, parameters)
        total += parameters.log_jacobian
    return np.where(np.isnan(total), -np.inf, total)


def component_terms(
    family: Mixture | type[Mixture],
    y: FloatArray | Interval,
    log_theta: FloatArray,
    components: Mapping[str, FloatArray],
) -> FloatArray:
    """Logarithm of each component's weight times its density at each point, or an interval's mass.

    Parameters
    ----------
    family : Mixture or its class
        Which kind the components are of.
    y : ndarray or Interval, shape (N,), or of vectors (N, D)
        Points.
    log_theta : ndarray, shape (..., K)
        Logarithms of the weights.
    components : mapping of str to ndarray, shape (..., K) or (..., 1)
        The components' parameters by name, all of them; of vectors with the axes
        of coordinates behind.

    Returns
    -------
    ndarray, shape (..., K, N)
        ``log(theta[k]) + log p(y[n] | component k)``.
    """
    events = {each.name: each.event for each in family.parameters}
    # the axis of points stands behind that of components
    broadcast = {name: np.expand_dims(x, -1 - events[name]) for name, x in components.items()}
    terms = log_density_given(family.log_density, family.log_interval, y, broadcast)
    return log_theta[..., None] + terms


def mixture_log_density(
    family: Mixture | type[Mixture],
    y: FloatArray | Interval,
    log_theta: FloatArray,
    components: Mapping[str, FloatArray],
) -> FloatArray:
    """Log density of a mixture at each point, the assignments summed out.

    Parameters
    ----------
    family, y, log_theta, components
        As in `component_terms`.

    Returns
    -------
    ndarray, shape (..., N)
        ``log(sum_k theta[k] p(y[n] | component k))``.
    """
    return _summed(component_terms(family, y, log_theta, components))


def observed_terms(
    target: Target, log_theta: FloatArray, components: Mapping[str, FloatArray]
) -> FloatArray:
    """`component_terms` of the distinct observations: minus infinity where a label says another."""
    observed = target.observed
    terms = component_terms(target.model, observed.given, log_theta, components)
    if observed.label is not None:
        places = np.arange(target.n_components)[:, None]
        terms[..., (observed.label >= 0) & (observed.label != places)] = -np.inf
    return terms


def observed_log_density(
    target: Target, log_theta: FloatArray, components: Mapping[str, FloatArray]
) -> FloatArray:
    """Return the log density of each distinct observation, and of its label where it has one."""
    return _summed(observed_terms(target, log_theta, components))


def _summed(terms: FloatArray) -> FloatArray:
    """Return the logarithm of the sum over components, shape (..., K, N) to (..., N)."""
    # in place: SciPy's takes four times as long, and this is where refinement spends its time
    with np.errstate(divide="ignore", invalid="ignore"):
        peak = terms.max(axis=-2)
        terms -= np.where(np.isfinite(peak), peak, 0.0)[..., None, :]
        np.exp(terms, out=terms)
        return np.asarray(np.log(terms.sum(axis=-2)) + peak)
