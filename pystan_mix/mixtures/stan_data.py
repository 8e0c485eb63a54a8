"""The data block of the Stan programs: written, and read back."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pystan_mix.containers import check_points
from pystan_mix.errors import DataError, PystanMixError
from pystan_mix.mixtures.annotations.data_block import (
    check_unnamed,
    interval_data,
    observations_of_block,
)
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.numbers import brief, one_or_each
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.priors import Dirichlet
from pystan_mix.mixtures.target import Target
from pystan_mix.mixtures.vectors.data_block import (
    model_of_vector_data,
    observed_of_vector_data,
    rows_data,
)


def stan_data(
    target: Target, *, sort_components: bool = False, n_rep: int = 0, save_log_lik: bool = False
) -> dict[str, Any]:
    """Return the data block of the Stan program that fits a model.

    Equal observations are sent once, in increasing order, with how often they
    occur, or with their weight.

    Parameters
    ----------
    target : Target
        The model and its observations.
    sort_components : bool, default False
        Whether components are sampled in any order and sorted, and not their
        means kept in order.
    n_rep : int, default 0
        Number of replicated observations that Stan simulates for each draw.
    save_log_lik : bool, default False
        Whether Stan writes the log density of each distinct observation.

    Returns
    -------
    dict
        Numbers and lists, by the names of ``stan/README.md``.
    """
    model, observed = target.model, target.observed
    between = known = np.zeros(len(observed.distinct), dtype=np.bool_)
    if observed.bounds is not None:
        between = observed.bounds.wide
    if observed.label is not None:
        known = (observed.label >= 0) & ~between
    y = observed.distinct.astype(np.int64) if model.counts else observed.distinct
    free = ~(known | between)
    count = observed.count[free].tolist()
    data: dict[str, Any] = {
        "K": target.n_components,
        "N": len(count),
        "alpha": target.concentration.tolist(),
        "min_weight": model.min_weight,
    }
    outputs = {"N_rep": n_rep, "save_log_lik": int(save_log_lik)}
    if model.vectors:
        return data | rows_data(observed) | _vector_data(model) | outputs
    data |= {
        "y": y[free].tolist(),
        "weighted": int(observed.are_weighted),
        "count": [] if observed.are_weighted else count,
        "weight": count if observed.are_weighted else [],
        "N_labelled": int(known.sum()),
        "y_labelled": y[known].tolist(),
        "label": [] if observed.label is None else (1 + observed.label[known]).tolist(),
        "times_labelled": observed.count[known].astype(np.float64).tolist(),
        "n_unnamed": target.unnamed.size,
        "unnamed": (1 + target.unnamed).tolist(),
        "sort_components": int(sort_components),
    }
    if model.log_interval is not None:
        data |= interval_data(observed, between)
    for parameter in model.parameters:
        data |= _parameter_data(model, parameter)
    return data | outputs


def _vector_data(model: Mixture) -> dict[str, Any]:
    """Return the form of vectors' covariances, and the priors of all parameters."""
    data: dict[str, Any] = dict(model.shape_data())
    for parameter in model.parameters:
        size = math.prod(model.event_shape(parameter))
        # what is none has a prior that does not count
        prior = parameter.example if model.is_known(parameter) else model.prior(parameter)
        data |= prior.stan_data(parameter.name, size)
        if parameter.floor is not None:
            data[parameter.floor] = np.broadcast_to(model.least(parameter), size).tolist()
    return data


def _parameter_data(model: Mixture, parameter: Parameter) -> dict[str, Any]:
    """Return a parameter's prior, or its known values."""
    name = parameter.name
    beside: dict[str, Any] = {}
    if parameter.sharing is not None:
        beside[parameter.sharing] = int(model.is_shared(parameter) and model.n_components > 1)
    if parameter.floor is not None:
        beside[parameter.floor] = model.least(parameter)
    if parameter.inflated is not None and parameter.ordered:
        beside[parameter.inflated] = int(getattr(model, parameter.inflated))
    if model.is_known(parameter):
        known = np.broadcast_to(model.known_values()[name], model.n_components).tolist()
        # vectors of size zero
        empty = parameter.example.stan_data(name, 0)
        return {f"n_{name}": 0, f"{name}_known": known} | empty | beside
    size, count = model.size(parameter), model.count(parameter)
    prior, known = model.prior(parameter).stan_data(name, size), []
    if count < size:
        places = model.places(parameter)
        prior = {
            key: np.array(value)[places].tolist() if isinstance(value, list) and value else value
            for key, value in prior.items()
        }
        if not model.is_inflated(parameter):
            known = model.filled(parameter, np.zeros(count)).tolist()
    return {f"n_{name}": count, f"{name}_known": known} | prior | beside


