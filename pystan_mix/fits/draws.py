"""Draws of a mixture's parameters: one record, from wherever they come."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pystan_mix.numerics import FloatArray


@dataclasses.dataclass(frozen=True)
class Draws:
    """Draws of what is estimated, by name.

    Parameters
    ----------
    variables : mapping of str to ndarray, shape (chain, draw, K) or (chain, draw, 1)
        `theta`, then the components' parameters; one value where all components share it.
        Of vectors the axes of coordinates are behind.
    log_p, log_g : ndarray, shape (chain, draw), optional
        Log density of each draw in the unconstrained space: the target's, and
        that of the approximation or proposal that it comes from.
    """

    variables: Mapping[str, FloatArray]
    log_p: FloatArray | None = None
    log_g: FloatArray | None = None

    @property
    def chains(self) -> int:
        """Number of chains."""
        return int(self.variables["theta"].shape[0])

    @property
    def length(self) -> int:
        """Number of draws in each chain."""
        return int(self.variables["theta"].shape[1])

    def flat(self) -> dict[str, FloatArray]:
        """Return the draws of all chains as one, by name."""
        return {name: x.reshape(-1, *x.shape[2:]) for name, x in self.variables.items()}

    def with_flat(self, variables: Mapping[str, FloatArray]) -> "Draws":
        """Return the same chains with other values, of all chains as one."""
        shape = (self.chains, self.length)
        chains = {name: x.reshape(*shape, *x.shape[1:]) for name, x in variables.items()}
        return dataclasses.replace(self, variables=chains)

    def picked(self, picks: NDArray[np.intp]) -> "Draws":
        """Return some draws of each chain, in the order of `picks`."""
        return Draws(
            {name: values[:, picks] for name, values in self.variables.items()},
            None if self.log_p is None else self.log_p[:, picks],
            None if self.log_g is None else self.log_g[:, picks],
        )


def evenly_spaced(length: int, wanted: int) -> NDArray[np.intp]:
    """Return which of some draws to keep so that they are equally far apart.

    Examples
    --------
    >>> evenly_spaced(10, 4)
    array([0, 3, 6, 9])
    """
    return np.unique(np.linspace(0, length - 1, min(length, wanted)).round().astype(np.intp))
