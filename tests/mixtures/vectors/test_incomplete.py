"""Vectors that lack coordinates: by what they have, against SciPy, integrals and Anderson."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import integrate, stats

import pystan_mix as pmix
from pystan_mix.mixtures.density import Constrained, component_terms, log_likelihood
from pystan_mix.mixtures.families.multivariate_normal import MultivariateNormalMixture
from pystan_mix.mixtures.observations import indexed
from pystan_mix.mixtures.target import target_of
from pystan_mix.mixtures.vectors.incomplete import (
    coordinate_moments,
    distinct_rows,
    incomplete_rows,
    observed_values,
    patterns_of,
)
from pystan_mix.stats.correlations import CORRELATION

NAN = math.nan
Y = np.array([[1.0, NAN, 3.0], [1.0, 2.0, 3.0], [NAN, NAN, 4.0], [1.0, NAN, 3.0], [NAN, NAN, NAN]])


def components(D: int, *, draws: int = 4, K: int = 2, scales: int | None = None):
    """Draws of the parameters of K components."""
    rng = np.random.default_rng(D)
    return {
        "mu": rng.normal(size=(draws, K, D)),
        "sigma": rng.lognormal(size=(draws, K, scales or D)),
        "corr": CORRELATION.from_free(rng.normal(size=(draws, K, D * (D - 1) // 2))),
    }


def test_rows_of_a_pattern_stand_together():
    found = patterns_of(Y)
    # what lacks nothing is first
    assert [each.at.tolist() for each in found] == [[0, 1, 2], [0, 2], [2], []]
    assert [each.rows.tolist() for each in found] == [[1], [0, 3], [2], [4]]
    assert incomplete_rows(Y).tolist() == [True, False, True, True, True]
    assert patterns_of(np.empty((0, 2))) == []


def test_rows_are_equal_that_lack_the_same_and_have_the_same():
    distinct, label, index, count = distinct_rows(Y)
    expected = [[1, 2, 3], [1, NAN, 3], [NAN, NAN, 4], [NAN, NAN, NAN]]
    np.testing.assert_array_equal(distinct, expected)
    assert label is None
    assert (index.tolist(), count.tolist()) == ([1, 0, 2, 1, 3], [1, 2, 1, 1])
    # a missing 0 is none
    assert len(distinct_rows(np.array([[0.0, 1.0], [NAN, 1.0]]))[0]) == 2


@pytest.mark.parametrize("y", [Y, np.nan_to_num(Y)])
def test_equal_rows_of_other_labels_are_different(y):
    labels = np.array([0, -1, 1, -1, 1])
    distinct, label, index, count = distinct_rows(y, labels)
    np.testing.assert_array_equal(distinct[index], y)
    assert label[index].tolist() == labels.tolist()
    assert count.tolist() == [1] * 5
    # the first and the fourth are equal
    assert sorted(distinct_rows(y, np.where(labels == 0, -1, labels))[3]) == [1, 1, 1, 2]


def test_rows_that_lack_nothing_are_those_of_numpy():
    y = np.random.default_rng(1).integers(0, 4, size=(50, 2)).astype(float)
    distinct, index, count = np.unique(y, return_inverse=True, return_counts=True, axis=0)
    found = indexed(y)
    np.testing.assert_array_equal(found.distinct, distinct)
    np.testing.assert_array_equal(found.index, index.reshape(-1))
    np.testing.assert_array_equal(found.count, count)
    assert found.incomplete == 0


def test_moments_are_of_what_is_observed():
    mean, sd = coordinate_moments(Y)
    np.testing.assert_allclose(mean, [1, 2, 13 / 4])
    np.testing.assert_allclose(sd, [0, 0, np.std([3, 3, 3, 4])])
    assert observed_values(Y[:, 0]).tolist() == [1, 1, 1]


@pytest.mark.parametrize("y", [Y[:4], np.nan_to_num(Y)])
def test_moments_of_counted_rows_are_those_of_rows_written_out(y):
    times = np.arange(1, len(y) + 1)
    expected = coordinate_moments(np.repeat(y, times, axis=0))
    np.testing.assert_allclose(coordinate_moments(y, times), expected, rtol=1e-12)
    # and weights are shares of their sum
    np.testing.assert_allclose(coordinate_moments(y, 0.3 * times), expected, rtol=1e-12)


@pytest.mark.parametrize("D", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("scales", [None, 1])
def test_the_density_is_scipys_of_fewer_coordinates(D, scales):
    y = np.random.default_rng(1).normal(size=(40, D))
    y[np.random.default_rng(2).random(y.shape) < 0.4] = NAN
    found = components(D, scales=scales)
    terms = component_terms(MultivariateNormalMixture, y, np.zeros((4, 2)), found)
    assert terms.shape == (4, 2, 40)
    for s, k, n in np.ndindex(terms.shape):
        at = np.flatnonzero(~np.isnan(y[n]))
        sigma = np.broadcast_to(found["sigma"][s, k], D)[at]
        covariance = np.outer(sigma, sigma) * found["corr"][s, k][np.ix_(at, at)]
        law = stats.multivariate_normal(found["mu"][s, k][at], covariance) if at.size else None
        expected = law.logpdf(y[n][at]) if law else 0.0
        assert terms[s, k, n] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_the_density_is_the_integral_over_what_is_missing():
    found = components(2, draws=1, K=1)

    def density(y):
        return math.exp(
            component_terms(MultivariateNormalMixture, np.array([y]), np.zeros((1, 1)), found)[
                0, 0, 0
            ]
        )

    mean, sd = found["mu"][0, 0, 1], found["sigma"][0, 0, 1]
    ends = (mean - 12 * sd, mean + 12 * sd)
    whole, error = integrate.quad(lambda x: density([0.3, x]), *ends, epsabs=1e-12)
    assert density([0.3, NAN]) == pytest.approx(whole, abs=10 * error + 1e-11)


def test_a_row_that_lacks_all_says_nothing():
    terms = component_terms(
        MultivariateNormalMixture, np.full((1, 2), NAN), np.zeros((4, 2)), components(2)
    )
    assert (terms == 0.0).all()


def monotone(n: int = 80, both: int = 50):
    """Pairs of which the second coordinate is missing beyond some."""
    rng = np.random.default_rng(3)
    y = rng.normal(size=(n, 2)) @ np.array([[1.0, 0.7], [0.0, 0.5]]) + [2.0, -1.0]
    y[both:, 1] = NAN
    return y, both


def test_the_likelihood_is_largest_at_andersons_estimates():
    # Anderson (1957), "Maximum likelihood estimates for a multivariate normal distribution
    # when some observations are missing": the first coordinate by all rows, and the second's
    # regression on it by those that have both
    y, both = monotone()
    first, second = y[:, 0], y[:both, 1]
    mean, variance = first.mean(), first.var()
    slope = np.cov(first[:both], second, ddof=0)[0, 1] / first[:both].var()
    mean_2 = second.mean() + slope * (mean - first[:both].mean())
    residual = second.var() - slope**2 * first[:both].var()
    variance_2 = residual + slope**2 * variance
    estimates = np.array(
        [mean, mean_2, *np.sqrt([variance, variance_2]), slope * math.sqrt(variance / variance_2)]
    )
    of = target_of(MultivariateNormalMixture(n_components=1), y, missing="marginalise")

    def log_lik(at):
        corr = np.array([[1.0, at[4]], [at[4], 1.0]])
        one = {"mu": at[None, None, :2], "sigma": at[None, None, 2:4], "corr": corr[None, None]}
        return log_likelihood(of, Constrained(np.zeros((1, 1)), one, np.zeros(1)))[0]

    # what the two factors of the likelihood are there
    expected = stats.norm(mean, math.sqrt(variance)).logpdf(first).sum()
    on_first = mean_2 + slope * (first[:both] - mean)
    expected += stats.norm(on_first, math.sqrt(residual)).logpdf(second).sum()
    assert log_lik(estimates) == pytest.approx(expected, rel=1e-12)
    step = 1e-4
    for each in np.eye(5) * step:
        up, down = log_lik(estimates + each), log_lik(estimates - each)
        assert max(up, down) < log_lik(estimates)
        # the slope is none: to the cube of the step
        assert abs(up - down) / (2 * step) < 1e-3


def test_priors_and_floors_are_scaled_to_what_is_observed():
    y, _ = monotone()
    y[:, 0] = y[:, 0].round(1)
    model = target_of(MultivariateNormalMixture(n_components=2), y, missing="marginalise").model
    second = observed_values(y[:, 1])
    np.testing.assert_allclose(model.means.location, [y[:, 0].mean(), second.mean()])
    np.testing.assert_allclose(model.scales.scale, [y[:, 0].std(), second.std()])
    assert model.min_sigma == pytest.approx((0.05, 1e-3 * second.std()))


def test_rows_that_lack_nothing_are_the_same_data():
    y, both = monotone()
    model = pmix.MultivariateNormalMixture(n_components=2)
    one = target_of(model, y[:both], missing="marginalise")
    other = target_of(model, y[:both])
    for field in dataclasses.fields(other.observed):
        np.testing.assert_array_equal(
            getattr(one.observed, field.name), getattr(other.observed, field.name)
        )
    assert one.model == other.model
