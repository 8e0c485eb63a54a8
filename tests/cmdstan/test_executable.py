"""Tests of pystan_mix.cmdstan.executable: what starts, what does not, and why."""

import os
import signal
import time
from pathlib import Path

import pytest

from pystan_mix.cmdstan import executable as checking
from pystan_mix.cmdstan.executable import executable_fault


def script(folder: Path, body: str) -> Path:
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("code", [0, 1, 70])
def test_what_answers_starts(tmp_path, code):
    """A program of CmdStan's own complaint does start."""
    assert executable_fault(script(tmp_path, f"exit {code}")) == ""


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("echo libx.so: no such file >&2; exit 127", "it does not start: libx.so: no such file"),
        ("kill -ILL $$", "it does not start: was killed by signal 4 (SIGILL)"),
        ("exit 126", "it does not start: ended with exit code 126"),
    ],
)
def test_what_does_not_start_is_described(tmp_path, body, fault):
    assert executable_fault(script(tmp_path, body)) == fault


def test_what_never_answers_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(checking, "_SECONDS", 0.2)
    began = time.monotonic()
    # its child holds what it writes to
    fault = executable_fault(script(tmp_path, f"sleep 20 & echo $! > '{tmp_path}/pid'; wait"))
    assert time.monotonic() - began < 10
    assert fault == "it does not answer within 0 seconds"
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_what_is_no_program_is_described(tmp_path):
    assert executable_fault(tmp_path) == "it is a folder"
    assert "No such file" in executable_fault(tmp_path / "nothing")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert "cannot be found" in executable_fault(loop)
    empty = tmp_path / "empty"
    empty.touch(mode=0o755)
    assert "Exec format error" in executable_fault(empty)


def test_a_file_that_changes_is_looked_at_again(tmp_path):
    path = script(tmp_path, "exit 0")
    assert executable_fault(path) == ""
    path.chmod(0o644)
    assert "Permission denied" in executable_fault(path)
    path.chmod(0o755)
    assert executable_fault(path) == ""
    path.write_text("#!/bin/sh\nexit 127\n")
    assert "127" in executable_fault(path)
