"""Tests of pystan_mix.command.doctor: what it finds, and what it says about what is missing."""

from pathlib import Path

import pytest
from small_programs import bring_compiled

from pystan_mix.cmdstan.locate import CmdStan
from pystan_mix.cmdstan.machine import Check
from pystan_mix.command import doctor
from pystan_mix.inference.programs import stan_programs


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("CXX", "MAKE", "CMDSTAN"):
        monkeypatch.delenv(name, raising=False)


def test_run_checks_looks_at_everything(nothing_prebuilt, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYSTAN_MIX_CACHE", str(tmp_path / "cache"))
    checks = doctor.run_checks()
    assert [check.name for check in checks] == [
        "Python",
        "Stan programs",
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
    names = "multivariate_normal, negative_binomial, normal, poisson, student_t, textbook"
    assert by_name["Stan programs"].found == f"{names} compiled when first used"
    assert not by_name["CmdStan"].ok
    assert by_name["CmdStan"].remedy == "Run: pystan-mix install"
    assert not doctor.fit_can_run(checks)
    assert not (tmp_path / "cache").exists()
    assert all(check.ok == (check.remedy == "") for check in checks)


@pytest.mark.parametrize(
    ("version", "words"),
    [((2, 27, 0), "all tests run on it"), ((2, 39, 0), "all tests run on 2.27.0")],
)
def test_it_says_whether_tests_have_run_on_this_cmdstan(monkeypatch, tmp_path, version, words):
    monkeypatch.setattr(doctor, "find_cmdstan", lambda: CmdStan(path=tmp_path, version=version))
    by_name = {check.name: check for check in doctor.run_checks()}
    assert by_name["CmdStan"].ok
    assert words in by_name["CmdStan"].found


@pytest.fixture
def prebuilt(tmp_path, monkeypatch) -> Path:
    """The folder in which a wheel brings executables, on a machine without make and CmdStan."""
    monkeypatch.setattr("pystan_mix.cmdstan.program.resource_dir", lambda name: tmp_path / name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MAKE", "no-such-make")
    monkeypatch.setenv("CXX", "no-such-compiler")
    return tmp_path / "prebuilt"


def test_what_compiles_is_not_needed_where_all_programs_came_compiled(prebuilt):
    bring_compiled(*stan_programs(), folder=prebuilt)
    checks = doctor.run_checks()
    assert doctor.fit_can_run(checks)
    by_name = {check.name: check for check in checks}
    assert by_name["Stan programs"].ok
    names = "multivariate_normal, negative_binomial, normal, poisson, student_t, textbook"
    assert by_name["Stan programs"].found == f"{names} came compiled"
    for name in ("make", "C++ compiler", "CmdStan"):
        assert not by_name[name].ok
        assert by_name[name].remedy.startswith("Not needed, unless for likelihood=")


def test_what_compiles_is_needed_for_a_program_that_did_not_come(prebuilt):
    bring_compiled(*stan_programs()[:-1], folder=prebuilt)
    checks = doctor.run_checks()
    assert not doctor.fit_can_run(checks)
    programs = checks[1]
    assert programs.ok
    names = "multivariate_normal, negative_binomial, normal, poisson, student_t"
    assert programs.found == f"{names} came compiled; textbook compiled when first used"


def test_what_compiles_is_needed_for_a_program_that_does_not_start(prebuilt):
    executables = bring_compiled(*stan_programs(), folder=prebuilt)
    executables[0].write_text("no program")
    checks = doctor.run_checks()
    assert not doctor.fit_can_run(checks)
    programs = checks[1]
    assert not programs.ok
    assert f"{executables[0]} came with the package, but it does not start" in programs.found
    assert "student_t, textbook came compiled" in programs.found


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


@pytest.mark.parametrize(
    ("version", "ok"),
    [("0.22.0", False), ("0.23.4", True), ("1.0.0", True), ("1.3.0rc1", True), (None, False)],
)
def test_the_generations_of_arviz(monkeypatch, version, ok):
    monkeypatch.setattr(doctor, "_installed_version", lambda name: version)
    check = doctor._check_arviz()
    assert check.ok is ok
    assert check.found.startswith(version or "not installed")
