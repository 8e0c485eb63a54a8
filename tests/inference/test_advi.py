"""ADVI on real CmdStan."""

import numpy as np
import pytest
from by_scipy import log_density

import pystan_mix as pmix
from pystan_mix.arviz_compat import attributes, group, group_names
from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.stan_csv import read_stan_csv
from pystan_mix.data_files import read_observations
from pystan_mix.errors import DataError, OutputError, SamplingError, SettingsError
from pystan_mix.fits.model import target_of_fit
from pystan_mix.fits.summary import summarize
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures.density import log_joint, to_unconstrained
from pystan_mix.resources import resource_dir
from pystan_mix.study.data_sets import SEPARATED_MODEL

Y = pmix.simulate(60, theta=[0.4, 0.6], mu=[-2, 3], sigma=1.0, seed=2)
MODEL = pmix.NormalMixture(n_components=2, means=pmix.Normal(0, 10), sigma=1.0)


@pytest.fixture(scope="module")
def approx(cmdstan):
    return pmix.advi(MODEL, Y, seed=1, show_progress=False)


def test_groups_and_shapes(approx):
    assert dict(group(approx, "posterior").sizes) == {"chain": 1, "draw": 5000, "component": 2}
    assert set(group(approx, "sample_stats")) == {"log_p", "log_g"}
    assert dict(group(approx, "vi_restarts").sizes) == {"restart": 4, "component": 2}
    assert group(approx, "posterior_predictive")["y"].shape == (1, 1000, 60)
    assert "sigma" not in group(approx, "posterior")
    np.testing.assert_array_equal(group(approx, "constant_data")["sigma"], [1.0, 1.0])


def test_histories_of_the_elbo_end_at_the_losses(approx):
    history, starts = group(approx, "vi_trace"), group(approx, "vi_restarts")
    assert history["iteration"].values[0] == 100
    assert dict(history.sizes)["restart"] == 4
    for restart in range(4):
        elbo = history["elbo"].values[restart]
        last = elbo[np.isfinite(elbo)][-20:]
        # CmdStan's evaluations have 100 draws each; their noise is in their own spread
        assert abs(last.mean() + starts["loss"].values[restart]) < 5 * last.std(ddof=1)
    assert attributes(approx)["elbo_mcse"] < 0.2


def test_the_best_start_is_kept(approx):
    starts, top = group(approx, "vi_restarts"), attributes(approx)
    kept = int(np.flatnonzero(starts["kept"])[0])
    assert starts["kept"].values.sum() == 1
    assert starts["loss"].values[kept] == starts["loss"].values.min() == -top["elbo"]
    assert starts["loss_mcse"].values[kept] == top["elbo_mcse"]
    assert starts["pareto_khat"].values[kept] == top["pareto_khat"]
    assert bool(starts["converged"].values[kept]) == bool(top["converged"])
    assert not starts["failed"].values.any()
    # starts of their own, and noise of their own
    assert np.unique(starts["loss"]).size == 4
    assert (top["restarts"], top["algorithm"]) == (4, "meanfield")


def test_elbo_is_below_the_log_evidence_and_near_it(cmdstan):
    """For one component with known scale the evidence is a normal integral."""
    y = pmix.simulate(20, theta=[1.0], mu=[1.0], sigma=1.0, seed=3)
    model = pmix.NormalMixture(n_components=1, means=pmix.Normal(0, 5), sigma=1.0)
    approx = pmix.advi(model, y, seed=1, show_progress=False)
    covariance = np.eye(20) + 25.0
    sign, log_det = np.linalg.slogdet(covariance)
    log_evidence = -0.5 * (20 * np.log(2 * np.pi) + log_det + y @ np.linalg.solve(covariance, y))
    top = attributes(approx)
    assert sign == 1
    assert top["elbo"] < log_evidence + 4 * top["elbo_mcse"]
    # the posterior is normal, so the approximation can be exact; ADVI's steps leave some distance
    assert top["elbo"] > log_evidence - 0.1
    row = summarize(approx).loc["mu[1]"]
    # a mean that is d standard deviations off costs d**2 / 2 nats, of which there are 0.1
    assert abs(row["mean"] - y.sum() / (20 + 1 / 25)) < np.sqrt(0.2 / 20)


