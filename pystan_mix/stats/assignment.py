"""Who stands where: the best assignment of as many things as there are places, for many draws."""

import numpy as np
from numpy.typing import NDArray

from pystan_mix.numerics import FloatArray


def assigned(scores: FloatArray) -> tuple[NDArray[np.intp], FloatArray]:
    """Assign K things to K places so that the sum of scores is largest, for each draw.

    By dynamic programming over sets of things (Held and Karp, 1962), all draws
    at once: ``K 2^K`` steps, which serves up to some ten things.

    Parameters
    ----------
    scores : ndarray, shape (S, K, K)
        Of each draw what place k gains by thing j, at ``[s, k, j]``; minus
        infinity and what is not a number are as bad as can be.

    Returns
    -------
    tuple of ndarray of int, shape (S, K), and ndarray, shape (S,)
        The thing in each place, and the sum of scores.

    Examples
    --------
    >>> order, total = assigned(np.array([[[1.0, 5.0], [2.0, 4.0]]]))
    >>> order.tolist(), total.tolist()
    ([[1, 0]], [7.0])
    """
    S, K, _ = scores.shape
    by_place = np.nan_to_num(scores.transpose(1, 2, 0), nan=-1e30, posinf=1e30, neginf=-1e30)
    best = np.full((1 << K, S), -np.inf)
    best[0] = 0.0
    last = np.zeros((1 << K, S), dtype=np.intp)
    for members in range(1, 1 << K):
        place = members.bit_count() - 1
        for thing in range(K):
            if members >> thing & 1:
                total = best[members ^ (1 << thing)] + by_place[place, thing]
                better = total > best[members]
                best[members][better] = total[better]
                last[members][better] = thing
    order = np.empty((S, K), dtype=np.intp)
    left, draws = np.full(S, (1 << K) - 1), np.arange(S)
    for place in reversed(range(K)):
        order[:, place] = last[left, draws]
        left = left ^ (1 << order[:, place])
    return order, best[-1]
