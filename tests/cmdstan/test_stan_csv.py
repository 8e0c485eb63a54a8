"""Tests of pystan_mix.cmdstan.stan_csv: CmdStan's files read, and refused unless whole."""

from pathlib import Path

import numpy as np
import pytest

from pystan_mix.cmdstan.stan_csv import read_elbo_history, read_stan_csv
from pystan_mix.errors import OutputError

RECORDED = Path(__file__).resolve().parents[1] / "recorded"


def table(name: str) -> tuple[list[str], np.ndarray]:
    """Column names and numbers of a recorded file, read without the module under test."""
    lines = [line for line in (RECORDED / name).read_text().splitlines() if line[:1] != "#"]
    lines = [line for line in lines if line]
    return lines[0].split(","), np.array([[float(x) for x in row.split(",")] for row in lines[1:]])


def damaged(folder: Path, name: str, change) -> Path:
    """Write a recorded file anew, after `change` has been at its lines."""
    path = folder / name
    path.write_text("".join(change((RECORDED / name).read_text().splitlines(keepends=True))))
    return path


def row_numbers(lines: list[str]) -> list[int]:
    """Where the rows of numbers stand among a file's lines."""
    return [i for i, line in enumerate(lines) if line[:1] not in {"#", "l", "y", "\n"}]


def with_number(lines: list[str], *, column: str, row: int, text: str) -> list[str]:
    names = next(line for line in lines if line[:1] == "l").strip().split(",")
    at = row_numbers(lines)[row]
    cells = lines[at].strip().split(",")
    cells[names.index(column)] = text
    return [*lines[:at], ",".join(cells) + "\n", *lines[at + 1 :]]


def test_recorded_files_name_no_folder_of_a_machine():
    texts = [path.read_text() for path in RECORDED.glob("*.csv")]
    assert len(texts) == 10
    assert not any(folder in text for text in texts for folder in ("/tmp", "/root", "/home"))  # noqa: S108


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "nuts-1.csv",
            {
                "method": "sample",
                "num_samples": "60",
                "num_warmup": "300",
                "delta": "0.94999999999999996",
                "seed": "1",
                "id": "1",
                "thin": "1",
                "metric": "diag_e",
                "max_depth": "10",
                "model": "normal_mixture_model",
                "stan_version_minor": "27",
            },
        ),
        # the adaptation's own iter, 50, stands further down
        ("advi.csv", {"method": "variational", "iter": "10000", "eta": "1", "engaged": "1"}),
        ("advi-unadapted.csv", {"method": "variational", "iter": "2000", "engaged": "0"}),
        ("advi-fullrank.csv", {"method": "variational", "algorithm": "fullrank", "eta": "1"}),
        ("generated-2.csv", {"method": "generate_quantities", "seed": "2"}),
        ("thinned.csv", {"thin": "3", "save_warmup": "1", "num_warmup": "10"}),
    ],
)
def test_settings(name, expected):
    settings = read_stan_csv(RECORDED / name).settings
    numbers = {"delta"}
    for key, value in expected.items():
        if key in numbers:
            assert float(settings[key]) == float(value)
        else:
            assert settings[key] == value


@pytest.mark.parametrize(
    ("name", "skipped", "drawn"),
    [
        ("nuts-1.csv", 0, 60),
        ("known-sigma.csv", 0, 60),
        ("generated-1.csv", 0, 6),
        ("advi.csv", 1, 200),
        ("advi-unadapted.csv", 1, 100),
        ("advi-fullrank.csv", 1, 200),
        # 10 and 20 iterations, every third from the first on: 4 and 7
        ("thinned.csv", 4, 7),
    ],
)
def test_names_rows_and_draws(name, skipped, drawn):
    names, numbers = table(name)
    csv = read_stan_csv(RECORDED / name)
    assert csv.path == RECORDED / name
    assert csv.names == tuple(names)
    assert np.array_equal(csv.rows, numbers)
    assert len(csv.draws) == drawn
    assert np.array_equal(csv.draws, numbers[skipped:])


