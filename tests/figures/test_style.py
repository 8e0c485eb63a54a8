"""Colours, words and files of figures."""

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr

from pystan_mix.arviz_compat import to_arviz
from pystan_mix.errors import DataError, SettingsError
from pystan_mix.figures.style import (
    component_colours,
    figure_title,
    mathtext,
    needed,
    new_figure,
    save_figure,
    thinned,
    written,
)

pytestmark = pytest.mark.arviz


@pytest.mark.parametrize("n_components", [1, 3, 6, 7, 20])
def test_each_component_has_a_colour_of_its_own(n_components):
    assert len(set(component_colours(n_components))) == n_components


def test_symbols_are_mathtext():
    assert mathtext(r"\theta", 1) == r"$\theta_{1}$"
    assert mathtext(r"\mu") == r"$\mu$"


@pytest.mark.parametrize(
    ("value", "spread", "expected"),
    [
        (10.6849, 0.0432, "10.685"),
        (-10.6849, 0.0432, "\N{MINUS SIGN}10.685"),
        (-0.0001, 0.5, "0.00"),
        (1499.6, 31.0, "1500"),
        (0.3, 0.0, "0.300"),
        (1.5e9, 1e8, "1.5e+09"),
        (1e-9, 1e-10, "1e\N{MINUS SIGN}09"),
    ],
)
def test_written_numbers(value, spread, expected):
    assert written(value, spread) == expected


@pytest.mark.parametrize(("length", "expected"), [(0, 0), (1, 1), (10, 10), (11, 6), (99, 10)])
def test_thinned_keeps_at_most_so_many(length, expected):
    draws = np.arange(float(length))
    assert thinned(draws, at_most=10).shape == (expected,)
    assert set(thinned(draws, at_most=10)) <= set(draws)


def test_a_missing_group_is_named_with_a_hint():
    fit = to_arviz({"posterior": xr.Dataset({"mu": 1.0})}, attrs={})
    with pytest.raises(DataError, match=r"no group 'vi_trace'; they have: posterior\. Do this\."):
        needed(None, fit, "vi_trace", hint="Do this.")


def test_save_figure_writes_a_whole_png_of_150_dots_per_inch(tmp_path):
    figure = new_figure(4.0, 2.0, title="Title")
    figure.subplots().plot([1, 2])
    path = save_figure(figure, tmp_path / "new" / "figure.png")
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert content.endswith(b"IEND\xaeB`\x82")
    assert int.from_bytes(content[16:20]) == 600
    assert int.from_bytes(content[20:24]) == 300
    assert list(path.parent.iterdir()) == [path]


def test_save_figure_replaces_a_file_and_takes_a_name_as_text(tmp_path):
    path = tmp_path / "figure.svg"
    path.write_text("old")
    assert save_figure(new_figure(1.0, 1.0, title=""), str(path)) == path
    assert "</svg>" in path.read_text()


@pytest.mark.parametrize("name", ["figure", "figure.txt"])
def test_save_figure_refuses_other_endings(tmp_path, name):
    with pytest.raises(SettingsError, match=r"end its name in \.png"):
        save_figure(new_figure(1.0, 1.0, title=""), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_leaves_no_part(tmp_path, monkeypatch):
    def fail(partial, **_):
        partial.write_text("part")
        raise OSError("no space left")

    figure = new_figure(1.0, 1.0, title="")
    monkeypatch.setattr(figure, "savefig", fail)
    with pytest.raises(SettingsError, match="no space left"):
        save_figure(figure, tmp_path / "figure.png")
    assert not list(tmp_path.iterdir())


def test_settings_of_matplotlib_stay_as_they_are(tmp_path):
    before = dict(mpl.rcParams)
    save_figure(new_figure(1.0, 1.0, title="Title"), tmp_path / "figure.png")
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("weighed", "annealed", "expected"),
    [
        (0, 0, "Trace, NUTS, 4 chains of 25 draws"),
        (0, 1, "Trace, NUTS, 4 chains of 25 draws"),
        (1, 0, "Trace, NUTS, 100 weighed draws"),
        (1, 1, "Trace, NUTS, 100 annealed draws"),
    ],
)
def test_titles_say_what_the_draws_are(weighed, annealed, expected):
    posterior = xr.Dataset({"mu": (("chain", "draw"), np.zeros((4, 25)))})
    fit = to_arviz(
        {"posterior": posterior}, attrs={"method": "nuts", "weighed": weighed, "annealed": annealed}
    )
    assert figure_title("Trace", fit) == expected
