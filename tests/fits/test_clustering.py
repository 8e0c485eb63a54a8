"""Co-clustering and partitions: of numbers and of vectors, against every partition there is."""

import numpy as np
import pytest

import pystan_mix as pmix
from pystan_mix.errors import DataError, SettingsError
from pystan_mix.fits.prediction import responsibilities

Y = np.array([-3.1, -2.8, -2.4, -0.2, 0.4, 2.6, 3.0, 3.3])
SETTINGS = {"seed": 1, "show_progress": False}


@pytest.fixture(scope="module")
def numbers(cmdstan):
    model = pmix.NormalMixture(
        n_components=3, means=pmix.Normal(0, 3), sigma=pmix.HalfNormal(1), min_sigma=0.2
    )
    return pmix.sample(model, Y, **SETTINGS)


@pytest.fixture(scope="module")
def vectors(cmdstan):
    rng = np.random.default_rng(1)
    y = rng.normal(size=(60, 2)) + 8 * (np.arange(60) < 20)[:, None]
    return pmix.sample(pmix.MultivariateNormalMixture(n_components=2), y, **SETTINGS)


def test_pairs_have_the_probability_that_responsibilities_give_them(numbers):
    shares = responsibilities(numbers, Y)[:, ::4].reshape(-1, len(Y), 3)
    expected = np.einsum("snk,smk->nm", shares, shares) / len(shares)
    np.fill_diagonal(expected, 1.0)
    # the same thousand draws to a few; the error of another thousand is 0.016
    np.testing.assert_allclose(pmix.co_clustering(numbers), expected, atol=0.03)


def every_partition(n: int):
    """Yield every partition of n things, as labels in order of first occurrence."""
    if n == 0:
        yield ()
        return
    for labels in every_partition(n - 1):
        for label in range(max(labels, default=-1) + 2):
            yield (*labels, label)


def criterion(labels, together, loss: str) -> float:
    """The loss of a partition, written out pair by pair."""
    labels, N = np.array(labels), len(labels)
    same = labels[:, None] == labels
    if loss == "binder":
        pairs = np.triu_indices(N, 1)
        return float(np.where(same, 1 - together, together)[pairs].mean())
    total = 0.0
    for n in range(N):
        total += np.log2(same[n].sum()) - 2 * np.log2(together[n][same[n]].sum())
    return total / N


@pytest.mark.parametrize("loss", ["variation_of_information", "binder"])
def test_no_partition_is_better(numbers, loss):
    together = pmix.co_clustering(numbers).values
    found = pmix.partition(numbers, loss=loss)
    best = min(criterion(each, together, loss) for each in every_partition(len(Y)))
    assert criterion(found.values, together, loss) == pytest.approx(best, abs=1e-9)
    assert found.attrs["criterion"] == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("loss", ["variation_of_information", "binder"])
def test_far_clusters_of_vectors_are_found_the_largest_first(vectors, loss):
    found = pmix.partition(vectors, loss=loss)
    np.testing.assert_array_equal(found, [1] * 20 + [0] * 40)
    assert found.dims == ("obs",)


def test_some_observations_are_asked_for(vectors):
    found = pmix.co_clustering(vectors, observed=[3, 50, 59])
    assert found.dims == ("obs", "obs_bis")
    assert found.obs.values.tolist() == [3, 50, 59]
    np.testing.assert_allclose(found, [[1, 0, 0], [0, 1, 1], [0, 1, 1]], atol=0.05)
    assert pmix.partition(vectors, observed=range(18, 24)).values.tolist() == [1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize("observed", [[-1], [60], [0.5], [], [[1, 2]]])
def test_positions_that_are_none_are_refused(vectors, observed):
    with pytest.raises(DataError, match="Positions"):
        pmix.co_clustering(vectors, observed=observed)


def test_a_loss_that_is_none_is_refused(vectors):
    with pytest.raises(SettingsError, match="loss must be one of variation_of_information"):
        pmix.partition(vectors, loss="square")


def test_what_fills_the_memory_is_refused(vectors):
    with pytest.raises(DataError, match="There are 10001 observations"):
        pmix.co_clustering(vectors, observed=np.zeros(10_001, dtype=int))
