"""Vectors approximated by ADVI, beside NUTS."""

import functools
import math

import numpy as np
import pytest
from vector_fits import fit_of_vectors, table

import pystan_mix as pmix
from pystan_mix.arviz_compat import attributes, group
from pystan_mix.fits.approximation import refined_moments_of, starts_of
from pystan_mix.fits.groups import elements
from pystan_mix.report.fit import fit_summary

MODEL = pmix.MultivariateNormalMixture(n_components=2)
NAMES = ("theta", "mu", "sigma", "corr")


@functools.cache
def approximated(**options):
    return pmix.advi(MODEL, table(), seed=1, show_progress=False, **options)


def test_the_draws_are_those_of_nuts_with_the_same_names(cmdstan):
    fit = approximated(reweight=True)
    assert pmix.diagnose(fit).use == "fine"
    posterior = group(fit, "posterior")
    assert posterior["mu"].dims == ("chain", "draw", "component", "dim")
    assert posterior["mu"].shape == (1, 5000, 2, 2)
    assert posterior["corr"].shape == (1, 5000, 2, 2, 2)
    found = pmix.compare({"NUTS": fit_of_vectors(), "ADVI": fit})
    assert found.verdict == "agree", str(found)


def test_its_own_draws_are_not_called_fine(cmdstan):
    found = pmix.diagnose(approximated(reweight=False))
    # correlated coordinates are what a mean field cannot have
    assert found.use == "means only"
    assert "standard deviation of" in str(found)


def test_the_bound_is_that_of_the_evidence(cmdstan):
    top = attributes(approximated())
    evidence = pmix.log_evidence(fit_of_vectors())
    error = math.hypot(evidence.mcse, top["log_bound_mcse"])
    assert abs(top["log_bound"] - evidence.log_bound) < 4.5 * error
    # an ELBO of one naming of components is below it, and its draws tell how far
    assert top["elbo"] < top["log_bound"] + 4.5 * top["elbo_mcse"]
    assert top["elbo_gap"] == pytest.approx(top["log_bound"] - top["elbo"])


def test_every_start_ends_at_the_same_names(cmdstan):
    starts = starts_of(approximated())
    posterior = group(approximated(), "posterior")
    kept = np.flatnonzero(starts.kept)[0]
    mu = posterior["mu"].values[0].reshape(-1, 4)
    assert (abs(starts.optima["mu"][kept] - mu.mean(axis=0)) < mu.std(axis=0)).all()
    assert starts.optima["corr"].shape == (4, 8)


def test_a_summary_has_each_scalar_of_a_correlation_matrix_once(cmdstan):
    summary = fit_summary(approximated())
    corr = [name for name in summary["refined"] if name.startswith("corr")]
    assert corr == ["corr[1,2,1]", "corr[2,2,1]"]
    assert list(summary["refined"]) == [name for name, _ in elements(approximated())]


def test_the_refined_moments_are_those_of_the_draws(cmdstan):
    fit = approximated(reweight=True)
    posterior, refined = group(fit, "posterior"), refined_moments_of(fit)
    assert set(refined) == set(NAMES)
    for name, (mean, sd) in refined.items():
        draws = posterior[name].values[0].reshape(5000, -1)
        spread = draws.std(axis=0)
        # 5000 draws, resampled from weighted ones; a correlation of one with itself is one
        error = 5.0 * spread / math.sqrt(1000.0)
        assert (abs(draws.mean(axis=0) - mean) <= error + 1e-12).all()
        assert (abs(spread - sd) <= error + 1e-7).all()


@pytest.mark.parametrize("correlation", ["diagonal", "spherical"])
def test_forms_without_correlations(cmdstan, correlation):
    model = pmix.MultivariateNormalMixture(n_components=2, correlation=correlation, shared=True)
    fit = pmix.advi(model, table(), seed=1, draws=1000, show_progress=False)
    posterior = group(fit, "posterior")
    sizes = (1, 1000, 2) if correlation == "diagonal" else (1, 1000)
    assert posterior["sigma"].shape == sizes
    assert set(refined_moments_of(fit)) == {"theta", "mu", "sigma"}
    assert pmix.diagnose(fit).use == "fine"


def test_a_full_covariance(cmdstan):
    fit = approximated(algorithm="fullrank", draws=2000)
    found = pmix.compare({"NUTS": fit_of_vectors(), "ADVI": fit})
    assert found.verdict == "agree", str(found)
