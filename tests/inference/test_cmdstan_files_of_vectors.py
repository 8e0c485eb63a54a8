"""Files of a CmdStan that drew vectors: the fit that `sample` gives, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from by_hand import sampled_by_hand
from vector_fits import table

import pystan_mix as pmix
from pystan_mix.arviz_compat import attributes, group, group_names
from pystan_mix.errors import DataError, OutputError
from pystan_mix.fits.groups import CHAINS
from pystan_mix.inference.cmdstan_files import from_cmdstan_csv
from pystan_mix.mixtures.stan_data import stan_data, target_of_stan_data
from pystan_mix.mixtures.target import prior_target

SETTINGS = {"chains": 2, "iter_warmup": 300, "iter_sampling": 200, "show_progress": False}
FORMS = {
    "correlations": {},
    "none": {"correlation": "diagonal"},
    "one scale": {"correlation": "spherical", "scales": pmix.InverseGamma(2.0, 1.0)},
    "shared": {"shared": True, "correlation": pmix.LKJ(3.0), "min_weight": 0.1},
}


@pytest.fixture(scope="module", params=FORMS.values(), ids=FORMS)
def drawn(request, cmdstan, tmp_path_factory):
    """A fit, and the files that CmdStan left of it."""
    folder = tmp_path_factory.mktemp("vectors")
    model = pmix.MultivariateNormalMixture(n_components=2, **request.param)
    fit = pmix.sample(model, table(), seed=1, output_dir=folder, **SETTINGS)
    return fit, folder


def read(folder: Path):
    return from_cmdstan_csv(sorted(folder.glob("chain-*.csv")), data=folder / "data.json")


def test_files_give_the_fit_that_wrote_them(drawn):
    fit, folder = drawn
    found = read(folder)
    assert pmix.model_of(found) == pmix.model_of(fit)
    chains = group(fit, CHAINS if CHAINS in group_names(fit) else "posterior")
    for name, values in group(found, "posterior").data_vars.items():
        assert chains[name].dims == values.dims
        np.testing.assert_array_equal(chains[name], values)
    assert attributes(found)["program"] == attributes(fit)["program"]
    assert sorted(map(tuple, group(found, "observed_data")["y"].values)) == sorted(
        map(tuple, table().to_numpy())
    )


def test_the_data_block_is_the_one_that_it_was_read_from(drawn):
    _, folder = drawn
    data = json.loads((folder / "data.json").read_text())
    again = stan_data(target_of_stan_data(pmix.MultivariateNormalMixture, data))
    assert {name: data[name] for name in again} == again


def test_generated_quantities_have_their_coordinates(drawn, tmp_path):
    _, folder = drawn
    data = json.loads((folder / "data.json").read_text())
    data |= {"N_rep": 400, "save_log_lik": 1}
    sampled_by_hand("multivariate_normal", data, tmp_path, num_samples=20, num_warmup=200)
    found = read(tmp_path)
    y = group(found, "observed_data")["y"].values
    log_lik = group(found, "log_likelihood")["y"].values
    np.testing.assert_allclose(log_lik[0], pmix.log_density(found, y)[0], rtol=1e-9)
    y_rep = group(found, "posterior_predictive")["y"]
    assert y_rep.shape == (1, 20, 400, 2)
    # 8000 vectors, whose mean is that of the draws but for some errors of it
    expected = (group(found, "posterior")["theta"] * group(found, "posterior")["mu"]).sum(
        "component"
    )
    error = y_rep.std(("chain", "draw", "obs")).values / np.sqrt(8000)
    off = y_rep.mean(("chain", "draw", "obs")).values - expected.mean(("chain", "draw")).values
    assert (np.abs(off) < 5 * error).all()


def test_other_data_are_refused(drawn, tmp_path):
    _, folder = drawn
    data = json.loads((folder / "data.json").read_text())
    chains = sorted(folder.glob("chain-*.csv"))
    for change, error, words in (
        ({"D": 3}, DataError, "for 3 coordinates|y must be D = 3 rows of N"),
        ({"y": data["y"][:1]}, DataError, "y must be D = 2 rows of N"),
        ({"count": [0.5] * data["N"]}, DataError, r"count must be \d+ whole numbers"),
        ({"K": 3}, OutputError, "4 columns of mu, where that needs 6|columns of theta"),
    ):
        (tmp_path / "data.json").write_text(json.dumps(data | change))
        with pytest.raises(error, match=words):
            from_cmdstan_csv(chains, data=tmp_path / "data.json")
    del data["shared"]
    (tmp_path / "data.json").write_text(json.dumps(data))
    with pytest.raises(DataError, match="There is no shared"):
        from_cmdstan_csv(chains, data=tmp_path / "data.json")


def test_the_prior_alone_has_a_block_too():
    model = pmix.MultivariateNormalMixture(
        n_components=2, n_dims=2, means=pmix.Normal(0, 1), scales=pmix.HalfNormal(1)
    )
    target = prior_target(model)
    assert target_of_stan_data(
        pmix.MultivariateNormalMixture, stan_data(target)
    ).observed.y.shape == (0, 2)
