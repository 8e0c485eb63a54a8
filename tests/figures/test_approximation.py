"""Figures of ADVI: the losses of its starts, and its marginals over NUTS's."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from advi_fits import advi_fit
from plot_fits import draw, fit_of

from pystan_mix.arviz_compat import attributes, group, group_names, to_arviz
from pystan_mix.errors import DataError
from pystan_mix.figures import plot_approximation, plot_elbo

pytestmark = pytest.mark.arviz

ITERATION = np.arange(100, 5001, 100)


def history(levels, *, kept=0, lengths=None, **attrs):
    """A fit by ADVI with losses that come down from 10^6 to these levels."""
    decay = 1e7 * np.exp(-ITERATION / 60.0) + 0.5 * np.cos(ITERATION)
    elbo = -(np.asarray(levels)[:, None] + decay)
    for start, length in enumerate(lengths or []):
        elbo[start, length:] = np.nan
    groups = {
        "vi_trace": xr.Dataset(
            {"elbo": (("restart", "iteration"), elbo)}, coords={"iteration": ITERATION}
        )
    }
    if kept is not None:
        chosen = np.arange(len(elbo)) == kept
        groups["vi_restarts"] = xr.Dataset(
            {"kept": ("restart", chosen), "failed": ("restart", np.zeros_like(chosen))}
        )
    return to_arviz(groups, attrs={"method": "advi"} | attrs)


def labels(axis):
    return [text.get_text() for text in axis.get_legend().get_texts()]


def test_losses_start_where_they_are_readable():
    fit = history([800.0], elbo=-800.25, elbo_mcse=0.031)
    figure = plot_elbo(fit)
    draw(figure)
    axis = figure.axes[0]
    x, y = axis.lines[0].get_data()
    assert 100 < x[0] < 1000
    assert x[-1] == 5000
    assert axis.get_xlim() == (x[0], 5000)
    np.testing.assert_array_equal(y, -group(fit, "vi_trace")["elbo"][0].sel(iteration=x))
    assert axis.get_ylim()[1] < 900
    assert f"before {x[0]}, not drawn, the loss was up to $1.9 \\times 10^{{6}}$" in (
        axis.get_xlabel()
    )
    assert labels(axis) == ["loss while optimising", "final loss 800.250 ± 0.031"]
    assert axis.lines[1].get_ydata()[0] == 800.25
    assert plt.get_fignums() == []


def test_every_start_is_drawn_and_the_kept_one_on_top():
    fit = history([803.0, 801.0, 800.0, 802.0], kept=2, lengths=[50, 20, 50, 50])
    figure = plot_elbo(fit)
    draw(figure)
    axis = figure.axes[0]
    first, second, third, kept = axis.lines[:4]
    assert labels(axis)[:2] == ["other starts", "start 3, kept"]
    assert {line.get_color() for line in (first, second, third)} != {kept.get_color()}
    np.testing.assert_allclose(kept.get_ydata().mean(), 800.0, atol=20.0)
    assert first.get_xdata()[0] == second.get_xdata()[0] == kept.get_xdata()[0]
    # one that converged early ends early
    assert second.get_xdata()[-1] == 2000
    assert kept.get_xdata()[-1] == 5000
    assert "above the axis" not in axis.get_xlabel()


def test_a_start_that_ended_far_above_is_named_and_does_not_squash_the_others():
    axis = plot_elbo(history([2082.0, 800.0, 801.0], kept=1)).axes[0]
    assert "above the axis: start 1, which ended at 2082" in axis.get_xlabel()
    assert axis.get_ylim()[1] < 900
    assert len(axis.lines) == 3  # two starts, and the empty line that says the last loss


def test_without_restarts_the_best_end_is_taken_for_the_kept_one():
    axis = plot_elbo(history([803.0, 801.0], kept=None)).axes[0]
    assert labels(axis)[:2] == ["other start", "start 2, kept"]


def test_a_start_that_failed_is_left_out():
    figure = plot_elbo(history([800.0, 801.0], lengths=[50, 0]))
    draw(figure)
    assert labels(figure.axes[0])[0] == "start 1, kept"


def test_losses_without_an_error_or_without_a_final_one():
    assert labels(plot_elbo(history([800.0], elbo=-800.25)).axes[0])[1] == "final loss 800.250"
    fit = history([800.0])
    last = -float(group(fit, "vi_trace")["elbo"][0, -1])
    assert labels(plot_elbo(fit).axes[0])[1] == f"last {last:.2f}"


@pytest.mark.parametrize("values", [[-np.inf, -5.0, np.nan], [-5.0] * 3, [5.0, 4.0, -1e9]])
def test_a_short_or_broken_history(values):
    trace = xr.Dataset(
        {"elbo": (("restart", "iteration"), [values])}, coords={"iteration": [100, 200, 300]}
    )
    draw(plot_elbo(to_arviz({"vi_trace": trace}, attrs={})))
    lost = trace.copy(data={"elbo": np.full((1, 3), np.nan)})
    with pytest.raises(DataError, match="another seed"):
        plot_elbo(to_arviz({"vi_trace": lost}, attrs={}))


def test_a_fit_by_nuts_has_no_history():
    with pytest.raises(DataError, match=r"'vi_trace'.*Only a fit by ADVI"):
        plot_elbo(fit_of())


@pytest.mark.parametrize("reweighted", [0, 1])
def test_marginals_lie_over_those_of_nuts(reweighted):
    approx = advi_fit(reweighted=reweighted, pareto_khat=0.843, algorithm="fullrank")
    nuts = fit_of(K=2, known=True)
    figure = plot_approximation(approx, nuts)
    draw(figure)
    assert figure.get_suptitle() == "ADVI (fullrank) over NUTS, Pareto k-hat 0.84"
    assert len(figure.axes) == 4
    mu = figure.axes[3]
    area = mu.collections[0].get_paths()[0].vertices[:, 0]
    exact = group(nuts, "posterior")["mu"].values[..., 1]
    assert area.min() <= exact.mean() <= area.max()
    assert [line.get_linestyle() for line in mu.lines] == ["-", *["--"] * reweighted]
    for line in mu.lines:
        points, heights = line.get_data()
        assert np.trapezoid(heights, points) == pytest.approx(1.0, abs=0.02)
        assert points[heights.argmax()] == pytest.approx(10.0, abs=0.5)
    assert ("Dashed" in figure.get_supxlabel()) == bool(reweighted)


def test_plain_draws_are_the_line_and_reweighted_ones_are_dashed():
    approx = advi_fit()
    groups = {name: group(approx, name) for name in group_names(approx)}
    groups["posterior"] = groups["posterior"] + 3.0
    mu = plot_approximation(to_arviz(groups, attrs=attributes(approx)), fit_of(K=2, known=True))
    plain, weighted = mu.axes[3].lines
    assert plain.get_xdata().mean() + 2 < weighted.get_xdata().mean()


def test_one_component_has_nothing_to_say_of_its_weight():
    dims = ("chain", "draw", "component")
    rng = np.random.default_rng(1)
    posterior = xr.Dataset(
        {"theta": (dims, np.ones((1, 500, 1))), "mu": (dims, rng.normal(size=(1, 500, 1)))}
    )
    approx = to_arviz({"posterior": posterior}, attrs={"method": "advi", "pareto_khat": 0.1})
    figure = plot_approximation(approx, fit_of(K=1, known=True))
    draw(figure)
    assert len(figure.axes) == 1


def test_fits_of_different_models_are_refused():
    with pytest.raises(DataError, match=r"different models: .*'theta': 3.* and .*'theta': 2"):
        plot_approximation(advi_fit(), fit_of(K=3, known=True))
