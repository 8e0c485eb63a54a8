"""CmdStan's CSV files: read, and refused unless they are whole.

Own code and not cmdstanpy's, which takes a truncated ADVI file or a draw that
is not finite in silence and cannot read ADVI without step size adaptation.
"""

import dataclasses
import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pystan_mix.errors import OutputError
from pystan_mix.numerics import FloatArray

_SETTING = re.compile(r"^#\s*(\w+)\s*=\s*(.*?)\s*(?:\(Default\))?\s*$")


@dataclasses.dataclass(frozen=True)
class StanCsv:
    """What one of CmdStan's CSV files holds.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    settings : dict of str to str
        CmdStan's arguments by name, as it wrote them.
    names : tuple of str
        The columns' names, such as ``mu.1``.
    rows : ndarray, shape (rows, columns)
        The numbers. ADVI's first row is no draw: see `draws` and `mean_row`.
    """

    path: Path
    settings: dict[str, str]
    names: tuple[str, ...]
    rows: FloatArray

    @property
    def method(self) -> str:
        """CmdStan's method: ``sample``, ``variational`` or ``generate_quantities``."""
        return self.settings.get("method", "")

    @property
    def draws(self) -> FloatArray:
        """The draws: all rows, but for ADVI's first and for warm-up that was saved."""
        if self.method == "variational":
            return np.asarray(self.rows[1:])
        if self.settings.get("save_warmup") in {"1", "true"}:
            return np.asarray(self.rows[_rows_of(self.settings, "num_warmup") :])
        return self.rows

    @property
    def mean_row(self) -> FloatArray:
        """ADVI's first row: the variational mean mapped to the constrained space."""
        return np.asarray(self.rows[0])

    def variable(self, name: str) -> FloatArray:
        """Return the draws of one variable.

        Parameters
        ----------
        name : str
            A scalar's name, or a vector's without its index.

        Returns
        -------
        ndarray, shape (draws,) for a scalar or (draws, size) for a vector
            The draws; size 0 where there is no such column.
        """
        if name in self.names:
            return np.asarray(self.draws[:, self.names.index(name)])
        return np.asarray(self.draws[:, self.columns(name)])

    def columns(self, name: str) -> slice:
        """Return where the elements of a vector stand among the columns."""
        found = [i for i, column in enumerate(self.names) if column.startswith(f"{name}.")]
        return slice(found[0], found[-1] + 1) if found else slice(0, 0)


def read_stan_csv(path: Path) -> StanCsv:
    """Read one CSV file of CmdStan's methods sample, variational or generate_quantities.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    StanCsv
        Its settings and numbers.

    Raises
    ------
    OutputError
        If the file is missing or empty, a row is cut off, there are fewer or
        more rows than were asked for, or a number is not finite.
    """
    try:
        comments, table = _parted(path.read_bytes())
    except OSError as error:
        raise OutputError(
            f"CmdStan's output {path} cannot be read: {error.strerror}. Check its name, or "
            "run the fit again."
        ) from error
    settings = _settings([line.decode("utf-8", "replace") for line in comments])
    head, _, body = table.partition(b"\n")
    if not head.strip():
        raise OutputError(
            f"CmdStan's output {path} holds no draws: it was stopped before it wrote any. "
            "Run the fit again."
        )
    try:
        expected = _expected_rows(settings)
    except (KeyError, ValueError) as error:
        raise OutputError(
            f"{path} is no whole output of CmdStan's sample, variational or generate_quantities: "
            f"its settings do not fit ({error!r}). Check its name."
        ) from error
    names = tuple(head.decode("utf-8", "replace").strip().split(","))
    rows = _numbers(path, body, columns=len(names))
    if expected is not None and len(rows) != expected:
        raise OutputError(
            f"CmdStan's output {path} has {len(rows)} rows where {expected} were asked for: it is "
            "truncated or was written twice. Check the free space on the disk and run it again."
        )
    if not np.isfinite(rows).all():
        bad = np.argwhere(~np.isfinite(rows))
        row, column = bad[0]
        raise OutputError(
            f"CmdStan's output {path} is not finite: {names[column]} is {rows[row, column]} in "
            f"row {row + 1} ({len(bad)} such numbers). Check the priors' scales against the data, "
            "or use another seed."
        )
    return StanCsv(path=path, settings=settings, names=names, rows=rows)


