"""Numbers, priors and names as the command line spells them."""

from pystan_mix.errors import ModelError, SettingsError
from pystan_mix.mixtures.priors import (
    Dirichlet,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    Normal,
    SigmaPrior,
)


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


def parse_means(text: str) -> Normal:
    """Return the prior that ``--means 0,10`` or ``--means 0:10:20,5`` spells.

    Raises
    ------
    ModelError
        If it is not locations, a comma and scales.

    Examples
    --------
    >>> parse_means("0:10:20,5")
    Normal(location=(0.0, 10.0, 20.0), scale=5.0)
    """
    parts = text.split(",")
    if len(parts) != 2:
        raise ModelError(
            f"--means takes LOCATION,SCALE, with colons between the values of several components "
            f"(0:10:20,5); it is {text!r}."
        )
    location, scale = (
        _one_or_each(parse_numbers(part.replace(":", ","), what="--means")) for part in parts
    )
    return Normal(location, scale)


def parse_sigma(text: str) -> SigmaPrior | float | list[float]:
    """Return the prior or the known values that ``--sigma`` spells.

    Raises
    ------
    ModelError
        If it is neither numbers nor the name of a prior with its numbers.

    Examples
    --------
    >>> parse_sigma("1.0")
    1.0
    >>> parse_sigma("half-cauchy:5")
    HalfCauchy(scale=5.0)
    >>> parse_sigma("half-student-t:3,2.5")
    HalfStudentT(df=3.0, scale=2.5)
    """
    name, colon, rest = text.partition(":")
    try:
        numbers = parse_numbers(rest if colon else text, what="--sigma")
    except ModelError:
        numbers = []
    match name if colon else None, numbers:
        case None, [_, *_]:
            return _one_or_each(numbers)
        case "half-cauchy", [_, *_]:
            return HalfCauchy(_one_or_each(numbers))
        case "half-normal", [_, *_]:
            return HalfNormal(_one_or_each(numbers))
        case "half-student-t", [df, _, *_]:
            return HalfStudentT(df, _one_or_each(numbers[1:]))
    raise ModelError(
        f"--sigma takes numbers with commas between them, half-cauchy:SCALE, half-normal:SCALE or "
        f"half-student-t:DF,SCALE; it is {text!r}."
    )
