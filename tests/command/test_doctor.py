"""Tests of pystan_mix.command.doctor: what it finds, and what it says about what is missing."""

import shutil
from pathlib import Path

import pytest

from pystan_mix.cmdstan.locate import CmdStan
from pystan_mix.command import doctor
from pystan_mix.command.doctor import Check, check_compiler, check_make, check_space


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("CXX", "MAKE", "CMDSTAN"):
        monkeypatch.delenv(name, raising=False)


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_run_checks_looks_at_everything(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYSTAN_MIX_CACHE", str(tmp_path / "cache"))
    checks = doctor.run_checks()
    assert [check.name for check in checks] == [
        "Python",
        "make",
        "C++ compiler",
        "CmdStan",
        "ArviZ",
        "cmdstanpy",
        "cache folder",
        "temporary folder",
    ]
    by_name = {check.name: check for check in checks}
    assert by_name["Python"].ok
    assert by_name["ArviZ"].ok
    assert not by_name["CmdStan"].ok
    assert by_name["CmdStan"].remedy == "Run: pystan-mix install"
    assert not doctor.fit_can_run(checks)
    assert not (tmp_path / "cache").exists()
    assert all(check.ok == (check.remedy == "") for check in checks)


def test_only_what_is_needed_keeps_a_fit_from_running():
    good = Check("make", ok=True, found="4.3", remedy="")
    optional = Check("cmdstanpy", ok=False, found="not installed", remedy="get it", needed=False)
    needed = Check("CmdStan", ok=False, found="none", remedy="install it")
    assert doctor.fit_can_run([good, optional])
    assert not doctor.fit_can_run([good, optional, needed])


def test_format_is_aligned_with_remedies_below():
    checks = [
        Check("make", ok=True, found="GNU Make 4.3", remedy=""),
        Check("CmdStan", ok=False, found="none", remedy="Run: pystan-mix install"),
        Check("cmdstanpy", ok=False, found="not installed", remedy="get it", needed=False),
    ]
    assert doctor.format_checks(checks).splitlines() == [
        "ok       make       GNU Make 4.3",
        "MISSING  CmdStan    none",
        "                    Run: pystan-mix install",
        "warning  cmdstanpy  not installed",
        "                    get it",
    ]


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
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


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
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


@pytest.mark.parametrize(
    ("version", "ok"),
    [("0.22.0", False), ("0.23.4", True), ("1.0.0", True), ("1.3.0rc1", True), (None, False)],
)
def test_the_generations_of_arviz(monkeypatch, version, ok):
    monkeypatch.setattr(doctor, "_installed_version", lambda name: version)
    check = doctor._check_arviz()
    assert check.ok is ok
    assert check.found.startswith(version or "not installed")
