"""The mixture of vectors in PyMC: its density against ours, form by form."""

import numpy as np
import pytest
from vector_fits import table

import pystan_mix as pmix
from pystan_mix.errors import SettingsError
from pystan_mix.mixtures.density import Constrained, log_likelihood, log_prior
from pystan_mix.mixtures.target import target_of

pytestmark = [
    pytest.mark.pymc,
    pytest.mark.usefixtures("pm"),
    pytest.mark.filterwarnings("ignore:PyTensor could not link to a BLAS"),
]

FORMS = {
    "correlated": {},
    "floors": {"min_weight": 0.05, "min_sigma": [0.1, 0.2], "scales": pmix.InverseGamma([2, 3], 2)},
    "shared": {"shared": True},
    "diagonal": {"correlation": "diagonal"},
    "spherical": {"correlation": "spherical"},
    "shared spherical": {"correlation": "spherical", "shared": True},
}


@pytest.mark.parametrize("form", FORMS)
def test_the_density_is_ours(form):
    model = pmix.MultivariateNormalMixture(n_components=2, **FORMS[form])
    check_density(model, table(30))


def test_the_density_of_rows_that_lack_coordinates_is_ours():
    y = table(30)
    y.iloc[3:9, 1] = np.nan
    y.iloc[12:20, 0] = np.nan
    model = pmix.MultivariateNormalMixture(n_components=2, shared=True)
    check_density(model, y, missing="marginalise")


LABELS = np.repeat([-1, 1, 0], [14, 8, 8])


@pytest.mark.parametrize(
    "beside",
    [
        {"counts": np.arange(30) % 3},
        {"weights": np.linspace(0, 2, 30)},
        {"labels": LABELS},
        {"labels": LABELS, "weights": np.linspace(0, 2, 30)},
    ],
    ids=lambda beside: ", ".join(beside),
)
@pytest.mark.parametrize("lacks", [False, True])
def test_the_density_of_what_has_counts_weights_or_labels_is_ours(beside, lacks):
    y = table(30)
    if lacks:
        y.iloc[10:16, 1] = np.nan
    model = pmix.MultivariateNormalMixture(n_components=2, correlation="diagonal")
    check_density(model, y, missing="marginalise", **beside)


def check_density(model, y, **options):
    """Hold PyMC's density against ours at some points, but for a constant."""
    built, target = pmix.to_pymc(model, y, **options), target_of(model, y, **options)
    rng = np.random.default_rng(1)
    theirs, ours = [], []
    density = built.compile_logp(jacobian=False)
    named = [built[name] for name in ("theta", "mu", "sigma", "corr") if name in built.named_vars]
    read = built.compile_fn(built.replace_rvs_by_values(named), inputs=built.value_vars)
    start = built.initial_point()
    for _ in range(4):
        point = {name: x + 0.2 * rng.normal(size=np.shape(x)) for name, x in start.items()}
        theta, mu, sigma, *corr = read(point)
        drawn = dict(zip(("mu", "sigma", "corr"), (mu, sigma, *corr), strict=False))
        components = {
            each.name: np.reshape(
                drawn[each.name], (1, target.model.size(each), *target.model.event_shape(each))
            )
            for each in target.estimated
        }
        found = Constrained(np.log(theta)[None], components, np.zeros(1))
        # of two coordinates the density of correlations is that of their Cholesky factors too
        ours.append(float(log_prior(target, found)[0] + log_likelihood(target, found)[0]))
        theirs.append(float(density(point)))
    assert np.ptp(ours) > 1.0
    assert np.ptp(np.array(theirs) - ours) < 1e-6


def test_by_hand_is_for_numbers():
    with pytest.raises(SettingsError, match="by_hand is for numbers"):
        pmix.to_pymc(pmix.MultivariateNormalMixture(n_components=2), table(), by_hand=True)
