"""Tests of pystan_mix.cmdstan.compile: Stan programs compiled once, whole or not at all."""

import dataclasses
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest
from full_disk import largest_file
from interrupting import started
from skipping import skip_or_fail
from small_programs import MAIN, bring_compiled, program, write_programs

from pystan_mix.cmdstan import compile as compiling
from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.locate import LEAN_MAKEFILE, CmdStan
from pystan_mix.cmdstan.run import Call, run_cmdstan, workspace
from pystan_mix.cmdstan.scratch import temporary_folder
from pystan_mix.errors import CmdStanNotFoundError, CompilationError, SettingsError
from pystan_mix.inference.programs import stan_program

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def real_program(cmdstan) -> Path:
    """A program of CmdStan, from the cache that all tests share; no wheel brings it."""
    (executable,) = compiled(stan_program("normal", likelihood="stan"), show_progress=False)
    return executable


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache; the programs' executables go to its folder `programs`."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("PYSTAN_MIX_CACHE", str(folder))
    return folder


@pytest.fixture
def stan(tmp_path) -> Path:
    """A folder of Stan programs, of what they include, twice, and of a header."""
    return write_programs(tmp_path / "stan")


@dataclasses.dataclass(frozen=True)
class FastMake:
    """A make that compiles nothing, and a CmdStan folder with nothing in it for it."""

    folder: Path
    cmdstan: CmdStan

    @property
    def calls(self) -> list[str]:
        """The targets that were asked for, in order."""
        log = self.folder / "calls"
        return log.read_text().splitlines() if log.exists() else []

    def does(self, body: str) -> None:
        """Let it do this with `$target`, after it has noted the call."""
        script = self.folder / "make"
        script.write_text(
            f'#!/bin/sh\nfor target; do :; done\necho "$target" >> "{self.folder}/calls"\n{body}\n'
        )
        script.chmod(0o755)


WRITE = 'printf "#!/bin/sh\\necho I am $target\\n" > "$target"; chmod +x "$target"'


@pytest.fixture
def fast_make(tmp_path, monkeypatch) -> FastMake:
    path = tmp_path / "cmdstan"
    (path / "make").mkdir(parents=True)
    make = FastMake(folder=tmp_path, cmdstan=CmdStan(path=path, version=(2, 27, 0)))
    make.does(WRITE)
    monkeypatch.setenv("MAKE", str(tmp_path / "make"))
    return make


def executables(cache: Path) -> list[Path]:
    """Every file in the cache's folder of programs, hidden ones too."""
    folder = cache / "programs"
    return sorted(folder.iterdir()) if folder.exists() else []


