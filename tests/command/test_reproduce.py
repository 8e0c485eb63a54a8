"""Tests of pystan_mix.command.reproduce: CmdStan is installed only where the study misses it."""

from collections.abc import Sequence

import pytest

from pystan_mix.cmdstan.program import Program
from pystan_mix.command import reproduce
from pystan_mix.command.main import main
from pystan_mix.errors import CmdStanInstallError


@pytest.fixture
def asked(nothing_prebuilt, tmp_path, monkeypatch) -> list[str]:
    """A machine without CmdStan and without network, and how often it is to be installed."""
    calls = []

    def fail(*, programs: Sequence[Program]) -> None:
        assert {each.name for each in programs} == {"normal", "textbook"}
        calls.append("install")
        raise CmdStanInstallError("There is no network.")

    monkeypatch.setattr(reproduce, "install_cmdstan", fail)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CMDSTAN", raising=False)
    return calls


def test_what_is_missing_is_installed_before_anything_is_drawn(tmp_path, asked, capsys):
    assert main(["reproduce", "--quick", "--out", str(tmp_path / "out")]) != 0
    assert asked == ["install"]
    said = capsys.readouterr().err
    assert "No usable CmdStan" in said
    assert "Installing it first" in said
    assert "There is no network." in said
    assert not (tmp_path / "out").exists()


def test_nothing_is_installed_for_data_that_are_not_there(tmp_path, asked, capsys):
    command = ["reproduce", "--quick", "--out", str(tmp_path / "out")]
    assert main([*command, "--data-dir", str(tmp_path / "nowhere")]) != 0
    assert "nowhere" in capsys.readouterr().err
    assert asked == []
