"""The likelihood in C++ against the one in Stan, against extended precision, and under CmdStan."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from drivers import built_driver, on_this_processor, output_of
from lp_at_points import lp_at
from wheels import unpacked

import pystan_mix as pmix
from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.locate import CmdStan
from pystan_mix.cmdstan.run import Call, Run, run_cmdstan, workspace
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures.families.normal import NormalMixture
from pystan_mix.mixtures.stan_data import stan_data
from pystan_mix.mixtures.target import target_of
from pystan_mix.resources import resource_dir

STAN = resource_dir("stan")
HEADER = STAN / "fused" / "normal.hpp"
HEADERS = sorted((STAN / "fused").glob("*.hpp"))
DRIVERS = Path(__file__).resolve().parents[1] / "fused"

PLAIN, FUSED = ("parts", "plain"), ("fused", "parts")
PROGRAMS = [("normal", FUSED), ("normal", PLAIN), ("student_t", PLAIN), ("textbook", ())]
PROGRAMS += [("multivariate_normal", FUSED), ("multivariate_normal", PLAIN)]
PROGRAMS += [("poisson", PLAIN), ("negative_binomial", PLAIN)]

POINTS = (
    "random",
    "sigma 1e-6 to 1e6",
    "mu 1e4 sigmas off",
    "weight 1e-12",
    "weight 0",
    "data at 1e6",
    "densities underflow",
    "components alike",
    "real weights",
)
INTERVALS = (
    "random",
    "narrow",
    "far out",
    "narrow, far out",
    "half open",
    "mixed",
    "sorted",
    "labelled",
    "weight 0",
    "sigma 1e-6 to 1e6",
    "1e4 sigmas off",
)
ROWS = ("Row2", "Row4", "Row8")

Y = pmix.simulate(400, theta=[0.3, 0.3, 0.4], mu=[-3, 0, 4], sigma=1.2, seed=5).round(1)
MEANS = pmix.Normal(0, 5)
MODELS = {
    "unknown sigma": NormalMixture(
        n_components=3, means=MEANS, sigma=pmix.HalfCauchy(2), min_sigma=0
    ),
    "known sigma": NormalMixture(n_components=3, means=MEANS, sigma=[0.8, 1.0, 1.4]),
}


@pytest.fixture(scope="module")
def checks(cmdstan: CmdStan, tmp_path_factory) -> dict[tuple[str, str], str]:
    """The results of fused/check.cpp, by the check and by what it was made at."""
    folder = tmp_path_factory.mktemp("check")
    driver = built_driver(cmdstan, "check", program="normal", folder=folder)
    lines = output_of(driver).splitlines()
    return {(check, at): result for check, at, result in (line.split("\t") for line in lines)}


@pytest.mark.parametrize("point", POINTS)
def test_value_and_gradient_are_those_of_the_likelihood_in_stan(checks, point):
    # errors are relative to the sum of the terms' absolute values: near the mode the terms of a
    # gradient cancel, and no order of adding them keeps digits of what is left
    assert float(checks["from Stan", point]) < 1e-9


@pytest.mark.parametrize("point", [*POINTS, "N = 1e6"])
def test_value_and_gradient_are_those_of_extended_precision(checks, point):
    assert float(checks["from exact", point]) < 1e-12


@pytest.mark.parametrize("point", POINTS)
def test_known_sigma_and_plain_numbers_give_the_same_to_the_last_bit(checks, point):
    assert float(checks["overloads", point]) == 0


@pytest.mark.parametrize("point", POINTS)
def test_vectors_in_whatever_form_give_the_same_to_the_last_bit(checks, point):
    assert float(checks["forms", point]) == 0


@pytest.mark.parametrize("rows", ROWS)
def test_rows_of_every_width_agree(checks, rows):
    assert float(on_this_processor(checks, "rows", rows)) < 1e-13


@pytest.mark.parametrize("points", INTERVALS)
def test_intervals_have_the_value_and_gradient_of_the_likelihood_in_stan(checks, points):
    assert float(checks["intervals from Stan", points]) < 1e-9


@pytest.mark.parametrize("points", INTERVALS)
def test_intervals_have_the_value_and_gradient_of_extended_precision(checks, points):
    assert float(checks["intervals from exact", points]) < 1e-11


@pytest.mark.parametrize("points", INTERVALS)
def test_intervals_in_whatever_form_give_the_same_to_the_last_bit(checks, points):
    assert float(checks["forms of intervals", points]) == 0


@pytest.mark.parametrize("rows", ROWS)
def test_rows_of_every_width_have_intervals_right(checks, rows):
    assert float(on_this_processor(checks, "rows of intervals", rows)) < 1e-11


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("mu nan", "Location parameter is nan"),
        ("sigma 0", "Scale parameter is 0"),
        ("bound nan", r"Lower bound\[3\] is nan"),
    ],
)
def test_intervals_throw_where_stan_makes_nan(checks, at, words):
    throws = f"domain_error: normal_interval_log_lik: {words}, but must be"
    assert re.match(throws, checks["fused intervals", at])
    assert math.isnan(float(checks["plain intervals", at]))


@pytest.mark.parametrize("at", ["log_theta -inf", "every mu 1e200"])
def test_intervals_that_cannot_be_are_rejected(checks, at):
    assert float(checks["fused intervals", at]) == -math.inf
    assert float(checks["plain intervals", at]) == -math.inf


@pytest.mark.parametrize("at", ["one mu 1e200", "one sigma inf"])
def test_a_component_far_away_leaves_the_others_their_intervals(checks, at):
    fused, plain = (float(checks[f"{which} intervals", at]) for which in ("fused", "plain"))
    assert math.isfinite(fused)
    assert fused == pytest.approx(plain, rel=1e-14)
    assert float(checks["finite gradient", at]) == 1.0


@pytest.mark.parametrize("rows", ROWS)
def test_exponential_is_accurate(checks, rows):
    assert float(on_this_processor(checks, "ulps of exp", rows)) < 2


@pytest.mark.parametrize("rows", ROWS)
def test_logarithm_is_accurate(checks, rows):
    assert float(on_this_processor(checks, "ulps of log", rows)) < 2


@pytest.mark.parametrize("rows", ROWS)
def test_logarithm_at_its_ends(checks, rows):
    on_this_processor(checks, "rows", rows)
    at = {x: float(value) for (check, x), value in checks.items() if check == f"log by {rows}"}
    assert [at[x] for x in ("0", "-0", "1e-310", "-1")] == [-math.inf] * 4
    assert at["1"] == 0.0
    assert at["1e300"] == pytest.approx(math.log(1e300), rel=1e-15)
    assert math.isnan(at["nan"])


@pytest.mark.parametrize("rows", ROWS)
def test_exponential_at_its_ends(checks, rows):
    on_this_processor(checks, "rows", rows)
    at = {x: float(value) for (check, x), value in checks.items() if check == f"exp by {rows}"}
    assert [at[x] for x in ("0", "-0", "-5e-324")] == [1.0, 1.0, 1.0]
    assert at["-707.999"] == pytest.approx(math.exp(-707.999), rel=1e-14)
    assert [at[x] for x in ("-708.001", "-745", "-1e300", "-inf")] == [0.0, 0.0, 0.0, 0.0]
    assert math.isnan(at["nan"])


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("mu nan", "Location parameter is nan, but must be finite!"),
        ("mu inf", "Location parameter is inf, but must be finite!"),
        ("sigma 0", "Scale parameter is 0, but must be positive!"),
        ("sigma -1", "Scale parameter is -1, but must be positive!"),
        ("sigma nan", "Scale parameter is nan, but must be positive!"),
    ],
)
def test_it_throws_what_normal_lpdf_throws(checks, at, words):
    assert checks["fused", at] == f"domain_error: normal_lpdf: {words}"
    assert checks["plain", at].startswith("domain_error: ")
    assert f"normal_lpdf: {words}" in checks["plain", at]


def test_it_throws_at_an_observation_that_is_nan(checks):
    words = r"domain_error: .*normal_lpdf: Random variable(\[3\])? is nan, but must be not nan!"
    assert re.match(words.replace(".*", ""), checks["fused", "y nan"])
    assert re.match(words, checks["plain", "y nan"])


@pytest.mark.parametrize(
    "at",
    [
        "y inf",
        "last y -inf",
        "y 1e300",
        "every sigma inf",
        "every log_theta -inf",
        "log_theta nan",
    ],
)
def test_what_stan_would_reject_is_rejected(checks, at):
    assert float(checks["fused", at]) == -math.inf
    assert float(checks["plain", at]) == -math.inf or at == "log_theta nan"


@pytest.mark.parametrize("at", ["one sigma inf", "sigma 1e-310", "no y, mu nan"])
def test_what_stan_would_not_reject_has_the_same_value(checks, at):
    assert math.isfinite(float(checks["fused", at]))
    assert float(checks["fused", at]) == pytest.approx(float(checks["plain", at]), rel=1e-14)


@pytest.mark.parametrize(
    ("what", "bound"),
    [
        ("values", 1e-13),
        ("gradients", 1e-12),
        # of exp(-x**2 / 2 - log(Phi(x))), whose exponents reach some hundreds
        ("slopes of the Jacobian", 1e-12),
        ("overloads", 0.0),
        ("forms", 0.0),
        ("ties", 0.0),
    ],
)
def test_means_are_pushed_apart_as_in_stan(checks, what, bound):
    assert float(checks["ordering", what]) <= bound


@pytest.mark.parametrize("name", MODELS)
def test_the_programs_have_the_same_density(cmdstan: CmdStan, name: str):
    model, rng = MODELS[name], np.random.default_rng(7)
    inits = []
    for _ in range(100):
        init = {"theta_raw": rng.dirichlet(np.ones(3)), "mu_raw": rng.normal(0, 5, 3)}
        if len(model.estimated) == 2:
            init["sigma_raw"] = rng.lognormal(0, 1, 3)
        inits.append({name: values.tolist() for name, values in init.items()})
    for sort in (False, True):
        stan = stan_data(target_of(model, Y), sort_components=sort)
        fused, plain = (
            lp_at(stan_program("normal", likelihood=likelihood), stan, inits)
            for likelihood in ("fused", "stan")
        )
        assert np.ptp(fused) > 1000.0
        assert np.ptp(fused - plain) < 1e-8


def run_from(init: dict[str, list[float]], *settings: str) -> Run:
    """Run NUTS from initial values; it fails if CmdStan does."""
    model = NormalMixture(
        n_components=len(init["mu_raw"]), means=MEANS, sigma=pmix.HalfCauchy(2), min_sigma=0
    )
    (executable,) = compiled(stan_program("normal"), show_progress=False)
    with workspace(executable, keep_in=None) as space:
        call = Call(
            method=("sample", "num_samples=20", *settings),
            data=space.write_data("data", stan_data(target_of(model, Y))),
            init=space.write_data("init", init),
            seed=1,
        )
        return run_cmdstan(space, "chain", [call], parallel=1)


def test_the_same_seed_gives_the_same_draws_to_the_last_bit(cmdstan: CmdStan):
    init = {"theta_raw": [0.3, 0.3, 0.4], "mu_raw": [-3.0, 0.0, 4.0], "sigma_raw": [1.0] * 3}
    first, second = (run_from(init, "num_warmup=200").csvs for _ in range(2))
    assert first[0].draws.shape[0] == 20
    np.testing.assert_array_equal(first[0].draws, second[0].draws)


@pytest.mark.parametrize(
    ("init", "stepsize", "words"),
    [
        pytest.param(
            {"theta_raw": [0.3, 0.3, 0.4], "mu_raw": [-3.0, 0.0, 4.0], "sigma_raw": [1.0] * 3},
            "1e200",
            "Exception: ",
            id="to infinity",
        ),
        pytest.param(
            # far too wide, so the first step is towards 0
            {"theta_raw": [1.0], "mu_raw": [0.0], "sigma_raw": [100.0]},
            "1e4",
            "normal_lpdf: Scale parameter is 0, but must be positive!",
            id="to zero",
        ),
    ],
)
def test_a_step_too_far_is_rejected_and_the_run_goes_on(cmdstan: CmdStan, init, stepsize, words):
    still = ("num_warmup=0", "adapt", "engaged=0")
    run = run_from(init, *still, "algorithm=hmc", f"stepsize={stepsize}")
    assert "Metropolis proposal is about to be rejected" in run.logs[0]
    assert words in run.logs[0]
    (csv,) = run.csvs
    assert csv.variable("divergent__").all()
    assert np.ptp(csv.variable("lp__")) == 0.0


def test_a_run_that_begins_far_away_arrives(cmdstan: CmdStan):
    init = {"theta_raw": [0.3, 0.3, 0.4], "mu_raw": [100, 200, 300], "sigma_raw": [1e-3] * 3}
    (csv,) = run_from(init, "num_warmup=300").csvs
    assert (np.abs(csv.variable("mu")) < 10).all()


# as httpstan compiles a model, but quickly
HTTPSTAN_FLAGS = (
    *("-O0", "-std=c++17", "-fPIC", "-w", "-DBOOST_DISABLE_ASSERTS"),
    *("-DBOOST_PHOENIX_NO_VARIADIC_EXPRESSION", "-DSTAN_THREADS", "-D_REENTRANT"),
    "-D_GLIBCXX_USE_CXX11_ABI=0",
)


@pytest.fixture(scope="module")
def httpstan(tmp_path_factory) -> Path:
    """The folder of Stan 2.39's compiler and headers."""
    folder = unpacked(
        tmp_path_factory.mktemp("httpstan"),
        "httpstan==4.17.0",
        *("--python-version=313", "--implementation=cp", "--abi=cp313"),
        *("--platform=manylinux_2_17_x86_64", "--platform=manylinux2014_x86_64"),
        needed=("httpstan/include/", "httpstan/stanc"),
    )
    (folder / "httpstan" / "stanc").chmod(0o755)
    return folder / "httpstan"