def wait_until(condition, *, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def processes_that_name(folder: Path) -> list[str]:
    """Running processes on whose command lines a folder stands."""
    listing = subprocess.run(
        ["ps", "-A", "-ww", "-o", "args="], capture_output=True, text=True, check=True
    )
    return [line for line in listing.stdout.splitlines() if str(folder) in line]


def test_make_gets_what_is_included_and_the_header(cache, fast_make, stan):
    fast_make.does(
        f'for a; do case "$a" in USER_HEADER=*) cat "${{a#USER_HEADER=}}";; esac; echo "$a"; done '
        f'> "{fast_make.folder}/arguments"\n'
        f'cp -r "$(dirname "$target")" "{fast_make.folder}/seen"\n{WRITE}'
    )
    compiled(program(stan), cmdstan=fast_make.cmdstan)
    given = (fast_make.folder / "arguments").read_text().splitlines()
    folder = Path(given[-1]).parent
    assert given == [
        f"STANCFLAGS=--include-paths={folder}/include --allow-undefined",
        "// nothing",
        f"USER_HEADER={folder}/include/fast.hpp",
        f"{folder}/first",
    ]
    seen = fast_make.folder / "seen"
    assert (seen / "first.stan").read_text() == MAIN
    include = seen / "include"
    names = {"scale.stanfunctions", "ten.stanfunctions", "fast.hpp"}
    assert {path.name for path in include.iterdir()} == names
    # the near one, of the two of that name
    assert "ten()" in (include / "scale.stanfunctions").read_text()


def test_a_header_is_precompiled_but_where_our_installer_made_none(cache, fast_make, stan):
    fast_make.does(f'echo "$*" >> "{fast_make.folder}/arguments"\n{WRITE}')
    compiled(program(stan), cmdstan=fast_make.cmdstan)
    (fast_make.cmdstan.path / LEAN_MAKEFILE).write_text("")
    compiled(program(stan, "second"), cmdstan=fast_make.cmdstan)
    header = fast_make.cmdstan.path / "stan/src/stan/model/model_header_1.hpp.gch"
    header.parent.mkdir(parents=True)
    header.touch()
    compiled(program(stan, "third"), cmdstan=fast_make.cmdstan)
    calls = (fast_make.folder / "arguments").read_text().splitlines()
    assert ["PRECOMPILED_HEADERS=false" in call for call in calls] == [False, True, False]


def test_without_a_header_nothing_may_be_undefined(cache, fast_make, stan):
    fast_make.does(f'echo "$*" > "{fast_make.folder}/arguments"\n{WRITE}')
    compiled(program(stan, header=False), cmdstan=fast_make.cmdstan)
    given = (fast_make.folder / "arguments").read_text()
    assert "--include-paths=" in given
    assert "--allow-undefined" not in given
    assert "USER_HEADER" not in given


def test_programs_are_compiled_once_and_come_in_order(cache, fast_make, stan, capfd):
    programs = [program(stan, name) for name in ("second", "first", "second")]
    found = compiled(*programs, cmdstan=fast_make.cmdstan)
    assert [path.name.rsplit("-", 1)[0] for path in found] == ["second", "first", "second"]
    assert found[0] == found[2]
    assert all(os.access(path, os.X_OK) for path in found)
    assert sorted(Path(call).name for call in fast_make.calls) == ["first", "second"]
    said = capfd.readouterr()
    assert "Compiling second, first with CmdStan 2.27.0" in said.err
    assert compiled(*programs, cmdstan=fast_make.cmdstan) == found
    assert len(fast_make.calls) == 2
    assert capfd.readouterr() == said._replace(err="")
    assert executables(cache) == sorted(set(found))


def test_nothing_is_said_if_no_progress_is_wanted(cache, fast_make, stan, capfd):
    compiled(program(stan), cmdstan=fast_make.cmdstan, show_progress=False)
    assert capfd.readouterr() == ("", "")


def appended(path: Path) -> None:
    path.write_text(path.read_text() + "// a remark\n")


@pytest.mark.parametrize(
    ("change", "again"),
    [
        pytest.param(lambda stan: appended(stan / "first.stan"), True, id="its text"),
        pytest.param(
            lambda stan: appended(stan / "near" / "scale.stanfunctions"), True, id="included"
        ),
        pytest.param(
            lambda stan: appended(stan / "far" / "ten.stanfunctions"),
            True,
            id="included by what is included",
        ),
        pytest.param(lambda stan: appended(stan / "fast.hpp"), True, id="its header"),
        pytest.param(
            lambda stan: shutil.copy(
                stan / "far" / "scale.stanfunctions", stan / "near" / "scale.stanfunctions"
            ),
            True,
            id="another of the included name",
        ),
        pytest.param(
            lambda stan: (stan / "near" / "scale.stanfunctions").unlink(), True, id="the far one"
        ),
        pytest.param(
            lambda stan: shutil.copy(
                stan / "far" / "ten.stanfunctions", stan / "near" / "ten.stanfunctions"
            ),
            False,
            id="the same elsewhere",
        ),
        pytest.param(
            lambda stan: appended(stan / "far" / "scale.stanfunctions"),
            False,
            id="a later folder's of that name",
        ),
        pytest.param(
            lambda stan: appended(stan / "far" / "unused.stanfunctions"), False, id="not included"
        ),
        pytest.param(lambda stan: appended(stan / "second.stan"), False, id="another program"),
        pytest.param(lambda stan: (stan / "notes.txt").write_text("x"), False, id="a note"),
    ],
)
def test_the_cache_knows_a_program_by_its_text(cache, fast_make, stan, change, again):
    (before,) = compiled(program(stan), cmdstan=fast_make.cmdstan)
    change(stan)
    (after,) = compiled(program(stan), cmdstan=fast_make.cmdstan)
    assert (before != after) == again
    assert len(fast_make.calls) == 1 + again
    # the old one stays for those who have the old text
    assert before.exists()


def test_one_program_with_and_without_its_header_are_two(cache, fast_make, stan):
    both = [program(stan, header=header) for header in (True, False)]
    found = compiled(*both, cmdstan=fast_make.cmdstan)
    assert len(set(found)) == len(fast_make.calls) == 2


def test_the_cache_knows_a_program_by_its_cmdstan(cache, fast_make, stan, tmp_path):
    own = program(stan)
    (before,) = compiled(own, cmdstan=fast_make.cmdstan)
    newer = dataclasses.replace(fast_make.cmdstan, version=(2, 36, 0))
    elsewhere = CmdStan(path=tmp_path / "elsewhere", version=(2, 27, 0))
    (elsewhere.path / "make").mkdir(parents=True)
    found = {before, *compiled(own, cmdstan=newer), *compiled(own, cmdstan=elsewhere)}
    (fast_make.cmdstan.path / "make" / "local").write_text("STAN_THREADS=true\n")
    found |= set(compiled(own, cmdstan=fast_make.cmdstan))
    assert len(found) == len(fast_make.calls) == 4
    # and back again
    (fast_make.cmdstan.path / "make" / "local").unlink()
    assert compiled(own, cmdstan=fast_make.cmdstan) == [before]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("echo cc1plus: out of memory; exit 2", "make ended with exit code 2.\ncc1plus: out of"),
        (f"{WRITE}; kill -KILL $$", "make was killed by signal 9 (SIGKILL)"),
    ],
)
def test_a_compile_that_fails_leaves_nothing(cache, fast_make, stan, body, words):
    fast_make.does(body)
    with pytest.raises(CompilationError) as caught:
        compiled(program(stan), cmdstan=fast_make.cmdstan)
    assert f"first did not compile: {words}" in str(caught.value)
    assert executables(cache) == []
    # and does not stand in the way of the next
    fast_make.does(WRITE)
    assert compiled(program(stan), cmdstan=fast_make.cmdstan)[0].exists()


