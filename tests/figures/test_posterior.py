"""Trace, autocorrelation and posterior figures: what is drawn, and what is written."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from plot_fits import draw, fit_of

from pystan_mix.arviz_compat import group, to_arviz
from pystan_mix.errors import DataError, SettingsError
from pystan_mix.figures import plot_autocorr, plot_posterior, plot_trace
from pystan_mix.figures.parameters import shown_parameters
from pystan_mix.stats.curves import autocorrelation

pytestmark = pytest.mark.arviz

FIGURES = [plot_trace, plot_autocorr, plot_posterior]


@pytest.mark.parametrize("plot", FIGURES)
@pytest.mark.parametrize("method", ["nuts", "advi"])
@pytest.mark.parametrize("known", [True, False])
def test_every_parameter_is_there_and_nothing_leaks(plot, method, known):
    before = dict(mpl.rcParams)
    figure = plot(fit_of(method=method, known=known))
    draw(figure)
    parameters = 2 if known else 3
    assert len(figure.axes) == (2 if plot is plot_trace else 3) * parameters
    assert method.upper() in figure.get_suptitle()
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("plot", FIGURES)
@pytest.mark.parametrize(("K", "panels"), [(1, 2), (2, 6), (9, 27)])
def test_any_number_of_components(plot, K, panels):
    figure = plot(fit_of(K=K))
    draw(figure)
    if plot is plot_trace:
        assert len(figure.axes) == (4 if K == 1 else 6)
    else:
        assert len(figure.axes) == panels


def test_autocorrelation_bars_and_band():
    fit = fit_of()
    draws = shown_parameters(fit)["mu"].draws[:, :, 1]
    figure = plot_autocorr(fit, max_lag=40)
    axis = figure.axes[4]
    assert axis.get_title(loc="left") == r"$\mu_{2}$"
    (bars,) = axis.collections
    tops = np.array([segment[1] for segment in bars.get_segments()])
    np.testing.assert_array_equal(tops[:, 0], np.arange(41))
    np.testing.assert_array_equal(tops[:, 1], autocorrelation(draws, max_lag=40))
    assert tops[0, 1] == 1.0
    band = axis.patches[0].get_extents().transformed(axis.transData.inverted())
    bound = 1.96 / np.sqrt(draws.size)
    assert (band.y0, band.y1) == pytest.approx((-bound, bound))


def test_autocorrelation_stops_at_the_number_of_draws():
    fit = fit_of(known=True, method="advi")
    short = to_arviz({"posterior": group(fit, "posterior").isel(draw=slice(5))}, attrs={})
    (bars,) = plot_autocorr(short).axes[0].collections
    assert len(bars.get_segments()) == 5


@pytest.mark.parametrize("max_lag", [0, -1, 2.5, True])
def test_autocorrelation_refuses_other_lags(max_lag):
    with pytest.raises(SettingsError, match="max_lag"):
        plot_autocorr(fit_of(), max_lag=max_lag)


def test_posterior_writes_mean_median_and_interval():
    fit = fit_of()
    draws = shown_parameters(fit)["mu"].draws[:, :, 2]
    axis = plot_posterior(fit).axes[5]
    assert axis.get_title(loc="left").strip() == r"$\mu_{3}$"
    low, median, high = np.quantile(draws, [0.05, 0.5, 0.95])
    assert axis.get_title(loc="right") == (
        f"mean {draws.mean():.2f}\nmedian {median:.2f}\n90 %: {low:.2f} to {high:.2f}"
    )


def test_posterior_density_integrates_to_one_and_its_shade_to_nine_tenths():
    axis = plot_posterior(fit_of()).axes[0]
    x, y = axis.lines[0].get_data()
    assert np.trapezoid(y, x) == pytest.approx(1.0, abs=0.01)
    shade = axis.collections[0].get_paths()[0].vertices
    inside = (x >= shade[:, 0].min()) & (x <= shade[:, 0].max())
    assert np.trapezoid(y[inside], x[inside]) == pytest.approx(0.9, abs=0.02)


def test_a_single_weight_is_left_out():
    assert list(shown_parameters(fit_of(K=1))) == ["mu", "sigma"]
    assert list(shown_parameters(fit_of(K=2, known=True))) == ["theta", "mu"]


def test_dimensions_in_another_order_are_the_same():
    fit = fit_of()
    turned = group(fit, "posterior").transpose("component", "draw", "chain")
    found = shown_parameters(to_arviz({"posterior": turned}, attrs={}))
    np.testing.assert_array_equal(found["mu"].draws, shown_parameters(fit)["mu"].draws)


def test_fits_without_a_mixture_are_refused():
    with pytest.raises(DataError, match="no group 'posterior'"):
        plot_trace(to_arviz({"prior": xr.Dataset({"mu": 1.0})}, attrs={}))
    with pytest.raises(DataError, match="none of theta, mu, sigma; it has: beta"):
        plot_trace(to_arviz({"posterior": xr.Dataset({"beta": 1.0})}, attrs={}))
