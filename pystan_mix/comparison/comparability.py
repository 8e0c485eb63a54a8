"""Whether posteriors can be set against each other at all, and what must be said beside it."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pystan_mix.comparison.posteriors import Posterior
from pystan_mix.errors import DataError
from pystan_mix.mixtures.annotations.intervals import Interval
from pystan_mix.mixtures.annotations.times import Times
from pystan_mix.mixtures.observations import Observations, indexed
from pystan_mix.mixtures.vectors.incomplete import coordinate_moments
from pystan_mix.numerics import FloatArray


@dataclasses.dataclass(frozen=True)
class Given:
    """What all data sets are taken to share, from the first that has it.

    Parameters
    ----------
    y : ndarray, shape (N,), or None
        The observations.
    times : ndarray of int or float, shape (N,), or None
        How many each of these stands for, or its weight; None where each is one.
    labels : ndarray of int, shape (N,), or None
        The component that each of these is known to be of, or -1; None where none is.
    bounds : Interval or None
        What each is known to lie between; None where all are known exactly.
    known : dict of str to ndarray, shape (K,) or (1,)
        Parameters that were given and not estimated.
    """

    y: FloatArray | None
    times: Times | None
    labels: NDArray[np.intp] | None
    bounds: Interval | None
    known: dict[str, FloatArray]


def what_is_given(posteriors: Sequence[Posterior]) -> Given:
    """Return the observations and the known parameters."""
    known: dict[str, FloatArray] = {}
    for each in posteriors:
        known = each.known | known
    first = next((each for each in posteriors if each.y is not None), None)
    if first is None:
        return Given(y=None, times=None, labels=None, bounds=None, known=known)
    return Given(
        y=first.y, times=first.times, labels=first.labels, bounds=first.bounds, known=known
    )


def check_alike(reference: Posterior, other: Posterior) -> None:
    """Refuse posteriors that have nothing in common, or other shapes.

    Parameters
    ----------
    reference, other : Posterior
        Two posteriors.

    Raises
    ------
    DataError
        The message lists what both have.
    """
    shared = [name for name in reference.draws if name in other.draws]
    if not shared:
        raise DataError(
            f"{other.name} has no parameter of {reference.name}: it has "
            f"{', '.join(other.draws)}, and {reference.name} has {', '.join(reference.draws)}. "
            'Say which is which, for example names={"p": "theta"} (--names p=theta).'
        )
    for name in shared:
        here, there = reference.draws[name].shape[2:], other.draws[name].shape[2:]
        if here != there:
            raise DataError(
                f"{name} has {_elements(here)} in {reference.name} and {_elements(there)} in "
                f"{other.name}. Only models with equally many components can be compared."
            )


def different_data(posteriors: Sequence[Posterior], given: Given) -> Iterator[str]:
    """Yield that data sets were fitted to other observations than the first that has some."""
    first = next((each.name for each in posteriors if each.y is not None), "")
    for each in posteriors:
        if each.y is None or given.y is None:
            continue
        both = each.labels is not None and given.labels is not None
        own = each.y if each.bounds is None else each.bounds
        others = given.y if given.bounds is None else given.bounds
        here = indexed(own, each.times, each.labels if both else None)
        there = indexed(others, given.times, given.labels if both else None)
        if (here.bounds is None) != (there.bounds is None):
            exact, between = (each.name, first) if here.bounds is None else (first, each.name)
            yield (
                f"{exact} was fitted to exact observations, and {between} to bounds of such, so "
                "the posteriors are not the same."
            )
        elif not _same(here, there):
            yield (
                f"{each.name} was fitted to other observations ({_described(here)}) than {first} "
                f"({_described(there)}), so the posteriors are not the same."
            )


def _same(one: Observations, other: Observations) -> bool:
    """Return whether observations are the same, put together or not."""
    # single precision, which NumPyro takes by default, keeps seven digits
    near = 1e-6 * float(np.nanmax(np.abs(other.y), initial=0.0))
    exact = one.bounds is None or other.bounds is None
    if one.times is None and other.times is None and one.label is None and exact:
        return one.y.shape == other.y.shape and np.allclose(
            np.sort(one.y, axis=0), np.sort(other.y, axis=0), rtol=0.0, atol=near, equal_nan=True
        )
    return (
        one.distinct.size == other.distinct.size
        and np.allclose(one.distinct, other.distinct, rtol=0.0, atol=near, equal_nan=True)
        and np.allclose(one.count, other.count)
        and (exact or _same_bounds(one, other, near=near))
        and (one.label is None or other.label is None or np.array_equal(one.label, other.label))
    )


def _same_bounds(one: Observations, other: Observations, *, near: float) -> bool:
    """Return whether the bounds of distinct observations are the same."""
    if one.bounds is None or other.bounds is None:
        return one.bounds is other.bounds
    return np.allclose(one.bounds.lower, other.bounds.lower, rtol=0.0, atol=near) and np.allclose(
        one.bounds.upper, other.bounds.upper, rtol=0.0, atol=near
    )


def notes_on(posterior: Posterior, *, out_of_order: float) -> Iterator[str]:
    """Yield what was done to one posterior, and what its sampler said.

    Parameters
    ----------
    posterior : Posterior
        The draws.
    out_of_order : float
        The share of draws whose components were put in order.

    Yields
    ------
    str
        A sentence.
    """
    if out_of_order and posterior.ordered is not None:
        # each component's own: "standard deviation"
        scalars = {name for name, draws in posterior.draws.items() if draws.ndim == 2}
        along = [
            each.meaning.removesuffix("s")
            for each in posterior.family.parameters
            if not (each.ordered or each.shared or each.name in scalars)
        ]
        yield (
            f"{posterior.name}: the components of {100 * out_of_order:.2g} % of the draws were not "
            f"in increasing order of their {posterior.ordered.meaning}. They were put in it, draw "
            f"by draw, each with its {' and '.join(['weight', *along])}."
        )
    if posterior.divergences:
        yield (
            f"{posterior.name}: {posterior.divergences} draws diverged, so a part of the posterior "
            "may be missing in it."
        )
    if posterior.size[0] == 1:
        yield f"{posterior.name} has one chain, so no R-hat shows whether it found all there is."


def notes_on_what_is_missing(posteriors: Sequence[Posterior], given: Given) -> Iterator[str]:
    """Yield what could not be compared, and what is the same by mistake.

    Parameters
    ----------
    posteriors : sequence of Posterior
        All of them, the reference first.
    given : Given
        What they share.

    Yields
    ------
    str
        A sentence.
    """
    reference, *others = posteriors
    for other in others:
        if other.family is not reference.family:
            yield (
                f"{reference.name} has {reference.family.family} components, and {other.name} has "
                f"{other.family.family} ones."
            )
        for name in dict.fromkeys([*reference.parameters, *other.parameters]):
            with_it, without = reference.name, other.name
            if name not in reference.draws:
                with_it, without = without, with_it
            if (name in reference.draws) != (name in other.draws):
                yield f"{name} is not compared: {with_it} has draws of it and {without} has none."
        if _same_draws(reference, other):
            yield f"{other.name} and {reference.name} are the same draws."
    for each in posteriors:
        yield from _notes_on_what_is_known(each, given)
    if given.y is None:
        yield (
            "None of the data sets has its observations, so neither log likelihood nor predictive "
            "density is compared."
        )


def _same_draws(one: Posterior, other: Posterior) -> bool:
    """Return whether weights, and what tells components apart, are equal draw by draw."""
    names = ["theta"]
    if one.ordered is not None and not {one.ordered.name} & {*one.known, *other.known}:
        names.append(one.ordered.name)
    return all(
        name in one.draws
        and name in other.draws
        and np.array_equal(one.draws[name], other.draws[name])
        for name in names
    )


def _notes_on_what_is_known(posterior: Posterior, given: Given) -> Iterator[str]:
    """Yield what is taken to be known in one posterior, and what it knows otherwise."""
    for parameter in posterior.family.parameters:
        name, meaning = parameter.name, parameter.meaning
        if name not in given.known:
            continue
        if name in posterior.known:
            if not np.allclose(posterior.known[name], given.known[name]):
                yield (
                    f"The known {meaning} of {posterior.name} are "
                    f"{_listed(posterior.known[name])}, and not {_listed(given.known[name])}."
                )
        elif name not in posterior.draws:
            yield (
                f"{posterior.name} does not say its {meaning}; they are taken to be known as "
                f"{_listed(given.known[name])}."
            )


def _elements(shape: tuple[int, ...]) -> str:
    """Return a shape in words."""
    return f"{' x '.join(map(str, shape))} elements" if shape else "one number"


def _described(observed: Observations) -> str:
    """Return observations in a few numbers."""
    size = f"{len(observed.y)} of weight" if observed.are_weighted else ""
    size = f"{size} {observed.size:.10g}".strip()
    if observed.y.ndim == 1:
        return f"{size} of mean {observed.mean:.4g} and sd {observed.std:.4g}"
    moments = coordinate_moments(observed.y, observed.times)
    means, sds = (", ".join(f"{x:.4g}" for x in each) for each in moments)
    lack = f", {observed.incomplete} of which lack coordinates" if observed.incomplete else ""
    return f"{size} of mean {means} and sd {sds}{lack}"


def _listed(values: FloatArray) -> str:
    """Return numbers as text, one where all are equal."""
    each = values.ravel() if np.ptp(values) > 0 else values.ravel()[:1]
    return ", ".join(f"{value:g}" for value in each)