def test_an_executable_that_is_half_copied_is_none(cache, fast_make, stan, monkeypatch):
    copy = shutil.copy

    def interrupted_copy(source, target):
        if Path(target).is_relative_to(cache):
            Path(target).write_bytes(b"#!/b")
            raise KeyboardInterrupt
        return copy(source, target)

    monkeypatch.setattr(compiling.shutil, "copy", interrupted_copy)
    with pytest.raises(KeyboardInterrupt):
        compiled(program(stan), cmdstan=fast_make.cmdstan)
    assert executables(cache) == []


def test_of_two_programs_one_fails(cache, fast_make, stan):
    fast_make.does(f'case "$target" in *second) exit 3;; esac; {WRITE}; sleep 30')
    started = time.monotonic()
    with pytest.raises(CompilationError, match="second did not compile"):
        compiled(program(stan), program(stan, "second"), cmdstan=fast_make.cmdstan)
    assert time.monotonic() - started < 15
    assert executables(cache) == []


def test_a_full_disk_is_no_compilers_fault(cache, fast_make, stan, tmp_path, monkeypatch):
    plain = tmp_path / "plain"
    plain.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(plain))
    with (
        largest_file(10),
        pytest.raises(SettingsError, match=r"plain/.* cannot be written: .* set TMPDIR"),
    ):
        compiled(program(stan), cmdstan=fast_make.cmdstan, show_progress=False)
    assert fast_make.calls == []
    # and where it is full only when the program is copied
    fast_make.does('ulimit -f unlimited; head -c 100000 /dev/zero > "$target"')
    with (
        largest_file(20_000),
        pytest.raises(SettingsError, match=r"first-\w+ cannot be written.*PYSTAN_MIX_CACHE"),
    ):
        compiled(program(stan), cmdstan=fast_make.cmdstan, show_progress=False)
    assert executables(cache) == []
    assert list(plain.iterdir()) == []