def test_the_shipped_separated_data_end_at_the_right_optimum(cmdstan):
    y = read_observations(resource_dir("data") / "separated.dat")
    approx = pmix.advi(SEPARATED_MODEL, y, seed=1, show_progress=False)
    mean = summarize(approx)["mean"]
    np.testing.assert_allclose(mean[["mu[1]", "mu[2]", "mu[3]"]], [0, 10, 20], atol=1.5)


def exact(y, *, prior_sd):
    """Mean and standard deviation of a normal's mean, of which the prior's mean is 0."""
    precision = y.size + prior_sd**-2
    return y.sum() / precision, precision**-0.5


@pytest.mark.parametrize("algorithm", ["meanfield", "fullrank"])
def test_a_normal_posterior_is_found_exactly(cmdstan, algorithm):
    y = pmix.simulate(50, theta=[1.0], mu=[1.0], sigma=1.0, seed=4)
    model = pmix.NormalMixture(n_components=1, means=pmix.Normal(0, 5), sigma=1.0)
    approx = pmix.advi(model, y, algorithm=algorithm, seed=3, show_progress=False)
    top = attributes(approx)
    assert (top["algorithm"], top["reweighted"]) == (algorithm, 1)
    mean, sd = exact(y, prior_sd=5)
    row = summarize(approx).loc["mu[1]"]
    # reweighted draws are the posterior's: 4 errors of a mean, and of a normal's spread
    assert abs(row["mean"] - mean) < 4 * sd / top["ess_importance"] ** 0.5
    assert abs(row["sd"] / sd - 1) < 4 / (2 * top["ess_importance"]) ** 0.5
    assert 0 <= top["elbo_gap"] < 0.1


def test_a_full_covariance_comes_nearer_and_its_weighted_draws_are_nuts(cmdstan):
    """Two components that overlap: a correlated posterior."""
    y = pmix.simulate(1000, theta=[0.5, 0.5], mu=[-1.2, 1.2], sigma=1.0, seed=5)
    fit = pmix.sample(MODEL, y, iter_sampling=5000, seed=1, show_progress=False)
    nuts = summarize(fit)
    mean, full = (
        pmix.advi(MODEL, y, algorithm=algorithm, seed=1, show_progress=False)
        for algorithm in ("meanfield", "fullrank")
    )
    error = np.hypot(attributes(full)["elbo_mcse"], attributes(mean)["elbo_mcse"])
    assert attributes(full)["elbo"] > attributes(mean)["elbo"] + 4 * error
    assert attributes(full)["elbo_gap"] < attributes(mean)["elbo_gap"]
    top, table = attributes(full), summarize(full)
    assert top["pareto_khat"] < 0.7
    error = nuts["sd"] * (1 / nuts["ess_bulk"] + 1 / top["ess_importance"]) ** 0.5
    # 4.5 errors, since the effective number of draws is one figure for all parameters
    assert (abs(table["mean"] - nuts["mean"]) < 4.5 * error).all()


def test_reweighted_and_plain_draws(cmdstan):
    given = {"seed": 1, "draws": 2000, "show_progress": False}
    plain, weighted = (pmix.advi(MODEL, Y, reweight=way, **given) for way in (False, True))
    assert (attributes(plain)["reweighted"], attributes(weighted)["reweighted"]) == (0, 1)
    assert "approximation" not in group_names(plain)
    beside, returned = group(weighted, "approximation"), group(weighted, "posterior")
    for name in ("theta", "mu"):
        np.testing.assert_array_equal(beside[name], group(plain, "posterior")[name])
    stats = group(weighted, "sample_stats")
    np.testing.assert_array_equal(beside["log_g"], group(plain, "sample_stats")["log_g"])
    # what is returned are other draws, with their own densities under the model
    target = target_of_fit(weighted)
    z = to_unconstrained(target, {name: returned[name].values[0] for name in ("theta", "mu")})
    np.testing.assert_allclose(log_joint(target, z), stats["log_p"].values[0], rtol=0, atol=1e-8)
    assert not np.isin(returned["mu"].values[0], beside["mu"].values[0]).any()
    # equal ones stand side by side, so that ArviZ sees them
    changes = np.any(np.diff(returned["mu"].values[0], axis=0) != 0, axis=1).sum() + 1
    assert changes == len(np.unique(returned["mu"].values[0], axis=0)) < 2000
    # one posterior is refined, whether its draws are returned or not
    for name in ("log_bound", "pareto_khat_weights", "ess_importance", "elbo_gap"):
        assert attributes(plain)[name] == attributes(weighted)[name]
    assert group(plain, "vi_refined").equals(group(weighted, "vi_refined"))


