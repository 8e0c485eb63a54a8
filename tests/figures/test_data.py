"""Figures of the data: predictive check, ELBO, density of the mixture."""

import importlib
import pkgutil

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from pystan_mix import figures as plots
from pystan_mix.arviz_compat import group, to_arviz
from pystan_mix.errors import DataError
from pystan_mix.figures.style import component_colours
from pystan_mix.mixtures.density import mixture_log_density
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.study.simulation import simulate

pytestmark = pytest.mark.arviz

THETA, MU, SIGMA = [0.3, 0.5, 0.2], [0.0, 10.0, 20.0], [1.0, 0.5, 2.0]
Y = simulate(300, theta=THETA, mu=MU, sigma=SIGMA, seed=1)


def groups_of(*, known=False, method="nuts", replicated=100, spread=0.01):
    """A fit whose draws stand about the truth, with data and replicated data."""
    random = np.random.default_rng(2)
    chains = 4 if method == "nuts" else 1
    dims = ("chain", "draw", "component")
    theta, mu, sigma = (
        np.asarray(value) + spread * random.standard_normal((chains, 500, 3))
        for value in (THETA, MU, SIGMA)
    )
    posterior = {"theta": (dims, theta / theta.sum(axis=-1, keepdims=True)), "mu": (dims, mu)}
    constant = {"alpha": ("component", np.ones(3))}
    if known:
        constant["sigma"] = ("component", np.asarray(SIGMA))
    else:
        posterior["sigma"] = (dims, sigma)
    y_rep = [
        [
            simulate(Y.size, theta=THETA, mu=MU, sigma=SIGMA, seed=1000 * chain + i)
            for i in range(replicated)
        ]
        for chain in range(1, chains + 1)
    ]
    return {
        "posterior": xr.Dataset(posterior),
        "posterior_predictive": xr.Dataset({"y": (("chain", "draw", "obs"), np.array(y_rep))}),
        "observed_data": xr.Dataset({"y": ("obs", Y)}),
        "constant_data": xr.Dataset(constant),
    }


def fit_of(groups, **attrs):
    return to_arviz(groups, attrs=attrs)


def draw(figure):
    """Lay a figure out as for a file, so that warnings surface."""
    figure.draw_without_rendering()


def labels(axis):
    return [text.get_text() for text in axis.get_legend().get_texts()]


@pytest.mark.parametrize("plot", [plots.plot_predictive, plots.plot_density])
@pytest.mark.parametrize("method", ["nuts", "advi"])
@pytest.mark.parametrize("known", [True, False])
def test_titles_name_the_method_and_nothing_leaks(plot, method, known):
    before = dict(mpl.rcParams)
    figure = plot(fit_of(groups_of(method=method, known=known), method=method))
    draw(figure)
    assert len(figure.axes) == 1
    assert figure.get_suptitle().endswith(f", {method.upper()}")
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before


def test_every_figure_stands_under_its_name():
    assert {name for name in plots.__all__ if not callable(getattr(plots, name))} == set()
    written = {
        name
        for module in pkgutil.iter_modules(plots.__path__)
        for name in vars(importlib.import_module(f"{plots.__name__}.{module.name}"))
        if name.startswith("plot_")
    }
    assert {name for name in plots.__all__ if name.startswith("plot_")} == written


def test_predictive_histograms_are_numpys_in_shared_bins():
    groups = groups_of()
    figure = plots.plot_predictive(fit_of(groups, method="nuts"))
    data, predictive, band = (patch.get_data() for patch in figure.axes[0].patches)
    np.testing.assert_array_equal(data.edges, predictive.edges)
    np.testing.assert_array_equal(data.edges, band.edges)
    assert data.values.size == 30
    np.testing.assert_allclose(
        data.values, np.histogram(Y, bins=data.edges, density=True)[0], atol=1e-12
    )
    assert (data.values * np.diff(data.edges)).sum() == pytest.approx(1.0)
    y_rep = groups["posterior_predictive"]["y"].values.reshape(-1, Y.size)
    single = np.array([np.histogram(row, bins=data.edges)[0] for row in y_rep])
    single = single / (Y.size * np.diff(data.edges))
    np.testing.assert_allclose(predictive.values, single.mean(axis=0), atol=1e-12)
    low, high = np.quantile(single, [0.05, 0.95], axis=0)
    np.testing.assert_allclose(band.baseline, low, atol=1e-12)
    np.testing.assert_allclose(band.values, high, atol=1e-12)
    assert labels(figure.axes[0]) == [
        "data",
        "posterior predictive",
        "90 % of replicated data sets",
    ]


def test_predictive_checks_of_two_fits_share_their_axes():
    nuts, advi = (fit_of(groups_of(method=method), method=method) for method in ("nuts", "advi"))
    figure = plots.plot_predictive(nuts, advi)
    draw(figure)
    assert figure.get_suptitle() == "Posterior predictive check"
    left, right = figure.axes
    assert [axis.get_title(loc="left").strip() for axis in figure.axes] == ["NUTS", "ADVI"]
    assert (left.get_xlim(), left.get_ylim()) == (right.get_xlim(), right.get_ylim())
    data, again = (axis.patches[0].get_data() for axis in figure.axes)
    np.testing.assert_array_equal(data.values, again.values)
    np.testing.assert_array_equal(data.edges, again.edges)
    # of four chains and of one
    predictive, other = (axis.patches[1].get_data().values for axis in figure.axes)
    assert (predictive != other).any()


