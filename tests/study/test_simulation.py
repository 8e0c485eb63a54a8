"""Tests of pystan_mix.study.simulation: the law of the simulator."""

import numpy as np
import pytest
from scipy import stats

from pystan_mix.errors import DataError, SettingsError
from pystan_mix.study.simulation import simulate

INF = np.inf
THREE = {"theta": [0.2, 0.5, 0.3], "mu": [-4.0, 0.0, 9.0], "sigma": [1.0, 0.5, 3.0]}


def mixture_cdf(y, theta, mu, sigma):
    return stats.norm.cdf(np.asarray(y)[:, None], mu, sigma) @ np.asarray(theta)


def test_simulate_has_the_law_of_the_mixture():
    """At 20,000 draws a distribution function that is off by 0.015 gives p below 0.001."""
    y = simulate(20_000, **THREE, seed=11)
    assert stats.kstest(y, lambda x: mixture_cdf(x, **THREE)).pvalue > 0.001


def test_simulate_draws_normals_from_one_component():
    """Of n normals the variance has a relative standard error of sqrt(2 / (n - 1))."""
    n = 200_000
    z = (simulate(n, theta=[1.0], mu=[-3.0], sigma=[0.5], seed=13) + 3.0) / 0.5
    assert stats.kstest(z, "norm").pvalue > 0.001
    assert abs(z.mean()) < 4 / np.sqrt(n)
    assert abs(z.var(ddof=1) - 1) < 4 * np.sqrt(2 / (n - 1))


def test_simulate_gives_each_component_its_share_in_random_order():
    n, theta = 20_000, np.array([0.2, 0.5, 0.3])
    y = simulate(n, theta=theta, mu=[-100, 0, 100], sigma=1.0, seed=12)
    component = np.digitize(y, [-50.0, 50.0])
    error = np.sqrt(theta * (1 - theta) / n)
    assert (np.abs(np.bincount(component) / n - theta) < 4 * error).all()
    neighbours = np.corrcoef(component[:-1], component[1:])[0, 1]
    assert abs(neighbours) < 4 / np.sqrt(n)


def test_simulate_never_draws_a_component_of_weight_zero():
    y = simulate(5000, theta=[0.0, 0.5, 0.0, 0.5, 0.0], mu=np.arange(5) * 100.0, sigma=1, seed=3)
    assert set(np.round(y / 100)) == {1.0, 3.0}


def test_simulate_repeats_itself_from_a_seed_alone():
    y = simulate(50, **THREE, seed=5)
    assert simulate(50, **THREE, seed=np.int64(5)).tobytes() == y.tobytes()
    assert not np.isin(simulate(50, **THREE, seed=6), y).any()
    assert y.dtype == np.float64


def test_simulate_none():
    assert simulate(0, **THREE, seed=1).shape == (0,)


@pytest.mark.parametrize("name", ["n", "seed"])
@pytest.mark.parametrize("value", [-1, 2.0, 1.5, True, "3", None])
def test_simulate_refuses_what_is_no_count(name, value):
    arguments = THREE | {"n": 10, "seed": 1, name: value}
    with pytest.raises(SettingsError, match=f"{name} must be a whole number, 0 or more") as caught:
        simulate(**arguments)
    assert f"it is {value!r}." in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"theta": [0.2, 0.5, 0.4]}, r"sum to 1; they are \[0.2, 0.5, 0.4\], with sum 1.1"),
        ({"theta": [-0.2, 0.9, 0.3]}, r"0 or more and sum to 1; they are \[-0.2"),
        ({"theta": [np.nan, 0.5, 0.5]}, "sum to 1; they are .*nan"),
        ({"theta": [[0.2, 0.5, 0.3]]}, r"they are \[\[0.2, 0.5, 0.3\]\]"),
        ({"theta": []}, "weights"),
        ({"mu": [0.0, 1.0]}, r"for each of the 3 weights; their shapes are \(2,\) and \(3,\)"),
        ({"sigma": [1.0] * 4}, r"for each of the 3 weights; their shapes are \(3,\) and \(4,\)"),
        ({"mu": ["a", "b", "c"]}, "mu and sigma must be numbers"),
        ({"mu": [0.0, 1.0, INF]}, "Locations must be finite .* inf"),
        ({"sigma": 0.0}, r"scales positive; they are .* and \[0.0, 0.0, 0.0\]"),
        ({"sigma": [1.0, -1.0, 1.0]}, r"scales positive; .* and \[1.0, -1.0, 1.0\]"),
        ({"sigma": [1.0, 1.0, INF]}, "scales positive; .*inf"),
        ({"sigma": np.nan}, "scales positive; .*nan"),
    ],
)
def test_simulate_refuses_what_is_no_mixture(change, words):
    with pytest.raises(DataError, match=words):
        simulate(10, **(THREE | change), seed=1)
