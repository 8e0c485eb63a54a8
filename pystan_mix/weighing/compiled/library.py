"""The C++ library of moves and likelihoods: compiled once into the user's cache, then loaded."""

import ctypes
import dataclasses
import functools
import hashlib
import os
import shlex
from collections.abc import Callable
from pathlib import Path

from pystan_mix.cmdstan.processes import Process, describe_exit, last_lines, run_processes
from pystan_mix.cmdstan.scratch import temporary_folder
from pystan_mix.console import say
from pystan_mix.errors import CompilationError, SettingsError
from pystan_mix.files import cache_dir, locked, written_whole
from pystan_mix.resources import resource_dir

SOURCE = Path(__file__).with_name("moves.cpp")
# no flag for the processor at hand: the library chooses as it runs; and none that would let the
# compiler reorder sums, which exp and log in it rely on
_FLAGS = (
    *("-std=c++17", "-O3", "-fPIC", "-shared", "-fno-exceptions", "-fno-rtti"),
    *("-fno-math-errno", "-fno-trapping-math"),
)
_MOST_PARAMETERS = 3


class CParameter(ctypes.Structure):
    """`Parameter` of model.hpp."""

    _fields_ = (
        ("role", ctypes.c_int32),
        ("space", ctypes.c_int32),
        ("prior", ctypes.c_int32),
        ("priors", ctypes.c_int32),
        ("elements", ctypes.c_int32),
        ("least", ctypes.c_void_p),
        ("spread", ctypes.c_void_p),
        ("each_prior", ctypes.c_void_p),
        ("values", ctypes.c_void_p),
    )


class CModel(ctypes.Structure):
    """`Model` of model.hpp."""

    _fields_ = (
        ("family", ctypes.c_int32),
        ("K", ctypes.c_int32),
        ("N", ctypes.c_int64),
        ("D", ctypes.c_int64),
        ("y", ctypes.c_void_p),
        ("lower", ctypes.c_void_p),
        ("upper", ctypes.c_void_p),
        ("count", ctypes.c_void_p),
        ("alpha", ctypes.c_void_p),
        ("concentration", ctypes.c_double),
        ("min_weight", ctypes.c_double),
        ("log_ratio", ctypes.c_double),
        ("shortest", ctypes.c_double),
        ("longest", ctypes.c_double),
        ("parameters", ctypes.c_int32),
        ("each", CParameter * _MOST_PARAMETERS),
    )


@dataclasses.dataclass(frozen=True)
class Library:
    """The functions of moves.cpp; each returns 0, or 1 where memory is short.

    Parameters
    ----------
    move, log_likelihoods, log_densities : callable
        As they are described there.
    """

    move: Callable[..., int]
    log_likelihoods: Callable[..., int]
    log_densities: Callable[..., int]


def compile_if_missing(*, show_progress: bool) -> None:
    """Compile the library where there is none that loads, before it is needed.

    Parameters
    ----------
    show_progress : bool
        Whether to say so on standard error, or why that cannot be.
    """
    if _there() is None:
        say(f"Compiling {SOURCE.name}: some seconds, once ...", wanted=show_progress)
        fault = _compiled_to_cache()
        say(
            f"{fault} Weighing goes on without, and takes longer.",
            wanted=show_progress and bool(fault),
        )


@functools.cache
def library() -> Library | None:
    """Return the library, compiling it where there is none; None where that cannot be.

    Returns
    -------
    Library or None
        None where there is no compiler, or what it makes does not load: NumPy
        does the same in ten times the time.
    """
    found = _there()
    if found is None:
        _compiled_to_cache()
        found = _loaded(_place_in_cache())
    return found


def _there() -> Library | None:
    """Return the library that the wheel brought, or that of the cache; None if neither loads."""
    return _loaded(resource_dir("prebuilt") / library_name()) or _loaded(_place_in_cache())


def _compiled_to_cache() -> str:
    """Compile the library into the cache, once; return why that cannot be, or nothing."""
    place = _place_in_cache()
    try:
        # of its own: a program takes minutes
        with locked(cache_dir() / "moves.lock"):
            if _loaded(place) is None:
                compile_library(place)
    except (CompilationError, SettingsError) as error:
        return str(error)
    return ""


def _place_in_cache() -> Path:
    """Return where the library that the compiler at hand makes belongs."""
    return cache_dir() / "programs" / library_name(made_by=" ".join(_compiler()))


def library_name(*, made_by: str = "") -> str:
    """Return a name for the library that changes with all that it is made of."""
    key = hashlib.sha256()
    for source in (SOURCE, *sorted(SOURCE.parent.glob("*.hpp"))):
        key.update(source.read_bytes())
    key.update(f"{' '.join(_FLAGS)}{made_by}{os.uname().machine}".encode())
    return f"moves-{key.hexdigest()[:16]}.so"


def compile_library(place: Path, *, flags: tuple[str, ...] = ()) -> None:
    """Compile the library.

    Parameters
    ----------
    place : pathlib.Path
        Where it goes.
    flags : tuple of str, default ()
        Further flags of the compiler.

    Raises
    ------
    CompilationError
        If there is no compiler, or it fails.
    SettingsError
        If the library cannot be written.
    """
    with temporary_folder() as folder, written_whole(place) as partial:
        argv = (*_compiler(), *_FLAGS, str(SOURCE), *flags, "-o", str(partial))
        log = folder / "compiler.log"
        environment = {"TMPDIR": str(folder)}
        try:
            (made,) = run_processes(
                [Process(argv=argv, log=log, cwd=folder, environment=environment)], parallel=1
            )
        except OSError as error:
            raise CompilationError(f"{argv[0]} cannot be run: {error.strerror}.") from error
        if made is None or made.returncode != 0:
            ending = describe_exit(made.returncode) if made else "was stopped"
            raise CompilationError(
                f"{SOURCE.name} did not compile: {argv[0]} {ending}.\n{last_lines(log)}"
            )


def _compiler() -> list[str]:
    """Return the compiler that CmdStan's makefiles take as well."""
    default = "clang++" if os.uname().sysname == "Darwin" else "g++"
    return shlex.split(os.environ.get("CXX", default)) or [default]


def _loaded(path: Path) -> Library | None:
    """Load a library; return None if there is none, it does not load, or is not ours."""
    try:
        found = ctypes.CDLL(str(path))
        size, move = found.model_size, found.move
        log_likelihoods, log_densities = found.log_likelihoods, found.log_densities
    except (OSError, AttributeError):
        return None
    size.argtypes, size.restype = (), ctypes.c_int64
    if size() != ctypes.sizeof(CModel):
        return None
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    move.argtypes = (
        *(ctypes.POINTER(CModel), number, ctypes.c_double, ctypes.c_int32, ctypes.c_uint64),
        *(pointer, pointer, pointer),
    )
    for each in (log_likelihoods, log_densities):
        each.argtypes = (ctypes.POINTER(CModel), number, pointer, pointer)
    return Library(move, log_likelihoods, log_densities)
