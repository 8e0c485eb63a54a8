"""Distributions that PyMC does not have."""

from typing import Any


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