@pytest.mark.parametrize("algorithm", ["meanfield", "fullrank"])
def test_reweighted_draws_of_a_bent_posterior_are_those_of_nuts(cmdstan, algorithm):
    """Standard deviations of a narrow approximation's own weighted draws were off by half."""
    y = read_observations(resource_dir("data") / "separated.dat")
    fit = pmix.sample(
        SEPARATED_MODEL, y, iter_sampling=5000, seed=1, predictive_draws=0, show_progress=False
    )
    approx = pmix.advi(
        SEPARATED_MODEL,
        y,
        algorithm=algorithm,
        reweight=True,
        seed=2,
        predictive_draws=0,
        show_progress=False,
    )
    nuts, found, top = summarize(fit), summarize(approx), attributes(approx)
    assert pmix.diagnose(approx).use == "fine"
    assert (abs(found["mean"] - nuts["mean"]) / nuts["sd"]).max() < 0.15
    assert abs(found["sd"] / nuts["sd"] - 1).max() < 0.15
    # bridge sampling from NUTS's draws is another way to the integral
    evidence = pmix.log_evidence(fit)
    error = np.hypot(evidence.mcse, top["log_bound_mcse"])
    assert abs(top["log_bound"] - evidence.log_bound) < 4.5 * error
    assert top["elbo_gap"] == pytest.approx(top["log_bound"] - top["elbo"])


def test_without_a_refinement_the_own_draws_are_weighted(cmdstan, monkeypatch):
    """As where observations are too many."""
    monkeypatch.setattr("pystan_mix.inference.refinement._LARGEST_TERMS", 100)
    given = {"seed": 1, "draws": 2000, "predictive_draws": 0, "show_progress": False}
    fit = pmix.advi(MODEL, Y, reweight=True, **given)
    assert "vi_refined" not in group_names(fit)
    top = attributes(fit)
    assert "log_bound" not in top
    assert top["pareto_khat_weights"] == top["pareto_khat"]
    # each returned draw is one of the plain ones, with its own densities
    beside, stats = group(fit, "approximation"), group(fit, "sample_stats")
    order = np.argsort(beside["log_p"].values[0])
    at = order[np.searchsorted(beside["log_p"].values[0][order], stats["log_p"].values[0])]
    assert np.unique(at).size < 2000
    np.testing.assert_array_equal(
        beside["mu"].values[0][at], group(fit, "posterior")["mu"].values[0]
    )
    np.testing.assert_array_equal(beside["log_g"].values[0][at], stats["log_g"].values[0])
    assert pmix.diagnose(fit).use in {"fine", "means only"}


@pytest.mark.parametrize("draws", [100, 1000])
def test_few_draws(cmdstan, draws):
    fit = pmix.advi(
        MODEL, Y, draws=draws, reweight=True, seed=1, predictive_draws=0, show_progress=False
    )
    assert group(fit, "posterior").sizes["draw"] == draws
    assert 0.5 * draws < attributes(fit)["ess_importance"] <= draws
    assert pmix.diagnose(fit).use == ("fine" if draws == 1000 else "means only")


def test_log_likelihood_belongs_to_the_draws_that_are_returned(cmdstan):
    fit = pmix.advi(MODEL, Y, reweight=True, restarts=1, draws=2000, seed=1, show_progress=False)
    found = group(fit, "log_likelihood")["y"]
    posterior = group(fit, "posterior").sel(draw=found["draw"])
    plain = group(fit, "approximation").sel(draw=found["draw"])
    assert (plain["mu"] != posterior["mu"]).any()
    expected = log_density(Y, posterior["theta"], posterior["mu"], [1.0, 1.0])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def test_one_start_is_what_the_first_of_four_is(approx):
    one = pmix.advi(MODEL, Y, restarts=1, seed=1, show_progress=False)
    assert group(one, "vi_restarts")["loss"].values.tolist() == [
        group(approx, "vi_restarts")["loss"].values[0]
    ]


