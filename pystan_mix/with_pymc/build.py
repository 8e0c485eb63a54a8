"""The same mixture in PyMC, which the extra `pymc` brings.

PyMC is imported when a model is built and not before.
"""

import importlib
import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from pystan_mix.checks import check_choice, check_seed
from pystan_mix.errors import MissingPackageError
from pystan_mix.mixtures.model import NormalMixture, stan_data, with_default_priors
from pystan_mix.mixtures.observations import check_observations
from pystan_mix.mixtures.priors import HalfCauchy, HalfNormal
from pystan_mix.mixtures.starts import initial_parameters
from pystan_mix.numerics import FloatArray

Floor = Literal["transform", "potential"]

_LOG_2PI = math.log(2.0 * math.pi)


def to_pymc(
    model: NormalMixture,
    y: object,
    *,
    by_hand: bool = False,
    floor: Floor = "transform",
    seed: int = 1,
) -> Any:
    """Build the mixture as a PyMC model.

    Its variables are `theta`, `mu`, `sigma` where it is a parameter, and the
    observed `y`, with dims component and obs: those of a fit by `sample`. The
    log density differs from the Stan program's by a constant.

    Parameters
    ----------
    model : NormalMixture
        The model.
    y : array_like, shape (N,)
        Observations, in the units of the priors.
    by_hand : bool, default False
        False takes PyMC's `NormalMixture`. True writes the log density out
        with `logsumexp`, in a `CustomDist` that can also draw, so that
        ``pm.sample_posterior_predictive`` works.
    floor : {"transform", "potential"}, default "transform"
        How a `min_weight` above zero is written; without one the two are the
        same. "transform" maps the weights and the order of the means from an
        unconstrained space, so that nothing is rejected. "potential" is the
        notebook's way: both are potentials of minus infinity, into which the
        sampler runs and is turned back.
    seed : int, default 1
        Seed of the initial values, chosen as those of `sample`; PyMC jitters
        them for each chain.

    Returns
    -------
    pymc.Model
        The model, for ``pm.sample(model=...)`` and ``pm.fit``.

    Raises
    ------
    MissingPackageError
        If PyMC is not installed.
    DataError, ModelError, SettingsError
        If an argument cannot be used.

    Notes
    -----
    ``pm.sample_prior_predictive`` knows of no transform and no potential: its
    means are not ordered, and its weights have no floor. Use `sample_prior`.

    Examples
    --------
    >>> from pystan_mix import Normal, NormalMixture, simulate, to_pymc
    >>> y = simulate(50, theta=[0.5, 0.5], mu=[-3, 3], sigma=1.0, seed=1)
    >>> model = NormalMixture(n_components=2, means=Normal(0, 10), sigma=1.0)
    >>> [variable.name for variable in to_pymc(model, y).basic_RVs]
    ['theta', 'mu', 'y']
    """
    check_choice("floor", floor, choices=("transform", "potential"))
    rng = np.random.default_rng(check_seed(seed))
    values = check_observations(y, n_components=model.n_components)
    model = with_default_priors(model, values)
    pm = import_pymc()
    K = model.n_components
    numbers = stan_data(model, values[:0])  # the priors, one number for each component
    start = initial_parameters(model, values, rng=rng)
    with pm.Model(coords={"component": np.arange(K), "obs": np.arange(values.size)}) as built:
        if model.min_weight > 0.0 and floor == "potential":
            theta, mu = _by_potentials(pm, numbers, start)
        else:
            theta, mu = _by_transforms(pm, numbers, start)
        sigma = _sigma(pm, model, numbers, start)
        if by_hand:
            pm.CustomDist(
                "y",
                theta,
                mu,
                sigma,
                logp=mixture_logp,
                random=mixture_random,
                signature="(k),(k),(k)->()",
                observed=values,
                dims="obs",
            )
        else:
            pm.NormalMixture("y", w=theta, mu=mu, sigma=sigma, observed=values, dims="obs")
    return built


def import_pymc() -> Any:
    """Return PyMC, or say how to install it.

    Returns
    -------
    module
        The package `pymc`.

    Raises
    ------
    MissingPackageError
        If it cannot be imported.
    """
    try:
        return importlib.import_module("pymc")
    except ImportError as error:
        raise MissingPackageError(
            f"PyMC cannot be imported ({error}). Install it: pip install 'pystan_mix[pymc]'"
        ) from error


def mixture_logp(value: Any, theta: Any, mu: Any, sigma: Any) -> Any:
    """Write the mixture's log density out, as the notebook does by hand.

    Parameters
    ----------
    value : tensor, shape (..., N)
        Points.
    theta, mu, sigma : tensor, shape (K,)
        Weights, locations and scales.

    Returns
    -------
    tensor, shape (..., N)
        ``log(sum_k theta[k] Normal(value[n] | mu[k], sigma[k]))``.
    """
    tensor = import_pymc().math
    z = (value[..., None] - mu) / sigma
    terms = tensor.log(theta) - 0.5 * (_LOG_2PI + z * z) - tensor.log(sigma)
    return tensor.logsumexp(terms, axis=-1, keepdims=False)


