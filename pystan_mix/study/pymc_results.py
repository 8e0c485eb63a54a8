"""What PyMC says of the data sets, read from a file: no PyMC is needed for a comparison."""

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from pystan_mix.errors import DataError
from pystan_mix.resources import resource_dir

REFERENCE_FILE = "pymc_reference.json"

# the notebook's names; its elements are counted from 0
_NOTEBOOK_NAMES = {"p": "theta", "means": "mu", "sds": "sigma"}
_ORDER = ("theta", "mu", "sigma")
_ABOUT = "about"
_COLUMNS = ("mean", "sd", "mcse_mean", "mcse_sd", "q05", "q50", "q95", "ess_bulk", "r_hat")


@dataclasses.dataclass(frozen=True)
class PymcReference:
    """What PyMC says of one data set.

    Parameters
    ----------
    table : pandas.DataFrame
        A row for each parameter, named as in Stan from 1 (``mu[1]``); columns
        as in the file, of which `mean`, `sd`, `mcse_mean`, `mcse_sd`, `q05`,
        `q50`, `q95`, `ess_bulk` and `r_hat` are always there.
    seconds : float or None
        PyMC's sampling time, without compiling, where the file has it.
    loss, loss_mcse : float or None
        ADVI's loss (minus the ELBO, in nats) and its Monte Carlo error, where
        the file has them.
    about : mapping
        Settings, seed, date and versions, where the file has them.
    """

    table: pd.DataFrame
    seconds: float | None
    loss: float | None
    loss_mcse: float | None
    about: Mapping[str, Any]


def read_pymc_reference(path: str | Path | None = None) -> dict[str, PymcReference]:
    """Read PyMC's results.

    Parameters
    ----------
    path : str or pathlib.Path, optional
        A file that ``python tests/benchmarks/pymc_reference.py`` wrote, or one of
        the same kind with the notebook's names (``p[0]``, ``means[0]``,
        ``sds[0]``), which become ours (``theta[1]``, ``mu[1]``,
        ``sigma[1]``). By default the results on the shipped data sets.

    Returns
    -------
    dict of str to PymcReference
        By the data set's name: ``close`` and ``separated``.

    Raises
    ------
    DataError
        If the file is missing or is not of this kind.

    Examples
    --------
    >>> import tempfile
    >>> numbers = dict.fromkeys(_COLUMNS, 1.0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "reference.json"
    ...     _ = path.write_text(json.dumps({"close": {"p[0]": numbers, "means[0]": numbers}}))
    ...     list(read_pymc_reference(path)["close"].table.index)
    ['theta[1]', 'mu[1]']
    """
    path = resource_dir("data") / REFERENCE_FILE if path is None else Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        about = content.get(_ABOUT, {})
        return {name: _reference(entry, about) for name, entry in content.items() if name != _ABOUT}
    except FileNotFoundError:
        raise DataError(
            f"There is no file {path}. Write it where PyMC is installed: "
            "python tests/benchmarks/pymc_reference.py --out FILE"
        ) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} does not hold PyMC's results ({type(error).__name__}: {error}). Write it "
            "anew: python tests/benchmarks/pymc_reference.py --out FILE"
        ) from error


def _reference(entry: Mapping[str, Any], about: Mapping[str, Any]) -> PymcReference:
    """Return a data set's results; the notebook's kind of file holds the parameters alone."""
    parameters = entry.get("parameters", entry)
    rows = {_our_name(name): row for name, row in parameters.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", dtype="float64")
    missing = [column for column in _COLUMNS if column not in table or table[column].isna().any()]
    if missing:
        raise ValueError(f"no {', '.join(missing)}")
    advi = entry.get("advi", {})
    return PymcReference(
        table=table.loc[sorted(table.index, key=_position)],
        seconds=entry.get("seconds"),
        loss=advi.get("loss"),
        loss_mcse=advi.get("loss_mcse"),
        about=about,
    )


def _our_name(name: str) -> str:
    """Return a parameter's name here, counted from 1."""
    base, index = _split(name)
    return f"{_NOTEBOOK_NAMES[base]}[{index + 1}]" if base in _NOTEBOOK_NAMES else name


def _position(name: str) -> tuple[int, int]:
    """Return where a parameter stands in a table."""
    base, index = _split(name)
    return _ORDER.index(base), index


def _split(name: str) -> tuple[str, int]:
    """Return the name and the index of ``mu[1]``."""
    match = re.fullmatch(r"(\w+)\[(\d+)\]", name)
    if match is None or match[1] not in {*_ORDER, *_NOTEBOOK_NAMES}:
        raise ValueError(f"{name!r} is no element of a parameter")
    return match[1], int(match[2])
