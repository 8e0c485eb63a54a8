"""What `pystan-mix choose` does, and its options."""

import argparse
import json
import math
import re
from pathlib import Path
from typing import Any

from pystan_mix.checks import check_seed
from pystan_mix.command.exit_codes import EXIT_NOT_BELIEVED, EXIT_OK
from pystan_mix.command.words.data_options import add_data_options, data_from_words
from pystan_mix.command.words.fit_options import add_model_options, model_from_words
from pystan_mix.console import say
from pystan_mix.errors import SettingsError
from pystan_mix.files import write_json
from pystan_mix.fits.storage import save
from pystan_mix.selection.choose import Choice, choose_components


def add_choose_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `choose`."""
    add_data_options(command)
    command.add_argument(
        "--components",
        default="1-6",
        metavar="FROM-TO",
        help="the numbers of components: 1-6, or 2,3,5 (default: %(default)s)",
    )
    add_model_options(command)
    command.add_argument("--seed", type=int, metavar="S", help="default: a random one, printed")
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="leave choice.json, choice.png and every fit there"
    )
    command.add_argument(
        "--json", action="store_true", help="print one JSON object in place of the table"
    )


def choose_command(arguments: argparse.Namespace) -> int:
    """Fit each number of components; print a table or one JSON object."""
    numbers = parse_components(arguments.components)
    model = model_from_words(arguments, n_components=max(numbers))
    data = data_from_words(arguments)
    seed = check_seed(arguments.seed)
    choice = choose_components(
        model,
        data.observations,
        numbers,
        counts=data.counts,
        weights=data.weights,
        labels=data.labels,
        rounded_to=arguments.rounded_to,
        missing=arguments.missing,
        seed=seed,
    )
    summary = data.said_of(arguments) | {"seed": seed} | choice_summary(choice)
    if arguments.out is not None:
        # Matplotlib is slow to import
        from pystan_mix.figures import plot_choice, save_figure

        for K, fit in choice.fits.items():
            save(fit, arguments.out / f"fit-{K}.nc")
        write_json(arguments.out / "choice.json", summary)
        save_figure(plot_choice(choice), arguments.out / "choice.png")
        say(f"Results: {arguments.out.resolve()}")
    print(json.dumps(summary, indent=1) if arguments.json else choice)
    return EXIT_OK if (choice.table["use"] == "fine").all() else EXIT_NOT_BELIEVED


def parse_components(text: str) -> list[int]:
    """Return the numbers that ``--components 1-6`` or ``--components 2,3,5`` spells.

    Raises
    ------
    SettingsError
        If it is spelled otherwise.

    Examples
    --------
    >>> parse_components("1-3"), parse_components("2,5")
    ([1, 2, 3], [2, 5])
    """
    span = re.fullmatch(r"(\d+)-(\d+)", text)
    if span is not None and 1 <= int(span[1]) <= int(span[2]):
        return list(range(int(span[1]), int(span[2]) + 1))
    if re.fullmatch(r"[1-9]\d*(,[1-9]\d*)*", text):
        return sorted({int(part) for part in text.split(",")})
    raise SettingsError(
        f"--components takes FROM-TO, as 1-6, or numbers with commas between them; it is {text!r}."
    )


def choice_summary(choice: Choice) -> dict[str, Any]:
    """Return a choice as JSON takes it."""
    return {
        "sentence": choice.sentence,
        "components": {
            str(K): {name: _plain(value) for name, value in row.items()}
            for K, row in choice.table.to_dict(orient="index").items()
        },
    }


def _plain(value: Any) -> Any:
    """Return a value as JSON takes it; None for what is not finite."""
    return value if isinstance(value, str) else float(value) if math.isfinite(value) else None
