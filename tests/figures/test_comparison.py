"""The figure of a comparison: what is drawn."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from known_posteriors import Y, as_arviz, mixture_variables
from matplotlib.colors import to_hex

from pystan_mix import compare
from pystan_mix.figures import plot_comparison, save_figure

pytestmark = pytest.mark.arviz


def comparison(*, count=2, y=Y, change=0.0, K=3):
    sets = {}
    for seed in range(count):
        variables = {name: x[..., :K] for name, x in mixture_variables(seed, draws=300).items()}
        variables["mu"] = variables["mu"] + change * seed
        sets[f"set {seed}"] = as_arviz(variables, y=y)
    return compare(sets)


def _parameters(found):
    labels = found.table.index.unique("quantity")
    return [label for label in labels if label.split("[")[0] in ("theta", "mu", "sigma")]


@pytest.mark.parametrize("count", [2, 4])
def test_every_parameter_and_every_data_set_is_there(count, tmp_path):
    before = dict(mpl.rcParams)
    found = comparison(count=count)
    figure = plot_comparison(found)
    assert len(figure.axes) == 9 + 1
    means = found.table["mean"]
    for axis, label in zip(figure.axes[:9], _parameters(found), strict=True):
        dots = [line.get_xdata()[0] for line in axis.lines if line.get_marker() == "o"]
        np.testing.assert_allclose(dots, means[label])
        assert len(axis.collections) == 2 * count
    density = figure.axes[-1]
    assert [text.get_text() for text in density.get_legend().get_texts()] == [
        "data",
        *(f"set {i}" for i in range(count)),
    ]
    areas = [np.trapezoid(line.get_ydata(), line.get_xdata()) for line in density.lines]
    np.testing.assert_allclose(areas, 1.0, atol=0.01)
    assert save_figure(figure, tmp_path / "a.png").stat().st_size > 10_000
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before


def test_the_title_has_the_verdict_and_red_marks_the_parameter():
    figure = plot_comparison(comparison(change=1.0))
    assert figure.get_suptitle() == "set 0, set 1: they do not agree"
    colours = {to_hex(axis._left_title.get_color()) for axis in figure.axes[3:6]}
    assert colours == {"#b00020"}
    assert "Red: they disagree." in figure.get_supxlabel()
    assert to_hex(figure.axes[6]._left_title.get_color()) != "#b00020"


def test_without_observations_there_is_a_density_and_no_histogram():
    figure = plot_comparison(comparison(y=None))
    assert len(figure.axes) == 9 + 1
    assert len(figure.axes[-1].patches) == 0


def test_parameters_without_a_mixture_have_no_density():
    sets = {
        f"set {seed}": as_arviz({"mu": mixture_variables(seed, draws=300)["mu"][..., 0]})
        for seed in range(2)
    }
    figure = plot_comparison(compare(sets))
    assert len(figure.axes) == 1
