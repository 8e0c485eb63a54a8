"""A Stan program: its text, and the executable of it that a wheel may bring."""

import dataclasses
import hashlib
import os
import re
import shutil
from pathlib import Path

from pystan_mix.cmdstan.executable import executable_fault
from pystan_mix.cmdstan.locate import MODEL_HEADER
from pystan_mix.resources import resource_dir

_INCLUDE = re.compile(r"^\s*#include\s+(\S+)", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Program:
    """A Stan program, and where it finds what it includes.

    Parameters
    ----------
    path : pathlib.Path
        The program; its name without the ending is the executable's.
    include_dirs : tuple of pathlib.Path, default ()
        Where what it includes is looked for, in this order.
    header : pathlib.Path, optional
        A C++ header with the functions that the program only declares.
    """

    path: Path
    include_dirs: tuple[Path, ...] = ()
    header: Path | None = None

    @property
    def name(self) -> str:
        """The program's name."""
        return self.path.stem

    def included(self) -> tuple[Path, ...]:
        """Return the files that it and its header include, at whatever depth, and the header."""
        header = () if self.header is None else (self.header,)
        found: dict[str, Path] = {}
        waiting = [self.path, *header]
        while waiting:
            for quoted in _INCLUDE.findall(waiting.pop().read_text(encoding="utf-8")):
                name = quoted.strip('"')  # as C++ has it
                there = (folder / name for folder in self.include_dirs)
                file = next((path for path in there if path.is_file()), None)
                if file is not None and name not in found:
                    found[name] = file
                    waiting.append(file)
        return (*(found[name] for name in sorted(found)), *header)

    def keyed_name(self, *settings: Path, made_by: str = "") -> str:
        """Return a name for its executable that changes with all that it is made of.

        Parameters
        ----------
        *settings : pathlib.Path
            Other files that it is made of.
        made_by : str, default ""
            What compiles it.

        Returns
        -------
        str
            Its name and 16 hexadecimal digits.
        """
        key = hashlib.sha256()
        for source in (self.path, *self.included(), *settings):
            key.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
        key.update(f"{made_by}{os.uname().machine}".encode())
        return f"{self.name}-{key.hexdigest()[:16]}"

    def prebuilt(self) -> Path | None:
        """Return its executable where the wheel brought one; whether it starts is not asked."""
        path = resource_dir("prebuilt") / self.keyed_name()
        return path if os.path.lexists(path) else None


@dataclasses.dataclass(frozen=True)
class LaidOut:
    """A program and what it includes in a folder, where make is to compile it.

    Parameters
    ----------
    executable : pathlib.Path
        The program's name without its ending, which is the executable's.
    include : pathlib.Path
        The folder of what it includes.
    header : pathlib.Path or None
        The copy of its C++ header there.
    """

    executable: Path
    include: Path
    header: Path | None

    @property
    def stanc_flags(self) -> str:
        """What stanc is called with."""
        return f"--include-paths={self.include}" + (" --allow-undefined" if self.header else "")

    @property
    def first_included(self) -> str:
        """What the compiler is to include first: a precompiled header is taken only there."""
        return f"-include {MODEL_HEADER}" if self.header else ""

    def rules(self) -> str:
        """Return rules by which make compiles it while parts of CmdStan are built.

        CmdStan's own compile nothing of a program before all its parts are there.
        """
        stem = self.executable
        included = f"{self.first_included} -include {self.header}" if self.header else ""
        return f"""\
{stem}.hpp: STANCFLAGS = {self.stanc_flags}
{stem}.o: CXXFLAGS_PROGRAM += {included}
{stem}.o: {stem}.hpp
\t$(COMPILE.cpp) $(CXXFLAGS_PROGRAM) -x c++ -o $@ $<
{stem}: {stem}.o $(CMDSTAN_MAIN_O) $(LIBSUNDIALS) $(MPI_TARGETS) $(TBB_TARGETS)
\t$(LINK.cpp) $^ $(LDLIBS) $(OUTPUT_OPTION)
"""


def laid_out(program: Program, folder: Path) -> LaidOut:
    """Copy a program to a folder of its own, which is made, and what it includes to one in that."""
    # apart from the program: stanc writes a header of the program's name beside it
    include = folder / "include"
    include.mkdir(parents=True)
    shutil.copy(program.path, folder)
    for source in program.included():
        shutil.copy(source, include)
    header = None if program.header is None else include / program.header.name
    return LaidOut(folder / program.name, include, header)


def prebuilt_fault(program: Program) -> str:
    """Say why the executable that the wheel brought cannot be used; nothing if there is none."""
    path = program.prebuilt()
    fault = "" if path is None else executable_fault(path)
    return fault and f"{path} came with the package, but {fault}."
