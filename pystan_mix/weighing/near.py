"""A posterior that one mixture is near: weighed in a tenth of the time."""

import numpy as np

from pystan_mix.fits.draws import Draws
from pystan_mix.mixtures.density import Constrained
from pystan_mix.mixtures.target import Target
from pystan_mix.stats.importance.blended import sample_near
from pystan_mix.weighing.at_hand import coordinates, halves, within
from pystan_mix.weighing.births import merged, ordered, without_one
from pystan_mix.weighing.compiled.likelihood import log_likelihood
from pystan_mix.weighing.labelled import exchangeable, labelled
from pystan_mix.weighing.weighed import Weighed

# densities of an observation under a component
_TERMS = 5_000_000
_DRAWS = (1000, 2000)
# worth of the draws from a mixture that is near, as a share, by themselves and by others; for
# each component vectors have several times the dimensions that numbers have
_NEAR = 0.4
_NEAR_VECTORS = 0.2
_NEAR_KHAT = 0.5
_NEAR_AGREEMENT = 0.7
# a likelihood so far below the integral has no part in it
_NATS_OF_EMPTY = 14.0


def weigh_near(
    target: Target, draws: Draws, *, glimpsed: Draws | None = None, rng: np.random.Generator
) -> Weighed:
    """Weigh what chains have reached, in a tenth of the time of `weigh`.

    Importance sampling from one mixture of Student-t that is fitted to chains
    that agree: enough where the posterior is all there, and a mixture near it.

    Parameters
    ----------
    target, draws, glimpsed, rng
        As in `weigh`.

    Returns
    -------
    Weighed
        The posterior; `is_near` says whether chains need no further weighing.

    Raises
    ------
    numpy.linalg.LinAlgError
        As in `weigh`.
    """
    fitted, judging = halves(draws)
    posterior = labelled(target, fitted)
    z = posterior.to_coordinates(posterior.relabelled(fitted))
    judges = coordinates(posterior, judging, glimpsed)
    size = _DRAWS[1] if target.model.vectors else within(_TERMS // target.terms, _DRAWS)
    return Weighed(posterior, sample_near(posterior.log_parts, z, size, judges=judges, rng=rng))


def may_be_empty(
    target: Target, draws: Draws, *, log_integral: float, rng: np.random.Generator
) -> bool:
    """Return whether a component may be nearly empty, in a part of the posterior that counts.

    There the integral is about that of the posterior without the component, which is
    at most its largest likelihood; draws of which two components are merged come
    within some nats of that.

    Parameters
    ----------
    target, draws, rng
        As in `weigh`.
    log_integral : float
        Log of the integral of what is known of the posterior.

    Returns
    -------
    bool
        False where all such parts are some millionth of it.
    """
    if not exchangeable(target):
        return False
    fitted, _ = halves(draws)
    smaller = without_one(target)
    with np.errstate(all="ignore"):
        variables = merged(target, ordered(target, fitted), rng=rng)
        log_theta = np.log(variables.pop("theta"))
        log_lik = log_likelihood(
            smaller, Constrained(log_theta, variables, np.zeros(len(log_theta)))
        )
    return not float(np.nanmax(log_lik)) < log_integral - _NATS_OF_EMPTY


def is_near(weighed: Weighed) -> bool:
    """Return whether weights can be trusted, and vary so little that no more is to be sought."""
    found = weighed.sample
    share = _NEAR_VECTORS if weighed.posterior.target.model.vectors else _NEAR
    return (
        weighed.is_sound
        and found.pareto_khat <= _NEAR_KHAT
        and found.ess >= share * len(found.z)
        and found.ess_of_others >= _NEAR_AGREEMENT * found.ess
    )
