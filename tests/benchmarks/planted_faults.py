"""Whether simulation-based calibration finds faults that are planted in the posterior.

    python tests/benchmarks/planted_faults.py

fits 150 data sets from a model's own prior by NUTS, with its defaults, and gives the ranks of the
truth among draws that a fault would have left: it prints what leaves its band, a row for each
fault, and the first row, without one, is to have nothing. It takes a quarter of an hour.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

import pystan_mix as pmix
from pystan_mix.arviz_compat import Fit, attributes, group, group_names, to_arviz
from pystan_mix.calibration.sbc import FitOne, calibrate
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.numerics import FloatArray

MODEL = pmix.NormalMixture(n_components=2, means=pmix.Normal(0.0, 3.0), sigma=pmix.HalfNormal(1.5))
SIMULATIONS = 150
# few, so that the prior, its Jacobian and each observation count
N = 12


def sampled(model: Mixture, y: FloatArray, seed: int) -> Fit:
    """Fit with the defaults."""
    return pmix.sample(model, y, seed=seed, predictive_draws=0, show_progress=False)


def of_other_data(model: Mixture, y: FloatArray, seed: int) -> Fit:
    """Drop the first three observations."""
    return sampled(model, y[3:], seed)


def with_doubled_prior_scale(_: Mixture, y: FloatArray, seed: int) -> Fit:
    """Double the scale of the sds' prior."""
    return sampled(dataclasses.replace(MODEL, sigma=pmix.HalfNormal(3.0)), y, seed)


def with_a_floor(model: Mixture, y: FloatArray, seed: int) -> Fit:
    """Put a floor under the weights that is not in the prior."""
    return sampled(dataclasses.replace(model, min_weight=0.2), y, seed)


def without_jacobian(model: Mixture, y: FloatArray, seed: int) -> Fit:
    """Leave out the Jacobian of the sds' logarithms: resample by its inverse."""
    fit = sampled(model, y, seed)
    sigma = group(fit, "posterior")["sigma"].transpose("chain", "draw", "component").values
    weights = 1.0 / sigma.prod(axis=-1).ravel()
    rng = np.random.default_rng(seed)
    picks = rng.choice(weights.size, weights.size, p=weights / weights.sum())
    return changed(fit, lambda _, x: x.reshape(weights.size, -1)[picks].reshape(x.shape))


def with_sds_that_do_not_follow(model: Mixture, y: FloatArray, seed: int) -> Fit:
    """Sort the means, and leave the sds where they were: in half of the draws."""
    half = np.random.default_rng(seed).random((4, 1000)) < 0.5

    def swapped(name: str, x: FloatArray) -> FloatArray:
        return np.where(half[..., None], x[..., ::-1], x) if name == "sigma" else x

    return changed(sampled(model, y, seed), swapped)


def changed(fit: Fit, change: Callable[[str, FloatArray], FloatArray]) -> Fit:
    """Return a fit with other draws of each parameter, arrays of shape (chain, draw, component)."""
    posterior = group(fit, "posterior").transpose("chain", "draw", "component")
    new = posterior.assign(
        {str(n): (x.dims, change(str(n), x.values)) for n, x in posterior.data_vars.items()}
    )
    groups = {name: group(fit, name) for name in group_names(fit)}
    return to_arviz(groups | {"posterior": new}, attrs=attributes(fit))


FAULTS: dict[str, FitOne] = {
    "none": sampled,
    "a missing Jacobian": without_jacobian,
    "three observations of 12 dropped": of_other_data,
    "sds that do not follow their sorted means": with_sds_that_do_not_follow,
    "a doubled prior scale": with_doubled_prior_scale,
    "a floor that is not in the prior": with_a_floor,
}


def main() -> None:
    """Print the table."""
    print("| fault | outside their bands |\n|---|---|")
    for name, fit in FAULTS.items():
        found = calibrate(MODEL, n=N, simulations=SIMULATIONS, seed=1, fit=fit)
        print(f"| {name} | {', '.join(found.outside) or 'nothing'} |", flush=True)


if __name__ == "__main__":
    main()
