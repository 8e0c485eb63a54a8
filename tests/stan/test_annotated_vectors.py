"""What the program of vectors makes of counts, weights and labels, against SciPy."""

import numpy as np
import pytest
from lp_at_points import gradient_and_differences, gradients_of_both, lp_at
from scipy import special, stats

import pystan_mix as pmix
from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.run import Call, run_cmdstan, workspace
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures.density import Constrained, log_likelihood
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.target import target_of
from pystan_mix.stats.correlations import CORRELATION, cholesky

K, N = 3, 60
RNG = np.random.default_rng(17)
COUNTS = RNG.integers(0, 5, N)
WEIGHTS = RNG.exponential(size=N)
SOME = np.where(RNG.random(N) < 0.4, RNG.integers(0, 2, N), -1)
ALL = RNG.integers(0, K, N)
# what stands beside the observations, of how many coordinates, the model, and whether some lack
CASES = {
    "counts, 2": ({"counts": COUNTS}, 2, {}, False),
    "counts, some missing, 3": ({"counts": COUNTS}, 3, {}, True),
    "weights, 3": ({"weights": WEIGHTS}, 3, {"min_weight": 0.05}, False),
    "weights, some missing, 5": ({"weights": WEIGHTS}, 5, {"shared": True}, True),
    "labels, 2": ({"labels": SOME}, 2, {}, False),
    "labels, shared, 3": ({"labels": SOME}, 3, {"shared": True}, False),
    "labels, all, 4": ({"labels": ALL}, 4, {"correlation": "diagonal"}, False),
    "labels, some missing, 3": ({"labels": SOME}, 3, {}, True),
    "labels, counts, 5": ({"labels": SOME, "counts": COUNTS}, 5, {}, False),
    "labels, weights, some missing, 3": ({"labels": SOME, "weights": WEIGHTS}, 3, {}, True),
    "labels, counts, 1": ({"labels": SOME, "counts": COUNTS}, 1, {}, False),
    "labels, spherical, 3": ({"labels": SOME}, 3, {"correlation": "spherical"}, False),
}


def observations(case: str) -> np.ndarray:
    _, D, _, lacks = CASES[case]
    rng = np.random.default_rng(11)
    y = (rng.normal(size=(N, D)) @ (np.eye(D) + np.tril(rng.normal(size=(D, D)), -1)).T).round(1)
    if lacks:
        y[rng.random(y.shape) < 0.3] = np.nan
        y[np.isnan(y).all(axis=1), 0] = 0.5
    y[40:50] = y[30:40]  # each twice
    return y


def target(case: str):
    beside, _, fields, _ = CASES[case]
    model = pmix.MultivariateNormalMixture(n_components=K, **fields)
    return target_of(model, observations(case), missing="marginalise", **beside)


