"""Log densities of observations under components, and under the mixture of these."""

from collections.abc import Mapping

import numpy as np

from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.target import Target
from pystan_mix.numerics import FloatArray


def component_terms(
    family: Mixture | type[Mixture],
    y: FloatArray,
    log_theta: FloatArray,
    components: Mapping[str, FloatArray],
) -> FloatArray:
    """Logarithm of each component's weight times its density at each point.

    Parameters
    ----------
    family : Mixture or its class
        Which kind the components are of.
    y : ndarray, shape (N,), or of vectors (N, D)
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
    terms = family.log_density(y, **broadcast)
    return np.asarray(terms + log_theta[..., None])


def mixture_log_density(
    family: Mixture | type[Mixture],
    y: FloatArray,
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
    terms = component_terms(target.model, observed.distinct, log_theta, components)
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
