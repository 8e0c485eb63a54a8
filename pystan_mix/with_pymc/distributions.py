"""Distributions and transforms that PyMC does not have."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def root_of_inverse_gamma(pm: Any, name: str, *, alpha: Any, beta: Any, **options: Any) -> Any:
    """Add variables whose squares are inverse gamma variables to the model in whose context it is.

    Parameters
    ----------
    pm : module
        PyMC.
    name : str
        The name of the variables.
    alpha, beta : array_like
        Shapes and scales of the squares.
    **options : Any
        What else PyMC's distributions take.

    Returns
    -------
    pytensor.tensor.TensorVariable
        The variables; PyMC finds the density of the root by itself.
    """

    def root(alpha: Any, beta: Any, size: Any) -> Any:
        return pm.math.sqrt(pm.InverseGamma.dist(alpha=alpha, beta=beta, size=size))

    return pm.CustomDist(name, alpha, beta, dist=root, **options)


def floored_simplex(pm: Any, floor: float, K: int) -> Any:
    """Return PyMC's simplex transform, followed by the affine map onto weights above a floor.

    Parameters
    ----------
    pm : module
        PyMC.
    floor : float
        The floor, below 1 / K.
    K : int
        Number of weights.

    Returns
    -------
    pymc.distributions.transforms.Transform
        The transform.
    """
    transforms = pm.distributions.transforms
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


def ordered_in_part(pm: Any, places: NDArray[np.intp]) -> Any:
    """Return PyMC's transform of ordered values for some places of a vector, others left free.

    Parameters
    ----------
    pm : module
        PyMC.
    places : ndarray of int, shape (P,)
        The places whose values increase.

    Returns
    -------
    pymc.distributions.transforms.Transform
        The transform.
    """
    transforms = pm.distributions.transforms
    base: Any = transforms.Transform

    class OrderedInPart(base):  # type: ignore[misc]
        """Values of which some are ordered; PyMC takes a transform as a class."""

        name = "ordered_in_part"

        def forward(self, value: Any, *inputs: Any) -> Any:
            own = transforms.ordered.forward(value[..., places], *inputs)
            return value[..., places].set(own)

        def backward(self, value: Any, *inputs: Any) -> Any:
            own = transforms.ordered.backward(value[..., places], *inputs)
            return value[..., places].set(own)

        def log_jac_det(self, value: Any, *inputs: Any) -> Any:
            return transforms.ordered.log_jac_det(value[..., places], *inputs)

    return OrderedInPart()