def mixture_random(
    theta: FloatArray,
    mu: FloatArray,
    sigma: FloatArray,
    rng: np.random.Generator,
    size: tuple[int, ...] | None = None,
) -> FloatArray:
    """Draw a component, then a normal from it: the notebook's exercise.

    Parameters
    ----------
    theta, mu, sigma : ndarray, shape (..., K)
        Weights, locations and scales.
    rng : numpy.random.Generator
        Source of the draws.
    size : tuple of int, optional
        Shape of the draws, to which the parameters are broadcast; by default
        one draw of each mixture.

    Returns
    -------
    ndarray, shape `size`
        The draws.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> mixture_random([0.5, 0.5], [-5, 5], [1, 1], rng, (3,)).shape
    (3,)
    """
    theta, mu, sigma = np.broadcast_arrays(theta, mu, sigma)
    shape = theta.shape[:-1] if size is None else tuple(size)
    ends = np.cumsum(theta, axis=-1)[..., :-1]
    component = (rng.random(shape)[..., None] >= ends).sum(axis=-1, keepdims=True)
    location, scale = (
        np.take_along_axis(np.broadcast_to(x, (*shape, theta.shape[-1])), component, axis=-1)
        for x in (mu, sigma)
    )
    return np.asarray(rng.normal(location[..., 0], scale[..., 0]))


def _by_transforms(
    pm: Any, numbers: Mapping[str, Any], start: Mapping[str, list[float]]
) -> tuple[Any, Any]:
    """Add weights and ordered means whose constraints are in their transforms."""
    floor, transforms = numbers["min_weight"], pm.distributions.transforms
    theta = pm.Dirichlet(
        "theta",
        a=np.array(numbers["alpha"]),
        default_transform=(
            _floored_simplex(floor, numbers["K"]) if floor > 0.0 else transforms.simplex
        ),
        initval=_first_theta(numbers, start),
        dims="component",
    )
    mu = pm.Normal(
        "mu",
        mu=np.array(numbers["mu_loc"]),
        sigma=np.array(numbers["mu_scale"]),
        transform=transforms.ordered,
        initval=np.array(start["mu"]),
        dims="component",
    )
    return theta, mu


def _by_potentials(
    pm: Any, numbers: Mapping[str, Any], start: Mapping[str, list[float]]
) -> tuple[Any, Any]:
    """Add weights and means whose constraints are potentials, as in the notebook's `mofsep`."""
    below, choose = pm.math.lt, pm.math.where
    theta = pm.Dirichlet(
        "theta",
        a=np.array(numbers["alpha"]),
        initval=_first_theta(numbers, start),
        dims="component",
    )
    pm.Potential("min_weight", choose(below(theta.min(), numbers["min_weight"]), -np.inf, 0))
    mu = pm.Normal(
        "mu",
        mu=np.array(numbers["mu_loc"]),
        sigma=np.array(numbers["mu_scale"]),
        initval=np.array(start["mu"]),
        dims="component",
    )
    pm.Potential("order", choose(below(mu[1:], mu[:-1]), -np.inf, 0).sum())
    return theta, mu


def _first_theta(numbers: Mapping[str, Any], start: Mapping[str, list[float]]) -> FloatArray:
    """Return the weights to begin at: the floor, and a share of what it leaves."""
    floor, theta_raw = numbers["min_weight"], np.array(start["theta_raw"])
    return np.asarray(floor + (1.0 - numbers["K"] * floor) * theta_raw)


def _sigma(
    pm: Any,
    model: NormalMixture,
    numbers: Mapping[str, Any],
    start: Mapping[str, list[float]],
) -> Any:
    """Return the known standard deviations, or add them with their prior."""
    if model.sigma_is_known:
        return np.array(numbers["sigma"])
    scale = np.array(numbers["sigma_scale"])
    common = {"initval": np.array(start["sigma"]), "dims": "component"}
    match model.sigma:
        case HalfCauchy():
            return pm.HalfCauchy("sigma", beta=scale, **common)
        case HalfNormal():
            return pm.HalfNormal("sigma", sigma=scale, **common)
        case _:
            return pm.HalfStudentT("sigma", nu=numbers["sigma_df"], sigma=scale, **common)


def _floored_simplex(floor: float, K: int) -> Any:
    """Return PyMC's simplex transform, followed by the affine map onto weights above a floor."""
    transforms = import_pymc().distributions.transforms
    base: Any = transforms.Transform
    free = 1.0 - K * floor

    class FlooredSimplex(base):  # type: ignore[misc]
        """A simplex whose every element is at least `floor`; PyMC takes a transform as a class."""

        name = "floored"

        def forward(self, value: Any, *inputs: Any) -> Any:
            return transforms.simplex.forward((value - floor) / free, *inputs)

        def backward(self, value: Any, *inputs: Any) -> Any:
            return floor + free * transforms.simplex.backward(value, *inputs)

        def log_jac_det(self, value: Any, *inputs: Any) -> Any:
            # the map stretches each of the K - 1 free weights
            stretch = (K - 1) * math.log(free)
            return transforms.simplex.log_jac_det(value, *inputs) + stretch

    return FlooredSimplex()
