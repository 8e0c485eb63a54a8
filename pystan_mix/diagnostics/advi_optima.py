"""Where ADVI's starts ended: at one optimum, or at several."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from pystan_mix.arviz_compat import Fit, attributes, element_draws, group, group_names
from pystan_mix.numerics import FloatArray
from pystan_mix.stats.curves import is_constant

# nats; an optimum that is less likely by more has not one per cent of the posterior
_NEAR_IN_LOSS = 5.0
# standard deviations; ADVI's own noise moved an optimum by up to 3
_NEAR_IN_PLACE = 4.0
# nats; losses of one optimum differ by this through noise
_SAME_LOSS = 2.0


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


def optima_of(fit: Fit) -> list[Optimum]:
    """Return the optima that the starts ended at, the kept one's first.

    Parameters
    ----------
    fit : arviz.InferenceData or xarray.DataTree
        What `advi` returned.

    Returns
    -------
    list of Optimum
        Empty where nothing is known of the starts.
    """
    if "vi_restarts" not in group_names(fit):
        return []
    starts = group(fit, "vi_restarts")
    loss = np.asarray(starts["loss"])
    whole = np.flatnonzero(np.isfinite(loss))
    if not whole.size:
        return []
    names, columns, scales = [], [], []
    for name, values in varying_elements(fit):
        variable, k = name.rstrip("]").split("[")
        if variable in starts:
            names.append(name)
            columns.append(np.asarray(starts[variable].isel(component=int(k) - 1)))
            scales.append(values.std())
    places = np.column_stack(columns) / np.array(scales) if columns else np.zeros((loss.size, 1))
    order = whole[np.argsort(loss[whole], kind="stable")]
    found: list[list[int]] = []
    for i in order:
        for members in found:
            away = np.abs(places[i] - places[members[0]]).max()
            if loss[i] - loss[members[0]] <= _SAME_LOSS and away <= _NEAR_IN_PLACE:
                members.append(int(i))
                break
        else:
            found.append([int(i)])
    kept = places[order[0]]
    optima = []
    for members in found:
        steps = np.abs(places[members[0]] - kept)
        where = names[int(steps.argmax())] if names else ""
        optima.append(Optimum(len(members), float(loss[members[0]]), float(steps.max()), where))
    return optima


def rival_of(optima: list[Optimum]) -> Optimum | None:
    """Return the first optimum that is far from the kept one and as likely, if there is one."""
    for other in optima[1:]:
        if other.loss - optima[0].loss <= _NEAR_IN_LOSS and other.distance > _NEAR_IN_PLACE:
            return other
    return None


def notes_of(fit: Fit, optima: list[Optimum]) -> Iterator[str]:
    """Yield what is worth knowing of the starts."""
    top = attributes(fit)
    total = sum(optimum.starts for optimum in optima)
    if len(optima) > 1:
        first, *others = optima
        rest = ", ".join(f"{other.starts} at {other.loss:.1f}" for other in others)
        yield (
            f"{first.starts} of {total} starts ended at a loss of {first.loss:.1f}, which is kept; "
            f"{rest}."
        )
    if "vi_restarts" in group_names(fit):
        failed = np.asarray(group(fit, "vi_restarts")["failed"])
        if failed.any():
            yield f"{int(failed.sum())} of {failed.size} starts failed in CmdStan."
        elif failed.size == 1:
            yield "There was one start, so nothing shows that it found the best optimum."
    if not top.get("converged", 1):
        yield (
            "CmdStan does not say that ADVI converged. It seldom does, since its ELBO is noisy: "
            "k-hat says more."
        )


def varying_elements(fit: Fit) -> Iterator[tuple[str, FloatArray]]:
    """Yield each scalar of the posterior that varies by its name in Stan, with its draws."""
    for name, draws in element_draws(fit):
        # the one weight of one component is rounding
        if not is_constant(draws):
            yield name, draws.ravel()
