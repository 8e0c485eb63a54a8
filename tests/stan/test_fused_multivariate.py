"""The likelihood of vectors in C++ against the one in Stan."""

import pytest
from drivers import built_driver, on_this_processor, output_of

KINDS = (
    "random",
    "shared",
    "repeated",
    "weighted",
    "sigma 1e-4 to 1e4",
    "weight 0",
    "data at 1e6",
    "densities underflow",
)


@pytest.fixture(scope="module")
def checks(cmdstan, tmp_path_factory) -> dict[tuple[str, str], str]:
    """The results of fused/check_multivariate.cpp, by the check and by what it was made at."""
    driver = built_driver(
        cmdstan,
        "check_multivariate",
        program="multivariate_normal",
        folder=tmp_path_factory.mktemp("check"),
    )
    lines = [line.split("\t") for line in output_of(driver).splitlines()]
    return {(check, at): result for check, at, result in lines}


@pytest.mark.parametrize("kind", KINDS)
def test_value_and_gradient_are_those_of_the_likelihood_in_stan(checks, kind):
    assert float(checks["from Stan", kind]) < 1e-9


@pytest.mark.parametrize("rows", ["Row2", "Row4", "Row8"])
def test_rows_of_every_width_give_the_same(checks, rows):
    assert float(on_this_processor(checks, "rows", rows)) < 1e-12
