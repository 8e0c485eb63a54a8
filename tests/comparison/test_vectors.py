"""Comparisons of vectors, whose components come in any order."""

import numpy as np
import pytest
from vector_fits import fit_of_incomplete_vectors, fit_of_vectors, table

import pystan_mix as pmix
from pystan_mix import figures as plots
from pystan_mix.arviz_compat import group, to_arviz
from pystan_mix.mixtures.vectors.relabelling import picked


@pytest.fixture(scope="module")
def other(cmdstan):
    model = pmix.model_of(fit_of_vectors())
    return pmix.sample(model, table(), seed=2, likelihood="stan", show_progress=False)


def switched(fit):
    """A fit as another library leaves it: without a model, its components in any order."""
    posterior = group(fit, "posterior")
    shape = posterior["theta"].shape
    order = np.argsort(np.random.default_rng(1).random((shape[0] * shape[1], 2)), axis=1)
    flat = {n: x.values.reshape(-1, *x.shape[2:]) for n, x in posterior.data_vars.items()}
    moved = {
        name: (posterior[name].dims, x.reshape(*shape[:2], *x.shape[1:]))
        for name, x in picked(flat, order).items()
    }
    groups = {"posterior": posterior.assign(moved), "observed_data": group(fit, "observed_data")}
    return to_arviz(groups, attrs={})


def test_two_fits_agree(cmdstan, other):
    found = pmix.compare({"fused": fit_of_vectors(), "plain": other})
    assert found.agree, found
    compared = set(found.table.index.unique("quantity"))
    assert {
        "theta[1]",
        "mu[2,1]",
        "sigma[1,2]",
        "corr[2,2,1]",
        "log_lik",
        "density[50%]",
    } < compared
    assert "corr[1,1,1]" not in compared
    plots.plot_comparison(found).draw_without_rendering()


def test_switched_components_are_named_again(cmdstan, other):
    found = pmix.compare({"Stan": fit_of_vectors(), "switched": switched(other)})
    assert found.agree, found


def test_other_correlations_disagree(cmdstan, other):
    moved = switched(other)
    posterior = group(moved, "posterior")
    corr = posterior["corr"].copy(deep=True)
    for i, j in ((0, 1), (1, 0)):
        corr[..., i, j] *= 0.7
    observed = group(moved, "observed_data")
    groups = {"posterior": posterior.assign(corr=corr), "observed_data": observed}
    found = pmix.compare({"Stan": fit_of_vectors(), "moved": to_arviz(groups, attrs={})})
    assert found.verdict == "disagree"
    assert any("corr" in reason for reason in found.reasons)


def test_switched_components_are_named_where_coordinates_are_missing(cmdstan):
    fit = fit_of_incomplete_vectors()
    found = pmix.compare({"Stan": fit, "switched": switched(fit)})
    assert not any("were not in" in note or "other observations" in note for note in found.notes)
    assert found.verdict != "disagree", found
    assert {"log_lik", "density[50%]"} < set(found.table.index.unique("quantity"))
    plots.plot_comparison(found).draw_without_rendering()
