"""PyMC run from a model of ours."""

import importlib.util

import numpy as np
import pytest

from pystan_mix import compare, sample
from pystan_mix.data_files import read_observations
from pystan_mix.errors import DataError, MissingPackageError, SettingsError
from pystan_mix.resources import resource_dir
from pystan_mix.study.data_sets import CLOSE_MODEL
from pystan_mix.with_pymc.sample import sample_pymc

# which other tests compile too
MODEL = CLOSE_MODEL
Y = read_observations(resource_dir("data") / "close.dat")


@pytest.mark.parametrize(
    ("setting", "value"),
    [("chains", 0), ("iter_warmup", 0), ("iter_sampling", 1.5), ("adapt_delta", 1), ("seed", -1)],
)
def test_wrong_settings_are_refused_before_pymc_is_looked_for(setting, value):
    with pytest.raises(SettingsError, match=setting):
        sample_pymc(MODEL, Y, **{setting: value})


@pytest.mark.skipif(importlib.util.find_spec("pymc") is not None, reason="PyMC is installed")
def test_without_pymc_it_says_how_to_get_it():
    with pytest.raises(MissingPackageError, match=r"pip install 'pystan_mix\[pymc\]'"):
        sample_pymc(MODEL, Y)


# PyTensor has its graphs compiled, a minute where nothing else computes
@pytest.mark.time_limit(900)
@pytest.mark.pymc
def test_pymc_draws_the_same_posterior(compiled_pm, cmdstan, capfd):
    trace = sample_pymc(MODEL, Y, iter_sampling=1500, seed=1, show_progress=False)
    assert capfd.readouterr().out == ""
    assert trace.posterior["mu"].shape == (4, 1500, 3)
    fit = sample(MODEL, Y, iter_sampling=1500, seed=1, show_progress=False)
    comparison = compare({"Stan": fit, "PyMC": trace})
    assert comparison.table.filter(like="z_").abs().max(axis=None) < 5
    assert np.isfinite(comparison.speed["ess_per_second"]).all()


@pytest.mark.pymc
def test_bad_observations_are_refused_as_everywhere(pm):
    with pytest.raises(DataError, match="constant column"):
        sample_pymc(MODEL, np.ones(10))
