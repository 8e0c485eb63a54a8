"""What a fit says of points: their log density and who made them, draw by draw."""

import numpy as np

from pystan_mix.arviz_compat import Fit, group
from pystan_mix.errors import DataError
from pystan_mix.mixtures import simulation as mixture
from pystan_mix.mixtures.observations import check_points
from pystan_mix.numerics import FloatArray


def parameter_draws(fit: Fit) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return a fit's weights, means and standard deviations.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit.

    Returns
    -------
    tuple of three ndarrays, shape (chain, draw, K)
        `theta`, `mu` and `sigma`; known standard deviations are broadcast.

    Raises
    ------
    DataError
        If the data are no fit of a mixture.
    """
    posterior = group(fit, "posterior")
    missing = [name for name in ("theta", "mu") if name not in posterior]
    if missing:
        raise DataError(
            f"The posterior has no {' and no '.join(missing)}; it has: "
            f"{', '.join(map(str, posterior.data_vars))}. Give what sample() or advi() returned."
        )
    dims = ("chain", "draw", "component")
    theta, mu = (np.asarray(posterior[name].transpose(*dims)) for name in ("theta", "mu"))
    if "sigma" in posterior:
        return theta, mu, np.asarray(posterior["sigma"].transpose(*dims))
    known = group(fit, "constant_data")
    if "sigma" not in known:
        raise DataError("Neither the posterior nor constant_data has sigma.")
    return theta, mu, np.broadcast_to(np.asarray(known["sigma"]), mu.shape)


def log_density(fit: Fit, y_new: object) -> FloatArray:
    """Log density of points under each draw of a fit.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit; thin it first if draws times points times components is large.
    y_new : array_like, shape (N,)
        Points, in the units of the data.

    Returns
    -------
    ndarray, shape (chain, draw, N)
        ``log(sum_k theta[k] Normal(y_new[n] | mu[k], sigma[k]))``. The log of
        the posterior predictive density is its log mean exp over draws.

    Raises
    ------
    DataError
        If the data are no fit of a mixture, or the points no finite numbers.

    Examples
    --------
    >>> from pystan_mix import Normal, NormalMixture, log_density, sample, simulate
    >>> y = simulate(50, theta=[0.5, 0.5], mu=[-3, 3], sigma=1.0, seed=1)
    >>> model = NormalMixture(n_components=2, means=Normal(0, 10), sigma=1.0)
    >>> fit = sample(model, y, iter_sampling=100, seed=1, show_progress=False)
    >>> log_density(fit, [-3.0, 0.0]).shape
    (4, 100, 2)
    """
    return mixture.log_density(check_points(y_new), *parameter_draws(fit))


def responsibilities(fit: Fit, y_new: object) -> FloatArray:
    """Probability that each component made each point, under each draw of a fit.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        A fit; thin it first if draws times points times components is large.
    y_new : array_like, shape (N,)
        Points, in the units of the data.

    Returns
    -------
    ndarray, shape (chain, draw, N, K)
        Probabilities that sum to one over the last axis. Their mean over
        chains and draws is the posterior probability of each assignment.

    Raises
    ------
    DataError
        If the data are no fit of a mixture, or the points no finite numbers.

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
    return mixture.responsibilities(check_points(y_new), *parameter_draws(fit))
