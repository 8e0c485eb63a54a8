"""Tests of pystan_mix.console: a bar that follows logs."""

import io
import sys

import pytest
from tqdm import tqdm

from pystan_mix import console as progress
from pystan_mix.console import Progress, followed_logs

NUTS = Progress(description="NUTS, 2 chains", pattern=r"^Iteration:\s+(\d+) /", total=200)
ADVI = Progress(description="ADVI", pattern=r"^ +(\d+) +-?\d", total=1000)


class Terminal(io.StringIO):
    """A terminal that remembers what is written to it."""

    def isatty(self):
        """Say what a terminal says."""
        return True


def watch(monkeypatch) -> Terminal:
    """Make standard error a terminal that is redrawn at once."""
    # no fixture: pytest puts its own standard error there after fixtures are set up
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "_TERMINAL_SECONDS", 0.0)
    return terminal


def last_frame(terminal: io.StringIO) -> str:
    return terminal.getvalue().rstrip("\n").rsplit("\r", 1)[-1]


def test_the_bar_follows_the_logs(tmp_path, monkeypatch):
    screen = watch(monkeypatch)
    logs = [tmp_path / "1.log", tmp_path / "2.log"]
    with followed_logs(logs, progress=NUTS) as update:
        update()
        # neither of the logs is there yet
        assert "0/200" in last_frame(screen)
        logs[0].write_text("Iteration:  1 / 100 [  1%]  (Warmup)\n")
        update()
        assert "1/200" in last_frame(screen)
        logs[1].write_text("Gradient evaluation took 0 seconds\nIteration:   30 / 100 [ 30%]\n")
        update()
        assert "31/200" in last_frame(screen)
        assert "NUTS, 2 chains" in last_frame(screen)
        with logs[0].open("a") as log:
            log.write("Iteration: 100 / 100 [100%]  (Sampling)\n")
        with logs[1].open("a") as log:
            log.write("Iteration: 100 / 100 [100%]  (Sampling)\n\n Elapsed Time: 7 seconds\n")
    # the last lines are read at the end without being asked for
    assert "200/200" in last_frame(screen)
    assert "100%" in last_frame(screen)
    assert screen.getvalue().endswith("\n")


def test_the_bar_follows_what_advi_prints(tmp_path, monkeypatch):
    screen = watch(monkeypatch)
    log = tmp_path / "advi.log"
    with followed_logs([log], progress=ADVI) as update:
        log.write_text(
            "Begin eta adaptation.\nIteration:  50 / 250 [ 20%]  (Adaptation)\n"
            "Success! Found best value [eta = 1] earlier than expected.\n"
            "  iter             ELBO   delta_ELBO_mean   delta_ELBO_med   notes \n"
            "   100          -57.668             1.000            1.000\n"
            "   200          -54.123             0.533            1.000\n"
        )
        update()
        assert "200/1000" in last_frame(screen)


def test_the_last_iteration_of_a_long_log_counts(tmp_path, monkeypatch):
    screen = watch(monkeypatch)
    log = tmp_path / "long.log"
    log.write_text("".join(f"Iteration: {i} / 2000000\n" for i in range(100_000, 120_000)))
    with followed_logs([log], progress=NUTS) as update:
        update()
        assert "119999" in last_frame(screen)


def test_a_log_file_gets_a_line_now_and_then(tmp_path, monkeypatch):
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    log = tmp_path / "1.log"
    with followed_logs([log], progress=NUTS) as update:
        update()
        frames = written.getvalue().count("\r")
        for iteration in range(50):
            log.write_text(f"Iteration: {iteration} / 100\n")
            update()
        assert written.getvalue().count("\r") == frames
    assert "49/200" in written.getvalue()


def test_nothing_is_printed_or_read_without_progress(tmp_path, monkeypatch):
    screen = watch(monkeypatch)
    with followed_logs([tmp_path], progress=None) as update:
        assert update() is None
    assert screen.getvalue() == ""


@pytest.mark.parametrize("fails", [False, True])
def test_no_bar_is_left_open(tmp_path, monkeypatch, fails):
    screen = watch(monkeypatch)
    try:
        with followed_logs([tmp_path / "1.log"], progress=NUTS) as update:
            update()
            assert len(tqdm._instances) == 1
            if fails:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert fails
    assert len(tqdm._instances) == 0
    assert screen.getvalue().endswith("\n")
