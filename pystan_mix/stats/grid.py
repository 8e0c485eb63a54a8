"""The grid that rounded values lie on."""

import numpy as np

from pystan_mix.numerics import FloatArray

# of a step: how far from a grid its values may lie by the rounding of what they were made of
_TOLERANCE = 0.05
# how often values of no grid may be taken for those of one; few of them come near one by chance
_MISTAKEN = 1e-3
# steps from half of the values to the next one; on a finer grid values repeat by other reasons
_MOST_STEPS = 10


def grid_step(values: FloatArray) -> float | None:
    """Return the step of the grid that values lie on, the largest that there is.

    The grid need not be one of decimals: minutes that were seconds lie on
    sixtieths, to the rounding of the minutes.

    Parameters
    ----------
    values : ndarray, shape (D,)
        Different values, increasing.

    Returns
    -------
    float or None
        The step; None where the values lie on no grid, or on one so fine that
        half of them have no other within ten steps.

    Examples
    --------
    >>> grid_step(np.array([0.1, 0.2, 0.5, 0.7]))
    0.1
    >>> round(60 * grid_step(np.array([1.733, 1.75, 1.767, 1.867, 1.9])), 2)
    1.0
    """
    gaps = np.diff(values)
    if gaps.size == 0:
        return None
    usual = float(np.median(gaps))
    # what is nearer was one value, rounded twice: sixtieths of a minute to three digits
    least = float(gaps[gaps * _MOST_STEPS >= usual].min())
    tolerance = min(_TOLERANCE, 0.25 * _MISTAKEN ** (1.0 / gaps.size))
    for parts in range(1, int(_MOST_STEPS * least / usual * (1.0 + _TOLERANCE)) + 1):
        step = _refined(gaps, least / parts)
        places = np.cumsum(np.rint(gaps / step))
        off = np.concatenate([[0.0], values[1:] - values[0] - step * places])
        if np.ptp(off) <= 2.0 * tolerance * step:
            return float(f"{step:.12g}")
    return None


def _refined(gaps: FloatArray, step: float) -> float:
    """Improve a step by more and more gaps: by those first that are few steps wide."""
    widest = 1.5 * step
    while True:
        near = gaps[gaps <= widest]
        places = np.rint(near / step).sum()
        if places:
            step = float(near.sum() / places)
        if widest > gaps.max():
            return step
        widest *= 2.0
