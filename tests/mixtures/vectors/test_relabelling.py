"""Components without an order: switched draws are given one name each."""

import numpy as np
import pytest

from pystan_mix.mixtures.families.multivariate_normal import MultivariateNormalMixture
from pystan_mix.mixtures.scale_priors import HalfNormal
from pystan_mix.mixtures.target import target_of
from pystan_mix.mixtures.vectors.relabelling import picked, relabelled

RNG = np.random.default_rng(2)
CENTRES = np.array([[0.0, 4.0], [1.0, -4.0], [6.0, 0.0]])
Y = CENTRES[RNG.integers(0, 3, 200)] + RNG.normal(size=(200, 2))


def draws(S: int = 400) -> dict[str, np.ndarray]:
    """Draws near the truth, the component k at place k."""
    return {
        "theta": RNG.dirichlet([30, 30, 30], size=S),
        "mu": CENTRES + 0.3 * RNG.normal(size=(S, 3, 2)),
        "sigma": RNG.lognormal(0, 0.1, size=(S, 3, 2)),
        "corr": np.broadcast_to(np.eye(2), (S, 3, 2, 2)).copy(),
    }


def test_components_are_picked_with_all_that_they_have():
    order = np.array([[2, 0, 1]] * 400)
    found = picked(draws() | {"shared": np.ones((400, 1, 2))}, order)
    np.testing.assert_allclose(found["mu"].mean(axis=0), CENTRES[[2, 0, 1]], atol=0.1)
    assert found["shared"].shape == (400, 1, 2)


@pytest.mark.parametrize("shared", [False, True])
def test_switched_draws_are_named_as_they_were(shared):
    target = target_of(MultivariateNormalMixture(n_components=3, shared=shared), Y)
    true = draws()
    if shared:
        true |= {name: true[name][:, :1] for name in ("sigma", "corr")}
    order = np.argsort(RNG.random((400, 3)), axis=1)
    found = relabelled(target, picked(true, order))
    for name, values in true.items():
        np.testing.assert_array_equal(found[name], values)


def test_components_stand_by_the_coordinate_that_is_named():
    target = target_of(MultivariateNormalMixture(n_components=3, order_by=1), Y)
    found = relabelled(target, draws())
    np.testing.assert_allclose(found["mu"].mean(axis=0), CENTRES[[1, 2, 0]], atol=0.1)
    assert (np.diff(found["mu"][..., 1], axis=1) > 0).all()


@pytest.mark.parametrize("named", [[0], [2], [0, 1], [0, 1, 2]])
@pytest.mark.parametrize("by", [None, 1])
def test_components_that_labels_name_stay_and_the_others_are_told_apart(named, by):
    labels = np.full(200, -1)
    labels[: len(named)] = named
    model = MultivariateNormalMixture(n_components=3, order_by=by)
    target = target_of(model, Y, labels=labels)
    true = draws()
    free = np.setdiff1d(np.arange(3), named)
    order = np.tile(np.arange(3), (400, 1))
    order[:, free] = free[np.argsort(RNG.random((400, free.size)), axis=1)]
    found = relabelled(target, picked(true, order))
    expected = free if by is None else free[np.argsort(CENTRES[free, 1])]
    names = np.arange(3)
    names[free] = expected
    for name, values in true.items():
        np.testing.assert_array_equal(found[name], values[:, names])


def test_a_row_counts_as_often_as_it_occurs():
    # in a third of the draws one component has all: the two rows of the first component, and the
    # one of the second
    y = np.array([[0.0, 0.0], [1.0, 1.0], [5.0, 0.0]])
    model = MultivariateNormalMixture(n_components=2, correlation="spherical", scales=HalfNormal(1))
    apart, together = [[0.5, 0.5], [5.0, 0.0]], [[2.0, 0.5], [2.0, 40.0]]
    given = {
        "theta": np.full((15, 2), 0.5),
        "mu": np.array([apart] * 10 + [together] * 5),
        "sigma": np.repeat([1.0, 3.0], [10, 5])[:, None, None] * np.ones((15, 2, 1)),
    }
    once = relabelled(target_of(model, y), given)
    np.testing.assert_array_equal(once["mu"], given["mu"])
    for beside in ({"counts": [1, 1, 1000]}, {"weights": [0.1, 0.1, 0.3]}):
        found = relabelled(target_of(model, y, **beside), given)
        np.testing.assert_array_equal(found["mu"], [apart] * 10 + [together[::-1]] * 5)
    rows = relabelled(target_of(model, np.repeat(y, [1, 1, 1000], axis=0)), given)
    np.testing.assert_array_equal(rows["mu"], found["mu"])


@pytest.mark.parametrize("weighted", [False, True])
def test_of_many_rows_some_are_looked_at_by_what_they_stand_for(weighted):
    # 2000 rows, of which 1 in 40 is not of the third component, but stands for 100 observations
    rng = np.random.default_rng(3)
    own = np.where(rng.random(2000) < 0.025, rng.integers(0, 2, 2000), 2)
    y = CENTRES[own] + rng.normal(size=(2000, 2))
    times = np.where(own < 2, 100, 1)
    beside = {"weights": 0.1 * times} if weighted else {"counts": times}
    target = target_of(MultivariateNormalMixture(n_components=3), y, **beside)
    true = draws()
    order = np.argsort(RNG.random((400, 3)), axis=1)
    found = relabelled(target, picked(true, order))
    np.testing.assert_array_equal(found["mu"], true["mu"])


def test_components_that_overlap_in_each_coordinate_keep_their_names():
    # no coordinate orders them: two crossed strips about one centre
    own = RNG.integers(0, 2, 300)
    roots = np.array([[[3.0, 0.0], [2.97, 0.4]], [[3.0, 0.0], [-2.97, 0.4]]])
    y = np.einsum("nij,nj->ni", roots[own], RNG.normal(size=(300, 2)))
    target = target_of(MultivariateNormalMixture(n_components=2), y)
    S = 300
    corr = np.array([[[1, 0.98], [0.98, 1]], [[1, -0.98], [-0.98, 1]]])
    true = {
        "theta": np.full((S, 2), 0.5),
        "mu": 0.2 * RNG.normal(size=(S, 2, 2)),
        "sigma": np.full((S, 2, 2), 3.0),
        "corr": np.broadcast_to(corr, (S, 2, 2, 2)),
    }
    order = np.argsort(RNG.random((S, 2)), axis=1)
    found = relabelled(target, picked(true, order))
    sign = np.sign(found["corr"][:, 0, 0, 1])
    assert abs(sign.sum()) == S
