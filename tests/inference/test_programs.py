"""Tests of pystan_mix.inference.programs: where each program and its parts are."""

import pytest

from pystan_mix.errors import SettingsError
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures.families import FAMILIES
from pystan_mix.resources import resource_dir

STAN = resource_dir("stan")
PROGRAMS = sorted(path.stem for path in STAN.glob("*.stan"))


def test_every_family_has_a_program_and_every_program_is_known_by_its_name():
    assert {family.program for family in FAMILIES} < set(PROGRAMS)
    for name in PROGRAMS:
        assert stan_program(name).name == name


@pytest.mark.parametrize("likelihood", ["fused", "stan"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_all_that_a_program_includes_is_found(name, likelihood):
    program = stan_program(name, likelihood=likelihood)
    wanted = set()
    for path in (program.path, *program.included()):
        if path.suffix != ".hpp":
            lines = path.read_text(encoding="utf-8").splitlines()
            wanted |= {line.split()[1] for line in lines if line.strip().startswith("#include")}
    found = [path.name for path in program.included()]
    assert sorted(wanted) == sorted(name for name in found if not name.endswith(".hpp"))
    assert len(set(found)) == len(found)


def test_the_include_path_chooses_the_likelihood():
    fused, plain = (stan_program("normal", likelihood=which) for which in ("fused", "stan"))
    assert fused.path == plain.path == STAN / "normal.stan"
    assert (fused.header, plain.header) == (STAN / "fused" / "normal.hpp", None)
    assert STAN / "fused" / "normal.stanfunctions" in fused.included()
    assert STAN / "plain" / "normal.stanfunctions" in plain.included()
    assert not {path.parent for path in plain.included()} & {STAN / "fused"}
    # of the same name in both folders the gradient's own stands
    assert STAN / "fused" / "push_apart.stanfunctions" in fused.included()
    assert STAN / "parts" / "push_apart.stanfunctions" in plain.included()


def test_where_nothing_is_fused_the_one_in_stan_stands():
    assert stan_program("textbook") == stan_program("textbook", likelihood="stan")
    assert stan_program("textbook").included() == ()


@pytest.mark.parametrize("likelihood", ["by_hand", "Stan", None])
def test_another_likelihood_is_refused(likelihood):
    with pytest.raises(SettingsError, match=r"likelihood must be one of fused, stan; it is"):
        stan_program("normal", likelihood=likelihood)
