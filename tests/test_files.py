"""Tests of pystan_mix.files: whole files, locks between processes, the cache folder."""

import json
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from full_disk import largest_file

from pystan_mix.errors import SettingsError
from pystan_mix.files import cache_dir, locked, write_json, write_text, written_whole

HOLD_LOCK = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from pystan_mix.files import locked
    with locked(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.readline()
    """
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_written_whole_replaces_the_old_file(tmp_path):
    path = tmp_path / "fit.nc"
    path.write_text("old")
    with written_whole(path) as partial:
        assert partial.parent == tmp_path
        assert partial.suffix == ".nc"
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["fit.nc"]


def test_written_whole_makes_missing_folders(tmp_path):
    path = tmp_path / "a" / "b" / "c.txt"
    write_text(path, "väl")
    assert path.read_text(encoding="utf-8") == "väl"


@pytest.mark.parametrize("exception", [ValueError, KeyboardInterrupt, SystemExit])
def test_written_whole_keeps_the_old_file_when_the_block_fails(tmp_path, exception):
    path = tmp_path / "fit.nc"
    path.write_text("old")

    def write_half():
        with written_whole(path) as partial:
            partial.write_text("ne")
            raise exception

    with pytest.raises(exception):
        write_half()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["fit.nc"]


def test_written_whole_names_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="file/sub cannot be made"):
        write_text(tmp_path / "file" / "sub" / "x.txt", "x")


@pytest.mark.parametrize("old", [None, "old"])
def test_a_full_disk_leaves_what_was_there(tmp_path, old):
    path = tmp_path / "data.json"
    if old is not None:
        path.write_text(old)
    with (
        largest_file(1000),
        pytest.raises(SettingsError, match=r"data\.json cannot be written: File too large. Free"),
    ):
        write_text(path, 2000 * "x")
    assert names(tmp_path) == ([] if old is None else ["data.json"])
    assert old is None or path.read_text() == old


def test_a_folder_in_the_place_of_a_file(tmp_path):
    (tmp_path / "data.json").mkdir()
    with pytest.raises(SettingsError, match=r"data\.json cannot be written: Is a directory"):
        write_text(tmp_path / "data.json", "x")
    assert names(tmp_path) == ["data.json"]


def test_write_json_is_read_back(tmp_path):
    content = {"y": [1.5, 2.0], "N": 2}
    write_json(tmp_path / "data.json", content)
    assert json.loads((tmp_path / "data.json").read_text()) == content


def test_locked_waits_for_another_process(tmp_path):
    lock = tmp_path / "sub" / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        events = []

        def take():
            with locked(lock, on_wait=lambda: events.append("waits")):
                events.append("has it")

        taker = threading.Thread(target=take)
        taker.start()
        taker.join(timeout=0.3)
        assert events == ["waits"]
        holder.communicate("\n", timeout=10)
        taker.join(timeout=10)
        assert events == ["waits", "has it"]


def test_locked_is_freed_when_its_holder_is_killed(tmp_path):
    lock = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        holder.kill()
    waits = []
    with locked(lock, on_wait=lambda: waits.append(1)):
        assert waits == []


def test_locked_is_freed_after_an_exception(tmp_path):
    def fail():
        with locked(tmp_path / "lock"):
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    waits = []
    with locked(tmp_path / "lock", on_wait=lambda: waits.append(1)):
        assert waits == []


def test_cache_dir_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("PYSTAN_MIX_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_dir() == tmp_path / ".cache" / "pystan_mix"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_dir() == tmp_path / "xdg" / "pystan_mix"
    monkeypatch.setenv("PYSTAN_MIX_CACHE", "~/own")
    assert cache_dir() == tmp_path / "own"
    assert not cache_dir().exists()
