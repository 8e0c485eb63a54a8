"""The command line in a process of its own."""

import os
import subprocess
import sys

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
