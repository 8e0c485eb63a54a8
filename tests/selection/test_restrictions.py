"""The probabilities that normalise the restricted priors, against exact ones."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import special, stats

from pystan_mix.selection.restrictions import (
    log_floor_probability,
    log_ordering_probability,
    log_ordering_probability_of_gammas,
)


@pytest.mark.parametrize("K", [1, 2, 3, 7, 20])
def test_equal_normals_come_in_order_once_in_k_factorial(K):
    assert log_ordering_probability(np.full(K, 3.0), np.full(K, 0.1)) == -math.lgamma(K + 1)


@pytest.mark.parametrize("K", [2, 3, 7, 20, 40])
def test_the_recursion_gives_k_factorial_too(K):
    """Locations that differ by less than rounding of the result go by quadrature."""
    nearly = np.linspace(0.0, 1e-14, K)
    found = log_ordering_probability(nearly, np.ones(K))
    assert found == pytest.approx(-math.lgamma(K + 1), abs=1e-11)


@pytest.mark.parametrize(
    ("loc", "scale"),
    [
        ([0, 10], [5, 5]),
        ([0, 0], [1, 1e6]),
        ([3, 3.5], [1e-6, 1]),
        ([0, 5], [1e-3, 1e3]),
        ([-2e8, -1e8], [3e8, 4e8]),
        ([5, 0], [0.3, 0.2]),
        ([0, 1e6], [1, 1]),
    ],
)
def test_two_normals_are_the_normal_cdf(loc, scale):
    found = log_ordering_probability(np.array(loc, float), np.array(scale, float))
    expected = stats.norm.logcdf((loc[1] - loc[0]) / math.hypot(*scale))
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("scale", [(2, 3, 4), (1, 100, 1), (1, 1e-3, 1e3), (1e3, 1, 1e-3)])
def test_three_normals_around_one_point_are_an_orthant(scale):
    """Sheppard (1898): of two differences with correlation r, 1 / 4 + asin(r) / (2 pi)."""
    a, b, c = scale
    r = -(b**2) / math.sqrt((a**2 + b**2) * (b**2 + c**2))
    expected = 0.25 + math.asin(r) / (2.0 * math.pi)
    found = log_ordering_probability(np.zeros(3), np.array(scale, float))
    assert math.exp(found) == pytest.approx(expected, rel=1e-11)


def test_units_and_origin_do_not_matter():
    loc, scale = np.array([0.0, 1.0, 5.0, 5.0]), np.array([2.0, 0.5, 3.0, 7.0])
    found = log_ordering_probability(loc, scale)
    for unit, origin in ((1e-50, 0.0), (1e50, 0.0), (1.0, -40.0)):
        again = log_ordering_probability(loc * unit + origin, scale * unit)
        assert again == pytest.approx(found, abs=1e-10)


@pytest.mark.parametrize(
    ("loc", "scale"), [([0, 10, 20], [5, 5, 5]), ([0, 0, 1, 4, 4], [3, 1, 0.2, 6, 1])]
)
def test_a_large_simulation_agrees(loc, scale):
    draws = np.random.default_rng(1).normal(loc, scale, size=(1_000_000, len(loc)))
    share = (np.diff(draws, axis=1) > 0).all(axis=1).mean()
    found = math.exp(log_ordering_probability(np.array(loc, float), np.array(scale, float)))
    assert abs(share - found) < 4.5 * math.sqrt(found * (1 - found) / 1e6)


def exact_floor_probability(alpha: list[int], floor: Fraction) -> float:
    """Log of a rational number: for whole concentrations the density is a polynomial.

    With ``x[k] = floor + t[k]`` the integral of a product of powers of ``t`` over the simplex of
    size f is the product of their factorials times a power of f (Dirichlet's integral).
    """
    coefficients = [Fraction(1)]
    for a in alpha:
        power = [math.comb(a - 1, j) * floor ** (a - 1 - j) * math.factorial(j) for j in range(a)]
        product = [Fraction(0)] * (len(coefficients) + a - 1)
        for i, x in enumerate(coefficients):
            for j, y in enumerate(power):
                product[i + j] += x * y
        coefficients = product
    K, f = len(alpha), 1 - len(alpha) * floor
    total = sum(
        c * f ** (n + K - 1) / math.factorial(n + K - 1) for n, c in enumerate(coefficients)
    )
    total *= Fraction(
        math.factorial(sum(alpha) - 1), math.prod(math.factorial(a - 1) for a in alpha)
    )
    return math.log(total.numerator) - math.log(total.denominator)


@pytest.mark.parametrize(
    ("alpha", "floor"),
    [
        ([1, 1], 0.1),
        ([2, 2, 2], 0.1),
        ([1, 2, 7], 0.2),
        ([10, 10, 10], 0.1),
        ([40, 40, 40], 0.25),
        ([60, 1, 1], 0.3),
        ([2, 2, 2], 1e-9),
        ([2] * 10, 0.05),
        ([1] * 20, 0.01),
        ([2] * 20, 1 / 21),
        ([5] * 8, 0.125 - 1e-6),
        ([3] * 50, 0.01),
    ],
)
def test_the_floor_is_that_of_exact_arithmetic(alpha, floor):
    found = log_floor_probability(np.array(alpha, float), floor)
    assert found == pytest.approx(exact_floor_probability(alpha, Fraction(floor)), rel=0, abs=1e-11)


@pytest.mark.parametrize(
    ("a", "b", "floor"),
    [(0.5, 0.5, 0.1), (0.01, 0.01, 0.1), (0.01, 2, 0.3), (0.3, 0.7, 1e-12), (8.5, 0.2, 0.4)],
)
def test_two_weights_are_the_beta_cdf(a, b, floor):
    law = stats.beta(a, b)
    expected = math.log1p(-law.cdf(floor) - law.sf(1 - floor))
    assert log_floor_probability(np.array([a, b]), floor) == pytest.approx(expected, abs=1e-10)


def test_a_large_simulation_agrees_on_the_floor():
    alpha = np.array([0.3, 1.5, 4.0, 0.8])
    draws = np.random.default_rng(2).dirichlet(alpha, size=1_000_000)
    share = (draws >= 0.05).all(axis=1).mean()
    found = math.exp(log_floor_probability(alpha, 0.05))
    assert abs(share - found) < 4.5 * math.sqrt(found * (1 - found) / 1e6)


def test_without_a_floor_or_with_one_weight_nothing_is_lost():
    assert log_floor_probability(np.array([0.5, 3.0]), 0.0) == 0.0
    assert log_floor_probability(np.array([0.5]), 0.9) == 0.0


def test_a_tiny_floor_and_sharp_concentrations_are_no_trouble():
    # each weight of Dirichlet(0.01, 0.01) is below 1e-30 in 0.5 * (1e-30)**0.01 of the draws
    small = log_floor_probability(np.array([0.01, 0.01]), 1e-30)
    assert small == pytest.approx(math.log1p(-(1e-30**0.01)), abs=1e-3)
    # Beta(2000, 2000) has a standard deviation of 1 / 126.5
    sharp = log_floor_probability(np.array([2000.0, 2000.0]), 0.49)
    assert sharp == pytest.approx(math.log(1 - 2 * stats.beta.cdf(0.49, 2000, 2000)), abs=1e-10)


@pytest.mark.parametrize(
    ("shape", "rate"),
    [([1, 1], [3, 1]), ([0.01, 2], [1, 5]), ([100, 110], [1, 1.3]), ([0.3, 5], [1e-6, 1])],
)
def test_two_gamma_variables_in_order(shape, rate):
    """The share of the one in the sum, each times its rate, is a beta variable."""
    expected = special.betainc(*shape, rate[0] / (rate[0] + rate[1]))
    found = log_ordering_probability_of_gammas(np.array(shape, float), np.array(rate, float))
    assert math.exp(found) == pytest.approx(expected, rel=1e-9)


def test_three_gamma_variables_in_order_by_simulation():
    """Within five standard errors."""
    shape, rate = np.array([1.0, 2.0, 0.5]), np.array([1.0, 1.0, 0.1])
    draws = np.random.default_rng(8).gamma(shape, 1.0 / rate, size=(100_000, 3))
    share = (np.diff(draws) > 0.0).all(axis=1).mean()
    expected = math.exp(log_ordering_probability_of_gammas(shape, rate))
    assert abs(share - expected) < 5.0 * math.sqrt(expected * (1.0 - expected) / 100_000)
