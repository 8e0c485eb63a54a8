"""`pystan-mix fit` with what may stand beside observations."""

import json

import numpy as np
from command_line import refused, run

import pystan_mix as pmix
from pystan_mix.command.exit_codes import EXIT_USAGE
from pystan_mix.fits.groups import labels_of_observations
from pystan_mix.fits.storage import load


def test_labels_name_components(cmdstan, tmp_path):
    """The component that is called 0 is the one of the larger mean."""
    y = pmix.simulate(60, theta=[0.5, 0.5], mu=[-4, 4], sigma=1.0, seed=2)
    known = ["" if n % 4 else int(value < 0) for n, value in enumerate(y)]
    rows = "".join(f"{value},{label}\n" for value, label in zip(y, known, strict=True))
    data, out = tmp_path / "table.csv", tmp_path / "out"
    data.write_text(f"value,kind\n{rows}")
    words = (str(data), "--column", "value", "--labels", "kind", "--seed", "1", "--json")
    result = run("fit", *words, "--components", "2", "--sigma", "1", "--out", str(out))
    assert result.returncode == 0, result.stderr
    assert "column 'kind', 15 labels, 45 unknown." in result.stderr
    assert json.loads(result.stdout)["labels"] == "kind"
    fit = load(out / "fit.nc")
    label = [-1 if each == "" else each for each in known]
    np.testing.assert_array_equal(labels_of_observations(fit), label)
    mu = fit.posterior["mu"]
    assert (mu[..., 0] > 0.0).all()
    assert (mu[..., 1] < 0.0).all()
    result = refused("choose", *words, "--components", "1-2")
    assert result.returncode == EXIT_USAGE
    assert "labels name no component; the first is 1 at position" in result.stderr