# what every translation defines: in one object each needs a name of its own
DEFINED = ("new_model", "get_stan_profile_data", "stan_model")


# a compiler that does not declare an external function once more, and that passes parameters as
# maps; those with C++ of ours in one object, since most of the time goes to Stan's headers
def test_stan_2_39_translates_every_program_and_compiles_ours(httpstan: Path, tmp_path: Path):
    assert "v2.39" in output_of(httpstan / "stanc", "--version")
    lines = [f'#include "{header}"' for header in HEADERS]
    for program, folders in PROGRAMS:
        name = "_".join([program, *folders])
        external = folders == FUSED
        output_of(
            httpstan / "stanc",
            *(("--allow-undefined",) if external else (f"--name={name}_model",)),
            f"--include-paths={','.join(str(STAN / folder) for folder in folders)}",
            f"--o={tmp_path / name}.hpp",
            STAN / f"{program}.stan",
        )
        if external:
            lines += [f"#define {defined} {defined}_of_{name}" for defined in DEFINED]
            lines += [f'#include "{name}.hpp"', *(f"#undef {defined}" for defined in DEFINED)]
    source = tmp_path / "programs.cpp"
    source.write_text("\n".join(lines) + "\n")
    built = tmp_path / "programs.o"
    output_of("g++", *HTTPSTAN_FLAGS, f"-I{httpstan / 'include'}", "-c", source, "-o", built)
    symbols = output_of("nm", "--demangle", built)
    for program, folders in PROGRAMS:
        if folders == FUSED:
            assert f"new_model_of_{'_'.join([program, *folders])}(" in symbols
    undefined = [line for line in symbols.splitlines() if line.split()[0] == "U"]
    assert not [line for line in undefined if "mixture" in line or "push_apart" in line]
    assert "normal_mixture_rows::by_rows" in symbols
    assert "multivariate_normal_rows::by_rows" in symbols