def points(of, n: int = 3) -> list[dict]:
    """Return points of the program's parameters."""
    model, rng, (D,) = of.model, np.random.default_rng(7), of.model.point_shape
    C, S = (1 if model.shared else K), model.event_shape(model.parameters[1])[0]
    correlated = model.estimated[-1].event == 2
    free = rng.normal(size=(n, C if correlated else 0, D * (D - 1) // 2))
    return [
        {
            "theta_raw": rng.dirichlet([2] * K),
            "mu": rng.normal(size=(K, D)),
            "sigma": np.asarray(model.least(model.parameters[1])) + rng.lognormal(size=(C, S)),
            "corr_root": cholesky(CORRELATION.from_free(each)) if correlated else each[:0, None],
        }
        for each in free
    ]


def as_lists(found: list[dict]) -> list[dict]:
    return [{name: x.tolist() for name, x in at.items()} for at in found]


def log_densities(of, rows, labels, at: dict) -> np.ndarray:
    """The log density of what each row has, and of its component if there is a label, by SciPy."""
    theta = of.model.min_weight + of.free_weight * at["theta_raw"]
    (D,), found = of.model.point_shape, []
    for row, label in zip(rows, labels, strict=True):
        some = np.flatnonzero(~np.isnan(row))
        terms = []
        for k in range(K) if label < 0 else [label]:
            c = 0 if of.model.shared else k
            root = at["corr_root"][c] if at["corr_root"].size else np.eye(D)
            sigma = np.broadcast_to(at["sigma"][c], D)
            covariance = np.outer(sigma, sigma) * (root @ root.T)
            law = stats.multivariate_normal(at["mu"][k][some], covariance[np.ix_(some, some)])
            terms.append(np.log(theta[k]) + law.logpdf(row[some]))
        found.append(special.logsumexp(terms))
    return np.array(found)


def without_observations(stan: dict) -> dict:
    none = {name: [] for name in ("count", "weight", "label", "times_labelled", "observed")}
    none |= {name: [] for name in ("N_pattern", "label_incomplete", "times_incomplete")}
    none |= {name: [[]] * stan["D"] for name in ("y", "y_labelled", "y_incomplete")}
    return stan | none | dict.fromkeys(("N", "N_labelled", "N_incomplete", "P"), 0)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("likelihood", ["fused", "stan"])
def test_the_likelihood_is_that_written_out(cmdstan, case, likelihood):
    of, (beside, *_) = target(case), CASES[case]
    program = stan_program(of.model.program, likelihood=likelihood)
    stan, at = stan_data(of), points(of)
    added = lp_at(program, stan, as_lists(at)) - lp_at(
        program, without_observations(stan), as_lists(at)
    )
    labels = beside.get("labels", np.full(N, -1))
    times = beside.get("counts", beside.get("weights", np.ones(N)))
    # from what was given, row by row: nothing is put together here
    expected = [times @ log_densities(of, observations(case), labels, each) for each in at]
    np.testing.assert_allclose(added, expected, rtol=1e-8)
    ours = Constrained(
        np.log([of.model.min_weight + of.free_weight * each["theta_raw"] for each in at]),
        {name: np.stack([each[name] for each in at]) for name in ("mu", "sigma")},
        np.zeros(len(at)),
    )
    if "corr" not in of.known:
        root = np.stack([each["corr_root"] for each in at])
        ours.components["corr"] = root @ np.swapaxes(root, -1, -2)
    np.testing.assert_allclose(log_likelihood(of, ours), expected, rtol=1e-10)


@pytest.mark.parametrize("case", CASES)
def test_the_gradient_in_cpp_is_that_in_stan(cmdstan, case):
    of = target(case)
    fused, plain = gradients_of_both(of.model.program, stan_data(of), as_lists(points(of, 1))[0])
    assert fused.size == of.dimensions
    np.testing.assert_allclose(fused, plain, rtol=1e-9, atol=1e-9 * np.abs(plain).max())


@pytest.mark.parametrize("case", ["labels, shared, 3", "labels, weights, some missing, 3"])
def test_gradients_are_those_of_differences(cmdstan, case):
    of = target(case)
    (at,) = as_lists(points(of, 1))
    gradient, difference = gradient_and_differences(
        stan_program(of.model.program), stan_data(of), at
    )
    assert gradient.size == of.dimensions
    # six digits are printed, and differences of this step have as many
    np.testing.assert_allclose(gradient, difference, rtol=1e-4, atol=1e-4 * np.abs(gradient).max())


def test_labelled_data_far_from_zero_lose_no_digits(cmdstan):
    of = target("labels, all, 4")
    far = target_of(of.model, observations("labels, all, 4") + 1e6, labels=ALL)
    program, at = stan_program(of.model.program), points(of, 2)
    moved = [each | {"mu": each["mu"] + 1e6} for each in at]
    none = [without_observations(stan_data(each)) for each in (of, far)]
    near = lp_at(program, stan_data(of), as_lists(at)) - lp_at(program, none[0], as_lists(at))
    found = lp_at(program, stan_data(far), as_lists(moved)) - lp_at(
        program, none[1], as_lists(moved)
    )
    # the prior of the means is that at 0
    np.testing.assert_allclose(found, near, rtol=1e-6)


def test_log_lik_is_that_of_each_row_but_complete_ones_of_known_components(cmdstan):
    of = target("labels, some missing, 3")
    (executable,) = compiled(stan_program(of.model.program), show_progress=False)
    with workspace(executable, keep_in=None) as space:
        data = space.write_data("data", stan_data(of, n_rep=2, save_log_lik=True))
        call = Call(method=("sample", "num_samples=3", "num_warmup=50"), data=data, seed=1)
        (csv,) = run_cmdstan(space, "chain", [call], parallel=1).csvs
    incomplete = np.isnan(of.observed.distinct).any(axis=1)
    written = incomplete | (of.observed.label < 0)
    assert (incomplete & (of.observed.label >= 0)).any()
    assert not written.all()
    shapes = {"mu": (3, K, 3), "sigma": (3, K, 3), "corr": (3, K, 3, 3)}
    found = {name: csv.variable(name).reshape(s, order="F") for name, s in shapes.items()}
    for s in range(3):
        at = {"mu": found["mu"][s], "sigma": found["sigma"][s]}
        at |= {"theta_raw": csv.variable("theta_raw")[s]}
        at |= {"corr_root": np.linalg.cholesky(found["corr"][s])}
        rows, labels = of.observed.distinct[written], of.observed.label[written]
        expected = log_densities(of, rows, labels, at)
        np.testing.assert_allclose(csv.variable("log_lik")[s], expected, rtol=1e-4)
