"""The C++ library: compiled once, anew where it does not load, left out where it cannot be."""

from pathlib import Path

import numpy as np
import pytest

import pystan_mix as pmix
from pystan_mix.errors import CompilationError
from pystan_mix.mixtures.target import target_of
from pystan_mix.weighing.annealing.moves import NumpyMoves
from pystan_mix.weighing.compiled.library import (
    compile_if_missing,
    compile_library,
    library,
    library_name,
)
from pystan_mix.weighing.compiled.moves import moves_for


@pytest.fixture
def empty_cache(nothing_prebuilt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A cache folder, whose name has a space, with nothing in it."""
    monkeypatch.setenv("PYSTAN_MIX_CACHE", str(tmp_path / "a cache"))
    library.cache_clear()
    yield tmp_path / "a cache"
    library.cache_clear()


def only_file(cache: Path) -> Path:
    (found,) = (cache / "programs").iterdir()
    return found


def test_it_is_compiled_once(empty_cache, capfd):
    compile_if_missing(show_progress=True)
    assert "Compiling moves.cpp" in capfd.readouterr().err
    made = only_file(empty_cache).stat().st_mtime_ns
    compile_if_missing(show_progress=True)
    assert library() is not None
    assert capfd.readouterr().err == ""
    assert only_file(empty_cache).stat().st_mtime_ns == made


def test_what_does_not_load_is_compiled_anew(empty_cache, monkeypatch, tmp_path):
    assert library() is not None
    name = only_file(empty_cache).name
    # in a folder of its own: what is loaded is known by its path
    other = tmp_path / "another"
    (other / "programs").mkdir(parents=True)
    (other / "programs" / name).write_bytes(b"no library")
    monkeypatch.setenv("PYSTAN_MIX_CACHE", str(other))
    library.cache_clear()
    assert library() is not None
    assert only_file(other).stat().st_size > 1000


@pytest.mark.parametrize("compiler", ["no-such-compiler", "false"])
def test_without_a_compiler_numpy_moves(empty_cache, monkeypatch, capfd, compiler):
    monkeypatch.setenv("CXX", compiler)
    compile_if_missing(show_progress=True)
    assert "Weighing goes on without" in capfd.readouterr().err
    assert library() is None
    target = target_of(pmix.NormalMixture(n_components=2), np.arange(5.0))
    assert isinstance(moves_for(target), NumpyMoves)
    assert not list(empty_cache.glob("programs/*"))


def test_what_does_not_compile_says_so(tmp_path):
    with pytest.raises(CompilationError, match="no-such-library"):
        compile_library(tmp_path / "moves.so", flags=("-lno-such-library",))
    assert list(tmp_path.iterdir()) == []


def test_its_name_follows_the_compiler():
    assert library_name(made_by="g++") != library_name(made_by="clang++")
