"""The LKJ prior of correlation matrices."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from pystan_mix.errors import ModelError
from pystan_mix.mixtures.numbers import set_numbers
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.correlations import cholesky, lkj_draws, lkj_log_constant


@dataclasses.dataclass(frozen=True)
class LKJ:
    """LKJ prior of correlation matrices: ``det(corr) ** (eta - 1)``.

    Lewandowski, Kurowicka and Joe (2009), "Generating random correlation
    matrices based on vines and extended onion method".

    Parameters
    ----------
    eta : float
        Positive; 1 is uniform over correlation matrices, and higher values hold
        correlations nearer to zero.

    Raises
    ------
    ModelError
        If it is not one positive number.

    Examples
    --------
    >>> LKJ(2)
    LKJ(eta=2.0)
    """

    pymc_distribution: ClassVar = "LKJCholeskyCov"
    pymc_names: ClassVar[Mapping[str, str]] = {"eta": "eta"}
    stan_prior: ClassVar[int | None] = None

    eta: float

    def __post_init__(self) -> None:
        set_numbers(self, "eta", positive=True)
        if isinstance(self.eta, tuple):
            raise ModelError(f"LKJ: eta must be one number; it is {list(self.eta)}.")

    @property
    def has_kurtosis(self) -> bool:
        """Whether there is a fourth moment: there is."""
        return True

    def log_density(self, x: FloatArray) -> FloatArray:
        """Return the log density of each matrix, by its lower triangle."""
        D = x.shape[-1]
        with np.errstate(divide="ignore"):
            log_roots = np.log(np.diagonal(cholesky(x), axis1=-2, axis2=-1))
        log_det = 2.0 * log_roots.sum(axis=-1)
        return np.asarray(lkj_log_constant(self.eta, D) + (self.eta - 1.0) * log_det)

    def log_survival(self, least: FloatArray | float) -> FloatArray:  # noqa: ARG002 (there is no floor)
        """Return the log probability of all matrices."""
        return np.zeros(())

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> FloatArray:
        """Draw matrices to an array whose last two axes are theirs."""
        shape = np.atleast_1d(size).tolist()
        return lkj_draws(self.eta, tuple(shape[:-2]), shape[-1], rng=rng)

    def stan_data(self, name: str, size: int) -> dict[str, Any]:  # noqa: ARG002 (one for all)
        """Return the prior in Stan's data block."""
        return {f"{name}_eta": self.eta}

    @classmethod
    def from_stan_data(cls, name: str, data: Mapping[str, Any]) -> Self:
        """Return the prior that a data block holds."""
        return cls(float(data[f"{name}_eta"]))
