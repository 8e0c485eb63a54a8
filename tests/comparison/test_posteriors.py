"""Posteriors of whatever library, read under this project's names."""

import numpy as np
import pytest
import xarray as xr
from known_posteriors import Y, as_arviz, fit_with_model, heavy_family, mixture_variables

from pystan_mix import NormalMixture, compare
from pystan_mix.arviz_compat import group, to_arviz
from pystan_mix.comparison.posteriors import read_posteriors
from pystan_mix.errors import DataError

pytestmark = pytest.mark.arviz


def read(fit, **names):
    (posterior,) = read_posteriors({"one": fit}, names=names)
    return posterior


def test_what_cannot_be_read_is_refused():
    variables = mixture_variables(16, draws=50)
    ours = as_arviz(variables)
    with pytest.raises(DataError, match="is Dataset, not ArviZ data"):
        compare({"a": ours, "b": xr.Dataset({"mu": 1.0})})
    with pytest.raises(DataError, match="no group 'posterior'; they have: prior"):
        compare({"a": ours, "b": to_arviz({"prior": group(ours, "posterior")}, attrs={})})
    with pytest.raises(DataError, match=r"There is no file nowhere\.nc"):
        compare({"a": ours, "b": "nowhere.nc"})
    theirs = as_arviz({"p": variables["theta"], "means": variables["mu"]})
    with pytest.raises(DataError, match="No posterior has a variable 'w': a has theta, mu, sigma;"):
        compare({"a": ours, "b": theirs}, names={"w": "theta"})
    with pytest.raises(DataError, match="two variables for theta"):
        compare(
            {"a": ours, "b": as_arviz(variables | {"p": variables["theta"]})}, names={"p": "theta"}
        )
    broken = mixture_variables(16, draws=50)
    broken["mu"][0, 0, 0] = np.nan
    with pytest.raises(DataError, match="b: 1 draws of mu are not finite"):
        compare({"a": ours, "b": as_arviz(broken)})


def test_other_libraries_names_are_read_as_ours():
    variables = mixture_variables(1, draws=20)
    theirs = as_arviz({"p": variables["theta"], "means": variables["mu"]}, observed="heights")
    posterior = read(theirs, p="theta", means="mu")
    assert list(posterior.draws) == ["theta", "mu"]
    np.testing.assert_array_equal(posterior.y, Y)
    assert posterior.size == (4, 20)
    assert posterior.divergences == 0


def test_vectors_of_another_length_are_no_parameters():
    fit = as_arviz(mixture_variables(1, draws=20))
    assignments = (("chain", "draw", "obs"), np.zeros((4, 20, 7)))
    with_more = group(fit, "posterior").assign(z=assignments)
    posterior = read(to_arviz({"posterior": with_more}, attrs={}))
    assert list(posterior.draws) == ["theta", "mu", "sigma"]


def test_the_time_is_that_of_ours_or_of_pymc():
    variables = mixture_variables(1, draws=20)
    assert read(as_arviz(variables, seconds=2.0, sampling_time=3.0)).seconds == 2.0
    assert read(as_arviz(variables, sampling_time=3.0)).seconds == 3.0
    assert read(as_arviz(variables)).seconds is None
    fit = as_arviz(variables)
    posterior = group(fit, "posterior").assign_attrs(sampling_time=4.0)
    assert read(to_arviz({"posterior": posterior}, attrs={})).seconds == 4.0


def test_the_family_and_what_is_known_are_those_of_the_model(monkeypatch):
    heavy = heavy_family(monkeypatch)
    variables = mixture_variables(1, draws=20)
    model = heavy(n_components=3, df=[3.0, 4.0, 5.0])
    normal = fit_with_model(NormalMixture(n_components=3), variables)
    # a name that somebody gave is no model
    trace = as_arviz(variables, model="mof3")
    found = read_posteriors(
        {"trace": trace, "ours": fit_with_model(model, variables), "normal": normal}, names={}
    )
    assert [each.family for each in found] == [heavy, heavy, NormalMixture]
    assert found[0].known == found[2].known == {}
    assert found[1].known["df"].tolist() == [3.0, 4.0, 5.0]
    assert found[1].parameters == ("theta", "mu", "sigma", "df")
    assert read(trace).family is NormalMixture


def test_elements_are_named_as_in_stan_the_mixtures_parameters_first():
    variables = mixture_variables(1, draws=20)
    given = {"alpha": variables["theta"][..., 0], "mu": variables["mu"], "theta": variables["mu"]}
    elements = read(as_arviz(given)).elements()
    assert list(elements) == [
        *(f"{name}[{k}]" for name in ("theta", "mu") for k in (1, 2, 3)),
        "alpha",
    ]
    np.testing.assert_array_equal(elements["mu[3]"], variables["mu"][..., 2])
