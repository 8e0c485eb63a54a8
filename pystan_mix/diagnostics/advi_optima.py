"""Where ADVI's starts ended: at one optimum, or at several."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from pystan_mix.arviz_compat import Fit
from pystan_mix.fits.approximation import Starts, starts_of
from pystan_mix.fits.attributes import AdviFindings, read_attributes
from pystan_mix.fits.groups import element_name, variables
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.curves import is_constant

# nats; an optimum that is less likely by more has not one per cent of the posterior
_NEAR_IN_LOSS = 5.0
# standard deviations; ADVI's own noise moved an optimum by up to 3
_NEAR_IN_PLACE = 4.0
# nats; losses of one optimum differ by this through noise
_SAME_LOSS = 2.0


@dataclasses.dataclass(frozen=True)
class Element:
    """A scalar of the posterior that varies.

    Parameters
    ----------
    name : str
        Its name in Stan, such as ``mu[1]``.
    variable : str
        The parameter that it is of.
    index : int
        Its place among the values of that parameter.
    draws : ndarray, shape (draws,)
        The draws of all chains.
    """

    name: str
    variable: str
    index: int
    draws: FloatArray


@dataclasses.dataclass(frozen=True)
class Optimum:
    """Starts that ended at one optimum, and how far it is from the kept one.

    Parameters
    ----------
    starts : int
        How many ended there.
    loss : float
        The least of their losses, in nats.
    distance : float
        How far it is from the kept optimum, in standard deviations.
    where : str
        The parameter in which it is as far.
    """

    starts: int
    loss: float
    distance: float
    where: str


def varying_elements(fit: Fit) -> Iterator[Element]:
    """Yield each scalar of the posterior that varies."""
    for variable, draws in variables(fit).items():
        for index, position in enumerate(np.ndindex(draws.shape[2:])):
            values = draws[(..., *position)].ravel()
            # the one weight of one component is rounding
            if not is_constant(values):
                yield Element(element_name(variable, position), variable, index, values)


def optima_of(fit: Fit) -> list[Optimum]:
    """Return the optima that the starts ended at, the kept one's first; none if none is known."""
    starts = starts_of(fit)
    if starts is None or not np.isfinite(starts.loss).any():
        return []
    found = [each for each in varying_elements(fit) if each.variable in starts.optima]
    places = np.zeros((starts.loss.size, max(len(found), 1)))
    for column, each in enumerate(found):
        places[:, column] = starts.optima[each.variable][:, each.index] / each.draws.std()
    groups = _alike(starts, places)
    kept, optima = groups[0][0], []
    for members in groups:
        steps = np.abs(places[members[0]] - places[kept])
        where = found[int(steps.argmax())].name if found else ""
        loss = float(starts.loss[members[0]])
        optima.append(Optimum(len(members), loss, float(steps.max()), where))
    return optima


def _alike(starts: Starts, places: FloatArray) -> list[list[int]]:
    """Return starts that ended at the same optimum, the likeliest first."""
    loss = starts.loss
    whole = np.flatnonzero(np.isfinite(loss))
    found: list[list[int]] = []
    for i in whole[np.argsort(loss[whole], kind="stable")]:
        for members in found:
            away = np.abs(places[i] - places[members[0]]).max()
            if loss[i] - loss[members[0]] <= _SAME_LOSS and away <= _NEAR_IN_PLACE:
                members.append(int(i))
                break
        else:
            found.append([int(i)])
    return found


def rival_of(optima: list[Optimum]) -> Optimum | None:
    """Return the first optimum that is far from the kept one and as likely, if there is one."""
    for other in optima[1:]:
        if other.loss - optima[0].loss <= _NEAR_IN_LOSS and other.distance > _NEAR_IN_PLACE:
            return other
    return None


def notes_of(fit: Fit, optima: list[Optimum]) -> Iterator[str]:
    """Yield what is worth knowing of the starts."""
    total = sum(optimum.starts for optimum in optima)
    if len(optima) > 1:
        first, *others = optima
        rest = ", ".join(f"{other.starts} at {other.loss:.1f}" for other in others)
        yield (
            f"{first.starts} of {total} starts ended at a loss of {first.loss:.1f}, which is kept; "
            f"{rest}."
        )
    starts = starts_of(fit)
    if starts is not None:
        if starts.failed.any():
            yield f"{int(starts.failed.sum())} of {starts.failed.size} starts failed in CmdStan."
        elif starts.failed.size == 1:
            yield "There was one start, so nothing shows that it found the best optimum."
    if read_attributes(AdviFindings, fit).converged is False:
        yield (
            "CmdStan does not say that ADVI converged. It seldom does, since its ELBO is noisy: "
            "k-hat says more."
        )
