"""Tests of pystan_mix.diagnostics.advi_optima: where ADVI's starts ended."""

import math
import re

import numpy as np
import pytest
from advi_fits import advi_fit, with_shared

from pystan_mix.diagnostics.advi_optima import optima_of, rival_of, varying_elements
from pystan_mix.diagnostics.diagnose import diagnose

pytestmark = pytest.mark.arviz

NAN = math.nan


def test_an_optimum_that_is_as_likely_is_found():
    verdict = diagnose(advi_fit(loss=(240.0, 243.5, 240.1, 300.0), moved={1: 20.0, 3: 8.0}))
    assert verdict.use == "do not use"
    assert len(verdict.problems) == 2
    assert (
        "Another optimum, with a loss larger by 3.5 nats only, lies 20 standard deviations away "
        "in mu[2]" in verdict.problems[1]
    )
    assert verdict.notes == (
        "2 of 4 starts ended at a loss of 240.0, which is kept; 1 at 243.5, 1 at 300.0.",
    )


@pytest.mark.parametrize(
    ("loss", "moved", "note"),
    [
        # noise
        ((240.0, 241.0, 240.2, 240.3), {1: 2.0}, None),
        # less likely by so much that it has nothing of the posterior
        (
            (240.0, 297.0, 240.2, 240.3),
            {1: 30.0},
            r"3 of 4 .* 240\.0, which is kept; 1 at 297.0\.",
        ),
        # another loss at the same place: the optimisation has not ended
        ((243.0, 240.0, 243.1, 240.3), {}, r"2 of 4 .* 240\.0, which is kept; 2 at 243\.0\."),
        ((240.0, NAN, 300.0, NAN), {2: 30.0}, r"1 of 2 .* 240\.0, which is kept; 1 at 300\.0\."),
    ],
)
def test_optima_that_differ_are_said_to_differ(loss, moved, note):
    verdict = diagnose(advi_fit(loss=loss, moved=moved))
    assert verdict.ok
    optima = [text for text in verdict.notes if "which is kept" in text]
    assert len(optima) == (note is not None)
    if note:
        assert re.fullmatch(note, optima[0])


def test_starts_that_failed_are_counted():
    assert diagnose(advi_fit(loss=(NAN, 240.0, NAN, 240.1))).notes == (
        "2 of 4 starts failed in CmdStan.",
    )


def test_one_start_shows_nothing_of_others():
    assert "There was one start" in diagnose(advi_fit(loss=(240.0,))).notes[0]


@pytest.mark.parametrize("converged", [0, False, np.int64(0)])
def test_an_approximation_that_did_not_converge_is_noted(converged):
    verdict = diagnose(advi_fit(converged=converged))
    assert verdict.ok
    assert "does not say that ADVI converged" in verdict.notes[0]


def test_another_place_of_a_parameter_that_all_components_share_is_found():
    fit = with_shared(advi_fit(refined=(0.0, 1.0)), places=[5.0, 5.1, 13.0, 5.0])
    assert [each.name for each in varying_elements(fit)][-1] == "df"
    kept, other = optima_of(fit)
    assert (kept.starts, other.starts, other.where) == (3, 1, "df")
    assert other.distance == pytest.approx(8.0, abs=0.3)
    assert rival_of([kept, other]) == other


def test_nothing_is_known_of_starts_that_are_not_there():
    assert optima_of(advi_fit(drop=["vi_restarts"])) == []
    assert rival_of([]) is None
