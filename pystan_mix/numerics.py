"""Arrays of floats, and sums of what is small."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

# draws in one product of matrices: of larger ones BLAS makes threads, which on a busy machine wait
# for each other far longer than they work
DRAWS_OF_PRODUCT = 50


def log_sum_exp(x: ArrayLike, axis: int = -1) -> FloatArray:
    """Logarithm of a sum of exponentials, without overflow or underflow.

    ``c + log(sum(exp(x - c)))`` with ``c = max(x)``: the Stan User's Guide,
    "Log sum of exponentials: linear sums on the log scale".

    Parameters
    ----------
    x : array_like
        Terms on the log scale; ``-inf`` is the logarithm of zero.
    axis : int, default -1
        The axis that is summed over.

    Returns
    -------
    ndarray
        The shape of `x` without `axis`.

    Examples
    --------
    >>> float(log_sum_exp([1000.0, 1000.0]))
    1000.6931471805599
    >>> float(log_sum_exp([-np.inf, -np.inf]))
    -inf
    """
    # SciPy's takes ten times as long; a short last axis is summed slowly where it lies
    terms = np.ascontiguousarray(np.moveaxis(np.asarray(x, dtype=np.float64), axis, 0))
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        peak = terms.max(axis=0)
        peak = np.where(np.isfinite(peak), peak, 0.0)
        return np.asarray(np.log(np.exp(terms - peak).sum(axis=0)) + peak)


def sum_of_each(x: FloatArray) -> FloatArray:
    """Return the sum over all axes but the first.

    Examples
    --------
    >>> sum_of_each(np.ones((2, 3, 4)))
    array([12., 12.])
    """
    return np.asarray(x.sum(axis=tuple(range(1, x.ndim))))


def in_blocks(x: FloatArray) -> FloatArray:
    """Return draws of shape (S, d) as blocks, shape (B, `DRAWS_OF_PRODUCT`, d), zeros behind.

    Examples
    --------
    >>> in_blocks(np.ones((120, 2))).shape
    (3, 50, 2)
    """
    S, d = x.shape
    return np.pad(x, ((0, -S % DRAWS_OF_PRODUCT), (0, 0))).reshape(-1, DRAWS_OF_PRODUCT, d)
