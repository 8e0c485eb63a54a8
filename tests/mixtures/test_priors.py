"""Tests of pystan_mix.mixtures.priors: what the priors take, keep, refuse and mean."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from pystan_mix.errors import ModelError
from pystan_mix.mixtures import priors, scale_priors, scale_priors_off_zero
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.priors import Dirichlet, Normal
from pystan_mix.mixtures.scale_priors import HalfCauchy, HalfNormal, HalfStudentT
from pystan_mix.mixtures.scale_priors_off_zero import InverseGamma, LogNormal

EXAMPLES = [
    Dirichlet(2),
    Dirichlet([1, 2.5, 3]),
    Normal([0, 10, 20], 5),
    Normal(0.1, [1, 2]),
    HalfCauchy(5),
    HalfNormal((1e-3, 1e3)),
    HalfStudentT(3, 2.5),
    HalfStudentT(3, [1, 2]),
    InverseGamma(2, 0.5),
    InverseGamma([2, 3], [0.5, 4]),
    LogNormal(-1, 0.5),
    LogNormal([-1, 2], 0.5),
]

# each number of each prior, as a function that makes the prior with that number
NUMBERS = {
    "Dirichlet: concentration": Dirichlet,
    "Normal: location": lambda value: Normal(value, 1.0),
    "Normal: scale": lambda value: Normal(0.0, value),
    "HalfCauchy: scale": HalfCauchy,
    "HalfNormal: scale": HalfNormal,
    "HalfStudentT: df": lambda value: HalfStudentT(value, 1.0),
    "HalfStudentT: scale": lambda value: HalfStudentT(3.0, value),
    "InverseGamma: shape": lambda value: InverseGamma(value, 1.0),
    "InverseGamma: scale": lambda value: InverseGamma(1.0, value),
    "LogNormal: location": lambda value: LogNormal(value, 1.0),
    "LogNormal: scale": lambda value: LogNormal(0.0, value),
}
POSITIVE = [name for name in NUMBERS if not name.endswith("location")]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (3, 3.0),
        (np.float32(1.5), 1.5),
        (np.int64(7), 7.0),
        (np.array(2.0), 2.0),
        ([1, 2], (1.0, 2.0)),
        ((1.0, 2), (1.0, 2.0)),
        (np.array([1, 2]), (1.0, 2.0)),
        (pd.Series([1.0, 2.0], index=[5, 6]), (1.0, 2.0)),
        ([4.0], (4.0,)),
    ],
)
def test_numbers_are_kept_as_floats(given, kept):
    scale = HalfNormal(given).scale
    assert scale == kept
    assert type(scale) is type(kept)
    assert all(type(x) is float for x in np.atleast_1d(np.array(scale, dtype=object)))


@pytest.mark.parametrize("prior", EXAMPLES, ids=repr)
def test_priors_are_values(prior):
    again = eval(repr(prior), {**vars(priors), **vars(scale_priors), **vars(scale_priors_off_zero)})  # noqa: S307
    assert again == prior
    assert hash(again) == hash(prior)
    assert again is not prior
    for field in dataclasses.fields(prior):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(prior, field.name, 1.0)


def test_priors_of_another_kind_or_number_differ():
    assert HalfNormal(1) != HalfCauchy(1)
    assert HalfNormal(1) != HalfNormal(2)
    assert Normal(0, 1) != Normal((0.0,), 1)


def test_an_array_that_changes_later_does_not_change_the_prior():
    scales = np.array([1.0, 2.0])
    prior = HalfNormal(scales)
    scales[:] = 9.0
    assert prior.scale == (1.0, 2.0)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "value",
    ["2", "half", None, True, [[1.0, 2.0]], [[1.0], [2.0, 3.0]], [], [1.0, None], 1j, {"a": 1.0}],
    ids=repr,
)
def test_what_is_no_number_is_refused(name, value):
    with pytest.raises(ModelError, match="a number or a flat sequence of numbers") as caught:
        NUMBERS[name](value)
    assert str(caught.value).startswith(f"{name} must be")
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, [1.0, np.nan]], ids=repr)
def test_numbers_out_of_range_are_refused(name, value):
    with pytest.raises(ModelError, match="must be finite, and at most 1e") as caught:
        NUMBERS[name](value)
    assert str(caught.value).startswith(name)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("name", POSITIVE)
@pytest.mark.parametrize("value", [0, -1.5, [1.0, 0.0], [-1.0, 2.0]], ids=repr)
def test_numbers_that_are_not_positive_are_refused(name, value):
    with pytest.raises(ModelError, match="must be positive") as caught:
        NUMBERS[name](value)
    assert str(caught.value).startswith(name)
    assert repr(value) in str(caught.value)


def test_locations_may_be_negative_or_equal_but_not_decrease():
    assert Normal([-5, -5, 0], 1).location == (-5.0, -5.0, 0.0)
    # of means that are ordered, as those of numbers are
    with pytest.raises(ModelError, match=r"not decrease.*\[0.0, 20.0, 10.0\]. Sort them"):
        NormalMixture(n_components=3, means=Normal([0, 20, 10], 5))
    assert Normal([0, 20, 10], 5).location == (0.0, 20.0, 10.0)


def test_degrees_of_freedom_are_one_number():
    with pytest.raises(ModelError, match=r"df must be one number; it is \[3.0, 4.0\]"):
        HalfStudentT([3, 4], 1)


HALF = [HalfCauchy(5.0), HalfNormal(0.7), HalfStudentT(3.0, 2.5), HalfStudentT(0.5, 1.0)]


FAR = [InverseGamma(2.5, 1.7), InverseGamma(0.7, 0.2), LogNormal(-0.3, 0.8)]


@pytest.mark.parametrize("prior", [Normal(-1.5, 0.3), *HALF, *FAR], ids=repr)
def test_a_density_integrates_to_its_draws_distribution(prior):
    """The distribution function by quadrature, at quartiles of 40,000 draws and in all."""
    rng = np.random.default_rng(5)
    draws = np.concatenate([prior.draw(rng, 4) for _ in range(10_000)])

    def density(x: float) -> float:
        return float(np.exp(prior.log_density(np.array(x))))

    low, middle = (-np.inf, -1.5) if isinstance(prior, Normal) else (0.0, 1.0)
    below = integrate.quad(density, low, middle)[0]
    assert below + integrate.quad(density, middle, np.inf)[0] == pytest.approx(1.0, abs=1e-7)
    for quantile in np.quantile(draws, [0.25, 0.5, 0.75]):
        found = below + integrate.quad(density, middle, quantile)[0]
        error = np.sqrt(found * (1.0 - found) / draws.size)
        assert abs(found - (draws <= quantile).mean()) < 4.0 * error
    for least in (low + 1.0 if low == 0.0 else -1.0, 3.0):
        above = integrate.quad(density, least, np.inf)[0]
        assert prior.log_survival(least) == pytest.approx(np.log(above), rel=1e-6)
    if low == 0.0:
        assert draws.min() >= 0.0
        assert prior.log_survival(0.0) == 0.0


@pytest.mark.parametrize(
    ("prior", "x", "expected"),
    [
        (Normal(1, 2), 2.0, -0.125 - np.log(2.0 * np.sqrt(2.0 * np.pi))),
        (HalfNormal(2), 2.0, -0.5 + np.log(2.0) - np.log(2.0 * np.sqrt(2.0 * np.pi))),
        (HalfCauchy(5), 10.0, np.log(2.0 / (5.0 * np.pi * 5.0))),
        # Student-t of three degrees: 6 sqrt(3) / (pi (3 + x^2)^2)
        (HalfStudentT(3, 2), 2.0, np.log(2.0 * 6.0 * np.sqrt(3.0) / (np.pi * 16.0) / 2.0)),
        # of the variance v = 4: 3^2 v^-3 exp(-3 / v), and dv = 2 x dx
        (InverseGamma(2, 3), 2.0, np.log(9.0 / 64.0 * np.exp(-0.75) * 4.0)),
        (LogNormal(1, 2), np.exp(3.0), -0.5 - 3.0 - np.log(2.0 * np.sqrt(2.0 * np.pi))),
    ],
)
def test_densities_by_hand(prior, x, expected):
    assert prior.log_density(np.array(x)) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("kind", [lambda s: Normal(0, s), HalfCauchy, HalfNormal])
def test_each_component_has_its_own_scale(kind):
    x = np.array([[0.5, 0.5, 0.5], [1.0, 2.0, 3.0]])
    each = [kind(scale).log_density(x[:, k]) for k, scale in enumerate((1.0, 10.0, 100.0))]
    prior = kind([1, 10, 100])
    np.testing.assert_allclose(prior.log_density(x), np.stack(each, axis=-1), rtol=1e-14)
    # of 2000 draws the median is off by some 3 per cent: scales a tenth or ten times as large
    rng = np.random.default_rng(2)
    draws = np.abs([prior.draw(rng, 3) for _ in range(2000)])
    ratio = np.median(draws, axis=0) / np.median(
        np.abs([kind(1).draw(rng, 3) for _ in range(2000)])
    )
    np.testing.assert_allclose(ratio, [1, 10, 100], rtol=0.2)


@pytest.mark.parametrize(
    "prior",
    [*HALF, HalfNormal([1, 2]), HalfCauchy([1, 2]), HalfStudentT(3, [1, 2])],
    ids=repr,
)
def test_stan_has_one_density_for_all_half_priors(prior):
    """A half-Student-t: of one degree of freedom, of infinitely many, or of those given."""
    data = prior.stan_data("sigma", 2)
    x = np.array([0.3, 4.0])
    law = stats.t(min(data["sigma_df"], 1e15), 0.0, data["sigma_scale"])
    np.testing.assert_allclose(prior.log_density(x), np.log(2.0) + law.logpdf(x), rtol=1e-9)


@pytest.mark.parametrize(
    "prior", [each for each in EXAMPLES if not isinstance(each, Dirichlet)] + HALF, ids=repr
)
def test_priors_come_back_from_stans_data_block(prior):
    size = 3 if prior == Normal([0, 10, 20], 5) else 2
    half = (HalfCauchy, HalfNormal, HalfStudentT)
    for kind in half if isinstance(prior, half) else (type(prior),):
        assert kind.from_stan_data("x", prior.stan_data("x", size)) == prior


def test_of_no_element_a_data_block_has_empty_vectors():
    assert HalfCauchy(5).stan_data("sigma", 0) == {
        "sigma_prior": 1,
        "sigma_df": 1.0,
        "sigma_shape": [],
        "sigma_loc": [],
        "sigma_scale": [],
    }
    assert Normal(1, 2).stan_data("nu", 0) == {"nu_loc": [], "nu_scale": []}
