"""What can be set against each other, and what must be said beside it."""

import numpy as np
import pytest
from known_posteriors import Y, as_arviz, fit_with_model, heavy_family, mixture_variables

from pystan_mix import HalfNormal, NormalMixture, compare
from pystan_mix.arviz_compat import to_arviz
from pystan_mix.comparison.comparability import (
    different_data,
    notes_on,
    notes_on_what_is_missing,
    what_is_given,
)
from pystan_mix.comparison.posteriors import read_posteriors
from pystan_mix.errors import DataError
from pystan_mix.fits.draws import Draws
from pystan_mix.fits.groups import common_groups
from pystan_mix.mixtures.target import target_of

pytestmark = pytest.mark.arviz


def read(**fits):
    return read_posteriors(fits, names={})


def without_sigma(seed):
    variables = mixture_variables(seed, draws=50)
    del variables["sigma"]
    return variables


def test_what_cannot_be_compared_is_refused():
    variables = mixture_variables(16, draws=50)
    ours = as_arviz(variables)
    theirs = as_arviz({"p": variables["theta"], "means": variables["mu"]})
    with pytest.raises(DataError, match=r"it has p, means, and a has theta, mu, sigma.*names="):
        compare({"a": ours, "b": theirs})
    two = as_arviz({name: x[..., :2] for name, x in variables.items()})
    with pytest.raises(DataError, match="theta has 3 elements in a and 2 elements in b"):
        compare({"a": ours, "b": two})


def test_the_first_that_says_something_says_it_for_all():
    fits = [
        fit_with_model(NormalMixture(n_components=3, sigma=sigma), without_sigma(1), y=y)
        for sigma, y in (([1, 2, 3], Y), (2.0, Y[:50]))
    ]
    posteriors = read(trace=as_arviz(without_sigma(2), y=None), one=fits[0], other=fits[1])
    given = what_is_given(posteriors)
    assert given.known["sigma"].tolist() == [1.0, 2.0, 3.0]
    np.testing.assert_array_equal(given.y, Y)
    (reason,) = different_data(posteriors, given)
    assert reason.startswith("other was fitted to other observations (50 of mean")
    assert list(notes_on_what_is_missing(posteriors, given)) == [
        "trace does not say its standard deviations; they are taken to be known as 1, 2, 3.",
        "The known standard deviations of other are 2, and not 1, 2, 3.",
    ]


def test_observations_are_the_same_however_they_are_put_together():
    model, y = NormalMixture(n_components=3, sigma=1.0), Y.round(0)
    cells, counts = np.unique(y, return_counts=True)

    def fit(y, counts=None, weights=None):
        target = target_of(model, y, counts=counts, weights=weights)
        return to_arviz(common_groups(target, Draws(without_sigma(1)), None), attrs={})

    posteriors = read(
        one=fit(y),
        counted=fit(cells, counts=counts),
        weighted=fit(cells, weights=1.0 * counts),
        rows=fit(y, weights=np.full(y.size, 0.5)),
        fewer=fit(cells, counts=counts - 1),
    )
    reasons = list(different_data(posteriors, what_is_given(posteriors)))
    assert len(reasons) == 2
    assert reasons[0].startswith(
        "rows was fitted to other observations (200 of weight 100 of mean "
        f"{y.mean():.4g} and sd {y.std():.4g}) than one (200 of mean {y.mean():.4g} and"
    )
    assert reasons[1].startswith(f"fewer was fitted to other observations ({200 - cells.size} of")


def test_draws_that_are_the_same_are_said_to_be():
    posteriors = read(
        one=as_arviz(without_sigma(1)), other=as_arviz(mixture_variables(1, draws=50))
    )
    notes = list(notes_on_what_is_missing(posteriors, what_is_given(posteriors)))
    assert notes == [
        "sigma is not compared: other has draws of it and one has none.",
        "other and one are the same draws.",
    ]


def test_what_was_put_in_order_is_said(monkeypatch):
    heavy = heavy_family(monkeypatch)
    variables = mixture_variables(1, chains=1, draws=50)
    (normal,) = read(one=as_arviz(variables))
    ordered, chains = notes_on(normal, out_of_order=0.25)
    assert ordered == (
        "one: the components of 25 % of the draws were not in increasing order of their means. "
        "They were put in it, draw by draw, each with its weight and standard deviation."
    )
    assert chains == "one has one chain, so no R-hat shows whether it found all there is."
    model = heavy(n_components=3, df=HalfNormal(10))
    (other,) = read(one=fit_with_model(model, variables | {"df": np.full((1, 50, 1), 5.0)}))
    # what all share stays
    assert next(notes_on(other, out_of_order=0.25)) == ordered
