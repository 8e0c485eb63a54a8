"""Tests of pystan_mix.cmdstan.run: CmdStan run for real, and with faults put in."""

import contextlib
import json
import os
import signal
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from full_disk import largest_file
from interrupting import started

from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.run import Call, run_cmdstan, workspace
from pystan_mix.cmdstan.stan_csv import read_elbo_history, read_stan_csv
from pystan_mix.console import Progress
from pystan_mix.errors import OutputError, SamplingError, SettingsError
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.priors import Normal
from pystan_mix.mixtures.scale_priors import HalfNormal
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.target import target_of
from pystan_mix.study.simulation import simulate

ROOT = Path(__file__).resolve().parents[2]
RECORDED = Path(__file__).resolve().parents[1] / "recorded"
MODEL = NormalMixture(n_components=2, means=Normal(0, 10), sigma=HalfNormal(5), min_weight=0.1)
Y = simulate(30, theta=[0.4, 0.6], mu=[-3, 3], sigma=1.0, seed=1).round(1)
SAMPLE = ("sample", "num_samples=60", "num_warmup=100")


@pytest.fixture(scope="module")
def program(cmdstan) -> Path:
    (executable,) = compiled(stan_program("normal"), show_progress=False)
    return executable


def data_block(*, n_rep: int = 5, save_log_lik: bool = True) -> dict:
    return stan_data(target_of(MODEL, Y), n_rep=n_rep, save_log_lik=save_log_lik)


def fake(folder: Path, body: str) -> Path:
    """An executable in CmdStan's place: `$out` is its CSV file, `$id` its chain."""
    path = folder / "fake"
    parse = 'for a; do case "$a" in file=*.csv) out=${a#file=};; id=*) id=${a#id=};; esac; done'
    path.write_text(f"#!/bin/sh\n{parse}\n{body}\n")
    path.chmod(0o755)
    return path


def run_fake(
    folder: Path, body: str, *, chains: int = 1, keep_in: Path | None = None, **options: bool
):
    with workspace(fake(folder, body), keep_in=keep_in) as space:
        calls = [
            Call(method=SAMPLE, data=space.write_data("data", data_block()), seed=1)
            for _ in range(chains)
        ]
        return run_cmdstan(space, "chain", calls, parallel=chains, **options)


