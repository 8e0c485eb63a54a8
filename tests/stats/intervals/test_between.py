"""Tests of pystan_mix.stats.intervals.between: against integrals that cannot underflow."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, stats

from pystan_mix.stats.intervals.between import log_normal_between, log_student_t_between

# from 0 to 60 standard deviations out, on either side or across, from 1e-6 wide to infinity
BOUNDS = [
    (side * at - part * width, side * at + (1.0 - part) * width)
    for at in (0.0, 0.7, 3.0, 9.0, 38.0, 60.0)
    for width in (1e-6, 0.1, 1.0, 2.5, 20.0)
    for side, part in ((-1, 0.3), (1, 0.6))
]
BOUNDS += [(-math.inf, -38.0), (38.0, math.inf), (-math.inf, 0.2), (-1.0, math.inf)]


def log_integral(log_density, a: float, b: float) -> float:
    """Integrate a density by its ratio to that at the likeliest place of the interval."""
    near = min(max(a, 0.0), b)
    peak = log_density(near)
    # the piece that matters, and whatever is left on either side
    scale = 1.0 / (1.0 + abs(near))
    places = [a, *(near + scale * step for step in (-30.0, -8.0, 0.0, 8.0, 30.0)), b]
    places = sorted({min(max(place, a), b) for place in places})
    total = sum(
        integrate.quad(lambda x: math.exp(log_density(x) - peak), *ends, epsabs=0, epsrel=1e-11)[0]
        for ends in itertools.pairwise(places)
    )
    return peak + math.log(total)


@pytest.mark.parametrize(("a", "b"), BOUNDS)
def test_normal_intervals_are_integrals(a, b):
    expected = log_integral(lambda x: -0.5 * (x * x + math.log(2 * math.pi)), a, b)
    found = float(log_normal_between(np.array(a), np.array(b)))
    assert found == pytest.approx(expected, rel=1e-10, abs=1e-9)


@pytest.mark.parametrize("df", [0.5, 1.0, 7.0, 60.0])
@pytest.mark.parametrize(("a", "b"), [each for each in BOUNDS if max(map(abs, each)) < 50.0])
def test_student_t_intervals_are_integrals(a, b, df):
    law = stats.t(df)
    peak = float(law.logpdf(0.0))

    def log_density(x: float) -> float:
        return peak - 0.5 * (df + 1.0) * math.log1p(x * x / df)

    expected = log_integral(log_density, a, b)
    found = float(log_student_t_between(np.array(a), np.array(b), np.array(df)))
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-8)


def test_student_t_tails_of_many_degrees_of_freedom_are_not_lost():
    # of Cauchy variables there is a closed form; a normal is the limit of the others
    cauchy = log_student_t_between(np.array(-np.inf), np.array(-1e8), np.array(1.0))
    assert float(cauchy) == pytest.approx(math.log(1e-8 / math.pi), rel=1e-12)
    a, b = np.array([-np.inf, -40.0]), np.array([-39.0, -39.5])
    found = log_student_t_between(a, b, np.array(1e12))
    np.testing.assert_allclose(found, log_normal_between(a, b), rtol=1e-6)
    # where a tail leaves the range of a double, it goes on as it was
    ends = -np.array([37.0, 38.0, 39.0, 40.0, 41.0, 42.0, 43.0])
    below = log_student_t_between(np.array(-np.inf), ends, np.array(2e4))
    assert below.min() < math.log(1e-300)
    assert np.ptp(np.diff(below, n=4)) < 2e-5


def test_intervals_are_broadcast_and_sum_to_one():
    edges = np.concatenate([[-np.inf], np.linspace(-3.0, 3.0, 7), [np.inf]])
    shifts = np.array([[0.0], [1.3]])
    normal = log_normal_between(edges[:-1] - shifts, edges[1:] - shifts)
    assert normal.shape == (2, 8)
    np.testing.assert_allclose(np.exp(normal).sum(axis=1), 1.0, rtol=1e-13)
    student = log_student_t_between(edges[:-1] - shifts, edges[1:] - shifts, np.array(2.5))
    np.testing.assert_allclose(np.exp(student).sum(axis=1), 1.0, rtol=1e-13)
