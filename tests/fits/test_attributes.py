"""Tests of pystan_mix.fits.attributes: records as attributes, and read back from a file."""

import dataclasses
import math

import numpy as np
import pytest
import xarray as xr

from pystan_mix.arviz_compat import attributes, to_arviz
from pystan_mix.fits.attributes import (
    AdviFindings,
    NutsSettings,
    Provenance,
    as_attributes,
    read_attributes,
)
from pystan_mix.fits.storage import load, save
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.model_json import model_from_json, model_to_json
from pystan_mix.mixtures.priors import Normal
from pystan_mix.mixtures.scale_priors import HalfStudentT

pytestmark = pytest.mark.arviz
MODEL = NormalMixture(n_components=2, means=Normal([0, 1 / 3], 1e-7), sigma=HalfStudentT(3, [1, 2]))
PROVENANCE = Provenance(
    method="advi",
    program="normal",
    model=model_to_json(MODEL),
    seed=2**31 - 2,
    seconds=0.1,
    inference_library="CmdStan",
    inference_library_version="2.27.0",
)
NUTS = NutsSettings(
    iter_warmup=1000, iter_sampling=200, adapt_delta=0.9, max_treedepth=12, metric="dense_e"
)
ADVI = AdviFindings(
    algorithm="fullrank",
    iter=15000,
    tol_rel_obj=1e-4,
    restarts=4,
    reweighted=True,
    converged=False,
    elbo=-70.5,
    elbo_mcse=0.1,
    elbo_gap=0.0,
    pareto_khat=-0.2,
    pareto_khat_weights=0.3,
    ess_importance=99.5,
    refined_draws=2000.0,
    log_bound=-70.4,
    log_bound_mcse=0.01,
)
RECORDS = [PROVENANCE, NUTS, ADVI, Provenance(), NutsSettings(), AdviFindings()]


def written(*records):
    """A fit with these records at its top."""
    posterior = xr.Dataset({"mu": (("chain", "draw"), np.zeros((2, 3)))})
    return to_arviz({"posterior": posterior}, attrs=as_attributes(*records))


def same(one, other):
    """Whether two records are equal, what is not known among them."""
    return all(
        a == b or (a != a and b != b)
        for a, b in zip(dataclasses.astuple(one), dataclasses.astuple(other), strict=True)
    )


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
@pytest.mark.parametrize("by_file", [False, True])
def test_records_come_back(tmp_path, record, by_file):
    fit = written(record)
    if by_file:
        fit = load(save(fit, tmp_path / "fit.nc"))
    back = read_attributes(type(record), fit)
    assert same(back, record)
    for field in dataclasses.fields(record):
        # of the file they are NumPy's
        assert type(getattr(back, field.name)) is type(getattr(record, field.name))


def test_records_stand_beside_each_other(tmp_path):
    fit = load(save(written(PROVENANCE, NUTS), tmp_path / "fit.nc"))
    assert read_attributes(Provenance, fit) == PROVENANCE
    assert read_attributes(NutsSettings, fit) == NUTS
    assert same(read_attributes(AdviFindings, fit), AdviFindings())
    assert model_from_json(read_attributes(Provenance, fit).model) == MODEL


def test_no_name_is_that_of_two_records():
    names = [
        f.name
        for kind in (Provenance, NutsSettings, AdviFindings)
        for f in dataclasses.fields(kind)
    ]
    assert len(names) == len(set(names))


def test_what_is_not_known_is_no_attribute():
    assert attributes(written(Provenance(method="nuts"))) == {
        "method": "nuts",
        "seed": 0,
        "missing_dropped": 0,
        "missing_marginalised": 0,
    }
    found = as_attributes(AdviFindings(pareto_khat=0.5))
    assert found["pareto_khat"] == 0.5
    assert not {"algorithm", "converged", "elbo", "refined_draws", "tol_rel_obj"} & found.keys()
    # netCDF has no booleans
    assert found["reweighted"] == 0
    assert type(as_attributes(ADVI)["converged"]) is int


def test_an_infinite_k_hat_is_known(tmp_path):
    """It is what is said of a tail that says nothing."""
    found = AdviFindings(pareto_khat=math.inf, pareto_khat_weights=math.inf, elbo_gap=math.inf)
    fit = load(save(written(found), tmp_path / "fit.nc"))
    assert same(read_attributes(AdviFindings, fit), found)


def test_data_of_others_say_nothing():
    fit = to_arviz({}, attrs={"created_at": "today", "seed": np.int64(7)})
    assert same(read_attributes(Provenance, fit), Provenance(seed=7))
    assert type(read_attributes(Provenance, fit).seed) is int
