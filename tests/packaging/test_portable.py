"""Tests of pystan_mix.packaging.portable; .ci/run builds, installs and runs what it makes."""

import os

import pytest

from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.locate import CmdStan
from pystan_mix.errors import CompilationError
from pystan_mix.inference.programs import stan_program
from pystan_mix.packaging import portable

MACHINE = os.uname().machine


def test_the_tag_names_the_newest_glibc_that_is_needed(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(b"\x7fELF\0libm.so.6\0GLIBC_2.2.5\0GLIBC_2.14\0")
    new.write_bytes(b"\x7fELF\0GLIBC_2.29\0GLIBC_2.4\0GLIBC_2.34\0exp\0")
    assert portable.platform_tag([old]) == f"manylinux_2_17_{MACHINE}"
    assert portable.platform_tag([old, new]) == f"manylinux_2_34_{MACHINE}"


def test_what_needs_a_cxx_library_is_refused(cmdstan):
    # which no wheel brings
    program = stan_program("normal", likelihood="stan")
    (executable,) = compiled(program, cmdstan=cmdstan, show_progress=False)
    with pytest.raises(CompilationError, match=r"^normal-\w+ needs lib(std)?c\+\+\.so\.\d+\. "):
        portable.platform_tag([executable])


def test_flags_for_one_processor_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    cmdstan = CmdStan(path=tmp_path / "cmdstan", version=(2, 27, 0))
    local = cmdstan.path / "make" / "local"
    local.parent.mkdir(parents=True)
    local.write_text("CXXFLAGS += -O3 -march=native\n")
    with pytest.raises(CompilationError, match=r"make/local has -march=native: "):
        portable.build_portable([], tmp_path, cmdstan)
    local.write_text("CXXFLAGS += -O3\n")
    monkeypatch.setenv("CXXFLAGS", "-mcpu=neoverse-n1")
    with pytest.raises(CompilationError, match=r"\$CXXFLAGS has -mcpu=neoverse-n1: "):
        portable.build_portable([], tmp_path, cmdstan)


def test_other_systems_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(portable.platform, "libc_ver", lambda: ("", ""))
    with pytest.raises(CompilationError, match="for Linux with glibc"):
        portable.build_portable([], tmp_path, CmdStan(path=tmp_path, version=(2, 27, 0)))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("echo no space; exit 2", "make ended with exit code 2.\nno space"),
        ("echo nothing to do", "make ended with exit code 0.\nnothing to do"),
        (None, "make cannot be run: No such file"),
    ],
)
def test_without_the_tbb_there_is_nothing(tmp_path, monkeypatch, body, words):
    make = tmp_path / "make"
    if body:
        make.write_text(f"#!/bin/sh\n{body}\n")
        make.chmod(0o755)
    monkeypatch.setenv("MAKE", str(make))
    monkeypatch.delenv("CXXFLAGS", raising=False)
    folder = tmp_path / "out"
    with pytest.raises(CompilationError) as caught:
        portable.build_portable([], folder, CmdStan(path=tmp_path, version=(2, 27, 0)))
    assert words in str(caught.value)
    assert not folder.exists()
