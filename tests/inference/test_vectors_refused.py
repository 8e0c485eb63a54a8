"""What vectors cannot do is said before anything is started."""

import pytest
from vector_fits import table

import pystan_mix as pmix
from pystan_mix.errors import DataError


@pytest.mark.parametrize("beside", ["counts", "weights", "labels"])
def test_nothing_stands_beside_vectors(beside):
    model = pmix.MultivariateNormalMixture(n_components=2)
    given = {beside: [1] * len(table())}
    with pytest.raises(DataError, match=rf"^{beside} are for observations that are numbers"):
        pmix.sample(model, table(), **given)
    with pytest.raises(DataError, match=rf"^{beside} are for observations that are numbers"):
        pmix.choose_components(model, table(), [1, 2], **given)
