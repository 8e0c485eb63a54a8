"""Tests of pystan_mix.cmdstan.locate: which CmdStan is found, and which is refused."""

from pathlib import Path

import pytest
from fake_wheel import is_built

from pystan_mix.cmdstan import locate as cmdstan
from pystan_mix.cmdstan.locate import CmdStan, find_cmdstan, newest_built, read_version
from pystan_mix.errors import CmdStanNotFoundError

# read before a fixture takes it away
TBB = "stan/lib/stan_math/lib/tbb"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    """Set a home without CmdStan; nothing of the real one is seen."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CMDSTAN", raising=False)
    monkeypatch.delenv("TBB_LIB", raising=False)
    return tmp_path


def make_tree(path: Path, version: str = "2.27.0") -> Path:
    """Lay out what `make build` leaves, with a shell script for the Stan compiler."""
    contents = {
        "makefile": f"# makefile\nCMDSTAN_VERSION := {version}\n\nifeq ($(OS),Windows_NT)\n",
        "bin/stanc": "#!/bin/sh\necho stanc3\n",
        "bin/stansummary": "x",
        "bin/diagnose": "x",
        "src/cmdstan/main.o": "x",
        f"{TBB}/libtbb.so": "INPUT (libtbb.so.2)",
        f"{TBB}/libtbb.so.2": "x",
    }
    for name, content in contents.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(content)
    for program in (path / "bin").iterdir():
        program.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("CMDSTAN_VERSION := 2.27.0\n", (2, 27, 0)),
        ("CMDSTAN_VERSION := 2.36.0-rc1\n", (2, 36, 0)),
        ("a := 1\nCMDSTAN_VERSION=3.0.12", (3, 0, 12)),
    ],
)
def test_read_version(tmp_path, text, version):
    (tmp_path / "makefile").write_text(text)
    assert read_version(tmp_path) == version


@pytest.mark.parametrize("text", [None, "", "CMDSTAN_VERSION := nightly\n"])
def test_read_version_names_the_makefile(tmp_path, text):
    if text is not None:
        (tmp_path / "makefile").write_text(text)
    with pytest.raises(CmdStanNotFoundError, match="makefile with a CMDSTAN_VERSION is missing"):
        read_version(tmp_path)


def test_a_finished_build(tmp_path):
    assert is_built(make_tree(tmp_path / "a"))


def test_a_finished_build_for_threads_only(tmp_path):
    path = make_tree(tmp_path / "a")
    (path / "src/cmdstan/main.o").rename(path / "src/cmdstan/main_threads.o")
    assert is_built(path)


def test_a_finished_build_on_a_mac(tmp_path):
    path = make_tree(tmp_path / "a")
    (path / TBB / "libtbb.so.2").rename(path / TBB / "libtbb.dylib")
    assert is_built(path)


def test_a_finished_build_with_the_tbb_of_conda(tmp_path):
    path = make_tree(tmp_path / "a")
    (path / TBB / "libtbb.so.2").unlink()
    assert not is_built(path)
    (path / "make").mkdir()
    (path / "make" / "local").write_text("TBB_LIB=/opt/conda/lib\n")
    assert is_built(path)


@pytest.mark.parametrize(
    "part",
    ["bin/stanc", "bin/stansummary", "bin/diagnose", "src/cmdstan/main.o", f"{TBB}/libtbb.so.2"],
)
def test_a_missing_or_empty_part_is_an_unfinished_build(tmp_path, part):
    path = make_tree(tmp_path / "a")
    (path / part).write_text("")
    assert not is_built(path)
    (path / part).unlink()
    assert not is_built(path)


@pytest.mark.parametrize("part", cmdstan.TOOLS)
def test_our_installer_leaves_the_tools_out(tmp_path, part):
    path = make_tree(tmp_path / "a")
    assert not cmdstan.lacks_tools(path)
    (path / part).unlink()
    assert cmdstan.lacks_tools(path)
    assert not is_built(path)
    (path / cmdstan.LEAN_MAKEFILE).write_text("")
    assert is_built(path)


def test_a_program_still_being_copied_is_an_unfinished_build(tmp_path):
    path = make_tree(tmp_path / "a")
    (path / "bin/stanc").chmod(0o644)
    assert not is_built(path)


def test_the_marker_makes_a_build_unfinished(tmp_path):
    path = make_tree(tmp_path / "a")
    (path / cmdstan.UNFINISHED_MARKER).touch()
    assert not is_built(path)


@pytest.mark.parametrize(
    "stanc", [b"\xcf\xfa\xed\xfe macOS program", b"#!/bin/sh\nexit 1\n", b"#!/no/such/shell\n"]
)
def test_a_stan_compiler_of_another_machine_is_refused(tmp_path, stanc):
    path = make_tree(tmp_path / "a")
    (path / "bin/stanc").write_bytes(stanc)
    assert not is_built(path)
    assert "does not run on this machine" in cmdstan.what_is_wrong(path)


def test_the_newest_is_by_number_and_built(tmp_path):
    for version in ("2.9.0", "2.27.0", "2.31.0", "2.101.0-rc2", "2.101.0-rc10"):
        make_tree(tmp_path / f"cmdstan-{version}", version)
    assert newest_built(tmp_path) == CmdStan(tmp_path / "cmdstan-2.101.0-rc10", (2, 101, 0))
    make_tree(tmp_path / "cmdstan-2.101.0", "2.101.0")
    assert newest_built(tmp_path).path.name == "cmdstan-2.101.0"
    unfinished = make_tree(tmp_path / "cmdstan-3.0.0", "3.0.0")
    (unfinished / "bin/stansummary").unlink()
    assert newest_built(tmp_path).path.name == "cmdstan-2.101.0"


def test_other_folders_are_not_taken(tmp_path):
    make_tree(tmp_path / ".partial-abc" / "cmdstan-2.27.0")
    make_tree(tmp_path / "cmdstan-2.26.1", "2.26.1")
    (tmp_path / "cmdstan-2.30.0").mkdir()
    (tmp_path / "cmdstan-file").write_text("")
    assert newest_built(tmp_path) is None
    assert newest_built(tmp_path / "missing") is None


def test_find_takes_the_environment_first(home, monkeypatch):
    make_tree(home / ".cmdstan" / "cmdstan-2.31.0", "2.31.0")
    assert find_cmdstan().version == (2, 31, 0)
    chosen = make_tree(home / "John Smith" / "anywhere")
    monkeypatch.setenv("CMDSTAN", str(chosen))
    assert find_cmdstan() == CmdStan(chosen, (2, 27, 0))
    monkeypatch.setenv("CMDSTAN", "~/John Smith/anywhere")
    assert find_cmdstan().path == chosen
    monkeypatch.setenv("CMDSTAN", "")
    assert find_cmdstan().version == (2, 31, 0)


def test_find_returns_an_absolute_path(home, monkeypatch):
    chosen = make_tree(home / "a")
    monkeypatch.chdir(home)
    monkeypatch.setenv("CMDSTAN", "a")
    assert find_cmdstan().path == chosen


def test_find_says_what_is_wrong_with_the_environment(home, monkeypatch):
    make_tree(home / ".cmdstan" / "cmdstan-2.31.0", "2.31.0")

    def complaint(path: Path) -> str:
        monkeypatch.setenv("CMDSTAN", str(path))
        with pytest.raises(CmdStanNotFoundError) as caught:
            find_cmdstan()
        assert str(path) in str(caught.value)
        assert "run: pystan-mix install" in str(caught.value)
        return str(caught.value)

    assert "there is no such folder" in complaint(home / "nowhere")
    (home / "empty").mkdir()
    assert "makefile with a CMDSTAN_VERSION is missing" in complaint(home / "empty")
    assert "2.26.1, older than 2.27.0" in complaint(make_tree(home / "old", "2.26.1"))
    unbuilt = make_tree(home / "unbuilt")
    (unbuilt / "bin/stansummary").unlink()
    assert "bin/stansummary is missing" in complaint(unbuilt)
    marked = make_tree(home / "marked")
    (marked / cmdstan.UNFINISHED_MARKER).touch()
    assert "was not finished" in complaint(marked)
    assert "character ','" in complaint(make_tree(home / "a,b"))


def test_find_says_what_it_looked_at(home):
    with pytest.raises(CmdStanNotFoundError, match=r"\$CMDSTAN is not set.*\.cmdstan has none"):
        find_cmdstan()
    unbuilt = make_tree(home / ".cmdstan" / "cmdstan-2.31.0", "2.31.0")
    (unbuilt / "src/cmdstan/main.o").unlink()
    make_tree(home / ".cmdstan" / "cmdstan-2.20.0", "2.20.0")
    with pytest.raises(CmdStanNotFoundError) as caught:
        find_cmdstan()
    message = str(caught.value)
    assert "cmdstan-2.31.0 (src/cmdstan/main.o is missing" in message
    assert "cmdstan-2.20.0 (its version is 2.20.0, older than 2.27.0)" in message
    assert message.endswith("Run: pystan-mix install")


def test_a_real_cmdstan_is_whole(cmdstan):
    assert is_built(cmdstan.path)
