"""Whether a compiled Stan program starts on this machine."""

import functools
import stat
import subprocess
from pathlib import Path

from pystan_mix.cmdstan.processes import describe_exit

# it says in milliseconds how it was compiled
_SECONDS = 30.0


def executable_fault(executable: Path) -> str:
    """Say why a compiled program cannot be used; nothing if it starts.

    Parameters
    ----------
    executable : pathlib.Path
        The program.

    Returns
    -------
    str
        A clause without a full stop, or the empty string.
    """
    try:
        found = executable.stat()
    except OSError as error:
        return f"it cannot be found: {error.strerror}"
    if stat.S_ISDIR(found.st_mode):
        return "it is a folder"
    return _starting_fault(executable, found.st_ino, found.st_ctime_ns)


@functools.lru_cache(maxsize=64)
def _starting_fault(executable: Path, _file: int, _changed: int) -> str:
    """Start a program, once for each file, and say why it does not."""
    try:
        with subprocess.Popen(
            [executable, "info"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as started:
            try:
                _, said = started.communicate(timeout=_SECONDS)
            except BaseException:
                started.kill()
                raise
    except subprocess.TimeoutExpired:
        return f"it does not answer within {_SECONDS:.0f} seconds"
    except OSError as error:
        return f"it does not start: {error.strerror}"
    # where a library is missing the loader ends with 127; other codes are CmdStan's own
    if 0 <= started.returncode < 126:
        return ""
    words = said.decode("utf-8", "replace").strip() or describe_exit(started.returncode)
    return f"it does not start: {words}"