def _of_all(name: str, data: Mapping[str, Any], estimated: NDArray[np.bool_]) -> dict[str, Any]:
    """Return a data block with the numbers of a prior for all components, whatever is known."""
    spread = {}
    for part in ("shape", "rate", "loc", "scale"):
        numbers = np.asarray(data.get(f"{name}_{part}", ()), dtype=np.float64)
        if numbers.size:
            # those of what is known count for nothing
            spread[f"{name}_{part}"] = np.full(estimated.size, numbers[0])
            spread[f"{name}_{part}"][estimated] = numbers
    return {**data, **spread}


def target_of_stan_data(family: type[Mixture], data: Mapping[str, Any]) -> Target:
    """Return the model and the observations that a data block holds.

    Parameters
    ----------
    family : type
        The class of the mixture.
    data : mapping
        What `stan_data` writes; or what the programs of version 0.1.0 took,
        and ``textbook.stan`` takes, where known standard deviations are
        ``sigma``; or the constants of a fit.

    Returns
    -------
    Target
        Which `stan_data` makes the same block of.

    Raises
    ------
    DataError
        If something is missing, or is no data of these programs; the message
        names it.
    """
    try:
        if family.vectors:
            return Target(model_of_vector_data(data), observed_of_vector_data(data))
        known: dict[str, Any] = {}
        for parameter in family.parameters:
            name = parameter.name
            values = data.get(f"{name}_known", data.get(name))
            some = values is not None and np.size(values) > 0
            if some and not data.get(f"n_{name}"):
                known[parameter.field] = one_or_each(values)
            else:
                numbers = data
                if some and parameter.partly is not None:
                    each = [None if value == 0.0 else float(value) for value in np.array(values)]
                    known[parameter.partly] = each
                    numbers = _of_all(name, data, np.array(values) == 0.0)
                n_estimated = int(data.get(f"n_{name}", 0))
                if _is_inflated(parameter, data) and n_estimated == int(data["K"]) - 1:
                    numbers = _of_all(name, data, np.arange(n_estimated + 1) > 0)
                # version 0.1.0 had one form of prior
                form = data.get(f"{name}_prior", parameter.priors[0].stan_prior)
                kind = next(each for each in parameter.priors if each.stan_prior == form)
                prior = kind.from_stan_data(name, numbers)
                # of what may be shared, one number each stands for a value each
                known[parameter.field] = prior if parameter.shared else brief(prior)
                if parameter.sharing is not None:
                    known[parameter.sharing] = bool(data.get(parameter.sharing, False))
                if parameter.inflated is not None:
                    known[parameter.inflated] = _is_inflated(parameter, data)
                if parameter.floor is not None:
                    # version 0.1.0 had none
                    known[parameter.floor] = float(data.get(parameter.floor, 0.0))
        y = check_points(data["y"], are_counts=family.counts)
        model = family(
            n_components=int(data["K"]) if "K" in data else int(np.size(data["alpha"])),
            weights=Dirichlet(one_or_each(data["alpha"])),
            min_weight=float(data.get("min_weight", 0.0)),
            **known,
        )
    except KeyError as error:
        raise DataError(
            f"There is no {error.args[0]}: the model is not known. Give what sample() or advi() "
            "returned, or the data block that CmdStan was given."
        ) from None
    except PystanMixError:
        raise
    except (TypeError, ValueError) as error:
        raise DataError(
            f"A number of the data block cannot be read: {error}. Give the one that CmdStan was "
            "given."
        ) from error
    target = Target(model, observations_of_block(data, y, are_counts=family.counts))
    check_unnamed(data.get("unnamed"), expected=target.unnamed)
    return target


def _is_inflated(parameter: Parameter, data: Mapping[str, Any]) -> bool:
    """Return whether the first component is at zero, where a parameter says so."""
    return parameter.inflated is not None and bool(data.get(parameter.inflated, False))
