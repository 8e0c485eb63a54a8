"""What a fit says of points: their log density and who made them, draw by draw."""

from collections.abc import Mapping

import numpy as np

from pystan_mix.arviz_compat import Fit
from pystan_mix.containers import check_points
from pystan_mix.errors import DataError
from pystan_mix.fits.model import mixture_of_fit
from pystan_mix.mixtures.annotations.intervals import Interval
from pystan_mix.mixtures.density import component_terms, mixture_log_density
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.vectors.rows import check_vector_points
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.expectation import shares_of


def log_density(fit: Fit, y_new: object) -> FloatArray:
    """Log density of points under each draw of a fit.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit; thin it first if draws times points times components is large.
    y_new : array_like or Interval, shape (N,), or of vectors (N, D)
        Points, in the units of the data, or bounds of points; of vectors, coordinates
        that are NaN are integrated out.

    Returns
    -------
    ndarray, shape (chain, draw, N)
        ``log(sum_k theta[k] p(y_new[n] | component k))``, the log probability where
        bounds are given. The log of
        the posterior predictive density is its log mean exp over draws.

    Raises
    ------
    DataError
        If the data are no fit of a mixture, or the points no finite numbers, or
        no counts where the components are of counts.

    Examples
    --------
    >>> from pystan_mix import Normal, NormalMixture, log_density, sample, simulate
    >>> y = simulate(50, theta=[0.5, 0.5], mu=[-3, 3], sigma=1.0, seed=1)
    >>> model = NormalMixture(n_components=2, means=Normal(0, 10), sigma=1.0)
    >>> fit = sample(model, y, iter_sampling=100, seed=1, show_progress=False)
    >>> log_density(fit, [-3.0, 0.0]).shape
    (4, 100, 2)
    """
    family, theta, components = mixture_of_fit(fit)
    points = points_for(family, components, y_new)
    with np.errstate(divide="ignore"):
        return mixture_log_density(family, points, np.log(theta), components)


def responsibilities(fit: Fit, y_new: object) -> FloatArray:
    """Probability that each component made each point, under each draw of a fit.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit; thin it first if draws times points times components is large.
    y_new : array_like or Interval, shape (N,), or of vectors (N, D)
        Points, in the units of the data, or bounds of points; of vectors, coordinates
        that are NaN are integrated out.

    Returns
    -------
    ndarray, shape (chain, draw, N, K)
        Probabilities that sum to one over the last axis. Their mean over
        chains and draws is the posterior probability of each assignment.

    Raises
    ------
    DataError
        If the data are no fit of a mixture, or the points no finite numbers, or
        no counts where the components are of counts.

    Examples
    --------
    >>> from pystan_mix import Normal, NormalMixture, responsibilities, sample, simulate
    >>> y = simulate(50, theta=[0.5, 0.5], mu=[-3, 3], sigma=1.0, seed=1)
    >>> model = NormalMixture(n_components=2, means=Normal(0, 10), sigma=1.0)
    >>> fit = sample(model, y, iter_sampling=100, seed=1, show_progress=False)
    >>> responsibilities(fit, [-3.0, 3.0]).mean(axis=(0, 1)).round()
    array([[1., 0.],
           [0., 1.]])
    """
    family, theta, components = mixture_of_fit(fit)
    points = points_for(family, components, y_new)
    with np.errstate(divide="ignore"):
        terms = component_terms(family, points, np.log(theta), components)
    _, shares = shares_of(terms)
    return np.asarray(np.moveaxis(shares, -2, -1))


def points_for(
    family: type[Mixture], components: Mapping[str, FloatArray], y: object
) -> FloatArray | Interval:
    """Return points for a mixture, or say what is wrong with them.

    Parameters
    ----------
    family : type
        The class of the mixture.
    components : mapping of str to ndarray
        Its components' parameters, which say how many coordinates there are.
    y : array_like or Interval, shape (N,) or (N, D)
        Points.

    Returns
    -------
    ndarray or Interval, shape (N,) or (N, D)
        The same, as floats.

    Raises
    ------
    DataError
        If they are no finite numbers but for coordinates of vectors that are missing, or
        have another number of coordinates; if they are intervals, and the family knows
        none or one is missing.
    """
    if isinstance(y, Interval):
        if family.log_interval is None:
            raise DataError(f"{family.__name__} takes no intervals. Give points.")
        if np.isnan(y.points).any():
            raise DataError("A bound is missing or both are infinite. Leave that interval out.")
        return y
    if not family.vectors:
        return check_points(y, are_counts=family.counts)
    return check_vector_points(y, dims=components[family.parameters[0].name].shape[-1])


def moments_of_mixture(fit: Fit) -> dict[str, FloatArray]:
    """Return the mean and the standard deviation of each coordinate under each draw.

    They do not depend on what components are called.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit of vectors.

    Returns
    -------
    dict of str to ndarray, shape (chain, draw)
        ``mean[1]``, ``sd[1]`` and so on.
    """
    _, theta, components = mixture_of_fit(fit)
    mu, weights = components["mu"], theta[..., None]
    mean = (weights * mu).sum(axis=2)
    variance = (weights * (components["sigma"] ** 2 + (mu - mean[:, :, None]) ** 2)).sum(axis=2)
    found = {}
    for d in range(mean.shape[-1]):
        found[f"mean[{d + 1}]"] = mean[..., d]
        found[f"sd[{d + 1}]"] = np.sqrt(variance[..., d])
    return found
