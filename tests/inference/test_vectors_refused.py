"""What vectors cannot do is said before anything is started."""

import pytest
from vector_fits import table

import pystan_mix as pmix
from pystan_mix.errors import DataError, OutputError
from pystan_mix.inference.cmdstan_files import from_cmdstan_csv


def test_files_of_vectors_are_not_read(cmdstan, tmp_path):
    model = pmix.MultivariateNormalMixture(n_components=1)
    pmix.sample(
        model,
        table(),
        chains=1,
        iter_warmup=100,
        iter_sampling=50,
        seed=1,
        show_progress=False,
        output_dir=tmp_path,
    )
    with pytest.raises(OutputError, match=r"is of vectors.*sample\(model, y\)"):
        from_cmdstan_csv(tmp_path / "chain-1.csv", data=tmp_path / "data.json")


@pytest.mark.parametrize("beside", ["counts", "weights", "labels"])
def test_nothing_stands_beside_vectors(beside):
    model = pmix.MultivariateNormalMixture(n_components=2)
    given = {beside: [1] * len(table())}
    with pytest.raises(DataError, match=rf"^{beside} are for observations that are numbers"):
        pmix.sample(model, table(), **given)
    with pytest.raises(DataError, match=rf"^{beside} are for observations that are numbers"):
        pmix.choose_components(model, table(), [1, 2], **given)
