"""The command line as a user meets it: in a process of its own."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from command_line import MAIN, refused, run
from full_disk import largest_file
from interrupting import started
from skipping import need_executable, skip_or_fail

from pystan_mix.command.exit_codes import EXIT_INTERRUPTED, EXIT_USAGE
from pystan_mix.fits.model import model_of
from pystan_mix.fits.storage import load
from pystan_mix.resources import resource_dir

CLOSE = str(resource_dir("data") / "close.dat")
FIT = ("fit", CLOSE, "--components", "3", "--sigma", "1.0", "--weights", "10", "--seed", "1")


@pytest.mark.parametrize("command", ["reproduce", "fit", "simulate", "install", "doctor"])
def test_help_teaches(command):
    result = run(command, "--help")
    assert result.returncode == 0
    assert "exit codes:" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100


def test_fit_prints_the_posterior_and_the_verdict(cmdstan, tmp_path):
    out = tmp_path / "a folder"
    result = run(*FIT, "--iter-sampling", "4000", "--out", str(out))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "mu[3]" in result.stdout
    assert "No problems found." in result.stdout
    assert str(out) in result.stderr
    names = {path.name for path in out.iterdir()}
    assert names == {
        "fit.nc",
        "summary.json",
        "density.png",
        "posterior.png",
        "predictive.png",
        "trace.png",
        "autocorr.png",
    }
    assert load(out / "fit.nc").posterior["mu"].shape == (4, 4000, 3)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_fit_that_is_told_to_end_clears_up(cmdstan, tmp_path, number):
    words = (*FIT, "--chains", "1", "--iter-sampling", "50000000")
    with started([sys.executable, "-c", MAIN, *words], env={"TMPDIR": str(tmp_path)}) as command:
        _wait_for(lambda: any(tmp_path.glob("*/chain-1.csv")))
        command.send_signal(number)
        _, said = command.communicate(timeout=20)
    assert "pystan-mix: interrupted; what was running is stopped." in said
    assert command.returncode == EXIT_INTERRUPTED
    assert list(tmp_path.iterdir()) == []


def test_a_fit_under_nohup_goes_on(cmdstan, tmp_path):
    need_executable("nohup")
    words = ("nohup", sys.executable, "-c", MAIN, *FIT, "--chains", "1", "--iter-sampling", "20000")
    with started(words, env={"TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE) as command:
        _wait_for(lambda: any(tmp_path.glob("*/chain-1.csv")))
        command.send_signal(signal.SIGHUP)
        printed, said = command.communicate(timeout=120)
    assert "interrupted" not in said
    assert "mu[3]" in printed


@pytest.mark.parametrize(
    "words",
    [
        ("simulate", "--n=9", "--mu=-2,2"),
        ("doctor",),
    ],
)
def test_standard_output_on_a_full_disk(words):
    full = Path("/dev/full")
    if not full.exists():
        skip_or_fail(f"there is no {full} on this machine")
    with full.open("w") as stdout:
        result = subprocess.run(
            [sys.executable, "-c", MAIN, *words],
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )
    assert result.returncode == EXIT_USAGE
    assert result.stderr == (
        "pystan-mix: error: standard output cannot be written: No space left on device. Free space "
        "there, or send it elsewhere.\n"
    )


def test_out_on_a_full_disk_is_named(cmdstan, tmp_path):
    with largest_file(300_000):
        result = run(*FIT, "--out", str(tmp_path / "out"), "--iter-sampling", "100")
    assert result.returncode == EXIT_USAGE
    assert re.search(r"out/fit\.nc cannot be written: File too large\. Free space", result.stderr)
    assert list((tmp_path / "out").iterdir()) == []


def _wait_for(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def test_json_is_one_object_on_standard_output(cmdstan):
    result = run(*FIT, "--json", "--iter-sampling", "4000")
    summary = json.loads(result.stdout)
    assert summary["ok"] is True
    assert summary["n"] == 100
    assert set(summary["parameters"]) == {f"{n}[{k}]" for n in ("theta", "mu") for k in (1, 2, 3)}
    assert abs(sum(summary["parameters"][f"theta[{k}]"]["mean"] for k in (1, 2, 3)) - 1) < 1e-9


def test_a_fit_of_another_family(cmdstan, tmp_path):
    path = tmp_path / "y.dat"
    rng = np.random.default_rng(1)
    np.savetxt(path, np.concatenate([rng.standard_t(4, 150) - 5, 2 * rng.standard_t(4, 150) + 5]))
    out = tmp_path / "results"
    words = ("--family=student-t", "--components=2", "--means=0,10", "--sigma=half-normal:5")
    result = run("fit", str(path), *words, "--seed=1", "--json", f"--out={out}")
    assert result.returncode == 0, result.stdout + result.stderr
    summary = json.loads(result.stdout)
    names = {f"{name}[{k}]" for name in ("theta", "mu", "sigma") for k in (1, 2)}
    assert set(summary["parameters"]) == names | {"df"}
    assert "StudentTMixture(" in summary["model"]
    for name, truth in (("mu[1]", -5.0), ("mu[2]", 5.0), ("sigma[2]", 2.0), ("theta[1]", 0.5)):
        row = summary["parameters"][name]
        assert abs(row["mean"] - truth) < 4 * row["sd"], name
    assert type(model_of(load(out / "fit.nc"))).__name__ == "StudentTMixture"


def test_a_fit_that_is_not_believed_has_its_own_exit_code(cmdstan):
    result = run(*FIT, "--iter-warmup", "50", "--iter-sampling", "20", "--chains", "2")
    assert result.returncode == 6
    assert "worth 40 independent ones" in result.stdout


def test_advi_leaves_its_own_figures(cmdstan, tmp_path):
    result = run(*FIT, "--method", "advi", "--out", str(tmp_path))
    assert result.returncode in {0, 6, 7}
    assert "loss" in result.stdout
    assert (tmp_path / "elbo.png").is_file()
    assert not (tmp_path / "trace.png").exists()


@pytest.mark.parametrize(
    ("options", "use", "code"),
    [
        # a normal posterior
        (["--components", "1", "--algorithm", "fullrank"], "fine", 0),
        # a mixture's is none, so that plain draws are too narrow
        (["--components", "2", "--no-reweight"], "means only", 7),
    ],
)
def test_the_exit_code_says_what_advi_is_good_for(cmdstan, tmp_path, options, use, code):
    path = tmp_path / "y.dat"
    run("simulate", "--n=300", "--mu=-2,2", "--out", str(path))
    given = ["--sigma=1", "--means=0,5", "--method=advi", "--restarts=2", "--seed=1", "--json"]
    result = run("fit", str(path), *options, *given)
    summary = json.loads(result.stdout)
    assert (summary["use"], result.returncode) == (use, code)
    assert summary["ok"] == (code == 0)
    assert len(summary["restarts"]) == 2
    assert summary["reweighted"] == ("--no-reweight" not in options)


def test_fit_reads_a_column_and_spelled_priors(cmdstan, tmp_path):
    y = np.loadtxt(CLOSE)
    rows = "\n".join(f"{i},{value}" for i, value in enumerate(y))
    table = tmp_path / "table with a space.csv"
    table.write_text(f"id,length\n{rows}\n")
    result = run(
        "fit",
        str(table),
        "--column=length",
        "--components=3",
        "--means=-2:0:2,5",
        "--sigma=half-student-t:3,2.5",
        "--min-weight=0.1",
        "--iter-sampling=500",
        "--seed=1",
        "--json",
    )
    summary = json.loads(result.stdout)
    assert summary["n"] == 100
    assert "HalfStudentT(df=3.0, scale=2.5)" in summary["model"]
    assert min(summary["parameters"][f"theta[{k}]"]["q05"] for k in (1, 2, 3)) >= 0.1


def test_fit_reads_what_comes_on_standard_input_and_drops_what_is_missing(cmdstan):
    y = np.loadtxt(CLOSE)
    rows = "\n".join(f"{i};{value}".replace(".", ",") for i, value in enumerate(y))
    options = ["--components=1", "--iter-warmup=200", "--iter-sampling=200", "--seed=1", "--json"]
    table = ["--column=length", "--decimal=,", "--missing=drop"]
    result = run("fit", "-", *table, *options, stdin=f"id;length\n{rows}\n100;NA\n101;\n")
    whole = run("fit", CLOSE, *options)
    found, expected = json.loads(result.stdout), json.loads(whole.stdout)
    assert result.stderr.startswith("standard input: column 'length', 100 numbers from ")
    assert "; 2 missing values are left out.\n" in result.stderr
    assert (found["n"], found["missing_dropped"]) == (100, 2)
    assert (expected["n"], expected["missing_dropped"]) == (100, 0)
    assert found["parameters"] == expected["parameters"]


BAD_FILES = {
    "nan": b"1\nnan\n2\n",
    "infinite": b"1\ninf\n2\n",
    "empty": b"",
    "words": b"1\ntwo\n3\n",
    "one": b"3.5\n",
    "constant": b"2\n2\n2\n2\n",
    "few": b"1\n2\n1\n2\n",
    "huge": b"1\n2\n1e300\n",
    "columns": b"a,b\n1,2\n3,4\n",
    "encoding": "1\n2\n3 é\n".encode("latin-1"),
}


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("nan", "line 2: 'nan' is a missing value"),
        ("infinite", "not finite"),
        ("empty", "empty"),
        ("words", "line 2: 'two'"),
        ("one", "At least two"),
        ("constant", "constant"),
        ("few", "2 different values for 3"),
        ("huge", "1e+300"),
        ("columns", "--column"),
        ("encoding", "not UTF-8"),
    ],
)
def test_bad_data_is_refused_before_cmdstan_is_looked_for(tmp_path, monkeypatch, name, names):
    path = tmp_path / "data.dat"
    path.write_bytes(BAD_FILES[name])
    monkeypatch.setenv("CMDSTAN", str(tmp_path))
    result = refused("fit", str(path), "--components", "3")
    assert result.returncode == 2
    assert result.stdout == ""
    # what was read, where something was, and what is wrong with it
    *read, error = result.stderr.splitlines()
    assert error.startswith("pystan-mix: error: ")
    assert names in error
    assert read == [] or f"{path}: " in read[0]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--components", "0"], "n_components"),
        (["--components", "2.5"], "invalid int"),
        (["--components", "3", "--weights", "1,2"], "2 values for 3"),
        (["--components", "3", "--weights", "-1"], "positive"),
        (["--components", "3", "--means", "0,0"], "positive"),
        (["--components", "3", "--means", "0"], "LOCATION,SCALE"),
        (["--components", "3", "--means", "20:10:0,5"], "must not decrease"),
        (["--components", "3", "--sigma", "1,2"], "2 values for 3"),
        (["--components", "3", "--sigma", "0"], "positive"),
        (["--components", "3", "--sigma", "half-cauchy:-5"], "positive"),
        (["--components", "3", "--sigma", "gamma:2"], "half-cauchy:SCALE"),
        (
            ["--components", "3", "--df", "4"],
            "--df is not for --family normal, which has --means, --s",
        ),
        (["--components", "3", "--family", "student-t", "--df", "gamma:2"], "gamma:SHAPE,RATE"),
        (["--components", "3", "--family", "cauchy"], "--family: invalid choice: 'cauchy'"),
        (["--components", "3", "--min-weight", "0.4"], "below 1 / n_components"),
        (["--components", "3", "--seed", "-1"], "seed"),
        (["--components", "3", "--chains", "0"], "chains"),
        (["--components", "3", "--method", "advi", "--restarts", "0"], "restarts"),
        (["--components", "3", "--method", "advi", "--algorithm", "full"], "invalid choice"),
        (["--components", "3", "--adapt-delta", "1"], "adapt_delta"),
        (["--components", "3", "--column", "x"], "no column 'x'"),
        (["--components", "3", "--decimal", ";"], "--decimal takes one of"),
        (["--components", "3", "--missing", "impute"], "--missing: invalid choice: 'impute'"),
    ],
)
def test_bad_options_are_refused_before_cmdstan_is_looked_for(
    tmp_path, monkeypatch, options, names
):
    monkeypatch.setenv("CMDSTAN", str(tmp_path))
    result = refused("fit", CLOSE, *options)
    assert result.returncode == 2
    assert names in result.stderr


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "none.dat", tmp_path):
        result = run("fit", str(path), "--components", "2")
        assert result.returncode == 2
        assert str(path) in result.stderr


def test_no_cmdstan_names_the_command_that_gets_it(nothing_prebuilt, tmp_path, monkeypatch):
    for name in ("HOME", "PYSTAN_MIX_CACHE", "CMDSTAN"):
        monkeypatch.setenv(name, str(tmp_path) if name != "CMDSTAN" else "")
    result = refused(*FIT)
    assert result.returncode == 3
    assert "pystan-mix install" in result.stderr


def test_a_program_that_does_not_compile(cmdstan, nothing_prebuilt, tmp_path, monkeypatch):
    failing = tmp_path / "make"
    failing.write_text("#!/bin/sh\necho 'no such instruction'; exit 2\n")
    failing.chmod(0o755)
    monkeypatch.setenv("PYSTAN_MIX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MAKE", str(failing))
    result = refused(*FIT)
    assert result.returncode == 4
    assert "no such instruction" in result.stderr
    assert "pystan-mix doctor" in result.stderr


def test_doctor_finds_what_is_missing(cmdstan, nothing_prebuilt, tmp_path, monkeypatch):
    assert run("doctor").returncode == 0
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CMDSTAN", "")
    result = refused("doctor")
    assert result.returncode == 6
    assert "pystan-mix install" in result.stdout


def test_install_prints_the_folder_of_the_cmdstan_that_is_there(cmdstan):
    result = run("install", CMDSTAN=str(cmdstan.path))
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{cmdstan.path}\n"
    assert run("install", "--source", "gitlab").returncode == 2


def test_simulate_prints_the_same_numbers_for_the_same_seed():
    first, again, other = (
        run("simulate", "--n=5", "--mu=-10,10", f"--seed={seed}").stdout for seed in (3, 3, 4)
    )
    assert len(first.split()) == 5
    assert first == again != other


def test_simulate_writes_files(tmp_path):
    out = tmp_path / "new" / "y.dat"
    assert run("simulate", "--n=7", "--out", str(out)).stdout == ""
    assert np.loadtxt(out).shape == (7,)
    listed = run("simulate", "--shipped", str(tmp_path / "shipped")).stdout.split()
    assert [Path(line).name for line in listed] == [
        "close.dat",
        "close.json",
        "separated.dat",
        "separated.json",
    ]


@pytest.mark.parametrize("options", [["--theta=0.5,0.6"], ["--sigma=0"], ["--n=-1"], ["--mu=a"]])
def test_simulate_refuses_nonsense(options):
    result = refused("simulate", "--mu=0,1", *options)
    assert result.returncode == 2
    assert result.stderr.startswith("pystan-mix: error: ")


def test_out_that_cannot_be_written_is_named(cmdstan, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    result = run(*FIT, "--iter-sampling", "10", "--iter-warmup", "10", "--out", str(blocked))
    assert result.returncode == 2
    assert str(blocked) in result.stderr
