"""Intervals in PyMC: our density, and gradients that are finite.

That PyMC draws from it what Stan draws is seen to in tests/benchmarks/pymc_intervals.py.
"""

import numpy as np
import pytest
from pymc_densities import densities_at, in_numpy

import pystan_mix as pmix
from pystan_mix.mixtures.density import log_likelihood, log_prior, to_constrained
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.families.student_t import StudentTMixture
from pystan_mix.mixtures.target import target_of
from pystan_mix.stats.intervals.between import log_normal_between, log_student_t_between
from pystan_mix.with_pymc.intervals import log_interval

pytestmark = [
    pytest.mark.pymc,
    # wheels of PyTensor come without a BLAS, and a mixture multiplies no matrices
    pytest.mark.filterwarnings("ignore:PyTensor could not link to a BLAS:UserWarning"),
]

POINTS = np.sort(np.random.default_rng(5).normal(scale=4.0, size=40)).round(1)
# known, rounded, below a limit and above one, narrow, wide
BOUNDS = pmix.Interval(
    POINTS - np.tile([0.0, 0.5, np.inf, 0.25, 5e-4, 30.0, 0.0, 0.5], 5),
    POINTS + np.tile([0.0, 0.5, 0.0, np.inf, 5e-4, 20.0, 0.0, 2.0], 5),
)
CENSORED = pmix.Interval(np.where(POINTS < 0.0, -np.inf, POINTS), np.maximum(POINTS, 0.0))
COUNTS = np.arange(40) % 3 + 1
PRIORS = {"means": pmix.Normal(0.0, 5.0), "sigma": pmix.HalfNormal(3.0)}
CASES = {
    "mixed": (NormalMixture(n_components=2, **PRIORS), BOUNDS, {}),
    "counts": (NormalMixture(n_components=3, **PRIORS), BOUNDS, {"counts": COUNTS}),
    "weights": (NormalMixture(n_components=2, **PRIORS), CENSORED, {"weights": 0.3 * COUNTS}),
    "labels": (
        NormalMixture(n_components=2, **PRIORS),
        BOUNDS,
        {"labels": np.arange(40) % 5 % 3 - 1},
    ),
    "one sigma": (NormalMixture(n_components=2, shared_sigma=True), CENSORED, {}),
    "one component": (NormalMixture(n_components=1, **PRIORS), BOUNDS, {}),
    # a mean at the limit
    "all known": (NormalMixture(n_components=2, means=[0, 4], sigma=2.0), CENSORED, {}),
    "nothing exact": (
        NormalMixture(n_components=2, **PRIORS),
        pmix.Interval(POINTS - 0.5, POINTS + 0.5),
        {},
    ),
    "nothing wide": (NormalMixture(n_components=2, **PRIORS), pmix.Interval(POINTS, POINTS), {}),
    "student-t": (StudentTMixture(n_components=2, **PRIORS), BOUNDS, {}),
    "student-t, one scale": (
        StudentTMixture(n_components=2, shared_sigma=True, df=4.0),
        CENSORED,
        {"counts": COUNTS},
    ),
    "student-t, known means": (
        StudentTMixture(n_components=2, means=[0, 4], df=pmix.Gamma([2, 4], [0.1, 1])),
        CENSORED,
        {},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_density_is_ours(pm, case: str):
    model, bounds, given = CASES[case]
    target = target_of(model, bounds, **given)
    found = to_constrained(target, np.random.default_rng(3).normal(size=(6, target.dimensions)))
    built = pmix.to_pymc(model, bounds, **given)
    theirs = densities_at(built, found.variables())
    ours = log_prior(target, found) + log_likelihood(target, found)
    assert np.ptp(ours) > 1.0
    assert np.ptp(ours - theirs.without_jacobian) < 1e-8
    assert np.isfinite(theirs.at_start)


A = np.array([-np.inf, -np.inf, -np.inf, 0.0, 38.0, -0.3, 1.4, -9.0, 38.0, -50.0, -0.3, 4.0, 0.0])
B = np.array([-38.0, 0.0, 60.0, np.inf, np.inf, 0.7, 1.9, -8.9, 41.0, -46.0, 44.0, 4.001, 1e-4])


@pytest.mark.parametrize("df", [None, 0.5, 3000.0])
def test_gradients_are_finite_and_right(pm, df: float | None):
    """Also at infinite bounds, far out, where a mean is a bound, and of narrow intervals."""
    import pytensor
    import pytensor.tensor as pt

    family = NormalMixture if df is None else StudentTMixture
    at = np.array([0.0, 0.0] if df is None else [0.0, 0.0, np.log(df)])
    x = pt.vector()
    components = {"mu": x[:1], "sigma": pt.exp(x[1:2])} | (
        {} if df is None else {"df": pt.exp(x[2:])}
    )
    found, weight = log_interval(family, A, B, components)[:, 0], pt.vector()
    outputs = [found, pytensor.grad(found @ weight, x)]
    slopes = pytensor.function([x, weight], outputs, mode=in_numpy())
    value = slopes(at, np.ones(A.size))[0]
    jacobian = [slopes(at, unit)[1] for unit in np.eye(A.size)]

    def ours(x):
        a, b = ((each - x[0]) / np.exp(x[1]) for each in (A, B))
        return (
            log_normal_between(a, b) if df is None else log_student_t_between(a, b, np.exp(x[2:]))
        )

    np.testing.assert_allclose(value, ours(at), rtol=1e-12, atol=1e-10)
    steps = 1e-4 * np.eye(at.size)
    expected = np.transpose([(ours(at + h) - ours(at - h)) / 2e-4 for h in steps])
    np.testing.assert_allclose(jacobian, expected, rtol=1e-5, atol=1e-5)
