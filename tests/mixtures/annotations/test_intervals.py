"""Tests of pystan_mix.mixtures.annotations.intervals: bounds, and what is refused."""

import numpy as np
import pytest

import pystan_mix as pmix
from pystan_mix.errors import DataError, ModelError, SettingsError
from pystan_mix.mixtures.annotations.checking import checked_observations
from pystan_mix.mixtures.annotations.intervals import rounded_values
from pystan_mix.mixtures.observations import least_scale
from pystan_mix.mixtures.target import target_of

INF, NAN = np.inf, np.nan


def test_bounds_are_put_together_with_what_they_count_for():
    y = pmix.Interval([0, -INF, 0, 2, 0, 2], [1, 3, 1, 2, 2, INF])
    found = checked_observations(y, counts=[1, 2, 3, 4, 5, 6])
    assert found.y.tolist() == [0.5, 3.0, 0.5, 2.0, 1.0, 2.0]
    assert found.distinct.tolist() == [0.5, 1.0, 2.0, 2.0, 3.0]
    assert found.bounds.lower.tolist() == [0.0, 0.0, 2.0, 2.0, -INF]
    assert found.bounds.upper.tolist() == [1.0, 2.0, 2.0, INF, 3.0]
    assert found.count.tolist() == [4, 5, 4, 6, 2]
    assert found.bounds.chosen(found.index).upper.tolist() == y.upper.tolist()


def test_bounds_that_are_all_equal_are_plain_observations():
    found = checked_observations(pmix.Interval([1, 2, 2], [1, 2, 2]))
    assert found.bounds is None
    assert found.distinct.tolist() == [1.0, 2.0]


def test_rows_without_a_bound_are_missing():
    y = pmix.Interval([NAN, -INF, 0.0, 1.0], [NAN, INF, 1.0, INF])
    with pytest.raises(DataError, match="2 of 4 observations are missing"):
        checked_observations(y)
    found = checked_observations(y, missing="drop")
    assert (found.dropped, found.y.tolist()) == (2, [0.5, 1.0])


@pytest.mark.parametrize(
    ("lower", "upper", "words"),
    [
        ([1.0, 2.0], [1.0], "2 lower bounds and 1 upper"),
        ([0.0, 2.0], [1.0, 1.0], "from 2 to 1 at position 1, has bounds in the wrong order"),
        ([0.0, NAN], [1.0, 1.0], "from nan to 1 at position 1, has one bound alone"),
        ([0.0, INF], [1.0, INF], "from inf to inf at position 1, is infinite itself"),
        ([0.0, -INF], [1.0, -INF], "is infinite itself"),
        ([0.0, -1e200], [1.0, 1.0], "beyond 1e"),
        (["a"], [1.0], "lower: .*must be numbers"),
    ],
)
def test_what_are_no_bounds_is_refused(lower, upper, words):
    with pytest.raises(DataError, match=words):
        pmix.Interval(lower, upper)


@pytest.mark.parametrize(
    ("lower", "upper", "words"),
    [
        ([-INF, -INF, -INF], [1.0, 2.0, 4.0], "No observation has a lower bound"),
        ([1.0, 2.0, 4.0], [INF, INF, INF], "has an upper bound"),
        ([1.0, 1.0], [2.0, 2.0], "All 2 observations are 1.5"),
    ],
)
def test_what_says_nothing_of_the_scale_is_refused(lower, upper, words):
    with pytest.raises(DataError, match=words):
        checked_observations(pmix.Interval(lower, upper))


def test_rounded_values_lie_within_half_a_unit():
    found = rounded_values([1, None, 3], 0.5)
    np.testing.assert_array_equal(found.lower, [0.75, NAN, 2.75])
    np.testing.assert_array_equal(found.upper, [1.25, NAN, 3.25])
    assert rounded_values([1, 2], None) == [1, 2]


@pytest.mark.parametrize("unit", [0, -1.0, INF, "1", True])
def test_a_unit_is_a_number_above_zero(unit):
    with pytest.raises(SettingsError, match="rounded_to must be above 0"):
        rounded_values([1, 2], unit)


def test_what_is_not_rounded_so_is_refused():
    with pytest.raises(DataError, match="Leave rounded_to out"):
        rounded_values(pmix.Interval([1], [2]), 1.0)
    with pytest.raises(DataError, match="were not rounded to 1e-05"):
        rounded_values([1e20, 2.0], 1e-5)


def test_other_families_know_no_intervals():
    y = pmix.Interval([0.0, 1.0], [1.0, 2.0])
    others = (pmix.PoissonMixture, pmix.NegativeBinomialMixture, pmix.MultivariateNormalMixture)
    for family in others:
        with pytest.raises(ModelError, match=f"{family.__name__} takes no intervals"):
            target_of(family(n_components=1), y)


def test_default_priors_are_those_of_the_data_before_half_were_censored():
    y = np.random.default_rng(2).normal(10.0, 3.0, size=2000)
    limit = np.median(y)
    for lower, upper in (
        (np.where(y < limit, -INF, y), np.maximum(y, limit)),
        (np.minimum(y, limit), np.where(y > limit, INF, y)),
        (np.floor(y), np.floor(y) + 1.0),
    ):
        target = target_of(pmix.NormalMixture(n_components=2), pmix.Interval(lower, upper))
        assert target.model.means.location == pytest.approx(y.mean(), abs=0.3)
        assert target.model.sigma.scale == pytest.approx(y.std(), rel=0.05)
        assert target.model.min_sigma == pytest.approx(1e-3 * y.std(), rel=0.05)


def test_known_values_on_a_grid_keep_the_floor_of_such():
    y = pmix.Interval([-INF, 1.0, 1.0, 1.5, 2.5, 2.5], [0.5, 1.0, 1.0, 1.5, 2.5, 2.5])
    assert least_scale(checked_observations(y)) == 0.25


def test_points_that_stand_for_the_data_lie_between_their_bounds():
    y = np.random.default_rng(2).normal(size=500)
    bounds = pmix.Interval(np.where(y < 0, -INF, y), np.maximum(y, 0.0))
    points = checked_observations(bounds).points(300)
    assert points.size == 300
    assert (np.diff(points) >= 0).all()
    # half of them are spread below, as the data are
    assert (points < 0).mean() == pytest.approx((y < 0).mean(), abs=0.01)
    assert points[points < 0].std() == pytest.approx(y[y < 0].std(), rel=0.15)
