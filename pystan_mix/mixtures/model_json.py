"""A model as JSON, so that a fit that is saved carries its own."""

import dataclasses
import json
from typing import Any

from pystan_mix.errors import DataError, ModelError
from pystan_mix.mixtures.families import FAMILIES, VECTOR_FAMILIES
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.priors import Dirichlet


def model_to_json(model: Mixture) -> str:
    """Return a model as JSON.

    Parameters
    ----------
    model : Mixture
        The model.

    Returns
    -------
    str
        One object: ``family``, then the model's fields; a prior is an object
        with its kind as the only key.

    Examples
    --------
    >>> from pystan_mix import Normal, NormalMixture
    >>> model = NormalMixture(n_components=2, means=Normal(0, 10), sigma=1.0)
    >>> model_from_json(model_to_json(model)) == model
    True
    """
    fields = {field.name: getattr(model, field.name) for field in dataclasses.fields(model)}
    return json.dumps(
        {"family": model.family} | {name: _plain(value) for name, value in fields.items()}
    )


def _plain(value: Any) -> Any:
    """Return a field's value as JSON takes it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {type(value).__name__: dataclasses.asdict(value)}
    return value


def model_from_json(text: str) -> Mixture:
    """Return the model that `model_to_json` wrote.

    Parameters
    ----------
    text : str
        JSON.

    Returns
    -------
    Mixture
        The model.

    Raises
    ------
    DataError
        If it is none; the message says why.
    """
    try:
        fields: dict[str, Any] = json.loads(text)
        family = family_called(fields.pop("family"))
        kinds: dict[str, Any] = {
            kind.__name__: kind for p in family.parameters for kind in p.priors
        }
        kinds["Dirichlet"] = Dirichlet
        for name, value in fields.items():
            if isinstance(value, dict):
                ((kind, numbers),) = value.items()
                fields[name] = kinds[kind](**numbers)
        return family(**fields)
    except (ValueError, TypeError, AttributeError, KeyError, ModelError) as error:
        raise DataError(
            f"The model that the data carry cannot be read ({type(error).__name__}: {error}). It "
            "may be that of a newer pystan_mix: update it, or fit again."
        ) from error


def family_called(name: str) -> type[Mixture]:
    """Return the class of mixtures of a family.

    Raises
    ------
    ModelError
        If there is no such family.
    """
    families = {family.family: family for family in (*FAMILIES, *VECTOR_FAMILIES)}
    if name not in families:
        raise ModelError(f"There is no family {name!r}; there are: {', '.join(families)}.")
    return families[name]
