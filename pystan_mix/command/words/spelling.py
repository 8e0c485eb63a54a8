"""Numbers, priors and names as the command line spells them."""

import dataclasses
import re
from typing import Any, cast

from pystan_mix.errors import ModelError, SettingsError
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.numbers import Numbers
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.priors import Dirichlet, Prior
from pystan_mix.stats.transforms import POSITIVE

_KNOWN, _UNKNOWN = "known", "unknown"


def parse_numbers(text: str, *, what: str) -> list[float]:
    """Return the numbers of a list such as ``0,10,20``.

    Raises
    ------
    ModelError
        If a part is not a number.

    Examples
    --------
    >>> parse_numbers("0,10,20", what="--mu")
    [0.0, 10.0, 20.0]
    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ModelError(
            f"{what} takes numbers with commas between them; it is {text!r}."
        ) from None


def parse_some_numbers(text: str, *, what: str) -> list[float | None]:
    """Return the numbers of a list such as ``1,unknown,2``, and None of what is not known.

    Raises
    ------
    ModelError
        If a part is neither a number nor that word.

    Examples
    --------
    >>> parse_some_numbers("1,unknown", what="--known-sigma")
    [1.0, None]
    """
    try:
        return [None if part == _UNKNOWN else float(part) for part in text.split(",")]
    except ValueError:
        raise ModelError(
            f"{what} takes numbers, or the word {_UNKNOWN}, with commas between them; it is "
            f"{text!r}."
        ) from None


def parse_names(text: str) -> dict[str, str]:
    """Return the names that ``--names p=theta,means=mu`` spells.

    Raises
    ------
    SettingsError
        If a part is not two names with an equals sign between them.

    Examples
    --------
    >>> parse_names("p=theta,means=mu")
    {'p': 'theta', 'means': 'mu'}
    """
    pairs = [part.split("=") for part in text.split(",")]
    if any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise SettingsError(
            f"--names takes THEIRS=OURS with commas between, as p=theta,means=mu; it is {text!r}."
        )
    return {theirs.strip(): ours.strip() for theirs, ours in pairs}


def _one_or_each(numbers: list[float]) -> float | list[float]:
    """Return one number for all components, or the list."""
    return numbers[0] if len(numbers) == 1 else numbers


def parse_weights(text: str) -> Dirichlet:
    """Return the prior that ``--weights 2`` or ``--weights 1,2,3`` spells.

    Examples
    --------
    >>> parse_weights("2")
    Dirichlet(concentration=2.0)
    """
    return Dirichlet(_one_or_each(parse_numbers(text, what="--weights")))


def parse_parameter(parameter: Parameter, text: str, *, family: type[Mixture]) -> Prior | Numbers:
    """Return the prior, or the known values, that an option of a parameter spells.

    Parameters
    ----------
    parameter : Parameter
        The parameter.
    text : str
        ``half-cauchy:5``, or numbers that are known. Of what is ordered numbers
        are those of its prior, ``0,10`` or ``0:10:20,5``, and ``known:0,10``
        are known.
    family : type
        The class of the mixture.

    Returns
    -------
    Prior, float or list of float
        What the model takes.

    Raises
    ------
    ModelError
        If it is spelled otherwise, or the family has no such parameter.

    Examples
    --------
    >>> from pystan_mix import NormalMixture
    >>> means, sigma = NormalMixture.parameters
    >>> parse_parameter(means, "0:10:20,5", family=NormalMixture)
    Normal(location=(0.0, 10.0, 20.0), scale=5.0)
    >>> parse_parameter(sigma, "half-cauchy:5", family=NormalMixture)
    HalfCauchy(scale=5.0)
    >>> parse_parameter(means, "known:0,10,20", family=NormalMixture)
    [0.0, 10.0, 20.0]
    """
    option = f"--{parameter.field}"
    if parameter not in family.parameters:
        having = ", ".join(f"--{each.field}" for each in family.parameters)
        raise ModelError(f"{option} is not for --family {family.family}, which has {having}.")
    word, colon, rest = text.partition(":")
    kinds = {_word(kind): kind for kind in parameter.priors}
    known = bool(colon) and word == _KNOWN
    if colon and word in kinds:
        kind, parts = kinds[word], rest.split(",")
        last = len(_fields(kind)) - 1
        # of several numbers for the last one, each component has one
        parts = [*parts[:last], ":".join(parts[last:])]
    elif known or not parameter.ordered:
        kind, parts = None, [(rest if known else text).replace(",", ":")]
    else:
        kind, parts = parameter.priors[0], text.split(",")
    try:
        values = [
            _one_or_each(parse_numbers(part.replace(":", ","), what=option)) for part in parts
        ]
    except ModelError:
        values = []
    if kind is None and values:
        return values[0]
    if kind is not None and len(values) == len(_fields(kind)):
        return kind(*values)
    raise ModelError(f"{option} takes {spelled(parameter)}; it is {text!r}.")


def spelled(parameter: Parameter) -> str:
    """Return how an option of a parameter is spelled.

    Examples
    --------
    >>> from pystan_mix import NormalMixture
    >>> spelled(NormalMixture.parameters[1]).split(", ")[1]
    'half-cauchy:SCALE'
    """
    forms = [f"{_word(kind)}:{','.join(_fields(kind))}" for kind in parameter.priors]
    if parameter.ordered:
        (kind,) = parameter.priors
        minus = (
            ""
            if parameter.space is POSITIVE
            else (f", and --{parameter.field}=-5,10 where it begins with a minus")
        )
        return (
            f"{','.join(_fields(kind))} of a {_word(kind)} prior, with colons between the values "
            f"of several components (0:10:20,5){minus}; or {_KNOWN}:NUMBERS, with commas between "
            "them"
        )
    *others, last = ["numbers with commas between them", *forms]
    return f"{', '.join(others)} or {last}"


def _fields(kind: type[Prior]) -> list[str]:
    """Return the numbers of a prior in capitals."""
    return [field.name.upper() for field in dataclasses.fields(cast(Any, kind))]


def _word(kind: type[Prior]) -> str:
    """Return a prior's name in small letters: half-student-t."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower()
