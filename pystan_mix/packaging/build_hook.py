"""What hatchling runs when it builds a wheel: compiled programs go into it where that is wanted."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_SWITCH = "PYSTAN_MIX_PREBUILT"


class PrebuiltPrograms(BuildHookInterface[Any]):
    """Compile the Stan programs into a wheel if `$PYSTAN_MIX_PREBUILT` is 1."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile them, and say that the wheel is for this platform.

        Parameters
        ----------
        version : str
            What is built: ``standard`` or ``editable``, for which nothing is done.
        build_data : dict
            What the wheel is made of; it is added to.
        """
        if version != "standard" or os.environ.get(_SWITCH, "0") in ("", "0"):
            return
        # the sources that the wheel is made of, not what may be installed
        sys.path.insert(0, self.root)
        from pystan_mix.cmdstan.locate import find_cmdstan
        from pystan_mix.inference.programs import stan_programs
        from pystan_mix.packaging.portable import build_portable, platform_tag

        self._built = tempfile.TemporaryDirectory(prefix="pystan_mix-wheel-")
        folder = Path(self._built.name)
        programs = build_portable(stan_programs(), folder, find_cmdstan())
        for file in filter(Path.is_file, folder.rglob("*")):
            name = file.relative_to(folder).as_posix()
            build_data["force_include"][str(file)] = f"pystan_mix/prebuilt/{name}"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag(programs)}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove what was compiled; the wheel has it."""
        if hasattr(self, "_built"):
            self._built.cleanup()
