"""Tests of pystan_mix.diagnostics.verdict: how a verdict reads."""

import pytest

from pystan_mix.diagnostics.verdict import Verdict

pytestmark = pytest.mark.arviz


def test_a_verdict_reads_as_it_is_meant():
    assert str(Verdict(ok=True, problems=(), use="fine")) == "No problems found."
    verdict = Verdict(ok=False, problems=("One.", "Two."), use="means only", notes=("Three.",))
    assert str(verdict) == "- One.\n- Two.\nNote: Three."
    noted = Verdict(ok=True, problems=(), use="fine", notes=("Three.", "Four."))
    assert str(noted) == "No problems found.\nNote: Three.\nNote: Four."
