"""A weighted sample from a blend of sources, judged by itself and by other draws."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from pystan_mix.numerics import FloatArray
from pystan_mix.stats.importance.adaptive import Density, adapted_proposal, total_density, weighted
from pystan_mix.stats.importance.student_proposals import Blend, Students
from pystan_mix.stats.importance.weights import mean_ratio


@dataclasses.dataclass(frozen=True)
class Blended:
    """Weighted draws from a blend.

    Parameters
    ----------
    z : ndarray, shape (S, d)
        The draws.
    log_p, log_g : ndarray, shape (S,)
        Log density of each under the target, ``-inf`` where it is zero, and
        under the blend.
    log_weights : ndarray, shape (S,)
        Logarithms of the importance weights, smoothed by PSIS; they sum to one.
    pareto_khat : float
        Pareto k-hat of the importance ratios.
    ess : float
        How many independent draws the weighted ones are worth (Kong, 1992).
    log_integral : float
        Log of the mean importance ratio: that of the target's integral.
    mcse : float
        Its Monte Carlo standard error.
    ess_of_others : float
        The same as `ess`, judged by other draws: far below it where these reach
        what the blend misses.
    """

    z: FloatArray
    log_p: FloatArray
    log_g: FloatArray
    log_weights: FloatArray
    pareto_khat: float
    ess: float
    log_integral: float
    mcse: float
    ess_of_others: float


def sample_near(
    log_density: Density,
    z: FloatArray,
    draws: int,
    *,
    judges: Sequence[FloatArray],
    rng: np.random.Generator,
) -> Blended:
    """Draw from one mixture of Student-t, fitted to draws that are the target's own.

    Parameters
    ----------
    log_density, z, rng
        As in `Adaptation`; `z` is in the target's proportions.
    draws, judges
        As in `Adaptation.sample`.

    Returns
    -------
    Blended
        The weighted draws: of all that `z` has reached.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the draws have no covariance, or none has a density.
    """
    near = z[np.isfinite(z).all(axis=1)]
    if len(near) <= z.shape[1]:
        raise np.linalg.LinAlgError("There are fewer draws than dimensions.")
    covariance = np.cov(near.T).reshape(z.shape[1], z.shape[1])
    equal = np.full(len(near), -math.log(len(near)))
    mixture, _ = adapted_proposal(near, equal, covariance, rng=rng)
    blend = Blend((Students(mixture),), np.ones(1))
    fresh = blend.sources[0].draw(draws, rng=rng)
    fresh = fresh[np.isfinite(fresh).all(axis=1)]
    log_p = total_density(*log_density(fresh))
    return judged_by(blend, fresh, log_p, log_density, draws=draws, judges=judges)


def judged_by(
    blend: Blend,
    z: FloatArray,
    log_p: FloatArray,
    log_density: Density,
    *,
    draws: int,
    judges: Sequence[FloatArray],
) -> Blended:
    """Weigh what came of so many draws from a blend, and judge it by other draws."""
    log_g = blend.log_density(z)
    found = weighted(z, log_p, log_g)
    # draws that were not finite are draws all the same
    log_integral = found.log_integral + math.log(len(z) / draws)
    ratios = [mean_ratio(_log_ratio(log_density, blend, z) - log_integral) for z in judges]
    return Blended(
        z=z,
        log_p=found.log_p,
        log_g=log_g,
        log_weights=found.log_weights,
        pareto_khat=found.pareto_khat,
        ess=found.ess,
        log_integral=log_integral,
        mcse=math.sqrt(max(0.0, 1.0 / found.ess - 1.0 / draws)),
        ess_of_others=draws / max(ratios),
    )


def _log_ratio(log_density: Density, blend: Blend, z: FloatArray) -> FloatArray:
    """Return log target over blend at other draws, infinite where they are not finite."""
    finite = np.isfinite(z).all(axis=1)
    log_ratio = np.full(len(z), np.inf)
    log_p = total_density(*log_density(z[finite]))
    log_ratio[finite] = log_p - blend.log_density(z[finite])
    return log_ratio