def test_variables_and_columns():
    names, numbers = table("advi.csv")
    csv = read_stan_csv(RECORDED / "advi.csv")
    assert np.array_equal(csv.variable("log_p__"), numbers[1:, names.index("log_p__")])
    start = names.index("theta.1")
    # not theta_raw, whose name begins alike
    assert csv.columns("theta") == slice(start, start + 2)
    assert np.array_equal(csv.variable("theta"), numbers[1:, start : start + 2])
    assert np.array_equal(csv.mean_row, numbers[0])
    assert csv.variable("log_lik").shape == (200, 8)
    assert csv.variable("no_such").shape == (200, 0)


@pytest.mark.parametrize("name", ["advi.csv", "advi-unadapted.csv", "advi-fullrank.csv"])
def test_advis_first_row_is_the_variational_mean(name):
    """It has no density, and is the draws' centre where the transform is linear: `mu.1`."""
    names, numbers = table(name)
    csv = read_stan_csv(RECORDED / name)
    assert [csv.mean_row[names.index(column)] for column in ("lp__", "log_p__", "log_g__")] == [
        0,
        0,
        0,
    ]
    mu = csv.variable("mu")[:, 0]
    at = csv.mean_row[names.index("mu.1")]
    # the draws are independent; 4 errors of a mean
    assert abs(mu.mean() - at) < 4 * mu.std() / mu.size**0.5
    assert (numbers[1:, names.index("log_p__")] != 0).all()


@pytest.mark.parametrize("value", ["1", "true"])
def test_saved_warm_up_is_no_draw_in_any_spelling(tmp_path, value):
    path = damaged(
        tmp_path,
        "thinned.csv",
        lambda lines: [line.replace("save_warmup = 1", f"save_warmup = {value}") for line in lines],
    )
    assert len(read_stan_csv(path).draws) == 7


def cut_in_a_row(lines):
    rows = row_numbers(lines)
    return [*lines[: rows[30]], lines[rows[30]][:-40]]


def cut_in_the_last_number(lines):
    rows = row_numbers(lines)
    return [*lines[: rows[-1]], lines[rows[-1]][:-5]]


def cut_after_a_row(lines):
    return lines[: row_numbers(lines)[30] + 1]


def without_a_row(lines):
    at = row_numbers(lines)[17]
    return lines[:at] + lines[at + 1 :]


def with_rows_doubled(lines):
    return [line for i, line in enumerate(lines) for _ in range(1 + (i in row_numbers(lines)))]


def with_a_longer_row(lines):
    at = row_numbers(lines)[3]
    return [*lines[:at], "0," + lines[at], *lines[at + 1 :]]


def with_a_word(lines):
    return with_number(lines, column="mu.2", row=4, text="wat")


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("nuts-1.csv", lambda lines: [], ["holds no draws"]),
        ("nuts-1.csv", lambda lines: lines[:5], ["holds no draws"]),
        (
            "nuts-1.csv",
            lambda lines: lines[: row_numbers(lines)[0]],
            ["0 rows where 60 were asked for"],
        ),
        ("nuts-1.csv", cut_in_a_row, ["cut off in row 31", "of 45 columns", "free space"]),
        ("nuts-1.csv", cut_in_the_last_number, ["cut off in row 60"]),
        ("nuts-1.csv", cut_after_a_row, ["31 rows where 60 were asked for", "truncated"]),
        ("nuts-1.csv", without_a_row, ["59 rows where 60 were asked for"]),
        ("nuts-1.csv", with_rows_doubled, ["120 rows where 60", "written twice"]),
        ("nuts-1.csv", with_a_longer_row, ["row 4", "46 of 45 columns"]),
        ("nuts-1.csv", with_a_word, ["damaged", "wat"]),
        ("advi.csv", cut_in_a_row, ["cut off in row 31", "of 24 columns"]),
        ("advi.csv", cut_after_a_row, ["31 rows where 201 were asked for"]),
        ("advi.csv", without_a_row, ["200 rows where 201 were asked for"]),
        (
            "advi.csv",
            lambda lines: lines[: row_numbers(lines)[0]],
            ["0 rows where 201 were asked for"],
        ),
        ("advi-fullrank.csv", cut_in_the_last_number, ["cut off in row 201"]),
        ("advi-unadapted.csv", cut_in_a_row, ["cut off in row 31", "of 13 columns"]),
        ("advi-unadapted.csv", without_a_row, ["100 rows where 101 were asked for"]),
        ("thinned.csv", lambda lines: lines[: row_numbers(lines)[6]], ["6 rows where 11"]),
        ("generated-1.csv", cut_in_the_last_number, ["cut off in row 6"]),
    ],
)
def test_a_file_that_is_not_whole_is_refused(tmp_path, name, change, words):
    path = damaged(tmp_path, name, change)
    with pytest.raises(OutputError) as caught:
        read_stan_csv(path)
    for word in [str(path), *words]:
        assert word in str(caught.value)


