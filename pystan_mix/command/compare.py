"""What `pystan-mix compare` does."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from pystan_mix.arviz_compat import Fit
from pystan_mix.command.exit_codes import EXIT_CODE_OF_COMPARISON
from pystan_mix.command.words.spelling import parse_names
from pystan_mix.comparison.compare import compare
from pystan_mix.comparison.result import comparison_summary
from pystan_mix.console import say
from pystan_mix.data_files import read_observations
from pystan_mix.errors import SettingsError
from pystan_mix.files import write_json
from pystan_mix.fits.storage import load, save
from pystan_mix.inference.nuts import sample
from pystan_mix.study.data_sets import DATA_SETS, data_file
from pystan_mix.with_pymc.sample import sample_pymc


def compare_command(arguments: argparse.Namespace) -> int:
    """Compare posteriors from files, or Stan's with PyMC's; print a table or one JSON object."""
    names = {} if arguments.names is None else parse_names(arguments.names)
    data = _live(arguments) if arguments.live else _from_files(arguments)
    comparison = compare(data, names=names)
    summary = comparison_summary(comparison)
    if arguments.out is not None:
        # Matplotlib is slow to import
        from pystan_mix.figures import plot_comparison, save_figure

        if arguments.live:
            for name, fit in data.items():
                save(fit, arguments.out / f"{name.lower()}.nc")
        write_json(arguments.out / "comparison.json", summary)
        save_figure(plot_comparison(comparison), arguments.out / "comparison.png")
        say(f"Results: {arguments.out.resolve()}")
    print(json.dumps(summary, indent=1) if arguments.json else comparison)
    return EXIT_CODE_OF_COMPARISON[comparison.verdict]


def _from_files(arguments: argparse.Namespace) -> dict[str, Fit]:
    """Read the files, each under its name."""
    if arguments.model is not None or arguments.data_file is not None:
        raise SettingsError("--model and --data are for --live, which runs Stan and PyMC.")
    if len(arguments.data) < 2:
        raise SettingsError(
            f"Give two files or more to compare; there are {len(arguments.data)}. "
            "Or let Stan and PyMC run now: --live --model close"
        )
    return {name: load(path) for name, path in _named(arguments.data).items()}


def _named(words: Sequence[str]) -> dict[str, Path]:
    """Return files by name: the one given before an equals sign, or the file's own."""
    named: dict[str, Path] = {}
    for word in words:
        name, equals, rest = word.partition("=")
        path = Path(rest if equals and not Path(word).exists() else word)
        if path == Path(word):
            name = path.stem if path.stem not in named else str(path)
        if name in named:
            raise SettingsError(f"Two files are called {name}. Name them: A={named[name]} B={path}")
        named[name] = path
    return named


def _live(arguments: argparse.Namespace) -> dict[str, Fit]:
    """Fit one of the study's models by Stan and by PyMC."""
    if arguments.data or arguments.model is None:
        raise SettingsError("--live takes no files, and needs --model close or --model separated.")
    (data_set,) = (each for each in DATA_SETS if each.name == arguments.model)
    y = read_observations(arguments.data_file or data_file(data_set, None))
    fits = {}
    # PyMC first: where it is missing, nothing has been waited for
    for name, draw in (("PyMC", sample_pymc), ("Stan", sample)):
        say(f"{name}, {arguments.chains} chains ...")
        fits[name] = draw(
            data_set.model,
            y,
            chains=arguments.chains,
            iter_warmup=arguments.iter_warmup,
            iter_sampling=arguments.iter_sampling,
            adapt_delta=arguments.adapt_delta,
            seed=arguments.seed,
        )
    return {"Stan": fits["Stan"], "PyMC": fits["PyMC"]}
