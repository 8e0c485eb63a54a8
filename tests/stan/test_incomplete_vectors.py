"""What the program of vectors makes of missing coordinates, against SciPy's smaller vectors."""

import numpy as np
import pytest
from lp_at_points import gradients_of_both, lp_at
from scipy import special, stats

import pystan_mix as pmix
from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.run import Call, run_cmdstan, workspace
from pystan_mix.errors import SamplingError
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.target import target_of
from pystan_mix.stats.correlations import CORRELATION, cholesky

CASES = {
    "correlated, 2": ({}, 2),
    "correlated, 3": ({"min_weight": 0.05}, 3),
    "correlated, 5": ({"scales": pmix.InverseGamma(3, 2)}, 5),
    "diagonal, 3": ({"correlation": "diagonal"}, 3),
    "spherical, 4": ({"correlation": "spherical"}, 4),
    "shared, 5": ({"shared": True}, 5),
    "no row is complete, 4": ({}, 4),
}
# what a data block has where nothing is missing
NONE = {"N_incomplete": 0, "P": 0, "observed": [], "N_pattern": []}
NONE |= {"label_incomplete": [], "times_incomplete": []}


def target(case: str):
    fields, D = CASES[case]
    rng = np.random.default_rng(11)
    y = rng.normal(size=(60, D)) @ (np.eye(D) + np.tril(rng.normal(size=(D, D)), -1)).T
    missing = rng.random(y.shape) < 0.3
    if "complete" in case:
        missing[np.arange(60), rng.integers(0, D, 60)] = True
    y[missing] = np.nan
    y[40:50] = y[30:40]  # each twice
    model = pmix.MultivariateNormalMixture(n_components=2, **fields)
    return target_of(model, y, missing="marginalise")


def points(of, n: int = 3) -> list[dict]:
    """Return points of the program's parameters."""
    model, rng, (D,) = of.model, np.random.default_rng(7), of.model.point_shape
    C, S = (1 if model.shared else 2), model.event_shape(model.parameters[1])[0]
    return [
        {
            "theta_raw": rng.dirichlet([2, 2]),
            "mu": rng.normal(size=(2, D)),
            "sigma": np.asarray(model.least(model.parameters[1])) + rng.lognormal(size=(C, S)),
            "corr_root": cholesky(CORRELATION.from_free(rng.normal(size=(C, D * (D - 1) // 2))))
            if model.estimated[-1].event == 2
            else np.zeros((0, D, D)),
        }
        for _ in range(n)
    ]


def as_lists(found: list[dict]) -> list[dict]:
    return [{name: x.tolist() for name, x in at.items()} for at in found]


def log_densities(of, rows, at: dict) -> np.ndarray:
    """The log density of what each row has, by SciPy's normals of so many coordinates."""
    theta = of.model.min_weight + of.free_weight * at["theta_raw"]
    (D,), found = of.model.point_shape, []
    for row in rows:
        some = np.flatnonzero(~np.isnan(row))
        terms = []
        for k in range(2):
            c = 0 if of.model.shared else k
            root = at["corr_root"][c] if at["corr_root"].size else np.eye(D)
            sigma = np.broadcast_to(at["sigma"][c], D)
            covariance = np.outer(sigma, sigma) * (root @ root.T)
            law = stats.multivariate_normal(at["mu"][k][some], covariance[np.ix_(some, some)])
            terms.append(np.log(theta[k]) + law.logpdf(row[some]))
        found.append(special.logsumexp(terms))
    return np.array(found)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("likelihood", ["fused", "stan"])
def test_incomplete_rows_have_the_density_of_what_they_have(cmdstan, case, likelihood):
    of = target(case)
    program, stan, at = (
        stan_program(of.model.program, likelihood=likelihood),
        stan_data(of),
        points(of),
    )
    without = stan | NONE | {"y_incomplete": [[]] * stan["D"]}
    assert stan["P"] >= 2
    assert (stan["N"] == 0) == ("complete" in case)
    added = lp_at(program, stan, as_lists(at)) - lp_at(program, without, as_lists(at))
    rows, count = of.observed.distinct[stan["N"] :], of.observed.count[stan["N"] :]
    assert np.isnan(rows).any(axis=1).all()
    assert count.max() == 2
    expected = [count @ log_densities(of, rows, each) for each in at]
    np.testing.assert_allclose(added, expected, rtol=1e-8)


@pytest.mark.parametrize("case", CASES)
def test_the_gradient_in_cpp_is_that_in_stan(cmdstan, case):
    of = target(case)
    fused, plain = gradients_of_both(of.model.program, stan_data(of), as_lists(points(of, 1))[0])
    assert fused.size == of.dimensions
    np.testing.assert_allclose(fused, plain, rtol=1e-9, atol=1e-9 * np.abs(plain).max())


def test_log_lik_has_complete_rows_first(cmdstan):
    of = target("correlated, 3")
    (executable,) = compiled(stan_program(of.model.program), show_progress=False)
    with workspace(executable, keep_in=None) as space:
        data = space.write_data("data", stan_data(of, n_rep=2, save_log_lik=True))
        call = Call(method=("sample", "num_samples=3", "num_warmup=50"), data=data, seed=1)
        (csv,) = run_cmdstan(space, "chain", [call], parallel=1).csvs
    assert csv.variable("y_rep").shape == (3, 6)
    assert np.isfinite(csv.variable("y_rep")).all()
    shapes = {"mu": (3, 2, 3), "sigma": (3, 2, 3), "corr": (3, 2, 3, 3)}
    found = {name: csv.variable(name).reshape(s, order="F") for name, s in shapes.items()}
    for s in range(3):
        at = {"mu": found["mu"][s], "sigma": found["sigma"][s]}
        at |= {"theta_raw": csv.variable("theta_raw")[s]}
        at |= {"corr_root": np.linalg.cholesky(found["corr"][s])}
        expected = log_densities(of, of.observed.distinct, at)
        np.testing.assert_allclose(csv.variable("log_lik")[s], expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"N_pattern": [1, 1]}, "N_pattern must have the sum N_incomplete"),
        ({"observed": [[0, 0], [0, 1]]}, "must have a 1"),
    ],
)
def test_patterns_that_cannot_be_are_refused(cmdstan, change, words):
    of = target("correlated, 2")
    stan = stan_data(of)
    assert stan["P"] == 2
    with pytest.raises(SamplingError, match=words):
        lp_at(stan_program(of.model.program), stan | change, as_lists(points(of, 1)))
