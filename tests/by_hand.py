"""CmdStan as a user runs it on a program and a data block, in a folder of one's own."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pystan_mix.cmdstan.compile import compiled
from pystan_mix.inference.programs import stan_program


def sampled_by_hand(
    program: str, data: Mapping[str, Any], folder: Path, *, num_samples: int, num_warmup: int
) -> None:
    """Leave ``data.json`` and ``chain-1.csv`` in a folder."""
    (folder / "data.json").write_text(json.dumps(data))
    (executable,) = compiled(stan_program(program), show_progress=False)
    command = [executable, "sample", f"num_samples={num_samples}", f"num_warmup={num_warmup}"]
    command += ["data", "file=data.json", "random", "seed=1", "output", "file=chain-1.csv"]
    subprocess.run([*command, "sig_figs=17"], cwd=folder, check=True, capture_output=True)
