"""Times the default call of `sample` in one process: a part of default_call.py, which runs it.

    python default_call_timing.py OBSERVATIONS

reads observations from a file of JSON and calls `sample` on some of them, to import and to compile;
then with its defaults, and without posterior predictive and log likelihood, and prints seconds as
JSON. It needs what every version of the package has: NormalMixture and `sample`.
"""

import json
import resource
import sys
import time
from pathlib import Path

import pystan_mix as pmix


def cpu_seconds() -> float:
    """Return the processor's seconds of this process and of its children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main() -> None:
    """Print wall and processor seconds of each call."""
    y = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    model = pmix.NormalMixture(n_components=3)
    pmix.sample(model, y[:100], seed=1, show_progress=False)
    seconds: dict[str, tuple[float, float]] = {}
    for name, draws in {"defaults": None, "without predictive": 0}.items():
        began, used = time.perf_counter(), cpu_seconds()
        pmix.sample(model, y, seed=1, predictive_draws=draws, show_progress=False)
        seconds[name] = time.perf_counter() - began, cpu_seconds() - used
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
