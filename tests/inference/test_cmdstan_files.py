"""Files of a CmdStan that was run by hand: stan/README.md word for word, and what is refused."""

import json
import math
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from by_scipy import log_density
from scipy import stats

from pystan_mix import compare, model_of, sample
from pystan_mix.arviz_compat import attributes, group
from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.install import install_cmdstan
from pystan_mix.cmdstan.locate import CmdStan
from pystan_mix.cmdstan.stan_csv import read_stan_csv
from pystan_mix.errors import DataError, OutputError
from pystan_mix.fits.groups import labels_of_observations, observations
from pystan_mix.inference.cmdstan_files import from_cmdstan_csv
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.families.student_t import StudentTMixture
from pystan_mix.mixtures.priors import Dirichlet, Gamma, Normal
from pystan_mix.mixtures.scale_priors import HalfCauchy
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.target import target_of
from pystan_mix.resources import resource_dir
from pystan_mix.study.simulation import simulate

RECORDED = Path(__file__).resolve().parents[1] / "recorded"
NUTS = [RECORDED / "nuts-1.csv", RECORDED / "nuts-2.csv"]
README = resource_dir("stan") / "README.md"
PLAIN = stan_program("normal", likelihood="stan")
TOMORROW = time.time() + 86400


def code_blocks(language: str) -> list[str]:
    """Return the code blocks of a language in the programs' README."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S
    )


def run(commands: str, folder: Path, cmdstan: CmdStan) -> str:
    """Run commands in a shell and return what they print."""
    result = subprocess.run(
        ["bash", "-euc", commands],
        cwd=folder,
        env=os.environ | {"CMDSTAN": str(cmdstan.path)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def folder(cmdstan, tmp_path_factory) -> Path:
    """A copy of the programs, with all commands of their README run beside it, in order."""
    install_cmdstan(tools=True, show_progress=False)
    folder = tmp_path_factory.mktemp("direct")
    shutil.copytree(resource_dir("stan"), folder / "stan")
    # of these make translates to C++ only; the fused one it makes
    made = ("student_t", "poisson", "multivariate_normal", "textbook")
    for program in (PLAIN, *map(stan_program, made)):
        (executable,) = compiled(program, show_progress=False)
        for beside in executable.parent.glob("libtbb*"):  # which a wheel brings
            shutil.copy(beside, folder / "stan")
        there = shutil.copy(executable, folder / "stan" / program.name)
        os.utime(there, times=(TOMORROW, TOMORROW))
    build, fused, draw, *others = code_blocks("sh")
    run(build, folder, cmdstan)
    shutil.copy(folder / "stan" / "normal", folder / "stan" / "normal-plain")
    run(fused, folder, cmdstan)
    (folder / "printed").write_text(run(draw, folder, cmdstan))
    for commands in others:
        run(commands, folder, cmdstan)
    return folder


@pytest.fixture(scope="module")
def fit(folder):
    chains = [folder / f"chain-{chain}.csv" for chain in (1, 2, 3, 4)]
    return from_cmdstan_csv(chains, data=folder / "data.json")


def test_stansummary_summarizes_the_parameters(folder):
    printed = (folder / "printed").read_text()
    assert "4 chains" in printed
    for name in ("theta[1]", "mu[2]", "sigma[2]", "y_rep[12]", "log_lik[10]"):
        assert name in printed


def test_readme_turns_the_files_into_arviz_data(folder):
    *blocks, last = code_blocks("python")
    shown = "print(*fit.posterior['mu'].shape, *fit.posterior['theta'].dims)"
    code = "\n".join([*blocks, shown, last, shown])
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    vectors, numbers = (f"1 1000 {size} chain draw component" for size in ("1 2", "2"))
    assert result.stdout.splitlines() == ["No problems found.", vectors, numbers]


def test_the_model_is_read_off_the_data_block(fit, folder):
    assert model_of(fit) == NormalMixture(
        n_components=2,
        weights=Dirichlet(1.0),
        means=Normal(0.0, 5.0),
        sigma=HalfCauchy(2.0),
        min_sigma=0.05,
    )
    given = json.loads((folder / "data.json").read_text())
    expected = np.repeat(given["y"], given["count"])
    assert expected.size == 12
    np.testing.assert_array_equal(observations(fit), expected)


def test_chains_by_hand_are_those_of_sample(fit):
    mu = group(fit, "posterior")["mu"].values
    # chains of their own
    assert len({tuple(chain) for chain in mu[:, 0]}) == 4
    again = sample(
        model_of(fit), observations(fit), iter_sampling=4000, seed=1, show_progress=False
    )
    found = compare({"sample": again, "by hand": fit})
    assert found.verdict != "disagree", str(found)
    # a part of them by four errors, of which there are some hundred
    assert found.table.filter(like="z_").abs().max(axis=None) < 5


def test_log_likelihood_is_that_of_every_observation(fit):
    """The six digits that CmdStan writes by default leave an error of 1e-4 in ten."""
    posterior, found = group(fit, "posterior"), group(fit, "log_likelihood")["y"]
    parameters = (posterior[name] for name in ("theta", "mu", "sigma"))
    expected = log_density(observations(fit), *parameters)
    assert found.shape == (4, 1000, 12)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    assert group(fit, "posterior_predictive")["y"].shape == (4, 1000, 12)


def test_an_approximation_by_hand(folder, fit):
    approx = from_cmdstan_csv(
        folder / "advi.csv", data=folder / "data-advi.json", history=folder / "advi-history.csv"
    )
    assert group(approx, "posterior").sizes["draw"] == 5000
    assert group(approx, "vi_trace").sizes["iteration"] > 1
    assert model_of(approx) == model_of(fit)
    # CmdStan's six digits still give the ELBO
    assert attributes(approx)["elbo_mcse"] < 0.2
    refined = group(approx, "vi_refined")
    mu = group(fit, "posterior")["mu"]
    sd = mu.std(("chain", "draw"))
    assert (abs(refined["mu_mean"] - mu.mean(("chain", "draw"))) < 0.25 * sd).all()


def test_an_approximation_of_free_components_is_none_of_the_posterior(folder):
    """Of data that say so, whatever the file; the program writes the same columns."""
    with pytest.raises(OutputError, match=r"advi\.csv approximates .* sort_components 0"):
        from_cmdstan_csv(folder / "advi.csv", data=folder / "data.json")


def test_the_fused_likelihood_has_the_same_density(folder, cmdstan):
    """From the same start the first draws of both are the same, to rounding."""
    draws = []
    for name in ("normal-plain", "normal"):
        command = f"stan/{name} sample num_warmup=0 num_samples=5 adapt engaged=0"
        settings = "stepsize=0.01 data file=data.json init=init.json random seed=1"
        run(f"{command} algorithm=hmc {settings} output file={name}.csv", folder, cmdstan)
        csv = read_stan_csv(folder / f"{name}.csv")
        assert csv.settings["model"] == "normal_model"
        draws.append(csv.draws)
    assert np.ptp(draws[0][:, 0]) > 0
    np.testing.assert_allclose(draws[1], draws[0], rtol=1e-4)


def test_student_t_components_by_hand(folder):
    csv = read_stan_csv(folder / "student-t-1.csv")
    assert csv.settings["model"] == "student_t_model"
    assert csv.variable("df").shape == (1000, 1)
    assert (csv.variable("df") > 0).all()
    assert (np.diff(csv.variable("mu")) > 0).all()
    fit = from_cmdstan_csv(csv.path, data=folder / "data-t.json")
    assert model_of(fit) == StudentTMixture(
        n_components=2,
        weights=Dirichlet(1.0),
        means=Normal(0.0, 5.0),
        sigma=HalfCauchy(2.0),
        df=Gamma(2.0, 0.1),
        min_sigma=0.05,
    )
    posterior = group(fit, "posterior")
    np.testing.assert_array_equal(posterior["df"], csv.variable("df")[None, :, 0])
    theta, mu, sigma = (posterior[name].values[:, :, None] for name in ("theta", "mu", "sigma"))
    df = posterior["df"].values[:, :, None, None]
    densities = stats.t.pdf(observations(fit)[:, None], df, mu, sigma)
    expected = np.log((theta * densities).sum(axis=-1))
    found = group(fit, "log_likelihood")["y"]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    # what each component has of its own follows its mean, what all share stays
    order = np.argsort(csv.variable("mu_raw"), axis=1)
    sorted_sigma = np.take_along_axis(csv.variable("sigma_raw"), order, axis=1)
    np.testing.assert_array_equal(csv.variable("sigma"), sorted_sigma)
    np.testing.assert_array_equal(csv.variable("df"), csv.variable("df_raw"))


def test_the_textbooks_log_density_is_that_of_every_observation(folder):
    """It has a column for each, equal ones too, in the order that they came in."""
    fit = from_cmdstan_csv(folder / "textbook-1.csv", data=folder / "textbook.json")
    assert attributes(fit)["program"] == "textbook"
    assert model_of(fit) == NormalMixture(
        n_components=2, weights=Dirichlet(1.0), means=Normal(0.0, 5.0), sigma=1.0
    )
    given = json.loads((folder / "textbook.json").read_text())
    np.testing.assert_array_equal(observations(fit), given["y"])
    _check_log_likelihood(fit, sigma=[1.0, 1.0], exactly=False)


@pytest.mark.parametrize("y", [[3.0, -1.0, 2.5, -2.0, 0.5], [3.0, -1.0, 3.0, -2.0, -2.0]])
def test_the_textbooks_observations_in_any_order(cmdstan, tmp_path, y):
    stan = {
        "K": 2,
        "N": 5,
        "y": y,
        "alpha": [2, 3],
        "mu_loc": [-1, 1],
        "mu_scale": [5, 4],
        "sigma": [1.0, 2.0],
    }
    (tmp_path / "data.json").write_text(json.dumps(stan))
    (executable,) = compiled(stan_program("textbook"), show_progress=False)
    settings = "data file=data.json random seed=1 output file=draws.csv sig_figs=15"
    run(f'"{executable}" sample num_samples=100 {settings}', tmp_path, cmdstan)
    fit = from_cmdstan_csv(tmp_path / "draws.csv", data=tmp_path / "data.json")
    assert model_of(fit) == NormalMixture(
        n_components=2,
        weights=Dirichlet([2.0, 3.0]),
        means=Normal([-1.0, 1.0], [5.0, 4.0]),
        sigma=[1.0, 2.0],
    )
    np.testing.assert_array_equal(observations(fit), y)
    _check_log_likelihood(fit, sigma=[1.0, 2.0], exactly=True)
    # its free space is another: no density of ours belongs to it
    settings = "iter=1000 data file=data.json random seed=1 output file=advi.csv"
    run(f'"{executable}" variational {settings}', tmp_path, cmdstan)
    with pytest.raises(OutputError, match=r"advi\.csv .*theta_raw"):
        from_cmdstan_csv(tmp_path / "advi.csv", data=tmp_path / "data.json")


def _check_log_likelihood(fit, *, sigma, exactly):
    posterior, found = group(fit, "posterior"), group(fit, "log_likelihood")["y"]
    expected = log_density(observations(fit), posterior["theta"], posterior["mu"], sigma)
    tolerance = 1e-10 if exactly else 1e-3
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def edited(folder: Path, name: str, old: str, new: str) -> Path:
    text = (RECORDED / name).read_text()
    assert old in text
    path = folder / name
    path.write_text(text.replace(old, new))
    return path


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["nuts-1.csv", "advi.csv"], ["'sample'", "'variational'"]),
        (["advi.csv", "advi.csv"], ["'variational'", "the one file"]),
        (["generated-1.csv"], ["generated-1.csv", "0 columns of theta"]),
        ([], ["[]"]),
        (["nuts-1.csv", "thinned.csv"], ["nuts-1.csv", "thinned.csv", "one run"]),
        (["nuts-1.csv", "known-sigma.csv"], ["known-sigma.csv", "0 columns of sigma"]),
    ],
)
def test_files_that_do_not_belong_together(names, words):
    paths = [RECORDED / name for name in names]
    with pytest.raises(OutputError) as caught:
        from_cmdstan_csv(paths, data=RECORDED / "data.json")
    for word in words:
        assert word in str(caught.value)


def test_programs_with_the_same_columns_do_not_belong_together(tmp_path):
    other = edited(
        tmp_path,
        "known-sigma.csv",
        "normal_mixture_known_sigma_model",
        "normal_mixture_by_hand_model",
    )
    with pytest.raises(OutputError, match="differ in their program"):
        from_cmdstan_csv(
            [RECORDED / "known-sigma.csv", other], data=RECORDED / "data-known-sigma.json"
        )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"K": 3}, "2 columns of theta, where that needs 3"),
        ({"sigma": [1.0, 1.0]}, "2 columns of sigma, where that needs 0"),
        ({"N": 2, "y": [1.0, 2.0], "count": [1, 1]}, "8 columns of log_lik, where that needs 2"),
        ({"N_rep": 3}, "20 columns of y_rep, where that needs 3"),
        (
            {"y": [96.0, 97.0, 98.0, 101.0, 102.0, 103.0, 104.0, 105.0]},
            r"log_lik.\d. is .* of \d+ is",
        ),
        (
            {"y": [-4.0, -3.0, -2.0, 1.0, 2.0, 3.0, 4.0, 5.5]},
            r"its log_lik.8. is .* that of 5\.5 is",
        ),
    ],
)
def test_data_of_another_fit(tmp_path, change, words):
    data = tmp_path / "other.json"
    data.write_text(json.dumps(json.loads((RECORDED / "data.json").read_text()) | change))
    with pytest.raises(
        OutputError, match=rf"nuts-1\.csv does not belong to .*other\.json.*{words}"
    ):
        from_cmdstan_csv(NUTS, data=data)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"count": [1, 2]}, r"count must be 8 whole numbers.*it is \[1, 2\]"),
        ({"count": 8 * [0]}, "1 or more; it is"),
        ({"count": 8 * [1.5]}, "count must be 8 whole numbers"),
        ({"count": [[1], [1, 2]]}, "count must be 8 whole numbers"),
        ({"N": 5}, "N is 5, and y has 8 values: they are of different data"),
        ({"y": 8 * ["a"]}, "must be numbers; .*'a' at position 0"),
        ({"y": [[1.0, 2.0]]}, "must be one-dimensional"),
        ({"y": [None, *range(7)]}, "nan at position 0"),
        ({"y": [math.nan, *range(7)]}, "not finite"),
        ({"K": "two"}, "cannot be read: .*'two'"),
        ({"alpha": "two"}, "cannot be read: .*'two'"),
        ({"K": [2]}, "cannot be read"),
    ],
)
def test_a_data_block_that_is_none(tmp_path, change, words):
    data = tmp_path / "other.json"
    data.write_text(json.dumps(json.loads((RECORDED / "data.json").read_text()) | change))
    with pytest.raises(DataError, match=rf"other\.json: .*{words}"):
        from_cmdstan_csv(NUTS, data=data)


@pytest.mark.parametrize(
    ("location", "scale", "digits"), [(0.0, 1.0, ""), (1e5, 1.0, ""), (-1e4, 0.01, "sig_figs=8")]
)
def test_few_digits_are_no_other_data(cmdstan, tmp_path, location, scale, digits):
    """Where means are large against the components, few digits leave little of a log density."""
    y = location + scale * simulate(40, theta=[0.5, 0.5], mu=[-3, 3], sigma=1.0, seed=1)
    model = NormalMixture(
        n_components=2, means=Normal(location, 10 * scale), sigma=HalfCauchy(scale), min_weight=0.1
    )
    stan = stan_data(target_of(model, y), save_log_lik=True, n_rep=1)
    (tmp_path / "data.json").write_text(json.dumps(stan))
    start = {"theta_raw": [0.5, 0.5], "sigma_raw": [scale, scale]}
    start["mu_raw"] = [location - 3 * scale, location + 3 * scale]
    (tmp_path / "init.json").write_text(json.dumps(start))
    (executable,) = compiled(stan_program("normal"), show_progress=False)
    settings = f"data file=data.json init=init.json random seed=1 output file=draws.csv {digits}"
    run(f'"{executable}" sample num_samples=100 {settings}', tmp_path, cmdstan)
    fit = from_cmdstan_csv(tmp_path / "draws.csv", data=tmp_path / "data.json")
    np.testing.assert_array_equal(np.sort(observations(fit)), np.sort(y))
    # and other data are found out all the same
    stan["y"] = np.add(stan["y"], 0.5 * scale).tolist()
    (tmp_path / "data.json").write_text(json.dumps(stan))
    if (location, digits) == (1e5, ""):
        return  # of six digits nothing is left: a mean is known to 1, as is the scale
    with pytest.raises(OutputError, match="does not belong to"):
        from_cmdstan_csv(tmp_path / "draws.csv", data=tmp_path / "data.json")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "not readable as JSON: .*No such file"),
        (b"", "not readable as JSON"),
        (b"{'K': 2}", "not readable as JSON"),
        (b"\xff\xfe{}", "not readable as JSON"),
        (b"[1, 2]", "has no K, N, y: it is no data block"),
        (b'{"K": 2, "N": 1, "y": [1]}', "There is no mu_loc"),
        (
            b'{"K": 0, "N": 1, "y": [1], "mu_loc": 0, "mu_scale": 1, "sigma": 1, "alpha": 1}',
            "n_comp",
        ),
    ],
)
def test_bad_json(tmp_path, content, words):
    data = tmp_path / "bad.json"
    if content is not None:
        data.write_bytes(content)
    with pytest.raises(DataError, match=rf"bad\.json.*{words}"):
        from_cmdstan_csv(NUTS, data=data)


def test_a_file_that_is_not_whole(tmp_path):
    path = tmp_path / "cut.csv"
    path.write_bytes(NUTS[0].read_bytes()[:-3000])
    with pytest.raises(OutputError, match=r"cut\.csv"):
        from_cmdstan_csv([NUTS[1], path], data=RECORDED / "data.json")


def test_a_missing_history():
    with pytest.raises(OutputError, match=r"history.*nowhere\.csv"):
        from_cmdstan_csv(
            RECORDED / "advi.csv",
            data=RECORDED / "data-advi.json",
            history=RECORDED / "nowhere.csv",
        )


@pytest.mark.parametrize("method", ["sample", "variational"])
def test_observations_of_known_components_stand_behind_the_others(cmdstan, tmp_path, method):
    """Their log density, which the program does not write, is that of their component."""
    y = simulate(40, theta=[0.4, 0.6], mu=[-3, 3], sigma=1.0, seed=1).round(1)
    label = np.where(np.arange(40) % 3, -1, y < 0)
    target = target_of(NormalMixture(n_components=2, sigma=1.0), y, labels=label)
    stan = stan_data(target, save_log_lik=True, n_rep=3)
    (tmp_path / "data.json").write_text(json.dumps(stan))
    start = {"theta_raw": [0.5, 0.5], "mu_raw": [3.0, -3.0]}
    (tmp_path / "init.json").write_text(json.dumps(start))
    (executable,) = compiled(stan_program("normal"), show_progress=False)
    settings = "data file=data.json init=init.json random seed=1 output file=draws.csv sig_figs=15"
    run(f'"{executable}" {method} {settings}', tmp_path, cmdstan)
    fit = from_cmdstan_csv(tmp_path / "draws.csv", data=tmp_path / "data.json")
    assert model_of(fit) == target.model
    labels, found = labels_of_observations(fit), observations(fit)
    assert (labels < 0).sum() == (label < 0).sum()
    for each in (-1, 0, 1):
        np.testing.assert_array_equal(np.sort(found[labels == each]), np.sort(y[label == each]))
    posterior = group(fit, "posterior")
    assert (posterior["mu"][..., 0] > posterior["mu"][..., 1]).all()
    theta, mu = (posterior[name].values[:, :, None] for name in ("theta", "mu"))
    terms = np.log(theta) + stats.norm.logpdf(found[:, None], mu, 1.0)
    terms[:, :, (labels[:, None] >= 0) & (labels[:, None] != [0, 1])] = -np.inf
    expected = np.logaddexp(*np.moveaxis(terms, -1, 0))
    np.testing.assert_allclose(group(fit, "log_likelihood")["y"], expected, rtol=1e-9)
