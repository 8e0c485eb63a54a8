"""What is shipped is what the package writes and what README says."""

import json
import re

import numpy as np
import pytest

from pystan_mix.data_files import read_observations
from pystan_mix.mixtures.annotations.checking import checked_observations
from pystan_mix.mixtures.stan_data import stan_data, target_of_stan_data
from pystan_mix.mixtures.target import target_of
from pystan_mix.resources import resource_dir
from pystan_mix.study.data_sets import DATA_SETS, format_observations, write_data_sets
from pystan_mix.study.pymc_results import REFERENCE_FILE
from pystan_mix.study.simulation import simulate

SHIPPED = resource_dir("data")
each = pytest.mark.parametrize("data_set", DATA_SETS, ids=lambda data_set: data_set.name)


def test_the_shipped_files_are_written_again(tmp_path):
    written = write_data_sets(tmp_path / "new")
    assert {path.name for path in written} == {
        path.name for path in SHIPPED.iterdir() if path.suffix in {".dat", ".json"}
    } - {REFERENCE_FILE}
    for path in written:
        assert path.parent == tmp_path / "new"
        assert path.read_bytes() == (SHIPPED / path.name).read_bytes()


@each
def test_text_holds_the_simulated_observations(data_set):
    y = read_observations(SHIPPED / f"{data_set.name}.dat")
    weights = [1 / 3, 1 / 3, 1 / 3]
    drawn = simulate(
        data_set.n, theta=weights, mu=data_set.mu, sigma=data_set.sigma, seed=data_set.seed
    )
    assert checked_observations(y, n_components=3).y.size == data_set.n
    np.testing.assert_allclose(y, drawn, rtol=0, atol=0.5e-6 + 1e-12)


@each
def test_json_holds_the_numbers_of_the_text_and_the_priors(data_set):
    y = read_observations(SHIPPED / f"{data_set.name}.dat")
    stan = json.loads((SHIPPED / f"{data_set.name}.json").read_text())
    assert np.repeat(stan["y"], stan["count"]).tolist() == sorted(y)
    target = target_of(data_set.model, y)
    assert stan == stan_data(target, sort_components=target.free_components)
    assert target_of_stan_data(type(data_set.model), stan).model == target.model


def test_the_notebooks_priors_stand_in_the_json():
    close, separated = (json.loads((SHIPPED / f"{d.name}.json").read_text()) for d in DATA_SETS)
    assert close["alpha"] == [10, 10, 10]
    assert (close["mu_loc"], close["mu_scale"]) == ([0, 0, 0], [10, 10, 10])
    assert (close["sigma_known"], close["n_sigma"], close["min_weight"]) == ([1, 1, 1], 0, 0)
    assert separated["alpha"] == [2, 2, 2]
    assert (separated["mu_loc"], separated["mu_scale"]) == ([0, 10, 20], [5, 5, 5])
    assert (separated["sigma_known"], separated["n_sigma"]) == ([], 3)
    assert (separated["sigma_df"], separated["sigma_scale"]) == (1, [5, 5, 5])
    assert separated["min_weight"] == 0.1
    # each as NUTS takes it
    assert (close["sort_components"], separated["sort_components"]) == (0, 1)


@each
def test_readme_says_how_each_was_made(data_set):
    rows = {
        cells[0]: cells[1:]
        for line in (SHIPPED / "README.md").read_text().splitlines()
        if (cells := [cell.strip() for cell in line.strip("|").split("|")])[0].startswith("`")
    }
    n, weights, means, sd, seed, course_file = rows[f"`{data_set.name}.dat`"]
    assert int(n) == data_set.n
    assert weights == "1/3, 1/3, 1/3"
    assert tuple(float(mean) for mean in means.split(",")) == data_set.mu
    assert float(sd) == data_set.sigma
    assert int(seed) == data_set.seed
    assert re.match(f"`{re.escape(data_set.course_file)}`", course_file)


def test_observations_are_written_with_six_decimals():
    assert (
        format_observations(np.array([1.0, -2.5e-7, 1e6]))
        == "1.000000\n-0.000000\n1000000.000000\n"
    )
