"""Temporary folders; what a run that was killed has left of them is removed by the next."""

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pystan_mix.files import not_written

# what helps where a temporary file cannot be written
ELSEWHERE = "set TMPDIR to another folder"
# a folder is lost to another run's cleaning within microseconds only, so hardly once
_TRIES = 10
_NO_LOCKS = {errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}


@contextlib.contextmanager
def temporary_folder(parent: Path | None = None) -> Iterator[Path]:
    """Make a folder that is removed when the block ends, or by the next run if this is killed.

    A lock on the folder says that its process lives. The operating system frees
    it with the process, however that ends.

    Parameters
    ----------
    parent : pathlib.Path, optional
        The folder that it is made in; by default the system's for temporary files.

    Yields
    ------
    pathlib.Path
        The folder.

    Raises
    ------
    SettingsError
        If it cannot be made, for example where the disk is full.
    """
    parent = default_parent() if parent is None else parent
    prefix = _prefix()
    _remove_left(parent, prefix)
    for _ in range(_TRIES):
        try:
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        except OSError as error:
            raise not_written(parent, error, elsewhere=ELSEWHERE) from error
        try:
            with _held(folder):
                if folder.is_dir():
                    yield folder
                    return
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    lost = FileNotFoundError("others remove each folder that is made")
    raise not_written(parent, lost, elsewhere=ELSEWHERE)


def default_parent() -> Path:
    """Return the system's folder for temporary files.

    Raises
    ------
    SettingsError
        If none can be written to.
    """
    try:
        return Path(tempfile.gettempdir())
    except OSError as error:
        where = Path(os.environ.get("TMPDIR", "/tmp"))  # noqa: S108
        raise not_written(where, error, elsewhere=ELSEWHERE) from error


def _prefix() -> str:
    """Return what the names begin with: this host's own, for locks may not reach another."""
    host = hashlib.sha256(os.uname().nodename.encode()).hexdigest()[:8]
    return f"pystan_mix-{host}-"


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a folder's lock, where its file system has locks: without one nobody removes it."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(FileNotFoundError):  # another run was faster
            descriptor = stack.enter_context(_opened(folder))
            _lock(descriptor, fcntl.LOCK_EX)
        yield


def _remove_left(parent: Path, prefix: str) -> None:
    """Remove this user's folders whose processes have ended."""
    for folder in parent.glob(f"{prefix}*"):
        # gone meanwhile, a link, another user's, or held by a process that lives
        with contextlib.suppress(OSError), _opened(folder) as descriptor:
            if os.fstat(descriptor).st_uid == os.geteuid() and _lock(
                descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB
            ):
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """Open a folder, and no link to one."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, how: int) -> bool:
    """Lock what is open; say whether it is locked, which some file systems do for no folder."""
    try:
        fcntl.flock(descriptor, how)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return False
    return True
