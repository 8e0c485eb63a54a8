"""Ctrl-C in the midst of a command that runs PyMC."""

import os
import signal
import subprocess
import threading
from collections.abc import Sequence


def interrupted(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command, interrupt it when PyMC's chains begin, and return how it ended.

    The whole process group gets the signal, as from a terminal.
    """
    command = subprocess.Popen(
        argv,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    overdue = threading.Timer(120, command.kill)
    overdue.start()
    try:
        # said when the chains begin; at full length they take minutes
        while (line := command.stderr.readline()) and not line.startswith("NUTS: ["):
            pass
        assert line
        os.killpg(command.pid, signal.SIGINT)
        stdout, stderr = command.communicate()
    finally:
        overdue.cancel()
        command.kill()
    return subprocess.CompletedProcess(argv, command.returncode, stdout, stderr)
