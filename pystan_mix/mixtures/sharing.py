"""Values that components share, or that are known of some of them: checked."""

from typing import TYPE_CHECKING

from pystan_mix.errors import ModelError
from pystan_mix.mixtures.numbers import differ_by_component, set_some_numbers
from pystan_mix.mixtures.parameter import Parameter

if TYPE_CHECKING:
    from pystan_mix.mixtures.mixture import Mixture


def check_sharing(model: "Mixture", parameter: Parameter, field: str) -> None:
    """Refuse one value for all components where there is another for each, or a known one."""
    shared, value = getattr(model, field), getattr(model, parameter.field)
    if not isinstance(shared, bool):
        raise ModelError(f"{field} must be True or False; it is {shared!r}.")
    one = value is None or (isinstance(value, parameter.priors) and not differ_by_component(value))
    if shared and not one:
        raise ModelError(
            f"{field} is for one value that is estimated, by a prior with one number for all "
            f"components such as {parameter.example}; {parameter.field} is {value!r}. Leave "
            "one of the two out."
        )


def check_partly(model: "Mixture", parameter: Parameter, field: str) -> None:
    """Refuse values known of some components where the others' are known too, or shared."""
    if getattr(model, field) is None:
        return
    set_some_numbers(model, field)
    value = getattr(model, parameter.field)
    estimated = value is None or isinstance(value, parameter.priors)
    if model.may_share(parameter) or not estimated:
        raise ModelError(
            f"{field} is for components that each have their own, some of them estimated, by "
            f"a prior such as {parameter.example}; {parameter.field} is {value!r}, and "
            f"{parameter.sharing} {model.may_share(parameter)}. Leave one of the two out."
        )
