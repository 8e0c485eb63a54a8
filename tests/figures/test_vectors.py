"""Figures of vectors: pairs of coordinates, and each of them."""

import numpy as np
import pytest
from plot_fits import draw, fit_of
from vector_fits import fit_of_incomplete_vectors, fit_of_vectors, incomplete_table

from pystan_mix import figures as plots
from pystan_mix.arviz_compat import attributes, group, group_names, to_arviz
from pystan_mix.errors import DataError

pytestmark = pytest.mark.arviz


@pytest.fixture(scope="module")
def fit(cmdstan):
    return fit_of_vectors()


def test_pairs_show_ellipses_that_hold_what_they_say(fit):
    figure = plots.plot_pairs(fit)
    draw(figure)
    axis = next(axis for axis in figure.axes if axis.get_ylabel() == "width")
    assert axis.get_xlabel() == "length"
    thick = [line for line in axis.lines if line.get_linewidth() > 1.5]
    assert len(thick) == 2
    posterior = group(fit, "posterior").mean(("chain", "draw"))
    for line, k in zip(thick, range(2), strict=True):
        mu, sigma = posterior["mu"].values[k], posterior["sigma"].values[k]
        covariance = sigma[:, None] * posterior["corr"].values[k] * sigma
        off = np.stack(line.get_data(), axis=1) - mu
        squares = np.einsum("ni,ij,nj->n", off, np.linalg.inv(covariance), off)
        # the quantile of a chi-square of two degrees; means of products are no products of means
        np.testing.assert_allclose(squares, -2 * np.log(0.1), rtol=0.1)


@pytest.mark.parametrize(
    ("plot", "panels"),
    [("plot_predictive", 2), ("plot_trace", 12), ("plot_posterior", 12), ("plot_autocorr", 12)],
)
def test_each_coordinate_has_a_panel(fit, plot, panels):
    figure = getattr(plots, plot)(fit)
    draw(figure)
    assert len(figure.axes) == panels


def test_what_is_for_the_others_is_refused(fit):
    with pytest.raises(DataError, match="There is plot_pairs"):
        plots.plot_density(fit)
    groups = {name: group(fit_of(), name) for name in group_names(fit_of())}
    groups["observed_data"] = group(fit, "observed_data")
    with pytest.raises(DataError, match="There is plot_density"):
        plots.plot_pairs(to_arviz(groups, attrs=attributes(fit_of())))


def test_observations_are_where_they_have_the_coordinates(cmdstan):
    figure, y = plots.plot_pairs(fit_of_incomplete_vectors()), incomplete_table()
    draw(figure)
    axis = next(axis for axis in figure.axes if axis.get_ylabel() == "width")
    dots = [line.get_xydata() for line in axis.lines if line.get_marker() == "."]
    drawn = np.concatenate(dots)
    np.testing.assert_allclose(np.sort(drawn, axis=0), np.sort(y.dropna().to_numpy(), axis=0))
    histogram = next(axis for axis in figure.axes if axis.get_xlabel() == "width").patches[0]
    edges = histogram.get_data().edges
    assert (edges[0], edges[-1]) == (y["width"].min(), y["width"].max())


def test_panels_of_coordinates_show_what_is_observed(cmdstan):
    figure = plots.plot_predictive(fit_of_incomplete_vectors())
    draw(figure)
    assert len(figure.axes) == 2
    for axis in figure.axes:
        data = next(patch for patch in axis.patches if patch.get_label() == "data").get_data()
        assert np.isfinite(data.values).all()
        assert (data.values * np.diff(data.edges)).sum() == pytest.approx(1.0)
