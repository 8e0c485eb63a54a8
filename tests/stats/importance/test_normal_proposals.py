"""The mixture of normals that EM fits to draws."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

from pystan_mix.stats.importance.normal_proposals import (
    draw_from,
    fit_proposal,
    proposal_log_density,
)


def bent(n: int, *, seed: int = 1) -> np.ndarray:
    """A crescent: the second coordinate falls with the square of the first."""
    x = np.random.default_rng(seed).normal(size=(n, 2))
    x[:, 1] = 0.3 * x[:, 1] - x[:, 0] ** 2
    return x


def bent_log_density(x: np.ndarray) -> np.ndarray:
    return stats.norm.logpdf(x[:, 0]) + stats.norm.logpdf(x[:, 1], -(x[:, 0] ** 2), 0.3)


def test_few_draws_make_one_normal_with_their_moments():
    z = np.random.default_rng(1).normal(size=(250, 10)) @ np.diag(np.arange(1.0, 11.0)) + 4.0
    proposal = fit_proposal(z, rng=np.random.default_rng(2))
    assert proposal.weights.size == 1
    np.testing.assert_allclose(proposal.centre, z.mean(axis=0))
    law = stats.multivariate_normal(z.mean(axis=0), np.cov(z.T))
    # the covariance shrinks by 10 draws' worth of 250
    np.testing.assert_allclose(proposal_log_density(proposal, z), law.logpdf(z), rtol=0, atol=1.0)


def test_the_density_is_that_of_its_components():
    proposal = fit_proposal(bent(4000), rng=np.random.default_rng(2))
    assert proposal.weights.size == 8
    points = bent(300, seed=3)
    axes = proposal.axes
    terms = [
        stats.multivariate_normal(
            proposal.centre + axes @ mean, axes @ factor @ factor.T @ axes.T
        ).logpdf(points)
        for mean, factor in zip(proposal.means, proposal.factors, strict=True)
    ]
    expected = logsumexp(terms, axis=0, b=proposal.weights[:, None])
    np.testing.assert_allclose(proposal_log_density(proposal, points), expected, atol=1e-9)


def test_the_density_integrates_to_one():
    proposal = fit_proposal(bent(4000), rng=np.random.default_rng(2))
    x, y = np.linspace(-8, 8, 641), np.linspace(-40, 10, 2001)
    grid = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)
    total = np.exp(proposal_log_density(proposal, grid)).sum() * (x[1] - x[0]) * (y[1] - y[0])
    assert total == pytest.approx(1.0, abs=1e-6)


def test_draws_follow_the_density():
    proposal = fit_proposal(bent(4000), rng=np.random.default_rng(2))
    draws = draw_from(proposal, 20_000, rng=np.random.default_rng(3))
    # the mean of p / g over draws from g is the integral of p
    ratio = np.exp(bent_log_density(draws) - proposal_log_density(proposal, draws))
    assert abs(ratio.mean() - 1.0) < 4.5 * ratio.std() / np.sqrt(20_000)
    # and marginally they are uniform under their own distribution function
    z = (draws - proposal.centre) @ np.linalg.inv(proposal.axes).T
    scale = np.sqrt(np.einsum("cij,cij->ci", proposal.factors, proposal.factors))
    uniform = (stats.norm.cdf(z[:, None], proposal.means, scale) * proposal.weights[:, None]).sum(1)
    for coordinate in uniform.T:
        assert stats.kstest(coordinate, "uniform").pvalue > 1e-4


def test_it_follows_a_bend_that_one_normal_cannot():
    judged = bent(4000, seed=5)
    z = bent(4000)
    proposal = fit_proposal(z, rng=np.random.default_rng(2))
    one = stats.multivariate_normal(z.mean(axis=0), np.cov(z.T)).logpdf(judged).mean()
    eight = proposal_log_density(proposal, judged).mean()
    entropy = bent_log_density(judged).mean()
    assert entropy - eight < 0.1 < 0.5 < entropy - one


def test_units_do_not_matter():
    z = bent(2000)
    fitted = fit_proposal(z, rng=np.random.default_rng(2))
    stretched = fit_proposal(z * [1e-8, 1e6] + 5.0, rng=np.random.default_rng(2))
    np.testing.assert_allclose(
        proposal_log_density(stretched, z * [1e-8, 1e6] + 5.0),
        proposal_log_density(fitted, z) + np.log(1e2),
        atol=1e-5,
    )


def test_what_stands_still_has_no_proposal():
    z = np.random.default_rng(1).normal(size=(500, 3))
    z[:, 2] = 1.0
    with pytest.raises(np.linalg.LinAlgError):
        fit_proposal(z, rng=np.random.default_rng(2))
