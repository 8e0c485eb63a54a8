"""Tests of pystan_mix.cmdstan.program: what a Stan program is made of, and what came compiled."""

import dataclasses
from pathlib import Path

import pytest
from small_programs import bring_compiled, program, write_programs

from pystan_mix.cmdstan.program import Program, prebuilt_fault


@pytest.fixture
def stan(tmp_path) -> Path:
    """A folder of Stan programs, of what they include, twice, and of a header."""
    return write_programs(tmp_path / "stan")


@pytest.fixture
def prebuilt(tmp_path, monkeypatch) -> Path:
    """The folder in which a wheel brings executables; it need not exist."""
    folder = tmp_path / "prebuilt"
    monkeypatch.setattr("pystan_mix.cmdstan.program.resource_dir", lambda name: tmp_path / name)
    return folder


def test_what_is_included_is_found_at_whatever_depth_and_in_the_first_folder(stan):
    found = program(stan).included()
    near, far = stan / "near", stan / "far"
    assert found == (near / "scale.stanfunctions", far / "ten.stanfunctions", stan / "fast.hpp")
    turned = dataclasses.replace(program(stan, header=False), include_dirs=(far, near))
    assert turned.included() == (far / "scale.stanfunctions",)
    # that is stanc's to complain of
    assert Program(stan / "first.stan").included() == ()


def test_files_that_include_each_other_end(stan):
    (stan / "far" / "ten.stanfunctions").write_text("#include scale.stanfunctions\n")
    assert len(program(stan).included()) == 3


def test_the_name_changes_with_all_that_a_program_is_made_of(stan):
    own = program(stan)
    plain = own.keyed_name()
    assert plain.startswith("first-")
    settings = stan / "local"
    settings.write_text("")
    names = {
        plain,
        own.keyed_name(settings),
        own.keyed_name(made_by="CmdStan"),
        program(stan, header=False).keyed_name(),
        program(stan, "second").keyed_name(),
    }
    (stan / "far" / "ten.stanfunctions").write_text("real ten() { return 11; }\n")
    assert len(names | {own.keyed_name()}) == 6
    assert own.keyed_name() == program(stan).keyed_name() != plain


def test_what_a_wheel_brought_is_found_while_the_text_is_the_same(stan, prebuilt):
    own = program(stan)
    assert own.prebuilt() is None
    (executable,) = bring_compiled(own, folder=prebuilt)
    assert own.prebuilt() == executable
    assert prebuilt_fault(own) == ""
    assert program(stan, header=False).prebuilt() is None
    (stan / "fast.hpp").write_text("// something\n")
    assert own.prebuilt() is None
    assert prebuilt_fault(own) == ""


def test_what_a_wheel_brought_and_does_not_start(stan, prebuilt):
    own = program(stan)
    (executable,) = bring_compiled(own, folder=prebuilt, text="no program")
    fault = prebuilt_fault(own)
    assert fault == f"{executable} came with the package, but it does not start: Exec format error."
    executable.unlink()
    executable.symlink_to(prebuilt / "nowhere")
    assert "it cannot be found" in prebuilt_fault(own)
