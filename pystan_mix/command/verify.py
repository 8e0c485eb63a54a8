"""What `pystan-mix verify` does, and its options."""

import argparse
import json
from pathlib import Path
from typing import Any

from pystan_mix.calibration.sbc import Calibration, calibrate
from pystan_mix.command.exit_codes import EXIT_NOT_BELIEVED, EXIT_OK
from pystan_mix.console import say, seconds_between_redraws
from pystan_mix.errors import SettingsError
from pystan_mix.files import write_json
from pystan_mix.mixtures.families.multivariate_normal import MultivariateNormalMixture
from pystan_mix.mixtures.families.negative_binomial import NegativeBinomialMixture
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.families.poisson import PoissonMixture
from pystan_mix.mixtures.families.student_t import StudentTMixture
from pystan_mix.mixtures.mixture import Mixture
from pystan_mix.mixtures.priors import Dirichlet, Gamma, Normal
from pystan_mix.mixtures.scale_priors import HalfNormal

# priors that leave components room to be close, apart and nearly empty
MODELS: dict[str, Mixture] = {
    "known": NormalMixture(n_components=3, means=Normal(0.0, 3.0), sigma=1.0),
    "normal-2": NormalMixture(n_components=2, means=Normal(0.0, 3.0), sigma=HalfNormal(1.5)),
    "normal-3": NormalMixture(
        n_components=3, weights=Dirichlet(2.0), means=Normal(0.0, 4.0), sigma=HalfNormal(1.5)
    ),
    "floor": NormalMixture(
        n_components=2, means=Normal(0.0, 3.0), sigma=HalfNormal(1.5), min_weight=0.1
    ),
    "poisson": PoissonMixture(n_components=2, means=Gamma(2.0, 0.3)),
    "zero-inflated": PoissonMixture(n_components=3, means=Gamma(2.0, 0.3), zero_inflated=True),
    "negative-binomial": NegativeBinomialMixture(
        n_components=2, means=Gamma(2.0, 0.2), phi=Gamma(3.0, 0.5)
    ),
    "student-t": StudentTMixture(n_components=2, means=Normal(0.0, 4.0), sigma=HalfNormal(1.5)),
    "vectors": MultivariateNormalMixture(
        n_components=2,
        n_dims=2,
        means=Normal(0.0, 3.0),
        scales=HalfNormal(1.5),
        min_sigma=0.0,
        # draws and truth are to be named alike
        order_by=0,
    ),
}
_OBSERVATIONS = 100
_SIMULATIONS, _QUICK = 300, 60


def add_verify_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `verify`."""
    command.add_argument(
        "--models",
        default="known,normal-2,normal-3",
        metavar="NAME,...",
        help=f"of {', '.join(MODELS)} (default: %(default)s)",
    )
    command.add_argument(
        "--quick",
        action="store_true",
        help=f"{_QUICK} data sets for each model, not {_SIMULATIONS}: some minutes, not some tens",
    )
    command.add_argument("--seed", type=int, default=1, metavar="S", help="default: %(default)s")
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="leave the ranks and a figure of each model there"
    )
    command.add_argument(
        "--json", action="store_true", help="print one JSON object in place of sentences"
    )


def verify_command(arguments: argparse.Namespace) -> int:
    """Calibrate the chosen models; print what leaves its band, or one JSON object."""
    names = arguments.models.split(",")
    unknown = [name for name in names if name not in MODELS]
    if unknown:
        raise SettingsError(
            f"There is no model {', '.join(unknown)} to verify; there are: {', '.join(MODELS)}."
        )
    simulations = _QUICK if arguments.quick else _SIMULATIONS
    found = {}
    for name in names:
        found[name] = _calibrated(name, simulations, seed=arguments.seed)
        if arguments.out is not None:
            _leave(name, found[name], arguments.out)
        if not arguments.json:
            print(_sentence(name, found[name]), flush=True)
    if arguments.json:
        print(json.dumps({name: _summary(each) for name, each in found.items()}, indent=1))
    return EXIT_OK if all(each.ok for each in found.values()) else EXIT_NOT_BELIEVED


def _calibrated(name: str, simulations: int, *, seed: int) -> Calibration:
    """Calibrate one model, with progress on standard error."""
    from tqdm import tqdm

    with tqdm(
        total=simulations, desc=name, unit=" fits", mininterval=seconds_between_redraws()
    ) as bar:
        return calibrate(
            MODELS[name],
            n=_OBSERVATIONS,
            simulations=simulations,
            seed=seed,
            on_progress=lambda done: bar.update(done - bar.n),
        )


def _leave(name: str, calibration: Calibration, out: Path) -> None:
    """Write the ranks and their figure."""
    # Matplotlib is slow to import
    from pystan_mix.figures import plot_calibration, save_figure

    write_json(out / f"{name}.json", _summary(calibration))
    save_figure(plot_calibration(calibration), out / f"{name}.png")
    say(f"Results: {out.resolve()}")


def _sentence(name: str, calibration: Calibration) -> str:
    """Say whether a model is calibrated."""
    believed = f"{calibration.believed:.0%} of the fits were called fine"
    if calibration.ok:
        return f"{name}: calibrated; {believed}."
    return f"{name}: NOT calibrated in {', '.join(calibration.outside)}; {believed}."


def _summary(calibration: Calibration) -> dict[str, Any]:
    """Return a calibration as JSON takes it."""
    return {
        "ok": calibration.ok,
        "outside": list(calibration.outside),
        "believed": calibration.believed,
        "ranks": {name: ranks.tolist() for name, ranks in calibration.ranks.items()},
    }
