"""Tests of pystan_mix.cmdstan.processes: programs that run together and are stopped together."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from interrupting import started

from pystan_mix.cmdstan.processes import Process, describe_exit, last_lines, run_processes

# runs the shell commands in argv[2:] at once, logging to the folder argv[1]
RUN_SHELLS = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from pystan_mix.cmdstan.processes import Process, run_processes
    folder = Path(sys.argv[1])
    run_processes(
        [Process(("sh", "-c", c), folder / f"{i}.log", folder) for i, c in enumerate(sys.argv[2:])],
        parallel=9,
    )
    """
)


def shell(folder: Path, name: str, command: str) -> Process:
    return Process(argv=("sh", "-c", command), log=folder / f"{name}.log", cwd=folder)


def wait_until(condition, *, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return False
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True
    return status.rpartition(")")[2].split()[0] != "Z"


def read_pids(folder: Path, count: int) -> list[int]:
    """Wait for `count` files *.pid and return what is in them."""

    def written():
        return [p for p in folder.glob("*.pid") if p.read_text().endswith("\n")]

    wait_until(lambda: len(written()) == count)
    return [int(path.read_text()) for path in written()]


def test_results_come_in_order_with_logs(tmp_path):
    processes = [
        shell(tmp_path, "slow", "sleep 0.2; echo out; echo err >&2"),
        shell(tmp_path, "fast", "pwd"),
    ]
    slow, fast = run_processes(processes, parallel=2)
    assert slow.returncode == fast.returncode == 0
    assert slow.ended - slow.started > 0.15
    assert fast.ended < slow.ended
    assert processes[0].log.read_text() == "out\nerr\n"
    assert Path(processes[1].log.read_text().strip()).samefile(tmp_path)


@pytest.mark.parametrize("parallel", [1, 2])
def test_no_more_than_parallel_run_at_once(tmp_path, parallel):
    command = "mkdir running.$$; set -- running.*; echo $#; sleep 0.1; rmdir running.$$"
    processes = [shell(tmp_path, str(i), command) for i in range(5)]
    assert all(done.returncode == 0 for done in run_processes(processes, parallel=parallel))
    at_once = [int(process.log.read_text()) for process in processes]
    assert max(at_once) == parallel


def test_nothing_to_run():
    assert run_processes([], parallel=2) == []


def test_on_poll_is_called_while_programs_run(tmp_path):
    calls = []
    run_processes([shell(tmp_path, "a", "sleep 0.2")], parallel=1, on_poll=lambda: calls.append(1))
    assert len(calls) > 3


def test_a_failure_stops_the_others_and_starts_no_more(tmp_path):
    processes = [
        shell(tmp_path, "long", "echo $$ > long.pid; sleep 60"),
        shell(tmp_path, "bad", "sleep 0.2; echo no such file; exit 7"),
        shell(tmp_path, "later", "touch later"),
    ]
    started = time.monotonic()
    long, bad, later = run_processes(processes, parallel=2)
    assert time.monotonic() - started < 5
    assert (long, later) == (None, None)
    assert bad.returncode == 7
    assert last_lines(processes[1].log) == "no such file"
    assert not (tmp_path / "later").exists()
    (pid,) = read_pids(tmp_path, 1)
    assert not is_alive(pid)


def test_a_failure_may_leave_the_others_alone(tmp_path):
    processes = [
        shell(tmp_path, "bad", "exit 7"),
        shell(tmp_path, "long", "sleep 0.3; echo done"),
        shell(tmp_path, "later", "exit 1"),
    ]
    finished = run_processes(processes, parallel=2, stop_at_failure=False)
    assert [result.returncode for result in finished] == [7, 0, 1]
    assert last_lines(processes[1].log) == "done"


def test_an_exception_while_polling_stops_the_programs(tmp_path):
    def fail():
        if list(tmp_path.glob("*.pid")):
            raise ValueError

    with pytest.raises(ValueError):
        run_processes([shell(tmp_path, "a", "echo $$ > a.pid; sleep 60")], parallel=1, on_poll=fail)
    (pid,) = read_pids(tmp_path, 1)
    wait_until(lambda: not is_alive(pid))


def test_a_program_that_is_not_there_stops_the_others(tmp_path):
    missing = Process(argv=("no-such-program",), log=tmp_path / "b.log", cwd=tmp_path)
    processes = [shell(tmp_path, "a", "sleep 60"), missing]
    started = time.monotonic()
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        run_processes(processes, parallel=2)
    assert time.monotonic() - started < 5


def test_ctrl_c_stops_children_and_grandchildren(tmp_path):
    # the sleep is a grandchild: the shell has more to do after it
    command = "echo $$ > shell.pid; sleep 60 & echo $! > sleep.pid; wait; true"
    other = "echo $$ > other.pid; sleep 60; true"
    with started([sys.executable, "-c", RUN_SHELLS, tmp_path, command, other]) as runner:
        pids = read_pids(tmp_path, 3)
        assert all(map(is_alive, pids))
        runner.send_signal(signal.SIGINT)
        _, complaint = runner.communicate(timeout=10)
    assert "KeyboardInterrupt" in complaint
    wait_until(lambda: not any(map(is_alive, pids)))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL])
