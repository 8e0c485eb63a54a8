"""The figure of the Dirichlet prior."""

import numpy as np
import pytest
from scipy import stats

from pystan_mix.errors import ModelError, SettingsError
from pystan_mix.figures import plot_dirichlet_prior

pytestmark = pytest.mark.arviz


def test_three_components_have_a_simplex_above_a_marginal():
    figure = plot_dirichlet_prior([1, 50], seed=1)
    simplex, _, marginal, _ = figure.axes
    assert [axis.get_title() for axis in figure.axes[:2]] == ["concentration 1", "concentration 50"]
    assert [text.get_text() for text in simplex.texts] == [rf"$\theta_{{{k}}}$" for k in (1, 2, 3)]
    assert marginal.get_xlabel() == r"$\theta_{1}$"
    assert len(plot_dirichlet_prior(seed=1).axes) == 10


def test_points_are_inside_the_triangle_and_draw_together():
    figure = plot_dirichlet_prior([1, 50], seed=1)
    spreads = []
    for axis in figure.axes[:2]:
        x, y = axis.lines[0].get_data()
        slack = 1e-9
        assert (y >= -slack).all()
        assert (y <= np.sqrt(3.0) * np.minimum(x, 1.0 - x) + slack).all()
        assert np.mean(x) == pytest.approx(0.5, abs=0.03)
        spreads.append(np.std(x))
    assert spreads[1] < spreads[0] / 3


@pytest.mark.parametrize(("n_components", "alpha"), [(2, 2.0), (3, 0.5), (5, 10.0)])
def test_marginal_is_the_beta_density(n_components, alpha):
    figure = plot_dirichlet_prior([alpha], n_components=n_components, seed=1)
    assert len(figure.axes) == (2 if n_components == 3 else 1)
    axis = figure.axes[-1]
    x, y = axis.lines[0].get_data()
    np.testing.assert_allclose(y, stats.beta.pdf(x, alpha, (n_components - 1) * alpha), rtol=1e-8)
    heights, edges, _ = axis.patches[0].get_data()
    assert (heights * np.diff(edges)).sum() == pytest.approx(1.0)
    shares = np.diff(stats.beta.cdf(edges, alpha, (n_components - 1) * alpha))
    # binomial errors of 2000 draws, and a few counts where a bin expects next to none
    error = np.sqrt(shares * (1.0 - shares) / 2000)
    assert (np.abs(heights * np.diff(edges) - shares) < 4.5 * error + 3 / 2000).all()


def test_no_histogram_leaves_the_axis():
    figure = plot_dirichlet_prior([1, 10, 50], n_components=4, seed=1)
    for axis in figure.axes:
        assert axis.get_ylim()[1] > max(axis.patches[0].get_data().values)
        assert axis.get_ylim() == figure.axes[0].get_ylim()


def test_the_same_seed_draws_the_same():
    points = [
        plot_dirichlet_prior([2], seed=seed).axes[0].lines[0].get_xdata() for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(points[0], points[1])
    assert (points[0] != points[2]).any()


@pytest.mark.parametrize(
    ("concentrations", "n_components", "error", "message"),
    [
        ([0.0], 3, ModelError, "positive"),
        ([], 3, SettingsError, "at least one"),
        ([[1.0, 2.0]], 3, SettingsError, "one number"),
        ([1.0], 1, SettingsError, "2 or more"),
        ([1.0], 2.5, SettingsError, "whole number"),
        ([1.0], True, SettingsError, "whole number"),
    ],
)
def test_errors(concentrations, n_components, error, message):
    with pytest.raises(error, match=message):
        plot_dirichlet_prior(concentrations, n_components=n_components, seed=1)
