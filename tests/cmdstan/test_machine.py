"""Tests of pystan_mix.cmdstan.machine: make, compilers and disks, good ones and bad ones."""

from pathlib import Path

import pytest

from pystan_mix.cmdstan.locate import CmdStan
from pystan_mix.cmdstan.machine import Check, check_compiler, check_make, check_space


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("CXX", "MAKE"):
        monkeypatch.delenv(name, raising=False)


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.usefixtures("gxx")
def test_a_working_compiler(monkeypatch):
    monkeypatch.setenv("CXX", "g++ -O0")
    check = check_compiler()
    assert check.ok
    assert check.found.startswith("g++")


def test_a_missing_compiler(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler -O2")
    check = check_compiler()
    assert not check.ok
    assert check.found == "no-such-compiler -O2 does not run"
    assert "apt-get install g++ make" in check.remedy
    assert "unset $CXX" in check.remedy


def test_a_compiler_that_cannot_compile(monkeypatch, tmp_path):
    broken = script(
        tmp_path / "c++",
        '[ "$1" = --version ] && echo "broken 1.0" && exit\necho "cmath: No such file" >&2; exit 1',
    )
    monkeypatch.setenv("CXX", str(broken))
    check = check_compiler()
    assert not check.ok
    assert "broken 1.0" in check.found
    assert check.found.endswith("cmath: No such file")


@pytest.mark.usefixtures("make")
def test_the_compiler_that_cmdstan_is_told_to_use(tmp_path):
    (tmp_path / "makefile").write_text("CXX = other-compiler\nprint-%: ; @echo $* = $($*)\n")
    check = check_compiler(cmdstan=CmdStan(tmp_path, (2, 27, 0)))
    assert check.found == "other-compiler does not run"


def test_make_is_the_one_of_the_environment(monkeypatch, tmp_path):
    make = script(tmp_path / "gmake", "echo GNU Make 9.9; echo more")
    monkeypatch.setenv("MAKE", str(make))
    assert check_make() == Check("make", ok=True, found="GNU Make 9.9", remedy="")


def test_a_missing_make(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    check = check_make()
    assert not check.ok
    assert check.found == "make does not run"
    assert "xcode-select --install" in check.remedy


def test_space_of_a_folder_that_does_not_exist_yet(tmp_path):
    check = check_space("cache folder", tmp_path / "a" / "b", needed_bytes=1)
    assert check.ok
    assert f"{tmp_path / 'a' / 'b'}, " in check.found
    assert list(tmp_path.iterdir()) == []


def test_too_little_space(tmp_path):
    check = check_space("cache folder", tmp_path, needed_bytes=10**18)
    assert not check.ok
    assert "Free 1000000000.0 GB" in check.remedy


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    check = check_space("cache folder", tmp_path / "file" / "sub", needed_bytes=1)
    assert not check.ok
    assert "cannot be written to" in check.found
    assert str(tmp_path / "file") in check.remedy
