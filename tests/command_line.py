"""The command line, in a process of its own or in this one."""

import contextlib
import io
import os
import signal
import subprocess
import sys

from pystan_mix.command.main import main

MAIN = "import sys; from pystan_mix.command.main import main; sys.exit(main())"


def run(
    *arguments: str, stdin: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line; a traceback is a failure whatever was asked."""
    result = subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=300,
    )
    assert "Traceback" not in result.stderr, result.stderr
    return result


def refused(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in this process, which takes a tenth of the time: what it refuses."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(arguments)
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert code != 0
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())