def test_predictive_tails_do_not_squash_the_picture():
    groups = groups_of(replicated=20)
    y_rep = groups["posterior_predictive"]["y"].values
    y_rep[:, :, :15] = 1e6
    axis = plots.plot_predictive(fit_of(groups)).axes[0]
    start, stop = axis.get_xlim()
    span = np.ptp(Y)
    assert Y.min() - 0.25 * span <= start <= Y.min()
    assert Y.max() <= stop <= Y.max() + 0.2501 * span
    outside = np.mean((y_rep < start) | (y_rep > stop))
    assert outside == pytest.approx(0.05, abs=0.0015)
    assert labels(axis)[1] == f"posterior predictive ({100 * outside:.1f} % beyond the axis)"
    predictive = axis.patches[1].get_data()
    shown = (predictive.values * np.diff(predictive.edges)).sum()
    assert shown == pytest.approx(1.0 - outside)


def test_predictive_uses_some_of_very_many_draws():
    groups = groups_of(replicated=1)
    many = np.resize(Y, (1, 4001, 10))
    groups["posterior_predictive"] = xr.Dataset({"y": (("chain", "draw", "obs"), many)})
    draw(plots.plot_predictive(fit_of(groups)))


def test_misfit_leaves_the_band():
    groups = groups_of()
    groups["posterior_predictive"] = groups["posterior_predictive"] + 5.0
    data, _, band = (
        patch.get_data() for patch in plots.plot_predictive(fit_of(groups)).axes[0].patches
    )
    outside = (data.values < band.baseline) | (data.values > band.values)
    assert outside.mean() > 0.3


@pytest.mark.parametrize("known", [True, False])
def test_density_lines_are_the_posterior_means(known):
    groups = groups_of(known=known)
    axis = plots.plot_density(fit_of(groups, method="nuts")).axes[0]
    whole, *parts = axis.lines
    x, y = whole.get_data()
    assert np.trapezoid(y, x) == pytest.approx(1.0, abs=0.003)
    expected = np.exp(
        mixture_log_density(
            NormalMixture,
            x,
            np.log(THETA),
            {"mu": np.array(MU), "sigma": np.array(SIGMA)},
        )
    )
    np.testing.assert_allclose(y, expected, atol=0.01 * expected.max())
    np.testing.assert_allclose(sum(part.get_ydata() for part in parts), y, atol=1e-12)
    for part, weight, colour in zip(parts, THETA, component_colours(3), strict=True):
        assert np.trapezoid(part.get_ydata(), x) == pytest.approx(weight, abs=0.01)
        assert part.get_color() == colour
        assert part.get_linestyle() == "--"
    assert labels(axis) == ["data", "mixture", "its central 90 %", "component 1", "2", "3"]


def test_density_band_holds_the_mean_and_the_histogram_the_data():
    axis = plots.plot_density(fit_of(groups_of(spread=0.05))).axes[0]
    x, y = axis.lines[0].get_data()
    outline = axis.collections[0].get_paths()[0].vertices
    at_peak = outline[np.isclose(outline[:, 0], x[y.argmax()]), 1]
    assert at_peak.min() < y.max() < at_peak.max()
    histogram = axis.patches[0].get_data()
    expected, edges = np.histogram(Y, bins=30, density=True)
    np.testing.assert_array_equal(histogram.values, expected)
    np.testing.assert_array_equal(histogram.edges, edges)


def test_density_resolves_a_component_narrower_than_the_grid():
    groups = groups_of(known=True, spread=0.0)
    groups["constant_data"]["sigma"] = ("component", [1.0, 0.001, 2.0])
    x, y = plots.plot_density(fit_of(groups)).axes[0].lines[0].get_data()
    assert y.max() == pytest.approx(0.5 / (0.001 * np.sqrt(2 * np.pi)), rel=0.01)
    assert np.trapezoid(y, x) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("K", [1, 9])
def test_density_of_one_and_of_many_components(K):
    shape = (2, 50, K)
    dims = ("chain", "draw", "component")
    mu = np.broadcast_to(np.linspace(0.0, 20.0, K), shape)
    posterior = {
        "theta": (dims, np.full(shape, 1 / K)),
        "mu": (dims, mu),
        "sigma": (dims, np.ones(shape)),
    }
    groups = {"posterior": xr.Dataset(posterior), "observed_data": xr.Dataset({"y": ("obs", Y)})}
    figure = plots.plot_density(fit_of(groups))
    draw(figure)
    assert len(figure.axes[0].lines) == K + 1


def test_missing_groups_are_named_with_a_hint():
    groups = groups_of()
    fit = fit_of(groups)
    posterior = {"posterior": group(fit, "posterior")}
    for plot in (plots.plot_predictive, plots.plot_density):
        with pytest.raises(DataError, match=r"'observed_data'.*observations"):
            plot(fit_of(posterior))
    with pytest.raises(DataError, match=r"'posterior_predictive'.*posterior predictive draws"):
        plots.plot_predictive(fit_of(posterior | {"observed_data": groups["observed_data"]}))
    known = {"posterior": groups["posterior"][["theta", "mu"]]}
    with pytest.raises(DataError, match=r"constant_data has sigma"):
        plots.plot_density(fit_of(known | {"observed_data": groups["observed_data"]}))


@pytest.mark.parametrize(("name", "unit"), [("counts", 1), ("weights", 0.25)])
def test_histograms_weigh_rows_by_their_counts(name, unit):
    groups, times = groups_of(replicated=20), unit * (np.arange(Y.size) % 4 + 1)
    groups["constant_data"][name] = ("obs", times)
    fit = fit_of(groups, method="nuts")
    predictive, density = plots.plot_predictive(fit), plots.plot_density(fit)
    for figure in (predictive, density):
        data = figure.axes[0].patches[0].get_data()
        heights = np.histogram(np.repeat(Y, (times / unit).astype(int)), data.edges, density=True)
        np.testing.assert_allclose(data.values, heights[0], rtol=1e-12, atol=1e-12)
    assert "90 % of replicated data sets of 300" in labels(predictive.axes[0])