def read_elbo_history(path: Path) -> FloatArray:
    """Read ADVI's diagnostic file.

    Parameters
    ----------
    path : pathlib.Path
        The file that CmdStan's ``output diagnostic_file=`` named.

    Returns
    -------
    ndarray, shape (evaluations, 3)
        Iteration, seconds and ELBO of each evaluation.

    Raises
    ------
    OutputError
        If the file is missing or a row is cut off.
    """
    try:
        _, table = _parted(path.read_bytes())
    except OSError as error:
        raise OutputError(f"ADVI's history {path} cannot be read: {error.strerror}.") from error
    lines = table.splitlines(keepends=True)
    return _numbers(path, b"".join(x for x in lines if not x[:1].isalpha()), columns=3)


def _settings(comments: Sequence[str]) -> dict[str, str]:
    """Return CmdStan's arguments by name, from its comment lines."""
    settings: dict[str, str] = {}
    for match in filter(None, (_SETTING.match(line) for line in comments)):
        # a method's own settings stand before those of its parts that have the same name
        settings.setdefault(match[1], match[2])
    return settings


def _parted(content: bytes) -> tuple[list[bytes], bytes]:
    """Part a file into its comment lines and all other lines, without touching each row."""
    comments, others = [], []
    start = at = 0
    # one character, since that is found ten times as fast as two
    while (at := content.find(b"#", at)) >= 0:
        if content[max(0, at - 1) : at] in {b"", b"\n"}:
            others.append(content[start:at])
            start = content.find(b"\n", at) + 1 or len(content)
            comments.append(content[at:start].rstrip(b"\n"))
            at = start
        else:
            at += 1
    others.append(content[start:])
    return comments, b"".join(part for part in others if not part.isspace()).lstrip(b"\n")


def _numbers(path: Path, body: bytes, *, columns: int) -> FloatArray:
    """Return rows of comma-separated numbers; refuse a row that is cut off."""
    if not body.strip():
        return np.empty((0, columns))
    rows: FloatArray | None = None
    fault = "a row is cut off"
    if body.endswith(b"\n"):
        try:
            rows = np.loadtxt(io.BytesIO(body), delimiter=",", ndmin=2)
        except ValueError as error:
            fault = str(error)
    if rows is not None and rows.shape[1] == columns:
        return rows
    for number, line in enumerate(body.splitlines(keepends=True), start=1):
        if line.count(b",") != columns - 1 or not line.endswith(b"\n"):
            raise OutputError(
                f"CmdStan's output {path} is cut off in row {number}: it has "
                f"{line.count(b',') + 1} of {columns} columns. Check the free space on the disk "
                "and run the fit again."
            )
    raise OutputError(f"CmdStan's output {path} is damaged: {fault}. Run the fit again.")


def _expected_rows(settings: dict[str, str]) -> int | None:
    """Return how many rows CmdStan was asked for, or None if that is not in the file."""
    method = settings["method"]
    if method == "variational":
        # the variational mean stands before the draws
        return int(settings["output_samples"]) + 1
    if method == "generate_quantities":
        return None
    if method != "sample":
        raise ValueError(f"method = {method}")
    rows = _rows_of(settings, "num_samples")
    if settings.get("save_warmup") in {"1", "true"}:
        rows += _rows_of(settings, "num_warmup")
    return rows


def _rows_of(settings: dict[str, str], name: str) -> int:
    """Return how many rows a number of iterations leaves after thinning."""
    return -(-int(settings[name]) // int(settings.get("thin", "1")))
