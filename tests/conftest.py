"""Fixtures that several test modules share, and a limit to how long a test may take."""

import contextlib
import faulthandler
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from skipping import need_executable, skip_or_fail

matplotlib.use("Agg")

from pystan_mix.cmdstan.install import install_cmdstan
from pystan_mix.cmdstan.locate import CmdStan, find_cmdstan
from pystan_mix.errors import CmdStanNotFoundError

_SECONDS = 300.0
# the first test that needs CmdStan waits for its installation, and for the programs' compilation
_SECONDS_OF_SETUP = 1800.0
# what the failure is given to be reported in, before all is ended
_GRACE_SECONDS = 60.0
_STDERR = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep a way to the terminal for the last words of a run that hangs."""
    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        config.stash[_STDERR] = os.dup(2)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Give fixtures the time that an installation takes."""
    with _limited(item, max(_SECONDS_OF_SETUP, _limit_of(item))):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Give a test its time."""
    with _limited(item, _limit_of(item)):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Give fixtures the time to clean up."""
    with _limited(item, _limit_of(item)):
        return (yield)


def _limit_of(item: pytest.Item) -> float:
    """Return the seconds that a test may take: what its marker `time_limit` says, or 300."""
    marker = item.get_closest_marker("time_limit")
    return _SECONDS if marker is None else float(marker.args[0])


@contextlib.contextmanager
def _limited(item: pytest.Item, seconds: float) -> Iterator[None]:
    """Fail what takes longer; where Python gets no turn to, show every stack and end it all."""

    def fail(signum: int, frame: object) -> None:
        pytest.fail(f"It is not done after {seconds:g} seconds.")

    before = signal.signal(signal.SIGALRM, fail)
    # again and again: what cleans up after the first failure may wait too
    signal.setitimer(signal.ITIMER_REAL, seconds, 5.0)
    faulthandler.dump_traceback_later(
        seconds + _GRACE_SECONDS, exit=True, file=item.config.stash[_STDERR]
    )
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def cmdstan() -> CmdStan:
    """A usable CmdStan: the one that is found, else one that is installed now."""
    try:
        return find_cmdstan()
    except CmdStanNotFoundError:
        return install_cmdstan()


@pytest.fixture(scope="session")
def course_data() -> Path:
    """The folder of the course's data sets and of PyMC's results on them."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        skip_or_fail(f"{folder} is missing: it holds the course's data and PyMC's results")
    return folder


@pytest.fixture
def nothing_prebuilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package as a wheel brings it that has no executables."""
    for module in ("cmdstan.program", "weighing.compiled.library"):
        monkeypatch.setattr(f"pystan_mix.{module}.resource_dir", lambda name: tmp_path / name)


@pytest.fixture(scope="session")
def make() -> None:
    """GNU make, where it is installed."""
    need_executable("make")


@pytest.fixture(scope="session")
def gxx() -> None:
    """GNU's compiler of C++, where it is installed."""
    need_executable("g++")


@pytest.fixture(scope="session")
def compiled_pm() -> Any:
    """PyMC, where it is installed, with graphs compiled as by default: for what draws."""
    return pytest.importorskip(
        "pymc", reason="PyMC is not installed: pip install '.[test,pymc]' && pytest -m pymc"
    )


@pytest.fixture
def pm(compiled_pm: Any) -> Iterator[Any]:
    """PyMC whose graphs are run by Python: compiling a graph takes seconds, and running it none."""
    import pytensor

    with pytensor.config.change_flags(linker="py"):
        yield compiled_pm
