"""Tests of pystan_mix.figures.support."""

import numpy as np
import pytest

import pystan_mix as pmix
from pystan_mix.figures.data import plot_density, plot_predictive
from pystan_mix.figures.support import BINS, bin_edges, data_label, points_over, unit_of


@pytest.mark.parametrize(("low", "high"), [(0, 3), (7, 36), (0, 30), (5, 100_003)])
def test_bins_of_counts_hold_equally_many_and_all(low, high):
    edges = bin_edges(low, high, unit=1.0)
    widths = np.unique(np.diff(edges))
    assert edges.size - 1 <= BINS
    assert widths.size == 1
    assert widths[0] == np.round(widths[0])
    assert edges[0] == low - 0.5
    assert high + 0.5 <= edges[-1] < high + 0.5 + widths[0]


def test_bins_of_real_observations_are_thirty():
    np.testing.assert_array_equal(bin_edges(-1.0, 2.0), np.linspace(-1, 2, 31))


@pytest.mark.parametrize(("unit", "origin"), [(0.1, 0.3), (5.0, -7.5)])
def test_bins_of_rounded_values_hold_one_each(unit, origin):
    y = origin + unit * np.arange(12)
    for low, high in ((y[0], y[-1]), (y[0] - 1.3 * unit, y[-1] + 0.2 * unit)):
        edges = bin_edges(low, high, unit=unit, origin=origin)
        np.testing.assert_allclose(np.diff(edges), unit)
        assert np.histogram(y, edges)[0].sum() == 12
        assert np.histogram(y, edges)[0].max() == 1


def test_points_over_many_counts_are_no_more_than_asked_for():
    points = points_over(-8.0, 1e6, 400, counts=True)
    assert points[0] == 0.0
    assert points.size <= 400
    assert (points == np.round(points)).all()


def test_data_between_bounds_are_called_so(cmdstan):
    few = {"chains": 1, "iter_warmup": 100, "iter_sampling": 20, "seed": 1, "show_progress": False}
    model = pmix.NormalMixture(n_components=1)
    y = np.arange(8.0)
    cases = {
        "data": y,
        "data, middles of bounds": pmix.Interval(y, y + 1.0),
        "data, 25 % at bounds": pmix.Interval(np.where(y < 2, -np.inf, y), np.maximum(y, 2.0)),
    }
    for (label, observed), unit in zip(cases.items(), (None, 1.0, None), strict=True):
        fit = pmix.sample(model, observed, **few)
        assert unit_of(fit)[0] == unit
        assert data_label(fit) == label
        for figure in (plot_density(fit), plot_predictive(fit)):
            (axis,) = figure.axes
            assert label in axis.get_legend_handles_labels()[1]
