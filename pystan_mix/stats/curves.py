"""Curves that are estimated from draws: densities and autocorrelations."""

from typing import Final

import numpy as np

from pystan_mix.numerics import FloatArray

_BINS: Final = 512
_LEAST_RANGE: Final = 1e-9  # relative; narrower bins would be lost in rounding


def is_constant(draws: FloatArray) -> bool:
    """Return whether draws are equal but for the last digits that a float has."""
    return bool(np.ptp(draws) <= _LEAST_RANGE * np.abs(draws).max())


def density_curve(draws: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Estimate a density from draws.

    A fine histogram, smoothed by a normal kernel with Silverman's bandwidth
    (1986, eq. 3.31) and mirrored at its ends, so that no mass is lost at a
    bound. Far tails are cut off: the curve ends where the 5 % and 95 %
    quantiles, moved outwards by their distance, lie.

    Parameters
    ----------
    draws : ndarray
        Draws in any shape, not constant.

    Returns
    -------
    tuple of two ndarrays
        Points in increasing order, and the densities there; their integral is
        the share of the draws between the ends.
    """
    values = draws.ravel()
    low, q25, q75, high = np.quantile(values, [0.05, 0.25, 0.75, 0.95])
    start, stop = values.min(), values.max()
    if high - low > _LEAST_RANGE * np.abs(values).max():
        start, stop = max(start, low - (high - low)), min(stop, high + (high - low))
    counts, edges = np.histogram(values, bins=_BINS, range=(start, stop))
    width = float(edges[1] - edges[0])
    scales = [scale for scale in (values.std(), (q75 - q25) / 1.34) if scale > 0]
    bandwidth = 0.9 * min(scales) * values.size**-0.2 / width
    mirrored = np.fft.rfft(np.concatenate([counts, counts[::-1]]))
    kernel = np.exp(-0.5 * (2.0 * np.pi * np.fft.rfftfreq(2 * _BINS) * bandwidth) ** 2)
    smooth = np.fft.irfft(mirrored * kernel)[:_BINS]
    return 0.5 * (edges[1:] + edges[:-1]), np.maximum(smooth, 0.0) / (values.size * width)


def autocorrelation(draws: FloatArray, *, max_lag: int = 100) -> FloatArray:
    """Autocorrelation of chains, each about its own mean, averaged over them.

    Parameters
    ----------
    draws : ndarray, shape (chains, draws)
        Draws of one quantity.
    max_lag : int, default 100
        The largest lag.

    Returns
    -------
    ndarray, shape (min(max_lag, draws - 1) + 1,)
        From lag 0, where it is 1. Chains that never move are left out; NaN if
        none moves.

    Examples
    --------
    >>> autocorrelation(np.array([[1.0, -1.0, 1.0, -1.0]]), max_lag=2)
    array([ 1.  , -0.75,  0.5 ])
    """
    length = draws.shape[1]
    last = min(max_lag, length - 1)
    moving = draws[np.ptp(draws, axis=1) > 0]
    if not len(moving):
        return np.full(last + 1, np.nan)
    centred = moving - moving.mean(axis=1, keepdims=True)
    # zeros to twice the length: FFT's correlation is circular
    spectrum = np.abs(np.fft.rfft(centred, n=2 * length, axis=1)) ** 2
    covariance = np.fft.irfft(spectrum, n=2 * length, axis=1)[:, : last + 1]
    return np.asarray((covariance / covariance[:, :1]).mean(axis=0))
