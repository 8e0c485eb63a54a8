"""Tests of pystan_mix.cmdstan.compile: Stan programs compiled once, whole or not at all."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

from pystan_mix.cmdstan import compile as programs
from pystan_mix.cmdstan.compile import compiled, program_for
from pystan_mix.cmdstan.locate import CmdStan
from pystan_mix.cmdstan.run import Call, run_cmdstan, workspace
from pystan_mix.errors import CompilationError, SettingsError
from pystan_mix.mixtures.model import NormalMixture, stan_data
from pystan_mix.mixtures.priors import Normal
from pystan_mix.resources import resource_dir

ROOT = Path(__file__).resolve().parents[2]
NAME = "normal_mixture_known_sigma"


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache; the programs' executables go to its folder `programs`."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("PYSTAN_MIX_CACHE", str(folder))
    return folder


@pytest.fixture
def stan(tmp_path, monkeypatch) -> Path:
    """A copy of the Stan programs that may be changed."""
    folder = shutil.copytree(resource_dir("stan"), tmp_path / "stan")
    monkeypatch.setattr(programs, "resource_dir", lambda name: folder)
    return folder


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


@pytest.mark.parametrize(
    ("sigma", "likelihood", "name"),
    [
        (None, "stan", "normal_mixture"),
        (None, "fused", "normal_mixture"),
        (1.0, "stan", "normal_mixture_known_sigma"),
        ((1.0, 2.0), "stan", "normal_mixture_known_sigma"),
        (1.0, "by_hand", "normal_mixture_by_hand"),
    ],
)
def test_program_for(sigma, likelihood, name):
    assert program_for(NormalMixture(n_components=2, sigma=sigma), likelihood=likelihood) == name
    assert (resource_dir("stan") / f"{name}.stan").is_file()


@pytest.mark.parametrize(
    ("sigma", "likelihood", "words"),
    [
        (None, "by_hand", "'by_hand' is for known standard deviations; give sigma as a number"),
        (1.0, "Stan", "likelihood must be one of fused, stan, by_hand; it is 'Stan'"),
        (1.0, None, "it is None"),
    ],
)
def test_no_program_for(sigma, likelihood, words):
    with pytest.raises(SettingsError, match=words):
        program_for(NormalMixture(n_components=2, sigma=sigma), likelihood=likelihood)


def test_programs_are_compiled_once_and_come_in_order(cache, fast_make, capfd):
    names = ["normal_mixture_by_hand", "normal_mixture", "normal_mixture_by_hand"]
    found = compiled(*names, cmdstan=fast_make.cmdstan)
    assert [path.name.rsplit("-", 1)[0] for path in found] == names
    assert found[0] == found[2]
    assert all(os.access(path, os.X_OK) for path in found)
    assert sorted(Path(call).name for call in fast_make.calls) == sorted(set(names))
    said = capfd.readouterr()
    assert "Compiling normal_mixture_by_hand, normal_mixture with CmdStan 2.27.0" in said.err
    assert compiled(*names, cmdstan=fast_make.cmdstan) == found
    assert len(fast_make.calls) == 2
    assert capfd.readouterr() == said._replace(err="")
    assert executables(cache) == sorted(set(found))


def test_nothing_is_said_if_no_progress_is_wanted(cache, fast_make, capfd):
    compiled(NAME, cmdstan=fast_make.cmdstan, show_progress=False)
    assert capfd.readouterr() == ("", "")


def appended(path: Path) -> None:
    path.write_text(path.read_text() + "// a remark\n")


@pytest.mark.parametrize(
    ("change", "again"),
    [
        pytest.param(lambda stan: appended(stan / f"{NAME}.stan"), True, id="its text"),
        pytest.param(
            lambda stan: appended(stan / "functions" / "densities.stanfunctions"),
            True,
            id="an included file",
        ),
        pytest.param(
            lambda stan: (stan / "functions" / "densities.stanfunctions").rename(
                stan / "functions" / "others.stanfunctions"
            ),
            True,
            id="an included file's name",
        ),
        pytest.param(
            lambda stan: appended(stan / "normal_mixture.stan"), False, id="another program"
        ),
        pytest.param(lambda stan: (stan / "notes.txt").write_text("x"), False, id="a note"),
    ],
)
def test_the_cache_knows_a_program_by_its_text(cache, fast_make, stan, change, again):
    (before,) = compiled(NAME, cmdstan=fast_make.cmdstan)
    change(stan)
    (after,) = compiled(NAME, cmdstan=fast_make.cmdstan)
    assert (before != after) == again
    assert len(fast_make.calls) == 1 + again
    # the old one stays for those who have the old text
    assert before.exists()


def test_the_cache_knows_a_program_by_its_cmdstan(cache, fast_make, tmp_path):
    (before,) = compiled(NAME, cmdstan=fast_make.cmdstan)
    newer = dataclasses.replace(fast_make.cmdstan, version=(2, 36, 0))
    elsewhere = CmdStan(path=tmp_path / "elsewhere", version=(2, 27, 0))
    (elsewhere.path / "make").mkdir(parents=True)
    found = {before, *compiled(NAME, cmdstan=newer), *compiled(NAME, cmdstan=elsewhere)}
    (fast_make.cmdstan.path / "make" / "local").write_text("STAN_THREADS=true\n")
    found |= set(compiled(NAME, cmdstan=fast_make.cmdstan))
    assert len(found) == len(fast_make.calls) == 4
    # and back again
    (fast_make.cmdstan.path / "make" / "local").unlink()
    assert compiled(NAME, cmdstan=fast_make.cmdstan) == [before]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("echo cc1plus: out of memory; exit 2", "make ended with exit code 2.\ncc1plus: out of"),
        (f"{WRITE}; kill -KILL $$", "make was killed by signal 9 (SIGKILL)"),
    ],
)
def test_a_compile_that_fails_leaves_nothing(cache, fast_make, body, words):
    fast_make.does(body)
    with pytest.raises(CompilationError) as caught:
        compiled(NAME, cmdstan=fast_make.cmdstan)
    assert f"{NAME} did not compile: {words}" in str(caught.value)
    assert executables(cache) == []
    # and does not stand in the way of the next
    fast_make.does(WRITE)
    assert compiled(NAME, cmdstan=fast_make.cmdstan)[0].exists()


def test_an_executable_that_is_half_copied_is_none(cache, fast_make, monkeypatch):
    copy = shutil.copy

    def interrupted_copy(source, target):
        if Path(target).is_relative_to(cache):
            Path(target).write_bytes(b"#!/b")
            raise KeyboardInterrupt
        return copy(source, target)

    monkeypatch.setattr(programs.shutil, "copy", interrupted_copy)
    with pytest.raises(KeyboardInterrupt):
        compiled(NAME, cmdstan=fast_make.cmdstan)
    assert executables(cache) == []


def test_of_two_programs_one_fails(cache, fast_make):
    fast_make.does(f'case "$target" in *by_hand) exit 3;; esac; {WRITE}; sleep 30')
    started = time.monotonic()
    with pytest.raises(CompilationError, match="normal_mixture_by_hand did not compile"):
        compiled(NAME, "normal_mixture_by_hand", cmdstan=fast_make.cmdstan)
    assert time.monotonic() - started < 15
    assert executables(cache) == []


def test_without_make(cache, fast_make, monkeypatch):
    monkeypatch.setenv("MAKE", "no-such-make")
    with pytest.raises(CompilationError, match=r"no-such-make cannot be run.*apt-get install make"):
        compiled(NAME, cmdstan=fast_make.cmdstan)
    assert executables(cache) == []


def test_stans_complaint_is_shown(cache, cmdstan, stan):
    path = stan / "normal_mixture_by_hand.stan"
    path.write_text(path.read_text().replace("real c = max(x);", "real c = maximum(x);"))
    with pytest.raises(CompilationError) as caught:
        compiled("normal_mixture_by_hand", cmdstan=cmdstan, show_progress=False)
    message = str(caught.value)
    for words in (
        "normal_mixture_by_hand did not compile: make ended with exit code",
        "real c = maximum(x);",
        "'maximum'",
        "pystan-mix doctor",
    ):
        assert words in message
    assert executables(cache) == []


ODD = "a b $(x)"


def test_odd_names_of_the_cache_and_of_the_temporary_folder(cmdstan, tmp_path, monkeypatch):
    """Compiled and run for real: make would expand the one and split at the other."""
    cache, temporary = tmp_path / "my cache", tmp_path / ODD
    temporary.mkdir()
    monkeypatch.setenv("PYSTAN_MIX_CACHE", str(cache))
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert tempfile.gettempdir() == str(temporary)
    (executable,) = compiled(NAME, cmdstan=cmdstan, show_progress=False)
    assert executables(cache) == [executable]
    model = NormalMixture(n_components=2, means=Normal(0, 10), sigma=1.0)
    with workspace(executable, keep_in=None) as space:
        data = space.write_data("data", stan_data(model, [-2.0, -1.0, 1.0, 2.0]))
        call = Call(method=("sample", "num_samples=20", "num_warmup=50"), data=data, seed=1)
        (csv,) = run_cmdstan(space, "chain", [call], parallel=1).csvs
    assert csv.settings["model"] == f"{NAME}_model"
    assert csv.draws.shape[0] == 20
    assert list(temporary.iterdir()) == []


def test_a_temporary_folder_that_make_takes_is_used(cache, fast_make, tmp_path, monkeypatch):
    plain = tmp_path / "plain-1.2_3"
    plain.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(plain))
    compiled(NAME, cmdstan=fast_make.cmdstan)
    assert fast_make.calls[0].startswith(f"{plain}/pystan_mix-")
    assert list(plain.iterdir()) == []


@pytest.mark.parametrize("name", [ODD, "semi;colon", "a'b", "käse", "tab\t"])
def test_no_odd_name_reaches_make(cache, fast_make, tmp_path, monkeypatch, name):
    (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / name))
    compiled(NAME, cmdstan=fast_make.cmdstan)
    assert name not in fast_make.calls[0]
    assert list((tmp_path / name).iterdir()) == []


def test_no_temporary_folder_that_make_takes(cache, fast_make, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ODD))
    monkeypatch.setattr(programs.os, "access", lambda *args: False)
    with pytest.raises(CompilationError, match=r"a b \$\(x\).*Set TMPDIR"):
        compiled(NAME, cmdstan=fast_make.cmdstan)
    assert fast_make.calls == []


COMPILE = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from pystan_mix.cmdstan.locate import CmdStan
    from pystan_mix.cmdstan.compile import compiled
    cmdstan = CmdStan(path=Path(sys.argv[1]), version=(2, 27, 0))
    print(*compiled("normal_mixture", cmdstan=cmdstan))
    """
)


