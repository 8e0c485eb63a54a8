"""Tests of pystan_mix.stats.quantiles, against NumPy's of all values."""

import numpy as np
import pytest

from pystan_mix.stats.quantiles import quantiles_of_counted, quantiles_of_weighted

VALUES, COUNT = np.array([-1.0, 0.25, 2.5, 4.0]), np.array([1, 7, 5, 40])
AT = np.append(np.linspace(0.0, 1.0, 301), [1e-9, 1 - 1e-9])


@pytest.mark.parametrize("count", [COUNT, np.ones(4, dtype=int), np.array([9, 1, 1, 1])], ids=repr)
def test_quantiles_of_counts_are_numpys_to_the_last_bit(count):
    expected = np.quantile(np.repeat(VALUES, count), AT)
    np.testing.assert_array_equal(quantiles_of_counted(VALUES, count, AT), expected)


def test_quantiles_of_weights_do_not_depend_on_their_unit():
    expected = np.quantile(np.repeat(VALUES, COUNT), AT[1:300], method="inverted_cdf")
    for unit in (1.0, 1e-6, 0.25):
        found = quantiles_of_weighted(VALUES, unit * COUNT, AT[1:300])
        np.testing.assert_array_equal(found, expected)
    assert quantiles_of_weighted(VALUES, 0.1 * COUNT, np.array([1.0])) == 4.0
