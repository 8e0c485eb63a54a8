"""Tests of pystan_mix.command.exit_codes: each has a number of its own, and a line of help."""

import re
from typing import get_args

from pystan_mix.command import exit_codes
from pystan_mix.command.exit_codes import EXIT_CODE_OF, EXIT_CODES
from pystan_mix.diagnostics.verdict import Use


def test_every_code_is_explained_once():
    codes = [
        value
        for name, value in vars(exit_codes).items()
        if name.startswith("EXIT_") and isinstance(value, int)
    ]
    explained = [int(code) for code in re.findall(r"^  (\d+) ", EXIT_CODES, re.M)]
    assert sorted(explained) == sorted(codes)
    assert len(set(codes)) == len(codes)


def test_every_use_has_a_code_of_its_own():
    assert set(EXIT_CODE_OF) == set(get_args(Use))
    assert len(set(EXIT_CODE_OF.values())) == 3
    assert EXIT_CODE_OF["fine"] == 0
