"""The mixture, checked when made, and what Stan is told of them."""

import dataclasses
import math
from types import UnionType
from typing import Any

import numpy as np

from pystan_mix.errors import ModelError
from pystan_mix.mixtures.priors import (
    Dirichlet,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    Normal,
    Numbers,
    SigmaPrior,
    set_numbers,
)
from pystan_mix.numerics import FloatArray


@dataclasses.dataclass(frozen=True, kw_only=True)
class NormalMixture:
    """Finite mixture of normals with ordered means.

    Parameters
    ----------
    n_components : int
        Number of components K, 1 or more.
    weights : Dirichlet, default Dirichlet(2)
        Prior of the weights. With `min_weight` above zero it is this Dirichlet
        restricted to weights that are all at least `min_weight`.
    means : Normal, optional
        Prior of the means, restricted to increasing order. By default, for
        every component, the mean of the data plus or minus 2.5 times their
        standard deviation.
    sigma : HalfCauchy, HalfNormal, HalfStudentT, float or sequence of K floats, optional
        Prior of the standard deviations, or their known values, in the units
        of the data. By default half-normal with the standard deviation of the
        data as scale.
    min_weight : float, default 0
        Floor under every weight, at least 0 and below 1 / K.

    Raises
    ------
    ModelError
        If a value is out of its range or does not have one number for each
        component; the message names it.

    Examples
    --------
    >>> model = NormalMixture(
    ...     n_components=3,
    ...     weights=Dirichlet(2.0),
    ...     means=Normal([0, 10, 20], 5.0),
    ...     sigma=HalfCauchy(5.0),
    ...     min_weight=0.1,
    ... )
    >>> model.n_components
    3
    """

    n_components: int
    weights: Dirichlet = Dirichlet(2.0)
    means: Normal | None = None
    sigma: SigmaPrior | Numbers | None = None
    min_weight: float = 0.0

    def __post_init__(self) -> None:
        K = self.n_components
        if isinstance(K, bool) or not isinstance(K, int | np.integer) or K < 1:
            raise ModelError(f"n_components must be a whole number, 1 or more; it is {K!r}.")
        object.__setattr__(self, "n_components", int(K))
        _check_kind("weights", self.weights, Dirichlet, "Dirichlet(2.0)")
        _check_kind("means", self.means, Normal | None, "Normal(0.0, 10.0)")
        if not isinstance(self.sigma, SigmaPrior | None):
            try:
                set_numbers(self, "sigma", positive=True)
            except ModelError as error:
                raise ModelError(
                    f"{error} Give a prior such as HalfCauchy(5.0), or the known values."
                ) from None
        set_numbers(self, "min_weight", positive=False)
        if not isinstance(self.min_weight, float) or not 0.0 <= self.min_weight < 1.0 / K:
            raise ModelError(
                f"min_weight must be at least 0 and below 1 / n_components = {1 / K:.4g}; "
                f"it is {self.min_weight!r}."
            )
        for name, value in (
            ("the concentration of weights", self.weights.concentration),
            ("the location of means", self.means.location if self.means else 0.0),
            ("the scale of means", self.means.scale if self.means else 0.0),
            ("sigma", self.sigma if isinstance(self.sigma, float | tuple) else 0.0),
            ("the scale of sigma", getattr(self.sigma, "scale", 0.0)),
        ):
            if isinstance(value, tuple) and len(value) != K:
                raise ModelError(
                    f"{name[0].upper()}{name[1:]} has {len(value)} values for {K} components. "
                    f"Give one number, or {K}."
                )

    @property
    def sigma_is_known(self) -> bool:
        """Whether the standard deviations are data and not parameters."""
        return isinstance(self.sigma, float | tuple)


def with_default_priors(model: NormalMixture, y: FloatArray) -> NormalMixture:
    """Return the model with the priors that it leaves out scaled to the data.

    Parameters
    ----------
    model : NormalMixture
        A model whose `means` or `sigma` may be None.
    y : ndarray, shape (N,)
        Checked observations; empty when the prior alone is meant.

    Returns
    -------
    NormalMixture
        A model that leaves nothing out.

    Raises
    ------
    ModelError
        If a prior is left out and there are no observations to scale it to.
    """
    if model.means is not None and model.sigma is not None:
        return model
    if y.size == 0:
        missing = "means" if model.means is None else "sigma"
        raise ModelError(
            f"The prior of {missing} is left out, and without data nothing sets its scale. "
            f"Give it, for example {missing}="
            f"{'Normal(0.0, 10.0)' if missing == 'means' else 'HalfNormal(5.0)'}."
        )
    spread = float(y.std())
    return dataclasses.replace(
        model,
        means=model.means or Normal(float(y.mean()), 2.5 * spread),
        sigma=HalfNormal(spread) if model.sigma is None else model.sigma,
    )


def stan_data(
    model: NormalMixture, y: FloatArray, *, n_rep: int = 0, save_log_lik: bool = False
) -> dict[str, Any]:
    """Return the data block of the Stan program that fits the model.

    Equal observations are sent once, in increasing order, with how often they
    occur.

    Parameters
    ----------
    model : NormalMixture
        A model that leaves no prior out.
    y : ndarray, shape (N,)
        Checked observations; empty for draws from the prior.
    n_rep : int, default 0
        Number of replicated observations that Stan simulates for each draw.
    save_log_lik : bool, default False
        Whether Stan writes the log density of each distinct observation.

    Returns
    -------
    dict
        Numbers and lists, by the names of ``stan/normal_mixture.stan``.
    """
    K = model.n_components
    if model.means is None or model.sigma is None:
        raise ModelError("A prior is left out; call with_default_priors(model, y) first.")
    distinct, count = np.unique(y, return_counts=True)
    data: dict[str, Any] = {
        "K": K,
        "N": distinct.size,
        "y": distinct.tolist(),
        "count": count.tolist(),
        "alpha": _per_component(model.weights.concentration, K),
        "min_weight": model.min_weight,
        "mu_loc": _per_component(model.means.location, K),
        "mu_scale": _per_component(model.means.scale, K),
    }
    match model.sigma:
        case HalfCauchy(scale=scale):
            data |= {"sigma_df": 1.0, "sigma_scale": _per_component(scale, K)}
        case HalfNormal(scale=scale):
            data |= {"sigma_df": math.inf, "sigma_scale": _per_component(scale, K)}
        case HalfStudentT(df=df, scale=scale):
            data |= {"sigma_df": df, "sigma_scale": _per_component(scale, K)}
        case known:
            data["sigma"] = _per_component(known, K)
    return data | {"N_rep": n_rep, "save_log_lik": int(save_log_lik)}


def _per_component(value: Numbers, K: int) -> list[float]:
    """Return one number for each component."""
    return [float(x) for x in np.broadcast_to(np.asarray(value, dtype=np.float64), K)]


def _check_kind(name: str, value: object, kind: type | UnionType, example: str) -> None:
    """Refuse an argument of another kind."""
    if not isinstance(value, kind):
        raise ModelError(f"{name} must be a prior such as {example}; it is {value!r}.")
