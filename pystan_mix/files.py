"""Files that appear only when whole, and locks that let work be done once."""

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pystan_mix.errors import SettingsError


@contextlib.contextmanager
def written_whole(path: Path, *, elsewhere: str = "choose another folder") -> Iterator[Path]:
    """Give a temporary name to write to, moved to `path` if the block succeeds.

    What stands under `path` is the old file or the whole new one, never a part.

    Parameters
    ----------
    path : pathlib.Path
        The final name; missing parent folders are made.
    elsewhere : str
        How to choose another folder, for the error's message.

    Yields
    ------
    pathlib.Path
        A name in the same folder, with the same suffix.

    Raises
    ------
    SettingsError
        If the folder cannot be made or written to, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"The folder {path.parent} cannot be made: {error.strerror or error}. "
            "Choose another folder."
        ) from error
    if not os.access(path.parent, os.W_OK):
        raise SettingsError(
            f"The folder {path.parent} is not writable. Choose another folder, or change its mode."
        )
    partial = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.partial{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        raise not_written(path, error, elsewhere=elsewhere) from error
    finally:
        partial.unlink(missing_ok=True)


def not_written(
    path: Path, error: OSError, *, elsewhere: str = "choose another folder"
) -> SettingsError:
    """Return the error that says what could not be written, why, and what else can be done."""
    return SettingsError(
        f"{path} cannot be written: {error.strerror or error}. Free space there, or {elsewhere}."
    )


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file, whole or not at all."""
    with written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a mapping as indented JSON, whole or not at all."""
    write_text(path, json.dumps(content, indent=1) + "\n")


@contextlib.contextmanager
def locked(path: Path, *, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold an exclusive lock between processes while the block runs.

    The operating system frees the lock when its holder ends, however it ends.

    Parameters
    ----------
    path : pathlib.Path
        The lock file; made if missing, never deleted.
    on_wait : callable, optional
        Called once, without arguments, if another process holds the lock.

    Raises
    ------
    SettingsError
        If the lock file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("w")
    except OSError as error:
        raise SettingsError(
            f"The folder {path.parent} cannot be used: {error.strerror}. If it is the cache, set "
            "PYSTAN_MIX_CACHE to another folder."
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if on_wait is not None:
                on_wait()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def cache_dir() -> Path:
    """Return the user's cache folder of this package (it need not exist).

    `$PYSTAN_MIX_CACHE` if set, else `pystan_mix` under `$XDG_CACHE_HOME` or
    `~/.cache`.
    """
    own = os.environ.get("PYSTAN_MIX_CACHE")
    if own:
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "pystan_mix"