def test_what_python_runs_ends_with_python(tmp_path, number):
    """Whatever ends it, and whatever the programs themselves ignore."""
    command = "echo $$ > shell.pid; sleep 60 & echo $! > sleep.pid; wait; true"
    stubborn = "trap '' TERM HUP; echo $$ > stubborn.pid; while true; do sleep 0.1; done"
    with started([sys.executable, "-c", RUN_SHELLS, tmp_path, command, stubborn]) as runner:
        pids = read_pids(tmp_path, 3)
        assert all(map(is_alive, pids))
        runner.send_signal(number)
        wait_until(lambda: not any(map(is_alive, pids)), seconds=5)
        # after its own end, not before
        assert runner.wait(timeout=10) == -number


def test_what_a_thread_of_python_runs_goes_on_while_another_ends(tmp_path):
    done = []

    def run():
        done.extend(run_processes([shell(tmp_path, "a", "sleep 0.5; echo done")], parallel=1))

    other = threading.Thread(target=run_processes, args=([],), kwargs={"parallel": 1})
    runner = threading.Thread(target=run)
    for thread in (runner, other):
        thread.start()
    for thread in (other, runner):
        thread.join(timeout=10)
    assert [result.returncode for result in done] == [0]
    assert last_lines(tmp_path / "a.log") == "done"


def test_what_a_program_leaves_ends_with_the_call(tmp_path):
    command = "sleep 60 & echo $! > sleep.pid"
    (finished,) = run_processes([shell(tmp_path, "a", command)], parallel=1)
    assert finished.returncode == 0
    (pid,) = read_pids(tmp_path, 1)
    wait_until(lambda: not is_alive(pid))


def test_nothing_of_ours_is_left_of_a_call(tmp_path):
    def children() -> list[str]:
        listing = subprocess.run(
            ["ps", "-A", "-o", "ppid=,args="], capture_output=True, text=True, check=True
        )
        rows = [line.split(maxsplit=1) for line in listing.stdout.splitlines()]
        return [args for ppid, args in rows if int(ppid) == os.getpid() and "ps -A" not in args]

    before = children()
    run_processes([shell(tmp_path, "a", "true")], parallel=1)
    with pytest.raises(FileNotFoundError):
        run_processes([Process(("no-such-program",), tmp_path / "b.log", tmp_path)], parallel=1)
    assert children() == before


def test_what_ignores_sigterm_is_killed(tmp_path):
    stubborn = "trap '' TERM; echo $$ > stubborn.pid; while true; do sleep 0.1; done"
    # here the head of the group ends politely, but leaves a child that does not
    survivor = "(trap '' TERM; sleep 60 & echo $! > survivor.pid; wait) & wait"
    bad = "while [ ! -s stubborn.pid ] || [ ! -s survivor.pid ]; do sleep 0.05; done; exit 1"
    processes = [
        shell(tmp_path, name, command)
        for name, command in [("stubborn", stubborn), ("survivor", survivor), ("bad", bad)]
    ]
    *others, failed = run_processes(processes, parallel=3)
    assert others == [None, None]
    assert failed.returncode == 1
    pids = read_pids(tmp_path, 2)
    wait_until(lambda: not any(map(is_alive, pids)))


def test_a_second_ctrl_c_leaves_nothing_behind(tmp_path):
    stubborn = "trap '' TERM; echo $$ > stubborn.pid; while true; do sleep 0.1; done"
    with started([sys.executable, "-c", RUN_SHELLS, tmp_path, stubborn]) as runner:
        (pid,) = read_pids(tmp_path, 1)
        runner.send_signal(signal.SIGINT)
        time.sleep(0.5)
        runner.send_signal(signal.SIGINT)
        runner.communicate(timeout=10)
    wait_until(lambda: not is_alive(pid))


def test_a_signal_is_named(tmp_path):
    (killed,) = run_processes([shell(tmp_path, "a", "kill -KILL $$")], parallel=1)
    assert describe_exit(killed.returncode) == "was killed by signal 9 (SIGKILL)"


@pytest.mark.parametrize(
    ("returncode", "text"),
    [
        (1, "ended with exit code 1"),
        (-signal.SIGSEGV, "was killed by signal 11 (SIGSEGV)"),
        (-99, "was killed by signal 99 (unknown)"),
    ],
)
def test_describe_exit(returncode, text):
    assert describe_exit(returncode) == text


def test_last_lines(tmp_path):
    log = tmp_path / "a.log"
    assert last_lines(log) == ""
    log.write_bytes(b"one\n\n \ntwo\xff\nthree\n\n")
    assert last_lines(log, count=2) == "two\N{REPLACEMENT CHARACTER}\nthree"
