"""Mixtures of multivariate normals."""

import dataclasses
from typing import Any, ClassVar, Self

import numpy as np

from pystan_mix.errors import ModelError
from pystan_mix.mixtures.families.normal import MEANS, SIGMA
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.numbers import Numbers, set_numbers
from pystan_mix.mixtures.observations import Observations, indexed, least_scale
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.priors import Normal, Prior
from pystan_mix.mixtures.scale_priors import HalfNormal
from pystan_mix.mixtures.scale_priors_off_zero import SigmaPrior
from pystan_mix.mixtures.vectors.correlation_prior import LKJ
from pystan_mix.mixtures.vectors.incomplete import coordinate_moments
from pystan_mix.mixtures.vectors.normal_density import normal_draw, normal_log_density
from pystan_mix.mixtures.vectors.weighted_moments import weighted_moments
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.correlations import CORRELATION

# by which EM's correlations fall short, at least and at most, so that none is singular
_SHRINK = 1e-4, 0.5
# what a correlation may be in place of a prior: none, or none and one scale for all coordinates
DIAGONAL, SPHERICAL = "diagonal", "spherical"

VECTOR_MEANS = dataclasses.replace(MEANS, ordered=False, event=1, sampled_as="mu")
SCALES = dataclasses.replace(
    SIGMA, field="scales", sharing="shared", partly=None, event=1, sampled_as="sigma"
)
CORRELATIONS = Parameter(
    name="corr",
    field="correlation",
    meaning="correlations",
    space=CORRELATION,
    priors=(LKJ,),
    example=LKJ(2.0),
    symbol="R",
    pymc="corr",
    sharing="shared",
    event=2,
    sampled_as="corr_root",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MultivariateNormalMixture(Mixture):
    """Finite mixture of multivariate normals.

    Components have no order, and all have the same priors. Draws call them by
    what they do with the observations, or by the order of one coordinate of their
    means, `order_by`; those that labels of observations name are called so.

    Parameters
    ----------
    n_components : int
        Number of components K, 1 or more.
    weights : Dirichlet, default Dirichlet(2)
        Prior of the weights, with one concentration for all. With `min_weight`
        above zero it is this Dirichlet restricted to weights that are all at least
        `min_weight`.
    means : Normal, optional
        Prior of the means: one number serves all coordinates, a sequence has one
        for each. By default the mean of each coordinate of the data plus or minus
        2.5 times its standard deviation.
    scales : HalfCauchy, HalfNormal, HalfStudentT, InverseGamma or LogNormal, optional
        Prior of the standard deviations of the coordinates, with one number for
        all or one for each. By default half-normal with the standard deviation of
        each coordinate of the data as scale.
    correlation : LKJ, "diagonal" or "spherical", default LKJ(2)
        Prior of the correlations; or none, so that coordinates are independent
        within a component; or none and one standard deviation for all coordinates.
    shared : bool, default False
        Whether all components share one covariance.
    order_by : int, optional
        The coordinate, from 0, by whose order draws name the components. By
        default draws are relabelled: see `sample`.
    n_dims : int, optional
        Number of coordinates D; by default that of the data.
    min_weight : float, default 0
        Floor under every weight, at least 0 and below 1 / K.
    min_sigma : float or sequence of D floats, optional
        Floor under the standard deviations: the prior is restricted to values above
        it. By default what each coordinate can tell of: half the step of the grid
        where values repeat on one, otherwise a thousandth of its standard deviation.

    Raises
    ------
    ModelError
        If a value is out of its range or has not one number for each coordinate;
        the message names it.

    Examples
    --------
    >>> from pystan_mix import HalfNormal, LKJ, MultivariateNormalMixture, Normal
    >>> model = MultivariateNormalMixture(
    ...     n_components=2,
    ...     means=Normal([0, 50], [5, 30]),
    ...     scales=HalfNormal([2, 20]),
    ...     correlation=LKJ(2.0),
    ... )
    >>> model.n_components
    2
    """

    family: ClassVar = "multivariate-normal"
    program: ClassVar = "multivariate_normal"
    pymc_distribution: ClassVar = "MvNormal"
    parameters: ClassVar = (VECTOR_MEANS, SCALES, CORRELATIONS)
    vectors: ClassVar = True
    log_density: ClassVar = staticmethod(normal_log_density)
    draw: ClassVar = staticmethod(normal_draw)

    means: Normal | None = None
    scales: SigmaPrior | None = None
    correlation: LKJ | str = LKJ(2.0)
    shared: bool = False
    order_by: int | None = None
    n_dims: int | None = None
    min_sigma: Numbers | None = None

    def _check_parameter(self, parameter: Parameter) -> None:
        """Refuse what is no prior of the parameter, or no floor."""
        value = getattr(self, parameter.field)
        words = f"a prior such as {parameter.example}"
        allowed = value is None or isinstance(value, parameter.priors)
        if parameter.event == 2:
            words += f', "{DIAGONAL}" or "{SPHERICAL}"'
            allowed = isinstance(value, LKJ) or value in (DIAGONAL, SPHERICAL)
        if not allowed:
            raise ModelError(f"{parameter.field} must be {words}; it is {value!r}.")
        if parameter.floor is not None and self.min_sigma is not None:
            set_numbers(self, "min_sigma", positive=False)
            if min(np.atleast_1d(self.min_sigma)) < 0.0:
                raise ModelError(f"min_sigma must be 0 or more; it is {self.min_sigma!r}.")

    def _check_lengths(self) -> None:
        """Refuse sequences of other lengths than the number of coordinates, and more options."""
        if isinstance(self.weights.concentration, tuple):
            raise ModelError(
                "The concentration of weights must be one number for all components of vectors, "
                f"which have no order; it is {list(self.weights.concentration)}."
            )
        if not isinstance(self.shared, bool):
            raise ModelError(f"shared must be True or False; it is {self.shared!r}.")
        for name, least in (("n_dims", 1), ("order_by", 0)):
            value = getattr(self, name)
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
            if value is not None and (not whole or value < least):
                raise ModelError(f"{name} must be a whole number from {least}; it is {value!r}.")
        numbers: dict[str, Any] = {"min_sigma": self.min_sigma}
        for prior, field in ((self.means, "means"), (self.scales, "scales")):
            if prior is not None:
                for each in dataclasses.fields(prior):
                    numbers[f"the {each.name} of {field}"] = getattr(prior, each.name)
        for name, value in numbers.items():
            if not isinstance(value, tuple):
                continue
            if self.correlation == SPHERICAL and name not in (
                "the location of means",
                "the scale of means",
            ):
                raise ModelError(
                    f"All coordinates have one scale where correlation is {SPHERICAL!r}: give one "
                    f"number for {name}; it is {list(value)}."
                )
            if self.n_dims is None:
                object.__setattr__(self, "n_dims", len(value))
            if len(value) != self.n_dims:
                raise ModelError(
                    f"{name.replace('the ', 'The ', 1)} has {len(value)} values for {self.n_dims} "
                    f"coordinates. Give one number, or {self.n_dims}."
                )
        if self.order_by is not None and self.n_dims is not None and self.order_by >= self.n_dims:
            raise ModelError(
                f"order_by is {self.order_by}, and coordinates are 0 to {self.n_dims - 1}."
            )

    def _check_known_order(self) -> None:
        """Let it be: nothing is known, and nothing ordered."""

    def naming_coordinate(self) -> int | None:
        """Return the coordinate by whose order draws name components, if one does."""
        return self.order_by

    @property
    def point_shape(self) -> tuple[int, ...]:
        """The number of coordinates, as the shape of an observation."""
        if self.n_dims is None:
            raise ModelError("The number of coordinates is not known: give n_dims.")
        return (self.n_dims,)

    def shaped_by(self, observed: Observations) -> Self:
        """Return the model with as many coordinates as observations have."""
        return dataclasses.replace(self, n_dims=self._checked_dims(observed))

    def _checked_dims(self, observed: Observations) -> int:
        dims = int(observed.y.shape[1])
        if self.n_dims is not None and self.n_dims != dims:
            raise ModelError(
                f"The model is one of {self.n_dims} coordinates, and the observations have {dims}."
            )
        return dims

    def is_known(self, parameter: Parameter) -> bool:
        """Return whether a parameter has no prior: correlations that are none."""
        return isinstance(getattr(self, parameter.field), str)

    def size(self, parameter: Parameter) -> int:
        """Return how many values a parameter has: one for each component, or one for all."""
        return 1 if self.is_shared(parameter) else self.n_components

    def is_shared(self, parameter: Parameter) -> bool:
        """Return whether a parameter has one value that all components share."""
        return self.shared and parameter.sharing is not None

    def event_shape(self, parameter: Parameter) -> tuple[int, ...]:
        """Return the shape of each value: that of a vector, or of a matrix."""
        if parameter.name == SCALES.name and self.correlation == SPHERICAL:
            return (1,)
        return self.point_shape * parameter.event

    def free_shape(self, parameter: Parameter) -> tuple[int, ...]:
        """Return the shape of each value in the unconstrained space."""
        shape = self.event_shape(parameter)
        return (shape[0] * (shape[0] - 1) // 2,) if len(shape) == 2 else shape

    def drawn_from_prior(
        self, parameter: Parameter, n: int, *, rng: np.random.Generator
    ) -> FloatArray:
        """Draw n values of a parameter from its prior, shape (n, ...)."""
        return self.prior(parameter).draw(rng, (n, *self.event_shape(parameter)))

    def least(self, parameter: Parameter) -> FloatArray | float:
        """Return what no value of a parameter is below, for each coordinate or for all."""
        if parameter.floor is None or self.min_sigma is None:
            return 0.0
        return np.broadcast_to(np.array(self.min_sigma), self.event_shape(parameter))

    def known_values(self) -> dict[str, FloatArray]:
        """Return the correlations where they are none, shape (1, D, D)."""
        return (
            {} if isinstance(self.correlation, LKJ) else {"corr": np.eye(self.point_shape[0])[None]}
        )

    def shape_data(self) -> dict[str, int]:
        """Return what the program's data block has for the form of covariances."""
        (D,) = self.point_shape
        return {
            "D": D,
            "S": 1 if self.correlation == SPHERICAL else D,
            "shared": int(self.shared),
            "correlated": int(isinstance(self.correlation, LKJ)),
        }

    def default_floor(self, observed: Observations) -> Numbers:
        """Return the least scale that each coordinate can tell of, or the least of all."""
        if observed.y.size == 0:
            return 0.0
        each = []
        for column in observed.y.T:
            # of a coordinate its own values repeat, and in what counts or weights say
            there, times = ~np.isnan(column), observed.times
            each.append(
                least_scale(indexed(column[there], None if times is None else times[there]))
            )
        return min(each) if self.correlation == SPHERICAL else tuple(each)

    def default_priors(self, observed: Observations) -> dict[str, Prior]:
        """Return normal means about the data's, and half-normal standard deviations."""
        mean, sd = coordinate_moments(observed.y, observed.times)
        if self.correlation == SPHERICAL:
            scales = HalfNormal(float(np.sqrt(np.mean(sd**2))))
        else:
            scales = HalfNormal(sd.tolist())
        return {"means": Normal(mean.tolist(), (2.5 * sd).tolist()), "scales": scales}

    def from_shares(
        self, y: FloatArray, shares: FloatArray, *, least_spread: FloatArray | float
    ) -> dict[str, FloatArray]:
        """Return the weighted means of points, and the covariances about them."""
        mu, covariance = weighted_moments(y, shares, shared=self.shared)
        variances = np.diagonal(covariance, axis1=-2, axis2=-1)
        sigma = np.maximum(np.sqrt(np.maximum(variances, 0.0)), least_spread)
        found = {"mu": mu, "sigma": sigma}
        if self.correlation == SPHERICAL:
            found["sigma"] = np.sqrt((sigma**2).mean(axis=-1, keepdims=True))
        if isinstance(self.correlation, LKJ):
            corr = covariance / (sigma[..., :, None] * sigma[..., None, :])
            own = np.eye(sigma.shape[-1])
            # hardly, but of components with about as many points as coordinates
            points = shares.sum(axis=-1)
            points = points.sum(axis=-1, keepdims=True) if self.shared else points
            with np.errstate(divide="ignore", over="ignore"):
                shrink = np.clip((len(own) / points) ** 3, *_SHRINK)[..., None, None]
            found["corr"] = (1.0 - shrink) * np.clip(corr, -1.0, 1.0) * (1.0 - own) + own
        return found | self.known_values()