CPP = (*HEADERS, *sorted(DRIVERS.iterdir()))


@pytest.mark.parametrize("path", CPP, ids=lambda path: path.name)
def test_the_cpp_is_fit_to_read(path: Path):
    lines = path.read_text().splitlines()
    assert max(map(len, lines)) < 80
    assert not [line for line in lines if "\t" in line or line != line.rstrip()]
    assert lines[0] == "/*"


@pytest.mark.parametrize("header", HEADERS, ids=lambda path: path.name)
def test_every_declaration_of_a_header_has_a_doc_comment(header: Path):
    text = header.read_text()
    words = r"(?:template|inline|constexpr|struct|\w+_INLINE|__attribute__)\b"
    assert len(re.findall(rf"\*/\n{words}", text)) > 12
    # a declaration begins a paragraph, or it follows the end of another
    assert re.findall(rf"(?:^|\n\n|\n\}}\n)(?:(?:#|//).*\n)*{words}.*", text) == []


@pytest.mark.parametrize("header", HEADERS, ids=lambda path: path.name)
def test_a_header_is_self_contained_and_portable(header: Path):
    text = header.read_text()
    includes = re.findall(r"^#include (\S+)$", text, re.M)
    assert includes[0] == "<stan/model/model_header.hpp>"
    own = [name for name in includes[1:] if not re.fullmatch(r"<[a-z_]+>", name)]
    assert set(own) <= {f'"{path.name}"' for path in HEADERS}
    for word in ("#pragma", "-march", "fast-math", "optimize("):
        assert word not in text