def python(cmdstan: CmdStan, **environment: str) -> subprocess.Popen[str]:
    """Start another Python that compiles a program."""
    return subprocess.Popen(
        [sys.executable, "-c", COMPILE, cmdstan.path],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_at_once_compile_once(cache, fast_make):
    # the first to come waits for the sign that there is a second one, so they do overlap
    both = fast_make.folder / "both"
    fast_make.does(f'while [ ! -e "{both}" ]; do sleep 0.02; done; {WRITE}')
    with python(fast_make.cmdstan) as first:
        wait_until(lambda: len(fast_make.calls) == 1)
        with python(fast_make.cmdstan) as second:
            assert second.stderr.readline().startswith("Another process is compiling; waiting")
            both.touch()
            answers = [process.communicate(timeout=30)[0] for process in (first, second)]
    assert first.returncode == second.returncode == 0
    assert answers[0] == answers[1] == f"{executables(cache)[0]}\n"
    assert len(fast_make.calls) == len(executables(cache)) == 1


def test_who_waited_compiles_if_the_other_failed(cache, fast_make):
    both = fast_make.folder / "both"
    fast_make.does(
        f'if mkdir "{fast_make.folder}/once"; then while [ ! -e "{both}" ]; do sleep 0.02; done; '
        f"exit 1; fi; {WRITE}"
    )
    with python(fast_make.cmdstan) as first:
        wait_until(lambda: len(fast_make.calls) == 1)
        with python(fast_make.cmdstan) as second:
            assert second.stderr.readline().startswith("Another process is compiling; waiting")
            both.touch()
            assert "CompilationError" in first.communicate(timeout=30)[1]
            answer, _ = second.communicate(timeout=30)
    assert answer == f"{executables(cache)[0]}\n"
    assert len(fast_make.calls) == 2


def test_an_interrupted_compile_leaves_nothing(cache, cmdstan, tmp_path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with python(cmdstan, TMPDIR=str(temporary)) as compiling:
        # not make alone: the C++ compiler is at work, three processes further down
        wait_until(
            lambda: any(
                "cc1plus" in line or "clang" in line for line in processes_that_name(temporary)
            )
        )
        compiling.send_signal(signal.SIGINT)
        _, complaint = compiling.communicate(timeout=30)
    assert "KeyboardInterrupt" in complaint
    assert executables(cache) == []
    wait_until(lambda: processes_that_name(temporary) == [], seconds=5)
    assert list(temporary.iterdir()) == []
