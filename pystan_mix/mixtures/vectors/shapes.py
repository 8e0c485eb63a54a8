"""What shapes a mixture's observations and parameters have; by default those of numbers."""

from typing import ClassVar, Self

from pystan_mix.mixtures.observations import Observations
from pystan_mix.mixtures.parameter import Parameter


class Shapes:
    """The shapes of a mixture of numbers, which families of vectors replace by theirs."""

    # whether an observation is a vector, so that there are coordinates
    vectors: ClassVar[bool] = False

    def naming_coordinate(self) -> int | None:
        """Return the coordinate by whose order draws of vectors name components, if one does."""
        return None

    @property
    def point_shape(self) -> tuple[int, ...]:
        """The shape of an observation: that of a number, or of a vector."""
        return ()

    def shaped_by(self, observed: Observations) -> Self:  # noqa: ARG002 (of vectors alone)
        """Return the model with as many coordinates as observations have."""
        return self

    def shape_data(self) -> dict[str, int]:
        """Return what the program's data block has for the form of vectors' covariances."""
        return {}

    def event_shape(self, parameter: Parameter) -> tuple[int, ...]:  # noqa: ARG002
        """Return the shape of each value of a parameter, which of a number is none."""
        return ()

    def free_shape(self, parameter: Parameter) -> tuple[int, ...]:
        """Return the shape of each value in the unconstrained space."""
        return self.event_shape(parameter)
