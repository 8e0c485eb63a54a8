"""The figure of the trace."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_hex
from plot_fits import CHAINS, LENGTH, draw, fit_of

from pystan_mix.arviz_compat import group, to_arviz
from pystan_mix.figures import plot_autocorr, plot_posterior, plot_trace
from pystan_mix.figures.parameters import shown_parameters
from pystan_mix.figures.style import component_colours

pytestmark = pytest.mark.arviz

DIVERGENT = [(0, 3), (2, 2499)]
FIGURES = [plot_trace, plot_autocorr, plot_posterior]


def test_trace_titles_and_order():
    figure = plot_trace(fit_of())
    titles = [axis.get_title(loc="left") for axis in figure.axes[::2]]
    assert titles == [
        r"weights $\theta$",
        r"means $\mu$",
        r"standard deviations $\sigma$",
    ]
    assert figure.get_suptitle() == "Trace, NUTS, 4 chains of 2500 draws"


def test_trace_densities_are_those_of_all_chains():
    fit = fit_of()
    draws = shown_parameters(fit)["mu"].draws
    axis = plot_trace(fit).axes[2]
    assert [to_hex(line.get_color()).upper() for line in axis.lines] == component_colours(3)
    for k, line in enumerate(axis.lines):
        x, y = line.get_data()
        assert np.trapezoid(y, x) == pytest.approx(1.0, abs=0.01)
        assert np.trapezoid(x * y, x) == pytest.approx(draws[:, :, k].mean(), abs=0.05)


def test_trace_shows_the_chains_one_after_the_other_thinned():
    fit = fit_of()
    draws = shown_parameters(fit)["theta"].draws
    lines = [line for line in plot_trace(fit).axes[1].lines if len(line.get_xdata()) > 2]
    assert len(lines) == CHAINS * 3
    for i, line in enumerate(lines):
        component, chain = divmod(i, CHAINS)
        x, y = line.get_data()
        assert x.size <= 2000
        np.testing.assert_array_equal(y, draws[chain, x - chain * LENGTH, component])


def test_trace_of_advi_counts_draws():
    axis = plot_trace(fit_of(method="advi")).axes[-1]
    assert axis.get_xlabel() == "draw"
    assert axis.get_xlim() == (0, LENGTH)


def test_trace_marks_divergent_draws():
    figure = plot_trace(fit_of(diverging=DIVERGENT))
    for axis in figure.axes[1::2]:
        (marks,) = [line for line in axis.lines if line.get_marker() == "|"]
        expected = [chain * LENGTH + i for chain, i in DIVERGENT]
        np.testing.assert_array_equal(marks.get_xdata(), expected)
    labels = [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
    assert labels == ["component 1", "2", "3", "divergences (2)"]


def test_divergences_of_chains_are_not_marked_on_what_was_weighed_in_their_place():
    fit = fit_of(diverging=DIVERGENT)
    groups = {"posterior": group(fit, "posterior"), "chains": group(fit, "sample_stats")}
    figure = plot_trace(to_arviz(groups, attrs={"method": "nuts", "weighed": 1}))
    for axis in figure.axes[1::2]:
        (marks,) = [line for line in axis.lines if line.get_marker() == "|"]
        assert not len(marks.get_xdata())
    labels = [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
    assert labels == ["component 1", "2", "3"]


def test_trace_of_a_stuck_sampler_is_drawn():
    fit = fit_of(known=True)
    stuck = {name: group(fit, "posterior")[name] * 0 + 0.5 for name in ("theta", "mu")}
    stuck_fit = to_arviz({"posterior": xr.Dataset(stuck)}, attrs={"method": "nuts"})
    for plot in FIGURES:
        draw(plot(stuck_fit))
    text = plot_posterior(stuck_fit).axes[0].texts[0].get_text()
    assert text == "every chain is constant\n(the first at 0.5)"
