"""Mixtures of Student-t: their density is SciPy's, and their draws have the moments asked for."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

from pystan_mix.stats.importance.normal_proposals import draw_from, fit_proposal
from pystan_mix.stats.importance.student_proposals import (
    DEGREES_OF_FREEDOM,
    Blend,
    StudentMixture,
    Students,
    beside,
    draw_student,
    from_normals,
    student,
    student_log_density,
)

COVARIANCE = np.array([[4.0, 1.2, 0.0], [1.2, 1.0, -0.3], [0.0, -0.3, 0.5]])
MEAN = np.array([1.0, -2.0, 30.0])


def two() -> StudentMixture:
    one = student(MEAN, COVARIANCE)
    return beside(one, student(MEAN + 5.0, 2.0 * COVARIANCE), share=0.3)


# a block of the density has 50 points
@pytest.mark.parametrize("n", [1, 49, 50, 51, 120])
def test_the_density_is_scipys(n):
    df = DEGREES_OF_FREEDOM
    points = MEAN + 10.0 * np.random.default_rng(1).normal(size=(n, 3))
    shape = COVARIANCE * (df - 2.0) / df
    terms = [
        np.log(0.7) + np.atleast_1d(stats.multivariate_t(MEAN, shape, df).logpdf(points)),
        np.log(0.3) + np.atleast_1d(stats.multivariate_t(MEAN + 5, 2 * shape, df).logpdf(points)),
    ]
    found = student_log_density(two(), points)
    np.testing.assert_allclose(found, logsumexp(terms, axis=0), rtol=1e-10)


def test_draws_have_the_moments_that_are_asked_for():
    n = 200_000
    z = draw_student(student(MEAN, COVARIANCE), n, rng=np.random.default_rng(2))
    error = np.sqrt(np.diag(COVARIANCE) / n)
    assert (np.abs(z.mean(axis=0) - MEAN) < 4.5 * error).all()
    # kurtosis 6 of 6 degrees of freedom: a variance is known to sqrt(5 / n)
    np.testing.assert_allclose(np.cov(z.T), COVARIANCE, rtol=0, atol=4.5 * 4.0 * (5 / n) ** 0.5)


def test_draws_are_from_the_density():
    z = draw_student(two(), 40_000, rng=np.random.default_rng(3))
    df = DEGREES_OF_FREEDOM
    scale = np.sqrt(np.diag(COVARIANCE) * (df - 2.0) / df)
    for i in range(3):
        # the marginals of a multivariate t are t

        def cdf(x, i=i):
            return 0.7 * stats.t.cdf(x, df, MEAN[i], scale[i]) + 0.3 * stats.t.cdf(
                x, df, MEAN[i] + 5, 2**0.5 * scale[i]
            )

        assert stats.kstest(z[:, i], cdf).pvalue > 1e-4


def test_a_students_moments_are_those_of_its_normal():
    z = np.random.default_rng(4).normal(size=(2000, 2)) * [1.0, 100.0]
    z[:1000, 0] += 8.0
    normals = fit_proposal(z, rng=np.random.default_rng(5))
    heavy = from_normals(normals)
    n = 100_000
    ours = draw_student(heavy, n, rng=np.random.default_rng(6))
    theirs = draw_from(normals, n, rng=np.random.default_rng(7))
    sd = theirs.std(axis=0)
    assert (np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) < 4.5 * sd * (2 / n) ** 0.5).all()
    np.testing.assert_allclose(ours.std(axis=0), sd, rtol=4.5 * (6 / n) ** 0.5)


def test_a_singular_covariance_is_refused():
    with pytest.raises(np.linalg.LinAlgError):
        student(np.zeros(2), np.ones((2, 2)))


def test_a_blend_is_its_sources_with_their_shares():
    blend = Blend(
        (Students(two()), Students(student(MEAN - 3.0, COVARIANCE))), np.array([0.3, 0.7])
    )
    rng = np.random.default_rng(3)
    z = blend.draw(500, rng=rng)
    assert z.shape == (500, 3)
    terms = blend.log_terms(z)
    np.testing.assert_allclose(terms[0], np.log(0.3) + student_log_density(two(), z))
    np.testing.assert_allclose(blend.log_density(z), logsumexp(terms, axis=0))
    # by how likely each draw is of either; the shares are binomial
    own = np.exp(terms - blend.log_density(z)).mean(axis=1)
    np.testing.assert_allclose(own, [0.3, 0.7], atol=4.5 * (0.21 / 500) ** 0.5)
    counted = blend.draw_counts(np.array([0, 7]), rng=rng)
    assert counted.shape == (7, 3)