def test_without_make(cache, fast_make, stan, monkeypatch):
    monkeypatch.setenv("MAKE", "no-such-make")
    with pytest.raises(CompilationError, match=r"no-such-make cannot be run.*apt-get install make"):
        compiled(program(stan), cmdstan=fast_make.cmdstan)
    assert executables(cache) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("first.stan", "scale());", "maximum());", ("normal(0, maximum());", "'maximum'")),
        ("far/ten.stanfunctions", "return 10;", "return eleven;", ("ten.stanfunctions", "eleven")),
        ("first.stan", "scale.stan", "nothing.stan", ("nothing.stanfunctions",)),
    ],
)
def test_stans_complaint_is_shown(cache, cmdstan, stan, name, old, new, words):
    text = (stan / name).read_text()
    assert old in text
    (stan / name).write_text(text.replace(old, new))
    with pytest.raises(CompilationError) as caught:
        compiled(program(stan, header=False), cmdstan=cmdstan, show_progress=False)
    message = str(caught.value)
    for word in (
        "first did not compile: make ended with exit code",
        *words,
        "pystan-mix doctor",
    ):
        assert word in message
    assert executables(cache) == []


ODD = "a b $(x)"


def test_odd_names_of_the_cache_and_of_the_temporary_folder(cmdstan, stan, tmp_path, monkeypatch):
    """Compiled and run for real: make would expand the one and split at the other."""
    cache, temporary = tmp_path / "my cache", tmp_path / ODD
    temporary.mkdir()
    monkeypatch.setenv("PYSTAN_MIX_CACHE", str(cache))
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert tempfile.gettempdir() == str(temporary)
    # one with included files and a header, whose names make is told
    (executable,) = compiled(program(stan), cmdstan=cmdstan, show_progress=False)
    assert executables(cache) == [executable]
    with workspace(executable, keep_in=None) as space:
        call = Call(
            method=("sample", "num_samples=20", "num_warmup=50"),
            data=space.write_data("data", {}),
            seed=1,
        )
        (csv,) = run_cmdstan(space, "chain", [call], parallel=1).csvs
    assert csv.settings["model"] == "first_model"
    assert csv.draws.shape[0] == 20
    assert list(temporary.iterdir()) == []


def test_a_temporary_folder_that_make_takes_is_used(cache, fast_make, stan, tmp_path, monkeypatch):
    plain = tmp_path / "plain-1.2_3"
    plain.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(plain))
    compiled(program(stan), cmdstan=fast_make.cmdstan)
    assert fast_make.calls[0].startswith(f"{plain}/pystan_mix-")
    assert list(plain.iterdir()) == []


@pytest.mark.parametrize("name", [ODD, "semi;colon", "a'b", "käse", "tab\t"])
def test_no_odd_name_reaches_make(cache, fast_make, stan, tmp_path, monkeypatch, name):
    (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / name))
    compiled(program(stan), cmdstan=fast_make.cmdstan)
    assert name not in fast_make.calls[0]
    assert list((tmp_path / name).iterdir()) == []


def test_no_temporary_folder_that_make_takes(cache, fast_make, stan, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ODD))
    monkeypatch.setattr(compiling.os, "access", lambda *args: False)
    with pytest.raises(CompilationError, match=r"a b \$\(x\).*Set TMPDIR"):
        compiled(program(stan), cmdstan=fast_make.cmdstan)
    assert fast_make.calls == []


