"""What a family of components declares of each of their parameters."""

import dataclasses
import math

from pystan_mix.mixtures.priors import Prior
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.transforms import Space


@dataclasses.dataclass(frozen=True)
class Parameter:
    """What each component has one of, and the model a prior or known values.

    Parameters
    ----------
    name : str
        Its name in Stan, in ArviZ data and in figures, such as ``mu``.
    field : str
        The model's field with its prior or its known values, such as ``means``.
    meaning : str
        What it is, in the plural: "standard deviations".
    space : Space
        The values that it may have.
    priors : tuple of type
        The kinds of prior that it takes.
    example : Prior
        One of them, for messages.
    symbol : str
        Its symbol as mathtext, such as that of mu.
    pymc : str
        Its name in PyMC's distribution of the component.
    ordered : bool, default False
        Whether components are told apart by its order; it is so of one at most.
    shared : bool, default False
        Whether one number stands for one value that all components share,
        and only a sequence for one each.
    sharing : str, optional
        The model's field that says whether all components share one value that
        is estimated, such as ``shared_sigma``.
    partly : str, optional
        The model's field of values that are known of some components, such as
        ``known_sigma``.
    event : int, default 0
        How many axes each value has: none, where it is a number; one, of a vector
        with an element for each coordinate; two, of a matrix.
    sampled_as : str, optional
        What the program calls what it samples in its place, where that is not
        its name with ``_raw``.
    floor : str, optional
        The model's field, and the programs' name, of what none of its values
        is below, such as ``min_sigma``.
    inflated : str, optional
        The model's field that says whether the first component is a point mass at
        zero, of which nothing is estimated, such as ``zero_inflated``.
    of_zero : float, default 0
        The value that such a component has, where each has its own.
    """

    name: str
    field: str
    meaning: str
    space: Space
    priors: tuple[type[Prior], ...]
    example: Prior
    symbol: str
    pymc: str
    ordered: bool = False
    shared: bool = False
    sharing: str | None = None
    partly: str | None = None
    floor: str | None = None
    inflated: str | None = None
    of_zero: float = 0.0
    event: int = 0
    sampled_as: str | None = None

    @property
    def free_name(self) -> str:
        """The name of what the Stan program samples in its place, before components are ordered."""
        return self.sampled_as or f"{self.name}_raw"

    def in_a_row(self, free: FloatArray) -> FloatArray:
        """Return free values with one axis for those of all components and coordinates."""
        # the axes before that of components are those of draws; matrices have a row of free values
        return free.reshape(*free.shape[:-2], math.prod(free.shape[-2:])) if self.event else free
