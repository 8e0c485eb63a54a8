"""Parameters of other families than the normal in figures: what they are called, and their panels.

The family is made here, so that nothing of the figures can know it.
"""

import dataclasses
from typing import ClassVar

import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_hex
from plot_fits import draw, fit_of
from scipy import stats

from pystan_mix import compare
from pystan_mix.arviz_compat import attributes, group, group_names, to_arviz
from pystan_mix.errors import DataError
from pystan_mix.figures import (
    plot_approximation,
    plot_autocorr,
    plot_comparison,
    plot_density,
    plot_posterior,
    plot_trace,
)
from pystan_mix.figures.parameters import shown_parameters
from pystan_mix.figures.style import SLATE, component_colours
from pystan_mix.fits.attributes import Provenance, as_attributes
from pystan_mix.mixtures import model_json
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.parameter import Parameter
from pystan_mix.mixtures.priors import Normal
from pystan_mix.mixtures.scale_priors import HalfNormal
from pystan_mix.stats.transforms import POSITIVE

pytestmark = pytest.mark.arviz

TAIL = Parameter(
    name="tail",
    field="tail",
    meaning="thicknesses of the tails",
    space=POSITIVE,
    priors=(HalfNormal,),
    example=HalfNormal(10.0),
    symbol=r"\nu",
    pymc="nu",
    shared=True,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TailedMixture(NormalMixture):
    """Components whose tails are as thick as those of Student's t."""

    family: ClassVar = "tailed"
    parameters: ClassVar = (*NormalMixture.parameters, TAIL)

    tail: HalfNormal | float

    @staticmethod
    def log_density(y, *, mu, sigma, tail):
        """Return the log density; all are broadcast."""
        return stats.t.logpdf(y, df=tail, loc=mu, scale=sigma)

    @staticmethod
    def draw(rng, *, mu, sigma, tail):
        """Draw a point from each component; all are broadcast."""
        return mu + sigma * rng.standard_t(tail)


@pytest.fixture(autouse=True)
def known_family(monkeypatch):
    monkeypatch.setattr(model_json, "FAMILIES", (*model_json.FAMILIES, TailedMixture))


def tailed_fit(*, K=3, method="nuts", per_component=False, sigma=None, tail=None):
    """A fit whose components share the thickness of their tails, or have one each."""
    model = TailedMixture(
        n_components=K,
        means=Normal(0.0, 10.0),
        sigma=HalfNormal(1.0) if sigma is None else sigma,
        tail=HalfNormal([10.0] * K if per_component else 10.0) if tail is None else tail,
    )
    fit = fit_of(K=K, method=method, known=sigma is not None)
    groups = {name: group(fit, name) for name in group_names(fit)}
    mu = groups["posterior"]["mu"]
    values = 4.0 + 0.1 * np.random.default_rng(2).standard_normal(mu.shape)
    if tail is not None:
        groups["constant_data"]["tail"] = tail
    elif per_component:
        groups["posterior"]["tail"] = (mu.dims, values)
    else:
        groups["posterior"]["tail"] = (mu.dims[:2], values[..., 0])
    groups["observed_data"] = xr.Dataset({"y": ("obs", np.linspace(-20.0, 40.0, 121))})
    carried = Provenance(method=method, model=model_json.model_to_json(model))
    return to_arviz(groups, attrs=as_attributes(carried))


def test_what_all_components_share_is_one_row_of_the_trace():
    figure = plot_trace(tailed_fit())
    draw(figure)
    assert len(figure.axes) == 8
    density, chains = figure.axes[6:]
    assert density.get_title(loc="left") == r"thicknesses of the tails $\nu$"
    assert [to_hex(line.get_color()) for line in density.lines] == [SLATE]
    assert len([line for line in chains.lines if len(line.get_xdata()) > 2]) == 4


@pytest.mark.parametrize("plot", [plot_autocorr, plot_posterior])
def test_what_all_components_share_is_one_panel_without_an_index(plot):
    figure = plot(tailed_fit())
    draw(figure)
    titles = [axis.get_title(loc="left").strip() for axis in figure.axes]
    assert titles[-4:] == [r"$\sigma_{1}$", r"$\sigma_{2}$", r"$\sigma_{3}$", r"$\nu$"]


def test_the_lowest_panel_of_each_column_names_the_lags():
    labels = [axis.get_xlabel() for axis in plot_autocorr(tailed_fit()).axes]
    assert labels == [""] * 7 + ["lag"] * 3


@pytest.mark.parametrize("plot", [plot_autocorr, plot_posterior])
def test_one_each_has_an_index_and_the_components_colours(plot):
    fit = tailed_fit(per_component=True)
    figure = plot(fit)
    assert len(figure.axes) == 12
    assert figure.axes[-1].get_title(loc="left").strip() == r"$\nu_{3}$"
    assert shown_parameters(fit)["tail"].colours == component_colours(3)


@pytest.mark.parametrize("K", [1, 9])
def test_any_number_of_components(K):
    for plot in (plot_trace, plot_autocorr, plot_posterior):
        figure = plot(tailed_fit(K=K))
        draw(figure)
    assert len(figure.axes) == (3 if K == 1 else 28)


def test_marginals_of_all_parameters_lie_over_each_other():
    figure = plot_approximation(tailed_fit(method="advi"), tailed_fit())
    draw(figure)
    assert len(figure.axes) == 10
    with pytest.raises(DataError, match=r"different models: .*'tail': 1.* and .*'tail': 3"):
        plot_approximation(tailed_fit(method="advi", per_component=True), tailed_fit())


@pytest.mark.parametrize("known", [{}, {"sigma": 1.0, "tail": 4.0}])
def test_density_is_that_of_the_family(known):
    fit = tailed_fit(**known)
    figure = plot_density(fit)
    draw(figure)
    whole, *parts = figure.axes[0].lines
    x, y = whole.get_data()
    posterior = group(fit, "posterior").stack(row=("chain", "draw"))
    theta, mu = (posterior[name].transpose("row", "component").values for name in ("theta", "mu"))
    scale = 1.0 if known else posterior["sigma"].transpose("row", "component").values
    at = np.array([-8.0, 0.0, 14.0])
    expected = (theta * stats.t.pdf(at[:, None, None], df=4.0, loc=mu, scale=scale)).sum(axis=-1)
    np.testing.assert_allclose(np.interp(at, x, y), expected.mean(axis=1), rtol=0.1)
    np.testing.assert_allclose(sum(part.get_ydata() for part in parts), y, atol=1e-12)
    assert attributes(fit)["model"].startswith('{"family": "tailed"')


def test_comparison_has_a_panel_for_what_is_shared_and_the_familys_density():
    figure = plot_comparison(compare({"here": tailed_fit(), "there": tailed_fit()}))
    draw(figure)
    assert len(figure.axes) == 10 + 1
    assert figure.axes[9].get_title(loc="left") == r"$\nu$"
    density = figure.axes[-1].lines[0]
    x, y = density.get_data()
    expected, at = plot_density(tailed_fit()).axes[0].lines[0].get_data()[::-1]
    np.testing.assert_allclose(y, np.interp(x, at, expected), atol=0.02 * expected.max())