def test_minor_optima_are_found_and_kept_apart(cmdstan):
    """Of three far groups for two components, one of the two has to take two of them."""
    y = pmix.simulate(90, theta=[0.4, 0.25, 0.35], mu=[0, 10, 20], sigma=1.0, seed=6)
    model = pmix.NormalMixture(n_components=2, means=pmix.Normal(10, 10))
    approx = pmix.advi(model, y, restarts=12, seed=1, predictive_draws=0, show_progress=False)
    starts = group(approx, "vi_restarts")
    loss = starts["loss"].values
    # the first component has one group, about 0, or two, about 4
    assert np.ptp(starts["mu"].values[:, 0]) > 3
    assert -attributes(approx)["elbo"] == loss.min()


def some_fail(executable, *ids):
    """An executable in CmdStan's place that fails for some starts, and is CmdStan for others."""
    path = executable.parent / "sometimes"
    cases = "|".join(f"id={i}" for i in ids)
    path.write_text(
        "#!/bin/sh\n"
        f'for a; do case "$a" in {cases}) echo "All proposed step-sizes failed."; exit 70;; esac; '
        f'done\nexec "{executable}" "$@"\n'
    )
    path.chmod(0o755)
    return path


@pytest.fixture
def failing(cmdstan, tmp_path, monkeypatch):
    """Let CmdStan fail for the starts that are named."""
    (executable,) = compiled(stan_program("normal"), show_progress=False)
    (tmp_path / "real").symlink_to(executable)

    def fail(*ids):
        path = some_fail(tmp_path / "real", *ids)
        monkeypatch.setattr("pystan_mix.inference.advi.compiled", lambda *_, **__: (path,))

    return fail


def test_starts_that_fail_are_left_out_and_marked(failing, approx):
    failing(1, 3)
    found = pmix.advi(MODEL, Y, seed=1, predictive_draws=0, show_progress=False)
    starts, whole = group(found, "vi_restarts"), group(approx, "vi_restarts")
    assert starts["failed"].values.tolist() == [True, False, True, False]
    np.testing.assert_array_equal(
        starts["loss"], np.where(starts["failed"], np.nan, whole["loss"].values)
    )
    assert np.isnan(group(found, "vi_trace")["elbo"].values[[0, 2]]).all()
    assert attributes(found)["elbo"] == -np.nanmin(starts["loss"].values)


def test_when_every_start_fails_the_last_words_are_said(failing):
    failing(1, 2, 3, 4)
    with pytest.raises(SamplingError, match=r"All 4 failed.*\n.*step-sizes.*\n.*another seed"):
        pmix.advi(MODEL, Y, seed=1, show_progress=False)


def test_files_of_every_start_are_kept(cmdstan, tmp_path):
    pmix.advi(
        MODEL,
        Y,
        restarts=2,
        seed=1,
        predictive_draws=0,
        show_progress=False,
        output_dir=tmp_path,
    )
    assert {path.name for path in tmp_path.iterdir()} == {"data.json"} | {
        name.format(start)
        for name in ("advi-{}.csv", "advi-{}.log", "history-{}.csv", "init-{}.json")
        for start in (1, 2)
    }
    # one of two takes small steps, and has no lines of an adaptation in its file
    adapted, small = (read_stan_csv(tmp_path / f"advi-{start}.csv") for start in (1, 2))
    assert (adapted.settings["engaged"], small.settings["engaged"]) == ("1", "0")
    assert float(small.settings["eta"]) == 0.1


def test_small_steps_stay_where_adapted_ones_leave(cmdstan):
    """A data set on which every start with adapted steps went 440 nats astray."""
    sigma = (1.35, 1.03, 0.94)
    y = pmix.simulate(645, theta=[0.26, 0.36, 0.38], mu=[7.0, 12.1, 18.5], sigma=sigma, seed=40)
    model = pmix.NormalMixture(n_components=3, sigma=sigma)
    approx = pmix.advi(model, y, restarts=8, seed=40, predictive_draws=0, show_progress=False)
    loss = group(approx, "vi_restarts")["loss"].values
    # noise moves the loss of one optimum by a nat or two
    assert np.ptp(loss[1::2]) < 5
    np.testing.assert_allclose(
        summarize(approx)["mean"][["mu[1]", "mu[2]", "mu[3]"]], [7.0, 12.1, 18.5], atol=0.5
    )


