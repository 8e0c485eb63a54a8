"""Tests of pystan_mix.cmdstan.scratch: temporary folders that outlive no process for long."""

import contextlib
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from full_disk import largest_file

from pystan_mix.cmdstan import scratch
from pystan_mix.cmdstan.scratch import temporary_folder
from pystan_mix.errors import SettingsError

HOLD = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from pystan_mix.cmdstan.scratch import temporary_folder
    with temporary_folder(Path(sys.argv[1])) as folder:
        (folder / "draws.csv").write_text("1")
        print(folder.name, flush=True)
        sys.stdin.readline()
    """
)


@contextlib.contextmanager
def holder(parent: Path) -> Iterator[tuple[subprocess.Popen, Path]]:
    """Another process that has a folder, until it is told to end or is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process, parent / process.stdout.readline().strip()
        finally:
            process.kill()


def test_a_folder_is_there_for_its_block(tmp_path):
    with temporary_folder(tmp_path) as folder, temporary_folder(tmp_path) as other:
        assert folder.parent == other.parent == tmp_path
        assert folder != other
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "inner").mkdir()
        (folder / "inner" / "file").write_text("x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("exception", [ValueError, KeyboardInterrupt])
def test_a_folder_goes_when_its_block_fails(tmp_path, exception):
    def fail():
        with temporary_folder(tmp_path):
            raise exception

    with pytest.raises(exception):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_goes_and_what_a_living_one_has_stays(tmp_path):
    with holder(tmp_path) as (dead, left), holder(tmp_path) as (living, used):
        dead.kill()
        dead.wait(timeout=10)
        assert (left / "draws.csv").exists()
        with temporary_folder(tmp_path) as own:
            assert not left.exists()
            assert (used / "draws.csv").read_text() == "1"
            assert own.exists()
        living.communicate("\n", timeout=10)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def left(tmp_path) -> Path:
    """What a killed process left."""
    with holder(tmp_path) as (_, folder):
        pass
    assert folder.exists()
    return folder


def test_another_users_folder_stays(tmp_path, left, monkeypatch):
    monkeypatch.setattr(scratch.os, "geteuid", lambda: left.stat().st_uid + 1)
    with temporary_folder(tmp_path):
        assert (left / "draws.csv").exists()
    monkeypatch.undo()
    with temporary_folder(tmp_path):
        assert not left.exists()


def test_another_hosts_folder_stays(tmp_path, left, monkeypatch):
    """Its process may live: locks need not be seen from here."""
    here = os.uname()
    other = type(here)((here[0], "elsewhere", *here[2:]))
    monkeypatch.setattr(scratch.os, "uname", lambda: other)
    with temporary_folder(tmp_path) as own:
        assert left.exists()
        assert own.name[:19] != left.name[:19]


def test_what_is_no_folder_of_ours_stays(tmp_path, left):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "file").write_text("x")
    link = tmp_path / f"{left.name}-link"
    link.symlink_to(theirs)
    file = tmp_path / f"{left.name}-file"
    file.write_text("x")
    plain = tmp_path / "pystan_mix-plain"
    plain.mkdir()
    with temporary_folder(tmp_path):
        assert not left.exists()
    assert (theirs / "file").exists()
    assert link.is_symlink()
    assert file.exists()
    assert plain.exists()


def test_a_folder_that_is_lost_before_it_is_locked_is_made_anew(tmp_path, monkeypatch):
    make, made = scratch.tempfile.mkdtemp, []

    def lost_once(**options):
        made.append(make(**options))
        if len(made) == 1:
            Path(made[0]).rmdir()
        return made[-1]

    monkeypatch.setattr(scratch.tempfile, "mkdtemp", lost_once)
    with temporary_folder(tmp_path) as folder:
        assert folder.is_dir()
        assert len(made) == 2
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_made(tmp_path, monkeypatch):
    nowhere = tmp_path / "nowhere"
    with (
        pytest.raises(SettingsError, match=r"nowhere cannot be written: No such .* set TMPDIR"),
        temporary_folder(nowhere),
    ):
        pass
    monkeypatch.setenv("TMPDIR", str(nowhere))
    monkeypatch.setattr(tempfile, "tempdir", None)
    # as on a full disk: what Python tries its candidates with cannot be written
    with (
        largest_file(0),
        pytest.raises(SettingsError, match=r"nowhere cannot be written: No usable .* set TMPDIR"),
        temporary_folder(),
    ):
        pass


def test_where_folders_have_no_locks_none_is_removed(tmp_path, left, monkeypatch):
    def no_locks(descriptor, how):
        raise OSError(scratch.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(scratch.fcntl, "flock", no_locks)
    with temporary_folder(tmp_path) as folder:
        assert folder.is_dir()
        assert left.exists()