def is_gone(pid: int) -> bool:
    """Whether a process neither runs nor waits to be reaped."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def wait_until(condition, *, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def test_sample(program):
    with workspace(program, keep_in=None) as space:
        call = Call(
            method=(*SAMPLE, "adapt", "delta=0.9"),
            data=space.write_data("data", data_block()),
            seed=11,
            init=space.write_data(
                "init", {"theta_raw": [0.5, 0.5], "mu_raw": [-3, 3], "sigma_raw": [1, 1]}
            ),
            output=("refresh=50",),
        )
        before = time.perf_counter()
        run = run_cmdstan(space, "chain", [call, call, call], parallel=2)
        assert 0 < run.seconds < time.perf_counter() - before
    assert not space.folder.exists()
    assert [csv.path.name for csv in run.csvs] == ["chain-1.csv", "chain-2.csv", "chain-3.csv"]
    assert [csv.settings["id"] for csv in run.csvs] == ["1", "2", "3"]
    assert {csv.settings["seed"] for csv in run.csvs} == {"11"}
    assert {csv.settings["init"] for csv in run.csvs} == {"init.json"}
    assert all(len(csv.draws) == 60 for csv in run.csvs)
    assert all("Iteration: 160 / 160 [100%]" in log for log in run.logs)
    # the same seed for all: the chain's number makes them differ
    assert len({csv.rows.tobytes() for csv in run.csvs}) == 3
    for csv in run.csvs:
        # 15 digits: theta is what the floor makes of theta_raw, to the rounding of both
        floored = 0.1 + 0.8 * csv.variable("theta_raw")
        np.testing.assert_allclose(csv.variable("theta"), floored, rtol=0, atol=2e-15)


def test_the_same_seed_gives_the_same_draws(program):
    rows = []
    for seed in (5, 5, 6):
        with workspace(program, keep_in=None) as space:
            call = Call(method=SAMPLE, data=space.write_data("data", data_block()), seed=seed)
            rows.append(run_cmdstan(space, "chain", [call], parallel=1).csvs[0].rows)
    assert np.array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0], rows[2])


@pytest.mark.parametrize("algorithm", ["meanfield", "fullrank"])
@pytest.mark.parametrize("adapt", [(), ("eta=0.1", "adapt", "engaged=0")])
def test_variational(program, algorithm, adapt):
    with workspace(program, keep_in=None) as space:
        call = Call(
            method=(
                "variational",
                f"algorithm={algorithm}",
                "iter=500",
                "output_samples=50",
                *adapt,
            ),
            data=space.write_data("data", data_block(n_rep=0, save_log_lik=False)),
            seed=1,
            output=("diagnostic_file=history.csv",),
        )
        run = run_cmdstan(space, "advi", [call], parallel=1)
        history = read_elbo_history(space.folder / "history.csv")
    (csv,) = run.csvs
    assert csv.method == "variational"
    assert csv.settings["algorithm"] == algorithm
    assert csv.draws.shape == (50, len(csv.names))
    assert 1 <= len(history) <= 5
    assert "Drawing a sample of size 50" in run.logs[0]


def test_what_cmdstan_refuses_is_said_in_its_own_words(program, tmp_path):
    with workspace(program, keep_in=tmp_path / "kept") as space:
        data = space.write_data("data", data_block() | {"min_weight": 0.7})
        call = Call(method=SAMPLE, data=data, seed=1)
        with pytest.raises(SamplingError) as caught:
            run_cmdstan(space, "chain", [call], parallel=1)
    assert not isinstance(caught.value, OutputError)
    for word in ("(chain-1)", "ended with exit code", "min_weight", "0.7", "another seed"):
        assert word in str(caught.value)
    # the files are there to be looked at
    assert json.loads((tmp_path / "kept" / "data.json").read_text())["min_weight"] == 0.7
    assert "min_weight" in (tmp_path / "kept" / "chain-1.log").read_text()


def test_files_are_kept_whole_and_only_if_asked_for(program, tmp_path):
    kept = tmp_path / "new" / "folder"
    with workspace(program, keep_in=kept) as space:
        call = Call(method=SAMPLE, data=space.write_data("data", data_block()), seed=1)
        run = run_cmdstan(space, "chain", [call], parallel=1)
        assert not kept.exists()
    names = [path.name for path in sorted(kept.iterdir())]
    assert names == ["chain-1.csv", "chain-1.log", "data.json"]
    assert np.array_equal(read_stan_csv(kept / "chain-1.csv").rows, run.csvs[0].rows)
    assert json.loads((kept / "data.json").read_text()) == data_block()


def test_a_temporary_folder_with_an_odd_name(program, tmp_path, monkeypatch):
    odd = tmp_path / "a b $(x) 'q'"
    odd.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(odd))
    with workspace(program, keep_in=odd / "kept") as space:
        assert space.folder.parent == odd
        call = Call(method=SAMPLE, data=space.write_data("data", data_block()), seed=1)
        assert len(run_cmdstan(space, "chain", [call], parallel=1).csvs[0].draws) == 60
    assert [path.name for path in odd.iterdir()] == ["kept"]


def test_progress_is_shown_of_a_real_run(program, capfd):
    progress = Progress(description="NUTS", pattern=r"^Iteration:\s+(\d+) /", total=320)
    with workspace(program, keep_in=None) as space:
        call = Call(method=SAMPLE, data=space.write_data("data", data_block()), seed=1)
        run_cmdstan(space, "chain", [call, call], parallel=2, progress=progress)
        assert "NUTS: 100%" in capfd.readouterr().err
        run_cmdstan(space, "quiet", [call], parallel=1)
    assert capfd.readouterr() == ("", "")


WHOLE = f'cp "{RECORDED}/nuts-1.csv" "$out"'


def test_the_fake_is_taken_for_cmdstan_where_it_has_no_fault(tmp_path):
    """So that it is the fault that the other tests see."""
    run = run_fake(tmp_path, f"echo all well; {WHOLE}", chains=2)
    assert all(len(csv.draws) == 60 for csv in run.csvs)
    assert run.logs == ("all well\n", "all well\n")


def test_some_may_fail(tmp_path):
    body = (
        f"if [ $id = 2 ]; then echo all proposed step-sizes failed; exit 70; fi; sleep 0.2; {WHOLE}"
    )
    run = run_fake(tmp_path, body, chains=3, some_may_fail=True)
    assert run.positions == (0, 2)
    assert [csv.path.name for csv in run.csvs] == ["chain-1.csv", "chain-3.csv"]
    assert len(run.logs) == 2
    assert run_fake(tmp_path, WHOLE, chains=2, some_may_fail=True).positions == (0, 1)


@pytest.mark.parametrize("chains", [1, 3])
def test_not_all_may_fail(tmp_path, chains):
    body = "echo all proposed step-sizes failed of $id; exit 70"
    with pytest.raises(SamplingError, match=r"step-sizes failed of 1\n.*another seed") as caught:
        run_fake(tmp_path, body, chains=chains, some_may_fail=True)
    assert ("All 3 failed" in str(caught.value)) == (chains == 3)


def test_what_is_cut_off_is_an_error_even_where_some_may_fail(tmp_path):
    body = f"{WHOLE}; if [ $id = 2 ]; then truncate -s 9000 $out; fi"
    with pytest.raises(OutputError, match=r"chain-2\.csv is cut off"):
        run_fake(tmp_path, body, chains=3, some_may_fail=True)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("exit 0", "chain-1.csv cannot be read: No such file"),
        (': > "$out"', "holds no draws"),
        (f'head -c 20000 "{RECORDED}/nuts-1.csv" > "$out"', "is cut off in row"),
        (f'sed 60d "{RECORDED}/nuts-1.csv" > "$out"', "has 59 rows where 60 were asked for"),
        (f'sed "60s/,[^,]*,/,nan,/" "{RECORDED}/nuts-1.csv" > "$out"', "accept_stat__ is nan"),
        (f'sed "60s/^[^,]*/-inf/" "{RECORDED}/nuts-1.csv" > "$out"', "lp__ is -inf"),
        ('echo "Segmentation fault" > "$out"', "no whole output"),
    ],
)
def test_output_that_is_not_whole(tmp_path, body, words):
    with pytest.raises(OutputError) as caught:
        run_fake(tmp_path, body, keep_in=tmp_path / "kept")
    assert words in str(caught.value)
    assert (tmp_path / "kept" / "data.json").exists()


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("kill -KILL $$", "was killed by signal 9 (SIGKILL)"),
        ("kill -SEGV $$", "was killed by signal 11 (SIGSEGV)"),
        ("exit 70", "ended with exit code 70"),
    ],
)
def test_a_process_that_fails(tmp_path, end, words):
    # the output is whole: the exit code counts
    body = f"{WHOLE}; for i in $(seq 40); do echo line $i; done; echo bad alloc >&2; {end}"
    with pytest.raises(SamplingError) as caught:
        run_fake(tmp_path, body, keep_in=tmp_path / "kept")
    message = str(caught.value)
    assert not isinstance(caught.value, OutputError)
    assert f"CmdStan (chain-1) {words}. Its last lines:\nline 27\n" in message
    assert "line 40\nbad alloc\n" in message
    assert "line 26\n" not in message
    assert (tmp_path / "kept" / "chain-1.log").read_text().startswith("line 1\n")


def test_a_full_disk_before_cmdstan_begins(tmp_path):
    with (
        workspace(fake(tmp_path, WHOLE), keep_in=tmp_path / "kept") as space,
        largest_file(100),
        pytest.raises(SettingsError, match=r"data\.json cannot be written: File too large.*TMPDIR"),
    ):
        space.write_data("data", data_block())


def test_a_full_disk_while_cmdstan_writes(program, tmp_path):
    """For real: not what is read, but that it was not all written, is what is told."""
    with workspace(program, keep_in=None) as space, largest_file(20_000):
        call = Call(
            method=("sample", "num_samples=5000"),
            data=space.write_data("data", data_block()),
            seed=1,
        )
        with pytest.raises(SamplingError, match=r"SIGXFSZ(.|\n)*check memory and disk"):
            run_cmdstan(space, "chain", [call], parallel=1)


def test_a_full_disk_where_files_are_kept(tmp_path):
    """What was kept before stays as it was, all of it: runs are not mixed."""
    kept = tmp_path / "kept"
    run_fake(tmp_path, WHOLE, keep_in=kept)
    before = {path.name: path.read_bytes() for path in kept.iterdir()}
    body = f"ulimit -f unlimited; echo another > a-note; {WHOLE}"
    with (
        largest_file(len(before["chain-1.csv"]) - 1),
        pytest.raises(SettingsError, match=r"kept/chain-1\.csv cannot be written: File too large"),
    ):
        run_fake(tmp_path, body, keep_in=kept)
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_went_wrong_first_is_told(tmp_path, error):
    def fail():
        with (
            contextlib.ExitStack() as limit,
            workspace(fake(tmp_path, WHOLE), keep_in=tmp_path / "kept") as space,
        ):
            space.write_data("data", data_block())
            limit.enter_context(largest_file(100))
            raise error

    with pytest.raises(error) as caught:
        fail()
    (note,) = caught.value.__notes__
    assert "data.json cannot be written" in note
    assert list((tmp_path / "kept").iterdir()) == []


@pytest.mark.parametrize("parallel", [1, 2])
def test_a_program_that_cannot_be_run(tmp_path, parallel):
    path = fake(tmp_path, WHOLE)
    path.chmod(0o644)
    with workspace(path, keep_in=None) as space:
        call = Call(method=SAMPLE, data=space.write_data("data", data_block()), seed=1)
        with pytest.raises(SamplingError, match=r"not be run: .*Permission denied.*remove .*fake"):
            run_cmdstan(space, "chain", [call, call], parallel=parallel)


def test_the_failure_of_one_stops_the_others(tmp_path):
    pid = tmp_path / "pid"
    body = (
        f'if [ "$id" = 1 ]; then sleep 60 & echo $$ $! > "{pid}.part"; mv "{pid}.part" "{pid}"; '
        f'wait; fi; while [ ! -e "{pid}" ]; do sleep 0.02; done; echo no memory; exit 70'
    )
    started = time.monotonic()
    with pytest.raises(SamplingError, match=r"\(chain-2\) ended with exit code 70(.|\n)*no memory"):
        run_fake(tmp_path, body, chains=2)
    assert time.monotonic() - started < 20
    shell, sleep = map(int, pid.read_text().split())
    # the shell was this process's child: it must be reaped too
    assert is_gone(shell)
    wait_until(lambda: is_gone(sleep))


RUN = textwrap.dedent(
    """
    import sys, tempfile
    from pathlib import Path
    from pystan_mix.cmdstan.run import Call, run_cmdstan, workspace
    with workspace(Path(sys.argv[1]), keep_in=Path(sys.argv[2])) as space:
        data = space.write_data("data", {})
        call = Call(method=("sample",), data=data, seed=1)
        run_cmdstan(space, "chain", [call, call], parallel=2)
    """
)


def test_ctrl_c_stops_every_process_and_keeps_the_files(tmp_path):
    body = (
        f'echo working; echo "# half" > "$out"; echo $$ > "{tmp_path}/$id.part"; '
        f'mv "{tmp_path}/$id.part" "{tmp_path}/$id.pid"; while true; do sleep 0.1; done'
    )
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    pids = [tmp_path / "1.pid", tmp_path / "2.pid"]
    with started(
        [sys.executable, "-c", RUN, fake(tmp_path, body), tmp_path / "kept"],
        env={"TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)},
    ) as python:
        wait_until(lambda: all(pid.exists() for pid in pids))
        python.send_signal(signal.SIGINT)
        _, complaint = python.communicate(timeout=20)
    assert "KeyboardInterrupt" in complaint
    wait_until(lambda: all(is_gone(int(pid.read_text())) for pid in pids))
    assert list(temporary.iterdir()) == []
    kept = {path.name for path in (tmp_path / "kept").iterdir()}
    assert kept == {"data.json", *(f"chain-{i}.{end}" for i in (1, 2) for end in ("csv", "log"))}