def test_a_start_whose_densities_are_damaged_is_left_out(cmdstan, tmp_path, monkeypatch, approx):
    (executable,) = compiled(stan_program("normal"), show_progress=False)
    path = tmp_path / "damages"
    path.write_text(
        f'#!/bin/sh\n"{executable}" "$@" || exit\n'
        'case " $* " in *" id=2 "*) awk -F, -v OFS=, '
        "'/^[-0-9]/ {$3 += NR} {print}' advi-2.csv > new && mv new advi-2.csv;; esac\n"
    )
    path.chmod(0o755)
    monkeypatch.setattr("pystan_mix.inference.advi.compiled", lambda *_, **__: (path,))
    given = {"seed": 1, "predictive_draws": 0, "show_progress": False}
    starts = group(pmix.advi(MODEL, Y, **given), "vi_restarts")
    assert starts["failed"].values.tolist() == [False, True, False, False]
    whole = group(approx, "vi_restarts")["loss"].values
    np.testing.assert_array_equal(starts["loss"].values[[0, 2, 3]], whole[[0, 2, 3]])
    # where no other start is left, the fault is said
    (tmp_path / "damages").write_text(
        path.read_text().replace("id=2", "id=1").replace("advi-2", "advi-1")
    )
    with pytest.raises(OutputError, match="log_g__ does not belong to its draws"):
        pmix.advi(MODEL, Y, restarts=1, **given)


def test_the_same_seed_gives_the_same_draws(approx):
    again = pmix.advi(MODEL, Y, seed=1, show_progress=False)
    for name in ("posterior", "posterior_predictive"):
        for variable in group(approx, name):
            np.testing.assert_array_equal(
                group(approx, name)[variable], group(again, name)[variable]
            )


def test_netcdf_round_trip_keeps_everything(approx, tmp_path):
    again = pmix.load(pmix.save(approx, tmp_path / "approx.nc"))
    assert attributes(again) == attributes(approx)
    assert set(group_names(again)) == set(group_names(approx))
    for name in group_names(approx):
        assert group(again, name).equals(group(approx, name))


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"iter": 0}, "iter"),
        ({"draws": 10}, "draws"),
        ({"tol_rel_obj": 0.0}, "tol_rel_obj"),
        ({"seed": -3}, "seed"),
        ({"algorithm": "halfrank"}, "algorithm must be one of meanfield, fullrank"),
        ({"restarts": 0}, "restarts"),
        ({"parallel_restarts": 0}, "parallel_restarts"),
        ({"reweight": "yes"}, "reweight must be True, False or None"),
        ({"likelihood": "by_hand"}, "one of fused, stan; it is 'by_hand'"),
    ],
)
def test_bad_settings_are_refused(monkeypatch, tmp_path, options, names):
    monkeypatch.setenv("CMDSTAN", str(tmp_path))
    with pytest.raises(SettingsError, match=names):
        pmix.advi(MODEL, Y, show_progress=False, **options)


def test_observations_must_be_there(monkeypatch, tmp_path):
    monkeypatch.setenv("CMDSTAN", str(tmp_path))
    with pytest.raises(DataError, match="y is None"):
        pmix.advi(MODEL, None, show_progress=False)


def test_missing_values_are_left_out_where_it_is_asked_for(cmdstan):
    given = {"restarts": 1, "draws": 100, "show_progress": False}
    found = pmix.advi(MODEL, [*Y, np.nan], missing="drop", seed=1, **given)
    assert attributes(found)["missing_dropped"] == 1
    np.testing.assert_array_equal(group(found, "observed_data")["y"], Y)
    with pytest.raises(DataError, match="NaN, the first at position 60"):
        pmix.advi(MODEL, [*Y, np.nan], **given)


def test_a_covariance_needs_draws_enough(monkeypatch, tmp_path):
    """Ten components have 29 parameters, and their covariance 435 numbers."""
    monkeypatch.setenv("CMDSTAN", str(tmp_path))
    y = np.arange(30.0)
    model = pmix.NormalMixture(n_components=10)
    with pytest.raises(SettingsError, match=r"draws must be 870 or more .*fullrank.*It is 869"):
        pmix.advi(model, y, algorithm="fullrank", draws=869, show_progress=False)