@pytest.mark.parametrize("text", ["nan", "-nan", "inf", "-inf"])
@pytest.mark.parametrize(
    ("name", "row"),
    [("nuts-2.csv", 11), ("advi.csv", 0), ("advi.csv", 200), ("advi-unadapted.csv", 50)],
)
def test_a_number_that_is_not_finite_is_named(tmp_path, name, row, text):
    path = damaged(
        tmp_path,
        name,
        lambda lines: with_number(lines, column="sigma.2", row=row, text=text),
    )
    with pytest.raises(OutputError, match=rf"sigma\.2 is {float(text)} in row"):
        read_stan_csv(path)
    with pytest.raises(OutputError, match=rf"row {row + 1} \(1 such numbers\)"):
        read_stan_csv(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(OutputError, match=r"nowhere\.csv cannot be read: No such file"):
        read_stan_csv(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"Dear reader,\nthis is a letter, no table.\n", "method"),
        (b"one line without anything\n", "method"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe\x00", "method"),
        (b"a,b\n1,2\n", "method"),
        (b"# method = optimize\na,b\n1,2\n", "method = optimize"),
        (b"# method = sample\na,b\n1,2\n", "num_samples"),
        (b"# method = sample\n# num_samples = many\na,b\n1,2\n", "many"),
        (b"# method = variational\na,b\n1,2\n", "output_samples"),
    ],
)
def test_what_is_no_output_of_cmdstan_is_refused(tmp_path, content, fault):
    path = tmp_path / "junk.csv"
    path.write_bytes(content)
    with pytest.raises(OutputError, match=rf"junk\.csv is no whole output.*{fault}"):
        read_stan_csv(path)


def test_a_header_that_is_not_utf8_is_no_crash(tmp_path):
    path = tmp_path / "odd.csv"
    path.write_bytes(b"# method = generate_quantities\n\xff.1,b\n1,2\n")
    assert read_stan_csv(path).names == ("\N{REPLACEMENT CHARACTER}.1", "b")


def test_a_hash_that_begins_no_line_is_no_comment(tmp_path):
    path = tmp_path / "hashes.csv"
    path.write_bytes(b"# method = generate_quantities\n# file = a#b#.json\na,b#c\n1,2\n#\n3,4\n#")
    csv = read_stan_csv(path)
    assert csv.settings["file"] == "a#b#.json"
    assert csv.names == ("a", "b#c")
    assert csv.rows.tolist() == [[1, 2], [3, 4]]


def test_elbo_history():
    history = read_elbo_history(RECORDED / "advi-history.csv")
    assert history.shape == (100, 3)
    assert history[:, 0].tolist() == list(range(100, 10_001, 100))
    assert (np.diff(history[:, 1]) >= 0).all()
    assert history[-1].tolist() == [10_000, 0.074, -51.7043]


def test_elbo_history_without_evaluations(tmp_path):
    path = damaged(tmp_path, "advi-history.csv", lambda lines: [x for x in lines if "," not in x])
    assert read_elbo_history(path).shape == (0, 3)


def test_a_history_that_is_missing_or_cut_off(tmp_path):
    with pytest.raises(OutputError, match=r"history.*none\.csv cannot be read: No such file"):
        read_elbo_history(tmp_path / "none.csv")
    path = damaged(tmp_path, "advi-history.csv", lambda lines: [*lines[:-1], lines[-1][:9]])
    with pytest.raises(OutputError, match="cut off in row 100: it has 2 of 3 columns"):
        read_elbo_history(path)
