"""The verdict on a fit: how far to use it, and why."""

import dataclasses
from typing import Literal

Use = Literal["fine", "means only", "do not use"]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Whether to believe a fit, and why not.

    Parameters
    ----------
    ok : bool
        Whether nothing is wrong.
    problems : tuple of str
        What is wrong and what to do, most serious first.
    use : {"fine", "means only", "do not use"}
        What the fit is good for. "means only" is said of ADVI alone: its means
        can be used, and its intervals are too narrow.
    notes : tuple of str
        What is worth knowing and no problem, such as ADVI's other optima.
    """

    ok: bool
    problems: tuple[str, ...]
    use: Use
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        found = [f"- {problem}" for problem in self.problems] or ["No problems found."]
        return "\n".join([*found, *(f"Note: {note}" for note in self.notes)])
