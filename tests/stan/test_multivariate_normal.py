"""The program of vectors against the model written out in SciPy, and against differences."""

import numpy as np
import pytest
from lp_at_points import gradient_and_differences, lp_at
from reference_density import log_scale_prior, log_simplex_jacobian
from scipy import special, stats

import pystan_mix as pmix
from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.run import Call, run_cmdstan, workspace
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures.density import log_joint, to_unconstrained
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.target import target_of
from pystan_mix.stats.correlations import CORRELATION, cholesky

RNG = np.random.default_rng(3)
Y = RNG.normal(size=(50, 3)) @ np.array([[1, 0.5, 0], [0, 2, 1], [0, 0, 1]])
CASES = {
    "correlated": {},
    "repeated, floors, inverse gamma": {
        "scales": pmix.InverseGamma([3, 4, 5], 2),
        "min_weight": 0.05,
        "min_sigma": [0.1, 0.2, 0.3],
        "correlation": pmix.LKJ(3.5),
    },
    "shared, half-Cauchy": {"shared": True, "scales": pmix.HalfCauchy(2)},
    "diagonal, lognormal": {"correlation": "diagonal", "scales": pmix.LogNormal([0, 1, 0], 1)},
    "spherical": {"correlation": "spherical", "scales": pmix.HalfStudentT(3, 2), "min_sigma": 0},
    "spherical, shared": {"correlation": "spherical", "shared": True},
}


def target(case: str):
    model = pmix.MultivariateNormalMixture(
        n_components=2, weights=pmix.Dirichlet(1.5), **CASES[case]
    )
    return target_of(model, Y.round(0) if "repeated" in case else Y)


def inits(of, n: int) -> list[dict]:
    """Return points of the program's parameters."""
    model, rng, found = of.model, np.random.default_rng(7), []
    C, S = (1 if model.shared else 2), model.event_shape(model.parameters[1])[0]
    for _ in range(n):
        each = {
            "theta_raw": rng.dirichlet([2, 2]),
            "mu": rng.normal(size=(2, 3)),
            "sigma": np.asarray(model.least(model.parameters[1])) + rng.lognormal(size=(C, S)),
            "corr_root": cholesky(CORRELATION.from_free(rng.normal(size=(C, 3)))),
        }
        if model.is_known(model.parameters[2]):
            each["corr_root"] = np.zeros((0, 3, 3))
        found.append(each)
    return found


def written_out(stan: dict, y, at: dict, *, version) -> float:
    """The log density from the model alone: SciPy's densities, and Stan's transforms."""
    theta = stan["min_weight"] + (1 - 2 * stan["min_weight"]) * at["theta_raw"]
    total = np.sum((np.array(stan["alpha"]) - 1) * np.log(theta))
    total += stats.norm.logpdf(at["mu"], stan["mu_loc"], stan["mu_scale"]).sum()
    total += sum(log_scale_prior(stan, sigma).sum() for sigma in at["sigma"])
    total += log_simplex_jacobian(at["theta_raw"], version=version)
    total += np.log(at["sigma"] - stan["min_sigma"]).sum()
    for root in at["corr_root"]:
        diagonal = np.diag(root)
        # the density of the matrix, the map from its root, and that from free values
        total += (stan["corr_eta"] - 1) * 2 * np.log(diagonal).sum()
        total += np.sum((3 - np.arange(1, 4)) * np.log(diagonal))
        for i in range(3):
            for j in range(i):
                left = 1 - np.sum(root[i, :j] ** 2)
                total += np.log(1 - root[i, j] ** 2 / left) + 0.5 * np.log(left)
    terms = []
    for k in range(2):
        c = 0 if stan["shared"] else k
        sigma = np.broadcast_to(at["sigma"][c], 3)
        root = at["corr_root"][c] if stan["correlated"] else np.eye(3)
        covariance = np.outer(sigma, sigma) * (root @ root.T)
        terms.append(
            np.log(theta[k]) + stats.multivariate_normal(at["mu"][k], covariance).logpdf(y)
        )
    return float(total + special.logsumexp(terms, axis=0).sum())


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("likelihood", ["fused", "stan"])
def test_lp_is_the_density_written_out(cmdstan, case, likelihood):
    of = target(case)
    stan, points = stan_data(of), inits(of, 6)
    as_lists = [{name: x.tolist() for name, x in at.items()} for at in points]
    lp = lp_at(stan_program("multivariate_normal", likelihood=likelihood), stan, as_lists)
    expected = [written_out(stan, of.observed.y, at, version=cmdstan.version) for at in points]
    assert np.ptp(lp) > 10.0
    assert np.ptp(lp - expected) < 1e-8
    # and ours has all constants besides
    theta = [of.model.min_weight + of.free_weight * at["theta_raw"] for at in points]
    variables = {"theta": np.stack(theta)}
    variables |= {name: np.stack([at[name] for at in points]) for name in ("mu", "sigma")}
    root = np.stack([at["corr_root"] for at in points])
    variables["corr"] = root @ np.swapaxes(root, -1, -2)
    if cmdstan.version < (2, 37):
        ours = log_joint(of, to_unconstrained(of, variables))
        assert np.ptp(lp - ours) < 1e-8


@pytest.mark.parametrize("case", ["correlated", "spherical", "shared, half-Cauchy"])
def test_gradients_are_those_of_differences(cmdstan, case):
    of = target(case)
    (at,) = inits(of, 1)
    init = {name: x.tolist() for name, x in at.items()}
    gradient, difference = gradient_and_differences(
        stan_program("multivariate_normal"), stan_data(of), init
    )
    assert gradient.size == of.dimensions
    # six digits are printed, and differences of this step have as many
    np.testing.assert_allclose(gradient, difference, rtol=1e-4, atol=1e-4 * np.abs(gradient).max())


def test_what_the_program_predicts_is_of_the_model(cmdstan):
    of = target("correlated")
    (executable,) = compiled(stan_program("multivariate_normal"), show_progress=False)
    with workspace(executable, keep_in=None) as space:
        data = space.write_data("data", stan_data(of, n_rep=4, save_log_lik=True))
        call = Call(method=("sample", "num_samples=5", "num_warmup=50"), data=data, seed=1)
        (csv,) = run_cmdstan(space, "chain", [call], parallel=1).csvs
    assert csv.variable("y_rep").shape == (5, 12)
    corr = csv.variable("corr").reshape(5, 2, 3, 3, order="F")
    root = np.linalg.cholesky(corr)
    sigma = csv.variable("sigma").reshape(5, 2, 3, order="F")
    mu = csv.variable("mu").reshape(5, 2, 3, order="F")
    for s in range(5):
        terms = [
            np.log(csv.variable("theta")[s, k])
            + stats.multivariate_normal(
                mu[s, k], np.outer(sigma[s, k], sigma[s, k]) * (root[s, k] @ root[s, k].T)
            ).logpdf(of.observed.distinct)
            for k in range(2)
        ]
        expected = special.logsumexp(terms, axis=0)
        np.testing.assert_allclose(csv.variable("log_lik")[s], expected, rtol=1e-4)