COMPILE = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from pystan_mix.cmdstan.locate import CmdStan
    from pystan_mix.cmdstan.compile import compiled
    from pystan_mix.cmdstan.program import Program
    path, *include_dirs = map(Path, sys.argv[2:])
    cmdstan = CmdStan(path=Path(sys.argv[1]), version=(2, 27, 0))
    print(*compiled(Program(path, tuple(include_dirs)), cmdstan=cmdstan))
    """
)


def python(cmdstan: CmdStan, stan: Path, **environment: str):
    """Start another Python that compiles a program."""
    own = program(stan, header=False)
    return started(
        [sys.executable, "-c", COMPILE, cmdstan.path, own.path, *own.include_dirs],
        env={"PYTHONPATH": str(ROOT)} | environment,
        stdout=subprocess.PIPE,
    )


def test_two_processes_at_once_compile_once(cache, fast_make, stan):
    # the first to come waits for the sign that there is a second one, so they do overlap
    both = fast_make.folder / "both"
    fast_make.does(f'while [ ! -e "{both}" ]; do sleep 0.02; done; {WRITE}')
    with python(fast_make.cmdstan, stan) as first:
        wait_until(lambda: len(fast_make.calls) == 1)
        with python(fast_make.cmdstan, stan) as second:
            assert second.stderr.readline().startswith("Another process is compiling; waiting")
            both.touch()
            answers = [process.communicate(timeout=30)[0] for process in (first, second)]
    assert first.returncode == second.returncode == 0
    assert answers[0] == answers[1] == f"{executables(cache)[0]}\n"
    assert len(fast_make.calls) == len(executables(cache)) == 1


def test_who_waited_compiles_if_the_other_failed(cache, fast_make, stan):
    both = fast_make.folder / "both"
    fast_make.does(
        f'if mkdir "{fast_make.folder}/once"; then while [ ! -e "{both}" ]; do sleep 0.02; done; '
        f"exit 1; fi; {WRITE}"
    )
    with python(fast_make.cmdstan, stan) as first:
        wait_until(lambda: len(fast_make.calls) == 1)
        with python(fast_make.cmdstan, stan) as second:
            assert second.stderr.readline().startswith("Another process is compiling; waiting")
            both.touch()
            assert "CompilationError" in first.communicate(timeout=30)[1]
            answer, _ = second.communicate(timeout=30)
    assert answer == f"{executables(cache)[0]}\n"
    assert len(fast_make.calls) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_an_interrupted_compile_leaves_nothing(cache, cmdstan, stan, tmp_path, number):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with python(cmdstan, stan, TMPDIR=str(temporary)) as other:
        # not make alone: the C++ compiler is at work, three processes further down
        wait_until(
            lambda: any(
                "cc1plus" in line or "clang" in line for line in processes_that_name(temporary)
            )
        )
        other.send_signal(number)
        wait_until(lambda: processes_that_name(temporary) == [], seconds=5)
        _, complaint = other.communicate(timeout=30)
    assert ("KeyboardInterrupt" in complaint) == (number == signal.SIGINT)
    assert executables(cache) == []
    if number != signal.SIGINT:
        with temporary_folder(temporary):
            pass
    assert list(temporary.iterdir()) == []


def another_machines(path: Path) -> None:
    """Make an ELF file one of a machine that is not this one."""
    content = bytearray(path.read_bytes())
    # its field e_machine: AVR's
    content[18:20] = (83).to_bytes(2, sys.byteorder)
    path.write_bytes(content)


def without_library(path: Path) -> None:
    content = path.read_bytes()
    assert content.count(b"libtbb.so.2\0") == 1
    path.write_bytes(content.replace(b"libtbb.so.2\0", b"libnot.so.2\0"))


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "file").write_text("x")


def a_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "nowhere")


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        pytest.param(lambda path: path.chmod(0o644), "Permission denied", id="without its run bit"),
        pytest.param(lambda path: path.write_bytes(b""), "Exec format error", id="empty"),
        pytest.param(a_folder, "it is a folder", id="folder"),
        pytest.param(a_dangling_link, "No such file", id="dangling link"),
        pytest.param(another_machines, "Exec format error", id="another machine's"),
        pytest.param(without_library, "libnot.so.2: cannot open shared", id="missing library"),
        pytest.param(
            lambda path: os.truncate(path, 200_000), "killed by signal", id="half a program"
        ),
    ],
)
def test_a_program_that_does_not_start_is_compiled_anew(
    real_program, cache, fast_make, stan, capfd, break_it, words
):
    """The real one, broken; only make is a fast one, to which the whole one is given back."""
    if sys.platform != "linux":
        skip_or_fail("the formats of files and the loader's words are Linux's")
    fast_make.does(f'cp "{real_program}" "$target"')
    (executable,) = compiled(program(stan), cmdstan=fast_make.cmdstan)
    break_it(executable)
    capfd.readouterr()
    assert compiled(program(stan), cmdstan=fast_make.cmdstan) == [executable]
    said = capfd.readouterr().err
    assert re.search(f"first-.* is in the cache, but .*{re.escape(words)}", said), said
    assert "Compiling first" in said
    assert executable.read_bytes() == real_program.read_bytes()
    # once
    assert compiled(program(stan), cmdstan=fast_make.cmdstan) == [executable]
    assert len(fast_make.calls) == 2
    assert capfd.readouterr().err == ""
    assert executables(cache) == [executable]


def test_what_does_not_start_when_it_is_compiled_is_an_error(cache, fast_make, stan):
    fast_make.does('echo libx.so is not there > "$target"; chmod +x "$target"')
    for _ in range(2):
        with pytest.raises(CompilationError, match=r"first-\w+ was just compiled, and .*Exec form"):
            compiled(program(stan), cmdstan=fast_make.cmdstan, show_progress=False)
    # each time once
    assert len(fast_make.calls) == 2


def test_what_a_killed_process_left_in_the_cache_goes(cache, fast_make, stan):
    left = cache / "programs" / ".first-0.1a2b3c4d.partial"
    left.parent.mkdir(parents=True)
    left.write_text("half")
    assert compiled(program(stan), cmdstan=fast_make.cmdstan) == executables(cache)


@pytest.fixture
def prebuilt(tmp_path, monkeypatch) -> Path:
    """The folder in which a wheel brings executables, on a machine without CmdStan."""
    monkeypatch.setattr("pystan_mix.cmdstan.program.resource_dir", lambda name: tmp_path / name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CMDSTAN", raising=False)
    return tmp_path / "prebuilt"


def test_what_the_wheel_brought_needs_no_cmdstan(cache, fast_make, stan, prebuilt, capfd):
    both = [program(stan, "second"), program(stan)]
    brought = bring_compiled(*both, folder=prebuilt)
    assert compiled(*both) == brought
    assert fast_make.calls == []
    assert not cache.exists()
    assert capfd.readouterr() == ("", "")


def test_what_the_wheel_did_not_bring_is_compiled(cache, fast_make, stan, prebuilt, monkeypatch):
    brought = bring_compiled(program(stan), program(stan, "second"), folder=prebuilt)
    changed = program(stan, "second")
    appended(changed.path)
    with pytest.raises(CmdStanNotFoundError, match=r"^No usable CmdStan"):
        compiled(program(stan), changed)
    with pytest.raises(CmdStanNotFoundError, match=r"^No usable CmdStan"):
        compiled(program(stan, header=False))
    monkeypatch.setattr(compiling, "find_cmdstan", lambda: fast_make.cmdstan)
    found = compiled(changed, program(stan), program(stan, header=False), show_progress=False)
    assert found[1] == brought[0]
    assert {found[0], found[2]} == set(executables(cache))
    assert len(fast_make.calls) == 2


def test_a_cmdstan_that_is_named_compiles_all(cache, fast_make, stan, prebuilt):
    bring_compiled(program(stan), folder=prebuilt)
    found = compiled(program(stan), cmdstan=fast_make.cmdstan, show_progress=False)
    assert found == executables(cache)
    assert len(fast_make.calls) == 1


def test_what_the_wheel_brought_and_does_not_start_is_compiled(
    cache, fast_make, stan, prebuilt, monkeypatch, capfd
):
    (brought,) = bring_compiled(program(stan), folder=prebuilt, text="no program")
    words = f"{brought} came with the package, but it does not start: Exec format error."
    with pytest.raises(CmdStanNotFoundError, match=rf"^{re.escape(words)} No usable CmdStan"):
        compiled(program(stan))
    monkeypatch.setattr(compiling, "find_cmdstan", lambda: fast_make.cmdstan)
    assert compiled(program(stan)) == executables(cache)
    assert capfd.readouterr().err.startswith(f"{words}\nCompiling first with")
    # once
    assert compiled(program(stan)) == executables(cache)
    assert capfd.readouterr().err == ""
    assert len(fast_make.calls) == 1
